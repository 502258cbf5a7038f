//! WooCommerce's webhook of an order.

use super::*;

fn order(members: &str) -> String {
    format!(
        r#"{{"id":727,"number":"727","currency":"EUR","date_created":"2026-11-26T11:00:00","date_created_gmt":"2026-11-26T10:00:00","total":"29.35","customer_id":3,"line_items":[{{"id":315,"name":"Shirt","product_id":93,"sku":"S-1","quantity":2,"subtotal":"24.00","total":"24.00","price":12}}]{members}}}"#
    )
}

const COUNTS: &str = "order_value:EUR 10:00 gross=29.35; order_value:EUR 10:00 orders=1; ordered 10:00 93=2; \
                      ordered_value:EUR 10:00 93=24; orders 10:00";

#[test]
fn creation_status_and_cancellation() {
    check(order(r#","status":"processing""#), &format!("c1 e1 |  | {COUNTS} processing=1"));
    check(
        order(r#","status":"pending""#)
            + &order(r#","status":"completed","date_modified":"2026-11-26T15:00:00""#),
        &format!("c2 e2 |  | {COUNTS} completed=1"),
    );
    for status in ["cancelled", "refunded"] {
        check(
            order(&format!(r#","status":"{status}","date_modified_gmt":"2026-11-26T12:00:00""#)),
            "c1 e1 |  | order_value:EUR 10:00 gross=29.35; order_value:EUR 10:00 orders=1; \
             order_value:EUR 10:00 refunded=29.35; order_value:EUR 12:00 refunds=29.35; \
             ordered 10:00 93=2; \
             ordered_value:EUR 10:00 93=24; orders 10:00 CANCELLED=1",
        );
    }
}

#[test]
fn without_the_time_in_utc_the_local_one_counts() {
    let order = order("").replace("date_created_gmt", "x");
    check(order, &format!("c1 e1 |  | {COUNTS} CREATED=1").replace("10:00", "11:00"));
}

#[test]
fn customer_0_is_a_guest() {
    let settings = minutebook_oracle::Settings::at("2026-11-27T00:00:00Z".parse().unwrap());
    for (id, customer) in [("3", Some("3")), ("0", None), ("\"0\"", None), ("null", None)] {
        let order = order("").replace("\"customer_id\":3", &format!("\"customer_id\":{id}"));
        let recount = minutebook_oracle::recount(order.as_bytes(), &settings).unwrap();
        let minutebook_oracle::What::Created { order, .. } = &recount.orders[0].what else {
            panic!("an order that was created")
        };
        assert_eq!(order.customer.as_deref(), customer, "{id}");
    }
}
