//! A table in memory, for tests and meters: it answers the queries of the reader, and sums what
//! they would cost.

mod small_rows;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::ops::Bound;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use futures::channel::oneshot;
use minutebook_domain::catalogue::Slot;
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Measure;
use minutebook_domain::count::secret::SecretNumber;
use minutebook_domain::count::visitors::Visitors;
use minutebook_domain::plan::{Row, counter_bytes};
use minutebook_domain::time::lateness::is_settled;
use minutebook_domain::time::period::{Period, Retention};
use minutebook_domain::time::{Hour, Minute};

use crate::error::StorageError;
use crate::keys::{self, Shard};
use crate::order::recent::RecentOrder;
use crate::proof::Proof;
use crate::reader::source::{Page, RowRange, RowSource, other_counter};
use crate::site::registry::{RegisteredSite, Registry};
use crate::site::settings::Revision;
use crate::table::Item;
use crate::visitors::{VisitorState, sketches};

/// The limit of one page of a query, in bytes.
///
/// **Source**: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html>
const PAGE_BYTES_MAX: usize = 1_048_576;

/// The bytes of a read unit, over all rows of a page.
const READ_UNIT_BYTES: usize = 4_096;

/// The size of a stored time to live (ten digits), in bytes.
const TIME_TO_LIVE_BYTES: usize = 6;

/// The cost of a reading.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Reads {
    /// Ranges that were queried.
    pub queries: usize,
    /// Calls: a range of more than a megabyte takes several in succession.
    pub pages: usize,
    /// Rows that they returned.
    pub rows: usize,
    /// The size of these rows, as it is billed.
    pub bytes: usize,
    /// Halves of read units: an eventually consistent read takes one for each started 4 KB.
    pub half_units: usize,
    /// Successive batches of calls: each waits for the answers of the one before.
    pub round_trips: usize,
}

/// A table in memory.
///
/// **Guarantees**: a call is answered when the driver of the reading says so, from the rows of that
/// moment. A test can therefore change the table between any two answers.
#[derive(Default)]
pub struct MemoryTable {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    partitions: BTreeMap<String, BTreeMap<String, Arc<MemoryRow>>>,
    /// Sort keys.
    open_hours: BTreeSet<String>,
    visitor_state: Option<VisitorState>,
    registry: Option<Registry>,
    sites: Vec<RegisteredSite>,
    revisions: Vec<Revision>,
    /// By site.
    catalogues: BTreeMap<String, Slot>,
    /// The newest first.
    recent_orders: Vec<RecentOrder>,
    proof: Option<Proof>,
    waiting: Vec<oneshot::Sender<()>>,
    reads: Reads,
}

#[derive(Clone, Default)]
struct MemoryRow {
    expires_at: Option<i64>,
    counters: BTreeMap<String, Amount>,
    /// Of visitors.
    sketches: BTreeMap<&'static str, Vec<u8>>,
    /// Whether they are counted by stage.
    is_by_stage: bool,
}

/// The periods whose rows have a minute by `now`.
pub fn periods_by(minute: Minute, now: DateTime<Utc>) -> Vec<Period> {
    let mut periods = vec![Period::Minute(minute)];
    if is_settled(minute.hour(), now) {
        periods.extend(Period::of_hour(minute.hour()));
    }
    periods
}

impl MemoryTable {
    /// Records the last proof.
    pub fn prove(&self, proof: Proof) {
        self.state().proof = Some(proof);
    }

    /// Adds a row's counters, as a commit does.
    pub fn add(&self, row: &Row<'_>, shard: Shard, retention: Retention) {
        let partition = keys::tally_partition(row.site, row.period);
        let sort_key = keys::tally_row(row.measure, row.period, shard, row.slot, 0);
        let mut state = self.state();
        let stored = Arc::make_mut(
            state.partitions.entry(partition).or_default().entry(sort_key).or_default(),
        );
        stored.expires_at = retention.expires_at(row.period);
        for (key, amount) in &row.counters {
            match stored.counters.get_mut(*key) {
                Some(sum) => *sum += *amount,
                None => {
                    stored.counters.insert((*key).to_string(), *amount);
                }
            }
        }
    }

    /// Counts something in every row that has it by `now`: that of its minute and, if its hour is
    /// settled, all rows above.
    pub fn count(
        &self,
        site: &str,
        measure: Measure,
        minute: Minute,
        counter: (&str, Amount),
        now: DateTime<Utc>,
        retention: Retention,
    ) {
        for period in periods_by(minute, now) {
            let row = Row { site, period, measure, slot: 0, counters: vec![counter] };
            self.add(&row, Shard::Late, retention);
        }
    }

    /// Puts a row of visitors of a secret under a tag, or a shard.
    pub fn put_visitors(
        &self,
        secret: SecretNumber,
        site: &str,
        period: Period,
        tag: &str,
        visitors: &Visitors,
        retention: Retention,
    ) {
        let sort_key =
            format!("{}{tag}", keys::tally_prefix(keys::visitors_family(secret), period));
        let sketches = sketches(visitors)
            .into_iter()
            .filter(|(_, sketch)| !sketch.is_empty())
            .map(|(name, sketch)| (name, sketch.to_bytes()))
            .collect();
        let row = MemoryRow {
            expires_at: retention.expires_at(period),
            sketches,
            is_by_stage: visitors.stages.are_complete,
            ..MemoryRow::default()
        };
        let mut state = self.state();
        state
            .partitions
            .entry(keys::tally_partition(site, period))
            .or_default()
            .insert(sort_key, Arc::new(row));
    }

    /// Replaces the rows of a partition by those of another one.
    pub fn copy_partition(&self, from: &str, to: &str) {
        let mut state = self.state();
        let rows = state.partitions.get(from).cloned().unwrap_or_default();
        state.partitions.insert(to.to_string(), rows);
    }

    /// Replaces the list of recent orders; the newest comes first.
    pub fn list_recent(&self, orders: impl IntoIterator<Item = RecentOrder>) {
        self.state().recent_orders = orders.into_iter().collect();
    }

    /// Sets the state of visitors.
    pub fn set_visitor_state(&self, state: VisitorState) {
        self.state().visitor_state = Some(state);
    }

    /// Sets the registry of sites.
    pub fn set_registry(&self, is_complete: bool, sites: Vec<RegisteredSite>) {
        let mut state = self.state();
        let count = u32::try_from(sites.len()).unwrap_or(u32::MAX);
        state.registry = Some(Registry { sites: count, is_complete });
        state.sites = sites;
    }

    /// Sets the revisions of the settings of sites.
    pub fn set_revisions(&self, revisions: Vec<Revision>) {
        self.state().revisions = revisions;
    }

    /// Sets the catalogue of a site, which is one slot.
    pub fn set_catalogue(&self, site: &str, items: Slot) {
        self.state().catalogues.insert(site.to_string(), items);
    }

    /// Lists an hour as open.
    pub fn list_open(&self, site: &str, hour: Hour) {
        self.state().open_hours.insert(keys::open_hour(site, hour));
    }

    /// Removes an hour from the list of open hours.
    pub fn remove_open(&self, site: &str, hour: Hour) {
        self.state().open_hours.remove(&keys::open_hour(site, hour));
    }

    /// Runs a reading to its end, and answers all calls that wait at once, again and again. Also
    /// returns the cost.
    ///
    /// # Panics
    /// If the reading waits for anything but this table.
    pub fn read<F: Future>(&self, reading: F) -> (F::Output, Reads) {
        self.state().reads = Reads::default();
        let output = self.drive(reading, |waiting| {
            let mut state = self.state();
            state.reads.round_trips += 1;
            assert_eq!(waiting, state.waiting.len());
            std::mem::take(&mut state.waiting)
        });
        (output, self.state().reads)
    }

    /// Runs a reading to its end, and answers one call at a time: `choose` picks one of so many,
    /// from 0, and may change the table before.
    ///
    /// # Panics
    /// If the reading waits for anything but this table, or if `choose` picks a call that does not
    /// exist.
    pub fn read_one_by_one<F: Future>(
        &self,
        reading: F,
        mut choose: impl FnMut(usize) -> usize,
    ) -> F::Output {
        self.drive(reading, |waiting| {
            let chosen = choose(waiting);
            vec![self.state().waiting.remove(chosen)]
        })
    }

    fn drive<F: Future>(
        &self,
        reading: F,
        mut answer: impl FnMut(usize) -> Vec<oneshot::Sender<()>>,
    ) -> F::Output {
        let mut reading = pin!(reading);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        loop {
            if let Poll::Ready(output) = reading.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            if woken.0.swap(false, Ordering::Relaxed) {
                // It only yielded, and has more to do before it waits for an answer.
                continue;
            }
            let waiting = self.state().waiting.len();
            assert!(waiting > 0, "the reading waits for something that is not a call");
            for call in answer(waiting) {
                // A call that was dropped needs no answer.
                let _ = call.send(());
            }
        }
    }

    /// Takes a turn, and adds the cost of reading a small row.
    async fn small_turn(&self) -> MutexGuard<'_, State> {
        self.turn().await;
        let mut state = self.state();
        state.reads.queries += 1;
        state.reads.pages += 1;
        state.reads.half_units += 1;
        state
    }

    async fn turn(&self) {
        let (answer, turn) = oneshot::channel();
        self.state().waiting.push(answer);
        // The driver sends, or drops the reading with all of its calls.
        let _ = turn.await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RowSource for MemoryTable {
    async fn page(&self, range: &RowRange, after: Option<Item>) -> Result<Page, StorageError> {
        self.turn().await;
        let mut state = self.state();
        let is_first = after.is_none();
        let start = match after
            .as_ref()
            .and_then(|key| key.get(keys::SORT_KEY))
            .and_then(|key| key.as_s().ok())
        {
            Some(key) => Bound::Excluded(key.as_str()),
            None => Bound::Included(range.first.as_str()),
        };
        let mut page = Page::default();
        let mut bytes = 0;
        let rows = state.partitions.get(&range.partition);
        let rows = rows
            .iter()
            .flat_map(|rows| rows.range::<str, _>((start, Bound::Included(range.last.as_str()))));
        for (sort_key, row) in rows {
            let row_bytes = row.bytes(&range.partition, sort_key);
            if bytes + row_bytes > PAGE_BYTES_MAX && bytes > 0 {
                page.next = page.items.last().map(|last: &Item| {
                    let of_key = |name: &&str| {
                        last.get(*name).map(|value| ((*name).to_string(), value.clone()))
                    };
                    [keys::PARTITION_KEY, keys::SORT_KEY].iter().filter_map(of_key).collect()
                });
                break;
            }
            bytes += row_bytes;
            page.items.push(row.item(&range.partition, sort_key, range.counter.as_deref()));
        }
        let reads = &mut state.reads;
        reads.queries += usize::from(is_first);
        reads.pages += 1;
        reads.rows += page.items.len();
        reads.bytes += bytes;
        // A query that finds nothing is billed like a small one.
        reads.half_units += bytes.div_ceil(READ_UNIT_BYTES).max(1);
        Ok(page)
    }

    async fn open_hours(
        &self,
        site: &str,
        from: Hour,
        to: Hour,
    ) -> Result<Vec<Hour>, StorageError> {
        self.turn().await;
        let mut state = self.state();
        let keys = state.open_hours.range(keys::open_hour(site, from)..keys::open_hour(site, to));
        let open_hours: Vec<Hour> =
            keys.filter_map(|key| Hour::parse(key.rsplit_once('#')?.1)).collect();
        let bytes = open_hours.len() * (OPEN_HOUR_BYTES + site.len());
        let reads = &mut state.reads;
        reads.queries += 1;
        reads.pages += 1;
        reads.rows += open_hours.len();
        reads.bytes += bytes;
        // Consistent reads cost twice as much.
        reads.half_units += 2 * bytes.div_ceil(READ_UNIT_BYTES).max(1);
        Ok(open_hours)
    }
}

/// Whether a reading has been woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The size of a listed hour beside its site: its keys, and two times with their names.
const OPEN_HOUR_BYTES: usize =
    "pk".len() + "OPEN#4".len() + "sk".len() + "2026-11-20T23#".len() + 2 * 33;

impl MemoryRow {
    fn bytes(&self, partition: &str, sort_key: &str) -> usize {
        let keys =
            keys::PARTITION_KEY.len() + partition.len() + keys::SORT_KEY.len() + sort_key.len();
        let time_to_live =
            self.expires_at.map_or(0, |_| keys::TIME_TO_LIVE.len() + TIME_TO_LIVE_BYTES);
        let sketches: usize =
            self.sketches.iter().map(|(name, bytes)| name.len() + bytes.len()).sum();
        let by_stage = if self.is_by_stage { keys::BY_STAGE.len() + 1 } else { 0 };
        keys + time_to_live
            + by_stage
            + sketches
            + self.counters.iter().map(|(key, amount)| counter_bytes(key, *amount)).sum::<usize>()
    }

    fn item(&self, partition: &str, sort_key: &str, only: Option<&str>) -> Item {
        let mut item = Item::from([
            (keys::PARTITION_KEY.to_string(), AttributeValue::S(partition.to_string())),
            (keys::SORT_KEY.to_string(), AttributeValue::S(sort_key.to_string())),
        ]);
        if let Some(expires_at) = self.expires_at {
            item.insert(keys::TIME_TO_LIVE.to_string(), AttributeValue::N(expires_at.to_string()));
        }
        for (name, bytes) in &self.sketches {
            item.insert((*name).to_string(), AttributeValue::B(Blob::new(bytes.clone())));
        }
        if self.is_by_stage {
            item.insert(keys::BY_STAGE.to_string(), AttributeValue::Bool(true));
        }
        for (key, amount) in &self.counters {
            let name = format!("{}{key}", keys::COUNTER_PREFIX);
            if only.is_none_or(|only| only == name || name == other_counter()) {
                item.insert(name, AttributeValue::N(amount.to_string()));
            }
        }
        item
    }
}
