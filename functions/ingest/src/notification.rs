//! SQS messages with S3 notifications, converted into our own types: as S3 sends them, as
//! EventBridge does, and either of them wrapped by SNS.
//!
//! The types of `aws_lambda_events` are not used, because they refuse S3's test event and do not
//! decode keys.
//!
//! **Source**:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html> and
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html>.

use minutebook_storage::bucket::read::ObjectRef;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// It is neither of S3, nor of SNS, nor of EventBridge.
    #[error(
        "the message is JSON but has no Records or Event (S3), Message (SNS) or detail (EventBridge)"
    )]
    UnknownShape,
    /// SNS sent it for itself, for example to confirm a subscription.
    #[error("the message is a {0:?} of SNS; expected a Notification")]
    OfSns(String),
    /// An event of EventBridge that S3 did not send.
    #[error("the event {detail_type:?} is of {source_name:?}; expected one that S3 itself sent")]
    NotOfS3 {
        /// What kind of an event it is.
        detail_type: String,
        /// Which service sent it.
        source_name: String,
    },
    /// A key is not UTF-8 after decoding.
    #[error("the key {0:?} is not UTF-8 after decoding")]
    KeyNotUtf8(String),
}

/// All members that tell a message's shape.
#[derive(Deserialize)]
struct Body {
    #[serde(rename = "Records")]
    records: Option<Vec<Record>>,
    #[serde(rename = "Event")]
    event: Option<String>,
    /// Of EventBridge.
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    source: Option<String>,
    detail: Option<Value>,
    /// Of SNS.
    #[serde(rename = "Type")]
    sns_type: Option<String>,
    #[serde(rename = "Message")]
    sns_message: Option<String>,
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

/// What EventBridge says of an object. Unlike S3 it does not encode the key.
#[derive(Deserialize)]
struct Detail {
    bucket: Bucket,
    object: DetailObject,
}

#[derive(Deserialize)]
struct DetailObject {
    key: String,
    etag: Option<String>,
    #[serde(rename = "version-id")]
    version_id: Option<String>,
}

/// The objects that a message says were created; none for S3's test event, for an empty list and
/// for what else happens to objects.
///
/// # Errors
/// [`NotificationError`]; no retry helps.
pub fn created_objects(body: &str) -> Result<Vec<ObjectRef>, NotificationError> {
    let body: Body = serde_json::from_str(body)?;
    // With raw delivery, SNS sends the message alone.
    match (body.sns_type.as_deref(), &body.sns_message) {
        (Some("Notification"), Some(message)) => objects_of(serde_json::from_str(message)?),
        (Some(other), Some(_)) => Err(NotificationError::OfSns(other.to_string())),
        _ => objects_of(body),
    }
}

fn objects_of(body: Body) -> Result<Vec<ObjectRef>, NotificationError> {
    if let Some(records) = body.records {
        return of_records(records);
    }
    match (body.event.as_deref(), body.detail_type, body.detail) {
        (Some("s3:TestEvent"), _, _) => Ok(vec![]),
        (None, Some(detail_type), Some(detail)) => {
            of_event_bridge(detail_type, body.source.unwrap_or_default(), detail)
        }
        _ => Err(NotificationError::UnknownShape),
    }
}

fn of_records(records: Vec<Record>) -> Result<Vec<ObjectRef>, NotificationError> {
    let mut objects = vec![];
    for record in records {
        // S3 writes `ObjectCreated:Put`; some emulators put `s3:` before it.
        if !record.event_name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
            continue;
        }
        let Object { key, etag, version_id } = record.s3.object;
        objects.push(object_ref(record.s3.bucket, decode_key(&key)?, etag, version_id));
    }
    Ok(objects)
}

fn of_event_bridge(
    detail_type: String,
    source_name: String,
    detail: Value,
) -> Result<Vec<ObjectRef>, NotificationError> {
    // A trail has the calls of S3's API too, in another shape and with best effort only.
    if source_name != "aws.s3" || detail_type.ends_with("via CloudTrail") {
        return Err(NotificationError::NotOfS3 { detail_type, source_name });
    }
    if detail_type != "Object Created" {
        return Ok(vec![]);
    }
    let Detail { bucket, object } = serde_json::from_value(detail)?;
    Ok(vec![object_ref(bucket, object.key, object.etag, object.version_id)])
}

fn object_ref(
    bucket: Bucket,
    key: String,
    etag: Option<String>,
    version_id: Option<String>,
) -> ObjectRef {
    let present = |text: &String| !text.is_empty() && text != "null";
    ObjectRef {
        bucket: bucket.name,
        key,
        version_id: version_id.filter(present),
        etag: etag.map(|etag| etag.trim_matches('"').to_string()).filter(present),
    }
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

    /// The body of the message of an event of Lambda.
    fn body_of(event: &str) -> String {
        let event: Value = serde_json::from_str(event).expect("an SQS event");
        event["Records"][0]["body"].as_str().expect("a text").to_string()
    }

    #[test]
    fn a_message_of_the_queue_is_read_as_lambda_sends_it() {
        let body = body_of(include_str!("../../../events/lambda/sqs_s3_put.json"));
        assert_eq!(keys(&body), ["2026/11/20/my events+1.jsonl"]);
    }

    #[test]
    fn sns_wraps_what_s3_sends() {
        let put = include_str!("../../../events/lambda/sqs_s3_put.json");
        let wrapped = include_str!("../../../events/lambda/sqs_sns_s3_put.json");
        let expected = created_objects(&body_of(put)).expect("a notification");
        assert_eq!(created_objects(&body_of(wrapped)).expect("a notification"), expected);
        let test_event = include_str!("../../../events/lambda/sqs_sns_s3_test_event.json");
        assert_eq!(keys(&body_of(test_event)), Vec::<String>::new());
    }

    #[test]
    fn eventbridge_names_an_object_without_encoding_its_key() {
        let expected = ObjectRef {
            bucket: "minutebook-raw".to_string(),
            key: "2026/11/20/my events+1.jsonl".to_string(),
            version_id: Some("EXAMPLE.v1".to_string()),
            etag: Some("d41d8cd98f00b204e9800998ecf8427e".to_string()),
        };
        for event in [
            include_str!("../../../events/lambda/sqs_eventbridge_object_created.json"),
            include_str!("../../../events/lambda/sqs_sns_eventbridge_object_created.json"),
        ] {
            let objects = created_objects(&body_of(event)).expect("a notification");
            assert_eq!(objects, std::slice::from_ref(&expected));
        }
        let encoded = event_bridge("Object Created", "aws.s3", r#"{"key":"a%2Bb+c"}"#);
        assert_eq!(keys(&encoded), ["a%2Bb+c"]);
    }

    fn event_bridge(detail_type: &str, source: &str, object: &str) -> String {
        format!(
            r#"{{"detail-type":"{detail_type}","source":"{source}",
               "detail":{{"bucket":{{"name":"raw"}},"object":{object}}}}}"#
        )
    }

    #[test]
    fn what_else_happens_to_objects_names_nothing() {
        let deleted = include_str!("../../../events/lambda/sqs_eventbridge_object_deleted.json");
        assert_eq!(keys(&body_of(deleted)), Vec::<String>::new());
        for detail_type in
            ["Object Restore Completed", "Object Tags Added", "Async Copy Completion"]
        {
            let body = event_bridge(detail_type, "aws.s3", "{}");
            assert_eq!(keys(&body), Vec::<String>::new());
        }
    }

    #[test]
    fn what_is_wired_wrongly_is_an_error_that_says_what_came() {
        let error = |body: &str| created_objects(body).expect_err("no notification").to_string();
        assert_eq!(
            error(r#"{"Type":"SubscriptionConfirmation","Message":"You have chosen …"}"#),
            r#"the message is a "SubscriptionConfirmation" of SNS; expected a Notification"#
        );
        assert_eq!(
            error(&event_bridge("AWS API Call via CloudTrail", "aws.s3", "{}")),
            r#"the event "AWS API Call via CloudTrail" is of "aws.s3"; expected one that S3 itself sent"#
        );
        assert_eq!(
            error(&event_bridge("Object Created", "shop", r#"{"key":"a"}"#)),
            r#"the event "Object Created" is of "shop"; expected one that S3 itself sent"#
        );
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
        let nested =
            r#"{"Type":"Notification","Message":"{\"Type\":\"Notification\",\"Message\":\"{}\"}"}"#;
        for body in [
            "",
            "hello",
            "[]",
            "{}",
            nested,
            r#"{"Event":"other"}"#,
            r#"{"Records":[{"s3":{}}]}"#,
            r#"{"Type":"Notification","Message":"hello"}"#,
            r#"{"Message":"{\"Records\":[]}"}"#,
            r#"{"detail-type":"Object Created","source":"aws.s3"}"#,
            r#"{"detail-type":"Object Created","source":"aws.s3","detail":{}}"#,
        ] {
            assert!(created_objects(body).is_err(), "{body}");
        }
    }
}
