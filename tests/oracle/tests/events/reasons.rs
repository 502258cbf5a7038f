//! Which reason a line is rejected for, if several apply.

use super::*;

#[test]
fn the_first_check_that_fails_names_the_reason() {
    // From a line with everything wrong, one thing after the other is put right.
    let wrong = [
        ("event", "7", "\"purchase\"", "invalid:event_type"),
        ("ts", "\"x\"", "\"2026-11-20T11:07:31Z\"", "invalid:timestamp"),
        ("site_id", "\"!\"", "\"s\"", "invalid:site_id"),
        ("event_id", "1.5", "1", "invalid:event_id"),
        ("user_id", "1.5", "1", "invalid:customer_id"),
        ("session", "1.5", "1", "invalid:session_id"),
        ("order_id", "1.5", "1", "invalid:order_id"),
        ("url", "1", "\"/\"", "invalid:page_url"),
        ("currency", "\"x\"", "\"EUR\"", "invalid:currency"),
        ("item_id", "1.5", "\"\"", "invalid:item_id"),
        ("price", "-1", "1e12", "invalid:price"),
        ("quantity", "-1", "2", "invalid:quantity"),
        ("total_amount", "-1", "null", "invalid:total_amount"),
    ];
    for right_count in 0..wrong.len() {
        let members: Vec<String> = wrong
            .iter()
            .enumerate()
            .map(|(place, (name, wrong, right, _))| {
                format!("\"{name}\":{}", if place < right_count { right } else { wrong })
            })
            .collect();
        check(format!("{{{}}}", members.join(",")), &format!("{}@1 | ", wrong[right_count].3));
    }
    let purchase = r#""event":"purchase","price":1e12,"quantity":2"#;
    check(line(purchase), "missing:item_id@1 | ");
    check(line(&format!("{purchase},\"item_id\":1")), "invalid:total_amount@1 | ");
}

#[test]
fn the_type_goes_before_the_time_and_the_time_before_the_rest() {
    check(r#"{"event":"logout"}"#, "unknown_type@1 | ");
    check(r#"{"event":"view","site_id":"!"}"#, "missing:timestamp@1 | ");
    check(r#"{"event":"view","ts":"2027-01-01T00:00Z","site_id":"!"}"#, "future@1 | ");
}

#[test]
fn items_are_checked_in_turn() {
    check(line(r#""event":"order","items":[{"price":1},{"currency":1}]"#), "missing:item_id@1 | ");
    check(
        line(r#""event":"order","items":[{"sku":1,"price":1e12,"quantity":2},3]"#),
        "invalid:total_amount@1 | ",
    );
    check(line(r#""event":"order","items":[{"sku":1.5,"currency":1}]"#), "invalid:currency@1 | ");
    check(line(r#""event":"order","items":[{"price":-1}]"#), "invalid:price@1 | ");
}
