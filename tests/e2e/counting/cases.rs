//! Small inputs in the forms that shops really send, each of one kind that is easily read wrong. Each
//! is sent as a file, as a post and as the value of a record of Kafka, and must come to the same.
//!
//! The expected numbers are written by hand. In addition, the oracle recounts everything through
//! `minutebook verify`.

mod table;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minutebook_oracle::Decimal;
use minutebook_tests::binaries::root;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::Store;
use minutebook_tests::worker::{Invocation, Worker};
use serde_json::{Value, json};

use self::table::{CASES, Case};
use crate::calls::asking::{ask, http_event};
use crate::counting::chunks::count;

crate::tests![every_case_as_a_file, every_case_as_a_post, every_case_as_a_value_of_kafka];

async fn every_case_as_a_file(cloud: &Cloud) -> Result<()> {
    let mut way = Way::start(cloud, "cases-files").await?;
    for case in CASES {
        let record = way.store.put(case.file, bytes_of(case)?).await?;
        way.count_and_check(case, &[record], None).await?;
    }
    way.end().await
}

async fn every_case_as_a_post(cloud: &Cloud) -> Result<()> {
    let mut way = Way::start(cloud, "cases-posts").await?;
    let mut collect = way.store.start_collect(&way.store.clients.endpoint_url).await?;
    for case in CASES.iter().filter(|case| case.can_be_posted()) {
        let before = keys_of(&way.store.announcements().await?);
        let (status, answer) = post(&mut collect, case).await?;
        ensure!(status == 202, "{}: {status} {answer}", case.file);
        let rejected = answer["rejected"].as_array().context("a list")?;
        let mut reasons = BTreeMap::new();
        for line in rejected {
            let reason = line["reason"].as_str().context("a reason")?;
            *reasons.entry(reason.to_string()).or_insert(0) += 1;
        }
        let all = way.store.announcements().await?;
        let new = all.into_iter().filter(|record| !before.contains(&key_of(record)));
        way.count_and_check(case, &new.collect::<Vec<_>>(), Some(reasons)).await?;
    }
    way.end().await
}

async fn every_case_as_a_value_of_kafka(cloud: &Cloud) -> Result<()> {
    let mut way = Way::start(cloud, "cases-values").await?;
    for (partition, case) in CASES.iter().filter(|case| case.can_be_a_value()).enumerate() {
        let before = keys_of(&way.store.announcements().await?);
        let ended = way.ingest.invoke(kafka_event(partition, &bytes_of(case)?)).await?;
        ensure!(ended.is_clean(), "{}: {ended:?}", case.file);
        let all = way.store.announcements().await?;
        let new = all.into_iter().filter(|record| !before.contains(&key_of(record)));
        way.count_and_check(case, &new.collect::<Vec<_>>(), None).await?;
    }
    way.end().await
}

fn bytes_of(case: &Case) -> Result<Vec<u8>> {
    std::fs::read(root().join("events/cases").join(case.file)).context(case.file)
}

fn key_of(record: &Value) -> String {
    record["s3"]["object"]["key"].to_string()
}

fn keys_of(records: &[Value]) -> BTreeSet<String> {
    records.iter().map(key_of).collect()
}

async fn post(collect: &mut Worker, case: &Case) -> Result<(u64, Value)> {
    let mut event = http_event("POST", "")?;
    event["rawPath"] = json!("/events");
    event["requestContext"]["http"]["path"] = json!("/events");
    // Two cases have the same events, and would be one post by the ids of these.
    event["headers"] = json!({"idempotency-key": case.file});
    // API Gateway hands bodies on so that are not text.
    event["body"] = json!(STANDARD.encode(bytes_of(case)?));
    event["isBase64Encoded"] = json!(true);
    let Invocation::Answered(answer) = collect.invoke(event).await? else {
        bail!("collect did not answer");
    };
    let status = answer["statusCode"].as_u64().context("a status")?;
    Ok((status, serde_json::from_str(answer["body"].as_str().context("a body")?)?))
}

/// A batch of one record, each in a partition of its own.
fn kafka_event(partition: usize, value: &[u8]) -> Value {
    let record = json!({
        "topic": "cases", "partition": partition, "offset": 0, "timestamp": 0,
        "timestampType": "CREATE_TIME", "value": STANDARD.encode(value), "headers": [],
    });
    json!({
        "eventSource": "SelfManagedKafka", "bootstrapServers": "broker:9092",
        "records": {format!("cases-{partition}"): [record]},
    })
}

/// A store that cases come to in one way.
struct Way {
    store: Store,
    ingest: Worker,
    api: Worker,
    events: i64,
}

impl Way {
    async fn start(cloud: &Cloud, name: &str) -> Result<Way> {
        let store = Store::make(cloud, name).await?;
        let ingest = store.start_plain_ingest().await?;
        let api = store.start_query("api", &store.clients.endpoint_url).await?;
        Ok(Way { store, ingest, api, events: 0 })
    }

    /// Counts what a case has put, and compares what that adds with the case. `rejected` are the
    /// reasons of lines that were rejected before they were put.
    async fn count_and_check(
        &mut self,
        case: &Case,
        records: &[Value],
        rejected: Option<BTreeMap<String, i64>>,
    ) -> Result<()> {
        let before = State::of(&self.store).await?;
        count(&mut self.ingest, records).await?;
        let after = State::of(&self.store).await?;
        let file = case.file;

        let lines =
            ["counted", "ignored", "duplicate"].map(|name| after.sum(name) - before.sum(name));
        ensure!(lines == case.lines, "{file}: {lines:?}, not {:?}", case.lines);
        self.events += lines[0];
        let rejected = rejected.unwrap_or_else(|| after.more_than(&before, "rejected_by_reason"));
        let expected = case.rejected.iter().map(|(reason, lines)| ((*reason).to_string(), *lines));
        ensure!(rejected == expected.collect(), "{file}: {rejected:?}");
        let dropped = after.more_than(&before, "dropped");
        let expected = case.dropped.iter().map(|(field, events)| ((*field).to_string(), *events));
        ensure!(dropped == expected.collect(), "{file}: {dropped:?}");

        let (old, new) = (before.numbers(case), after.numbers(case));
        let mut added = BTreeSet::new();
        for (name, number) in &new {
            let more = *number - old.get(name).copied().unwrap_or_default();
            if !more.is_zero() {
                added.insert(format!("{name}={more}"));
            }
        }
        let site = case.site();
        let with_site = |number: &str| match number.strip_prefix('@') {
            Some(number) => number.to_string(),
            None => format!("{site} {number}"),
        };
        let expected: BTreeSet<String> = case.numbers.iter().map(|it| with_site(it)).collect();
        ensure!(added == expected, "{file} adds {added:#?}, and not {expected:#?}");

        if let Some(visitors) = case.visitors {
            let question = format!("site_id={site}&from=2026-11-01&to=2026-12-01");
            let (status, answer) = ask(&mut self.api, "/stats", &question).await?;
            ensure!(status == 200 && answer["unique_users"] == visitors, "{file}: {answer}");
        }
        Ok(())
    }

    /// Recounts everything.
    async fn end(self) -> Result<()> {
        let report = self.store.verify().await?;
        ensure!(report["events"] == self.events && report["differences"] == 0, "{report}");
        Ok(())
    }
}

/// What a store holds.
struct State {
    ledger: Vec<Value>,
    counters: BTreeMap<[String; 3], String>,
}

impl State {
    async fn of(store: &Store) -> Result<State> {
        Ok(State { ledger: store.ledger().await?, counters: store.counters().await? })
    }

    /// A number, over all chunks.
    fn sum(&self, name: &str) -> i64 {
        self.ledger.iter().filter_map(|entry| entry[name].as_i64()).sum()
    }

    /// What a map of numbers has more than before, over all chunks.
    fn more_than(&self, before: &State, name: &str) -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        for (state, sign) in [(self, 1), (before, -1)] {
            for map in state.ledger.iter().filter_map(|entry| entry[name].as_object()) {
                for (key, number) in map {
                    *sums.entry(key.clone()).or_insert(0) +=
                        sign * number.as_i64().unwrap_or_default();
                }
            }
        }
        sums.retain(|_, number| *number != 0);
        sums
    }

    /// The numbers of all minutes by site, measure and key, and by minute if the case says so.
    fn numbers(&self, case: &Case) -> BTreeMap<String, Decimal> {
        let mut numbers: BTreeMap<String, Decimal> = BTreeMap::new();
        for ([partition, row, name], number) in &self.counters {
            let mut partition = partition.split('#').skip(1);
            let (site, period) = (partition.next(), partition.next().unwrap_or_default());
            // `2026-11-20T10`: the partitions of days and years have no hour.
            let Some((_, hour)) = period.split_once('T') else { continue };
            let mut row = row.split('#');
            let (measure, minute) = (row.next(), row.next().unwrap_or_default());
            let key = name.strip_prefix("i#").unwrap_or_default();
            // Money of no order is counted once more under the empty key.
            if key.is_empty() && measure.is_some_and(|measure| measure.contains(':')) {
                continue;
            }
            let mut cell = [site.unwrap_or_default(), measure.unwrap_or_default(), key].join(" ");
            if case.is_by_minute() {
                cell += &format!(" {hour}:{minute}");
            }
            if let Ok(number) = number.parse::<Decimal>() {
                *numbers.entry(cell).or_default() += number;
            }
        }
        numbers
    }
}
