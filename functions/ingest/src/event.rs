//! The events that Lambda delivers: messages of the queue, or records of a stream. The shape of the
//! event says which.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::notification::Message;
use crate::stream::event::{
    Delivery, KafkaRecord, KinesisRecord, StreamEventError, kafka_deliveries, kinesis_deliveries,
};

/// The event of one invocation.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Shape")]
pub enum Event {
    /// Messages of the queue, in no particular order.
    Messages(Vec<Message>),
    /// Records of a Kafka topic or a Kinesis stream, by partition.
    Deliveries(Vec<Delivery>),
}

/// An event that this function cannot handle. No retry helps.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Its shape is unknown.
    #[error(
        "the event has neither Records (of the queue or of a Kinesis stream) nor an eventSource aws:kafka or \
         SelfManagedKafka with records"
    )]
    UnknownShape,
    /// A record of another service.
    #[error(
        "a record has the eventSource {0:?}; expected aws:sqs or aws:kinesis, the same for all records"
    )]
    OtherSource(String),
    /// A record lacks a member that records of its source have.
    #[error("a record of {of} has no {missing}")]
    Incomplete {
        /// Its source.
        of: &'static str,
        /// The member.
        missing: &'static str,
    },
    /// It has a value that no stream delivers.
    #[error(transparent)]
    Stream(#[from] StreamEventError),
}

/// All members that any known event has.
#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "Records")]
    list: Option<Vec<Record>>,
    #[serde(rename = "eventSource")]
    source: Option<String>,
    #[serde(rename = "eventSourceArn")]
    source_arn: Option<String>,
    #[serde(rename = "bootstrapServers")]
    bootstrap_servers: Option<String>,
    /// By `<topic>-<partition>`; each record has both too.
    records: Option<BTreeMap<String, Vec<KafkaRecord>>>,
}

/// A record of the queue or of a Kinesis stream.
#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventSource")]
    source: Option<String>,
    #[serde(rename = "messageId")]
    message_id: Option<String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    attributes: Attributes,
    #[serde(rename = "eventSourceARN")]
    source_arn: Option<String>,
    #[serde(rename = "eventID")]
    event_id: Option<String>,
    kinesis: Option<KinesisRecord>,
}

/// The attributes of a message; Lambda sends all of them as text.
#[derive(Default, Deserialize)]
struct Attributes {
    #[serde(rename = "ApproximateReceiveCount", default)]
    receive_count: String,
}

impl TryFrom<Shape> for Event {
    type Error = EventError;

    fn try_from(shape: Shape) -> Result<Event, EventError> {
        match (shape.list, shape.source.as_deref(), shape.records) {
            (Some(list), None, None) => of_list(list),
            // Some of AWS's own examples have `aws:` before it.
            (
                None,
                Some("aws:kafka" | "SelfManagedKafka" | "aws:SelfManagedKafka"),
                Some(records),
            ) => {
                let records = records.into_values().flatten();
                let (arn, servers) =
                    (shape.source_arn.as_deref(), shape.bootstrap_servers.as_deref());
                Ok(Event::Deliveries(kafka_deliveries(arn, servers, records)?))
            }
            _ => Err(EventError::UnknownShape),
        }
    }
}

/// An empty list is one of messages.
fn of_list(list: Vec<Record>) -> Result<Event, EventError> {
    let is_kinesis = |record: &Record| record.source.as_deref() == Some("aws:kinesis");
    if list.first().is_some_and(is_kinesis) {
        let records: Vec<_> = list.into_iter().map(kinesis_record).collect::<Result<_, _>>()?;
        return Ok(Event::Deliveries(kinesis_deliveries(records)?));
    }
    Ok(Event::Messages(list.into_iter().map(message).collect::<Result<_, _>>()?))
}

fn message(record: Record) -> Result<Message, EventError> {
    match record.source.as_deref() {
        // `cargo lambda invoke` with an event written by hand.
        None | Some("aws:sqs") => {}
        Some(other) => return Err(EventError::OtherSource(other.to_string())),
    }
    let id =
        record.message_id.ok_or(EventError::Incomplete { of: "aws:sqs", missing: "messageId" })?;
    // Whoever invokes the function by hand does not count.
    let deliveries = record.attributes.receive_count.parse().unwrap_or(1);
    Ok(Message { id, body: record.body, deliveries })
}

fn kinesis_record(record: Record) -> Result<(String, String, KinesisRecord), EventError> {
    if let Some(other) = record.source.as_deref().filter(|source| *source != "aws:kinesis") {
        return Err(EventError::OtherSource(other.to_string()));
    }
    let missing = |missing: &'static str| EventError::Incomplete { of: "aws:kinesis", missing };
    Ok((
        record.source_arn.ok_or_else(|| missing("eventSourceARN"))?,
        record.event_id.ok_or_else(|| missing("eventID"))?,
        record.kinesis.ok_or_else(|| missing("kinesis"))?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(event: &str) -> Result<Event, String> {
        serde_json::from_str(event).map_err(|error| error.to_string())
    }

    fn deliveries(event: &str) -> Vec<(String, Vec<String>)> {
        let Ok(Event::Deliveries(deliveries)) = read(event) else { panic!("records of a stream") };
        let offsets = |delivery: &Delivery| {
            delivery.records.iter().map(|record| record.offset.to_string()).collect()
        };
        deliveries.iter().map(|delivery| (delivery.partition.clone(), offsets(delivery))).collect()
    }

    #[test]
    fn messages_of_the_queue_are_read_as_lambda_sends_them() {
        for (event, count) in [
            (include_str!("../../../events/lambda/sqs_s3_put.json"), 1),
            (
                r#"{"Records":[{"messageId":"a","body":"b"},{"messageId":"c","eventSource":"aws:sqs"}]}"#,
                2,
            ),
            (r#"{"Records":[]}"#, 0),
        ] {
            let Ok(Event::Messages(messages)) = read(event) else { panic!("messages: {event}") };
            assert_eq!(messages.len(), count);
        }
    }

    #[test]
    fn a_message_says_how_often_it_was_delivered() {
        for (attributes, deliveries) in [
            (r#","attributes":{"ApproximateReceiveCount":"3","SenderId":"x"}"#, 3),
            (r#","attributes":{}"#, 1),
            ("", 1),
        ] {
            let event = format!(r#"{{"Records":[{{"messageId":"a"{attributes}}}]}}"#);
            let Ok(Event::Messages(messages)) = read(&event) else { panic!("messages: {event}") };
            assert_eq!(messages[0].deliveries, deliveries, "{event}");
        }
    }

    #[test]
    fn records_of_streams_are_read_as_lambda_sends_them() {
        let msk = deliveries(include_str!("../../../events/lambda/kafka_msk.json"));
        let [(first, first_offsets), (second, second_offsets)] = &msk[..] else {
            panic!("two partitions: {msk:?}")
        };
        assert!(first.starts_with("kafka/shop-") && first.ends_with("/orders/0"), "{first}");
        assert!(second.ends_with("/orders/1"), "{second}");
        assert_eq!(
            (first_offsets, second_offsets),
            (&vec!["15".to_string(), "16".into(), "17".into()], &vec!["4".into()])
        );

        let own = deliveries(include_str!("../../../events/lambda/kafka_self_managed.json"));
        assert!(
            own[0].0.starts_with("kafka/self-managed-") && own[0].0.ends_with("/shop-events/0"),
            "{own:?}"
        );

        let kinesis = deliveries(include_str!("../../../events/lambda/kinesis.json"));
        let [(shard, numbers)] = &kinesis[..] else { panic!("one shard: {kinesis:?}") };
        assert!(
            shard.starts_with("kinesis/shop-events-") && shard.ends_with("/shardId-000000000006"),
            "{shard}"
        );
        assert_eq!(numbers.len(), 3);
    }

    #[test]
    fn another_shape_is_an_error_that_says_what_is_expected() {
        for (event, word) in [
            ("{}", "neither Records"),
            (r#"{"eventSource":"aws:rmq","records":{}}"#, "SelfManagedKafka"),
            (r#"{"eventSource":"aws:kafka","records":{}}"#, "bootstrapServers"),
            (r#"{"Records":[{"eventSource":"aws:dynamodb","eventID":"1"}]}"#, "aws:dynamodb"),
            (r#"{"Records":[{"eventSource":"aws:sqs"}]}"#, "messageId"),
            (r#"{"Records":[{"eventSource":"aws:kinesis"}]}"#, "eventSourceARN"),
            (
                r#"{"eventSource":"aws:kafka","records":{"a-0":[{"topic":"a","partition":0,"offset":-1}]}}"#,
                "expected u64",
            ),
            ("[]", "invalid"),
        ] {
            let error = read(event).err().unwrap_or_default();
            assert!(error.contains(word), "{event}: {error}");
        }
    }
}
