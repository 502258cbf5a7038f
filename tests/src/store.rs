//! A table and two buckets of a test's own on the emulator, for tests that run a function by
//! themselves.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Output;

use anyhow::{Context, bail};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, ObjectVersion, VersioningConfiguration};
use minutebook_local::Stack;
use serde_json::{Value, json};

use crate::cloud::{Clients, Cloud};
use crate::worker::Worker;

/// A table and two buckets.
#[derive(Clone, Debug)]
pub struct Store {
    /// Where they are.
    pub clients: Clients,
    /// The table's name.
    pub table: String,
    /// The bucket that takes chunks.
    pub bucket: String,
    /// The bucket for rejected lines.
    pub rejected_bucket: String,
}

/// For how many days rows are kept; 0 is for ever.
#[derive(Clone, Copy, Debug)]
pub struct RetentionDays {
    /// Rows of minutes.
    pub minutes: u32,
    /// Rows of hours.
    pub hours: u32,
    /// Rows of days, weeks and months.
    pub days: u32,
}

/// A ledger entry that a test writes as ingest would have written it at another time.
#[derive(Clone, Copy, Debug)]
pub struct HandWrittenEntry<'a> {
    /// The object's key.
    pub key: &'a str,
    /// The hash of its bytes.
    pub content_hash: &'a str,
    /// When it was counted: RFC 3339, whole seconds.
    pub reference_time: &'a str,
    /// How many lines it has, all of them counted events.
    pub lines: u32,
}

/// The version of the plan that hand-written ledger entries are of.
const PLAN_FORMAT_VERSION: u32 = 3;

/// All rows are kept for ever.
const FOR_EVER: RetentionDays = RetentionDays { minutes: 0, hours: 0, days: 0 };

impl Store {
    /// Makes a store whose parts have `name` in their names.
    ///
    /// # Errors
    ///
    /// If the emulator refuses.
    pub async fn make(cloud: &Cloud, name: &str) -> anyhow::Result<Store> {
        let store = Store {
            clients: cloud.clients.clone(),
            table: format!("{name}-table"),
            bucket: format!("{name}-raw"),
            rejected_bucket: format!("{name}-rejected"),
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

    /// A store with the same buckets and a new table.
    ///
    /// # Errors
    ///
    /// If the emulator refuses.
    pub async fn with_new_table(&self, table: &str) -> anyhow::Result<Store> {
        let store = Store { table: table.to_string(), ..self.clone() };
        store.create_table().await?;
        Ok(store)
    }

    /// Deletes the table and all that is in it.
    ///
    /// # Errors
    ///
    /// If the emulator refuses.
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

    /// The parts of a deployed stack, as a store.
    pub fn of(clients: &Clients, stack: &Stack) -> Store {
        Store {
            clients: clients.clone(),
            table: stack.table.clone(),
            bucket: stack.bucket.clone(),
            rejected_bucket: stack.rejected_bucket.clone(),
        }
    }

    /// Puts an object and gives the notification record that S3 would send for it.
    ///
    /// # Errors
    ///
    /// If the emulator refuses.
    pub async fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) -> anyhow::Result<Value> {
        let bytes = bytes.into();
        let size = bytes.len();
        let put = self
            .clients
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(ByteStream::from(bytes));
        let answer = put.send().await.context("PutObject")?;
        Ok(self.announcement(key, size, answer.e_tag().unwrap_or_default(), answer.version_id()))
    }

    /// The notification records that S3 would send for all that lies in the bucket, each version of
    /// each object.
    ///
    /// # Errors
    ///
    /// If the emulator refuses.
    pub async fn announcements(&self) -> anyhow::Result<Vec<Value>> {
        let list = self.clients.s3.list_object_versions().bucket(&self.bucket).send();
        let listed = list.await.context("ListObjectVersions")?;
        anyhow::ensure!(
            listed.is_truncated() != Some(true),
            "there are more objects than a list holds"
        );
        let announcement = |version: &ObjectVersion| {
            let size = usize::try_from(version.size().unwrap_or_default()).unwrap_or_default();
            let (key, etag) =
                (version.key().unwrap_or_default(), version.e_tag().unwrap_or_default());
            self.announcement(key, size, etag, version.version_id())
        };
        Ok(listed.versions().iter().map(announcement).collect())
    }

    fn announcement(&self, key: &str, size: usize, etag: &str, version_id: Option<&str>) -> Value {
        json!({
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": "2026-11-20T23:07:00.000Z",
            "eventName": "ObjectCreated:Put",
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": {"name": self.bucket, "arn": format!("arn:aws:s3:::{}", self.bucket)},
                "object": {
                    "key": form_encoded(key), "size": size, "eTag": etag.trim_matches('"'), "versionId": version_id,
                    "sequencer": "0055AED6DCD90281E5",
                },
            },
        })
    }

    /// Writes a row as somebody else might have.
    ///
    /// # Errors
    ///
    /// If the emulator refuses.
    pub async fn put_row(&self, pk: &str, sk: &str, numbers: &[(&str, u32)]) -> anyhow::Result<()> {
        let mut put = self
            .clients
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .item("pk", AttributeValue::S(pk.to_string()))
            .item("sk", AttributeValue::S(sk.to_string()));
        for (name, number) in numbers {
            put = put.item(*name, AttributeValue::N(number.to_string()));
        }
        put.send().await.context("PutItem")?;
        Ok(())
    }

    /// Writes a row that takes `size_bytes` in all and has no counters.
    ///
    /// # Errors
    ///
    /// If the emulator refuses.
    pub async fn put_filled_row(
        &self,
        pk: &str,
        sk: &str,
        size_bytes: usize,
    ) -> anyhow::Result<()> {
        let others = "pk".len() + pk.len() + "sk".len() + sk.len() + "filler".len();
        let put = self
            .clients
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .item("pk", AttributeValue::S(pk.to_string()))
            .item("sk", AttributeValue::S(sk.to_string()))
            .item("filler", AttributeValue::S("x".repeat(size_bytes - others)));
        put.send().await.context("PutItem")?;
        Ok(())
    }

    /// Writes the ledger entry of a chunk of one part, as ingest does, of an object whose lines
    /// were all counted.
    ///
    /// # Errors
    ///
    /// If the emulator refuses.
    pub async fn put_entry(&self, entry: &HandWrittenEntry<'_>) -> anyhow::Result<()> {
        let text = |text: &str| AttributeValue::S(text.to_string());
        let number = |number: u32| AttributeValue::N(number.to_string());
        let mut put = self
            .clients
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .item("pk", text(&format!("L#{}/{}#{}", self.bucket, entry.key, entry.content_hash)))
            .item("sk", text("000000"))
            .item("bucket", text(&self.bucket))
            .item("key", text(entry.key))
            .item("reference_time", text(entry.reference_time))
            .item("committed_at", text(entry.reference_time))
            .item("default_currency", text("USD"))
            .item("rejected_by_reason", AttributeValue::M(std::collections::HashMap::new()));
        for (name, value) in [
            ("plan_format_version", PLAN_FORMAT_VERSION),
            ("parts", 1),
            ("minute_retention_days", 0),
            ("lines", entry.lines),
            ("counted", entry.lines),
            ("ignored", 0),
            ("duplicate", 0),
            ("rejected", 0),
            ("events", entry.lines),
        ] {
            put = put.item(name, number(value));
        }
        put.send().await.context("PutItem of a entry")?;
        self.add_to_totals(entry).await
    }

    /// What goes with a ledger entry.
    async fn add_to_totals(&self, entry: &HandWrittenEntry<'_>) -> anyhow::Result<()> {
        let add = self.clients.dynamodb.update_item().table_name(&self.table);
        let mut add = add
            .key("pk", AttributeValue::S("TOTALS".to_string()))
            .key("sk", AttributeValue::S("00".to_string()))
            .expression_attribute_values(
                ":time",
                AttributeValue::S(entry.reference_time.to_string()),
            );
        let mut sums = vec![];
        for (name, count) in [
            ("chunks", 1),
            ("lines", entry.lines),
            ("counted", entry.lines),
            ("ignored", 0),
            ("duplicate", 0),
            ("rejected", 0),
            ("events", entry.lines),
        ] {
            // Some of the names are words of the language of expressions.
            add = add
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(
                    format!(":{name}"),
                    AttributeValue::N(count.to_string()),
                );
            sums.push(format!("#{name} :{name}"));
        }
        let sums = sums.join(", ");
        let add = add.update_expression(format!(
            "ADD {sums} SET last_committed_at = :time, last_put_at = :time"
        ));
        add.send().await.context("UpdateItem of the totals")?;
        Ok(())
    }

    /// What stands in all tally rows: each counter by partition, sort key and name.
    ///
    /// # Errors
    ///
    /// If the emulator refuses.
    pub async fn counters(&self) -> anyhow::Result<BTreeMap<[String; 3], String>> {
        let mut items = self
            .clients
            .dynamodb
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("begins_with(pk, :tally)")
            .expression_attribute_values(":tally", AttributeValue::S("T#".to_string()))
            .into_paginator()
            .items()
            .send();
        let mut counters = BTreeMap::new();
        while let Some(item) = items.next().await {
            let item = item.context("Scan")?;
            let key = |name: &str| item[name].as_s().cloned().unwrap_or_default();
            for (name, value) in &item {
                if let (true, AttributeValue::N(number)) = (name.starts_with("i#"), value) {
                    counters.insert([key("pk"), key("sk"), name.clone()], number.clone());
                }
            }
        }
        Ok(counters)
    }

    /// The sort keys of a partition, ascending.
    ///
    /// # Errors
    ///
    /// If the emulator refuses.
    pub async fn rows_of(&self, pk: &str) -> anyhow::Result<Vec<String>> {
        let answer = self
            .clients
            .dynamodb
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_string()))
            .send()
            .await
            .context("Query")?;
        let key = |row: &std::collections::HashMap<String, AttributeValue>| {
            row["sk"].as_s().cloned().unwrap_or_default()
        };
        Ok(answer.items().iter().map(key).collect())
    }

    /// Part 0 of every chunk in the ledger, as plain JSON.
    ///
    /// # Errors
    ///
    /// If the emulator refuses.
    pub async fn ledger(&self) -> anyhow::Result<Vec<Value>> {
        let answer = self
            .clients
            .dynamodb
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("begins_with(pk, :ledger) AND sk = :first")
            .expression_attribute_values(":ledger", AttributeValue::S("L#".to_string()))
            .expression_attribute_values(":first", AttributeValue::S("000000".to_string()))
            .send()
            .await
            .context("Scan")?;
        Ok(answer.items().iter().map(plain_map).collect())
    }

    /// The lines that were rejected of the chunk under `key`.
    ///
    /// # Errors
    ///
    /// If there are none.
    pub async fn rejected(&self, key: &str) -> anyhow::Result<Vec<Value>> {
        let key = format!("{key}.rejected.jsonl");
        let get = self.clients.s3.get_object().bucket(&self.rejected_bucket).key(&key);
        let bytes =
            get.send().await.with_context(|| key.clone())?.body.collect().await?.into_bytes();
        let lines = std::str::from_utf8(&bytes)?.lines();
        lines.map(|line| serde_json::from_str(line).with_context(|| line.to_string())).collect()
    }

    /// Deletes the version of an object that a notification record names, for good.
    ///
    /// # Errors
    ///
    /// If the emulator refuses.
    pub async fn delete_version(&self, key: &str, record: &Value) -> anyhow::Result<()> {
        let version =
            record["s3"]["object"]["versionId"].as_str().context("the bucket keeps versions")?;
        let delete =
            self.clients.s3.delete_object().bucket(&self.bucket).key(key).version_id(version);
        delete.send().await.context("DeleteObject")?;
        Ok(())
    }

    /// Adds to a number of a row, as nobody but ingest should.
    ///
    /// # Errors
    ///
    /// If the emulator refuses.
    pub async fn add(
        &self,
        row: (&str, &str),
        attribute: &str,
        amount: &str,
    ) -> anyhow::Result<()> {
        let update = self
            .clients
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(row.0.to_string()))
            .key("sk", AttributeValue::S(row.1.to_string()))
            .update_expression("ADD #attribute :amount")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":amount", AttributeValue::N(amount.to_string()));
        update.send().await.context("UpdateItem")?;
        Ok(())
    }

    /// Deletes a row, so that `verify` does not meet what a test wrote by hand.
    ///
    /// # Errors
    ///
    /// If the emulator refuses.
    pub async fn delete_row(&self, pk: &str, sk: &str) -> anyhow::Result<()> {
        let delete = self
            .clients
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk.to_string()))
            .key("sk", AttributeValue::S(sk.to_string()));
        delete.send().await.context("DeleteItem")?;
        Ok(())
    }

    /// Starts ingest on this store. `dynamodb_url` and `s3_url` may be those of a proxy.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub async fn start_ingest(&self, dynamodb_url: &str, s3_url: &str) -> anyhow::Result<Worker> {
        self.start("ingest", dynamodb_url, s3_url, FOR_EVER).await
    }

    /// Starts ingest on this store, for rows that are kept for so long. `s3_url` may be that of a
    /// proxy.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub async fn start_ingest_of(
        &self,
        s3_url: &str,
        retention: RetentionDays,
    ) -> anyhow::Result<Worker> {
        self.start("ingest", &self.clients.endpoint_url, s3_url, retention).await
    }

    /// Starts rollup on this store, for minutes that are kept for so many days; 0 is for ever.
    /// `dynamodb_url` may be that of a proxy.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub async fn start_rollup(
        &self,
        dynamodb_url: &str,
        minute_retention_days: u32,
    ) -> anyhow::Result<Worker> {
        let retention = RetentionDays { minutes: minute_retention_days, ..FOR_EVER };
        self.start("rollup", dynamodb_url, &self.clients.endpoint_url, retention).await
    }

    /// Starts a query function on this store. `dynamodb_url` may be that of a proxy.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub async fn start_query(&self, function: &str, dynamodb_url: &str) -> anyhow::Result<Worker> {
        self.start(function, dynamodb_url, &self.clients.endpoint_url, FOR_EVER).await
    }

    /// Starts a query function on this store, for rows that are kept for so long.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub async fn start_query_of(
        &self,
        function: &str,
        retention: RetentionDays,
    ) -> anyhow::Result<Worker> {
        let endpoint_url = &self.clients.endpoint_url;
        self.start(function, endpoint_url, endpoint_url, retention).await
    }

    async fn start(
        &self,
        function: &str,
        dynamodb_url: &str,
        s3_url: &str,
        retention: RetentionDays,
    ) -> anyhow::Result<Worker> {
        let binary = crate::binaries::path(function)?;
        let clients = &self.clients;
        Worker::start(
            &binary,
            &[
                ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_url),
                ("AWS_ENDPOINT_URL_S3", s3_url),
                ("AWS_REGION", &clients.region),
                ("AWS_ACCESS_KEY_ID", &clients.access_key_id),
                ("AWS_SECRET_ACCESS_KEY", &clients.secret_access_key),
                ("MINUTEBOOK_TABLE", &self.table),
                ("MINUTEBOOK_BUCKET", &self.bucket),
                ("MINUTEBOOK_REJECTED_BUCKET", &self.rejected_bucket),
                ("MINUTEBOOK_MINUTE_RETENTION_DAYS", &retention.minutes.to_string()),
                ("MINUTEBOOK_HOUR_RETENTION_DAYS", &retention.hours.to_string()),
                ("MINUTEBOOK_DAY_RETENTION_DAYS", &retention.days.to_string()),
                ("MINUTEBOOK_DEFAULT_CURRENCY", "USD"),
            ],
        )
        .await
    }

    /// Starts ingest with nothing between it and the emulator.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub async fn start_plain_ingest(&self) -> anyhow::Result<Worker> {
        self.start_ingest(&self.clients.endpoint_url, &self.clients.endpoint_url).await
    }

    /// Runs `minutebook verify --json` on this store, and gives its report.
    ///
    /// # Errors
    ///
    /// If it finds any difference, with what it says about it.
    pub async fn verify(&self) -> anyhow::Result<Value> {
        let output = self.run_verify(&[]).await?;
        if !output.status.success() {
            bail!(
                "verify failed: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        serde_json::from_slice(&output.stdout).context("verify --json prints JSON")
    }

    /// Runs `minutebook verify --json` on this store with these further arguments, whatever it
    /// finds.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub async fn run_verify(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let binary: PathBuf = crate::binaries::path("minutebook")?;
        let clients = &self.clients;
        tokio::process::Command::new(binary)
            .args([
                "verify",
                "--json",
                "--endpoint-url",
                &clients.endpoint_url,
                "--region",
                &clients.region,
            ])
            .args(["--bucket", &self.bucket, "--table", &self.table])
            .args(["--rejected-bucket", &self.rejected_bucket])
            .args(arguments)
            .env("AWS_ACCESS_KEY_ID", &clients.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &clients.secret_access_key)
            .output()
            .await
            .context("minutebook verify cannot be started")
    }
}

/// The SQS event of an invocation, with a message for each list of records.
pub fn sqs_event(messages: &[Vec<Value>]) -> Value {
    let bodies: Vec<String> =
        messages.iter().map(|records| json!({"Records": records}).to_string()).collect();
    sqs_event_of_bodies(&bodies)
}

/// The SQS event of an invocation, with a message `m<n>` for each body.
pub fn sqs_event_of_bodies(bodies: &[String]) -> Value {
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(number, body)| {
            json!({
                "messageId": format!("m{number}"),
                "receiptHandle": "handle",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
                "awsRegion": "us-east-1",
            })
        })
        .collect();
    json!({"Records": records})
}

/// A key as S3 writes it into a notification.
fn form_encoded(key: &str) -> String {
    let mut encoded = String::new();
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'*' => {
                encoded.push(char::from(byte))
            }
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn plain_map(row: &std::collections::HashMap<String, AttributeValue>) -> Value {
    row.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
}

fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap_or(Value::Null),
        AttributeValue::M(map) => plain_map(map),
        _ => Value::Null,
    }
}
