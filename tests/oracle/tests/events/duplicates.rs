//! Events that a chunk holds twice.

use super::*;

fn view(members: &str) -> String {
    line(&format!(r#""event":"view","item_id":1,{members}"#))
}

#[test]
fn the_same_event_id_counts_once_at_a_site() {
    check(view(r#""event_id":"a""#) + &view(r#""messageId":"a""#), "c1 d1 e1 | views 11:07 1=1");
    check(view(r#""event_id":7"#) + &view(r#""event_id":"7""#), "c1 d1 e1 | views 11:07 1=1");
    check(view(r#""event_id":"a""#) + &view(r#""event_id":"A""#), "c2 e2 | views 11:07 1=2");
    check(
        view(r#""event_id":"a","site_id":"x""#)
            + &view(r#""event_id":"a","site_id":"y""#)
            + &view(r#""event_id":"a""#),
        "c3 e3 | views 11:07 1=1; x views 11:07 1=1; y views 11:07 1=1",
    );
    check(
        view(r#""event_id":"a""#) + &view(r#""event_id":"a","site_id":"default""#),
        "c1 d1 e1 | views 11:07 1=1",
    );
    check(view(r#""x":1"#) + &view(r#""x":1"#), "c2 e2 | views 11:07 1=2");
    // Another type or time makes no difference.
    check(
        view(r#""event_id":"a""#) + &line(r#""event":"cart","item_id":2,"event_id":"a""#),
        "c1 d1 e1 | views 11:07 1=1",
    );
}

#[test]
fn ids_of_rejected_and_ignored_events_are_not_remembered() {
    let view_a = view(r#""event_id":"a""#);
    let rejected = line(r#""event":"order","sku":1,"price":"x","event_id":"a""#);
    check(rejected.clone() + &view_a, "c1 e1 invalid:price@1 | views 11:07 1=1");
    check(view_a.clone() + &rejected, "c1 e1 invalid:price@2 | views 11:07 1=1");
    for nothing in [
        r#""event":"search","event_id":"a""#,
        r#""event":"refund","sku":1,"event_id":"a""#,
        r#""event":"order","sku":1,"price":5,"quantity":0,"event_id":"a""#,
    ] {
        let nothing = line(nothing);
        check(nothing.clone() + &view_a + &nothing, "c1 i2 e1 | views 11:07 1=1");
    }
    // Those of the other events of their line are.
    let half = r#""event":"view","sku":1,"events":[{"event_id":"a"},{"sku":2.5,"event_id":"b"}]"#;
    check(
        line(half) + &view_a + &view(r#""event_id":"b""#),
        "c2 d1 e2 invalid:item_id@1.2 | views 11:07 1=2",
    );
}

#[test]
fn a_copy_within_one_line_is_a_duplicate_event() {
    check(
        line(r#""event":"view","sku":1,"events":[{"event_id":"a"},{"event_id":"a"},{}]"#),
        "c2 d1 e2 | views 11:07 1=2",
    );
    check(
        line(r#""event":"view","sku":1,"events":[{"event_id":"a"}]"#)
            + &line(r#""event":"view","sku":1,"events":[{"event_id":"a"},{"event":"search"}]"#),
        "c1 i1 d1 e1 | views 11:07 1=1",
    );
    check(
        view(r#""event_id":"a""#)
            + &line(r#""event":"view","sku":1,"events":[{"event_id":"a"},{"event_id":"b"}]"#),
        "c2 d1 e2 | views 11:07 1=2",
    );
}

#[test]
fn the_id_of_a_line_stands_for_all_of_its_events() {
    let many = line(r#""event":"view","event_id":"L","sku":1,"events":[{"event_id":"a"},{}]"#);
    check(many.clone() + &many, "c2 d2 e2 | views 11:07 1=2");
    check(view(r#""event_id":"L""#) + &many, "c1 d2 e1 | views 11:07 1=1");
    check(
        many.clone() + &view(r#""event_id":"L""#) + &view(r#""event_id":"a""#),
        "c2 d2 e2 | views 11:07 1=2",
    );
    // It is not inherited, and it is remembered only after the line's events.
    check(
        line(r#""event":"view","event_id":"L","sku":1,"events":[{"event_id":"L"},{}]"#),
        "c2 e2 | views 11:07 1=2",
    );
    // The ids of the events of a seen line are not remembered.
    check(
        view(r#""event_id":"L""#) + &many + &view(r#""event_id":"a""#),
        "c2 d2 e2 | views 11:07 1=2",
    );
    // The line's id may stand in its properties, and that of an element in its own.
    let nested = line(
        r#""event":"view","properties":{"event_id":"L"},"sku":1,"events":[{"properties":{"insert_id":"a"}}]"#,
    );
    check(nested.clone() + &nested + &view(r#""event_id":"a""#), "c1 d2 e1 | views 11:07 1=1");
}

#[test]
fn the_id_of_a_line_is_remembered_if_an_event_of_it_is_counted_or_duplicate() {
    let ignored = line(r#""event":"search","event_id":"L","events":[{}]"#);
    let empty = line(r#""event_id":"L","events":[]"#);
    let view_l = view(r#""event_id":"L""#);
    check(ignored.clone() + &view_l + &ignored, "c1 i2 e1 | views 11:07 1=1");
    check(empty.clone() + &view_l + &empty, "c1 i2 e1 | views 11:07 1=1");
    let copies = line(r#""event":"view","event_id":"L","sku":1,"events":[{"event_id":"a"}]"#);
    check(view(r#""event_id":"a""#) + &copies + &view_l, "c1 d2 e1 | views 11:07 1=1");
    let rejected = line(r#""event":"view","event_id":"L","events":[{}]"#);
    check(rejected + &view_l, "c1 e1 missing:item_id@1.1 | views 11:07 1=1");
    let half = line(r#""event":"view","event_id":"L","events":[{},{"sku":1}]"#);
    check(half + &view_l, "c1 d1 e1 missing:item_id@1.1 | views 11:07 1=1");
}

#[test]
fn an_id_of_a_line_that_cannot_be_used_is_dropped() {
    let no_id = line(r#""event_id":1.5,"event":"view","events":[{"sku":1}]"#);
    check(no_id.clone() + &no_id, "c2 e2 dropped:event_id=2 | views 11:07 1=2");
    check(line(r#""event_id":1.5,"events":[]"#), "i1 dropped:event_id=1 | ");
    let no_site =
        line(r#""event_id":"L","site_id":"!","event":"view","events":[{"sku":1,"site_id":"s"}]"#);
    check(no_site.clone() + &no_site, "c2 e2 dropped:site_id=2 | s views 11:07 1=2");
    // Without an id of its own nothing of the line is checked but what its events inherit.
    check(
        line(r#""site_id":"!","event":"view","events":[{"sku":1,"site_id":"s"}]"#),
        "c1 e1 | s views 11:07 1=1",
    );
    check(line(r#""site_id":"!","events":[]"#), "i1 | ");
    check(line(r#""site_id":"!","event_id":"","events":[]"#), "i1 | ");
    // The site of the line's id is the line's own.
    let line_at_x =
        line(r#""site_id":"x","event_id":"L","event":"view","events":[{"sku":1,"site_id":"y"}]"#);
    check(
        line_at_x
            + &view(r#""event_id":"L","site_id":"y""#)
            + &view(r#""event_id":"L","site_id":"x""#),
        "c2 d1 e2 | y views 11:07 1=2",
    );
}
