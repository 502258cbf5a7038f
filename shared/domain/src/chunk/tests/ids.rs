//! Duplicates, by the ids of events and of lines.

use crate::chunk::tests::support::{check_notes, check_outcomes, check_tally, event, read_whole};

#[test]
fn a_repeated_id_at_the_same_site_is_a_duplicate() {
    let view = |members: &str| event("view", &format!(r#""sku":"a",{members}"#));
    let lines = |lines: &[String]| lines.join("\n");
    check_outcomes(
        &lines(&[view(r#""event_id":"1""#), view(r#""event_id":1"#), view(r#""event_id":"2""#)]),
        "2/0/1",
    );
    check_outcomes(
        &lines(&[view(r#""event_id":"1""#), view(r#""event_id":"1","site_id":"s""#)]),
        "2/0/0",
    );
    check_outcomes(
        &lines(&[view(r#""event_id":"1""#), view(r#""event_id":"1","site_id":"default""#)]),
        "1/0/1",
    );
    check_outcomes(&lines(&[view(r#""event_id":"""#), view(r#""event_id":null"#)]), "2/0/0");
    // Ids of rejected and ignored lines are not remembered.
    check_outcomes(
        &lines(&[view(r#""event_id":"1","timestamp":-1"#), view(r#""event_id":"1""#)]),
        "1/0/0",
    );
    check_outcomes(
        &lines(&[event("refund", r#""sku":"a","event_id":1"#), view(r#""event_id":"1""#)]),
        "1/1/0",
    );
    check_outcomes(
        &lines(&[view(r#""event_id":"1""#), event("refund", r#""sku":"a","event_id":1"#)]),
        "1/1/0",
    );
    // A duplicate is valid: a bad line is rejected first.
    let rejected = read_whole(
        lines(&[view(r#""event_id":1"#), view(r#""event_id":1,"timestamp":-1"#)]).as_bytes(),
    );
    assert_eq!(rejected.outcomes.rejected_total(), 1);
}

#[test]
fn ids_on_a_line_with_events_identify_the_line_or_the_event() {
    let many = |line: &str, ids: &[&str]| {
        let events: Vec<_> = ids.iter().map(|id| format!("{{{id}}}")).collect();
        event("view", &format!(r#""sku":"a"{line},"events":[{}]"#, events.join(",")))
    };
    let (id1, id2, line9) = (r#""event_id":1"#, r#""event_id":2"#, r#","event_id":9"#);
    // Not inherited: two events without ids are two.
    check_tally(&many(line9, &["", ""]), "views a=2");
    // A copy within the line, and events that were counted before.
    check_tally(&many("", &[id1, id1, id2]), "views a=2");
    check_outcomes(
        &format!("{}\n{}\n{}", many("", &[id1]), many("", &[id1, id1]), many("", &[id1, id2])),
        "2/0/3",
    );
    // The id of the line itself.
    check_outcomes(&format!("{}\n{}", many(line9, &[""]), many(line9, &[""])), "1/0/1");
    check_outcomes(
        &format!("{}\n{}", many(line9, &[""]), event("view", r#""sku":"a","event_id":9"#)),
        "1/0/1",
    );
    check_outcomes(
        &format!("{}\n{}", event("view", r#""sku":"a","event_id":9"#), many(line9, &[""])),
        "1/0/1",
    );
    // It is remembered after the events, so one of them may have the same id.
    check_tally(&many(r#","event_id":1"#, &[id1, id2]), "views a=2");
    // If a line is a duplicate by its own id, its other ids are not remembered.
    let text = format!("{}\n{}\n{}", many(line9, &[id1]), many(line9, &[id2]), many("", &[id2]));
    check_outcomes(&text, "2/0/1");
    // A line that is a duplicate by its events is remembered; one that is ignored is not.
    let text = format!("{}\n{}\n{}", many("", &[id1]), many(line9, &[id1]), many(line9, &[id2]));
    check_outcomes(&text, "1/0/2");
    let ignored = event("refund", r#""sku":"a","event_id":9,"events":[{}]"#);
    check_outcomes(&format!("{ignored}\n{}\n{ignored}", many(line9, &[id1])), "1/2/0");
    // Its site is that of the line itself.
    let elsewhere = many(r#","event_id":9,"site_id":"s""#, &[""]);
    check_outcomes(&format!("{elsewhere}\n{}", many(line9, &[r#""site_id":"s""#])), "2/0/0");
    // The events do not need the id of the line, and not its site if they have their own.
    for (line, dropped) in
        [(r#","event_id":1.5"#, "event_id=1"), (r#","event_id":1,"site_id":"ä""#, "site_id=1")]
    {
        let line = many(line, &[r#""site_id":"s""#]);
        check_tally(&line, "s views a=1");
        check_notes(&line, dropped);
    }
    check_tally(&many(r#","site_id":"ä""#, &[r#""site_id":"s""#]), "s views a=1");
}
