//! A single posted event, which may lack its time and its page.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::chunk::precheck::LineChecker;
use crate::event::reason::{Field, Reason};

/// The page of a single view that names neither a page nor an item, so that the view is counted.
pub const PAGE_NOT_SET: &str = "(not set)";

/// Completes one posted event as it is checked, and returns the line to store: an event without a
/// time happened at `arrival`, and a view may name neither a page nor an item. An event that lacks
/// nothing is read once, and each default that it needs costs one more reading.
///
/// **Guarantees**: the checker accepts the line that is returned.
///
/// # Errors
/// The reason to reject the event, which is a missing `site_id` first: a single event must name its
/// site. A retry does not help.
pub fn complete(
    checker: &mut LineChecker,
    event: &[u8],
    arrival: DateTime<Utc>,
) -> Result<Vec<u8>, Reason> {
    let mut line = event.to_vec();
    let mut checked = checker.check(&line);
    if checker.site_of_checked(&line, checked).is_none() {
        return Err(match checked {
            // An object that cannot be read names no site either, but is rejected for what it is.
            Err(reason) if is_unreadable(reason) => reason,
            _ => Reason::Missing(Field::SiteId),
        });
    }
    if checked == Err(Reason::Missing(Field::Timestamp)) {
        let arrival = arrival.to_rfc3339_opts(SecondsFormat::Secs, true);
        append(&mut line, Field::Timestamp, &arrival);
        checked = checker.check(&line);
    }
    if checked == Err(Reason::Missing(Field::ItemId)) {
        append(&mut line, Field::PageUrl, PAGE_NOT_SET);
        // Only a view can do with a page.
        return if checker.check(&line).is_ok() { Ok(line) } else { checked.map(|()| line) };
    }
    checked.map(|()| line)
}

fn is_unreadable(reason: Reason) -> bool {
    matches!(reason, Reason::TooLong | Reason::NotUtf8 | Reason::NotJson | Reason::TooDeep)
}

/// Appends a member to an object that is not empty. It is valid whatever precedes it: of members of
/// one name the last one counts.
fn append(line: &mut Vec<u8>, field: Field, value: &str) {
    line.truncate(line.trim_ascii_end().len().saturating_sub(1));
    line.extend_from_slice(format!(",\"{}\":\"{value}\"}}", field.name()).as_bytes());
}
