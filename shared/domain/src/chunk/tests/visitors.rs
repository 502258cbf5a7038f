//! The visitors of the counted events.

use crate::chunk::tests::support::read;
use crate::count::visitors::Visitors;
use crate::time::Minute;

/// `minute visitors sessions`, ascending.
fn visitors_of(lines: &[&str]) -> Vec<(String, u64, u64)> {
    let count = read(lines.join("\n").as_bytes(), 1_000).expect("plain text");
    let of_minute = |(site, minute, visitors): (&str, Minute, &Visitors)| {
        let counts = visitors.counts();
        (format!("{site} {minute}"), counts.visitors, counts.sessions)
    };
    count.visitors.minutes().map(of_minute).collect()
}

#[test]
fn visitors_are_those_of_events_that_count() {
    let visitors = visitors_of(&[
        r#"{"event":"view","ts":"2026-11-20T23:07:01Z","item_id":1,"customer_id":7,"session_id":"s"}"#,
        // The same customer, written as text, with another session.
        r#"{"event":"cart","ts":"2026-11-20T23:07:59Z","item_id":1,"user_id":"7","user_session":"t"}"#,
        r#"{"event":"view","ts":"2026-11-20T23:07:59Z","item_id":1}"#,
        r#"{"event":"view","ts":"2026-11-20T23:08:00Z","item_id":1,"anonymousId":"\u0037","event_id":"e"}"#,
        // A duplicate, a line that is rejected, and another site.
        r#"{"event":"view","ts":"2026-11-20T23:08:00Z","item_id":1,"customer_id":8,"event_id":"e"}"#,
        r#"{"event":"view","ts":"2026-11-20T23:08:00Z","customer_id":9}"#,
        r#"{"event":"view","ts":"2026-11-20T23:07:00Z","item_id":1,"customer_id":7,"site_id":"other"}"#,
    ]);
    let expected = [("default 2026-11-20T23:07:00Z", 1, 2), ("default 2026-11-20T23:08:00Z", 1, 0)];
    let of_other = ("other 2026-11-20T23:07:00Z", 1, 0);
    let expected: Vec<_> =
        expected.into_iter().chain([of_other]).map(|(at, u, s)| (at.to_string(), u, s)).collect();
    assert_eq!(visitors, expected);
}

#[test]
fn a_session_of_many_events_is_one_visitor_of_each_minute() {
    let visitors = visitors_of(&[r#"{"session":7,"events":[
        {"aid":1,"ts":1795215600000,"type":"clicks"},{"aid":2,"ts":1795215601000,"type":"carts"},
        {"aid":2,"ts":1795215660000,"type":"orders"}]}"#
        .replace('\n', "")
        .as_str()]);
    let sessions: Vec<_> = visitors
        .iter()
        .map(|(at, visitors, sessions)| (at.as_str(), *visitors, *sessions))
        .collect();
    assert_eq!(
        sessions,
        [("default 2026-11-20T23:00:00Z", 0, 1), ("default 2026-11-20T23:01:00Z", 0, 1)]
    );
}

#[test]
fn visitors_of_minutes_that_are_not_kept_are_collected_by_hour() {
    // Minutes are kept for 7 days after their end; the reference time is 2026-11-20T23:30.
    let event = |at: &str| format!(r#"{{"event":"view","ts":"{at}","item_id":1,"customer_id":7}}"#);
    let kept = visitors_of(&[&event("2026-11-13T23:30:00Z"), &event("2026-11-13T23:29:59Z")]);
    assert_eq!(kept, [("default 2026-11-13T23:30:00Z".to_string(), 1, 0)]);
}
