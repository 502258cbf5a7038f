//! Shared by the fault tests: chunks of events in open hours and of late events, workers behind a
//! proxy, and the recount at the end of each test.

use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use minutebook_tests::faults::{Call, Fault, FaultProxy, Plan, UploadTimes};
use minutebook_tests::store::{HandWrittenEntry, Store, sqs_event};
use minutebook_tests::worker::{Invocation, Worker};
use serde_json::{Value, json};

/// The rows of this many views need more than one transaction.
pub(crate) const VIEWS_OF_TWO_PARTS: usize = 150;

/// Events in time are spread over this many past minutes. An hour stays open for ten minutes after
/// its end, so a test always has some minutes left before the hour of its oldest event closes.
const MINUTES_BACK: usize = 5;

/// When the events of a chunk arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coming {
    /// While their hours are open. They go to numbered shards, with seal checks.
    InTime,
    /// After their hours have closed. They go to the shard `late` and to the rows of longer
    /// periods.
    Late,
}

impl Coming {
    /// Both cases. Ingest must survive most faults in both.
    pub(crate) const BOTH: [Coming; 2] = [Coming::InTime, Coming::Late];

    /// A store for this case of a test.
    pub(crate) async fn store(
        self,
        cloud: &minutebook_tests::cloud::Cloud,
        name: &str,
    ) -> Result<Store> {
        let way = match self {
            Coming::InTime => "in-time",
            Coming::Late => "late",
        };
        Store::make(cloud, &format!("{name}-{way}")).await
    }

    /// `count` views, each with its own item and its own row, so that the number of views
    /// determines the number of transactions.
    pub(crate) fn rows(self, count: usize) -> Result<String> {
        let now = now()?;
        let view = |number: usize| match self {
            Coming::InTime => {
                let minutes_back = i64::try_from(number % MINUTES_BACK).unwrap_or(0);
                let time = rfc3339(now - TimeDelta::minutes(minutes_back));
                let site = number / MINUTES_BACK;
                format!("\"timestamp\":\"{time}\",\"site_id\":\"s{site}\",\"item_id\":{number}")
            }
            Coming::Late => {
                let (day, hour, minute) = (1 + number / 1_440, number / 60 % 24, number % 60);
                format!(
                    "\"timestamp\":\"2026-10-{day:02}T{hour:02}:{minute:02}:30Z\",\"item_id\":{number}"
                )
            }
        };
        // Two views per session, and customers who return at other times.
        let visitor =
            |number: usize| format!("\"user_id\":{},\"session\":{}", number % 40, number / 2);
        let line =
            |number| format!("{{\"event\":\"view\",{},{}}}\n", view(number), visitor(number));
        Ok((0..count).map(line).collect())
    }

    /// `count` views in one minute, each of a different item. They need few rows, which all chunks
    /// of that minute share.
    pub(crate) fn views_of_a_minute(self, count: usize) -> Result<String> {
        Ok(views_at(self.minute()?, count))
    }

    /// The minute of [`Coming::views_of_a_minute`].
    pub(crate) fn minute(self) -> Result<DateTime<Utc>> {
        match self {
            Coming::InTime => now(),
            Coming::Late => Ok("2026-10-01T00:00:30Z".parse()?),
        }
    }
}

/// `count` views at one time, each of a different item.
pub(crate) fn views_at(time: DateTime<Utc>, count: usize) -> String {
    let time = rfc3339(time);
    let line = |number| {
        let user = number % 50;
        format!(
            "{{\"event\":\"view\",\"timestamp\":\"{time}\",\"item_id\":{number},\"user_id\":{user}}}\n"
        )
    };
    (0..count).map(line).collect()
}

pub(crate) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The partition key of the minute rows of an hour.
pub(crate) fn minutes_of(site: &str, time: DateTime<Utc>) -> String {
    format!("T#{site}#{}", time.format("%Y-%m-%dT%H"))
}

/// The current time, in whole seconds.
pub(crate) fn now() -> Result<DateTime<Utc>> {
    let since = SystemTime::UNIX_EPOCH.elapsed()?;
    DateTime::from_timestamp(i64::try_from(since.as_secs())?, 0)
        .context("the clock is out of range")
}

/// A plan that injects one fault, at call `number` of an operation.
pub(crate) fn at(operation: &'static str, number: usize, fault: Fault) -> Plan {
    Box::new(move |call| {
        (call.operation == operation && call.number == number).then(|| fault.clone())
    })
}

/// Whether a call is a transaction with seal checks, as for numbered shards.
pub(crate) fn is_for_shards(call: &Call) -> bool {
    call.actions.iter().any(|action| action == "ConditionCheck")
}

/// Whether a call is a transaction without seal checks, as for late events.
pub(crate) fn is_late(call: &Call) -> bool {
    call.operation == "TransactWriteItems" && !is_for_shards(call)
}

/// A plan that holds the first matching call.
pub(crate) fn hold_first(is_meant: impl Fn(&Call) -> bool + Send + 'static) -> Plan {
    let mut has_held = false;
    Box::new(move |call| {
        if has_held || !is_meant(call) {
            return None;
        }
        has_held = true;
        Some(Fault::Hold)
    })
}

/// Starts ingest behind a DynamoDB proxy that can kill it.
pub(crate) async fn start_behind(store: &Store, plan: Plan) -> Result<(FaultProxy, Worker)> {
    let proxy = FaultProxy::start(&store.clients.endpoint_url, plan).await?;
    let worker = store.start_ingest(&proxy.url, &store.clients.endpoint_url).await?;
    proxy.set_victim(worker.process_id());
    Ok((proxy, worker))
}

/// Starts ingest behind proxies for DynamoDB and S3. The S3 proxy reports `time` as the upload time
/// of the notification's object, because the real upload time depends on how fast the test runs.
pub(crate) async fn start_behind_clock(
    store: &Store,
    plan: Plan,
    record: &Value,
    time: DateTime<Utc>,
) -> Result<(FaultProxy, Worker)> {
    let object = &record["s3"]["object"];
    let key = object["key"].as_str().context("an object has a key")?;
    let version_id = object["versionId"].as_str().context("the bucket keeps versions")?;
    let times = UploadTimes::default();
    times.set(&format!("{}/{key}", store.bucket), version_id, time);
    let proxy = FaultProxy::start(&store.clients.endpoint_url, plan).await?;
    proxy.set_upload_times(&times);
    let worker = store.start_ingest(&proxy.url, &proxy.url).await?;
    proxy.set_victim(worker.process_id());
    Ok((proxy, worker))
}

/// Delivers notifications to a worker, one message each. The worker must handle them all.
pub(crate) async fn count<'a>(
    worker: &mut Worker,
    records: impl IntoIterator<Item = &'a Value>,
) -> Result<()> {
    let messages: Vec<Vec<Value>> =
        records.into_iter().map(|record| vec![record.clone()]).collect();
    let ended = worker.invoke(sqs_event(&messages)).await?;
    ensure!(ended.is_clean(), "{ended:?}");
    Ok(())
}

/// Delivers the chunk again without faults, as the queue would, and checks every tally.
pub(crate) async fn again_and_verified(store: &Store, record: &Value, events: usize) -> Result<()> {
    let mut worker = store.start_plain_ingest().await?;
    count(&mut worker, [record]).await.context("the second try")?;
    verified(store, events).await
}

/// Recounts everything that was put, at all granularities.
pub(crate) async fn verified(store: &Store, events: usize) -> Result<()> {
    let report = store.verify().await?;
    ensure!(report["events"] == events, "verify counted {} events, not {events}", report["events"]);
    ensure!(report["differences"] == 0, "verify says {report}");
    Ok(())
}

/// The answer that returns these messages to the queue.
pub(crate) fn failed(ids: &[&str]) -> Invocation {
    let failures: Vec<Value> = ids.iter().map(|id| json!({"itemIdentifier": id})).collect();
    Invocation::Answered(json!({"batchItemFailures": failures}))
}

pub(crate) fn content_hash(bytes: &[u8]) -> Result<String> {
    let settings = minutebook_oracle::Settings::at(DateTime::UNIX_EPOCH);
    Ok(minutebook_oracle::recount(bytes, &settings)?.content_hash)
}

/// Closes the shards of an hour by hand, as the sealer does.
pub(crate) async fn seal(store: &Store, site: &str, hour: &str) -> Result<()> {
    for shard in 0..16 {
        store.put_row(&format!("S#{site}#{hour}"), &format!("{shard:02}"), &[]).await?;
    }
    Ok(())
}

/// Opens the shards again, which only tests do.
pub(crate) async fn unseal(store: &Store, site: &str, hour: &str) -> Result<()> {
    for shard in 0..16 {
        store.delete_row(&format!("S#{site}#{hour}"), &format!("{shard:02}")).await?;
    }
    Ok(())
}

/// The number of items in a row of [`write_as_counted_in_time`].
const ITEMS_PER_ROW: usize = 250;

/// Puts an object with one view of each of `items` items, and writes what ingest would have written
/// while its hour was open: the ledger entry, the rows of two shards and two minutes, and the list
/// entry of the open hour. No worker can write this any more, because the hour is closed.
pub(crate) async fn write_as_counted_in_time(
    store: &Store,
    site: &str,
    hour: &str,
    items: usize,
) -> Result<()> {
    let mut text = String::new();
    store.list_open(site, hour).await?;
    for row in 0..items.div_ceil(ITEMS_PER_ROW) {
        let (minute, sort_key) = match row % 2 {
            0 => ("07", format!("views#07#00#{row:03}")),
            _ => ("59", format!("views#59#15#{row:03}.1")),
        };
        let ids = row * ITEMS_PER_ROW..items.min((row + 1) * ITEMS_PER_ROW);
        for item in ids.clone() {
            let time = format!("{hour}:{minute}:30Z");
            text += &format!(
                "{{\"event\":\"view\",\"timestamp\":\"{time}\",\"site_id\":\"{site}\",\"item_id\":{item}}}\n"
            );
        }
        let names: Vec<String> = ids.map(|item| format!("i#{item}")).collect();
        let counters: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        store.put_row(&format!("T#{site}#{hour}"), &sort_key, &counters).await?;
    }
    let key = format!("in-time/{site}/{hour}.jsonl");
    let content_hash = content_hash(text.as_bytes())?;
    store.put(&key, text).await?;
    let reference_time = format!("{hour}:59:59Z");
    let (content_hash, reference_time) = (content_hash.as_str(), reference_time.as_str());
    store
        .put_entry(&HandWrittenEntry {
            key: &key,
            content_hash,
            reference_time,
            lines: u32::try_from(items)?,
        })
        .await
}
