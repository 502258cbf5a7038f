//! Which reason an event is rejected for, if several apply, and what it does without.

use super::*;

/// From an event with all of these members wrong, one after the other is put right: the first that
/// is wrong names the reason, and `last_reason` is that of the event with all of them right.
#[track_caller]
fn check_order(members: &[(&str, &str, &str, &str)], last_reason: &str) {
    for right_count in 0..=members.len() {
        let event: Vec<String> = members
            .iter()
            .enumerate()
            .map(|(place, (name, wrong, right, _))| {
                format!("\"{name}\":{}", if place < right_count { right } else { wrong })
            })
            .collect();
        let reason = members.get(right_count).map_or(last_reason, |(.., reason)| reason);
        check(format!("{{{}}}", event.join(",")), &format!("{reason}@1 | "));
    }
}

#[test]
fn the_first_check_that_fails_names_the_reason() {
    check_order(
        &[
            ("event", "7", "\"purchase\"", "invalid:event_type"),
            ("ts", "\"x\"", "\"2026-11-20T11:07:31Z\"", "invalid:timestamp"),
            ("site_id", "\"!\"", "\"s\"", "invalid:site_id"),
            ("total_amount", "\"x\"", "null", "invalid:total_amount"),
            ("price", "\"x\"", "null", "invalid:price"),
            ("quantity", "\"x\"", "2", "invalid:quantity"),
            ("order_total", "\"x\"", "null", "invalid:order_total"),
            ("item_id", "1.5", "\"\"", "invalid:item_id"),
            ("item_name", "1.5", "\"\"", "invalid:item_name"),
        ],
        "missing:item_id",
    );
    // The product goes before the item.
    let purchase = r#""event":"purchase","price":1e12,"quantity":2"#;
    for item in ["1", "1.5", "null"] {
        check(line(&format!("{purchase},\"item_id\":{item}")), "invalid:total_amount@1 | ");
    }
}

#[test]
fn the_type_goes_before_the_time_and_the_time_before_the_rest() {
    check(r#"{"event":"logout","site_id":"!"}"#, "i1 unknown:logout=1 | ");
    check(r#"{"event":"search","ts":"x"}"#, "i1 | ");
    check(r#"{"event":"view","site_id":"!"}"#, "missing:timestamp@1 | ");
    check(r#"{"event":"view","ts":"2027-01-01T00:00Z","site_id":"!"}"#, "future@1 | ");
}

#[test]
fn items_are_checked_in_turn_each_by_its_numbers_and_then_itself() {
    for (items, reason) in [
        (r#"{"price":1},{"price":"x"}"#, "missing:item_id"),
        (r#"{"sku":1,"price":1e12,"quantity":2},3"#, "invalid:total_amount"),
        (r#"{"sku":1.5,"price":"x"}"#, "invalid:price"),
        (r#"{"sku":1.5,"price":1,"quantity":"x"}"#, "invalid:quantity"),
        (r#"{"sku":1.5,"price":1,"name":2.5}"#, "invalid:item_id"),
        (r#"{"price":1,"name":2.5}"#, "invalid:item_name"),
    ] {
        check(line(&format!(r#""event":"order","items":[{items}]"#)), &format!("{reason}@1 | "));
    }
}

#[test]
fn what_an_event_does_not_need_is_dropped() {
    let wrong = r#""event_id":1.5,"user_id":1.5,"session":1.5,"order_id":1.5,"currency":"x""#;
    let dropped = "dropped:currency=1 dropped:customer_id=1 dropped:event_id=1 dropped:order_id=1";
    let told = format!("c1 e1 {dropped}");
    // The page, and the numbers of what counts none.
    let also_wrong = r#""url":1,"price":"x","quantity":"x","total_amount":"x""#;
    for (event, measure) in [("view", "views"), ("cart", "carts"), ("remove_from_cart", "removals")]
    {
        check(
            line(&format!(r#""event":"{event}","sku":1,{wrong},{also_wrong}"#)),
            &format!(
                "{told} dropped:page_url=1 dropped:price=1 dropped:quantity=1 \
                 dropped:session_id=1 dropped:total_amount=1 | {measure} 11:07 1=1"
            ),
        );
    }
    for (event, cells) in
        [("order", "sales:USD 11:07 1=2; units 11:07 1=1"), ("refund", "refunds:USD 11:07 1=2")]
    {
        check(
            line(&format!(r#""event":"{event}","sku":1,"price":2,"url":1,{wrong}"#)),
            &format!("{told} dropped:page_url=1 dropped:session_id=1 | {cells}"),
        );
    }
    let twice = line(r#""event":"view","sku":1,"currency":"x""#).repeat(2);
    check(twice, "c2 e2 dropped:currency=2 | views 11:07 1=2");
}

#[test]
fn each_value_that_is_dropped_is_told() {
    check(
        line(r#""event":"view","items":[{"sku":1,"price":"x"},{"sku":2,"price":"x"}]"#),
        "c1 e1 dropped:price=2 | views 11:07 1=1; views 11:07 2=1",
    );
}

#[test]
fn a_number_is_needed_only_for_the_units_or_the_money() {
    for (members, expected) in [
        (
            r#""event":"order","sku":1,"total_amount":2,"price":"x""#,
            "c1 e1 dropped:price=1 | sales:USD 11:07 1=2; units 11:07 1=1",
        ),
        (r#""event":"order","sku":1,"total_amount":2,"quantity":"x""#, "invalid:quantity@1 | "),
        (
            r#""event":"refund","sku":1,"total_amount":2,"price":"x","quantity":"x""#,
            "c1 e1 dropped:price=1 dropped:quantity=1 | refunds:USD 11:07 1=2",
        ),
        (
            r#""event":"refund","sku":1,"value":2,"quantity":"x""#,
            "c1 e1 dropped:quantity=1 | refunds:USD 11:07 1=2",
        ),
        (r#""event":"refund","sku":1,"price":2,"quantity":"x""#, "invalid:quantity@1 | "),
        (r#""event":"refund","sku":1,"price":"x""#, "invalid:price@1 | "),
        // What is not looked up is not checked.
        (r#""event":"refund","sku":1,"price":2,"value":"x""#, "c1 e1 | refunds:USD 11:07 1=2"),
        (r#""event":"refund","items":[{"sku":1}],"value":"x""#, "invalid:order_total@1 | "),
        (
            r#""event":"refund","items":[{"sku":1,"price":2},{"sku":2}],"value":"x""#,
            "c1 e1 | refunds:USD 11:07 1=2",
        ),
        (r#""event":"cart","sku":1,"value":"x""#, "c1 e1 | carts 11:07 1=1"),
    ] {
        check(line(members), expected);
    }
}

#[test]
fn an_item_is_needed_only_where_nothing_else_counts() {
    for (members, expected) in [
        (r#""event":"view","sku":1.5,"page":"/a""#, "c1 e1 dropped:item_id=1 | pages 11:07 /a=1"),
        (
            r#""event":"order","sku":1.5,"price":2"#,
            "c1 e1 dropped:item_id=1 | sales:USD 11:07 (other)=2",
        ),
        (r#""event":"view","page":7"#, "invalid:page_url@1 | "),
        (r#""event":"order","sku":1.5,"page":"/a""#, "invalid:item_id@1 | "),
        (r#""event":"cart","sku":1.5,"page":"/a""#, "invalid:item_id@1 | "),
        (r#""event":"view","items":[{"sku":1.5}],"page":"/a""#, "invalid:item_id@1 | "),
        // The name stands in for the id.
        (
            r#""event":"cart","sku":1.5,"product_name":"a""#,
            "c1 e1 dropped:item_id=1 | carts 11:07 a=1",
        ),
        (
            r#""event":"cart","items":[{"sku":1.5,"name":"a"}]"#,
            "c1 e1 dropped:item_id=1 | carts 11:07 a=1",
        ),
        (r#""event":"cart","product_name":1.5"#, "invalid:item_name@1 | "),
    ] {
        check(line(members), expected);
    }
}
