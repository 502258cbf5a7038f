//! How long raw objects are kept: a tag that the lifecycle rules of the buckets go by.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{Tag, Tagging};

use crate::error::StorageError;

/// The tag of an object that is not kept for ever. Its value is for how many days it is.
pub const RETENTION_TAG: &str = "minutebook-retention-days";

/// For how many days the raw objects of a site may be kept. The template has a lifecycle rule for
/// each, as S3 takes no days from a tag.
///
/// A message about an object lives for 4 days in the queue and 14 in the dead-letter queue, so that
/// no object expires before it is counted or given up.
pub const RETENTION_DAYS: [u32; 5] = [30, 90, 180, 365, 730];

/// How long a version of an object is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retention {
    /// It has been deleted.
    Gone,
    /// For ever.
    Unlimited,
    /// For so many days.
    Days(u32),
}

/// Limits for how many days a version of an object is kept, or its latest one. One that is gone is
/// left alone, and its other tags stay.
pub(crate) async fn limit(
    client: &Client,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
    days: u32,
) -> Result<(), StorageError> {
    let Some(mut tags) = tags(client, bucket, key, version_id).await? else { return Ok(()) };
    if retention(&tags) == Retention::Days(days) {
        return Ok(());
    }
    tags.retain(|tag| tag.key() != RETENTION_TAG);
    let tag = Tag::builder().key(RETENTION_TAG).value(days.to_string()).build();
    tags.push(tag.map_err(StorageError::from_build)?);
    let tags = Tagging::builder().set_tag_set(Some(tags)).build();
    let tags = tags.map_err(StorageError::from_build)?;
    let put = client.put_object_tagging().bucket(bucket).key(key).tagging(tags);
    match put.set_version_id(version_id.map(str::to_string)).send().await {
        Err(error) if is_gone(&error) => Ok(()),
        Err(error) => Err(StorageError::from_sdk("PutObjectTagging", error)),
        Ok(_) => Ok(()),
    }
}

/// The tags of a version of an object; `None` if it is gone.
async fn tags(
    client: &Client,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
) -> Result<Option<Vec<Tag>>, StorageError> {
    let ask = client.get_object_tagging().bucket(bucket).key(key);
    match ask.set_version_id(version_id.map(str::to_string)).send().await {
        Ok(answer) => Ok(Some(answer.tag_set)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(StorageError::from_sdk("GetObjectTagging", error)),
    }
}

/// How long a version of an object is kept.
pub(crate) async fn of(
    client: &Client,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
) -> Result<Retention, StorageError> {
    let tags = tags(client, bucket, key, version_id).await?;
    Ok(tags.map_or(Retention::Gone, |tags| retention(&tags)))
}

fn retention(tags: &[Tag]) -> Retention {
    let limit = tags.iter().find(|tag| tag.key() == RETENTION_TAG);
    let days = limit.and_then(|tag| tag.value().parse().ok());
    days.map_or(Retention::Unlimited, Retention::Days)
}

/// A version that was deleted, or that a delete marker hides.
fn is_gone<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    matches!(error.code(), Some("NoSuchKey" | "NoSuchVersion" | "MethodNotAllowed"))
}
