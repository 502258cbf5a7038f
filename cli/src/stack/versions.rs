//! Everything that is stored under each key: all versions, and whether they are hidden.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::types::EncodingType;

use crate::stack::aws::explain;
use crate::stack::key_encoding;
use crate::stack::objects::{self, Object};

/// What is stored under a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Its versions, the newest first.
    pub(crate) versions: Vec<Object>,
    /// Its delete markers.
    pub(crate) markers: Vec<Marker>,
}

/// A delete marker: the key is hidden while it is the latest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) version: String,
    pub(crate) is_latest: bool,
}

/// What is stored under each key with this prefix.
///
/// # Errors
/// The bucket cannot be listed.
pub(crate) async fn list(
    client: &Client,
    bucket: &str,
    prefix: &str,
) -> Result<BTreeMap<String, Stored>> {
    let mut stored: BTreeMap<String, Stored> = BTreeMap::new();
    for object in objects::list(client, bucket, prefix).await? {
        stored.entry(object.key.clone()).or_default().versions.push(object);
    }
    for (key, marker) in markers(client, bucket, prefix).await? {
        stored.entry(key).or_default().markers.push(marker);
    }
    Ok(stored)
}

async fn markers(client: &Client, bucket: &str, prefix: &str) -> Result<Vec<(String, Marker)>> {
    let mut found = Vec::new();
    let (mut key_marker, mut version_marker) = (None, None);
    loop {
        let list = client.list_object_versions().bucket(bucket).prefix(prefix);
        let list = list.encoding_type(EncodingType::Url);
        let list = list.set_key_marker(key_marker).set_version_id_marker(version_marker);
        let page = list.send().await;
        let page = page.map_err(|error| explain(format!("cannot list s3://{bucket}"), error))?;
        let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
        let decoded = |key: &str| match is_encoded {
            true => key_encoding::decode(key).context("S3 listed a key that is not UTF-8"),
            false => Ok(key.to_owned()),
        };
        for marker in page.delete_markers() {
            let key = marker.key().context("S3 listed a delete marker without its key")?;
            let version = marker.version_id().unwrap_or("null").to_owned();
            let is_latest = marker.is_latest() == Some(true);
            found.push((decoded(key)?, Marker { version, is_latest }));
        }
        if page.is_truncated() != Some(true) {
            return Ok(found);
        }
        key_marker = page.next_key_marker().map(decoded).transpose()?;
        version_marker = page.next_version_id_marker().map(str::to_owned);
    }
}
