//! The sites of a chunk, their days, those that are refused, and the visitors of the counted
//! events.

use std::sync::Arc;

use super::support::{AT, read, settings};
use crate::chunk::{ChunkCount, ChunkReader, ChunkSettings, ChunkSites};
use crate::count::visitors::Visitors;
use crate::time::Minute;

/// Counts lines, but not the events of these sites.
fn read_without(refused: &[&str], lines: &[&str]) -> ChunkCount {
    let text = lines.join("\n");
    let refused = Arc::new(refused.iter().map(|site| site.as_bytes().to_vec()).collect());
    let sites = ChunkSites { refused, ..ChunkSites::default() };
    let mut reader = ChunkReader::new(&ChunkSettings { sites, ..settings(text.len()) });
    reader.push(text.as_bytes()).unwrap();
    let count = reader.finish().unwrap();
    let outcomes = &count.outcomes;
    let sum = outcomes.counted + outcomes.ignored + outcomes.duplicate + outcomes.rejected_total();
    assert_eq!(outcomes.lines, sum);
    count
}

fn rejected(count: &ChunkCount) -> Vec<(u64, Option<u64>, String)> {
    let lines = count.rejected.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let read = |line: &[u8]| {
        let line: serde_json::Value = serde_json::from_slice(line).unwrap();
        let reason = line["reason"].as_str().unwrap().to_string();
        (line["line"].as_u64().unwrap(), line["event"].as_u64(), reason)
    };
    lines.map(read).collect()
}

fn view(site: &str, more: &str) -> String {
    format!(r#"{{"event":"view",{AT},"site_id":"{site}","sku":"a"{more}}}"#)
}

#[test]
fn what_would_be_counted_at_a_refused_site_is_rejected() {
    let [a, b] = ["a", "b"].map(|site| view(site, ""));
    let count = read_without(&["b", "c"], &[&a, &b, &a]);
    assert_eq!(rejected(&count), [(2, None, "too_many_sites".to_string())]);
    assert_eq!(format!("{:?}", count.tally), "a 2026-11-20T23:07:00Z views a=2\n");
    let Ok([(site, _)]) = <[_; 1]>::try_from(count.sites().into_iter().collect::<Vec<_>>()) else {
        panic!("only one site is counted");
    };
    assert_eq!(site, "a");
}

#[test]
fn every_other_reason_and_outcome_comes_first() {
    let id = r#","event_id":1"#;
    let lines = [
        view("b", id),
        // Its id is remembered.
        view("b", id),
        view("b", "").replace("view", "session_start"),
        view("b", "").replace("2026", "2027"),
        view("a", id),
    ];
    let lines = lines.each_ref().map(String::as_str);
    let count = read_without(&["b"], &lines);
    let outcomes = &count.outcomes;
    assert_eq!((outcomes.counted, outcomes.ignored, outcomes.duplicate), (1, 1, 1));
    let expected = [(1, None, "too_many_sites".to_string()), (4, None, "future".to_string())];
    assert_eq!(rejected(&count), expected);
}

#[test]
fn elements_are_refused_one_by_one() {
    let line = format!(
        r#"{{"event":"view",{AT},"events":[{{"sku":1}},{{"sku":2,"site_id":"b"}},{{}},{{"sku":3,"site_id":"b"}},{{"sku":4}}]}}"#
    );
    let count = read_without(&["b"], &[&line]);
    let reasons = [(2, "too_many_sites"), (3, "missing:item_id"), (4, "too_many_sites")];
    let reasons = reasons.map(|(event, reason)| (1, Some(event), reason.to_string()));
    assert_eq!(rejected(&count), reasons);
    let tally = format!("{:?}", count.tally);
    assert_eq!(tally, "default 2026-11-20T23:07:00Z views 1=1 4=1\n");
}

#[test]
fn an_order_of_a_refused_site_is_not_known() {
    let order = format!(
        r#"{{"event":"OrderCreatedEvent",{AT},"site_id":"b","order_id":1,"total_amount":2,"user_id":1}}"#
    );
    let count = read_without(&["b"], &[&order]);
    assert!(count.orders.is_empty() && count.visitors.is_empty());
    assert_eq!(rejected(&count), [(1, None, "too_many_sites".to_string())]);
}

#[test]
fn the_days_of_a_site_are_those_of_its_counters_visitors_and_orders() {
    let at = |day: &str, line: String| line.replace("2026-11-20", day);
    let change = r#","order_id":1,"newStatus":"PAID""#;
    let change = view("b", change).replace("\"view\"", "\"OrderStatusChangedEvent\"");
    let lines = [
        at("2026-11-19", view("a", "")),
        at("2019-10-01", view("a", "")),
        at("2026-11-10", change.replace('}', ",\"user_id\":1}")),
        at("2026-11-12", change.clone()),
        at("2026-11-11", change),
    ];
    let lines = lines.each_ref().map(String::as_str);
    let count = read_without(&[], &lines);
    let days = count.sites().into_iter().map(|(site, days)| format!("{site} {days:?}"));
    assert_eq!(
        days.collect::<Vec<_>>(),
        [
            "a DayRange { first: 2019-10-01, last: 2026-11-19 }",
            "b DayRange { first: 2026-11-10, last: 2026-11-12 }",
        ]
    );
}

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
