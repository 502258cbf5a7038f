//! Random events for demonstrations: generated here, then checked and stored like posted events.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use minutebook_shop::{Shop, Span, lines};
use schemars::JsonSchema;
use serde::Serialize;

use minutebook_domain::event::site::SiteId;

use crate::http::parameters;

/// The path that makes random events.
pub(crate) const PATH: &str = "/generate_random_events";

/// The most events of a call: less than two megabytes, in a fraction of a second.
pub(crate) const COUNT_MAX: u64 = 10_000;

/// The events of a call by default.
pub(crate) const COUNT_DEFAULT: u64 = 100;

/// The items of the shop: few, so that a hundred events show which one leads.
const ITEMS: u32 = 100;

/// The events happen in the last hour, which is the shortest default window.
const MINUTES: u32 = 60;

/// What was made.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RandomEvents")]
pub(crate) struct Generated<'a> {
    /// Always the same text.
    pub(crate) message: &'static str,
    /// How many events are stored.
    pub(crate) events: u64,
    /// The key of the object that they are stored as.
    pub(crate) chunk: &'a str,
}

impl<'a> Generated<'a> {
    /// The answer, with the words of the Flask service that had this call.
    pub(crate) fn new(events: u64, chunk: &'a str) -> Generated<'a> {
        Generated { message: "Random event generated and appended to file", events, chunk }
    }
}

/// Reads the parameter `count`. The error is a sentence for a 400.
pub(crate) fn count(query: &str) -> Result<u64, String> {
    let mut count = COUNT_DEFAULT;
    for (name, value) in parameters::parameters(query)? {
        if name != "count" {
            return Err(format!("{name:?} is not a parameter of this call; it takes count"));
        }
        count = value.parse().ok().filter(|count| (1..=COUNT_MAX).contains(count)).ok_or_else(
            || format!("count is {value:?}; expected a whole number from 1 to {COUNT_MAX}"),
        )?;
    }
    Ok(count)
}

/// Generates events of the last hour, one per line; other events at another time. They are of these
/// sites; `None` is the site of events that name none.
pub(crate) fn text(count: u64, now: DateTime<Utc>, sites: Option<&BTreeSet<SiteId>>) -> String {
    let shop = Shop {
        seed: now.timestamp_micros().unsigned_abs(),
        items: ITEMS,
        sites: sites.into_iter().flatten().map(SiteId::to_string).collect(),
        event_ids: false,
        checkouts: true,
        refunds: false,
    };
    lines(shop, Span { events: count, end: now, minutes: MINUTES })
        .map(|line| line + "\n")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_bounded_and_the_bound_is_said() {
        assert_eq!(count(""), Ok(COUNT_DEFAULT));
        assert_eq!((count("count=1"), count("count=10000")), (Ok(1), Ok(10_000)));
        for wrong in ["count=0", "count=10001", "count=-1", "count=1.5", "count=", "count=many"] {
            let error = count(wrong).expect_err(wrong);
            assert!(error.starts_with("count is ") && error.contains("from 1 to 10000"), "{error}");
        }
        assert!(count("count=1&count=1").expect_err("twice").contains("given twice"));
        assert!(count("limit=1").expect_err("unknown").contains("it takes count"));
    }

    #[test]
    fn events_are_those_of_their_time_and_site() {
        let now = DateTime::from_timestamp(1_795_262_430, 0).expect("in range");
        let of_default = text(50, now, None);
        assert_eq!(of_default.lines().count(), 50);
        assert!(!of_default.contains("site_id"));
        assert_eq!(of_default, text(50, now, None));
        assert_ne!(of_default, text(50, now + chrono::TimeDelta::microseconds(1), None));
        assert!(
            text(50, now, Some(&SiteId::parse("shop").into_iter().collect()))
                .lines()
                .all(|line| line.contains("\"site_id\":\"shop\""))
        );
    }
}
