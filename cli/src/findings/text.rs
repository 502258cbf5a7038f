//! What is found, in so few lines that a person can act on them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use minutebook_domain::event::suggestion::nearest_type;

use crate::findings::examine::{Findings, FirstRejected};
use crate::rows::ledger::Counts;
use crate::terminal::escape::shown;

/// How many reasons, fields and types are named, the most frequent first; the rest is summed up.
const REASONS_SHOWN: usize = 6;
const FIELDS_SHOWN: usize = 3;
const TYPES_SHOWN: usize = 4;
const UNREAD_SHOWN: usize = 3;

/// What became of lines, and what is reported about them. `findings` adds the first line of each reason,
/// and members that nobody reads.
pub(crate) fn findings_text(counts: &Counts, findings: &Findings) -> String {
    let mut text = Lines::default();
    text.list(&counts.rejected_by_reason, REASONS_SHOWN, "rejected", |reason, lines| {
        let first = findings.first_rejected.get(reason).map(first_text).unwrap_or_default();
        format!("rejected {reason}: {lines}{first}")
    });
    let notes = &counts.notes;
    text.list(&notes.dropped, FIELDS_SHOWN, "dropped fields", |field, events| {
        format!("dropped {field}: {events} unusable values")
    });
    let named: u64 = notes.unknown_types.values().sum();
    text.list(&notes.unknown_types, TYPES_SHOWN, "unknown types", |name, events| {
        let meant = nearest_type(name).map(|meant| format!(" (did you mean {meant}?)"));
        format!("unknown type {name}: {events}{}", meant.unwrap_or_default())
    });
    if notes.unknown > named {
        text.push(&format!("unknown types: {} events of others", notes.unknown - named));
    }
    if notes.purchases_without_money > 0 {
        text.push(&format!(
            "purchases without money: {} (their units are counted)",
            notes.purchases_without_money
        ));
    }
    let unread: BTreeMap<String, u64> =
        findings.unread.iter().map(|(name, (_, lines))| (name.clone(), *lines)).collect();
    text.list(&unread, UNREAD_SHOWN, "fields that are not read", |name, lines| {
        let field = findings.unread.get(name).map_or("", |(field, _)| field);
        format!("not read {name}: did you mean {field}? ({lines} of the first lines have it)")
    });
    text.0
}

fn first_text(first: &FirstRejected) -> String {
    let FirstRejected { line, event, time, text } = first;
    let event = event.map(|event| format!(", event {event}")).unwrap_or_default();
    let time = time.as_ref().map(|time| format!(" (read as {time})")).unwrap_or_default();
    format!(", first in line {line}{event}{time}: {text}")
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn push(&mut self, line: &str) {
        self.0.push_str(&shown(line));
        self.0.push('\n');
    }

    /// A line for each of the most frequent names, and one for the rest.
    fn list(
        &mut self,
        counts: &BTreeMap<String, u64>,
        shown_max: usize,
        what: &str,
        line: impl Fn(&str, u64) -> String,
    ) {
        let mut sorted: Vec<(&String, u64)> =
            counts.iter().map(|(name, count)| (name, *count)).collect();
        sorted.sort_by_key(|(_, count)| Reverse(*count));
        let (first, rest) = sorted.split_at(sorted.len().min(shown_max));
        for (name, count) in first {
            self.push(&line(name, *count));
        }
        if !rest.is_empty() {
            let sum: u64 = rest.iter().map(|(_, count)| count).sum();
            self.push(&format!("{what}: {} more kinds, {sum} in all (see --json)", rest.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ledger::Notes;

    fn counts(names: &[(&str, u64)]) -> BTreeMap<String, u64> {
        names.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn says_what_to_look_at_with_the_most_frequent_first() {
        let notes = Notes {
            dropped: counts(&[("page_url", 2)]),
            unknown: 70,
            unknown_types: counts(&[("purchse", 9), ("popup\u{1b}", 60)]),
            purchases_without_money: 3,
        };
        let rejected_by_reason = counts(&[("future", 1), ("missing:item_id", 5)]);
        let counts = Counts { rejected_by_reason, notes, ..Counts::default() };
        let text = "{\"a\":1}".to_owned();
        let first = FirstRejected { line: 7, event: Some(2), time: None, text: text.clone() };
        let time = Some("2027-01-01T00:00:00Z".to_owned());
        let future = FirstRejected { line: 9, event: None, time, text };
        let first_rejected = [("missing:item_id", first), ("future", future)];
        let findings = Findings {
            first_rejected: first_rejected.map(|(reason, first)| (reason.to_owned(), first)).into(),
            unread: BTreeMap::from([("prodct_id".to_owned(), ("item_id", 5))]),
            ..Findings::default()
        };
        let expected = "\
rejected missing:item_id: 5, first in line 7, event 2: {\"a\":1}
rejected future: 1, first in line 9 (read as 2027-01-01T00:00:00Z): {\"a\":1}
dropped page_url: 2 unusable values
unknown type popup\\u{1b}: 60
unknown type purchse: 9 (did you mean purchase?)
unknown types: 1 events of others
purchases without money: 3 (their units are counted)
not read prodct_id: did you mean item_id? (5 of the first lines have it)
";
        assert_eq!(findings_text(&counts, &findings), expected);
    }

    #[test]
    fn many_kinds_are_summed_up() {
        let names: Vec<String> = (0..30).map(|number| format!("reason{number:02}")).collect();
        let many: BTreeMap<String, u64> = names.iter().map(|name| (name.clone(), 2)).collect();
        let notes = Notes {
            dropped: many.clone(),
            unknown: 60,
            unknown_types: many.clone(),
            purchases_without_money: 1,
        };
        let counts = Counts { rejected_by_reason: many, notes, ..Counts::default() };
        let text = findings_text(&counts, &Findings::default());
        assert!(text.contains("rejected: 24 more kinds, 48 in all (see --json)\n"), "{text}");
        assert!(text.lines().count() <= 18, "{text}");
    }
}
