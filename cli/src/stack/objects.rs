//! Lists and reads the objects of the bucket.

use anyhow::{Context as _, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::EncodingType;
use chrono::{DateTime, Utc};

use crate::stack::aws::explain;
use crate::stack::key_encoding;
use crate::stack::object_hashes::{ObjectHasher, ObjectHashes};

/// One version of an object, as S3 lists it or as a notification names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

    /// The hashes of its bytes, which are part of the chunk id; `None` if it was deleted or
    /// replaced.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) async fn hashes(&self, client: &Client) -> Result<Option<ObjectHashes>> {
        let Some(mut object) = self.open(client).await? else { return Ok(None) };
        let mut hasher = ObjectHasher::default();
        while let Some(block) = object.body.next().await {
            hasher.update(&block.with_context(|| format!("cannot read {}", self.address()))?);
        }
        Ok(Some(hasher.finish()))
    }

    /// The BLAKE3 of its first bytes, in hex; `None` if it was deleted or replaced, or is shorter.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) async fn hash_of_start(
        &self,
        client: &Client,
        size_bytes: u64,
    ) -> Result<Option<String>> {
        let Some(mut object) = self.open(client).await? else { return Ok(None) };
        let mut hasher = blake3::Hasher::new();
        let mut left = size_bytes;
        while left > 0
            && let Some(block) = object.body.next().await
        {
            let block = block.with_context(|| format!("cannot read {}", self.address()))?;
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            hasher.update(&block[..length]);
            left -= length as u64;
        }
        Ok((left == 0).then(|| hasher.finalize().to_hex().to_string()))
    }
}

fn last_modified(answer: &GetObjectOutput) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(answer.last_modified()?.secs(), 0)
}

/// Every version of every object with this prefix: versions that were replaced later were counted
/// too.
///
/// The answer is XML, which cannot carry every character of a key, so that encoded keys are asked
/// for. An endpoint that does not know this says so, and fails at the keys that it cannot write.
///
/// # Errors
/// The bucket cannot be listed.
pub(crate) async fn list(client: &Client, bucket: &str, prefix: &str) -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    let (mut key_marker, mut version_marker) = (None, None);
    loop {
        let list = client.list_object_versions().bucket(bucket).prefix(prefix);
        let list = list.encoding_type(EncodingType::Url);
        let list = list.set_key_marker(key_marker).set_version_id_marker(version_marker);
        let page = list
            .send()
            .await
            .map_err(|error| explain(format!("cannot list s3://{bucket}"), error))?;
        let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
        let decoded = |key: &str| match is_encoded {
            true => key_encoding::decode(key)
                .with_context(|| format!("S3 listed the key {key}, which is not UTF-8")),
            false => Ok(key.to_owned()),
        };
        for version in page.versions() {
            let time = version.last_modified();
            let key = version.key().context("S3 listed a version without its key")?;
            // The last version without an id is read without one, as in a bucket that keeps no
            // versions.
            let is_unversioned = |id: &&str| *id == "null" && version.is_latest() != Some(false);
            objects.push(Object {
                bucket: bucket.to_owned(),
                key: decoded(key)?,
                version: version.version_id().filter(|id| !is_unversioned(id)).map(str::to_owned),
                etag: version.e_tag().map(|etag| etag.trim_matches('"').to_owned()),
                size_bytes: version.size().and_then(|size| u64::try_from(size).ok()),
                time: time
                    .and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos())),
            });
        }
        if page.is_truncated() != Some(true) {
            return Ok(objects);
        }
        key_marker = page.next_key_marker().map(decoded).transpose()?;
        version_marker = page.next_version_id_marker().map(str::to_owned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use aws_credential_types::Credentials;
    use aws_sdk_s3::config::Region;

    /// The answer of an endpoint with this content.
    fn answer(content: &str) -> String {
        let body = format!("<ListVersionsResult>{content}</ListVersionsResult>");
        let head = format!("connection: close\r\ncontent-length: {}\r\n", body.len());
        format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}")
    }

    /// Lists a bucket at an endpoint that gives these answers, and returns the names of the objects
    /// and the first lines of the requests.
    async fn listed<const N: usize>(pages: [&str; N]) -> (Result<Vec<String>>, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = pages.map(answer);
        let endpoint = std::thread::spawn(move || {
            let requests = answers.map(|answer| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
                let first = lines.next().unwrap();
                lines.find(String::is_empty).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
                first
            });
            requests.to_vec()
        });
        let config = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .http_client(minutebook_local::http_client())
            .endpoint_url(url)
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .force_path_style(true);
        let objects = list(&Client::from_conf(config.build()), "raw", "a\u{1}").await;
        let names = objects.map(|objects| objects.iter().map(Object::name).collect());
        (names, endpoint.join().unwrap())
    }

    #[tokio::test]
    async fn keys_are_decoded_if_the_endpoint_encodes_them() {
        let first = "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
            <NextKeyMarker>a%01+%2B</NextKeyMarker><NextVersionIdMarker>v2</NextVersionIdMarker>\
            <Version><Key>a%01+%2B</Key><VersionId>v2</VersionId></Version>";
        let last = "<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>\
            <Version><Key>a%01+%2B</Key><VersionId>null</VersionId><IsLatest>false</IsLatest>\
            </Version>\
            <Version><Key>a%01%0A%EF%BF%BE/%C3%A4</Key><VersionId>null</VersionId></Version>";
        let (names, requests) = listed([first, last]).await;
        assert_eq!(
            names.unwrap(),
            ["a\u{1} + (version v2)", "a\u{1} + (version null)", "a\u{1}\n\u{fffe}/ä"]
        );
        assert!(requests.iter().all(|line| line.contains("encoding-type=url")), "{requests:?}");
        assert!(requests[1].contains("key-marker=a%01%20%2B"), "{requests:?}");
    }

    #[tokio::test]
    async fn keys_are_taken_as_they_are_if_the_endpoint_does_not_encode_them() {
        let page = "<IsTruncated>false</IsTruncated><Version><Key>a%01+\n\u{9b}</Key></Version>";
        assert_eq!(listed([page]).await.0.unwrap(), ["a%01+\n\u{9b}"]);
        let not_utf8 = "<EncodingType>url</EncodingType><Version><Key>%FF</Key></Version>";
        assert!(listed([not_utf8]).await.0.unwrap_err().to_string().contains("not UTF-8"));
        let no_xml = "<Version><Key>a\u{1}</Key></Version>";
        let error = listed([no_xml]).await.0.unwrap_err();
        assert!(error.to_string().starts_with("cannot list s3://raw"), "{error:#}");
    }
}
