//! `GET /overview`: all numbers of a site in a range of time and in its periods, beside those of an
//! earlier range.

pub(crate) mod answer;
pub(crate) mod compared;
pub(crate) mod describe;
pub(crate) mod numbers;
pub(crate) mod query;
pub(crate) mod series;

use lambda_http::{Body, Request, Response};
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::site::settings::SettingsSource;
use minutebook_storage::visitors::VisitorStateSource;

use crate::backend::{Backend, SiteDefaults};
use crate::http::answer::{refused, unreadable};
use crate::http::response::json;
use crate::overview::answer::Answer;
use crate::overview::query::Given;
use crate::overview::series::Rows;

/// Answers one request. Errors are answers, too: 400 names the parameter, and 503 means that a
/// retry helps.
pub async fn handle<R: RowSource + SettingsSource + VisitorStateSource, Q: Sync>(
    request: &Request,
    backend: &Backend<R, Q>,
) -> Response<Body> {
    answer(request, backend).await.unwrap_or_else(|refused| refused)
}

async fn answer<R: RowSource + SettingsSource + VisitorStateSource, Q: Sync>(
    request: &Request,
    backend: &Backend<R, Q>,
) -> Result<Response<Body>, Response<Body>> {
    let (now, retention) = (backend.clock.now(), backend.retention);
    let given = Given::read(request.uri().query().unwrap_or_default()).map_err(refused)?;
    let of_site = backend.defaults_of(&given.site_id, now).await;
    let SiteDefaults { currency, time_zone: zone, quarter_hours } =
        &of_site.map_err(|error| unreadable(&error))?;
    let rows = Rows { quarter_hours, retention, now };
    let question = given.resolve((*currency, *zone), rows).map_err(refused)?;
    let overview = numbers::read(backend, &question, quarter_hours, now).await;
    let overview = overview.map_err(|error| unreadable(&error))?;
    Ok(json(&Answer::new(&question, &overview, backend.live_url.as_deref())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};
    use minutebook_domain::count::amount::Amount;
    use minutebook_domain::count::measure::Measure;
    use minutebook_domain::count::secret::{SecretNumber, VisitorSecret};
    use minutebook_domain::count::sketch::Sketch;
    use minutebook_domain::count::visitors::Visitors;
    use minutebook_domain::time::Minute;
    use minutebook_domain::time::period::{Period, Retention};
    use minutebook_storage::memory::{MemoryTable, Reads, periods_by};
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };
    const NOW: &str = "2026-11-21T12:07:30Z";

    /// Counted numbers: measure, time, key, number.
    type Cell = (&'static str, &'static str, &'static str, &'static str);

    const CELLS: &[Cell] = &[
        // Today, in the hour that is over and in the running one.
        ("views", "2026-11-21T10:30:00Z", "1", "8"),
        ("views", "2026-11-21T12:07:00Z", "2", "1"),
        ("views", "2026-11-21T12:07:00Z", "(other)", "1"),
        ("carts", "2026-11-21T12:01:00Z", "2", "3"),
        ("units", "2026-11-21T10:30:00Z", "1", "2"),
        ("sales:USD", "2026-11-21T10:30:00Z", "1", "30.5"),
        ("sales:USD", "2026-11-21T10:30:00Z", "", "30.5"),
        ("sales:EUR", "2026-11-21T10:30:00Z", "1", "9"),
        ("refunds:USD", "2026-11-21T12:02:00Z", "1", "40.25"),
        ("orders", "2026-11-21T10:30:00Z", "PAID", "2"),
        ("orders", "2026-11-21T10:30:00Z", "CREATED", "1"),
        ("order_value:USD", "2026-11-21T10:30:00Z", "orders", "2"),
        ("order_value:USD", "2026-11-21T10:30:00Z", "gross", "25"),
        ("order_value:USD", "2026-11-21T10:30:00Z", "incomplete", "1"),
        // Yesterday, until the same minute and after it.
        ("views", "2026-11-20T12:07:00Z", "1", "5"),
        ("views", "2026-11-20T12:08:00Z", "1", "1000"),
        ("sales:USD", "2026-11-20T00:00:00Z", "1", "7"),
        ("units", "2026-11-19T23:59:00Z", "1", "1000"),
        ("views", "2026-11-13T09:00:00Z", "1", "20000"),
    ];

    /// Who had an event, and when.
    const VISITS: &[(&str, &str)] = &[
        ("2026-11-21T10:30:00Z", "ann"),
        ("2026-11-21T10:31:00Z", "bob"),
        ("2026-11-21T12:02:00Z", "ann"),
        ("2026-11-21T12:03:00Z", "cem"),
        ("2026-11-20T10:31:00Z", "bob"),
        ("2026-11-20T12:08:00Z", "dan"),
        ("2026-11-13T09:00:00Z", "eve"),
    ];

    fn now() -> DateTime<Utc> {
        NOW.parse().expect("a time")
    }

    fn minute(time: &str) -> Minute {
        Minute::containing(time.parse().expect("a time")).expect("in range")
    }

    fn table() -> MemoryTable {
        let table = MemoryTable::default();
        for (measure, time, key, number) in CELLS {
            let measure = Measure::parse(measure).expect("a measure");
            let amount = Amount::parse(number.as_bytes()).expect("a decimal");
            table.count("default", measure, minute(time), (*key, amount), now(), RETENTION);
        }
        let mut visitors: BTreeMap<Period, Visitors> = BTreeMap::new();
        for (time, name) in VISITS {
            for period in periods_by(minute(time), now()) {
                let of_event = Sketch::of(VisitorSecret::new(7), [*name]);
                visitors.entry(period).or_default().visitors.merge(&of_event);
            }
        }
        for (period, visitors) in &visitors {
            let secret = SecretNumber::NONE;
            table.put_visitors(secret, "default", *period, "aaaa", visitors, RETENTION);
        }
        table
    }

    fn asked(query: &str) -> (u16, Value, Reads) {
        let backend = Backend::of_test(table(), now());
        let request = lambda_http::http::Request::get(format!("/overview?{query}"));
        let request = request.body(Body::Empty).expect("a request");
        let (response, reads) = backend.rows.read(handle(&request, &backend));
        let body = serde_json::from_slice(response.body().as_ref()).expect("JSON");
        (response.status().as_u16(), body, reads)
    }

    #[test]
    fn today_beside_yesterday_until_now() {
        let (status, answer, _) = asked("");
        assert_eq!(status, 200, "{answer}");
        let series = |cells: &[(usize, Value)], rest: Value| -> Value {
            let mut series = vec![rest; 13];
            cells.iter().for_each(|(hour, value)| series[*hour] = value.clone());
            json!(series)
        };
        let zero = || json!(0);
        let tile = |value: Value, compared: Value, now: Value, before: Value| json!({"value": value, "compared": compared, "series": now, "compared_series": before});
        let money = |cells: &[(usize, Value)]| series(cells, json!(0.0));
        let counts = |cells: &[(usize, Value)]| series(cells, zero());
        let ratios = |cells: &[(usize, Value)]| series(cells, Value::Null);
        let expected = json!({
            "net_revenue": tile(
                json!(-9.75), json!(7.0), money(&[(10, json!(30.5)), (12, json!(-40.25))]), money(&[(0, json!(7.0))])),
            "revenue": tile(json!(30.5), json!(7.0), money(&[(10, json!(30.5))]), money(&[(0, json!(7.0))])),
            "refunded": tile(json!(40.25), json!(0.0), money(&[(12, json!(40.25))]), money(&[])),
            "orders": tile(json!(3), json!(0), counts(&[(10, json!(3))]), counts(&[])),
            "avg_order_value": tile(json!(12.5), Value::Null, ratios(&[(10, json!(12.5))]), ratios(&[])),
            "conversion": tile(
                json!(0.2), json!(0), ratios(&[(10, json!(0.25)), (12, json!(0))]), ratios(&[(12, json!(0))])),
            "visitors": tile(json!(3), json!(1), counts(&[(10, json!(2)), (12, json!(2))]), counts(&[(10, json!(1))])),
            "views": tile(json!(10), json!(5), counts(&[(10, json!(8)), (12, json!(2))]), counts(&[(12, json!(5))])),
            "carts": tile(json!(3), json!(0), counts(&[(12, json!(3))]), counts(&[])),
            "units": tile(json!(2), json!(0), counts(&[(10, json!(2))]), counts(&[])),
            "active_now": {"value": 1},
        });
        for (name, tile) in expected.as_object().expect("tiles") {
            assert_eq!(&answer["tiles"][name], tile, "{name}");
        }
        assert_eq!(answer["incomplete"], 1);
        let window = |day: u8| json!({"from": format!("2026-11-{day}T00:00:00Z"), "to": format!("2026-11-{day}T12:08:00Z"), "precision": "minute"});
        let compare = json!({
            "kind": "previous", "from": "2026-11-20T00:00:00Z", "to": "2026-11-20T12:08:00Z", "window": window(20),
        });
        assert_eq!((&answer["compare"], &answer["window"]), (&compare, &window(21)));
        let running =
            json!({"from": "2026-11-21T12:00:00Z", "to": "2026-11-21T13:00:00Z", "running": true});
        assert_eq!(answer["periods"][12], running);
        let cut = json!({"from": "2026-11-20T12:00:00Z", "to": "2026-11-20T12:08:00Z"});
        assert_eq!(answer["compared_periods"][12], cut);
    }

    #[test]
    fn a_range_that_is_compared_with_nothing_has_nulls() {
        let (_, answer, _) =
            asked("compare=none&currency=EUR&from=2026-11-21&to=2026-11-21T11:00:00Z");
        for name in ["compare", "compared_periods"] {
            assert_eq!(answer[name], Value::Null, "{name}");
        }
        assert_eq!(answer["tiles"]["revenue"]["value"], json!(9.0));
        assert_eq!(answer["tiles"]["revenue"]["compared_series"], Value::Null);
        assert_eq!(answer["periods"][10]["running"], false);
        assert_eq!(answer.get("incomplete"), None);
    }

    /// Of eight families, each part of a window is one range or more. Beside them are the lists of
    /// open hours and who is active.
    #[test]
    fn each_row_is_read_once() {
        for (query, ranges) in [
            // Eleven hours in two ranges, six ranges of the minutes of one that is not settled, and
            // one of the running one; twelve hours and a range of minutes of the day before.
            ("", 2 + 6 + 1 + 2 + 1),
            // Days of one range or both, up to eight in one; the day that is cut at noon, by hours;
            // the settled part of today and its minutes.
            ("from=2026-11-10&compare=week", 14),
        ] {
            let (status, answer, reads) = asked(query);
            assert_eq!(status, 200, "{answer}");
            assert!((8 * ranges..=8 * ranges + 3).contains(&reads.queries), "{query}: {reads:?}");
        }
    }

    #[test]
    fn ranges_that_overlap_are_each_summed_whole() {
        let (_, answer, _) = asked("from=2026-11-10&compare=week");
        let sum = |series: &Value| -> i64 {
            series.as_array().expect("numbers").iter().filter_map(Value::as_i64).sum()
        };
        let views = &answer["tiles"]["views"];
        assert_eq!((&views["value"], sum(&views["series"])), (&json!(21_015), 21_015));
        assert_eq!((&views["compared"], sum(&views["compared_series"])), (&json!(20_000), 20_000));
        let visitors = &answer["tiles"]["visitors"];
        assert_eq!((&visitors["value"], &visitors["compared"]), (&json!(5), &json!(1)));
    }
}
