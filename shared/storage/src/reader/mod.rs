//! Reading windows from the fewest rows.

pub mod consistent;
pub mod source;
pub mod totals;

use std::mem::discriminant;
use std::pin::pin;

use chrono::{DateTime, Utc};
use futures::future::{Either, select};
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use minutebook_domain::count::measure::Measure;
use minutebook_domain::count::tally::OTHER_KEY;
use minutebook_domain::query::cover::{
    Gaps, HOURS_PER_RANGE, MINUTES_PER_RANGE, PeriodRange, cover,
};
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::window::Window;
use minutebook_domain::time::period::{Period, Retention};
use minutebook_domain::time::{HOURS_PER_DAY, Hour, MINUTES_PER_HOUR, QuarterHours};

use crate::counters::counters;
use crate::error::StorageError;
use crate::keys;
use crate::reader::source::{RowRange, RowSource, pages};
use crate::table::{Item, Table, has_expired, text};

/// The number of concurrent queries for one key: their pages are small, whatever the rows hold.
pub const QUERIES_AT_ONCE: usize = 96;

/// The number of concurrent queries for whole rows. A window of a day or of months whose hours are
/// sealed takes fewer, so it is one round trip. A page has up to a megabyte of rows, which is 2 to 6
/// MB as JSON, so all of them together take up to 192 MB of the function's 512.
const WHOLE_QUERIES_AT_ONCE: usize = 32;

/// The memory that the sums of an answer may take, in bytes: 1.8 million item ids, 1.3 million paths
/// of 20 bytes, or 400,000 of 250. A hash table that grows is there twice for a moment, the second
/// time with twice the size, so that they take up to 256 MB of the function's 512.
const SUMS_BYTES_MAX: usize = 112 << 20;

/// The attributes of rows that may wait for the list of open hours, some 250 bytes each. When there
/// are more, the list is waited for.
const EARLY_ATTRIBUTES_MAX: usize = 200_000;

/// A question about sums.
#[derive(Clone, Copy, Debug)]
pub struct SumQuestion<'a> {
    /// The site.
    pub site: &'a str,
    /// The measures; each is summed separately.
    pub measures: &'a [Measure],
    /// The only key to sum, beside [`OTHER_KEY`]; `None` for all of them.
    pub key: Option<&'a str>,
    /// The windows; each is summed separately.
    pub windows: &'a [Window],
    /// The current time: it decides which hours are settled, and what has expired.
    pub now: DateTime<Utc>,
    /// How long rows are kept.
    pub retention: Retention,
    /// The hours of the site that have rows of their quarters, for edges of the windows within them.
    pub quarter_hours: &'a QuarterHours,
}

/// A question about rows: those of some families in windows.
#[derive(Clone, Copy)]
pub(crate) struct RowQuestion<'a> {
    /// The site.
    pub(crate) site: &'a str,
    /// The prefixes of the sort keys: the names of measures, or
    /// [`keys::visitors_family`].
    pub(crate) families: &'a [String],
    /// The only counter to read beside that of [`OTHER_KEY`], as an attribute; `None` for all
    /// attributes.
    pub(crate) counter: Option<&'a str>,
    /// The windows.
    pub(crate) windows: &'a [Window],
    /// The current time.
    pub(crate) now: DateTime<Utc>,
    /// How long rows are kept.
    pub(crate) retention: Retention,
    /// The hours of the site that have rows of their quarters.
    pub(crate) quarter_hours: &'a QuarterHours,
}

/// How many days of a series one query reads.
const DAYS_PER_QUERY: u32 = 8;

impl Table {
    /// Sums the counters of measures by key over windows; see [`sum_windows`].
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn sum_windows(&self, question: &SumQuestion<'_>) -> Result<Vec<Sums>, StorageError> {
        sum_windows(self, question).await
    }
}

/// Sums the counters of measures by key over windows, from the fewest rows.
///
/// **Shape**: one [`Sums`] for each measure and window: all windows of the first measure in their
/// order, then all of the next.
///
/// **Guarantees**: what was committed before the call is in the sums (eventually consistent reads
/// may lag by less than a second), and nothing is in them twice, while ingest and sealing run; see
/// `each_row`.
///
/// # Errors
/// [`StorageError`]; see [`StorageError::is_retryable`]. [`StorageError::TooManyKeys`] if the sums
/// take more memory than a function has.
pub async fn sum_windows<S: RowSource>(
    source: &S,
    question: &SumQuestion<'_>,
) -> Result<Vec<Sums>, StorageError> {
    let &SumQuestion { site, key, windows, now, retention, quarter_hours, .. } = question;
    let families: Vec<String> = question.measures.iter().map(Measure::to_string).collect();
    let counter = key.map(|key| format!("{}{key}", keys::COUNTER_PREFIX));
    let counter = counter.as_deref();
    let mut sums: Vec<Sums> = vec![];
    sums.resize_with(families.len() * windows.len(), Sums::default);
    let families = &families;
    let rows = RowQuestion { site, families, counter, windows, now, retention, quarter_hours };
    let mut bytes = 0;
    each_row(source, &rows, |place, item| {
        let sums = &mut sums[place];
        bytes -= sums.memory_bytes();
        add_counters(item, key, sums)?;
        bytes += sums.memory_bytes();
        if bytes <= SUMS_BYTES_MAX {
            return Ok(());
        }
        let (measure, window) = (place / windows.len(), place % windows.len());
        Err(StorageError::TooManyKeys {
            measure: question.measures[measure],
            window: windows[window],
        })
    })
    .await?;
    Ok(sums)
}

/// Passes on each row of windows, with the place of its family and window: all windows of the first
/// family in their order, then all of the next. Rows whose time to live has passed are skipped,
/// even if they still exist.
///
/// All queries run concurrently: those for the rows, on the presumption that every settled hour is
/// done, and one for the open hours among them. If a row of a quarter, hour, day, week or month has
/// an open hour, the row is skipped, and its period is read again around the minutes of the open
/// hour. This second round trip happens for about three minutes of each hour, or while sealing is
/// behind.
///
/// **Guarantees**: what was committed before the call is in the rows (eventually consistent reads
/// may lag by less than a second), and nothing is in two of them, while ingest and sealing run:
/// - Each minute is read from exactly one row, and all shards of a minute row are summed. The
///   minute rows of an hour are the whole hour whether it is sealed or not, so an hour that is not
///   settled, or is listed, is right.
/// - A row of a quarter or more is used only if none of its hours is listed. An hour is listed before
///   its first event goes to a numbered shard, and leaves the list a
///   [`SETTLE_TIME`](minutebook_domain::time::lateness::SETTLE_TIME) after the rows above hold the
///   sums of these shards. The calls of an answer take seconds, so the row held the whole hour
///   whether it was read before the list or after it. Late events never are in a shard that sealing
///   sums.
/// - The row of the current day, week or month is used for its settled hours while the first hour
///   that is not settled stays open for at least a `SETTLE_TIME`: until that hour is closed, the
///   row holds nothing of it.
/// - A commit that began while the hour was open, and was delayed until it was settled, lists the
///   hour first too, and the list is read without a lag.
///
/// # Errors
/// [`StorageError`]; see [`StorageError::is_retryable`].
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
        .map(|window| cover(window.counted_by(question.now), &presumed, question.quarter_hours))
        .collect();
    let wanted: Vec<Wanted<'_>> = places()
        .zip(covers.iter().cycle())
        .enumerate()
        .flat_map(|(place, (family, ranges))| {
            ranges.iter().map(move |range| Wanted { place, family, range: *range })
        })
        .collect();
    let mut adding = Adding { now: question.now, add };

    // The list is asked first.
    let mut list = pin!(async {
        match hours_of_rows(&wanted) {
            Some((from, to)) => {
                let open_hours = source.open_hours(question.site, from, to).await?;
                Ok::<_, StorageError>(Gaps::new(open_hours, question.retention, question.now))
            }
            None => Ok(presumed.clone()),
        }
    });
    let mut arrivals = arrivals(source, question, wanted.clone());
    // Rows that arrive before the list of open hours. There are few, because minutes need not wait.
    let mut early: Vec<(Wanted<'_>, Vec<Item>)> = vec![];
    let mut early_attributes = 0;
    let gaps = loop {
        if early_attributes > EARLY_ATTRIBUTES_MAX {
            break list.await?;
        }
        let arrived = match select(list.as_mut(), arrivals.next()).await {
            Either::Left((gaps, _)) => break gaps?,
            Either::Right((arrived, _)) => arrived,
        };
        let Some(arrived) = arrived else {
            break list.await?;
        };
        let (wanted, items) = arrived?;
        if wanted.range.is_minutes() {
            adding.add(wanted, &items)?;
        } else {
            early_attributes += items.iter().map(Item::len).sum::<usize>();
            early.push((wanted, items));
        }
    };
    for (wanted, items) in early {
        adding.add_unless_open(wanted, &items, &gaps)?;
    }
    while let Some((wanted, items)) = arrivals.try_next().await? {
        adding.add_unless_open(wanted, &items, &gaps)?;
    }
    drop(arrivals);

    let open = wanted.iter().filter(|wanted| wanted.range.has_gap(&gaps));
    let again = open.flat_map(|wanted| {
        let ranges = cover(wanted.range.window, &gaps, question.quarter_hours);
        ranges.into_iter().map(|range| Wanted { range, ..*wanted })
    });
    let mut arrivals = self::arrivals(source, question, again.collect());
    while let Some((wanted, items)) = arrivals.try_next().await? {
        adding.add(wanted, &items)?;
    }
    Ok(())
}

/// A range of a window, for one family.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    /// The place of its family and window.
    place: usize,
    family: &'a str,
    range: PeriodRange,
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

/// The hours that rows above minutes are wanted for; `None` if only minutes are.
fn hours_of_rows(wanted: &[Wanted<'_>]) -> Option<(Hour, Hour)> {
    let ranges = || wanted.iter().map(|wanted| wanted.range).filter(|range| !range.is_minutes());
    let from = ranges().map(|range| range.window.from.hour()).min()?;
    let to = ranges().map(PeriodRange::end_hour).max()?;
    Some((from, to))
}

/// The pages of the ranges, in the order of their arrival. Only one page is in memory as rows, since
/// each is passed on as soon as it has arrived as a whole.
fn arrivals<'a, S: RowSource>(
    source: &'a S,
    question: &'a RowQuestion<'a>,
    wanted: Vec<Wanted<'a>>,
) -> impl Stream<Item = Result<(Wanted<'a>, Vec<Item>), StorageError>> + Unpin + Send + 'a {
    let at_once = match question.counter {
        Some(_) => QUERIES_AT_ONCE,
        None => WHOLE_QUERIES_AT_ONCE,
    };
    let queries = joined(question, wanted);
    stream::iter(queries).flat_map_unordered(at_once, move |Joined { rows, wanted }| {
        let each = pages(source, rows).map(move |page| page.and_then(|rows| parted(&wanted, rows)));
        each.map_ok(|parts| stream::iter(parts.into_iter().map(Ok))).try_flatten().boxed()
    })
}

/// Ranges of one family that lie side by side in the table, so that one query reads them: most
/// windows of a series are shorter than what a query may read.
struct Joined<'a> {
    rows: RowRange,
    /// The ranges, ascending, each with its last sort key.
    wanted: Vec<(Wanted<'a>, String)>,
}

/// The queries for these ranges.
fn joined<'a>(question: &RowQuestion<'_>, wanted: Vec<Wanted<'a>>) -> Vec<Joined<'a>> {
    let mut queries: Vec<Joined<'a>> = vec![];
    for wanted in wanted {
        let rows = row_range(question, wanted);
        let last = rows.last.clone();
        match queries.last_mut().filter(|query| query.can_extend(&wanted, &rows)) {
            Some(query) => {
                query.rows.last = rows.last;
                query.wanted.push((wanted, last));
            }
            None => queries.push(Joined { rows, wanted: vec![(wanted, last)] }),
        }
    }
    queries
}

impl Joined<'_> {
    fn can_extend(&self, next: &Wanted<'_>, rows: &RowRange) -> bool {
        let (Some((first, _)), Some((last, _))) = (self.wanted.first(), self.wanted.last()) else {
            return false;
        };
        let (from, to) = (first.range.window.from, next.range.window.to);
        let is_next = last.range.window.to == next.range.window.from
            && discriminant(&last.range.first) == discriminant(&next.range.first);
        is_next
            && first.family == next.family
            && self.rows.partition == rows.partition
            && to.number() - from.number() <= joined_minutes_max(next.range.first)
    }
}

/// How many minutes the periods span that one query reads at most, so that the pages of a long
/// window are read side by side, as far as there are several queries for it.
fn joined_minutes_max(period: Period) -> u32 {
    match period {
        Period::Minute(_) => MINUTES_PER_RANGE,
        Period::Quarter(_) => MINUTES_PER_HOUR,
        Period::Hour(_) => HOURS_PER_RANGE * MINUTES_PER_HOUR,
        Period::Day(_) => DAYS_PER_QUERY * HOURS_PER_DAY * MINUTES_PER_HOUR,
        // They are few.
        Period::Week(_) | Period::Month(_) => 0,
    }
}

/// The rows of a page of a query, by range.
///
/// # Errors
/// [`StorageError::Malformed`] for a row without a sort key, which no table has.
fn parted<'a>(
    wanted: &[(Wanted<'a>, String)],
    rows: Vec<Item>,
) -> Result<Vec<(Wanted<'a>, Vec<Item>)>, StorageError> {
    if let [(only, _)] = wanted {
        return Ok(vec![(*only, rows)]);
    }
    let mut parts: Vec<(Wanted<'a>, Vec<Item>)> =
        wanted.iter().map(|(wanted, _)| (*wanted, vec![])).collect();
    for row in rows {
        let key = text(&row, keys::SORT_KEY)?;
        let place = wanted.partition_point(|(_, last)| last.as_str() < key);
        if let Some((_, rows)) = parts.get_mut(place) {
            rows.push(row);
        }
    }
    parts.retain(|(_, rows)| !rows.is_empty());
    Ok(parts)
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

fn add_counters(item: &Item, only: Option<&str>, sums: &mut Sums) -> Result<(), StorageError> {
    for counter in counters(item) {
        let (key, amount) = counter?;
        if only.is_none_or(|only| only == key || key == OTHER_KEY) {
            sums.add(key, amount);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
