//! Orders, recounted: what their events say, and what becomes of them together.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use chrono::{DateTime, Utc};
use minutebook_oracle::{Recount, Settings, order_tallies, recount};

fn count(text: &str) -> Recount {
    let reference_time: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
    recount(text.as_bytes(), &Settings::at(reference_time)).unwrap()
}

/// An event about order 1 at so many seconds after 11:07.
fn event(kind: &str, second: &str, members: &str) -> String {
    format!(
        "{{\"eventType\":\"Order{kind}Event\",\"timestamp\":\"2026-11-20T11:07:{second}Z\",\"orderId\":1{members}}}\n"
    )
}

/// `measure minute key=number …`, or the reason of the first rejected line.
fn counted(text: &str) -> String {
    let recount = count(text);
    if let Some(rejected) = recount.rejected_lines.first() {
        return rejected.reason.clone();
    }
    let cells: Vec<String> = order_tallies(&recount.orders)
        .iter()
        .map(|(key, number)| {
            format!("{} {} {}={number}", key.measure, key.minute_start().format("%H:%M"), key.key)
        })
        .collect();
    cells.join("; ")
}

fn created() -> String {
    let items = r#""items":[{"productName":"a","quantity":2,"unitPrice":3},{"productName":"a","totalPrice":4}]"#;
    event("Created", "01", &format!(r#","totalAmount":9.5,{items}"#))
}

#[test]
fn an_order_counts_at_the_minute_of_its_creation_whatever_comes_first() {
    let paid = event("StatusChanged", "02", r#","newStatus":"PAID""#);
    let shipped = event("StatusChanged", "02.5", r#","newStatus":"SHIPPED""#);
    let expected = "order_value:USD 11:07 gross=9.5; order_value:USD 11:07 orders=1; ordered 11:07 a=3; ordered_value:USD 11:07 a=10; orders 11:07 SHIPPED=1";
    for lines in [
        [&created(), &paid, &shipped],
        [&shipped, &created(), &paid],
        [&paid, &shipped, &created()],
    ] {
        assert_eq!(counted(&lines.map(String::as_str).concat()), expected);
    }
    assert_eq!(counted(&(created() + &created() + &shipped + &paid + &shipped)), expected);
    assert_eq!(counted(&paid), "");
}

#[test]
fn a_cancellation_gives_back_what_it_says_or_everything() {
    for (refund, refunded) in [
        ("", "refunded=9.5; order_value:USD 11:07 refunds=9.5;"),
        (r#","refundAmount":-2"#, "refunded=2; order_value:USD 11:07 refunds=2;"),
        // No more than the order was worth.
        (
            r#","refundAmount":"$10""#,
            "over_refunded=0.5; order_value:USD 11:07 refunded=9.5; \
             order_value:USD 11:07 refunds=9.5;",
        ),
    ] {
        let text = event("Cancelled", "05", refund) + &created();
        assert!(counted(&text).contains(refunded), "{text}: {}", counted(&text));
        assert!(counted(&text).contains("CANCELLED=1"), "{text}");
    }
    assert!(
        !counted(&(event("Cancelled", "05", r#","refundAmount":0"#) + &created()))
            .contains("refunded")
    );
    // It stands, whatever status follows.
    let late = event("StatusChanged", "06", r#","newStatus":"ARCHIVED""#);
    let text = late + &event("Cancelled", "05", r#","refundAmount":2"#) + &created();
    assert!(counted(&text).contains("refunded=2") && counted(&text).contains("ARCHIVED=1"));
}

#[test]
fn of_two_events_of_one_time_a_cancellation_is_believed_before_a_change_and_that_before_a_creation()
{
    let change =
        |status: &str| event("StatusChanged", "01", &format!(r#","newStatus":"{status}""#));
    assert!(counted(&(change("A") + &created())).contains("orders 11:07 A=1"));
    assert!(counted(&(change("B") + &created() + &change("A"))).contains("orders 11:07 B=1"));
    assert!(
        counted(&(change("Z") + &event("Cancelled", "01", "") + &created()))
            .contains("CANCELLED=1")
    );
}

#[test]
fn of_two_creations_the_earlier_counts_and_of_two_at_one_time_the_lesser() {
    let late = event("Created", "30", r#","totalAmount":1"#);
    assert!(counted(&(late + &created())).contains("gross=9.5"));
    let twin = event("Created", "01", r#","totalAmount":7"#);
    for text in [twin.clone() + &created(), created() + &twin] {
        assert!(counted(&text).contains("gross=7;"), "{}", counted(&text));
    }
}

#[test]
fn wrong_fields_reject_their_line() {
    for (line, reason) in [
        (event("Created", "01", ""), "missing:total_amount"),
        (event("Created", "01", r#","totalAmount":"x""#), "invalid:total_amount"),
        (event("Created", "01", r#","total":"x""#), "invalid:order_total"),
        (event("Created", "01", r#","totalAmount":-1"#), "invalid:total_amount"),
        (event("Created", "01", r#","totalAmount":1,"items":[{}]"#), "missing:item_name"),
        (
            event("Created", "01", r#","totalAmount":1,"items":[{"productName":true}]"#),
            "invalid:item_name",
        ),
        (event("Created", "01", r#","totalAmount":1,"items":[7]"#), "invalid:items"),
        (event("Created", "01", r#","items":[{"productName":"a"}]"#), "missing:total_amount"),
        (event("StatusChanged", "01", ""), "missing:newStatus"),
        (event("StatusChanged", "01", r#","newStatus":1"#), "invalid:newStatus"),
        (event("Cancelled", "01", r#","refundAmount":"x""#), "invalid:refundAmount"),
        (
            event("Cancelled", "01", "").replace("\"orderId\":1", "\"orderId\":1.5"),
            "invalid:order_id",
        ),
        (
            event("Cancelled", "01", "").replace("\"orderId\":1", "\"orderId\":\"\""),
            "missing:order_id",
        ),
        (
            event("Cancelled", "01", "").replace("\"2026-11-20T11:07:01Z\"", "[2026,11,20,11]"),
            "invalid:timestamp",
        ),
    ] {
        assert_eq!(counted(&line), reason, "{line}");
    }
    let items = |count: usize| {
        format!(r#","totalAmount":1,"items":[{}]"#, vec![r#"{"productName":"a"}"#; count].join(","))
    };
    assert_eq!(counted(&event("Created", "01", &items(501))), "invalid:items");
    assert!(counted(&event("Created", "01", &items(500))).contains("ordered 11:07 a=500"));
    // 320 names of 256 bytes, and one byte more; a name that comes again takes nothing.
    let named = |last: &str| {
        let names = (0..320).map(|number| format!("{number:0>256}")).chain([last.to_owned()]);
        let names = names.map(|name| format!(r#"{{"productName":"{name}"}}"#));
        format!(r#","totalAmount":1,"items":[{}]"#, names.collect::<Vec<_>>().join(","))
    };
    assert_eq!(counted(&event("Created", "01", &named("a"))), "invalid:items");
    let again = format!("{:0>256}", 7);
    assert!(counted(&event("Created", "01", &named(&again))).contains(&format!("{again}=2")));
}

#[test]
fn an_order_does_without_what_it_does_not_need() {
    let long_status = format!(r#","status":"{}""#, "x".repeat(65));
    for (members, field) in [
        (r#","status":1"#, "status"),
        (&long_status, "status"),
        (r#","orderNumber":1.5"#, "orderNumber"),
        (r#","currency":"x""#, "currency"),
        (r#","customerId":{}"#, "customer_id"),
        (r#","session":1.5"#, "session_id"),
        (r#","event_id":1.5"#, "event_id"),
        (r#","url":7"#, "page_url"),
    ] {
        let text = event("Created", "01", &format!(r#","totalAmount":1{members}"#));
        assert_eq!(
            counted(&text),
            "order_value:USD 11:07 gross=1; order_value:USD 11:07 orders=1; orders 11:07 CREATED=1"
        );
        let dropped = count(&text).dropped;
        assert_eq!(dropped.into_iter().collect::<Vec<_>>(), [(field.to_owned(), 1)]);
    }
}

const SHIRT: &str = r#"{"productName":"shirt","price":20,"quantity":2}"#;

/// What an order counts that has this item with the shirt, or its reason.
fn with_shirt(members: &str) -> String {
    counted(&event("Created", "01", &format!(r#","items":[{SHIRT},{{"name":"off",{members}}}]"#)))
}

/// What an order of the shirt counts whose money is so much.
fn shirt_for(value: &str) -> String {
    format!(
        "order_value:USD 11:07 gross={value}; order_value:USD 11:07 orders=1; \
         ordered 11:07 shirt=2; ordered_value:USD 11:07 shirt=40; orders 11:07 CREATED=1"
    )
}

#[test]
fn a_discount_lowers_the_sum_and_is_no_product() {
    for discount in [r#""price":-5"#, r#""totalPrice":-5"#, r#""price":2.5,"quantity":-2"#] {
        assert_eq!(with_shirt(discount), shirt_for("35"), "{discount}");
    }
    assert_eq!(with_shirt(r#""price":-41"#), "invalid:total_amount");
    // An item without money is none.
    assert_eq!(with_shirt(r#""quantity":-1"#), "missing:total_amount");
}

#[test]
fn a_discount_of_a_negative_quantity_lowers_the_sum_whatever_its_money() {
    for discount in [r#""totalPrice":5,"quantity":-1"#, r#""price":-5,"quantity":-1"#] {
        assert_eq!(with_shirt(discount), shirt_for("35"), "{discount}");
    }
}

#[test]
fn times_may_be_arrays_of_numbers() {
    for time in ["[2026,11,20,11,7]", "[2026,11,20,11,7,1]", "[2026,11,20,11,7,1,5]"] {
        let text = created().replace("\"2026-11-20T11:07:01Z\"", time);
        assert!(counted(&text).contains("orders 11:07 CREATED=1"), "{time}: {}", counted(&text));
    }
}

#[test]
fn lines_about_orders_are_counted_and_copies_by_id_are_duplicates() {
    let line = event("Cancelled", "01", r#","event_id":"e""#);
    let recount = count(&(line.clone() + &line));
    assert_eq!(
        (recount.counted, recount.duplicate, recount.events, recount.orders.len()),
        (1, 1, 1, 1)
    );
}
