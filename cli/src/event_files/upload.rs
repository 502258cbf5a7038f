//! Uploads files and texts to the bucket.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;

use crate::stack::aws::explain;

/// The largest object that one call can upload.
///
/// **Source**: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html>
const OBJECT_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// An object to be uploaded: its place and its metadata.
#[derive(Clone, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
    pub(crate) metadata: HashMap<String, String>,
}

/// Uploads a file, and returns its size in bytes.
///
/// # Errors
/// The file cannot be read, is larger than one call can upload, or S3 refuses it.
pub(crate) async fn upload_file(client: &Client, target: Target<'_>, path: &Path) -> Result<u64> {
    let read = || format!("cannot read {}", path.display());
    let bytes = tokio::fs::metadata(path).await.with_context(read)?.len();
    if bytes > OBJECT_BYTES_MAX {
        bail!(
            "{} has {bytes} bytes, and the limit of S3 is {OBJECT_BYTES_MAX}: split the file",
            path.display()
        );
    }
    let body = ByteStream::from_path(path).await.with_context(read)?;
    upload(client, target, body).await?;
    Ok(bytes)
}

/// Uploads a text.
///
/// # Errors
/// S3 refuses it.
pub(crate) async fn upload_text(client: &Client, target: Target<'_>, text: String) -> Result<()> {
    upload(client, target, ByteStream::from(text.into_bytes())).await
}

async fn upload(client: &Client, target: Target<'_>, body: ByteStream) -> Result<()> {
    let Target { bucket, key, metadata } = target;
    let metadata = if metadata.is_empty() { None } else { Some(metadata) };
    let put = client.put_object().bucket(bucket).key(key).set_metadata(metadata).body(body);
    put.send().await.map_err(|error| explain(format!("cannot put s3://{bucket}/{key}"), error))?;
    Ok(())
}
