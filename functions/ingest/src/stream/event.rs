//! The records of Kafka topics and Kinesis streams, converted into our own types.
//!
//! **Source**: the events of the mappings,
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-kafka.html> and
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html>

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minutebook_storage::stream::offset::Offset;
use serde::Deserialize;

use crate::stream::aggregate::unpacked;

/// The hex digits of the hash in the name of a cluster or stream: enough to distinguish a handful.
const HASH_DIGITS: usize = 8;

/// The name of a cluster that has none.
const SELF_MANAGED: &str = "self-managed";

/// The records of one partition of a topic, or of one shard of a stream, in one invocation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// `kafka/<cluster>/<topic>/<partition>` or `kinesis/<stream>/<shard>`: the prefix of its
    /// objects, and part of the keys of its rows.
    pub partition: String,
    /// By offset, each once.
    pub records: Vec<StreamRecord>,
}

/// A record of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamRecord {
    /// Its position in the partition.
    pub offset: Offset,
    /// Its time in the partition, in milliseconds since 1970; `None` if the stream keeps no time
    /// that never changes.
    pub timestamp: Option<i64>,
    /// Its values: one, none for a tombstone, or those of all records that the producer aggregated
    /// into one.
    pub values: Vec<Vec<u8>>,
}

/// An event with the shape of a stream's event, and values that no stream delivers. No retry helps.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamEventError {
    /// A value of the event, as a whole or of one record.
    #[error("{name} is {value:?}; expected {expected}")]
    Invalid {
        /// Its name.
        name: &'static str,
        /// The value.
        value: String,
        /// The expected values.
        expected: &'static str,
    },
    /// A Kafka event that names no cluster.
    #[error("the event has neither eventSourceArn nor bootstrapServers: its cluster is not known")]
    NoCluster,
}

/// A record as the mapping of a Kafka topic delivers it.
#[derive(Debug, Deserialize)]
pub struct KafkaRecord {
    topic: String,
    partition: u32,
    offset: u64,
    timestamp: Option<i64>,
    value: Option<String>,
}

/// A record as the mapping of a Kinesis stream delivers it.
#[derive(Debug, Deserialize)]
pub struct KinesisRecord {
    #[serde(rename = "sequenceNumber")]
    sequence_number: String,
    data: String,
}

/// The deliveries of a Kafka event.
///
/// # Errors
/// [`StreamEventError`]; no retry helps.
pub fn kafka_deliveries(
    event_source_arn: Option<&str>,
    bootstrap_servers: Option<&str>,
    records: impl IntoIterator<Item = KafkaRecord>,
) -> Result<Vec<Delivery>, StreamEventError> {
    let cluster = match (event_source_arn, bootstrap_servers) {
        (Some(arn), _) => cluster_of_arn(arn),
        (None, Some(servers)) => cluster_of_servers(servers),
        (None, None) => return Err(StreamEventError::NoCluster),
    };
    let mut partitions = Partitions::default();
    for record in records {
        let topic = named("topic", &record.topic)?;
        partitions.add(
            format!("kafka/{cluster}/{topic}/{}", record.partition),
            StreamRecord {
                offset: Offset::from(record.offset),
                // Records of the oldest message format have none: -1.
                timestamp: record.timestamp.filter(|time| *time >= 0),
                values: record
                    .value
                    .map(|value| decoded("value", &value))
                    .transpose()?
                    .into_iter()
                    .collect(),
            },
        );
    }
    Ok(partitions.deliveries())
}

/// The deliveries of a Kinesis event: records with their `eventSourceARN` and `eventID`.
///
/// # Errors
/// [`StreamEventError`]; no retry helps.
pub fn kinesis_deliveries(
    records: impl IntoIterator<Item = (String, String, KinesisRecord)>,
) -> Result<Vec<Delivery>, StreamEventError> {
    let mut partitions = Partitions::default();
    for (arn, event_id, record) in records {
        let stream = stream_of_arn(&arn)?;
        let shard = event_id.split(':').next().unwrap_or_default();
        let shard = named("the shard of eventID", shard)?;
        let offset = Offset::parse(&record.sequence_number).ok_or(StreamEventError::Invalid {
            name: "sequenceNumber",
            value: record.sequence_number,
            expected: "a whole number of at most 129 digits",
        })?;
        let data = decoded("data", &record.data)?;
        let values = unpacked(&data).unwrap_or_else(|| vec![data]);
        // A sequence number is never assigned twice, so nothing depends on the time of arrival.
        partitions.add(
            format!("kinesis/{stream}/{shard}"),
            StreamRecord { offset, timestamp: None, values },
        );
    }
    Ok(partitions.deliveries())
}

/// Records by partition and offset.
#[derive(Default)]
struct Partitions(BTreeMap<String, BTreeMap<Offset, StreamRecord>>);

impl Partitions {
    fn add(&mut self, partition: String, record: StreamRecord) {
        self.0.entry(partition).or_default().insert(record.offset.clone(), record);
    }

    fn deliveries(self) -> Vec<Delivery> {
        let delivery = |(partition, records): (String, BTreeMap<Offset, StreamRecord>)| Delivery {
            partition,
            records: records.into_values().collect(),
        };
        self.0.into_iter().map(delivery).collect()
    }
}

/// `arn:aws:kafka:<region>:<account>:cluster/<name>/<uuid>`: the hash of the whole ARN
/// distinguishes clusters of the same name, including one that was deleted and created again.
fn cluster_of_arn(arn: &str) -> String {
    let name = arn.split_once(":cluster/").and_then(|(_, rest)| rest.split('/').next());
    let name = name.filter(|name| is_name(name)).unwrap_or("cluster");
    format!("{name}-{}", hash_of(arn))
}

/// The order of the brokers does not matter.
fn cluster_of_servers(servers: &str) -> String {
    let mut servers: Vec<&str> =
        servers.split(',').map(str::trim).filter(|server| !server.is_empty()).collect();
    servers.sort_unstable();
    servers.dedup();
    format!("{SELF_MANAGED}-{}", hash_of(&servers.join(",")))
}

/// `arn:aws:kinesis:<region>:<account>:stream/<name>`; that of a consumer with dedicated throughput
/// continues with `/consumer/…`, and the consumer reads the same shards.
fn stream_of_arn(arn: &str) -> Result<String, StreamEventError> {
    let invalid = || StreamEventError::Invalid {
        name: "eventSourceARN",
        value: arn.to_string(),
        expected: "that of a stream",
    };
    let (owner, rest) = arn.split_once(":stream/").ok_or_else(invalid)?;
    let name = rest.split('/').next().filter(|name| is_name(name)).ok_or_else(invalid)?;
    Ok(format!("{name}-{}", hash_of(&format!("{owner}:stream/{name}"))))
}

fn hash_of(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..HASH_DIGITS].to_string()
}

fn named<'a>(name: &'static str, text: &'a str) -> Result<&'a str, StreamEventError> {
    let expected = "letters, digits, full stops, underscores and hyphens";
    if is_name(text) {
        Ok(text)
    } else {
        Err(StreamEventError::Invalid { name, value: text.to_string(), expected })
    }
}

/// Kafka and Kinesis allow the same characters in names.
fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !text.is_empty() && text.bytes().all(is_letter)
}

fn decoded(name: &'static str, base64: &str) -> Result<Vec<u8>, StreamEventError> {
    let invalid =
        |_| StreamEventError::Invalid { name, value: base64.to_string(), expected: "base64" };
    STANDARD.decode(base64).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSK: &str =
        "arn:aws:kafka:us-east-1:123456789012:cluster/shop/751d2973-a626-431c-9d4e-d7975eb44dd7-2";
    const STREAM: &str = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks";

    fn kafka(topic: &str, partition: u32, offset: u64, value: Option<&str>) -> KafkaRecord {
        let value = value.map(str::to_string);
        KafkaRecord { topic: topic.to_string(), partition, offset, timestamp: Some(7), value }
    }

    fn kinesis(arn: &str, event_id: &str, data: &str) -> (String, String, KinesisRecord) {
        let sequence_number = event_id.split(':').nth(1).unwrap_or_default().to_string();
        (
            arn.to_string(),
            event_id.to_string(),
            KinesisRecord { sequence_number, data: data.to_string() },
        )
    }

    fn names(deliveries: &[Delivery]) -> Vec<&str> {
        deliveries.iter().map(|delivery| delivery.partition.as_str()).collect()
    }

    #[test]
    fn records_of_a_topic_are_grouped_by_partition_and_ordered() {
        let records = [
            kafka("a-1", 0, 12, Some("e30=")),
            kafka("a", 10, 5, None),
            kafka("a-1", 0, 9, Some("")),
            kafka("a-1", 0, 12, Some("e30=")),
        ];
        let deliveries = kafka_deliveries(Some(MSK), Some("b:9092"), records).expect("an event");
        let cluster = cluster_of_arn(MSK);
        assert!(
            cluster.starts_with("shop-") && cluster.len() == "shop-01234567".len(),
            "{cluster}"
        );
        assert_eq!(
            names(&deliveries),
            [format!("kafka/{cluster}/a-1/0"), format!("kafka/{cluster}/a/10")]
        );
        let read: Vec<(&str, &[Vec<u8>])> = deliveries[0]
            .records
            .iter()
            .map(|record| (record.offset.as_str(), record.values.as_slice()))
            .collect();
        assert_eq!(read, [("9", &[vec![]][..]), ("12", &[b"{}".to_vec()])]);
        assert!(deliveries[1].records[0].values.is_empty());
    }

    #[test]
    fn a_cluster_is_its_arn_or_its_brokers_in_any_order() {
        let of_servers = |servers: &str| {
            let deliveries =
                kafka_deliveries(None, Some(servers), [kafka("a", 0, 1, None)]).expect("an event");
            deliveries[0].partition.clone()
        };
        assert_eq!(of_servers("b1:9092,b2:9092"), of_servers("b2:9092, b1:9092,"));
        assert_ne!(of_servers("b1:9092,b2:9092"), of_servers("b1:9092"));
        assert!(of_servers("b1:9092").starts_with("kafka/self-managed-"));
        assert_ne!(cluster_of_arn(MSK), cluster_of_arn(&MSK.replace("751d", "851d")));
        assert!(
            cluster_of_arn("arn:aws:kafka:us-east-1:1:vpc-connection/2/shop/x")
                .starts_with("cluster-")
        );
        assert_eq!(kafka_deliveries(None, None, []), Err(StreamEventError::NoCluster));
    }

    #[test]
    fn records_of_a_stream_are_grouped_by_shard_and_ordered_as_numbers() {
        let consumer = format!("{STREAM}/consumer/fast:1540591608");
        let records = [
            kinesis(STREAM, "shardId-000000000006:100", "Qg=="),
            kinesis(&consumer, "shardId-000000000006:99", "QQ=="),
            kinesis(STREAM, "shardId-000000000007:1", ""),
        ];
        let deliveries = kinesis_deliveries(records).expect("an event");
        let stream = stream_of_arn(STREAM).expect("a stream");
        let shard = |number: u32| format!("kinesis/{stream}/shardId-{number:012}");
        assert_eq!(names(&deliveries), [shard(6), shard(7)]);
        let values: Vec<&[u8]> = deliveries[0]
            .records
            .iter()
            .flat_map(|record| &record.values)
            .map(Vec::as_slice)
            .collect();
        assert_eq!(values, [b"A", b"B"]);
        assert_ne!(stream_of_arn(STREAM), stream_of_arn(&STREAM.replace("us-east-1", "eu-west-1")));
    }

    #[test]
    fn values_that_no_stream_delivers_are_errors_that_name_them() {
        for (record, name) in
            [(kafka("a/b", 0, 1, None), "topic"), (kafka("a", 0, 1, Some("{")), "value")]
        {
            let error = kafka_deliveries(Some(MSK), None, [record]).expect_err(name);
            assert!(error.to_string().starts_with(name), "{error}");
        }
        for (record, name) in [
            (kinesis(MSK, "shardId-0:1", ""), "eventSourceARN"),
            (kinesis(STREAM, ":1", ""), "the shard"),
            (kinesis(STREAM, "shardId-0:x", ""), "sequenceNumber"),
            (kinesis(STREAM, "shardId-0:1", "?"), "data"),
        ] {
            let error = kinesis_deliveries([record]).expect_err(name);
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }
}
