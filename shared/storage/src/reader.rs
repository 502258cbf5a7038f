//! Reading: what stands in the rows of windows, from the fewest of them.

use std::collections::HashMap;
use std::future::Future;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Measure;
use minutebook_domain::query::cover::{Gaps, PeriodRange, cover};
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::window::Window;
use minutebook_domain::time::Hour;
use minutebook_domain::time::period::Retention;

use crate::chunk::commit::Table;
use crate::chunk::ledger::{Item, malformed};
use crate::error::StorageError;
use crate::keys;
use crate::open_hours::{Consistency, OpenHour};

/// How many queries run side by side. A window of up to 400 days whose hours are sealed takes
/// fewer, so that it is one round trip; what is not sealed takes more, a page of up to a megabyte
/// each, and they have to fit the function's memory.
pub const QUERIES_AT_ONCE: usize = 96;

/// What is asked of the table.
#[derive(Clone, Copy, Debug)]
pub struct SumQuestion<'a> {
    /// The site.
    pub site: &'a str,
    /// What was counted; each measure is summed by itself.
    pub measures: &'a [Measure],
    /// The only key that is asked about; `None` for all of them.
    pub key: Option<&'a str>,
    /// The windows; each is summed by itself.
    pub windows: &'a [Window],
    /// The present: it says which hours are settled, and what has expired.
    pub now: DateTime<Utc>,
    /// For how long rows are kept.
    pub retention: Retention,
}

/// Which rows are asked for: those of some families over windows.
#[derive(Clone, Copy)]
pub(crate) struct RowQuestion<'a> {
    /// The site.
    pub(crate) site: &'a str,
    /// What the sort keys begin with: the names of measures, or what else has a row for each span
    /// of time.
    pub(crate) families: &'a [String],
    /// The only counter that is wanted of the rows, as an attribute; `None` for all of what they
    /// hold.
    pub(crate) counter: Option<&'a str>,
    /// The windows.
    pub(crate) windows: &'a [Window],
    /// The present.
    pub(crate) now: DateTime<Utc>,
    /// For how long rows are kept.
    pub(crate) retention: Retention,
}

/// The rows that one query reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowRange {
    /// Their partition.
    pub partition: String,
    /// The first sort key.
    pub first: String,
    /// The last sort key.
    pub last: String,
    /// The only counter that is wanted of them, as an attribute; `None` for all of them.
    pub counter: Option<String>,
}

/// A row, or a row's key, as the table gives it.
pub type Attributes = HashMap<String, AttributeValue>;

/// What one call gives of a range: up to a megabyte of rows.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Page {
    /// The rows.
    pub items: Vec<Attributes>,
    /// Where the next call goes on; `None` after the last page.
    pub next: Option<Attributes>,
}

/// Where rows are read from: the table, or what a test or a meter has in its place.
pub trait RowSource: Sync {
    /// One page of a range, from its start or behind the key that the page before gave. Reads may
    /// lag by less than a second.
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so.
    fn page(
        &self,
        range: &RowRange,
        after: Option<Attributes>,
    ) -> impl Future<Output = Result<Page, StorageError>> + Send;

    /// The open hours of all sites from `from` up to, but not including, `to`, without a lag.
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so.
    fn open_hours(
        &self,
        from: Hour,
        to: Hour,
    ) -> impl Future<Output = Result<Vec<OpenHour>, StorageError>> + Send;
}

impl RowSource for Table {
    async fn page(&self, range: &RowRange, after: Option<Item>) -> Result<Page, StorageError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
            .expression_attribute_names("#pk", keys::PARTITION_KEY)
            .expression_attribute_names("#sk", keys::SORT_KEY)
            .expression_attribute_values(":pk", AttributeValue::S(range.partition.clone()))
            .expression_attribute_values(":first", AttributeValue::S(range.first.clone()))
            .expression_attribute_values(":last", AttributeValue::S(range.last.clone()))
            .set_exclusive_start_key(after);
        if let Some(counter) = &range.counter {
            query = query
                .projection_expression("#pk, #sk, #ttl, #counter")
                .expression_attribute_names("#ttl", keys::TIME_TO_LIVE)
                .expression_attribute_names("#counter", counter);
        }
        let answer =
            query.send().await.map_err(|error| StorageError::from_sdk("Query of rows", error))?;
        Ok(Page { items: answer.items.unwrap_or_default(), next: answer.last_evaluated_key })
    }

    async fn open_hours(&self, from: Hour, to: Hour) -> Result<Vec<OpenHour>, StorageError> {
        Table::open_hours(self, from, to, Consistency::Strong).await
    }
}

impl Table {
    /// Sums the counters of measures by key over windows; see [`sum_windows`].
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so.
    pub async fn sum_windows(&self, question: &SumQuestion<'_>) -> Result<Vec<Sums>, StorageError> {
        sum_windows(self, question).await
    }
}

/// Sums the counters of measures by key over windows, from the fewest rows.
///
/// **Shape**: one [`Sums`] a measure and window: all windows of the first measure in their order,
/// then all of the next.
///
/// **Guarantees**: what was committed before the call is in the sums (eventually consistent reads
/// may lag by less than a second), and nothing is in them twice, while ingest and sealing go on;
/// see `each_row`.
///
/// # Errors
/// [`StorageError`]; a retry helps where it says so.
pub async fn sum_windows<S: RowSource>(
    source: &S,
    question: &SumQuestion<'_>,
) -> Result<Vec<Sums>, StorageError> {
    let &SumQuestion { site, key, windows, now, retention, .. } = question;
    let families: Vec<String> = question.measures.iter().map(Measure::to_string).collect();
    let counter = key.map(|key| format!("{}{key}", keys::COUNTER_PREFIX));
    let counter = counter.as_deref();
    let mut sums: Vec<Sums> = vec![];
    sums.resize_with(families.len() * windows.len(), Sums::default);
    let question = RowQuestion { site, families: &families, counter, windows, now, retention };
    each_row(source, &question, |place, item| add_counters(item, key, &mut sums[place])).await?;
    Ok(sums)
}

/// Hands on each row of windows, with the place of its family and window: all windows of the first
/// family in their order, then all of the next. Rows whose time to live has passed are left out,
/// though they may still stand.
///
/// All queries run side by side: those for the rows, on the presumption that every settled hour is
/// done, and one for the open hours among them. Where one of these lies in a row of an hour, day,
/// week or month, that row is passed over, and its span is read again around the minutes of the
/// open hour: a second round trip, for about three minutes of each hour, or for as long as sealing
/// is behind.
///
/// **Guarantees**: what was committed before the call is in the rows (eventually consistent reads
/// may lag by less than a second), and nothing is in two of them, while ingest and sealing go on:
/// - Each minute is read from one row or another, never from two, and all shards of a minute row are
///   summed. The minute rows of an hour are the whole of it whether it is sealed or not: an hour
///   that is not settled, or is listed, is right.
/// - A row of an hour or more is taken only if none of its hours is listed. An hour is listed
///   before its first event goes to a numbered shard, and leaves the list a
///   [`SETTLE_TIME`](minutebook_domain::time::lateness::SETTLE_TIME) after the sums of these shards stand in the rows
///   above. So whether the row was read before the list or after it, it held all of the hour: the
///   calls of an answer take seconds. Late events never were in a shard that sealing sums.
/// - The row of a day, week or month that is running is taken for its settled hours while the first
///   one that is not settled is open for a `SETTLE_TIME` at least: until that is closed, nothing of it
///   comes to the row.
/// - A commit that began while the hour was open, and was held up until it was settled, is listed
///   first too, and the list is read without a lag.
///
/// # Errors
/// [`StorageError`]; a retry helps where it says so.
pub(crate) async fn each_row<S: RowSource>(
    source: &S,
    question: &RowQuestion<'_>,
    add: impl FnMut(usize, &Item) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let presumed = Gaps::new([], question.retention, question.now);
    let places = || {
        question
            .families
            .iter()
            .flat_map(|family| question.windows.iter().map(move |_| family.as_str()))
    };
    let covers: Vec<Vec<PeriodRange>> = question
        .windows
        .iter()
        .map(|window| cover(window.counted_by(question.now), &presumed))
        .collect();
    let wanted: Vec<Wanted<'_>> = places()
        .zip(covers.iter().cycle())
        .enumerate()
        .flat_map(|(place, (family, ranges))| {
            ranges.iter().map(move |range| Wanted { place, family, range: *range })
        })
        .collect();
    let mut adding = Adding { now: question.now, add };

    let mut calls: Vec<Call<'_>> = open_hours_call(&wanted).into_iter().collect();
    let mut gaps = if calls.is_empty() { Some(presumed) } else { None };
    calls.extend(wanted.iter().copied().map(Call::Rows));
    // Rows that came before the list of open hours: there are few, as minutes need not wait for it.
    let mut early: Vec<(Wanted<'_>, Vec<Item>)> = vec![];
    let mut arrivals = arrivals(source, question, calls);
    while let Some(arrival) = arrivals.try_next().await? {
        match (arrival, &gaps) {
            (Arrival::OpenHours(open_hours), _) => {
                let known = Gaps::new(open_hours, question.retention, question.now);
                for (wanted, items) in early.drain(..) {
                    adding.add_unless_open(wanted, &items, &known)?;
                }
                gaps = Some(known);
            }
            (Arrival::Rows(wanted, items), Some(gaps)) => {
                adding.add_unless_open(wanted, &items, gaps)?
            }
            (Arrival::Rows(wanted, items), None) if wanted.range.is_minutes() => {
                adding.add(wanted, &items)?
            }
            (Arrival::Rows(wanted, items), None) => early.push((wanted, items)),
        }
    }
    drop(arrivals);

    let again = gaps.iter().flat_map(|gaps| {
        let open = wanted.iter().filter(|wanted| wanted.range.has_gap(gaps));
        open.flat_map(|wanted| {
            cover(wanted.range.window, gaps)
                .into_iter()
                .map(|range| Call::Rows(Wanted { range, ..*wanted }))
        })
    });
    let mut arrivals = self::arrivals(source, question, again.collect());
    while let Some(arrival) = arrivals.try_next().await? {
        if let Arrival::Rows(wanted, items) = arrival {
            adding.add(wanted, &items)?;
        }
    }
    Ok(())
}

/// A range of a window, for one family.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    /// Which family and window it belongs to.
    place: usize,
    family: &'a str,
    range: PeriodRange,
}

enum Call<'a> {
    OpenHours { from: Hour, to: Hour },
    Rows(Wanted<'a>),
}

enum Arrival<'a> {
    /// The open hours of the site that is asked about.
    OpenHours(Vec<Hour>),
    Rows(Wanted<'a>, Vec<Item>),
}

struct Adding<A> {
    now: DateTime<Utc>,
    add: A,
}

impl<A: FnMut(usize, &Item) -> Result<(), StorageError>> Adding<A> {
    fn add_unless_open(
        &mut self,
        wanted: Wanted<'_>,
        items: &[Item],
        gaps: &Gaps,
    ) -> Result<(), StorageError> {
        if wanted.range.has_gap(gaps) { Ok(()) } else { self.add(wanted, items) }
    }

    fn add(&mut self, wanted: Wanted<'_>, items: &[Item]) -> Result<(), StorageError> {
        for item in items {
            if !has_expired(item, self.now)? {
                (self.add)(wanted.place, item)?;
            }
        }
        Ok(())
    }
}

/// The call for the open hours, if any row of an hour, day, week or month is wanted.
fn open_hours_call<'a>(wanted: &[Wanted<'a>]) -> Option<Call<'a>> {
    let windows = || {
        wanted.iter().filter(|wanted| !wanted.range.is_minutes()).map(|wanted| wanted.range.window)
    };
    let from = windows().map(|window| window.from.hour()).min()?;
    let to = windows().map(|window| window.to.hour()).max()?;
    Some(Call::OpenHours { from, to })
}

/// What the calls give, in the order in which it comes.
fn arrivals<'a, S: RowSource>(
    source: &'a S,
    question: &'a RowQuestion<'a>,
    calls: Vec<Call<'a>>,
) -> impl Stream<Item = Result<Arrival<'a>, StorageError>> + Unpin + Send + 'a {
    stream::iter(calls).flat_map_unordered(QUERIES_AT_ONCE, move |call| -> BoxStream<'a, _> {
        match call {
            Call::OpenHours { from, to } => {
                let open = async move {
                    let open_hours = source.open_hours(from, to).await?;
                    let of_site = open_hours.into_iter().filter(|open| open.site == question.site);
                    Ok(Arrival::OpenHours(of_site.map(|open| open.hour).collect()))
                };
                stream::once(open).boxed()
            }
            Call::Rows(wanted) => {
                let pages = pages(source, row_range(question, wanted));
                pages.map_ok(move |items| Arrival::Rows(wanted, items)).boxed()
            }
        }
    })
}

fn row_range(question: &RowQuestion<'_>, Wanted { family, range, .. }: Wanted<'_>) -> RowRange {
    let prefix = |period| keys::tally_prefix(family, period);
    let (first, last) = keys::rows_between(&prefix(range.first), &prefix(range.last));
    RowRange {
        partition: keys::tally_partition(question.site, range.first),
        first,
        last,
        counter: question.counter.map(str::to_string),
    }
}

/// The pages of a range, one call after the other.
fn pages<S: RowSource>(
    source: &S,
    range: RowRange,
) -> impl Stream<Item = Result<Vec<Item>, StorageError>> + Send {
    enum Next {
        First,
        After(Item),
        Nothing,
    }
    stream::try_unfold((range, Next::First), move |(range, next)| async move {
        let after = match next {
            Next::First => None,
            Next::After(key) => Some(key),
            Next::Nothing => return Ok(None),
        };
        let page = source.page(&range, after).await?;
        Ok(Some((page.items, (range, page.next.map_or(Next::Nothing, Next::After)))))
    })
}

pub(crate) fn has_expired(item: &Item, now: DateTime<Utc>) -> Result<bool, StorageError> {
    match item.get(keys::TIME_TO_LIVE) {
        None => Ok(false),
        Some(AttributeValue::N(text)) => match text.parse::<i64>() {
            Ok(time_to_live) => Ok(time_to_live <= now.timestamp()),
            Err(error) => Err(malformed(item, format!("its ttl is {text}: {error}"))),
        },
        Some(other) => Err(malformed(item, format!("its ttl is {other:?}, not a number"))),
    }
}

fn add_counters(item: &Item, only: Option<&str>, sums: &mut Sums) -> Result<(), StorageError> {
    for counter in counters(item) {
        let (key, amount) = counter?;
        if only.is_none_or(|only| only == key) {
            sums.add(key, amount);
        }
    }
    Ok(())
}

/// The keys of a row and their numbers.
pub(crate) fn counters(item: &Item) -> impl Iterator<Item = Result<(&str, Amount), StorageError>> {
    item.iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(keys::COUNTER_PREFIX)?, value)))
        .map(|(key, value)| {
            let number = value.as_n().ok().and_then(|text| Amount::parse(text.as_bytes()));
            let amount = number.ok_or_else(|| {
                malformed(item, format!("the counter {key:?} is {value:?}, not a decimal in range"))
            })?;
            Ok((key, amount))
        })
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
