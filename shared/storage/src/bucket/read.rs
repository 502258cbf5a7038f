//! Reading chunks from the bucket.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use chrono::{DateTime, Utc};

use crate::bucket::rejected::RejectedLines;
use crate::bucket::retention::{self, Retention};
use crate::error::StorageError;

/// The member of an object's metadata (`x-amz-meta-anew`) with which it counts although the same
/// bytes may have been counted.
pub const ANEW: &str = "anew";

/// The buckets: chunks are read from the one that a notification names, rejected lines are written
/// to one of their own.
#[derive(Clone, Debug)]
pub struct Buckets {
    /// The S3 client.
    pub client: Client,
    /// The name of the bucket for rejected lines.
    pub rejected: String,
}

/// The object that a notification names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectRef {
    /// The bucket's name.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// The version, if the bucket keeps versions.
    pub version_id: Option<String>,
    /// The entity tag, without quotes. The read is conditional on it, so that it never returns
    /// bytes that were put later.
    pub etag: Option<String>,
}

/// The prefixes of the objects that the functions write, which nobody puts again.
const OWN_PREFIXES: [&str; 3] = ["collected/", "kafka/", "kinesis/"];

impl ObjectRef {
    /// Whether it is a file that somebody has uploaded.
    pub fn is_file(&self) -> bool {
        !OWN_PREFIXES.iter().any(|prefix| self.key.starts_with(prefix))
    }
}

/// An object that is about to be read.
#[derive(Debug)]
pub struct OpenObject {
    /// When it was put, in whole seconds.
    pub last_modified: DateTime<Utc>,
    /// Its stored size, or that of the range that was asked for.
    pub size_bytes: u64,
    /// Whether it says that it counts although the same bytes may have been counted.
    pub is_anew: bool,
    body: ByteStream,
    read_bytes: u64,
}

/// The result of opening an object.
#[derive(Debug)]
pub enum Opened {
    /// It exists.
    Object(OpenObject),
    /// It was deleted before it could be read.
    Gone,
    /// Other bytes were put under its key before it could be read; they have their own
    /// notification.
    Replaced,
}

impl Buckets {
    /// Opens an object for reading, once.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn open(&self, object: &ObjectRef) -> Result<Opened, StorageError> {
        self.open_range(object, None).await
    }

    /// Opens the first `bytes_max` bytes of an object that is not empty, or all if it has fewer.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn open_start(
        &self,
        object: &ObjectRef,
        bytes_max: u64,
    ) -> Result<Opened, StorageError> {
        let last = bytes_max.saturating_sub(1);
        self.open_range(object, Some(format!("bytes=0-{last}"))).await
    }

    /// Limits for how many days an object is kept. One that is gone is left alone.
    ///
    /// **Guarantees**: its other tags stay; repeating it changes nothing.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn limit_retention(&self, object: &ObjectRef, days: u32) -> Result<(), StorageError> {
        let ObjectRef { bucket, key, version_id, .. } = object;
        retention::limit(&self.client, bucket, key, version_id.as_deref(), days).await
    }

    /// How long a version of an object is kept.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn retention_of(&self, object: &ObjectRef) -> Result<Retention, StorageError> {
        let ObjectRef { bucket, key, version_id, .. } = object;
        retention::of(&self.client, bucket, key, version_id.as_deref()).await
    }

    async fn open_range(
        &self,
        object: &ObjectRef,
        range: Option<String>,
    ) -> Result<Opened, StorageError> {
        let answer = self
            .client
            .get_object()
            .bucket(&object.bucket)
            .key(&object.key)
            .set_version_id(object.version_id.clone())
            .set_if_match(object.etag.as_ref().map(|etag| format!("\"{etag}\"")))
            .set_range(range)
            .send()
            .await;
        let output = match answer {
            Ok(output) => output,
            Err(SdkError::ServiceError(context)) if is_gone(context.raw().status().as_u16()) => {
                return Ok(Opened::Gone);
            }
            Err(SdkError::ServiceError(context)) if context.raw().status().as_u16() == 412 => {
                return Ok(Opened::Replaced);
            }
            Err(error) => return Err(StorageError::from_sdk("GetObject", error)),
        };
        let missing = |what: &str| StorageError::Unavailable {
            call: "GetObject",
            reason: format!("the answer for {}/{} has no {what}", object.bucket, object.key),
        };
        let last_modified = output
            .last_modified()
            .and_then(|time| DateTime::from_timestamp(time.secs(), 0))
            .ok_or_else(|| missing("LastModified"))?;
        let size_bytes = output
            .content_length()
            .and_then(|length| u64::try_from(length).ok())
            .ok_or_else(|| missing("Content-Length"))?;
        let is_anew = output.metadata().is_some_and(|members| members.contains_key(ANEW));
        Ok(Opened::Object(OpenObject {
            last_modified,
            size_bytes,
            is_anew,
            body: output.body,
            read_bytes: 0,
        }))
    }

    /// The object of rejected lines for the chunk under `key`: `<key>.rejected.jsonl`, or a name
    /// with the start and the hash of a key that is too long for that.
    pub fn rejected_lines(&self, key: &str) -> RejectedLines<'_> {
        RejectedLines::new(&self.client, &self.rejected, key)
    }
}

/// 404: no such key or version; 405: the version is a delete marker.
fn is_gone(status: u16) -> bool {
    matches!(status, 404 | 405)
}

impl OpenObject {
    /// The next block of the object, or `None` at its end.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] if the connection broke or the body ended early; the object
    /// must be opened again.
    pub async fn next_block(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>, StorageError> {
        let broken = |reason: String| StorageError::Unavailable {
            call: "reading the body of GetObject",
            reason,
        };
        match self.body.try_next().await {
            Ok(Some(block)) => {
                self.read_bytes += block.len() as u64;
                Ok(Some(block))
            }
            Ok(None) if self.read_bytes < self.size_bytes => Err(broken(format!(
                "it ended after {} of {} bytes",
                self.read_bytes, self.size_bytes
            ))),
            Ok(None) => Ok(None),
            Err(error) => Err(broken(aws_sdk_s3::error::DisplayErrorContext(error).to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_functions_write_is_no_file() {
        let is_file = |key: &str| {
            let (bucket, key) = ("raw".to_string(), key.to_string());
            ObjectRef { bucket, key, version_id: None, etag: None }.is_file()
        };
        assert!(is_file("2026/11/20/events.jsonl") && is_file("x/collected/a.jsonl"));
        for key in ["collected/2026-11-20/08/4f.jsonl", "kafka/c/t/3/7.jsonl", "kinesis/s/0.jsonl"]
        {
            assert!(!is_file(key), "{key}");
        }
    }
}
