//! Puts new versions in the place of old ones, so that nothing else changes under their key.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::stack::aws::explain;
use crate::stack::objects::Object;
use crate::stack::versions::Stored;

/// The metadata of a version that says in the place of which one it was put.
const REPLACES: &str = "replaces-version";

/// What takes the place of a version.
pub(super) struct Replacement {
    pub(super) old: Object,
    /// `None`: the version is deleted only.
    pub(super) new: Option<ByteStream>,
}

/// What was put, and what is to be deleted now.
#[derive(Default)]
pub(super) struct Placed {
    pub(super) moved: Vec<Moved>,
    /// Versions, and `None` for an object of a bucket that keeps none.
    surplus: Vec<(Object, Option<String>)>,
}

/// A version that was put in the place of another.
pub(super) struct Moved {
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
}

/// What is stored under a key, while it is replaced.
///
/// Old versions are deleted when all new ones are in place. A run that is killed before that leaves
/// new versions whose old ones still exist: these are made again, and deleted then.
pub(super) struct Key<'a> {
    pub(super) client: &'a Client,
    pub(super) stored: &'a Stored,
}

impl Key<'_> {
    /// Puts new versions, the oldest first. What was the latest version stays it, and a deleted
    /// object stays deleted.
    ///
    /// # Errors
    /// The bucket fails.
    pub(super) async fn put_all(&self, replacements: Vec<Replacement>) -> Result<Placed> {
        let mut moved = Vec::new();
        let Some(first) = replacements.first().map(|replacement| replacement.old.clone()) else {
            return Ok(Placed::default());
        };
        let unfinished = self.unfinished().await?;
        let is_hidden = self.stored.markers.iter().any(|marker| marker.is_latest);
        let latest = self.stored.versions.get(unfinished.len());
        let mut old: Vec<Object> = Vec::new();
        let mut has_latest = false;
        for Replacement { old: version, new } in replacements {
            has_latest |= latest == Some(&version);
            if let Some(body) = new {
                let new = self.put(&version, body).await?;
                moved.push(Moved { old: version.version.clone(), new });
            }
            old.push(version);
        }
        // A bucket that keeps no versions has nothing else.
        if first.version.is_none() {
            let unplaced = old.into_iter().filter(|_| moved.is_empty());
            let surplus = unplaced.map(|object| (object, None)).collect();
            return Ok(Placed { moved, surplus });
        }
        if !moved.is_empty() && is_hidden {
            self.delete(&first, None).await?;
        } else if let Some(latest) = latest.filter(|_| !moved.is_empty() && !has_latest) {
            let new = self.copy(latest).await?;
            moved.push(Moved { old: latest.version.clone(), new });
            old.push(latest.clone());
        }
        let versions = old.iter().chain(unfinished).map(|it| (it.clone(), it.version.clone()));
        let markers = self.stored.markers.iter().filter(|_| is_hidden && !moved.is_empty());
        let markers = markers.map(|marker| (first.clone(), Some(marker.version.clone())));
        let surplus = versions.chain(markers).collect();
        Ok(Placed { moved, surplus })
    }

    /// Deletes what new versions have taken the place of.
    ///
    /// # Errors
    /// The bucket fails.
    pub(super) async fn delete_surplus(&self, placed: &Placed) -> Result<()> {
        for (object, version) in &placed.surplus {
            self.delete(object, version.as_deref()).await?;
        }
        Ok(())
    }

    /// The newest versions, as far as a run has put them that was killed.
    async fn unfinished(&self) -> Result<&[Object]> {
        let versions = &self.stored.versions;
        let mut count = 0;
        for version in versions.iter().filter(|version| version.version.is_some()) {
            let head = self
                .client
                .head_object()
                .bucket(&version.bucket)
                .key(&version.key)
                .set_version_id(version.version.clone());
            let head = head.send().await;
            let head =
                head.map_err(|error| explain(format!("cannot read {}", version.address()), error))?;
            let replaces = head.metadata().and_then(|metadata| metadata.get(REPLACES));
            let still_exists = |old: &String| {
                versions.iter().any(|it| it.version.as_deref() == Some(old.as_str()))
            };
            if !replaces.is_some_and(still_exists) {
                break;
            }
            count += 1;
        }
        Ok(&versions[..count])
    }

    /// The tags of a version, among them how long it is kept, as a query; `None` if it has none.
    async fn tags(&self, version: &Object) -> Result<Option<String>> {
        let tags = self
            .client
            .get_object_tagging()
            .bucket(&version.bucket)
            .key(&version.key)
            .set_version_id(version.version.clone());
        let tags = match tags.send().await {
            // The emulator's answer for a version behind a delete marker.
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            tags => tags.map_err(|error| {
                explain(format!("cannot read the tags of {}", version.address()), error)
            })?,
        };
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let tags = tags.tag_set().iter();
        let tags = tags.map(|tag| format!("{}={}", encoded(tag.key()), encoded(tag.value())));
        let tags = tags.collect::<Vec<_>>().join("&");
        Ok((!tags.is_empty()).then_some(tags))
    }

    /// Puts a version with the metadata and the tags of the old one. Returns its id.
    async fn put(&self, old: &Object, body: ByteStream) -> Result<Option<String>> {
        let what = || format!("cannot write {} anew", old.address());
        let head = self
            .client
            .head_object()
            .bucket(&old.bucket)
            .key(&old.key)
            .set_version_id(old.version.clone());
        let head = head.send().await.map_err(|error| explain(what(), error))?;
        let mut metadata: HashMap<String, String> = head.metadata().cloned().unwrap_or_default();
        metadata.remove(REPLACES);
        metadata.extend(old.version.clone().map(|version| (REPLACES.to_owned(), version)));
        let put = self
            .client
            .put_object()
            .bucket(&old.bucket)
            .key(&old.key)
            .set_tagging(self.tags(old).await?)
            .set_content_type(head.content_type().map(str::to_owned))
            .set_content_encoding(head.content_encoding().map(str::to_owned))
            .set_metadata(Some(metadata))
            .body(body);
        let put = put.send().await.map_err(|error| explain(what(), error))?;
        Ok(put.version_id().map(str::to_owned))
    }

    /// Puts a version once more, so that it is the latest again.
    async fn copy(&self, version: &Object) -> Result<Option<String>> {
        let id = version.version.as_deref().context("a version has no id")?;
        let key = utf8_percent_encode(&version.key, NON_ALPHANUMERIC);
        let copy = self
            .client
            .copy_object()
            .bucket(&version.bucket)
            .key(&version.key)
            .copy_source(format!("{}/{key}?versionId={id}", version.bucket));
        let copied = copy.send().await;
        let copied =
            copied.map_err(|error| explain(format!("cannot copy {}", version.address()), error))?;
        Ok(copied.version_id().map(str::to_owned))
    }

    async fn delete(&self, object: &Object, version: Option<&str>) -> Result<()> {
        let delete = self.client.delete_object().bucket(&object.bucket).key(&object.key);
        let deleted = delete.set_version_id(version.map(str::to_owned)).send().await;
        deleted.map_err(|error| explain(format!("cannot delete {}", object.address()), error))?;
        Ok(())
    }
}
