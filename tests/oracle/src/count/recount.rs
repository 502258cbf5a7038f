//! A chunk, counted line by line.

use std::collections::{BTreeMap, BTreeSet};

use crate::count::key::TallyKey;
use crate::count::visitors::Visitors;
use crate::decimal::Decimal;
use crate::read::csv::records;
use crate::read::cut::{VALUE_BYTES_MAX, cut};
use crate::read::event::{check_element, check_line, own_id};
use crate::read::fields::{events, written_events};
use crate::read::json::{self, JsonError, Object, Value};
use crate::read::order::OrderEvent;
use crate::read::text::utf8_of;
use crate::read::unpack::{RecountError, unpack};
use crate::read::values::Settings;

/// How many bytes the elements of a line's `events` may inherit in all: their number times the
/// length of the line without its `events`.
const WRITTEN_OUT_BYTES_MAX: usize = 1024 * 1024;

/// What a chunk holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recount {
    /// Values and what stands in place of one: mostly lines that are not blank.
    pub lines: u64,
    /// Lines of which at least one event was counted.
    pub counted: u64,
    /// Lines that no measure wants.
    pub ignored: u64,
    /// Lines whose events were all seen before in the chunk.
    pub duplicate: u64,
    /// Events that were counted; a line can hold many.
    pub events: u64,
    /// Rejected lines by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Each rejected line.
    pub rejected_lines: Vec<RejectedLine>,
    /// The sums. None is zero.
    pub tallies: BTreeMap<TallyKey, Decimal>,
    /// Whom the counted events are of.
    pub visitors: Visitors,
    /// What the counted events say of orders, in the order of the lines. They count together with
    /// those of all other chunks: see [`crate::order_tallies`].
    pub orders: Vec<OrderEvent>,
    /// The BLAKE3 of the bytes as they are stored, in hex: the end of the chunk's id.
    pub content_hash: String,
}

/// A rejected line or value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedLine {
    /// The number of the line in which it begins, from 1.
    pub line: u64,
    /// How many bytes of the unpacked text are before it.
    pub offset: u64,
    /// Why it is rejected.
    pub reason: String,
}

impl Recount {
    /// How many lines were rejected, for whatever reason.
    pub fn rejected_count(&self) -> u64 {
        self.rejected.values().sum()
    }
}

/// Counts a chunk, given as the bytes that are stored.
///
/// # Errors
/// It is packed and cannot be unpacked; no line of it counts then.
pub fn recount(stored: &[u8], settings: &Settings) -> Result<Recount, RecountError> {
    let bytes = unpack(stored)?;
    let mut recount =
        Recount { content_hash: blake3::hash(stored).to_hex().to_string(), ..Recount::default() };
    let mut seen = BTreeSet::new();
    let text = utf8_of(&bytes);
    for piece in records(&text).unwrap_or_else(|| cut(&text)) {
        recount.lines += 1;
        let counted = match piece.rejected {
            Some(reason) => Err(reason.to_owned()),
            None => count_line(&piece.bytes, settings, &mut seen, &mut recount),
        };
        if let Err(reason) = counted {
            *recount.rejected.entry(reason.clone()).or_default() += 1;
            let offset = piece.offset as u64;
            recount.rejected_lines.push(RejectedLine { line: piece.line, offset, reason });
        }
    }
    Ok(recount)
}

/// Adds up the tallies of several chunks.
pub fn sum<'a>(recounts: impl IntoIterator<Item = &'a Recount>) -> BTreeMap<TallyKey, Decimal> {
    let mut sums = BTreeMap::new();
    for recount in recounts {
        for (key, number) in &recount.tallies {
            *sums.entry(key.clone()).or_default() += *number;
        }
    }
    sums
}

/// The visitors of several chunks.
pub fn visitors<'a>(recounts: impl IntoIterator<Item = &'a Recount>) -> Visitors {
    let mut visitors = Visitors::default();
    for recount in recounts {
        visitors.merge(&recount.visitors);
    }
    visitors
}

/// Ids of events that were counted, each with its site.
type Seen = BTreeSet<(String, String)>;

/// Counts one line.
///
/// # Errors
/// The reason for which the line is rejected; nothing of it was counted then.
fn count_line(
    line: &[u8],
    settings: &Settings,
    seen: &mut Seen,
    recount: &mut Recount,
) -> Result<(), String> {
    let text = line;
    let line = read_object(text)?;
    let line_id;
    let events = match events(&line) {
        Some(elements) => {
            line_id = own_id(&line)?;
            let inherited = text.len() - written_length_of_events(text);
            let mut events = Vec::new();
            for (index, element) in elements.iter().enumerate() {
                if (index + 1) * inherited > WRITTEN_OUT_BYTES_MAX {
                    return Err("too_large".to_owned());
                }
                events.push(check_element(element, &line, settings)?);
            }
            events
        }
        None => {
            line_id = None;
            vec![check_line(&line, settings)?]
        }
    };

    // From here on the line is taken: each of its events is counted, a duplicate, or ignored.
    let line_was_seen = line_id.as_ref().is_some_and(|line_id| seen.contains(line_id));
    let mut events_counted = 0;
    let mut events_duplicate = 0;
    for event in events {
        let Some(event) = event else { continue };
        if event.additions.is_empty() && event.order.is_none() {
            continue;
        }
        let event_id = event.id.map(|id| (event.site.clone(), id));
        if line_was_seen || event_id.as_ref().is_some_and(|event_id| seen.contains(event_id)) {
            events_duplicate += 1;
            continue;
        }
        events_counted += 1;
        seen.extend(event_id);
        recount.visitors.add(
            &event.site,
            event.minute,
            event.customer.as_deref(),
            event.session.as_deref(),
        );
        recount.orders.extend(event.order);
        for (measure, key, number) in event.additions {
            let key = TallyKey { site: event.site.clone(), measure, minute: event.minute, key };
            *recount.tallies.entry(key).or_default() += number;
        }
    }
    if events_counted > 0 || events_duplicate > 0 {
        seen.extend(line_id);
    }

    recount.events += events_counted;
    if events_counted > 0 {
        recount.counted += 1;
    } else if events_duplicate > 0 {
        recount.duplicate += 1;
    } else {
        recount.ignored += 1;
    }
    Ok(())
}

/// How many bytes the array `events` of a line takes as it is written.
fn written_length_of_events(line: &[u8]) -> usize {
    let members = std::str::from_utf8(line).ok().and_then(json::members);
    members.and_then(|members| written_events(&members).map(str::len)).unwrap_or(0)
}

fn read_object(line: &[u8]) -> Result<Object, String> {
    if line.len() > VALUE_BYTES_MAX {
        return Err("too_long".to_owned());
    }
    let text = std::str::from_utf8(line).map_err(|_| "not_utf8".to_owned())?;
    match json::parse(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("not_object".to_owned()),
        Err(JsonError::NotJson) => Err("not_json".to_owned()),
        Err(JsonError::TooDeep) => Err("too_deep".to_owned()),
    }
}
