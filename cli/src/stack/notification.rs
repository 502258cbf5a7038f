//! Writes and reads notifications of new objects in the format of S3.

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
    let Ok(message) = serde_json::from_str::<Message>(body) else {
        return Notification::Unreadable;
    };
    let Some(records) = message.records else {
        return match message.event.as_deref() {
            Some("s3:TestEvent") => Notification::Created(vec![]),
            _ => Notification::Unreadable,
        };
    };
    let mut objects = Vec::new();
    for record in records {
        let Ok(record) = serde_json::from_value::<Record>(record) else {
            return Notification::Unreadable;
        };
        // S3 writes `ObjectCreated:Put`; some emulators put `s3:` before it.
        if !record.event_name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
            continue;
        }
        let named = record.s3.object;
        let Some(key) = key_encoding::decode(&named.key) else { return Notification::Unreadable };
        let is_given = |text: &String| !text.is_empty() && text != "null";
        objects.push(Object {
            bucket: record.s3.bucket.name,
            key,
            version: named.version_id.filter(is_given),
            etag: named.etag.map(|etag| etag.trim_matches('"').to_owned()).filter(is_given),
            size_bytes: named.size,
            time: record.event_time,
        });
    }
    Notification::Created(objects)
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "Records")]
    records: Option<Vec<Value>>,
    #[serde(rename = "Event")]
    event: Option<String>,
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
        let put = read(&body(include_str!("../../../events/lambda/sqs_s3_put.json")));
        let Notification::Created(objects) = put else { panic!("{put:?}") };
        assert_eq!(objects.len(), 1);
        assert_eq!(objects[0].address(), "s3://minutebook-raw/2026/11/20/my events+1.jsonl");
        for event in [
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
            &not_utf8,
        ] {
            assert_eq!(read(body), Notification::Unreadable, "{body}");
        }
    }
}
