//! The events that Lambda delivers, and the notifications in them: any bytes are an event or an
//! error, and each record of an event ends in exactly one place. What is expected is read from the
//! same bytes as a plain tree of JSON.
//!
//! The modules of `ingest` are compiled into this target: the crate as a whole brings the SDK, which
//! takes minutes to build with the fuzzer's instruments and has no part in reading an event.

#![no_main]
#![expect(dead_code, reason = "the modules have more than reading an event takes")]

#[path = "../../functions/ingest/src/stream/aggregate.rs"]
mod aggregate;
#[path = "../../functions/ingest/src/event.rs"]
mod event;
#[path = "../../functions/ingest/src/notification.rs"]
mod notification;
#[path = "../../shared/storage/src/stream/offset.rs"]
mod offset;
#[path = "../../functions/ingest/src/stream/event.rs"]
mod stream_event;

// The modules name each other, and what they take from the storage, by these paths.
extern crate self as minutebook_storage;

mod stream {
    pub(crate) use crate::{aggregate, offset, stream_event as event};
}

mod bucket {
    pub mod read {
        /// As in `shared/storage/src/bucket/read.rs`, whose other types are of the SDK.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct ObjectRef {
            pub bucket: String,
            pub key: String,
            pub version_id: Option<String>,
            pub etag: Option<String>,
        }
    }
}

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use minutebook_domain::chunk::event_lines::{EventLines, any_lines};
use serde_json::{Map, Value};

use crate::bucket::read::ObjectRef;
use crate::event::Event;
use crate::notification::{Message, created_objects};
use crate::stream_event::{Delivery, StreamRecord};

/// The first bytes of a record that a producer of Kinesis aggregated from several.
const AGGREGATED: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

fuzz_target!(|input: &[u8]| {
    // A notification is a text in a text. The fuzzer would rarely get there through the message.
    if let Ok(body) = std::str::from_utf8(input) {
        check_notification(body);
    }
    let tree = serde_json::from_slice::<Value>(input).ok();
    match serde_json::from_slice::<Event>(input) {
        Ok(Event::Messages(messages)) => check_messages(&messages, tree.as_ref()),
        Ok(Event::Deliveries(deliveries)) => check_deliveries(&deliveries, tree.as_ref()),
        Err(error) => drop(error.to_string()),
    }
});

/// Each record is a message, in the same order.
fn check_messages(messages: &[Message], tree: Option<&Value>) {
    for message in messages {
        check_notification(&message.body);
    }
    let Some(expected) = tree.and_then(messages_of) else { return };
    let found: Vec<_> = messages
        .iter()
        .map(|Message { id, body, deliveries }| (id.as_str(), body.as_str(), *deliveries))
        .collect();
    assert_eq!(found, expected);
}

/// The id, the body and the deliveries of each message; `None` if the event is not written with
/// objects. Those are what Lambda sends, but arrays in their place are read as well.
fn messages_of(tree: &Value) -> Option<Vec<(&str, &str, u32)>> {
    tree.as_object()?.get("Records")?.as_array()?.iter().map(message_of).collect()
}

fn message_of(record: &Value) -> Option<(&str, &str, u32)> {
    let record = record.as_object()?;
    let body = record.get("body").map_or(Some(""), Value::as_str)?;
    let deliveries = match record.get("attributes") {
        None => None,
        Some(attributes) => attributes.as_object()?.get("ApproximateReceiveCount"),
    };
    let deliveries = deliveries.and_then(Value::as_str).and_then(|text| text.parse().ok());
    Some((record.get("messageId")?.as_str()?, body, deliveries.unwrap_or(1)))
}

/// Each object that was created is named once, in the same order, and nothing else is.
fn check_notification(body: &str) {
    let tree = serde_json::from_str::<Value>(body).ok();
    match (created_objects(body), tree.as_ref().and_then(objects_of)) {
        (Ok(objects), Some(expected)) => assert_eq!(objects, expected, "{body}"),
        (Err(error), _) => drop(error.to_string()),
        (Ok(_), None) => {}
    }
}

/// The objects that a notification says were created, wrapped by SNS or not; `None` if it is not
/// written with objects, or a key is not UTF-8.
fn objects_of(tree: &Value) -> Option<Vec<ObjectRef>> {
    let object = tree.as_object()?;
    match (object.get("Type"), object.get("Message").and_then(Value::as_str)) {
        (None | Some(Value::Null), _) | (Some(_), None) => unwrapped_objects_of(tree),
        (Some(kind), Some(message)) => {
            let tree: Value = serde_json::from_str(message).ok()?;
            (kind == "Notification").then(|| unwrapped_objects_of(&tree)).flatten()
        }
    }
}

fn unwrapped_objects_of(tree: &Value) -> Option<Vec<ObjectRef>> {
    let tree = tree.as_object()?;
    let Some(records) = tree.get("Records").filter(|records| !records.is_null()) else {
        return match tree.get("Event").filter(|event| !event.is_null()) {
            Some(event) => (event == "s3:TestEvent").then(Vec::new),
            None => event_bridge_objects_of(tree),
        };
    };
    let mut objects = vec![];
    for record in records.as_array()? {
        let record = record.as_object()?;
        let (bucket, object) = (record.get("s3")?.get("bucket")?, record.get("s3")?.get("object")?);
        let mut name = record.get("eventName").map_or(Some(""), Value::as_str)?;
        while let Some(rest) = name.strip_prefix("s3:") {
            name = rest;
        }
        if !name.starts_with("ObjectCreated:") {
            continue;
        }
        let text = |name: &str| match object.get(name) {
            Some(Value::String(text)) => Some(text.as_str()),
            _ => None,
        };
        let present = |text: &&str| !matches!(*text, "" | "null");
        objects.push(ObjectRef {
            bucket: bucket.get("name")?.as_str()?.to_owned(),
            key: form_decoded(text("key")?)?,
            version_id: text("versionId").filter(present).map(str::to_owned),
            etag: text("eTag")
                .map(|etag| etag.trim_matches('"'))
                .filter(present)
                .map(str::to_owned),
        });
    }
    Some(objects)
}

/// The object that an event of EventBridge says was created.
fn event_bridge_objects_of(tree: &Map<String, Value>) -> Option<Vec<ObjectRef>> {
    let kind = tree.get("detail-type")?.as_str()?;
    if tree.get("source")? != "aws.s3" || kind.ends_with("via CloudTrail") {
        return None;
    }
    let detail = tree.get("detail").filter(|detail| !detail.is_null())?;
    if kind != "Object Created" {
        return Some(vec![]);
    }
    let object = detail.get("object")?.as_object()?;
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let present = |text: &&str| !matches!(*text, "" | "null");
    Some(vec![ObjectRef {
        bucket: detail.get("bucket")?.get("name")?.as_str()?.to_owned(),
        key: text("key")?.to_owned(),
        version_id: text("version-id").filter(present).map(str::to_owned),
        etag: text("etag").map(|etag| etag.trim_matches('"')).filter(present).map(str::to_owned),
    }])
}

/// Decodes a value of a form; a percent sign without two hex digits stands for itself.
fn form_decoded(text: &str) -> Option<String> {
    let mut decoded = vec![];
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let (byte, behind) = match (byte, digits) {
            (b'%', Some(digits)) => {
                let digits = std::str::from_utf8(digits).ok()?;
                (u8::from_str_radix(digits, 16).ok()?, &behind[2..])
            }
            (b'+', _) => (b' ', behind),
            (byte, _) => (*byte, behind),
        };
        decoded.push(byte);
        rest = behind;
    }
    String::from_utf8(decoded).ok()
}

/// Each record is in the delivery of its partition, each position once, and in order.
fn check_deliveries(deliveries: &[Delivery], tree: Option<&Value>) {
    for delivery in deliveries {
        assert!(delivery.records.is_sorted_by(|left, right| left.offset < right.offset));
        for value in delivery.records.iter().flat_map(|record| &record.values) {
            check_lines(value);
        }
    }
    let names: BTreeSet<&str> =
        deliveries.iter().map(|delivery| delivery.partition.as_str()).collect();
    assert_eq!(names.len(), deliveries.len(), "a partition has two deliveries");
    let Some(expected) =
        tree.and_then(|tree| kafka_records(tree).or_else(|| kinesis_records(tree)))
    else {
        return;
    };
    assert_eq!(deliveries.len(), expected.len(), "{names:?}, and not {expected:?}");
    for ((start, end), records) in expected {
        let is_meant = |name: &str| name.starts_with(&start) && name.ends_with(&end);
        let delivery = deliveries.iter().find(|delivery| is_meant(&delivery.partition));
        let delivery = delivery.expect("each partition has a delivery");
        let offsets: BTreeSet<&str> =
            delivery.records.iter().map(|record| record.offset.as_str()).collect();
        assert_eq!(offsets, records.keys().map(String::as_str).collect());
        for StreamRecord { offset, values, .. } in &delivery.records {
            match &records[offset.as_str()] {
                Some(data) if data.starts_with(&AGGREGATED) => {}
                Some(data) => assert_eq!(values, std::slice::from_ref(data)),
                None => assert!(values.is_empty(), "a tombstone has a value"),
            }
        }
    }
}

/// The records of an event: the start and the end of the names of partitions, and for each its data
/// by position. The last of several records of a position is delivered.
type Records = BTreeMap<(String, String), BTreeMap<String, Option<Vec<u8>>>>;

/// The records of a Kafka event; `None` if it is none, or is not written with objects.
fn kafka_records(tree: &Value) -> Option<Records> {
    let mut expected = Records::new();
    for record in tree.get("records")?.as_object()?.values().map(Value::as_array) {
        for record in record? {
            let topic = record.get("topic")?.as_str()?;
            let end = format!("/{topic}/{}", record.get("partition")?.as_u64()?);
            let value = match record.get("value") {
                None | Some(Value::Null) => None,
                Some(value) => Some(STANDARD.decode(value.as_str()?).ok()?),
            };
            let offset = record.get("offset")?.as_u64()?.to_string();
            expected.entry(("kafka/".to_owned(), end)).or_default().insert(offset, value);
        }
    }
    Some(expected)
}

/// The records of a Kinesis event; `None` if it is none, or is not written with objects.
fn kinesis_records(tree: &Value) -> Option<Records> {
    let mut expected = Records::new();
    for record in tree.get("Records")?.as_array()? {
        let (owner, rest) = record.get("eventSourceARN")?.as_str()?.split_once(":stream/")?;
        let stream = rest.split('/').next()?;
        let shard = record.get("eventID")?.as_str()?.split(':').next()?;
        let hash = blake3::hash(format!("{owner}:stream/{stream}").as_bytes()).to_hex();
        let start = format!("kinesis/{stream}-{}/{shard}", &hash[..8]);
        let kinesis = record.get("kinesis")?.as_object()?;
        let digits = kinesis.get("sequenceNumber")?.as_str()?.trim_start_matches('0');
        let offset = if digits.is_empty() { "0" } else { digits }.to_owned();
        let data = STANDARD.decode(kinesis.get("data")?.as_str()?).ok()?;
        expected.entry((start.clone(), start)).or_default().insert(offset, Some(data));
    }
    Some(expected)
}

/// The lines of a value are its elements, one line if it is an object, or the value itself.
fn check_lines(value: &[u8]) {
    let lines = any_lines(value);
    match EventLines::cut(value) {
        EventLines::Object(line) => {
            assert!(!line.contains(&b'\n'), "an object has two lines");
            assert_eq!(line, lines);
        }
        EventLines::Elements(elements) => {
            let text = value.strip_prefix("\u{feff}".as_bytes()).unwrap_or(value).trim_ascii();
            if let Ok(tree) = serde_json::from_slice::<Vec<Value>>(text) {
                assert_eq!(elements.split_inclusive(|byte| *byte == b'\n').count(), tree.len());
            }
            assert_eq!(elements, lines);
        }
        // CSV becomes objects, and UTF-16 becomes UTF-8.
        EventLines::Lines(text) => {
            assert!(text == lines || lines.is_empty() || lines.ends_with(b"\n"))
        }
    }
}
