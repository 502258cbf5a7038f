//! Values of MongoDB's extended JSON.

use super::*;

#[test]
fn times_numbers_and_ids() {
    check(
        r#"{"_id":{"$oid":"65a"},"event":"purchase","timestamp":{"$date":"2026-11-26T10:00:00Z"},
            "event_id":{"$oid":"e1"},"site_id":{"$numberInt":"7"},"item_id":{"$numberLong":"42"},
            "price":{"$numberDecimal":"1.10"},"quantity":{"$numberInt":"3"},
            "customer_id":{"$oid":"c"},"session_id":{"$numberDouble":"5.0"},"order_id":{"$oid":"o"}}"#,
        "c1 e1 |  | 7 order_value:USD 10:00 gross=3.3; 7 order_value:USD 10:00 orders=1; \
         7 order_value:USD 10:00 sales=3.3; 7 ordered 10:00 42=3; 7 ordered_value:USD 10:00 42=3.3; \
         7 orders 10:00 CREATED=1; 7 sales:USD 10:00 42=3.3; 7 units 10:00 42=3",
    );
    check(
        r#"{"event":"refund","ts":{"$date":{"$numberLong":"1795687200000"}},"items":[
            {"item_id":{"$oid":"a"},"total_amount":{"$numberDouble":2.5}},
            {"item_id":{"$oid":{"$oid":"b"}},"total_amount":{"$numberDouble":{"$numberInt":"4"}}}]}"#,
        "c1 e1 | refunds:USD 10:00 a=2.5; refunds:USD 10:00 b=4",
    );
    check(
        r#"{"event":"order_created","ts":{"$date":1795687200000},"order_id":{"$oid":"o"},
            "orderNumber":{"$numberInt":"9"},"order_total":{"$numberDecimal":"20"}}"#,
        "c1 e1 |  | order_value:USD 10:00 gross=20; order_value:USD 10:00 orders=1; \
         orders 10:00 CREATED=1",
    );
}

#[test]
fn other_objects_are_invalid() {
    for (value, reason) in [
        (r#"{"oid":"a"}"#, "invalid:item_id"),
        (r#"{"$OID":"a"}"#, "invalid:item_id"),
        (r#"{"$oid":""}"#, "invalid:item_id"),
        (r#"{"$oid":null}"#, "invalid:item_id"),
        (r#"{"$oid":"a","$oid":"a"}"#, "invalid:item_id"),
        (r#"{"$oid":{"$oid":{"$oid":"a"}}}"#, "invalid:item_id"),
        ("{}", "invalid:item_id"),
    ] {
        let line = format!(r#"{{"event":"view","ts":"2026-11-26T10:07:31Z","item_id":{value}}}"#);
        check(line, &format!("{reason}@1 | "));
    }
    check(r#"{"event":"view","ts":{"$date":"soon"},"item_id":1}"#, "invalid:timestamp@1 | ");
    check(
        r#"{"event":"view","ts":"2026-11-26T10:07:31Z","item_name":{"oid":"a"}}"#,
        "invalid:item_name@1 | ",
    );
    check(
        r#"{"event":"cart","ts":"2026-11-26T10:07:31Z","item_id":1,"page":{"$oid":"a"},
            "currency":{"$oid":"EUR"},"price":{"$numberInt":"x"}}"#,
        "c1 e1 dropped:currency=1 dropped:page_url=1 dropped:price=1 | carts 10:07 1=1",
    );
}
