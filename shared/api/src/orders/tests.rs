use super::*;
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::order::facts::{Creation, OrderFacts};
use minutebook_domain::order::purchases::{FirstPurchase, OrderLine, OrderLines, Purchases};
use minutebook_domain::plan::Row;
use minutebook_domain::time::lateness::is_settled;
use minutebook_domain::time::period::Retention;
use minutebook_storage::keys::Shard;
use minutebook_storage::memory::MemoryTable;
use minutebook_storage::order::recent::RecentOrder;
use serde_json::{Value as Json, json};

const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };

/// Measure, time, key, number; some of them in several rows, as shards are.
const CELLS: &[(&str, &str, &str, &str)] = &[
    ("orders", "2026-11-21T12:00:00Z", "CREATED", "2"),
    ("orders", "2026-11-21T12:00:00Z", "CREATED", "-2"),
    ("orders", "2026-11-21T12:00:00Z", "PAID", "2"),
    ("orders", "2026-11-21T10:30:00Z", "CANCELLED", "1"),
    ("orders", "2026-11-20T12:00:00Z", "PAID", "50"),
    ("order_value:USD", "2026-11-21T12:00:00Z", "orders", "1"),
    ("order_value:USD", "2026-11-21T12:00:00Z", "gross", "10.5"),
    ("order_value:EUR", "2026-11-21T12:00:00Z", "orders", "1"),
    ("order_value:EUR", "2026-11-21T12:00:00Z", "gross", "7"),
    ("order_value:USD", "2026-11-21T10:30:00Z", "orders", "1"),
    ("order_value:USD", "2026-11-21T10:30:00Z", "gross", "20"),
    ("order_value:USD", "2026-11-21T10:30:00Z", "refunded", "25"),
    ("order_value:USD", "2026-11-21T12:00:00Z", "refunds", "4"),
    ("ordered", "2026-11-21T12:00:00Z", "cup", "5"),
    ("ordered", "2026-11-21T12:00:00Z", "pot", "1"),
    ("ordered", "2026-11-21T12:00:00Z", "gone", "1"),
    ("ordered", "2026-11-21T12:00:00Z", "gone", "-1"),
    ("ordered_value:USD", "2026-11-21T12:00:00Z", "cup", "5.5"),
    ("ordered_value:USD", "2026-11-21T12:00:00Z", "pot", "30"),
];

fn now() -> DateTime<Utc> {
    "2026-11-21T12:00:30Z".parse().expect("a time")
}

fn usd() -> Currency {
    Currency::parse(b"USD").expect("three letters")
}

fn table() -> MemoryTable {
    let table = MemoryTable::default();
    for (number, (measure, time, key, amount)) in (0_u8..).zip(CELLS) {
        let minute = Minute::containing(time.parse().expect("a time")).expect("in range");
        let mut periods = vec![Period::Minute(minute)];
        if is_settled(minute.hour(), now()) {
            periods.extend(Period::of_hour(minute.hour()));
        }
        for period in periods {
            let measure = Measure::parse(measure).expect("a measure");
            let amount = Amount::parse(amount.as_bytes()).expect("a decimal");
            let row =
                Row { site: "default", period, measure, slot: 0, counters: vec![(key, amount)] };
            let shard = if matches!(period, Period::Minute(_)) {
                Shard::Number(number % 16)
            } else {
                Shard::Late
            };
            table.add(&row, shard, RETENTION);
        }
    }
    table
}

fn asked_of(table: MemoryTable, path: &str, query: &str) -> (u16, String) {
    let text = include_str!("../../../../events/lambda/http_most_viewed_item.json");
    let mut event: Json = serde_json::from_str(text).expect("JSON");
    event["rawPath"] = json!(path);
    event["rawQueryString"] = json!(query);
    let request =
        lambda_http::request::from_str(&event.to_string()).expect("an event of API Gateway");
    let call = match path {
        "/metrics/orders" => OrdersCall::Orders,
        "/metrics/realtime" => OrdersCall::Realtime,
        "/metrics/revenue/hourly" => OrdersCall::HourlyRevenue,
        "/metrics/products/top" => OrdersCall::TopProducts,
        _ => panic!("{path} is no call"),
    };
    let backend = Backend::of_test(table, now());
    let response = backend.rows.read(handle(call, &request, &backend)).0;
    (response.status().as_u16(), String::from_utf8_lossy(response.body().as_ref()).into_owned())
}

fn answer(path: &str, query: &str) -> Json {
    let (status, body) = asked_of(table(), path, query);
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

#[test]
fn the_orders_of_two_hours() {
    let (status, body) = asked_of(table(), "/metrics/orders", "window=2h");
    assert_eq!(status, 200);
    assert_eq!(
        body,
        concat!(
            r#"{"total_orders":3,"total_revenue":30.50,"net_revenue":5.50,"refunded":25.00,"basis":"order","currency":"USD","#,
            r#""orders_by_status":{"CANCELLED":1,"PAID":2},"avg_order_value":15.25,"#,
            r#""orders_per_hour":{"2026-11-21T10:00:00Z":1,"2026-11-21T11:00:00Z":0,"2026-11-21T12:00:00Z":2},"#,
            r#""site_id":"default","as_of":"2026-11-21T12:00:00Z","#,
            r#""window":{"from":"2026-11-21T10:01:00Z","to":"2026-11-21T12:01:00Z","precision":"minute"}}"#
        )
    );
}

#[test]
fn orders_of_which_something_does_not_count_are_said() {
    let table = table();
    let minute =
        Minute::containing("2026-11-21T12:00:00Z".parse().expect("a time")).expect("in range");
    for (currency, count) in [("USD", 2), ("EUR", 5)] {
        let row = Row {
            site: "default",
            period: Period::Minute(minute),
            measure: Measure::OrderValue(Currency::parse(currency.as_bytes()).expect("letters")),
            slot: 0,
            counters: vec![
                ("incomplete", Amount::from_count(count)),
                ("over_refunded", Amount::from_count(count + 1)),
            ],
        };
        table.add(&row, Shard::Number(0), RETENTION);
    }
    let (_, body) = asked_of(table, "/metrics/orders", "window=2h");
    let expected = r#""currency":"USD","over_refunded":3.00,"incomplete":2,"orders_by_status""#;
    assert!(body.contains(expected), "{body}");
}

#[test]
fn refunds_are_those_of_the_orders_of_the_window_or_those_made_in_it() {
    for (basis, refunded, net) in [("order", 25.0, 5.5), ("refund", 4.0, 26.5)] {
        for path in ["/metrics/orders", "/metrics/revenue/hourly"] {
            let answer = answer(path, &format!("window=2h&basis={basis}"));
            assert_eq!((&answer["basis"], &answer["net_revenue"]), (&json!(basis), &json!(net)));
            let hour = answer["hours"].get(2).map(|hour| hour["refunded"].clone());
            match hour {
                Some(hour) => assert_eq!(hour, json!(if basis == "order" { 0.0 } else { 4.0 })),
                None => assert_eq!(answer["refunded"], json!(refunded)),
            }
        }
    }
}

#[test]
fn nothing_is_zeros() {
    let of_other = answer("/metrics/orders", "site_id=other&currency=GBP");
    for member in ["total_orders", "total_revenue", "net_revenue", "refunded", "avg_order_value"] {
        assert_eq!(of_other[member].as_f64(), Some(0.0), "{member}");
    }
    assert_eq!(of_other["orders_by_status"], json!({}));
    assert_eq!(of_other["orders_per_hour"].as_object().map(serde_json::Map::len), Some(25));
    assert_eq!(answer("/metrics/products/top", "site_id=other")["products"], json!([]));
    let now = answer("/metrics/realtime", "site_id=other");
    assert_eq!(
        (&now["recent_orders"], &now["top_products"], &now["active_users"]),
        (&json!([]), &json!([]), &json!(0))
    );
}

#[test]
fn a_day_that_has_lost_its_hours_is_still_a_day() {
    let table = MemoryTable::default();
    let minute =
        Minute::containing("2025-01-15T10:30:00Z".parse().expect("a time")).expect("in range");
    for period in &Period::of_hour(minute.hour())[1..] {
        let row = Row {
            site: "default",
            period: *period,
            measure: Measure::Orders,
            slot: 0,
            counters: vec![("PAID", Amount::from_count(7))],
        };
        table.add(&row, Shard::Late, RETENTION);
    }
    let (_, body) = asked_of(table, "/metrics/orders", "as_of=2025-01-15T20:30:00Z");
    let answer: Json = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        (&answer["total_orders"], &answer["window"]["precision"]),
        (&json!(7), &json!("day"))
    );
    assert_eq!(answer["orders_per_hour"], json!({}));
}

#[test]
fn what_goes_on_just_now() {
    let table = table();
    let recent = |id: &str, time: &str| {
        let creation = Creation {
            at: time.parse().expect("a time"),
            number: (id == "b").then(|| "ORD-1".to_string()),
            customer: Some("secret".to_string()),
            currency: usd(),
            value: Amount::from_count(12),
            products: vec![],
        };
        RecentOrder { id: id.to_string(), facts: OrderFacts::of_creation(creation, "PAID") }
    };
    let bought = OrderFacts::of_purchase(Purchases {
        first: FirstPurchase {
            at: "2026-11-21T12:00:01Z".parse().expect("a time"),
            currency: usd(),
            customer: None,
        },
        lines: OrderLines::new(
            [(
                OrderLine {
                    currency: usd(),
                    item: "a".to_string(),
                    units: Amount::ONE,
                    money: Amount::from_count(3),
                },
                2,
            )],
            false,
        ),
    });
    table.list_recent([RecentOrder { id: "c".to_string(), facts: bought }]);
    let (_, body) = asked_of(table, "/metrics/realtime", "limit=1");
    let expected = concat!(
        r#""recent_orders":[{"order_id":"c","order_number":null,"status":"CREATED","total_amount":6.00,"#,
        r#""refunded":0.00,"currency":"USD","created_at":"2026-11-21T12:00:01Z"}]"#
    );
    assert!(body.contains(expected), "{body}");
    let table = self::table();
    table.list_recent([
        recent("b", "2026-11-21T12:00:00.500Z"),
        recent("a", "2026-11-21T11:59:00Z"),
    ]);
    let (status, body) = asked_of(table, "/metrics/realtime", "limit=1");
    assert_eq!(status, 200);
    assert_eq!(
        body,
        concat!(
            r#"{"current_orders_per_minute":0.4,"revenue_per_minute":2.10,"active_users":0,"#,
            r#""top_products":[{"product_name":"pot","revenue":30.00,"units":1}],"#,
            r#""recent_orders":[{"order_id":"b","order_number":"ORD-1","status":"PAID","total_amount":12.00,"#,
            r#""refunded":0.00,"currency":"USD","created_at":"2026-11-21T12:00:00.500Z"}],"#,
            r#""currency":"USD","site_id":"default","as_of":"2026-11-21T12:00:00Z","#,
            r#""window":{"from":"2026-11-21T11:56:00Z","to":"2026-11-21T12:01:00Z","precision":"minute"}}"#
        )
    );
}

#[test]
fn revenue_by_the_hour_has_every_hour() {
    let hourly = answer("/metrics/revenue/hourly", "window=2h");
    let hour = |name: &str, orders: u32, revenue: f64, refunded: f64, net: f64| json!({"hour": name, "orders": orders, "revenue": revenue, "refunded": refunded, "net_revenue": net});
    assert_eq!(
        hourly["hours"],
        json!([
            hour("2026-11-21T10:00:00Z", 1, 20.0, 25.0, -5.0),
            hour("2026-11-21T11:00:00Z", 0, 0.0, 0.0, 0.0),
            hour("2026-11-21T12:00:00Z", 1, 10.5, 0.0, 10.5),
        ])
    );
    assert_eq!((&hourly["total_revenue"], &hourly["net_revenue"]), (&json!(30.5), &json!(5.5)));
    assert_eq!(hourly["window"]["from"], "2026-11-21T10:00:00Z");
    assert_eq!(answer("/metrics/revenue/hourly", "")["hours"].as_array().map(Vec::len), Some(25));
}

#[test]
fn products_are_ranked_by_money_or_by_units() {
    let names = |query: &str| {
        let products = answer("/metrics/products/top", query)["products"].clone();
        let names = products
            .as_array()
            .into_iter()
            .flatten()
            .map(|product| product["product_name"].clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(""), ["pot", "cup"]);
    assert_eq!(names("by=units"), ["cup", "pot"]);
    assert_eq!(names("by=units&limit=1"), ["cup"]);
    let first = &answer("/metrics/products/top", "by=units")["products"][0];
    assert_eq!(*first, json!({"product_name": "cup", "revenue": 5.5, "units": 5}));
}

#[test]
fn a_wrong_query_is_400_and_says_what_is_expected() {
    for (path, query, named) in [
        ("/metrics/orders", "window=8d", "from 1m to 7d"),
        ("/metrics/orders", "limit=1", "\"limit\" is not a parameter"),
        ("/metrics/realtime", "window=25h", "from 1m to 1d"),
        ("/metrics/products/top", "by=name", "expected revenue or units"),
        ("/metrics/products/top", "limit=0", "limit"),
        ("/metrics/revenue/hourly", "window=0m", "window"),
    ] {
        let (status, body) = asked_of(table(), path, query);
        assert!(
            status == 400 && body.contains(&named.replace('"', "\\\"")),
            "{path} {query}: {status} {body}"
        );
    }
}
