//! `GET /items/{item_id}`: everything that was counted of one item in a window.

pub(crate) mod answer;
pub(crate) mod describe;
pub(crate) mod query;

use std::borrow::Cow;

use futures::future::try_join;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, RequestExt, Response};
use minutebook_domain::count::tally::OTHER_KEY;
use minutebook_domain::query::window::Window;
use minutebook_domain::time::QuarterHours;
use minutebook_storage::catalogue::CatalogueSource;
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::reader::{SumQuestion, sum_windows};
use minutebook_storage::site::settings::SettingsSource;

use crate::backend::Backend;
use crate::http::answer::{WindowAnswer, unreadable};
use crate::http::response::{json, problem};
use crate::items::answer::{Answer, Numbers};
use crate::items::query::ItemQuery;

/// Answers one request. Errors are answers, too: 400 names the parameter, and 503 means that a
/// retry helps.
pub async fn handle<R: RowSource + SettingsSource + CatalogueSource, Q: Sync>(
    request: &Request,
    backend: &Backend<R, Q>,
) -> Response<Body> {
    let (now, retention) = (backend.clock.now(), backend.retention);
    // API Gateway does not encode a `#` in the id, which would cut the query off the request's URI.
    let parameters = request.query_string_parameters();
    let path = request.raw_http_path();
    let given = parameters.iter();
    let given = given.map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)));
    let question = match ItemQuery::read(path, given, now) {
        Ok(question) => question,
        Err(sentence) => return problem(StatusCode::BAD_REQUEST, &sentence),
    };
    let currency = match backend.currency(question.currency, &question.site_id, now).await {
        Ok(currency) => currency,
        Err(error) => return unreadable(&error),
    };
    let (window, precision) =
        Window::ending_with(question.as_of, question.window).kept(retention, now);
    let sum_question = SumQuestion {
        site: question.site_id.as_str(),
        measures: &Numbers::measures(currency, question.basis),
        key: Some(&question.item_id),
        windows: &[window],
        now,
        retention,
        quarter_hours: QuarterHours::NONE,
    };
    let window = WindowAnswer::new(window, precision);
    let items = [question.item_id.as_str()];
    let catalogue = backend.catalogue_of(question.site_id.as_str(), items, now);
    match try_join(sum_windows(&backend.rows, &sum_question), catalogue).await {
        Ok((sums, catalogue)) => {
            let of = |key| Numbers::of(key, &sums);
            let (of_item, of_other) = (of(&question.item_id), of(OTHER_KEY));
            json(&Answer::new(&question, &catalogue, (currency, window), &of_item, &of_other))
        }
        Err(error) => unreadable(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};
    use minutebook_domain::count::amount::Amount;
    use minutebook_domain::count::measure::Measure;
    use minutebook_domain::plan::Row;
    use minutebook_domain::time::Minute;
    use minutebook_domain::time::lateness::is_settled;
    use minutebook_domain::time::period::{Period, Retention};
    use minutebook_storage::keys::Shard;
    use minutebook_storage::memory::MemoryTable;
    use serde_json::{Value, json};

    const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };

    /// Counted numbers: site, measure, time, key, number.
    type Cell = (&'static str, &'static str, &'static str, &'static str, &'static str);

    const CELLS: &[Cell] = &[
        ("default", "views", "2026-11-20T12:00:00Z", "7", "1000"),
        ("default", "views", "2026-11-20T12:01:00Z", "7", "20"),
        ("default", "views", "2026-11-21T12:00:00Z", "7", "1"),
        ("default", "carts", "2026-11-21T08:00:00Z", "7", "6"),
        ("default", "removals", "2026-11-21T08:00:00Z", "7", "2"),
        ("default", "checkouts", "2026-11-21T08:20:00Z", "7", "5"),
        ("default", "units", "2026-11-21T08:30:00Z", "7", "4"),
        ("default", "sales:USD", "2026-11-21T08:30:00Z", "7", "100.5"),
        ("default", "refunds:USD", "2026-11-21T09:30:00Z", "7", "120.75"),
        ("default", "refunds_moved:USD", "2026-11-21T08:30:00Z", "7", "30"),
        ("default", "refunds_moved:USD", "2026-11-21T09:30:00Z", "7", "-120.75"),
        ("default", "sales:EUR", "2026-11-21T08:30:00Z", "7", "9"),
        ("default", "views", "2026-11-21T08:00:00Z", "70", "1000"),
        ("default", "carts", "2026-11-21T08:00:00Z", "a/b", "1"),
        ("default", "views", "2026-11-21T08:00:00Z", "100% ä+#?", "3"),
        ("other", "views", "2026-11-21T08:00:00Z", "7", "5"),
        ("full", "views", "2026-11-21T08:00:00Z", "7", "1"),
        ("full", "views", "2026-11-21T08:00:00Z", "(other)", "4"),
        ("full", "sales:USD", "2026-11-21T08:00:00Z", "(other)", "2.5"),
        ("orders", "units", "2026-11-21T08:00:00Z", "7", "2"),
        ("orders", "units", "2026-11-21T08:00:00Z", "7", "-2"),
        ("orders", "sales:USD", "2026-11-21T08:00:00Z", "(other)", "-2.5"),
    ];

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_262_430, 0).expect("2026-11-21T12:00:30Z")
    }

    /// A table in memory with the cells in all of their rows.
    fn table() -> MemoryTable {
        let table = MemoryTable::default();
        for (site, measure, time, key, number) in CELLS {
            let minute = Minute::containing(time.parse().expect("a time")).expect("in range");
            let amount = Amount::parse(number.as_bytes()).expect("a decimal");
            let mut periods = vec![Period::Minute(minute)];
            if is_settled(minute.hour(), now()) {
                periods.extend(Period::of_hour(minute.hour()));
            }
            for period in periods {
                let measure = Measure::parse(measure).expect("a measure");
                let row = Row { site, period, measure, slot: 0, counters: vec![(key, amount)] };
                table.add(&row, Shard::Late, RETENTION);
            }
        }
        table
    }

    /// The request that API Gateway makes of a call whose path came decoded to this.
    fn request(raw_path: &str, query: &str) -> Request {
        let text = include_str!("../../../../events/lambda/http_most_viewed_item.json");
        let mut event: Value = serde_json::from_str(text).expect("JSON");
        event["rawPath"] = json!(raw_path);
        event["rawQueryString"] = json!(query);
        lambda_http::request::from_str(&event.to_string()).expect("an event of API Gateway")
    }

    fn asked(raw_path: &str, query: &str) -> (u16, String) {
        let backend = Backend::of_test(table(), now());
        let request = request(raw_path, query);
        let response = backend.rows.read(handle(&request, &backend)).0;
        (response.status().as_u16(), String::from_utf8_lossy(response.body().as_ref()).into_owned())
    }

    fn answer(raw_path: &str, query: &str) -> Value {
        let (status, body) = asked(raw_path, query);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    #[test]
    fn a_day_of_an_item() {
        let (status, body) = asked("/items/7", "");
        assert_eq!(status, 200);
        assert_eq!(
            body,
            concat!(
                r#"{"item_id":7,"site_id":"default","views":21,"adds_to_cart":6,"removals":2,"checkouts":5,"units":4,"#,
                r#""gross_sales":100.50,"refunds":120.75,"net_sales":-20.25,"basis":"refund","currency":"USD","#,
                r#""conversion":{"adds_to_cart_per_view":0.285714,"units_per_add_to_cart":0.666667,"#,
                r#""checkouts_per_add_to_cart":0.833333,"units_per_checkout":0.8,"units_per_view":0.190476},"as_of":"2026-11-21T12:00:00Z","#,
                r#""window":{"from":"2026-11-20T12:01:00Z","to":"2026-11-21T12:01:00Z","precision":"minute"}}"#
            )
        );
    }

    #[test]
    fn refunds_are_those_made_in_the_window_or_those_of_what_was_sold_in_it() {
        for (basis, refunds, net) in [("refund", 120.75, -20.25), ("order", 30.0, 70.5)] {
            let (_, body) = asked("/items/7", &format!("basis={basis}"));
            let item: Value = serde_json::from_str(&body).expect("JSON");
            assert_eq!(
                (&item["basis"], &item["refunds"], &item["net_sales"]),
                (&json!(basis), &json!(refunds), &json!(net))
            );
        }
    }

    #[test]
    fn an_item_that_nobody_saw_is_zeros_and_no_ratios() {
        let (status, body) =
            asked("/items/x", "site_id=other&currency=eur&window=1h&as_of=2026-11-01T00:30:00Z");
        assert_eq!(status, 200);
        assert_eq!(
            body,
            concat!(
                r#"{"item_id":"x","site_id":"other","views":0,"adds_to_cart":0,"removals":0,"checkouts":0,"units":0,"#,
                r#""gross_sales":0.00,"refunds":0.00,"net_sales":0.00,"basis":"refund","currency":"EUR","#,
                r#""conversion":{"adds_to_cart_per_view":null,"units_per_add_to_cart":null,"#,
                r#""checkouts_per_add_to_cart":null,"units_per_checkout":null,"units_per_view":null},"#,
                r#""as_of":"2026-11-01T00:30:00Z","#,
                r#""window":{"from":"2026-10-31T23:00:00Z","to":"2026-11-01T01:00:00Z","precision":"hour"}}"#
            )
        );
    }

    #[test]
    fn what_is_counted_without_a_name_is_said_beside_the_numbers_of_an_item() {
        let item = answer("/items/7", "site_id=full");
        let other = json!({
            "views": 4, "adds_to_cart": 0, "removals": 0, "checkouts": 0, "units": 0, "gross_sales": 2.5, "refunds": 0.0,
        });
        assert_eq!((&item["views"], &item["other"]), (&json!(1), &other));
        assert_eq!(answer("/items/8", "site_id=full")["other"], other);
    }

    #[test]
    fn windows_sites_and_currencies_are_kept_apart() {
        assert_eq!(answer("/items/7", "window=1m")["views"], 1);
        assert_eq!(answer("/items/7", "window=400d")["views"], 1_021);
        assert_eq!(answer("/items/7", "as_of=2026-11-20T12:00:59Z&window=1m")["views"], 1_000);
        let of_other = answer("/items/7", "site_id=other");
        assert_eq!((&of_other["views"], &of_other["units"]), (&json!(5), &json!(0)));
        let in_euros = answer("/items/7", "currency=EUR");
        assert_eq!((&in_euros["gross_sales"], &in_euros["refunds"]), (&json!(9.0), &json!(0.0)));
    }

    #[test]
    fn any_id_can_be_asked_about() {
        // As they come from API Gateway, and as they come from what leaves paths as they are.
        for (paths, item_id, query, member, value) in [
            (["/items/a/b", "/items/a%2Fb"], "a/b", "", "adds_to_cart", 1),
            (
                ["/items/100%25 ä+#?", "/items/100%25%20%C3%A4+%23%3F"],
                "100% ä+#?",
                "window=12h",
                "views",
                3,
            ),
            (["/items/a%252Fb", "/items/a%252Fb"], "a%2Fb", "", "adds_to_cart", 0),
            (["/shop/items/7", "/shop/items/7"], "7", "window=1m", "views", 1),
        ] {
            for path in paths {
                let answer = answer(path, query);
                let asked_about = answer["item_id"]
                    .as_str()
                    .map_or_else(|| answer["item_id"].to_string(), str::to_string);
                assert_eq!(
                    (asked_about.as_str(), &answer[member]),
                    (item_id, &json!(value)),
                    "{path}"
                );
            }
        }
        assert_eq!(answer("/items/7#", "window=1h")["window"]["from"], "2026-11-21T11:01:00Z");
    }

    #[test]
    fn what_orders_took_back_is_zero_and_discounts_have_no_item() {
        let answer = answer("/items/7", "site_id=orders");
        assert_eq!(answer["units"], 0);
        assert_eq!(answer["other"]["gross_sales"], json!(-2.5));
        assert_eq!(answer["other"]["units"], 0);
    }

    #[test]
    fn a_wrong_question_is_400_and_says_what_is_wrong() {
        let long = format!("/items/{}", "ä".repeat(129));
        assert_eq!(answer(&format!("/items/{}", "ä".repeat(128)), "")["views"], 0);
        for (path, query, named) in [
            ("/items/", "", "item_id has 0 bytes"),
            (long.as_str(), "", "item_id has 258 bytes; expected 1 to 256"),
            ("/items/%FF", "", "percent-encoded UTF-8"),
            ("/item", "", "the path is \"/item\""),
            ("/items/7", "window=401d", "window"),
            ("/items/7", "limit=3", "\"limit\" is not a parameter"),
            ("/items/7", "site_id=a%20b", "site_id"),
            ("/items/7", "currency=dollars", "currency"),
            ("/items/7", "as_of=now", "as_of"),
            ("/items/7", "window=1h&window=2h", "window is given twice"),
        ] {
            let (status, body) = asked(path, query);
            let problem: Value = serde_json::from_str(&body).expect("JSON");
            let sentence = problem["error"].as_str().unwrap_or_default();
            assert!(status == 400 && sentence.contains(named), "{path} {query}: {status} {body}");
        }
    }
}
