//! SQS messages with S3 notifications, converted into our own types.
//!
//! The types of `aws_lambda_events` are not used, because they refuse S3's test event and do not
//! decode keys.

use minutebook_storage::bucket::read::ObjectRef;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// One message of the queue.
#[derive(Debug)]
pub struct Message {
    /// The id of the message, for the answer.
    pub id: String,
    /// The notification, as text.
    pub body: String,
    /// How many times the queue has delivered it, this time included.
    pub deliveries: u32,
}

/// The messages that the queue should deliver again; it deletes all others. A stream ignores this
/// answer.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct BatchAnswer {
    /// By id.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<Failure>,
}

/// A message that the queue should deliver again.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Its id.
    #[serde(rename = "itemIdentifier")]
    pub id: String,
}

/// A message that is not an S3 notification. No retry helps: it ends in the dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// Its body is not JSON, or not of the shape that S3 sends.
    #[error("the message is not an S3 notification: {0}")]
    NotANotification(#[from] serde_json::Error),
    /// It has neither `Records` nor an `Event`.
    #[error("the message is JSON, but has neither Records nor an Event as S3 sends them")]
    NoRecords,
    /// A key is not UTF-8 after decoding.
    #[error("the key {0:?} is not UTF-8 after decoding")]
    KeyNotUtf8(String),
}

#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "Records")]
    records: Option<Vec<Record>>,
    #[serde(rename = "Event")]
    event: Option<String>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName", default)]
    event_name: String,
    s3: S3Entity,
}

#[derive(Deserialize)]
struct S3Entity {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
    #[serde(rename = "eTag")]
    etag: Option<String>,
    #[serde(rename = "versionId")]
    version_id: Option<String>,
}

/// The objects that a message says were created; none for S3's test event and for an empty list.
///
/// # Errors
/// [`NotificationError`]; no retry helps.
pub fn created_objects(body: &str) -> Result<Vec<ObjectRef>, NotificationError> {
    let notification: Notification = serde_json::from_str(body)?;
    let Some(records) = notification.records else {
        return match notification.event {
            Some(event) if event == "s3:TestEvent" => Ok(vec![]),
            _ => Err(NotificationError::NoRecords),
        };
    };
    let mut objects = vec![];
    for record in records {
        // S3 writes `ObjectCreated:Put`; some emulators put `s3:` before it.
        if !record.event_name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
            continue;
        }
        let present = |text: &String| !text.is_empty() && text != "null";
        objects.push(ObjectRef {
            bucket: record.s3.bucket.name,
            key: decode_key(&record.s3.object.key)?,
            version_id: record.s3.object.version_id.filter(present),
            etag: record
                .s3
                .object
                .etag
                .map(|etag| etag.trim_matches('"').to_string())
                .filter(present),
        });
    }
    Ok(objects)
}

/// Decodes a key as a form value: `+` is a space, `%2B` a plus.
fn decode_key(encoded: &str) -> Result<String, NotificationError> {
    let spaced = encoded.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(key) => Ok(key.into_owned()),
        Err(_) => Err(NotificationError::KeyNotUtf8(encoded.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(body: &str) -> Vec<String> {
        let objects = created_objects(body).expect("a notification");
        objects.into_iter().map(|object| object.key).collect()
    }

    fn notification(event_name: &str, key: &str) -> String {
        format!(
            r#"{{"Records":[{{"eventName":"{event_name}","s3":{{"bucket":{{"name":"raw"}},
               "object":{{"key":"{key}","size":1,"eTag":"abc","versionId":"v1","sequencer":"0A"}}}}}}]}}"#
        )
    }

    #[test]
    fn a_message_of_the_queue_is_read_as_lambda_sends_it() {
        let event = include_str!("../../../events/lambda/sqs_s3_put.json");
        let event: serde_json::Value = serde_json::from_str(event).expect("an SQS event");
        let body = event["Records"][0]["body"].as_str().expect("a text");
        assert_eq!(keys(body), ["2026/11/20/my events+1.jsonl"]);
    }

    #[test]
    fn a_put_names_its_object_with_version_and_tag() {
        let expected = ObjectRef {
            bucket: "raw".to_string(),
            key: "a.jsonl".to_string(),
            version_id: Some("v1".to_string()),
            etag: Some("abc".to_string()),
        };
        for event_name in ["ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"] {
            let objects =
                created_objects(&notification(event_name, "a.jsonl")).expect("a notification");
            assert_eq!(objects, std::slice::from_ref(&expected));
        }
    }

    #[test]
    fn a_key_with_spaces_plus_percent_and_unicode_is_decoded_as_a_form_value() {
        for (encoded, key) in [
            ("my+file.jsonl", "my file.jsonl"),
            ("a%2Bb.jsonl", "a+b.jsonl"),
            ("100%25.jsonl", "100%.jsonl"),
            ("%E6%97%A5%E6%9C%AC.jsonl", "日本.jsonl"),
            ("dir/a%3Db%26c.jsonl", "dir/a=b&c.jsonl"),
        ] {
            assert_eq!(keys(&notification("ObjectCreated:Put", encoded)), [key]);
        }
        assert!(created_objects(&notification("ObjectCreated:Put", "%FF.jsonl")).is_err());
    }

    #[test]
    fn the_test_event_and_an_empty_list_name_nothing() {
        let test_event = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"raw"}"#;
        assert_eq!(keys(test_event), Vec::<String>::new());
        assert_eq!(keys(r#"{"Records":[]}"#), Vec::<String>::new());
    }

    #[test]
    fn a_removal_names_nothing() {
        assert_eq!(keys(&notification("ObjectRemoved:Delete", "a.jsonl")), Vec::<String>::new());
    }

    #[test]
    fn every_record_of_a_message_is_taken() {
        let one = notification("ObjectCreated:Put", "a");
        let two = notification("ObjectCreated:Put", "b");
        let inner = |body: &str| body["{\"Records\":[".len()..body.len() - 2].to_string();
        assert_eq!(keys(&format!("{{\"Records\":[{},{}]}}", inner(&one), inner(&two))), ["a", "b"]);
    }

    #[test]
    fn anything_else_is_an_error() {
        for body in ["", "hello", "[]", "{}", r#"{"Event":"other"}"#, r#"{"Records":[{"s3":{}}]}"#]
        {
            assert!(created_objects(body).is_err(), "{body}");
        }
    }
}
