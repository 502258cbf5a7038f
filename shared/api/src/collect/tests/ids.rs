//! Posts that are known by the ids of their events.

use super::*;

const ORDER: &str = r#"{"event":"OrderStatusChangedEvent","timestamp":"2026-11-21T12:00:00Z","order_id":"o","newStatus":"PAID","message_id":"m"}"#;

fn view(id: u64, item: u64) -> String {
    VIEW.replace("\"item_id\":1", &format!("\"event_id\":{id},\"item_id\":{item}"))
}

/// How many chunks these posts become, each of which is accepted.
fn chunks_of(bodies: &[&str]) -> usize {
    let inbox = inbox();
    for body in bodies {
        assert_eq!(posted(&inbox, body).0, 202, "{body}");
    }
    stored(&inbox).len()
}

#[test]
fn a_repetition_is_one_chunk_and_has_the_first_answer_however_late() {
    let mut inbox = inbox();
    let body = format!("{}\n{}\nx", view(1, 7), view(2, 8).replace("12:00:00", "12:10:30"));
    let first = posted(&inbox, &body);
    assert_eq!((first.0, &first.1["accepted"]), (202, &json!(1)));
    assert_eq!(first.1["rejected"].as_array().map(Vec::len), Some(2));
    inbox.clock = inbox_at("2026-11-22T01:00:00Z").clock;
    assert_eq!(posted(&inbox, &body), first);
    let chunks = stored(&inbox);
    assert_eq!(chunks.len(), 1);
    assert!(chunks[0].0.starts_with("collected/keyed/"), "{chunks:?}");
}

#[test]
fn a_repetition_may_differ_in_what_does_not_count() {
    let (one, other) = (view(1, 7), view(2, 8));
    let both = format!("{one}\n{other}");
    let sent_later = |line: &str| line.replace('}', r#","sentAt":"2026-11-21T12:00:09Z"}"#);
    for again in [
        format!("{other}\n{one}"),
        format!("[{one},{other}]"),
        format!("{one}\n{other}\n{one}"),
        format!("{}\n{}", sent_later(&one), sent_later(&other)),
        format!("{both}\n{}", r#"{"event":"identify","userId":"u"}"#),
        both.replace("12:00:00", "12:00:01"),
    ] {
        assert_eq!(chunks_of(&[&both, &again]), 1, "{again}");
    }
    let batch = r#"{"message_id":"b","event":"view","ts":1795262400,"events":[{"item_id":1},{"item_id":2}]}"#;
    assert_eq!(chunks_of(&[batch, batch]), 1);
    assert_eq!(chunks_of(&[ORDER, ORDER]), 1);
}

#[test]
fn a_post_with_other_ids_or_other_content_is_another_one() {
    let first = view(1, 7);
    for other in [
        view(2, 7),
        view(1, 8),
        view(1, 7).replace("view", "add_to_cart"),
        view(1, 7).replace("\"event_id\"", "\"site_id\":\"s\",\"event_id\""),
        format!("{first}\n{}", view(2, 7)),
    ] {
        assert_eq!(chunks_of(&[&first, &other]), 2, "{other}");
    }
    assert_eq!(chunks_of(&[ORDER, &ORDER.replace("PAID", "SHIPPED")]), 2);
}

#[test]
fn a_post_in_which_an_event_that_counts_has_no_id_is_not_known_again() {
    let with_one_without = format!("{}\n{VIEW}", view(1, 7));
    assert_eq!(chunks_of(&[&with_one_without, &with_one_without]), 2);
    let ignored = r#"{"event":"identify","event_id":1}"#;
    assert_eq!(chunks_of(&[ignored, ignored]), 2);
}

#[test]
fn an_idempotency_key_comes_before_ids_and_sites_are_apart() {
    let inbox = inbox();
    let body = view(1, 7);
    for key in [Some("k"), Some("l"), None] {
        assert_eq!(sent(&inbox, "/events", key, &body).0, 202);
    }
    for site in ["a", "b", "a"] {
        assert_eq!(sent_by(Some(site), &inbox, "/events", &[], &body).0, 202);
    }
    assert_eq!(stored(&inbox).len(), 5);
}

#[test]
fn a_single_event_whose_time_is_its_arrival_is_known_again() {
    let mut inbox = inbox();
    let body = r#"{"site_id":"s","event_type":"page_view","path":"/","event_id":"e"}"#;
    assert_eq!(sent(&inbox, "/event", None, body).0, 200);
    inbox.clock = inbox_at("2026-11-21T12:03:00Z").clock;
    assert_eq!(sent(&inbox, "/event", None, body).0, 200);
    assert_eq!(stored(&inbox).len(), 1);
}
