//! Storing posted events and stream batches in the bucket: a chunk for each post, and for each
//! batch of a stream.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use chrono::{DateTime, Utc};

use crate::error::StorageError;
use crate::retry::Backoff;

/// How long storing a chunk may take: less than the 25 s of collect, so that a post is always
/// answered.
const STORE_TIMEOUT: Duration = Duration::from_secs(20);

/// The attempts of a put while another one of the same key is in progress.
const CONFLICT_ATTEMPTS_MAX: u32 = 10;

const JSON_LINES: &str = "application/x-ndjson";

/// The metadata that distinguishes the post of a chunk from another one with the same key.
const BODY_HASH: &str = "body-hash";
/// The metadata with the time of the post.
const RECEIVED_AT: &str = "received-at";

/// The bucket of events.
#[derive(Clone, Debug)]
pub struct EventBucket {
    /// The S3 client.
    pub client: Client,
    /// The name of the bucket.
    pub name: String,
}

/// What distinguishes a post from another one with the same idempotency key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Post {
    /// A hash of its body.
    pub body_hash: String,
    /// When it was received, in whole milliseconds.
    pub received_at: DateTime<Utc>,
}

/// What a chunk that may be put only once says about itself, for a later put under the same key.
pub trait Label: Sized + Send + Sync {
    /// The name of the call in errors.
    const CALL: &'static str;

    /// As the metadata of the object.
    fn metadata(&self) -> HashMap<String, String>;

    /// From the metadata of an object; `None` if it is not of this kind.
    fn of(metadata: &HashMap<String, String>) -> Option<Self>;
}

/// The result of putting a chunk that may be put only once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PutOnce<L> {
    /// It is stored.
    Stored,
    /// A chunk was stored under this key before, and stays as it is.
    Known(L),
}

/// Where events are stored: the bucket, or a stand-in for it in tests.
pub trait EventStore: Sync {
    /// Stores a chunk under a key that no other chunk has.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`]. The chunk may be stored nevertheless.
    fn put(
        &self,
        key: &str,
        lines: Vec<u8>,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Stores a chunk, unless its key is taken.
    ///
    /// **Guarantees**: of all chunks under a key, put concurrently or in succession, exactly one is
    /// stored.
    ///
    /// # Errors
    /// As [`EventStore::put`]; and [`StorageError::Malformed`] if the stored object has no label of
    /// this kind.
    fn put_once<L: Label>(
        &self,
        key: &str,
        lines: Vec<u8>,
        label: &L,
    ) -> impl Future<Output = Result<PutOnce<L>, StorageError>> + Send;
}

impl Label for Post {
    const CALL: &'static str = "PutObject of posted events";

    fn metadata(&self) -> HashMap<String, String> {
        HashMap::from([
            (BODY_HASH.to_string(), self.body_hash.clone()),
            (RECEIVED_AT.to_string(), self.received_at.timestamp_millis().to_string()),
        ])
    }

    fn of(metadata: &HashMap<String, String>) -> Option<Post> {
        let received_at =
            DateTime::from_timestamp_millis(metadata.get(RECEIVED_AT)?.parse().ok()?)?;
        Some(Post { body_hash: metadata.get(BODY_HASH)?.clone(), received_at })
    }
}

impl EventStore for EventBucket {
    async fn put(&self, key: &str, lines: Vec<u8>) -> Result<(), StorageError> {
        let put = self.client.put_object().bucket(&self.name).key(key).content_type(JSON_LINES);
        let sent = in_time(Post::CALL, put.body(ByteStream::from(lines)).send()).await?;
        sent.map_err(|error| StorageError::from_sdk(Post::CALL, error))?;
        Ok(())
    }

    async fn put_once<L: Label>(
        &self,
        key: &str,
        lines: Vec<u8>,
        label: &L,
    ) -> Result<PutOnce<L>, StorageError> {
        in_time(L::CALL, self.put_or_find(key, lines, label)).await?
    }
}

impl EventBucket {
    async fn put_or_find<L: Label>(
        &self,
        key: &str,
        lines: Vec<u8>,
        label: &L,
    ) -> Result<PutOnce<L>, StorageError> {
        // Clones share the bytes.
        let lines = aws_sdk_s3::primitives::SdkBody::from(lines);
        let mut backoff = Backoff::new();
        loop {
            let body = lines.try_clone().map(ByteStream::new).unwrap_or_default();
            let put = self
                .client
                .put_object()
                .bucket(&self.name)
                .key(key)
                .content_type(JSON_LINES)
                .body(body);
            let Err(error) =
                put.if_none_match("*").set_metadata(Some(label.metadata())).send().await
            else {
                return Ok(PutOnce::Stored);
            };
            match status(&error) {
                Some(412) => return self.find(key).await.map(PutOnce::Known),
                // Another put of this key is in progress.
                Some(409) if backoff.is_below(CONFLICT_ATTEMPTS_MAX) => backoff.pause().await,
                _ => return Err(StorageError::from_sdk(L::CALL, error)),
            }
        }
    }

    async fn find<L: Label>(&self, key: &str) -> Result<L, StorageError> {
        let head = self.client.head_object().bucket(&self.name).key(key).send().await;
        let output =
            head.map_err(|error| StorageError::from_sdk("HeadObject of stored events", error))?;
        output.metadata().and_then(L::of).ok_or_else(|| StorageError::Malformed {
            row: format!("of the object {key}"),
            reason: format!("its metadata was not written by {}", L::CALL),
        })
    }
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

async fn in_time<T>(
    call: &'static str,
    storing: impl Future<Output = T>,
) -> Result<T, StorageError> {
    tokio::time::timeout(STORE_TIMEOUT, storing).await.map_err(|_| StorageError::Unavailable {
        call,
        reason: format!("it took longer than {} s", STORE_TIMEOUT.as_secs()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_is_read_back_from_the_metadata_of_its_chunk() {
        let received_at = DateTime::from_timestamp_millis(1_795_216_079_123).expect("in range");
        let post = Post { body_hash: "ab".to_string(), received_at };
        assert_eq!(Post::of(&post.metadata()), Some(post.clone()));
        let mut other = post.metadata();
        other.insert(RECEIVED_AT.to_string(), "yesterday".to_string());
        assert_eq!(Post::of(&other), None);
        assert_eq!(Post::of(&HashMap::new()), None);
    }
}
