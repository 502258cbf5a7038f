//! Snapshots of the totals, one in five minutes, of the last hour: what became of the lines of the
//! last hour is the difference between the totals and the oldest snapshot.
//!
//! They are a ring of twelve rows, so that nothing has to be deleted, and `rollup`, which runs
//! every minute, keeps them.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, TimeDelta, Timelike, Utc};
use futures::TryStreamExt;

use crate::chunk::totals::Totals;
use crate::error::StorageError;
use crate::keys::{SNAPSHOTS_PARTITION, snapshot_row};
use crate::table::{Consistency, Item, Table, key, rows, time};

const AT: &str = "at";

/// How far snapshots are apart, in minutes. An hour has twelve, each in a row of its own.
const SNAPSHOT_MINUTES: u32 = 5;

/// How old the snapshot may be that the last hour is measured from. The oldest of the ring is 55 to
/// 60 minutes old, and up to five minutes more if `rollup` has missed a turn.
const SNAPSHOT_AGE_MAX: TimeDelta = TimeDelta::minutes(65);

/// The totals as they were at a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TotalsSnapshot {
    /// When they were read.
    pub at: DateTime<Utc>,
    /// Their numbers, without unknown types and times.
    pub totals: Totals,
}

impl Table {
    /// Keeps a snapshot of the totals, unless there is one of these five minutes. Returns what was
    /// added to the totals in the last hour, or since the first snapshot; `None` if there was a
    /// snapshot, or is none of the last hour to compare with. Two callers at once keep one, too.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn keep_totals_snapshot(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Option<Totals>, StorageError> {
        let snapshots = self.snapshots().await?;
        if snapshots.iter().any(|snapshot| snapshot.at >= slot(now)) {
            return Ok(None);
        }
        let totals = self.totals().await?;
        let hour_ago = oldest(snapshots, now);
        let added = hour_ago.map(|hour_ago| totals.since(&hour_ago.totals));
        let item = snapshot_item(&TotalsSnapshot { at: now, totals });
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item)).send().await;
        put.map_err(|error| StorageError::from_sdk("PutItem of a snapshot", error))?;
        Ok(added)
    }

    /// The oldest snapshot of about the last hour; `None` if there is none.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn totals_an_hour_ago(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Option<TotalsSnapshot>, StorageError> {
        Ok(oldest(self.snapshots().await?, now))
    }

    async fn snapshots(&self) -> Result<Vec<TotalsSnapshot>, StorageError> {
        let query = self.query(SNAPSHOTS_PARTITION.to_string(), Consistency::Eventual);
        let mut rows = rows(query, "Query of the snapshots");
        let mut snapshots = vec![];
        while let Some(item) = rows.try_next().await? {
            snapshots.push(read_snapshot(&item)?);
        }
        Ok(snapshots)
    }
}

/// The oldest snapshot that is not too old.
fn oldest(snapshots: Vec<TotalsSnapshot>, now: DateTime<Utc>) -> Option<TotalsSnapshot> {
    let of_hour = snapshots.into_iter().filter(|snapshot| now - snapshot.at <= SNAPSHOT_AGE_MAX);
    of_hour.min_by_key(|snapshot| snapshot.at)
}

/// The beginning of the five minutes of a time.
fn slot(now: DateTime<Utc>) -> DateTime<Utc> {
    let past = i64::from(now.minute() % SNAPSHOT_MINUTES) * 60 + i64::from(now.second());
    now - TimeDelta::seconds(past) - TimeDelta::nanoseconds(i64::from(now.nanosecond()))
}

fn snapshot_item(snapshot: &TotalsSnapshot) -> Item {
    let sort_key = snapshot_row(slot(snapshot.at).minute());
    let mut item = key(SNAPSHOTS_PARTITION.to_string(), sort_key);
    let at = snapshot.at.to_rfc3339_opts(SecondsFormat::Millis, true);
    item.insert(AT.to_string(), AttributeValue::S(at));
    item.extend(snapshot.totals.attributes());
    item
}

fn read_snapshot(item: &Item) -> Result<TotalsSnapshot, StorageError> {
    Ok(TotalsSnapshot { at: time(item, AT)?, totals: Totals::read_numbers(item)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use serde_json::{Value, json};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn row(sort_key: &str, at: &str, lines: u64) -> Value {
        json!({"pk": {"S": "TOTALS_SNAPSHOTS"}, "sk": {"S": sort_key}, "at": {"S": at},
            "lines": {"N": lines.to_string()}})
    }

    #[test]
    fn a_snapshot_is_written_as_the_table_page_says_and_read_back() {
        let rejected_by_reason = [("not_json".to_string(), 2)].into();
        let totals =
            Totals { lines: 7, rejected: 2, refused: 1, rejected_by_reason, ..Totals::default() };
        let snapshot = TotalsSnapshot { at: at("2026-11-20T23:59:59.25Z"), totals };
        let item = snapshot_item(&snapshot);
        let text = |text: &str| AttributeValue::S(text.to_string());
        let number = |number: &str| AttributeValue::N(number.to_string());
        let expected = [
            ("pk", text("TOTALS_SNAPSHOTS")),
            ("sk", text("55")),
            ("at", text("2026-11-20T23:59:59.250Z")),
            ("lines", number("7")),
            ("rejected", number("2")),
            ("rejected:not_json", number("2")),
            ("refused", number("1")),
        ];
        let expected: Item =
            expected.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        assert_eq!(item, expected);
        assert_eq!(read_snapshot(&item).expect("ours"), snapshot);
    }

    #[tokio::test]
    async fn there_is_one_snapshot_in_five_minutes() {
        for (found, is_kept, lines) in [
            // There is nothing to compare with.
            (None, true, None),
            (Some("2026-11-20T22:02:00Z"), true, None),
            (Some("2026-11-20T22:07:00Z"), true, Some(8)),
            (Some("2026-11-20T23:04:59.999Z"), true, Some(8)),
            (Some("2026-11-20T23:05:00Z"), false, None),
            (Some("2026-11-20T23:08:00Z"), false, None),
        ] {
            let before = found.map(|at| row("05", at, 1)).into_iter().collect::<Vec<_>>();
            let totals = json!({"Items": [{"lines": {"N": "9"}}]});
            let replay =
                Replay::default().answer("Query", json!({"Items": before})).answer("Query", totals);
            let kept = replay.table().keep_totals_snapshot(at("2026-11-20T23:07:30.5Z")).await;
            assert_eq!(kept.expect("kept").map(|added| added.lines), lines, "{found:?}");
            let expected: &[&str] =
                if is_kept { &["Query", "Query", "PutItem"] } else { &["Query"] };
            assert_eq!(replay.operations(), expected, "{found:?}");
            if let [.., put] = &replay.calls()[..]
                && is_kept
            {
                let expected = row("05", "2026-11-20T23:07:30.500Z", 9);
                assert_eq!(put.request["Item"], expected);
            }
        }
    }

    #[tokio::test]
    async fn the_last_hour_begins_with_the_oldest_snapshot_that_is_not_too_old() {
        let items = json!({"Items": [
            row("00", "2026-11-20T23:00:01Z", 8),
            row("05", "2026-11-20T22:05:00Z", 2),
            row("10", "2026-11-20T22:01:59Z", 1),
            row("55", "2026-11-20T22:55:00Z", 7),
        ]});
        let replay = Replay::default().answer("Query", items);
        let found = replay.table().totals_an_hour_ago(at("2026-11-20T23:07:00Z")).await;
        assert_eq!(found.expect("read").map(|found| found.totals.lines), Some(2));
        let replay = Replay::default().answer("Query", json!({"Items": []}));
        let found = replay.table().totals_an_hour_ago(at("2026-11-20T23:07:00Z")).await;
        assert_eq!(found.expect("read"), None);
    }
}
