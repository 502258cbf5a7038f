//! Customers and sessions.

use super::*;

/// Who is there, as `<site> <hh:mm> <customer>+<customer> <session>+<session>; ...`, without
/// the site `default`.
#[track_caller]
fn check_visitors(chunk: impl AsRef<[u8]>, expected: &str) {
    let recount = count(&chunk);
    let minutes = recount.visitors.by_period(minutebook_oracle::Granularity::Minute).map(
        |(site, period, ids)| {
            let site = if site == "default" { String::new() } else { format!("{site} ") };
            format!(
                "{site}{} {} {}",
                period.start().format("%H:%M"),
                ids.users.join("+"),
                ids.sessions.join("+")
            )
        },
    );
    let minutes = minutes.collect::<Vec<_>>().join("; ");
    assert_eq!(minutes, expected, "{}", String::from_utf8_lossy(chunk.as_ref()));
}

#[test]
fn every_spelling_and_the_first_that_has_a_value_wins() {
    for name in ["customer_id", "user_id", "visitorid", "userId", "anonymousId"] {
        check_visitors(line(&format!(r#""event":"view","sku":1,"{name}":"a""#)), "11:07 a ");
    }
    for name in ["session_id", "user_session", "session"] {
        check_visitors(line(&format!(r#""event":"view","sku":1,"{name}":"a""#)), "11:07  a");
    }
    check_visitors(
        line(r#""event":"view","sku":1,"userId":"","anonymousId":"x","customer_id":null"#),
        "11:07 x ",
    );
    check_visitors(
        line(r#""event":"view","sku":1,"userId":"u","anonymousId":"x","session":1"#),
        "11:07 u 1",
    );
    check_visitors(line(r#""event":"view","sku":1"#), "");
}

#[test]
fn an_integer_and_the_same_text_are_one_id() {
    let lines = [
        r#""user_id":7"#,
        r#""user_id":"7""#,
        r#""customer_id":"7 ""#,
        r#""customer_id":"\u0037""#,
        r#""user_id":7.0"#,
    ];
    let chunk = lines.map(|id| line(&format!(r#""event":"view","sku":1,{id}"#))).concat();
    check_visitors(&chunk, "11:07 7+7  ");
    assert_eq!(count(&chunk).visitors.distinct("default", 0..i64::MAX).users, 2);
}

#[test]
fn properties_are_looked_into_and_elements_of_events_inherit() {
    check_visitors(
        line(r#""event":"view","sku":1,"properties":{"userId":"a","session":"b"}"#),
        "11:07 a b",
    );
    check_visitors(
        r#"{"session":7,"properties":{"userId":"a"},"events":[{"aid":1,"ts":1763636851,"type":"clicks"},{"aid":2,"ts":1763636911,"type":"carts","userId":"b","site_id":"s"}]}"#,
        "11:07 a 7; s 11:08 b 7",
    );
}

#[test]
fn only_counted_events_are_of_somebody() {
    let view = line(r#""event":"view","sku":1,"event_id":1,"userId":"a""#);
    let duplicate = line(r#""event":"view","sku":1,"event_id":1,"userId":"b""#);
    let ignored = line(r#""event":"refund","sku":1,"userId":"c""#);
    let rejected = line(r#""event":"view","userId":"d""#);
    let half = line(
        r#""userId":"e","events":[{"event":"refund","sku":1},{"event":"cart","sku":1,"session":1}]"#,
    );
    check_visitors([view, duplicate, ignored, rejected, half].concat(), "11:07 a+e 1");
    for event in ["view", "cart", "remove_from_cart", "purchase"] {
        check_visitors(line(&format!(r#""event":"{event}","sku":1,"userId":"a""#)), "11:07 a ");
    }
    check_visitors(line(r#""event":"refund","sku":1,"price":1,"userId":"a""#), "11:07 a ");
}

#[test]
fn an_event_does_without_an_id_that_cannot_be_used() {
    check_visitors(line(r#""event":"view","sku":1,"userId":1.5,"session":"a""#), "11:07  a");
    check_visitors(line(r#""event":"view","sku":1,"userId":"a","session":{}"#), "11:07 a ");
}

#[test]
fn visitors_of_several_chunks_are_merged() {
    let chunk = |user: &str| {
        count(line(&format!(r#""event":"view","sku":1,"session":"s","userId":"{user}""#)))
    };
    let visitors = minutebook_oracle::visitors(&[chunk("a"), chunk("b"), chunk("a")]);
    let distinct = visitors.distinct("default", 0..i64::MAX);
    assert_eq!((distinct.users, distinct.sessions), (2, 1));
}

/// How many visitors reached each stage: `viewed/carted/began checkout/bought`.
fn funnel(recount: &Recount) -> String {
    let ids = recount.visitors.ids("default", 0..i64::MAX);
    ids.funnel().map(|reached| reached.users.to_string()).join("/")
}

#[test]
fn an_event_brings_its_visitor_to_a_stage() {
    for (members, expected) in [
        (r#""event":"view","sku":1"#, "1/0/0/0"),
        (r#""event":"cart","sku":1"#, "1/1/0/0"),
        (r#""event":"remove_from_cart","sku":1"#, "1/0/0/0"),
        (r#""event":"begin_checkout""#, "1/1/1/0"),
        (r#""event":"order","sku":1"#, "1/1/1/1"),
        (r#""event":"order","order_id":7,"sku":1,"price":5"#, "1/1/1/1"),
        (r#""event":"order","sku":1,"price":-5"#, "1/0/0/0"),
        (r#""event":"order","order_id":7,"sku":1,"price":-5"#, "1/0/0/0"),
        (r#""event":"order","items":[{"sku":1,"price":9},{"name":"off","price":-2}]"#, "1/1/1/1"),
        (r#""event":"refund","sku":1,"price":5"#, "1/0/0/0"),
        (r#""event":"order_created","order_id":7,"total_amount":5"#, "1/1/1/1"),
        (r#""event":"order_status_changed","order_id":7,"newStatus":"PAID""#, "1/0/0/0"),
    ] {
        assert_eq!(
            funnel(&count(line(&format!(r#"{members},"userId":"a""#)))),
            expected,
            "{members}"
        );
    }
}

#[test]
fn a_build_before_ignored_checkouts_and_counted_no_stages() {
    let chunk = [
        line(r#""event":"begin_checkout","userId":"a""#),
        line(r#""event":"checkout_initiated","userId":"b""#),
        line(r#""event":"cart","sku":1,"userId":"c""#),
    ];
    let at = "2026-11-20T12:00:00Z".parse().unwrap();
    let settings = Settings { has_checkouts: false, ..Settings::at(at) };
    let recount = recount(chunk.concat().as_bytes(), &settings).unwrap();
    assert_eq!((recount.counted, recount.ignored, funnel(&recount).as_str()), (1, 2, "1/0/0/0"));
    assert_eq!(recount.unknown_types.len(), 1);
    assert!(recount.visitors.ids("default", 0..i64::MAX).lacks_stages);
}
