//! Lists and reads the objects of the bucket.

use anyhow::{Context as _, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use chrono::{DateTime, Utc};

use crate::stack::aws::explain;

/// One version of an object, as S3 lists it or as a notification names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// Absent in a bucket that keeps no versions.
    pub(crate) version: Option<String>,
    /// Without quotes. Other bytes that are later put under the same key have another tag.
    pub(crate) etag: Option<String>,
    pub(crate) size_bytes: Option<u64>,
    /// When it was put, or when the notification was sent.
    pub(crate) time: Option<DateTime<Utc>>,
}

/// An object that is open for reading.
pub(crate) struct OpenObject {
    /// When it was put, in whole seconds: the reference time of its events.
    pub(crate) last_modified: DateTime<Utc>,
    pub(crate) body: ByteStream,
}

impl Object {
    /// Its URL, for people.
    pub(crate) fn address(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.name())
    }

    /// Its name in the bucket, for people.
    pub(crate) fn name(&self) -> String {
        match &self.version {
            Some(version) => format!("{} (version {version})", self.key),
            None => self.key.clone(),
        }
    }

    /// Opens exactly this object; `None` if it was deleted or replaced.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) async fn open(&self, client: &Client) -> Result<Option<OpenObject>> {
        let get = client
            .get_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_version_id(self.version.clone())
            .set_if_match(self.etag.as_ref().map(|etag| format!("\"{etag}\"")));
        let answer = match get.send().await {
            Ok(answer) => answer,
            // 405: the version is a delete marker. 412: it has another tag.
            Err(error)
                if error
                    .raw_response()
                    .is_some_and(|answer| matches!(answer.status().as_u16(), 404 | 405 | 412)) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(explain(format!("cannot read {}", self.address()), error)),
        };
        let last_modified = last_modified(&answer)
            .with_context(|| format!("S3 does not say when {} was put", self.address()))?;
        Ok(Some(OpenObject { last_modified, body: answer.body }))
    }

    /// The BLAKE3 of its bytes in hex, which is part of the chunk id; `None` if it was deleted or
    /// replaced.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) async fn content_hash(&self, client: &Client) -> Result<Option<String>> {
        let Some(mut object) = self.open(client).await? else { return Ok(None) };
        let mut hasher = blake3::Hasher::new();
        while let Some(block) = object.body.next().await {
            hasher.update(&block.with_context(|| format!("cannot read {}", self.address()))?);
        }
        Ok(Some(hasher.finalize().to_hex().to_string()))
    }
}

fn last_modified(answer: &GetObjectOutput) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(answer.last_modified()?.secs(), 0)
}

/// Every version of every object with this prefix: versions that were replaced later were counted
/// too.
///
/// # Errors
/// The bucket cannot be listed.
pub(crate) async fn list(client: &Client, bucket: &str, prefix: &str) -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    let (mut key_marker, mut version_marker) = (None, None);
    loop {
        let list = client.list_object_versions().bucket(bucket).prefix(prefix);
        let list = list.set_key_marker(key_marker).set_version_id_marker(version_marker);
        let page = list
            .send()
            .await
            .map_err(|error| explain(format!("cannot list s3://{bucket}"), error))?;
        for version in page.versions() {
            let time = version.last_modified();
            objects.push(Object {
                bucket: bucket.to_owned(),
                key: version.key().context("S3 listed a version without its key")?.to_owned(),
                version: version
                    .version_id()
                    .filter(|version| *version != "null")
                    .map(str::to_owned),
                etag: version.e_tag().map(|etag| etag.trim_matches('"').to_owned()),
                size_bytes: version.size().and_then(|size| u64::try_from(size).ok()),
                time: time
                    .and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos())),
            });
        }
        if page.is_truncated() != Some(true) {
            return Ok(objects);
        }
        key_marker = page.next_key_marker().map(str::to_owned);
        version_marker = page.next_version_id_marker().map(str::to_owned);
    }
}
