//! The result of a comparison.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use minutebook_oracle::Granularity;
use serde_json::{Value, json};

use crate::rows::ledger::Counts;
use crate::terminal::escape::shown;

/// How many differences are printed. All are counted.
pub(crate) const PRINTED_MAX: usize = 100;

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
    /// Numbers of visitors and of sessions that were compared.
    pub(crate) visitors: u64,
    /// Periods of sites that were left out because they have expired.
    pub(crate) expired: BTreeMap<Granularity, u64>,
    /// Objects that were skipped because they cannot be decompressed.
    pub(crate) dead: u64,
    pub(crate) differences: Differences,
}

/// Differences: how many, and the first ones as sentences.
#[derive(Clone, Debug, Default)]
pub(crate) struct Differences {
    pub(crate) count: u64,
    pub(crate) first: Vec<String>,
}

impl Differences {
    pub(crate) fn add(&mut self, difference: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < PRINTED_MAX {
            self.first.push(difference());
        }
    }

    /// Adds `count` differences, the first ones as sentences.
    pub(crate) fn add_all(&mut self, count: u64, first: impl IntoIterator<Item = String>) {
        self.count += count;
        let room = PRINTED_MAX - self.first.len();
        self.first.extend(first.into_iter().take(room));
    }
}

impl Report {
    /// The result in one line.
    pub(crate) fn headline(&self) -> String {
        format!("verified: {} events, {} differences", self.counts.events, self.differences.count)
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
        let Counts { lines, counted, ignored, duplicate, rejected, .. } = &self.counts;
        let Self { objects, tallies, visitors, dead, .. } = self;
        text.push_str(&format!("{}\n", self.headline()));
        text.push_str(&format!("rows: {}\n", by_granularity(&self.rows)));
        text.push_str(&format!(
            "objects {objects}, lines {lines} (counted {counted}, ignored {ignored}, duplicate \
             {duplicate}, rejected {rejected}), tallies {tallies}, visitors {visitors}\n"
        ));
        if !self.expired.is_empty() {
            text.push_str(&format!("expired: {}\n", by_granularity(&self.expired)));
        }
        if *dead > 0 {
            text.push_str(&format!("objects skipped that cannot be decompressed: {dead}\n"));
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let Counts { lines, counted, ignored, duplicate, rejected, rejected_by_reason, events } =
            &self.counts;
        json!({
            "events": events,
            "differences": self.differences.count,
            "first_differences": self.differences.first,
            "objects": self.objects,
            "lines": lines,
            "counted": counted,
            "ignored": ignored,
            "duplicate": duplicate,
            "rejected": rejected,
            "rejected_by_reason": rejected_by_reason,
            "rows": json_by_granularity(&self.rows),
            "tallies": self.tallies,
            "visitors": self.visitors,
            "expired": json_by_granularity(&self.expired),
            "dead": self.dead,
        })
    }
}

/// As `366 minute, 24 hour, 6 day, 3 week, 2 month`.
fn by_granularity(counts: &BTreeMap<Granularity, u64>) -> String {
    let counts = Granularity::ALL.map(|granularity| {
        let count = counts.get(&granularity).copied().unwrap_or(0);
        format!("{count} {}", granularity.name())
    });
    counts.join(", ")
}

fn json_by_granularity(counts: &BTreeMap<Granularity, u64>) -> Value {
    let counts = Granularity::ALL.map(|granularity| {
        (granularity.name().to_owned(), counts.get(&granularity).copied().unwrap_or(0).into())
    });
    Value::Object(counts.into_iter().collect())
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
