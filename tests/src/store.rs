//! A table and two buckets for one test, so that it can run single functions.

mod notification;
mod rows;
mod workers;

use anyhow::Context;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketVersioningStatus, EncodingType, ObjectVersion, VersioningConfiguration,
};
use minutebook_local::Stack;
use serde_json::Value;

pub use self::notification::{sqs_event, sqs_event_of_bodies};
pub use self::rows::{HandWrittenEntry, open_partition, sites_partition};
pub use self::workers::{ORIGIN, RetentionDays};
use crate::clients::Clients;
use crate::cloud::Cloud;

/// A table and two buckets.
#[derive(Clone, Debug)]
pub struct Store {
    /// Clients for the cloud that holds them.
    pub clients: Clients,
    /// The table's name.
    pub table: String,
    /// The bucket for chunks.
    pub bucket: String,
    /// The bucket for rejected lines.
    pub rejected_bucket: String,
    /// The queue to which ingest returns messages, if there is one.
    pub queue_url: Option<String>,
    /// Whether its functions require keys for questions and posts. If so, they allow the pages of
    /// [`ORIGIN`] to make calls.
    pub requires_keys: bool,
    /// The issuer of tokens for the audience `minutebook` that its functions take; empty is none.
    pub jwt_issuer: String,
}

impl Store {
    /// Creates a store. `name` is the prefix of its resources' names.
    ///
    /// # Errors
    /// The request fails.
    pub async fn make(cloud: &Cloud, name: &str) -> anyhow::Result<Store> {
        let store = Store {
            clients: cloud.clients.clone(),
            table: format!("{name}-table"),
            bucket: format!("{name}-raw"),
            rejected_bucket: format!("{name}-rejected"),
            queue_url: None,
            requires_keys: false,
            jwt_issuer: String::new(),
        };
        for bucket in [&store.bucket, &store.rejected_bucket] {
            store.clients.s3.create_bucket().bucket(bucket).send().await.context("CreateBucket")?;
            let versioning =
                VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
            let put = store
                .clients
                .s3
                .put_bucket_versioning()
                .bucket(bucket)
                .versioning_configuration(versioning);
            put.send().await.context("PutBucketVersioning")?;
        }
        store.create_table().await?;
        Ok(store)
    }

    /// Creates a queue for the store.
    ///
    /// # Errors
    /// The request fails.
    pub async fn with_queue(self) -> anyhow::Result<Store> {
        let create = self.clients.sqs.create_queue().queue_name(format!("{}-queue", self.table));
        let queue_url = create.send().await.context("CreateQueue")?.queue_url;
        Ok(Store { queue_url, ..self })
    }

    /// Receives and deletes all messages in the store's queue, and returns their bodies.
    ///
    /// # Errors
    /// The store has no queue, or a request fails.
    pub async fn take_messages(&self) -> anyhow::Result<Vec<String>> {
        let url = self.queue_url.as_deref().context("the store has no queue")?;
        let mut bodies = Vec::new();
        loop {
            let receive = self.clients.sqs.receive_message().queue_url(url);
            let messages = receive.send().await.context("ReceiveMessage")?.messages;
            let Some(messages) = messages.filter(|messages| !messages.is_empty()) else {
                return Ok(bodies);
            };
            for message in messages {
                bodies.push(message.body.context("a body")?);
                let delete = self.clients.sqs.delete_message().queue_url(url);
                let receipt = message.receipt_handle.context("a receipt handle")?;
                delete.receipt_handle(receipt).send().await.context("DeleteMessage")?;
            }
        }
    }

    /// A store with the same buckets and a new table.
    ///
    /// # Errors
    /// The request fails.
    pub async fn with_new_table(&self, table: &str) -> anyhow::Result<Store> {
        let store = Store { table: table.to_string(), ..self.clone() };
        store.create_table().await?;
        Ok(store)
    }

    /// Deletes the table.
    ///
    /// # Errors
    /// The request fails.
    pub async fn delete_table(&self) -> anyhow::Result<()> {
        self.clients
            .dynamodb
            .delete_table()
            .table_name(&self.table)
            .send()
            .await
            .context("DeleteTable")?;
        Ok(())
    }

    async fn create_table(&self) -> anyhow::Result<()> {
        let mut create = self.clients.dynamodb.create_table().table_name(&self.table);
        for (attribute, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            create = create
                .key_schema(
                    KeySchemaElement::builder().attribute_name(attribute).key_type(kind).build()?,
                )
                .attribute_definitions(
                    AttributeDefinition::builder()
                        .attribute_name(attribute)
                        .attribute_type(ScalarAttributeType::S)
                        .build()?,
                );
        }
        create.billing_mode(BillingMode::PayPerRequest).send().await.context("CreateTable")?;
        Ok(())
    }

    /// The resources of a deployed stack, as a store.
    pub fn of(clients: &Clients, stack: &Stack) -> Store {
        Store {
            clients: clients.clone(),
            table: stack.table.clone(),
            bucket: stack.bucket.clone(),
            rejected_bucket: stack.rejected_bucket.clone(),
            queue_url: Some(stack.queue_url.clone()),
            requires_keys: stack.requires_read_keys && stack.requires_write_keys,
            jwt_issuer: stack.jwt_issuer.clone(),
        }
    }

    /// Puts an object and returns the notification record that S3 would send for it.
    ///
    /// # Errors
    /// The request fails.
    pub async fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) -> anyhow::Result<Value> {
        self.put_with(key, bytes, &[]).await
    }

    /// Puts an object with metadata, like [`Store::put`].
    ///
    /// # Errors
    /// The request fails.
    pub async fn put_with(
        &self,
        key: &str,
        bytes: impl Into<Vec<u8>>,
        metadata: &[(&str, &str)],
    ) -> anyhow::Result<Value> {
        let bytes = bytes.into();
        let size = bytes.len();
        let mut put = self
            .clients
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(ByteStream::from(bytes));
        for (name, value) in metadata {
            put = put.metadata(*name, *value);
        }
        let answer = put.send().await.context("PutObject")?;
        Ok(self.announcement(key, size, answer.e_tag().unwrap_or_default(), answer.version_id()))
    }

    /// The notification records that S3 would send for every object version in the bucket.
    ///
    /// # Errors
    /// The request fails.
    pub async fn announcements(&self) -> anyhow::Result<Vec<Value>> {
        let list = self.clients.s3.list_object_versions().bucket(&self.bucket);
        let list = list.encoding_type(EncodingType::Url).send();
        let listed = list.await.context("ListObjectVersions")?;
        anyhow::ensure!(
            listed.is_truncated() != Some(true),
            "there are more objects than a list holds"
        );
        let announcement = |version: &ObjectVersion| {
            let size = usize::try_from(version.size().unwrap_or_default()).unwrap_or_default();
            let (key, etag) =
                (version.key().unwrap_or_default(), version.e_tag().unwrap_or_default());
            // XML cannot carry every key unencoded, but not every backend can encode keys.
            let key = match listed.encoding_type() {
                Some(EncodingType::Url) => notification::form_decoded(key)?,
                _ => key.to_string(),
            };
            Ok(self.announcement(&key, size, etag, version.version_id()))
        };
        listed.versions().iter().map(announcement).collect()
    }

    /// The notification record of an object that does not exist.
    pub fn announcement_of_nothing(&self, key: &str) -> Value {
        self.announcement(key, 0, "", None)
    }

    fn announcement(&self, key: &str, size: usize, etag: &str, version_id: Option<&str>) -> Value {
        notification::announcement(&self.bucket, key, size, etag, version_id)
    }

    /// The rejected lines of the chunk under `key`.
    ///
    /// # Errors
    /// The chunk has no object with rejected lines, or one of them is not JSON.
    pub async fn rejected(&self, key: &str) -> anyhow::Result<Vec<Value>> {
        let key = match key.len() {
            ..=1009 => format!("{key}.rejected.jsonl"),
            _ => {
                let start = String::from_utf8_lossy(&key.as_bytes()[..900]);
                let start = start.trim_end_matches(char::REPLACEMENT_CHARACTER);
                let hash = blake3::hash(key.as_bytes());
                format!("{start}.{hash}.rejected-lines.jsonl")
            }
        };
        let get = self.clients.s3.get_object().bucket(&self.rejected_bucket).key(&key);
        let bytes =
            get.send().await.with_context(|| key.clone())?.body.collect().await?.into_bytes();
        let lines = std::str::from_utf8(&bytes)?.lines();
        lines.map(|line| serde_json::from_str(line).with_context(|| line.to_string())).collect()
    }

    /// Permanently deletes the object version that a notification record names.
    ///
    /// # Errors
    /// The request fails.
    pub async fn delete_version(&self, key: &str, record: &Value) -> anyhow::Result<()> {
        let version =
            record["s3"]["object"]["versionId"].as_str().context("the bucket keeps versions")?;
        let delete =
            self.clients.s3.delete_object().bucket(&self.bucket).key(key).version_id(version);
        delete.send().await.context("DeleteObject")?;
        Ok(())
    }
}

/// Recounts everything that the tests put into the deployed stack, if one was deployed.
///
/// # Errors
/// `minutebook verify` finds a difference.
pub async fn verify_deployed_stack(cloud: &Cloud) -> anyhow::Result<()> {
    let Some(stack) = cloud.deployed() else {
        return Ok(());
    };
    let report = Store::of(&cloud.clients, stack).verify().await?;
    println!(
        "the deployed stack as a whole: {} events, {} differences",
        report["events"], report["differences"]
    );
    Ok(())
}
