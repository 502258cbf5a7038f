//! The result of a comparison.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use minutebook_oracle::Granularity;
use serde_json::{Value, json};

use crate::proof::differences::Differences;
use crate::proof::gone::{GoneChunk, Leeway};
use crate::rows::VisitorState;
use crate::rows::ledger::Counts;
use crate::terminal::escape::shown;

/// How many chunks that are gone are printed. JSON has all of them.
const GONE_PRINTED_MAX: usize = 100;

/// How many digits of a content hash are printed: enough to tell versions of an object apart.
const HASH_DIGITS_SHOWN: usize = 8;

/// How much was compared, and what differs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// Chunks: versions of objects with the same key and bytes count once.
    pub(crate) objects: u64,
    /// The recount of all chunks that the ledger has.
    pub(crate) counts: Counts,
    /// Rows that were compared.
    pub(crate) rows: BTreeMap<Granularity, u64>,
    /// Tallies that were compared.
    pub(crate) tallies: u64,
    /// How many sites, periods and currencies were reconciled: whether the money of items is that of
    /// orders and of no order.
    pub(crate) reconciled: u64,
    /// Why that could not be told.
    pub(crate) not_reconciled: Option<String>,
    /// Numbers of visitors and of sessions that were compared.
    pub(crate) visitors: u64,
    /// Which secrets count; the visitors of the one that answers use were compared.
    pub(crate) visitor_state: VisitorState,
    /// Periods of sites that have visitors of secrets that do not count any more.
    pub(crate) visitor_leftovers: u64,
    /// Periods of sites that were left out because they have expired.
    pub(crate) expired: BTreeMap<Granularity, u64>,
    /// Objects that are rightly refused as a whole.
    pub(crate) refused: u64,
    /// Chunks that were counted and cannot be recounted.
    pub(crate) gone: Vec<GoneChunk>,
    pub(crate) differences: Differences,
}

impl Report {
    /// The result in one line.
    pub(crate) fn headline(&self) -> String {
        let gone = match self.gone.len() {
            0 => String::new(),
            count => format!(", {count} gone"),
        };
        let Counts { events, .. } = self.counts;
        format!("verified: {events} events, {} differences{gone}", self.differences.count)
    }

    /// What the chunks that are gone had counted.
    fn gone_counts(&self) -> Counts {
        let mut sum = Counts::default();
        self.gone.iter().for_each(|chunk| sum.add(&chunk.counts));
        sum
    }

    /// When the last event of a chunk that is gone may have been.
    fn gone_until(&self) -> Option<String> {
        let last = DateTime::from_timestamp(Leeway::of(&self.gone)?.last_second, 0)?;
        Some(rfc3339(last))
    }

    /// # Errors
    /// Anything differs.
    pub(crate) fn check(&self) -> Result<()> {
        match self.differences.count {
            0 => Ok(()),
            1 => bail!("1 difference between the raw objects and the table"),
            count => bail!("{count} differences between the raw objects and the table"),
        }
    }

    /// The result for people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let differences = &self.differences;
        for difference in &differences.first {
            text.push_str(&format!("{}\n", shown(difference)));
        }
        let unprinted = differences.count - differences.first.len() as u64;
        if unprinted > 0 {
            text.push_str(&format!("... and {unprinted} more\n"));
        }
        for chunk in self.gone.iter().take(GONE_PRINTED_MAX) {
            text.push_str(&format!("{}\n", shown(&chunk.sentence())));
        }
        let unprinted = self.gone.len().saturating_sub(GONE_PRINTED_MAX);
        if unprinted > 0 {
            text.push_str(&format!("... and {unprinted} more are gone\n"));
        }
        let Counts { lines, counted, ignored, duplicate, rejected, .. } = &self.counts;
        let Self { objects, tallies, visitors, refused, .. } = self;
        text.push_str(&format!("{}\n", self.headline()));
        text.push_str(&format!("rows: {}\n", by_granularity(&self.rows)));
        text.push_str(&format!(
            "objects {objects}, lines {lines} (counted {counted}, ignored {ignored}, duplicate \
             {duplicate}, rejected {rejected}), tallies {tallies}, visitors {visitors}\n"
        ));
        match &self.not_reconciled {
            Some(why) => text.push_str(&format!("money not reconciled: {why}\n")),
            None if self.reconciled > 0 => text.push_str(&format!(
                "money reconciled: {} periods of sites and currencies\n",
                self.reconciled
            )),
            None => {}
        }
        if !self.expired.is_empty() {
            text.push_str(&format!("expired: {}\n", by_granularity(&self.expired)));
        }
        let VisitorState { counting, also, .. } = self.visitor_state;
        if let Some(also) = also {
            text.push_str(&format!(
                "visitors are being recounted (secrets {counting} and {also}): those of secret \
                 {counting}, which answers use, were compared\n"
            ));
        }
        if self.visitor_leftovers > 0 {
            text.push_str(&format!(
                "visitors of secrets that no longer count: {} periods (the next `minutebook \
                 recount visitors` deletes them)\n",
                self.visitor_leftovers
            ));
        }
        if *refused > 0 {
            text.push_str(&format!("refused, of which nothing is counted: {refused} objects\n"));
        }
        if !self.gone.is_empty() {
            let Counts { lines, events, .. } = self.gone_counts();
            let beyond = self.gone_until().map_or_else(String::new, |until| {
                format!("; until {until} numbers may exceed the recount by theirs")
            });
            text.push_str(&format!(
                "gone: {} objects that were counted and cannot be recounted: lines {lines}, events \
                 {events}{beyond}\n",
                self.gone.len()
            ));
        }
        text
    }

    fn json_of_gone(&self) -> Value {
        let chunks: Vec<Value> = self.gone.iter().map(GoneChunk::json).collect();
        let mut gone = json!({ "objects": chunks.len(), "until": self.gone_until() });
        self.gone_counts().add_to(&mut gone);
        gone["chunks"] = chunks.into();
        gone
    }

    pub(crate) fn json(&self) -> Value {
        let mut report = json!({
            "differences": self.differences.count,
            "first_differences": self.differences.first,
            "objects": self.objects,
            "rows": json_by_granularity(&self.rows),
            "tallies": self.tallies,
            "reconciled": self.reconciled,
            "not_reconciled": self.not_reconciled,
            "visitors": self.visitors,
            "visitor_secret": self.visitor_state.counting,
            "also_visitor_secret": self.visitor_state.also,
            "visitor_leftovers": self.visitor_leftovers,
            "expired": json_by_granularity(&self.expired),
            "refused": self.refused,
            "gone": self.json_of_gone(),
        });
        self.counts.add_to(&mut report);
        report
    }
}

impl GoneChunk {
    /// The chunk in one line.
    fn sentence(&self) -> String {
        let Self { key, content_hash, put_at, counted_at, counts, .. } = self;
        let Counts { lines, counted, ignored, duplicate, rejected, events, .. } = counts;
        let [put_at, counted_at] = [*put_at, *counted_at].map(rfc3339);
        let hash = content_hash.get(..HASH_DIGITS_SHOWN).unwrap_or(content_hash);
        format!(
            "gone: {key} ({hash}), put {put_at}, counted {counted_at}: lines {lines} (counted \
             {counted}, ignored {ignored}, duplicate {duplicate}, rejected {rejected}), events \
             {events}"
        )
    }

    fn json(&self) -> Value {
        let mut object = json!({
            "key": self.key,
            "content_hash": self.content_hash,
            "put_at": rfc3339(self.put_at),
            "counted_at": rfc3339(self.counted_at),
        });
        self.counts.add_to(&mut object);
        object
    }
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// As `366 minute, 24 hour, 6 day, 3 week, 2 month`; with quarters if there are any.
fn by_granularity(counts: &BTreeMap<Granularity, u64>) -> String {
    let counts =
        of_rows(counts).map(|(granularity, count)| format!("{count} {}", granularity.name()));
    counts.collect::<Vec<_>>().join(", ")
}

fn json_by_granularity(counts: &BTreeMap<Granularity, u64>) -> Value {
    let counts =
        of_rows(counts).map(|(granularity, count)| (granularity.name().to_owned(), count.into()));
    Value::Object(counts.collect())
}

/// Few sites have rows of quarters.
fn of_rows(counts: &BTreeMap<Granularity, u64>) -> impl Iterator<Item = (Granularity, u64)> {
    let all = Granularity::WITH_QUARTERS.into_iter();
    let counts =
        all.map(|granularity| (granularity, counts.get(&granularity).copied().unwrap_or(0)));
    counts.filter(|(granularity, count)| *granularity != Granularity::Quarter || *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_first_differences_and_counts_all() {
        let mut report = Report::default();
        report.counts.events = 1_000_000;
        for number in 0..150 {
            report.differences.add(|| format!("difference {number}"));
        }
        let text = report.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 104);
        assert_eq!(lines[100], "... and 50 more");
        assert_eq!(lines[101], "verified: 1000000 events, 150 differences");
        assert!(report.check().is_err());
    }

    #[test]
    fn says_what_is_gone_and_that_it_is_no_difference() {
        let chunk = |key: &str| GoneChunk {
            key: key.to_owned(),
            content_hash: "0123456789abcdef".repeat(4),
            put_at: "2026-11-20T12:00:00Z".parse().unwrap(),
            counted_at: "2026-11-20T12:00:01.5Z".parse().unwrap(),
            minute_retention_days: Some(7),
            counts: Counts { lines: 3, counted: 2, rejected: 1, events: 2, ..Counts::default() },
        };
        let gone = vec![chunk("a\u{1b}"), chunk("b")];
        let mut report = Report { gone, ..Report::default() };
        let expected = "\
gone: a\\u{1b} (01234567), put 2026-11-20T12:00:00Z, counted 2026-11-20T12:00:01Z: lines 3 \
(counted 2, ignored 0, duplicate 0, rejected 1), events 2
gone: b (01234567), put 2026-11-20T12:00:00Z, counted 2026-11-20T12:00:01Z: lines 3 \
(counted 2, ignored 0, duplicate 0, rejected 1), events 2
verified: 0 events, 0 differences, 2 gone
rows: 0 minute, 0 hour, 0 day, 0 week, 0 month
objects 0, lines 0 (counted 0, ignored 0, duplicate 0, rejected 0), tallies 0, visitors 0
gone: 2 objects that were counted and cannot be recounted: lines 6, events 4; until \
2026-11-20T12:10:00Z numbers may exceed the recount by theirs
";
        assert_eq!(report.text(), expected);
        assert!(report.check().is_ok());
        let json = &report.json()["gone"];
        assert_eq!((&json["objects"], &json["events"]), (&json!(2), &json!(4)));
        assert_eq!(json["until"], "2026-11-20T12:10:00Z");
        assert_eq!(
            (&json["chunks"][1]["key"], &json["chunks"][1]["lines"]),
            (&json!("b"), &json!(3))
        );
        report.gone = vec![chunk("c"); 102];
        assert!(report.text().contains("\n... and 2 more are gone\nverified: "));
    }

    #[test]
    fn names_the_rows_that_were_compared() {
        let counts = [366, 24, 6, 3, 2];
        let report = Report {
            rows: Granularity::ALL.into_iter().zip(counts).collect(),
            expired: BTreeMap::from([(Granularity::Minute, 20)]),
            ..Report::default()
        };
        let text = report.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "verified: 0 events, 0 differences");
        assert_eq!(lines[1], "rows: 366 minute, 24 hour, 6 day, 3 week, 2 month");
        assert_eq!(lines[3], "expired: 20 minute, 0 hour, 0 day, 0 week, 0 month");
        let json = report.json();
        assert_eq!(
            json["rows"],
            json!({"minute": 366, "hour": 24, "day": 6, "week": 3, "month": 2})
        );
        assert_eq!(json["expired"]["minute"], 20);
        assert!(report.check().is_ok());
    }
}
