//! A chunk, counted line by line.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::count::key::TallyKey;
use crate::count::visitors::Visitors;
use crate::decimal::Decimal;
use crate::read::event::{Event, check_element, check_line, own_id};
use crate::read::fields::{events, written_events};
use crate::read::forms::{self, Plain, Reading};
use crate::read::json::{self, JsonError, Object, Value};
use crate::read::notes::EventNotes;
use crate::read::order::OrderEvent;
use crate::read::text::csv::records;
use crate::read::text::cut::{VALUE_BYTES_MAX, cut};
use crate::read::text::unpack::{RecountError, unpack};
use crate::read::text::utf16::utf8_of;
use crate::read::values::{Rejection, Settings};

/// How many bytes the elements of a line's `events` may inherit in all: their number times the
/// length of the line without its `events`.
const WRITTEN_OUT_BYTES_MAX: usize = 1024 * 1024;

/// What a chunk holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recount {
    /// Objects and what stands in place of one, mostly lines that are not blank; each element of
    /// `events` is a line of its own.
    pub lines: u64,
    /// Lines that were counted.
    pub counted: u64,
    /// Lines that no measure wants.
    pub ignored: u64,
    /// Lines that were seen before in the chunk.
    pub duplicate: u64,
    /// Events that were counted.
    pub events: u64,
    /// Rejected lines by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Each rejected line.
    pub rejected_lines: Vec<RejectedLine>,
    /// How often an event did without a field.
    pub dropped: BTreeMap<String, u64>,
    /// The events of each unknown type.
    pub unknown_types: BTreeMap<String, u64>,
    /// Purchases of which nobody knows what was paid.
    pub purchases_without_money: u64,
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

/// The number of the line in which an object begins, and the number of bytes before it.
type Place = (u64, u64);

/// A rejected line or value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedLine {
    /// The number of the line in which it begins, from 1.
    pub line: u64,
    /// How many bytes of the unpacked text are before it.
    pub offset: u64,
    /// The number of the element of its `events` that is rejected, from 1.
    pub element: Option<u64>,
    /// Why it is rejected.
    pub reason: String,
    /// What its time was taken for, in seconds since 1970, if it is in the future.
    pub time: Option<i64>,
}

impl Recount {
    /// How many lines were rejected, for whatever reason.
    pub fn rejected_count(&self) -> u64 {
        self.rejected.values().sum()
    }

    fn reject(&mut self, (line, offset): Place, element: Option<u64>, rejection: Rejection) {
        let Rejection { reason, time } = rejection;
        self.lines += 1;
        *self.rejected.entry(reason.clone()).or_default() += 1;
        self.rejected_lines.push(RejectedLine { line, offset, element, reason, time });
    }

    fn tell(&mut self, notes: EventNotes) {
        for field in notes.dropped {
            *self.dropped.entry(field.to_owned()).or_default() += 1;
        }
        if let Some(name) = notes.unknown_type {
            *self.unknown_types.entry(name).or_default() += 1;
        }
        self.purchases_without_money += u64::from(notes.lacks_money);
    }
}

/// Counts a chunk, given as the bytes that are stored.
///
/// # Errors
/// It is packed and cannot be unpacked; no line of it counts then.
pub fn recount(stored: &[u8], settings: &Settings) -> Result<Recount, RecountError> {
    recount_appended(stored, 0, settings)
}

/// Counts a chunk of whose stored bytes the first ones were counted before, as the beginning of the
/// same file.
///
/// # Errors
/// It is packed and cannot be unpacked; no line of it counts then.
pub fn recount_appended(
    stored: &[u8],
    counted_before: usize,
    settings: &Settings,
) -> Result<Recount, RecountError> {
    let content_hash = blake3::hash(stored).to_hex().to_string();
    let earlier = stored.get(..counted_before).unwrap_or(stored);
    let earlier_bytes = utf8_of(&unpack(earlier)?).len();
    let bytes = unpack(stored)?;
    let mut recount = Recount::default();
    let mut seen = BTreeSet::new();
    let text = utf8_of(&bytes);
    let records = records(&text);
    // A record of CSV has been measured as its line; the object of it may be longer.
    let length_max = if records.is_some() { usize::MAX } else { VALUE_BYTES_MAX };
    for piece in records.unwrap_or_else(|| cut(&text)) {
        let place = (piece.line, piece.offset as u64);
        if piece.offset < earlier_bytes {
            // What it counts is counted, but its ids are known from then on.
            let mut earlier = Recount::default();
            if piece.rejected.is_none() && piece.bytes.len() <= length_max {
                let _ = count_line(place, &piece.bytes, settings, &mut seen, &mut earlier);
            }
            continue;
        }
        let counted = match piece.rejected {
            Some(reason) => Err(reason.into()),
            None if piece.bytes.len() > length_max => Err("too_long".into()),
            None => count_line(place, &piece.bytes, settings, &mut seen, &mut recount),
        };
        if let Err(rejection) = counted {
            recount.reject(place, None, rejection);
        }
    }
    Ok(Recount { content_hash, ..recount })
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
/// The reason for which the line is rejected as a whole; nothing of it was counted then.
fn count_line(
    place: Place,
    line: &[u8],
    settings: &Settings,
    seen: &mut Seen,
    recount: &mut Recount,
) -> Result<(), Rejection> {
    let (text, object) = read_object(line)?;
    match forms::read(&text, object) {
        Reading::Ignored => count_events(Vec::new(), false, settings, seen, recount)?,
        Reading::Together(events) => {
            let events = check_together(&events, settings)?;
            count_events(events, false, settings, seen, recount)?
        }
        Reading::Each { elements, bytes_besides } => {
            if elements.len() * bytes_besides > WRITTEN_OUT_BYTES_MAX {
                return Err("too_large".into());
            }
            for (index, events) in elements.iter().enumerate() {
                let events = events.as_ref().ok_or_else(|| Rejection::from("invalid:events"));
                let checked = events.and_then(|events| check_together(events, settings));
                let counted = match checked {
                    Ok(events) => count_events(events, false, settings, seen, recount).map(drop),
                    Err(rejection) => Err(rejection),
                };
                if let Err(rejection) = counted {
                    recount.reject(place, Some(index as u64 + 1), rejection);
                }
            }
            false
        }
        Reading::ByNames(plain) => return count_plain(place, &plain, settings, seen, recount),
    };
    Ok(())
}

/// Counts an object that is read by its names.
fn count_plain(
    place: Place,
    plain: &Plain,
    settings: &Settings,
    seen: &mut Seen,
    recount: &mut Recount,
) -> Result<(), Rejection> {
    let Plain { text, object: line, inherited } = plain;
    let Some(elements) = events(line) else {
        let event = check_line(line, inherited, settings)?;
        return count_events(vec![event], false, settings, seen, recount).map(drop);
    };
    // White space around an object is no part of it, in whatever layout it stands.
    let inherited = text.trim_ascii().len() - written_length_of_events(text);
    if elements.len() * inherited > WRITTEN_OUT_BYTES_MAX {
        return Err("too_large".into());
    }
    if elements.is_empty() {
        count_events(Vec::new(), false, settings, seen, recount)?;
    }
    let (line_id, notes) = own_id(line);
    recount.tell(notes);
    let line_was_seen = line_id.as_ref().is_some_and(|line_id| seen.contains(line_id));
    let mut has_counted = false;
    for (index, element) in elements.iter().enumerate() {
        match check_element(element, line, settings) {
            Ok(event) => {
                match count_events(vec![event], line_was_seen, settings, seen, recount) {
                    Ok(has_something) => has_counted |= has_something,
                    // There was something to count.
                    Err(rejection) => {
                        has_counted = true;
                        recount.reject(place, Some(index as u64 + 1), rejection);
                    }
                }
            }
            Err(rejection) => recount.reject(place, Some(index as u64 + 1), rejection),
        }
    }
    if has_counted {
        seen.extend(line_id);
    }
    Ok(())
}

/// Checks the events that a form makes of one object.
fn check_together(events: &[Object], settings: &Settings) -> Result<Vec<Event>, Rejection> {
    events.iter().map(|event| check_line(event, &[], settings)).collect()
}

/// Counts the valid events of one line, unless one of them was seen before. Says whether there was
/// something to count.
///
/// # Errors
/// They would be counted, and one of them is of a site that is refused.
fn count_events(
    events: Vec<Event>,
    was_seen: bool,
    settings: &Settings,
    seen: &mut Seen,
    recount: &mut Recount,
) -> Result<bool, Rejection> {
    let mut events_that_add = Vec::new();
    let mut ids = Vec::new();
    for mut event in events {
        recount.tell(std::mem::take(&mut event.notes));
        if !event.additions.is_empty() || event.order.is_some() {
            ids.extend(event.id.take().map(|id| (event.site.clone(), id)));
            events_that_add.push(event);
        }
    }
    if events_that_add.is_empty() {
        recount.lines += 1;
        recount.ignored += 1;
        return Ok(false);
    }
    if was_seen || ids.iter().any(|id| seen.contains(id)) {
        recount.lines += 1;
        recount.duplicate += 1;
        return Ok(true);
    }
    seen.extend(ids);
    if events_that_add.iter().any(|event| settings.refused_sites.contains(&event.site)) {
        return Err("too_many_sites".into());
    }
    recount.lines += 1;
    recount.counted += 1;
    recount.events += 1;
    for event in events_that_add {
        count_event(event, recount);
    }
    Ok(true)
}

/// Adds what an event counts.
fn count_event(event: Event, recount: &mut Recount) {
    recount.visitors.add(
        &event.site,
        event.minute,
        event.customer.as_deref(),
        event.session.as_deref(),
        event.reached,
    );
    recount.orders.extend(event.order);
    for (measure, key, number) in event.additions {
        let key = TallyKey { site: event.site.clone(), measure, minute: event.minute, key };
        *recount.tallies.entry(key).or_default() += number;
    }
}

/// How many bytes the array `events` of a line takes as it is written.
fn written_length_of_events(line: &str) -> usize {
    json::members(line).and_then(|members| written_events(&members).map(str::len)).unwrap_or(0)
}

/// The object that a line is, or that the text holds which a line is, and how it is written.
fn read_object(line: &[u8]) -> Result<(Cow<'_, str>, Object), String> {
    let text = std::str::from_utf8(line).map_err(|_| "not_utf8".to_owned())?;
    match json::parse(text) {
        Ok(Value::Object(object)) => Ok((Cow::Borrowed(text), object)),
        Ok(Value::Text(held)) => match json::parse(&held) {
            Ok(Value::Object(object)) => Ok((Cow::Owned(held), object)),
            _ => Err("not_object".to_owned()),
        },
        Ok(_) => Err("not_object".to_owned()),
        Err(JsonError::NotJson) => Err("not_json".to_owned()),
        Err(JsonError::TooDeep) => Err("too_deep".to_owned()),
    }
}
