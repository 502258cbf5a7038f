//! Storing posted events and stream batches in the bucket: a chunk for each post, and for each
//! batch of a stream.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use chrono::DateTime;
use minutebook_domain::chunk::precheck::RejectedLine;
use minutebook_domain::event::reason::Reason;

use crate::error::StorageError;
use crate::retry::Backoff;

/// How long storing a chunk may take: less than the 25 s of collect, so that a post is always
/// answered.
const STORE_TIMEOUT: Duration = Duration::from_secs(20);

/// The attempts of a put while another one of the same key is in progress.
const CONFLICT_ATTEMPTS_MAX: u32 = 10;

const JSON_LINES: &str = "application/x-ndjson";

/// The metadata that distinguishes the post of a chunk from another one with the same key.
const CONTENT_HASH: &str = "body-hash";
/// The metadata with the number of the accepted lines.
const ACCEPTED: &str = "accepted";
/// The metadata with the number of the rejected lines, and those that the answer lists.
const REJECTED: &str = "rejected";

/// The rejected lines that a post lists at most. Whatever their reasons are, they fit into the 2 KB
/// that S3 allows for the metadata of an object, so that one put stores a chunk and its answer.
///
/// **Source**: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
pub const REJECTED_LISTED_MAX: usize = 50;

/// The bucket of events.
#[derive(Clone, Debug)]
pub struct EventBucket {
    /// The S3 client.
    pub client: Client,
    /// The name of the bucket.
    pub name: String,
}

/// A post that is known again: what distinguishes it from another one with the same idempotency key,
/// and what became of its lines, which is its answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Post {
    /// A hash of its body or, if it is known by the ids of its events, of these and what they add.
    pub content_hash: String,
    /// The number of accepted lines.
    pub accepted_lines: u64,
    /// The first rejected lines, ascending; at most [`REJECTED_LISTED_MAX`].
    pub rejected: Vec<RejectedLine>,
    /// The number of rejected lines, listed or not.
    pub rejected_lines: u64,
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
            (CONTENT_HASH.to_string(), self.content_hash.clone()),
            (ACCEPTED.to_string(), self.accepted_lines.to_string()),
            (REJECTED.to_string(), rejected_text(self.rejected_lines, &self.rejected)),
        ])
    }

    fn of(metadata: &HashMap<String, String>) -> Option<Post> {
        let (rejected_lines, rejected) = read_rejected(metadata.get(REJECTED)?)?;
        Some(Post {
            content_hash: metadata.get(CONTENT_HASH)?.clone(),
            accepted_lines: metadata.get(ACCEPTED)?.parse().ok()?,
            rejected,
            rejected_lines,
        })
    }
}

/// How many lines are rejected, and the listed ones by their reason, which is shorter than one by
/// one: `5 missing:timestamp=2,7 not_json=4 missing:price=9.3 future=8@1798761600`, where `9.3` is
/// the third element of the `events` of line 9, and the time of line 8 was taken for that second.
fn rejected_text(rejected_lines: u64, rejected: &[RejectedLine]) -> String {
    let mut by_reason: BTreeMap<Reason, Vec<String>> = BTreeMap::new();
    for line in rejected {
        let mut position = match line.event {
            Some(event) => format!("{}.{event}", line.number),
            None => line.number.to_string(),
        };
        if let Some(time) = line.time {
            position += &format!("@{}", time.timestamp());
        }
        by_reason.entry(line.reason).or_default().push(position);
    }
    let mut text = rejected_lines.to_string();
    for (reason, numbers) in by_reason {
        text += &format!(" {reason}={}", numbers.join(","));
    }
    text
}

fn read_rejected(text: &str) -> Option<(u64, Vec<RejectedLine>)> {
    let mut words = text.split(' ');
    let rejected_lines = words.next()?.parse().ok()?;
    let mut rejected = vec![];
    for word in words {
        let (reason, numbers) = word.split_once('=')?;
        let reason = Reason::parse(reason)?;
        for position in numbers.split(',') {
            let (position, time) = match position.split_once('@') {
                Some((position, time)) => {
                    (position, Some(DateTime::from_timestamp(time.parse().ok()?, 0)?))
                }
                None => (position, None),
            };
            let (number, event) = match position.split_once('.') {
                Some((number, event)) => (number, Some(event.parse().ok()?)),
                None => (position, None),
            };
            rejected.push(RejectedLine { number: number.parse().ok()?, event, reason, time });
        }
    }
    rejected.sort_unstable_by_key(|line| (line.number, line.event));
    Some((rejected_lines, rejected))
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
    use minutebook_domain::event::reason::Field;

    /// All reasons that a line can be rejected for.
    fn reasons() -> Vec<Reason> {
        let own = [
            Reason::TooLong,
            Reason::NotUtf8,
            Reason::NotJson,
            Reason::TooDeep,
            Reason::NotObject,
            Reason::UnknownType,
            Reason::Future,
        ];
        let of_fields = Field::ALL.map(|field| [Reason::Missing(field), Reason::Invalid(field)]);
        own.into_iter().chain(of_fields.concat()).collect()
    }

    /// A post with the longest list of rejected lines that a body of 32 MiB can have.
    fn post() -> Post {
        let last_line = 32 << 20;
        let last_second = DateTime::from_timestamp(253_402_300_799, 0);
        let numbers = last_line - REJECTED_LISTED_MAX as u64 + 1..=last_line;
        let rejected =
            numbers.zip(reasons().into_iter().cycle()).map(|(number, reason)| RejectedLine {
                number,
                event: Some(131_072),
                reason,
                time: last_second.filter(|_| reason == Reason::Future),
            });
        Post {
            content_hash: "ab".repeat(32),
            accepted_lines: last_line,
            rejected: rejected.collect(),
            rejected_lines: last_line,
        }
    }

    #[test]
    fn a_post_is_read_back_from_the_metadata_of_its_chunk() {
        let none = Post { rejected: vec![], rejected_lines: 0, ..post() };
        for post in [post(), none] {
            assert_eq!(Post::of(&post.metadata()), Some(post));
        }
        let rejected = [
            (2, None, Reason::Missing(Field::Timestamp), None),
            (4, None, Reason::NotJson, None),
            (8, None, Reason::Future, DateTime::from_timestamp(1_798_761_600, 0)),
            (9, Some(3), Reason::NotJson, None),
        ]
        .map(|(number, event, reason, time)| RejectedLine { number, event, reason, time });
        let text = "4 not_json=4,9.3 future=8@1798761600 missing:timestamp=2";
        assert_eq!(rejected_text(4, &rejected), text);
        assert_eq!(read_rejected(text), Some((4, rejected.to_vec())));
        // Builds before wrote no times.
        let without = RejectedLine { time: None, ..rejected[2] };
        assert_eq!(read_rejected("1 future=8"), Some((1, vec![without])));
        for broken in
            ["", "x", "1 not_json", "1 not_json=", "1 wrong=1", "1 not_json=1  ", "1 future=1@"]
        {
            let mut metadata = post().metadata();
            metadata.insert(REJECTED.to_string(), broken.to_string());
            assert_eq!(Post::of(&metadata), None, "{broken}");
        }
        assert_eq!(Post::of(&HashMap::new()), None);
    }

    #[test]
    fn the_longest_post_fits_into_the_metadata_of_an_object() {
        const METADATA_BYTES_MAX: usize = 2_048;
        let longest = post();
        let time = longest.rejected.iter().find_map(|line| line.time);
        // Either all reasons, or all lines with their time.
        let future = longest.rejected.iter().map(|line| RejectedLine {
            reason: Reason::Future,
            time,
            ..*line
        });
        for post in [Post { rejected: future.collect(), ..longest.clone() }, longest] {
            let metadata = post.metadata();
            let bytes =
                |(name, value): (&String, &String)| "x-amz-meta-".len() + name.len() + value.len();
            let size: usize = metadata.iter().map(bytes).sum();
            assert!(size <= METADATA_BYTES_MAX, "{size} bytes: {metadata:?}");
        }
    }
}
