//! When an hour is closed, and when it is settled.

use chrono::{DateTime, TimeDelta, Utc};

use crate::time::Hour;

/// How long after its end an hour still accepts events into its shards. Then it is closed, and the
/// next roll-up seals it. Most events arrive within seconds; later ones take the late path, which
/// costs more and loses nothing.
pub const ALLOWED_LATENESS: TimeDelta = TimeDelta::minutes(10);

/// How long after a write every reader is sure to see it. A transaction that was decided before the
/// seal may still be in progress, and an eventually consistent read may come from a replica that
/// lags: both usually take less than a second.
pub const SETTLE_TIME: TimeDelta = TimeDelta::seconds(60);

/// Whether an hour is closed at this time: its events take the late path.
pub fn is_closed(hour: Hour, at: DateTime<Utc>) -> bool {
    hour.next().epoch_seconds() + ALLOWED_LATENESS.num_seconds() <= at.timestamp()
}

/// Whether an hour was closed so long before this time that no writer can still treat it as open:
/// if it is not among the open hours now, its own row holds all of its events.
pub fn is_settled(hour: Hour, at: DateTime<Utc>) -> bool {
    is_closed(hour, at - SETTLE_TIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_closed_ten_minutes_after_its_end_and_settled_a_minute_later() {
        let hour = Hour::parse("2026-11-20T22").expect("an hour");
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        assert!(!is_closed(hour, at("2026-11-20T23:09:59Z")));
        assert!(is_closed(hour, at("2026-11-20T23:10:00Z")));
        assert!(!is_settled(hour, at("2026-11-20T23:10:59Z")));
        assert!(is_settled(hour, at("2026-11-20T23:11:00Z")));
    }
}
