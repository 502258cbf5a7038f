//! Putting posted events into the bucket: a chunk for each post.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use chrono::{DateTime, Utc};

use crate::error::StorageError;

/// How long a post may take to be stored: below the 25 s of the function, so that it is answered in any case.
const STORE_TIMEOUT: Duration = Duration::from_secs(20);

/// How often a put is tried while another one of the same key is under way.
const CONFLICT_ATTEMPTS_MAX: u32 = 10;

/// How long is waited between these tries.
const CONFLICT_PAUSE: Duration = Duration::from_millis(100);

const JSON_LINES: &str = "application/x-ndjson";

/// The metadata that tells the post of a chunk from another one with the same key.
const BODY_HASH: &str = "body-hash";
/// The metadata that says when the post came.
const RECEIVED_AT: &str = "received-at";

/// The bucket that posted events are put into.
#[derive(Clone, Debug)]
pub struct EventBucket {
    /// The S3 client.
    pub client: Client,
    /// The name of the bucket.
    pub name: String,
}

/// What tells a post from another one that has the same idempotency key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Post {
    /// A hash of its body.
    pub body_hash: String,
    /// When it came; what is kept of it are whole milliseconds.
    pub received_at: DateTime<Utc>,
}

/// What became of a chunk that may be put only once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PutOnce {
    /// It is stored.
    Stored,
    /// One was stored under this key before, and stays as it is.
    Known(Post),
}

/// Where posted events are stored: the bucket, or what a test has in its place.
pub trait EventStore: Sync {
    /// Stores a chunk under a key that no other chunk has.
    ///
    /// **Errors**: [`StorageError`]; a retry helps where it says so. The chunk may be stored all the same.
    fn put(&self, key: &str, lines: Vec<u8>) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Stores a chunk, unless there is one under its key.
    ///
    /// **Guarantees**: of all chunks under a key, put at once or one after the other, exactly one is stored.
    ///
    /// **Errors**: as [`EventStore::put`].
    fn put_once(
        &self,
        key: &str,
        lines: Vec<u8>,
        post: &Post,
    ) -> impl Future<Output = Result<PutOnce, StorageError>> + Send;
}

impl EventStore for EventBucket {
    async fn put(&self, key: &str, lines: Vec<u8>) -> Result<(), StorageError> {
        let put = self.client.put_object().bucket(&self.name).key(key).content_type(JSON_LINES);
        let sent = in_time(put.body(ByteStream::from(lines)).send()).await?;
        sent.map_err(|error| StorageError::from_sdk("PutObject of posted events", error))?;
        Ok(())
    }

    async fn put_once(&self, key: &str, lines: Vec<u8>, post: &Post) -> Result<PutOnce, StorageError> {
        in_time(self.put_or_find(key, lines, post)).await?
    }
}

impl EventBucket {
    async fn put_or_find(&self, key: &str, lines: Vec<u8>, post: &Post) -> Result<PutOnce, StorageError> {
        // Copies of it share the bytes.
        let lines = aws_sdk_s3::primitives::SdkBody::from(lines);
        let mut attempt = 1;
        loop {
            let body = lines.try_clone().map(ByteStream::new).unwrap_or_default();
            let put = self.client.put_object().bucket(&self.name).key(key).content_type(JSON_LINES).body(body);
            let Err(error) = put.if_none_match("*").set_metadata(Some(metadata(post))).send().await else {
                return Ok(PutOnce::Stored);
            };
            match status(&error) {
                Some(412) => return self.find(key).await.map(PutOnce::Known),
                // Another put of this key is under way.
                Some(409) if attempt < CONFLICT_ATTEMPTS_MAX => tokio::time::sleep(CONFLICT_PAUSE).await,
                _ => return Err(StorageError::from_sdk("PutObject of posted events", error)),
            }
            attempt += 1;
        }
    }

    async fn find(&self, key: &str) -> Result<Post, StorageError> {
        let head = self.client.head_object().bucket(&self.name).key(key).send().await;
        let output = head.map_err(|error| StorageError::from_sdk("HeadObject of posted events", error))?;
        output.metadata().and_then(post_of).ok_or_else(|| StorageError::Malformed {
            row: format!("of the object {key}"),
            reason: format!("it has no metadata {BODY_HASH} and {RECEIVED_AT}"),
        })
    }
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

fn metadata(post: &Post) -> HashMap<String, String> {
    HashMap::from([
        (BODY_HASH.to_string(), post.body_hash.clone()),
        (RECEIVED_AT.to_string(), post.received_at.timestamp_millis().to_string()),
    ])
}

fn post_of(metadata: &HashMap<String, String>) -> Option<Post> {
    let received_at = DateTime::from_timestamp_millis(metadata.get(RECEIVED_AT)?.parse().ok()?)?;
    Some(Post { body_hash: metadata.get(BODY_HASH)?.clone(), received_at })
}

async fn in_time<T>(storing: impl Future<Output = T>) -> Result<T, StorageError> {
    tokio::time::timeout(STORE_TIMEOUT, storing).await.map_err(|_| StorageError::Unavailable {
        call: "PutObject of posted events",
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
        assert_eq!(post_of(&metadata(&post)), Some(post.clone()));
        let mut other = metadata(&post);
        other.insert(RECEIVED_AT.to_string(), "yesterday".to_string());
        assert_eq!(post_of(&other), None);
        assert_eq!(post_of(&HashMap::new()), None);
    }
}
