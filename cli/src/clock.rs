//! The time of day.

use chrono::{DateTime, Utc};

/// Now. Below the commands a time is a parameter.
#[expect(clippy::disallowed_methods, reason = "a command is the edge, where now comes from")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Reads a flag that is `now` or a time in RFC 3339.
pub(crate) fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    if text == "now" {
        return Ok(now());
    }
    text.parse().map_err(|_| "not a time: write now, or RFC 3339 as in 2026-11-20T23:00:00Z".to_owned())
}
