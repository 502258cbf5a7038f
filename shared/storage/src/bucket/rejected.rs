//! Writing rejected lines: one object beside each chunk that has any.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use crate::bucket::retention;
use crate::error::StorageError;

/// The bytes that are held in memory before they are sent as a part of a multipart upload. S3
/// accepts parts of at least 5 MiB, and 10,000 of them: 78 GiB, more than a chunk can unpack to.
///
/// **Source**: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART_BYTES: usize = 8 * 1024 * 1024;

const JSON_LINES: &str = "application/x-ndjson";

/// The longest key that S3 accepts, in bytes.
///
/// **Source**: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const KEY_BYTES_MAX: usize = 1024;

/// The bytes of a long key that the name of its rejected lines begins with.
const START_BYTES_MAX: usize = 900;

/// What the names of rejected lines end with, except those of long keys.
const SUFFIX: &str = ".rejected.jsonl";

/// What the names of long keys' rejected lines end with. As it does not end with [`SUFFIX`], none
/// of these names is that of another key.
const SUFFIX_OF_LONG_KEYS: &str = ".rejected-lines.jsonl";

/// The object of rejected lines of a chunk, while the chunk is being read.
///
/// Nothing is visible in the bucket before [`RejectedLines::finish`], and putting the same lines
/// again changes nothing. An attempt that dies leaves at most an upload, which the bucket's
/// lifecycle rule removes.
#[derive(Debug)]
pub struct RejectedLines<'a> {
    client: &'a Client,
    bucket: &'a str,
    key: String,
    waiting: Vec<u8>,
    upload: Option<Upload>,
}

#[derive(Debug)]
struct Upload {
    id: String,
    parts: Vec<CompletedPart>,
}

impl<'a> RejectedLines<'a> {
    pub(crate) fn new(client: &'a Client, bucket: &'a str, key: &str) -> RejectedLines<'a> {
        RejectedLines { client, bucket, key: name(key), waiting: vec![], upload: None }
    }

    /// Adds lines, and sends them once there are enough for a part.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn write(&mut self, lines: Vec<u8>) -> Result<(), StorageError> {
        if self.waiting.is_empty() {
            self.waiting = lines;
        } else {
            self.waiting.extend_from_slice(&lines);
        }
        if self.waiting.len() >= PART_BYTES { self.send_part().await } else { Ok(()) }
    }

    /// Completes the object, if there are any lines, to be kept for so many days, or for ever. Once
    /// it has succeeded, there is nothing left to abandon.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn finish(&mut self, days_kept: Option<u32>) -> Result<(), StorageError> {
        if self.upload.is_none() && self.waiting.is_empty() {
            return Ok(());
        }
        self.complete().await?;
        match days_kept {
            Some(days) => retention::limit(self.client, self.bucket, &self.key, None, days).await,
            None => Ok(()),
        }
    }

    async fn complete(&mut self) -> Result<(), StorageError> {
        if self.upload.is_none() {
            return self.put_whole().await;
        }
        if !self.waiting.is_empty() {
            self.send_part().await?;
        }
        let Some(upload) = &self.upload else {
            return Ok(());
        };
        let parts =
            CompletedMultipartUpload::builder().set_parts(Some(upload.parts.clone())).build();
        self.client
            .complete_multipart_upload()
            .bucket(self.bucket)
            .key(&self.key)
            .upload_id(&upload.id)
            .multipart_upload(parts)
            .send()
            .await
            .map_err(|error| {
                StorageError::from_sdk("CompleteMultipartUpload of rejected lines", error)
            })?;
        self.upload = None;
        Ok(())
    }

    /// Drops what was written, because the chunk is counted already or could not be read to its
    /// end.
    ///
    /// # Errors
    /// [`StorageError`]; nothing depends on it, because the bucket's lifecycle rule does the same
    /// later.
    pub async fn abandon(self) -> Result<(), StorageError> {
        let Some(upload) = self.upload else {
            return Ok(());
        };
        self.client
            .abort_multipart_upload()
            .bucket(self.bucket)
            .key(&self.key)
            .upload_id(upload.id)
            .send()
            .await
            .map_err(|error| {
                StorageError::from_sdk("AbortMultipartUpload of rejected lines", error)
            })?;
        Ok(())
    }

    async fn put_whole(&mut self) -> Result<(), StorageError> {
        self.client
            .put_object()
            .bucket(self.bucket)
            .key(&self.key)
            .content_type(JSON_LINES)
            .body(ByteStream::from(std::mem::take(&mut self.waiting)))
            .send()
            .await
            .map_err(|error| StorageError::from_sdk("PutObject of rejected lines", error))?;
        Ok(())
    }

    async fn send_part(&mut self) -> Result<(), StorageError> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => none.insert(begin_upload(self.client, self.bucket, &self.key).await?),
        };
        let number = i32::try_from(upload.parts.len() + 1).unwrap_or(i32::MAX);
        let answer = self
            .client
            .upload_part()
            .bucket(self.bucket)
            .key(&self.key)
            .upload_id(&upload.id)
            .part_number(number)
            .body(ByteStream::from(std::mem::take(&mut self.waiting)))
            .send()
            .await
            .map_err(|error| StorageError::from_sdk("UploadPart of rejected lines", error))?;
        upload
            .parts
            .push(CompletedPart::builder().part_number(number).set_e_tag(answer.e_tag).build());
        Ok(())
    }
}

/// The name of the rejected lines of the object under `key`.
///
/// **Guarantees**: it depends on the key alone, fits S3, and is no other key's name: that of a long
/// key has the key's BLAKE3.
fn name(key: &str) -> String {
    if key.len() + SUFFIX.len() <= KEY_BYTES_MAX {
        return format!("{key}{SUFFIX}");
    }
    let start = &key[..key.floor_char_boundary(START_BYTES_MAX)];
    let hash = blake3::hash(key.as_bytes()).to_hex();
    format!("{start}.{hash}{SUFFIX_OF_LONG_KEYS}")
}

async fn begin_upload(client: &Client, bucket: &str, key: &str) -> Result<Upload, StorageError> {
    let answer = client
        .create_multipart_upload()
        .bucket(bucket)
        .key(key)
        .content_type(JSON_LINES)
        .send()
        .await
        .map_err(|error| {
            StorageError::from_sdk("CreateMultipartUpload of rejected lines", error)
        })?;
    let id = answer.upload_id.ok_or_else(|| StorageError::Unavailable {
        call: "CreateMultipartUpload of rejected lines",
        reason: "the answer has no upload id".to_string(),
    })?;
    Ok(Upload { id, parts: vec![] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_name_is_the_key_and_what_it_holds() {
        for length in [1, 1000, 1009] {
            let key = "k".repeat(length);
            assert_eq!(name(&key), format!("{key}.rejected.jsonl"));
        }
    }

    #[test]
    fn the_name_of_a_long_key_fits_and_is_no_other_keys() {
        let long = "a".repeat(899) + "ä" + &"b".repeat(123);
        assert_eq!(long.len(), 1024);
        let hash = blake3::hash(long.as_bytes()).to_hex();
        let expected = format!("{}.{hash}.rejected-lines.jsonl", "a".repeat(899));
        assert_eq!(name(&long), expected);
        let mut keys: Vec<String> = (1000..=1024).map(|length| "k".repeat(length)).collect();
        keys.extend((1000..=1024).map(|length| "k".repeat(length - 1) + "l"));
        // Keys that look like names, of those that fit and of those that do not.
        keys.extend(keys.clone().iter().map(|key| name(key)));
        keys.extend(
            keys.clone().iter().filter_map(|key| key.strip_suffix(SUFFIX)).map(str::to_owned),
        );
        let keys: HashSet<String> = keys.into_iter().collect();
        let names: HashSet<String> = keys.iter().map(|key| name(key)).collect();
        assert_eq!(names.len(), keys.len());
        assert!(names.iter().all(|name| name.len() <= KEY_BYTES_MAX));
    }
}
