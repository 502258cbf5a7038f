//! Writes notifications of new objects in the format of S3, and reads those that S3 and EventBridge
//! send, whether or not SNS wraps them.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::stack::key_encoding;
use crate::stack::objects::Object;

/// The content of a message of the queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Notification {
    /// These objects were created. There are none in S3's test event and in notifications of
    /// removals.
    Created(Vec<Object>),
    /// It is not a notification of S3.
    Unreadable,
}

/// The message that an object was created.
///
/// **Source**:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
pub(crate) fn write(object: &Object, region: &str) -> String {
    let time = object.time.unwrap_or_default();
    let mut record = json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": time.to_rfc3339_opts(SecondsFormat::Millis, true),
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "minutebook-replay",
            "bucket": { "name": object.bucket, "arn": format!("arn:aws:s3:::{}", object.bucket) },
            "object": {
                "key": key_encoding::encode(&object.key),
                // As in S3, later versions of a key have greater sequencers.
                "sequencer": format!("{:016X}", time.timestamp_micros()),
            },
        },
    });
    let named = &mut record["s3"]["object"];
    if let Some(size_bytes) = object.size_bytes {
        named["size"] = json!(size_bytes);
    }
    if let Some(etag) = &object.etag {
        named["eTag"] = json!(etag);
    }
    if let Some(version) = &object.version {
        named["versionId"] = json!(version);
    }
    json!({ "Records": [record] }).to_string()
}

/// Reads the body of a message.
pub(crate) fn read(body: &str) -> Notification {
    let created = serde_json::from_str(body).ok().and_then(|message: Message| {
        match (message.sns_type.as_deref(), &message.sns_message) {
            (Some("Notification"), Some(wrapped)) => created(serde_json::from_str(wrapped).ok()?),
            (Some(_), Some(_)) => None,
            _ => created(message),
        }
    });
    created.map_or(Notification::Unreadable, Notification::Created)
}

/// The objects that a message says were created; `None` if it is not a notification of S3.
fn created(message: Message) -> Option<Vec<Object>> {
    if let Some(records) = message.records {
        let objects = records.into_iter().map(|record| Some(created_by(record)?.into_iter()));
        return Some(objects.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect());
    }
    if let Some(event) = message.event {
        return (event == "s3:TestEvent").then(Vec::new);
    }
    let (kind, detail) = (message.detail_type?, message.detail?);
    // A trail has calls of S3's API in another shape.
    if message.source? != "aws.s3" || kind.ends_with("via CloudTrail") {
        return None;
    }
    if kind != "Object Created" {
        return Some(vec![]);
    }
    let Detail { bucket, object } = serde_json::from_value(detail).ok()?;
    // EventBridge does not encode keys.
    Some(vec![Object {
        bucket: bucket.name,
        key: object.key,
        version: given(object.version_id),
        etag: given_etag(object.etag),
        size_bytes: object.size,
        time: message.time,
    }])
}

/// The object of a record, if that says that it was created; `None` if it cannot be read.
fn created_by(record: Value) -> Option<Option<Object>> {
    let record: Record = serde_json::from_value(record).ok()?;
    // S3 writes `ObjectCreated:Put`; some emulators put `s3:` before it.
    if !record.event_name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
        return Some(None);
    }
    let named = record.s3.object;
    Some(Some(Object {
        bucket: record.s3.bucket.name,
        key: key_encoding::decode(&named.key)?,
        version: given(named.version_id),
        etag: given_etag(named.etag),
        size_bytes: named.size,
        time: record.event_time,
    }))
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty() && text != "null")
}

fn given_etag(etag: Option<String>) -> Option<String> {
    given(etag.map(|etag| etag.trim_matches('"').to_owned()))
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "Records")]
    records: Option<Vec<Value>>,
    #[serde(rename = "Event")]
    event: Option<String>,
    /// Of EventBridge.
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    source: Option<String>,
    time: Option<DateTime<Utc>>,
    detail: Option<Value>,
    /// Of SNS.
    #[serde(rename = "Type")]
    sns_type: Option<String>,
    #[serde(rename = "Message")]
    sns_message: Option<String>,
}

#[derive(Deserialize)]
struct Detail {
    bucket: BucketName,
    object: DetailObject,
}

#[derive(Deserialize)]
struct DetailObject {
    key: String,
    size: Option<u64>,
    etag: Option<String>,
    #[serde(rename = "version-id")]
    version_id: Option<String>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName", default)]
    event_name: String,
    #[serde(rename = "eventTime")]
    event_time: Option<DateTime<Utc>>,
    s3: Location,
}

#[derive(Deserialize)]
struct Location {
    bucket: BucketName,
    object: NamedObject,
}

#[derive(Deserialize)]
struct BucketName {
    name: String,
}

#[derive(Deserialize)]
struct NamedObject {
    key: String,
    size: Option<u64>,
    #[serde(rename = "eTag")]
    etag: Option<String>,
    #[serde(rename = "versionId")]
    version_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Object {
        Object {
            bucket: "raw".to_owned(),
            key: "2026/11/20/my events+1=ä*.jsonl".to_owned(),
            version: Some("v1".to_owned()),
            etag: Some("d41d8cd98f00b204e9800998ecf8427e".to_owned()),
            size_bytes: Some(9000),
            time: Some("2026-11-20T08:30:00Z".parse().unwrap()),
        }
    }

    #[test]
    fn a_notification_has_the_shape_of_s3() {
        let message: Value = serde_json::from_str(&write(&object(), "eu-central-1")).unwrap();
        let expected = json!({"Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "eu-central-1",
            "eventTime": "2026-11-20T08:30:00.000Z",
            "eventName": "ObjectCreated:Put",
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "minutebook-replay",
                "bucket": {"name": "raw", "arn": "arn:aws:s3:::raw"},
                "object": {
                    "key": "2026/11/20/my+events%2B1%3D%C3%A4*.jsonl",
                    "size": 9000,
                    "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                    "versionId": "v1",
                    "sequencer": "000660B10CC55200",
                },
            },
        }]});
        assert_eq!(message, expected);
    }

    #[test]
    fn reads_what_it_writes() {
        let without_version = Object { version: None, ..object() };
        for object in [object(), without_version] {
            assert_eq!(read(&write(&object, "us-east-1")), Notification::Created(vec![object]));
        }
    }

    #[test]
    fn a_notification_of_the_longest_key_fits_the_queue() {
        let object = Object { key: "€".repeat(341), ..object() };
        assert!(write(&object, "ap-southeast-2").len() < 64 * 1024);
    }

    #[test]
    fn reads_the_sample_events() {
        let body = |event: &str| {
            let event: Value = serde_json::from_str(event).unwrap();
            event["Records"][0]["body"].as_str().unwrap().to_owned()
        };
        for event in [
            include_str!("../../../events/lambda/sqs_s3_put.json"),
            include_str!("../../../events/lambda/sqs_sns_s3_put.json"),
            include_str!("../../../events/lambda/sqs_eventbridge_object_created.json"),
            include_str!("../../../events/lambda/sqs_sns_eventbridge_object_created.json"),
        ] {
            let put = read(&body(event));
            let Notification::Created(objects) = put else { panic!("{put:?}") };
            assert_eq!(objects.len(), 1);
            let Object { bucket, key, size_bytes, time, .. } = &objects[0];
            assert_eq!(
                (bucket.as_str(), key.as_str()),
                ("minutebook-raw", "2026/11/20/my events+1.jsonl")
            );
            assert_eq!((*size_bytes, *time), (Some(9000), object().time));
        }
        for event in [
            include_str!("../../../events/lambda/sqs_sns_s3_test_event.json"),
            include_str!("../../../events/lambda/sqs_eventbridge_object_deleted.json"),
            include_str!("../../../events/lambda/sqs_s3_test_event.json"),
            include_str!("../../../events/lambda/sqs_empty_records.json"),
        ] {
            assert_eq!(read(&body(event)), Notification::Created(vec![]));
        }
    }

    #[test]
    fn removals_name_nothing_and_other_messages_are_unreadable() {
        let removal =
            write(&object(), "us-east-1").replace("ObjectCreated:Put", "ObjectRemoved:Delete");
        assert_eq!(read(&removal), Notification::Created(vec![]));
        let not_utf8 = write(&object(), "us-east-1").replace("%C3%A4", "%FF");
        for body in [
            "",
            "hello",
            "[]",
            "{}",
            r#"{"Event":"other"}"#,
            r#"{"Records":[{"s3":{}}]}"#,
            r#"{"Type":"SubscriptionConfirmation","Message":"{\"Records\":[]}"}"#,
            r#"{"detail-type":"AWS API Call via CloudTrail","source":"aws.s3","detail":{}}"#,
            r#"{"detail-type":"Object Created","source":"shop","detail":{}}"#,
            &not_utf8,
        ] {
            assert_eq!(read(body), Notification::Unreadable, "{body}");
        }
    }
}
