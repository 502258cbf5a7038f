//! Writing rejected lines: one object beside each chunk that has any.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use crate::error::StorageError;

/// The bytes that are held in memory before they are sent as a part of a multipart upload. S3
/// accepts parts of at least 5 MiB, and 10,000 of them: 78 GiB, more than a chunk can unpack to.
///
/// **Source**: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART_BYTES: usize = 8 * 1024 * 1024;

const JSON_LINES: &str = "application/x-ndjson";

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
        RejectedLines {
            client,
            bucket,
            key: format!("{key}.rejected.jsonl"),
            waiting: vec![],
            upload: None,
        }
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

    /// Completes the object, if there are any lines. Once it has succeeded, there is nothing left
    /// to abandon.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn finish(&mut self) -> Result<(), StorageError> {
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
        if self.waiting.is_empty() {
            return Ok(());
        }
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
