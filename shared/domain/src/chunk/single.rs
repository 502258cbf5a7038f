//! A single posted event, which may lack its time and its page, and its site if there is only one.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::chunk::precheck::{CheckedLines, LineChecker, append};
use crate::event::reason::{Field, Reason};

/// The page of a single view that names neither a page nor an item, so that the view is counted.
pub const PAGE_NOT_SET: &str = "(not set)";

/// Checks one posted event and completes it; returns the only line. An event without a time
/// happened at `arrival`, a view may name neither a page nor an item, and an event without a site
/// is of the only one that the checker allows.
///
/// **Guarantees**: the checker accepts the line that is returned.
///
/// # Errors
/// The reason to reject the event, which is a missing `site_id` first, unless the checker allows
/// only one. A retry does not help.
pub fn complete(
    checker: &mut LineChecker,
    event: &[u8],
    arrival: DateTime<Utc>,
) -> Result<CheckedLines, Reason> {
    let checked = checker.check_single(event, arrival.timestamp());
    let names_site = checker.site_of_checked(event, checked.map(|_| ())).is_some();
    if !names_site && checker.only_site().is_none() {
        return Err(match checked {
            // An object that cannot be read names no site either, but is rejected for what it is.
            Err(reason) if is_unreadable(reason) => reason,
            _ => Reason::Missing(Field::SiteId),
        });
    }
    let lacks = checked?;
    let mut line = event.to_vec();
    if lacks.lacks_time {
        let arrival = arrival.to_rfc3339_opts(SecondsFormat::Secs, true);
        append(&mut line, Field::Timestamp, &arrival);
    }
    if lacks.lacks_page {
        append(&mut line, Field::PageUrl, PAGE_NOT_SET);
    }
    let mut accepted = checker.check(&line)?.into_owned();
    let sites = checker.sites(&accepted).map(<[u8]>::to_vec).collect();
    let identity = checker.identity(&accepted);
    accepted.push(b'\n');
    Ok(CheckedLines { accepted, accepted_lines: 1, sites, identity, ..CheckedLines::default() })
}

fn is_unreadable(reason: Reason) -> bool {
    matches!(reason, Reason::TooLong | Reason::NotUtf8 | Reason::NotJson | Reason::TooDeep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::measure::Currency;
    use crate::event::site::SiteId;
    use std::collections::BTreeSet;

    fn completed(event: &str) -> Result<String, String> {
        let arrival = DateTime::from_timestamp(1_795_216_079, 0).expect("2026-11-20T23:07:59Z");
        let currency = Currency::parse(b"USD").expect("three letters");
        let mut checker = LineChecker::new(arrival, currency, chrono_tz::Tz::UTC);
        let completed = complete(&mut checker, event.as_bytes(), arrival);
        let completed = completed.map_err(|reason| reason.to_string())?;
        let checked = checker.check_text(&completed.accepted, 1);
        assert_eq!(checked, completed, "{event}");
        Ok(String::from_utf8_lossy(completed.accepted.trim_ascii_end()).into_owned())
    }

    #[test]
    fn a_complete_event_stays_as_it_is() {
        let event = r#"{"site_id":"s","event":"view","ts":1795216000,"item_id":1}"#;
        assert_eq!(completed(event).as_deref(), Ok(event));
    }

    #[test]
    fn what_stands_in_an_envelope_is_not_completed() {
        let envelope = |event: &str| format!(r#"{{"site_id":"s","schema":1,"payload":{event}}}"#);
        let complete = envelope(r#"{"event":"view","ts":1795216000,"item_id":1}"#);
        assert_eq!(completed(&complete), Ok(complete));
        for (event, reason) in [
            (r#"{"event":"view","item_id":1}"#, "missing:timestamp"),
            (r#"{"event":"view","ts":1795216000}"#, "missing:item_id"),
        ] {
            assert_eq!(completed(&envelope(event)), Err(reason.to_string()), "{event}");
        }
        let order = r#"{"site_id":"s","id":1,"created_at":"2026-11-20T23:00:00Z","updated_at":"2026-11-20T23:01:00Z","financial_status":"paid","total_price":"6","line_items":[]}"#;
        assert_eq!(completed(order).as_deref(), Ok(order));
        // Its own time is not that of the event in it.
        let inside = r#"{"site_id":"s","event":"view","op":"c","after":{"event":"view","ts":1795216000,"item_id":1}}"#;
        assert_eq!(completed(inside).as_deref(), Ok(inside));
    }

    #[test]
    fn what_an_event_lacks_is_appended() {
        let time = r#","timestamp":"2026-11-20T23:07:59Z""#;
        let page = r#","page_url":"(not set)""#;
        for (event, appended) in [
            (r#"{"site_id":"s","event":"view","item_id":1}"#, time.to_string()),
            (r#"{"site_id":"s","event":"view","ts":1795216000}"#, page.to_string()),
            (r#"{"site_id":"s","event":"view"}"#, format!("{time}{page}")),
            (r#"{"site_id":"s","event":"view","ts":null}"#, format!("{time}{page}")),
        ] {
            let start = event.trim_end_matches('}');
            assert_eq!(completed(event), Ok(format!("{start}{appended}}}")));
        }
    }

    #[test]
    fn an_event_without_a_site_is_of_the_only_one() {
        let arrival = DateTime::from_timestamp(1_795_216_079, 0).expect("2026-11-20T23:07:59Z");
        let currency = Currency::parse(b"USD").expect("three letters");
        let completed = |event: &str| {
            let only = SiteId::parse("shop").expect("a site");
            let mut checker =
                LineChecker::new(arrival, currency, chrono_tz::Tz::UTC).only_of([only].into());
            let completed = complete(&mut checker, event.as_bytes(), arrival);
            completed.map_err(|reason| reason.to_string()).map(|checked| {
                assert_eq!(checked.sites, BTreeSet::from([b"shop".to_vec()]), "{event}");
                String::from_utf8_lossy(checked.accepted.trim_ascii_end()).into_owned()
            })
        };
        let end = r#","timestamp":"2026-11-20T23:07:59Z","site_id":"shop"}"#;
        for (event, expected) in [
            (r#"{"event":"view","item_id":1}"#, Ok(format!(r#"{{"event":"view","item_id":1{end}"#))),
            (
                r#"{"site_id":"shop","event":"view","ts":1,"item_id":1}"#,
                Ok(r#"{"site_id":"shop","event":"view","ts":1,"item_id":1}"#.to_string()),
            ),
            (
                r#"{"schema":1,"payload":{"event":"view","ts":1,"item_id":1}}"#,
                Ok(r#"{"schema":1,"payload":{"event":"view","ts":1,"item_id":1},"site_id":"shop"}"#
                    .to_string()),
            ),
            (r#"{"site_id":"b","event":"view"}"#, Err("invalid:site_id".to_string())),
            (r#"{"app_id":"b","event":"view"}"#, Err("invalid:site_id".to_string())),
            ("{}", Err("missing:event_type".to_string())),
            ("[]", Err("not_object".to_string())),
        ] {
            assert_eq!(completed(event), expected, "{event}");
        }
    }

    #[test]
    fn an_event_of_one_of_several_sites_names_it() {
        let arrival = DateTime::from_timestamp(1_795_216_079, 0).expect("2026-11-20T23:07:59Z");
        let currency = Currency::parse(b"USD").expect("three letters");
        let completed = |event: &str| {
            let sites = ["shop", "till"].into_iter().filter_map(SiteId::parse).collect();
            let checker = LineChecker::new(arrival, currency, chrono_tz::Tz::UTC);
            let completed = complete(&mut checker.only_of(sites), event.as_bytes(), arrival);
            completed.map(|checked| checked.sites.len()).map_err(|reason| reason.to_string())
        };
        for (event, expected) in [
            (r#"{"site_id":"till","event":"view","item_id":1}"#, Ok(1)),
            (r#"{"site_id":"b","event":"view","item_id":1}"#, Err("invalid:site_id".to_string())),
            (r#"{"event":"view","item_id":1}"#, Err("missing:site_id".to_string())),
        ] {
            assert_eq!(completed(event), expected, "{event}");
        }
    }

    #[test]
    fn the_reason_is_that_of_the_event_as_it_was_posted() {
        for (event, reason) in [
            ("{}", "missing:site_id"),
            (r#"{"event":"view","ts":1795216000,"item_id":1}"#, "missing:site_id"),
            ("[]", "missing:site_id"),
            ("{", "not_json"),
            (r#"{"site_id":"s","event":"purchase"}"#, "missing:item_id"),
            (r#"{"site_id":"s","event":"view","items":[{}]}"#, "missing:item_id"),
            (r#"{"site_id":"s","event":"view","ts":"x"}"#, "invalid:timestamp"),
        ] {
            assert_eq!(completed(event), Err(reason.to_string()), "{event}");
        }
    }
}
