//! What became of the lines of the last hour, and what a person should do about it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::SecondsFormat;
use minutebook_storage::chunk::snapshots::TotalsSnapshot;
use minutebook_storage::chunk::totals::{REJECTED_PERCENT_MAX, Totals};
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::answer::Time;

/// How many reasons a sentence names.
const REASONS_NAMED: usize = 3;

/// What became of the lines of about the last hour.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LastHour")]
pub(crate) struct LastHour {
    /// When it began: 55 to 65 minutes ago, or when the stack was deployed.
    #[schemars(with = "Time")]
    since: String,
    lines: u64,
    rejected: u64,
    /// How many lines were rejected for each reason.
    rejected_by_reason: BTreeMap<String, u64>,
    /// How many files were refused as a whole.
    refused: u64,
    /// How many events were ignored because their type is unknown.
    unknown: u64,
    /// The most frequent unknown types of the last chunk that had any, with the number of their
    /// events.
    unknown_types: BTreeMap<String, u64>,
    /// How many values could not be used and were left out of their events.
    dropped: u64,
    /// How many purchases have an item without money in any field that is read. Its units are counted.
    purchases_without_money: u64,
}

impl LastHour {
    /// What was added to the totals since a snapshot.
    pub(crate) fn new(hour_ago: &TotalsSnapshot, totals: &Totals) -> LastHour {
        let added = totals.since(&hour_ago.totals);
        let types = totals.unknown_types.as_ref().filter(|types| types.at >= hour_ago.at);
        LastHour {
            since: hour_ago.at.to_rfc3339_opts(SecondsFormat::Secs, true),
            lines: added.lines,
            rejected: added.rejected,
            rejected_by_reason: added.rejected_by_reason,
            refused: added.refused,
            unknown: added.unknown,
            unknown_types: types.map(|types| types.by_name.clone()).unwrap_or_default(),
            dropped: added.dropped,
            purchases_without_money: added.purchases_without_money,
        }
    }

    /// What needs attention, as sentences.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = vec![];
        if self.rejected * 100 > self.lines * u64::from(REJECTED_PERCENT_MAX) {
            let mut reasons: Vec<(&String, &u64)> = self.rejected_by_reason.iter().collect();
            reasons.sort_by_key(|(_, count)| Reverse(**count));
            let named = reasons.iter().take(REASONS_NAMED);
            let named: Vec<String> =
                named.map(|(reason, count)| format!("{reason} {count}")).collect();
            let named =
                if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) };
            complaints.push(format!(
                "{} of {} lines of the last hour were rejected{named}: the bucket of rejected lines \
                 has them, and `minutebook check FILE` says what is wrong with a file",
                self.rejected, self.lines
            ));
        }
        let beyond_bound = self.rejected_by_reason.get("too_many_sites").copied().unwrap_or(0);
        if beyond_bound > 0 {
            complaints.push(format!(
                "{beyond_bound} lines of the last hour are of sites beyond SitesMax, and rejected: \
                 raise it, or require write keys if the sites are made up"
            ));
        }
        if self.refused > 0 {
            let files = if self.refused == 1 { "file was" } else { "files were" };
            complaints.push(format!(
                "{} {files} refused in the last hour: the log of ingest names what is refused and \
                 why, and `minutebook check FILE` says what to do",
                self.refused
            ));
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_storage::chunk::totals::LastUnknownTypes;
    use serde_json::json;

    fn counts(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
        counts.iter().map(|(name, count)| ((*name).to_string(), *count)).collect()
    }

    fn last_hour(added: &Totals) -> LastHour {
        let hour_ago = TotalsSnapshot {
            at: "2026-11-20T23:05:00.5Z".parse().expect("a time"),
            totals: Totals::default(),
        };
        LastHour::new(&hour_ago, added)
    }

    #[test]
    fn over_five_percent_of_rejected_lines_need_care() {
        for (lines, rejected, needs_care) in
            [(0, 0, false), (100, 5, false), (100, 6, true), (1, 1, true), (20, 1, false)]
        {
            let added = Totals { lines, rejected, ..Totals::default() };
            let complaints = last_hour(&added).complaints();
            assert_eq!(!complaints.is_empty(), needs_care, "{rejected} of {lines}");
        }
        let rejected_by_reason = counts(&[
            ("future", 1),
            ("invalid:price", 7),
            ("missing:item_id", 30),
            ("not_json", 2),
        ]);
        let added = Totals { lines: 100, rejected: 40, rejected_by_reason, ..Totals::default() };
        let sentence = last_hour(&added).complaints().concat();
        assert!(
            sentence.starts_with(
                "40 of 100 lines of the last hour were rejected (missing:item_id 30, \
                 invalid:price 7, not_json 2): the bucket of rejected lines"
            ),
            "{sentence}"
        );
        assert!(sentence.contains("minutebook check FILE"), "{sentence}");
    }

    #[test]
    fn every_line_beyond_the_bound_of_sites_needs_care() {
        let rejected_by_reason = counts(&[("too_many_sites", 2)]);
        let added = Totals { lines: 100, rejected: 2, rejected_by_reason, ..Totals::default() };
        let sentence = last_hour(&added).complaints().concat();
        assert!(sentence.starts_with("2 lines") && sentence.contains("SitesMax"), "{sentence}");
    }

    #[test]
    fn every_refused_file_needs_care() {
        for (refused, begin) in
            [(1, "1 file was refused in the last hour"), (2, "2 files were refused")]
        {
            let added = Totals { refused, lines: 1_000_000, ..Totals::default() };
            let sentence = last_hour(&added).complaints().concat();
            assert!(sentence.starts_with(begin), "{sentence}");
        }
    }

    #[test]
    fn what_is_only_odd_is_said_without_complaint() {
        let types = |at: &str| LastUnknownTypes {
            at: at.parse().expect("a time"),
            by_name: counts(&[("popup", 4)]),
        };
        let added = Totals {
            lines: 9,
            unknown: 4,
            dropped: 3,
            purchases_without_money: 2,
            unknown_types: Some(types("2026-11-20T23:05:01Z")),
            ..Totals::default()
        };
        let hour = last_hour(&added);
        assert!(hour.complaints().is_empty());
        let expected = json!({
            "since": "2026-11-20T23:05:00Z", "lines": 9, "rejected": 0, "rejected_by_reason": {},
            "refused": 0, "unknown": 4, "unknown_types": {"popup": 4}, "dropped": 3,
            "purchases_without_money": 2,
        });
        assert_eq!(serde_json::to_value(&hour).expect("plain"), expected);
        // Types of a chunk that was counted before the hour began.
        let unknown_types = Some(types("2026-11-20T23:04:59Z"));
        let hour = last_hour(&Totals { unknown_types, ..Totals::default() });
        assert!(hour.unknown_types.is_empty());
    }
}
