//! `GET /history`: the totals and top items of a measure by minute, hour, day, week or month.

pub(crate) mod answer;
pub(crate) mod asked;
pub(crate) mod cursor;
pub(crate) mod describe;
pub(crate) mod measure;
pub(crate) mod query;

use lambda_http::{Body, Request, Response};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::window::{Window, parts};
use minutebook_storage::catalogue::CatalogueSource;
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::reader::{SumQuestion, sum_windows};
use minutebook_storage::site::settings::SettingsSource;

use crate::backend::Backend;
use crate::history::answer::{Answer, Listed};
use crate::history::asked::Asked;
use crate::history::measure::HistoryMeasure;
use crate::history::query::{Given, HistoryQuery};
use crate::http::answer::{refused, unreadable};
use crate::http::response::json;

/// Answers one request. Errors are answers, too: 400 names the parameter, and 503 means that a
/// retry helps.
pub async fn handle<R: RowSource + SettingsSource + CatalogueSource, Q: Sync>(
    request: &Request,
    backend: &Backend<R, Q>,
) -> Response<Body> {
    answer(request, backend).await.unwrap_or_else(|refused| refused)
}

async fn answer<R: RowSource + SettingsSource + CatalogueSource, Q: Sync>(
    request: &Request,
    backend: &Backend<R, Q>,
) -> Result<Response<Body>, Response<Body>> {
    let now = backend.clock.now();
    let given = Given::read(request.uri().query().unwrap_or_default());
    let asked = Asked::of(given, backend, now).await?;
    let question = asked.query().map_err(refused)?;
    let windows: Vec<Window> = question.periods.iter().map(|period| period.window).collect();
    let compared = question.compared.as_ref().map(|(_, series)| series.windows().collect());
    let compared: Vec<Window> = compared.unwrap_or_default();
    // A period may be one that another is compared with, and is read once.
    let parts = parts(&[&windows, &compared]);
    let sum_question = SumQuestion {
        site: question.site_id.as_str(),
        measures: &question.measure.summed(),
        key: question.item_id.as_deref(),
        windows: &parts,
        now,
        retention: backend.retention,
        quarter_hours: asked.quarter_hours(),
    };
    let sums = sum_windows(&backend.rows, &sum_question).await;
    let sums = sums.map_err(|error| unreadable(&error))?;
    let of_parts = in_one(sums, parts.len(), question.measure);
    let compared = totals(&compared, &parts, &of_parts, &question);
    let sums = of_windows(&windows, &parts, of_parts);
    let listed = Listed::of(&question, &sums);
    let catalogue = backend.catalogue_of(question.site_id.as_str(), listed.items(), now).await;
    let catalogue = catalogue.map_err(|error| unreadable(&error))?;
    Ok(json(&Answer::new(&question, &sums, (&listed, &catalogue), &compared, now)))
}

/// The sums of windows, put together from those of their parts.
fn of_windows(windows: &[Window], parts: &[Window], of_parts: Vec<Sums>) -> Vec<Sums> {
    let mut sums: Vec<Sums> = Vec::new();
    sums.resize_with(windows.len(), Sums::default);
    for (part, of_part) in parts.iter().zip(of_parts) {
        // Windows of a series do not overlap, so a part is one of one window at most.
        let of_window = windows.iter().zip(&mut sums).find(|(window, _)| window.contains(*part));
        if let Some((_, sums)) = of_window {
            sums.absorb(of_part);
        }
    }
    sums
}

/// The totals of windows that the periods are compared with.
fn totals(
    windows: &[Window],
    parts: &[Window],
    of_parts: &[Sums],
    question: &HistoryQuery<'_>,
) -> Vec<Amount> {
    let total = |window: &Window| {
        let within = parts.iter().zip(of_parts).filter(|(part, _)| window.contains(**part));
        let each = within.map(|(_, sums)| answer::total(question, sums));
        each.fold(Amount::ZERO, Amount::saturating_add)
    };
    windows.iter().map(total).collect()
}

/// The sums of each window, made from those of all measures.
fn in_one(mut sums: Vec<Sums>, windows: usize, measure: HistoryMeasure) -> Vec<Sums> {
    let others = sums.split_off(windows.min(sums.len()));
    for (place, other) in others.into_iter().enumerate() {
        let Some(sums) = sums.get_mut(place % windows) else { continue };
        match measure.is_net() {
            true => sums.subtract(&other),
            false => sums.merge(other),
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use chrono_tz::Tz;
    use minutebook_domain::count::measure::Measure;
    use minutebook_domain::event::settings::{ReadingSettings, SettingsRevision};
    use minutebook_domain::event::site::SiteId;
    use minutebook_domain::plan::Row;
    use minutebook_domain::time::period::{Period, Retention};
    use minutebook_domain::time::{Hour, Minute};
    use minutebook_storage::keys::Shard;
    use minutebook_storage::memory::MemoryTable;
    use minutebook_storage::site::settings::{Revision, SiteSettings};
    use serde_json::{Value, json};

    const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };

    /// Counted numbers: site, measure, time, key, number.
    type Cell = (&'static str, &'static str, &'static str, &'static str, &'static str);

    const CELLS: &[Cell] = &[
        ("default", "sales:USD", "2026-11-18T22:59:00Z", "1", "100"),
        ("default", "sales:USD", "2026-11-18T23:00:00Z", "1", "10"),
        ("default", "sales:USD", "2026-11-19T12:00:00Z", "sku-2", "2.5"),
        ("default", "sales:USD", "2026-11-19T22:59:00Z", "3", "0.125"),
        ("default", "sales:EUR", "2026-11-19T12:00:00Z", "1", "7"),
        ("other", "sales:USD", "2026-11-19T12:00:00Z", "1", "7"),
        ("default", "views", "2026-11-19T12:00:00Z", "1", "2"),
        ("default", "views", "2026-11-21T11:59:00Z", "2", "1"),
        ("default", "views", "2026-11-21T11:59:00Z", "3", "1"),
        ("default", "carts", "2026-11-19T12:00:00Z", "1", "5"),
        ("default", "carts", "2026-11-19T12:00:00Z", "(other)", "4"),
        ("default", "refunds:USD", "2026-11-20T12:00:00Z", "sku-2", "1.5"),
        ("default", "refunds_moved:USD", "2026-11-20T12:00:00Z", "sku-2", "-1.5"),
        ("default", "refunds_moved:USD", "2026-11-19T12:00:00Z", "sku-2", "1.5"),
        ("orders", "sales:USD", "2026-11-19T12:00:00Z", "1", "80"),
        ("orders", "sales:USD", "2026-11-19T12:00:00Z", "gone", "5"),
        ("orders", "sales:USD", "2026-11-19T12:00:00Z", "gone", "-5"),
        ("orders", "sales:USD", "2026-11-19T12:00:00Z", "(other)", "-10"),
    ];

    /// A table in memory with the cells in all of their rows.
    fn table() -> MemoryTable {
        let table = MemoryTable::default();
        for (site, measure, time, key, number) in CELLS {
            let minute = Minute::containing(time.parse().expect("a time")).expect("in range");
            let amount = Amount::parse(number.as_bytes()).expect("a decimal");
            let mut utc_periods = vec![Period::Minute(minute)];
            utc_periods.extend(Period::of_hour(minute.hour()));
            for utc_period in utc_periods {
                let measure = Measure::parse(measure).expect("a measure");
                let row = Row {
                    site,
                    period: utc_period,
                    measure,
                    slot: 0,
                    counters: vec![(key, amount)],
                };
                table.add(&row, Shard::Late, RETENTION);
            }
        }
        table
    }

    fn asked(query: &str) -> (u16, String) {
        let now = DateTime::from_timestamp(1_795_262_430, 0).expect("2026-11-21T12:00:30Z");
        let backend = Backend::of_test(table(), now);
        let request = lambda_http::http::Request::get(format!("/history?{query}"));
        let request = request.body(Body::Empty).expect("a request");
        let response = backend.rows.read(handle(&request, &backend)).0;
        (response.status().as_u16(), String::from_utf8_lossy(response.body().as_ref()).into_owned())
    }

    #[test]
    fn minutes_and_days_beside_those_before() {
        let (status, body) =
            asked("measure=views&granularity=minute&from=2026-11-21T11:58:00Z&limit=1");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        let totals: Vec<&Value> =
            answer["periods"].as_array().expect("periods").iter().map(|it| &it["total"]).collect();
        assert_eq!((status, totals), (200, vec![&json!(0), &json!(2), &json!(0)]));
        assert_eq!(answer["periods"][1]["top"], json!([{"item_id": 2, "total": 1}]));
        assert!(answer.get("compare").is_none() && answer["periods"][1].get("compared").is_none());

        let query = "measure=sales&from=2026-11-18&to=2026-11-20&compare=previous&limit=1";
        let (_, body) = asked(query);
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        let window = json!({"from": "2026-11-16T00:00:00Z", "to": "2026-11-18T00:00:00Z", "precision": "minute"});
        let compare = json!({"kind": "previous", "from": "2026-11-16T00:00:00Z", "to": "2026-11-18T00:00:00Z", "window": window});
        assert_eq!(answer["compare"], compare);
        let of_week = |query: &str| {
            let (_, body) = asked(query);
            let answer: Value = serde_json::from_str(&body).expect("JSON");
            let periods = answer["periods"].as_array().expect("periods").clone();
            periods
                .into_iter()
                .map(|it| [it["total"].clone(), it["compared"]["total"].clone()])
                .collect::<Vec<_>>()
        };
        // Days that are compared with days of the same series are read once.
        let days = of_week("measure=sales&from=2026-11-18&to=2026-11-21&compare=previous");
        let zero = || json!(0.0);
        let totals = [json!(110.0), json!(2.625), zero()];
        assert_eq!(days, totals.clone().map(|total| [total, zero()]));
        let weeks = of_week("measure=sales&from=2026-11-11&to=2026-11-21&compare=week");
        assert_eq!(weeks[7..], totals.map(|total| [total, zero()]));
        let earlier = of_week("measure=net_sales&from=2026-11-20&to=2026-11-21&compare=previous");
        assert_eq!(earlier, [[json!(-1.5), json!(2.625)]]);
        let of_item =
            of_week("measure=sales&item_id=sku-2&from=2026-11-20&to=2026-11-21&compare=previous");
        assert_eq!(of_item, [[zero(), json!(2.5)]]);
    }

    #[test]
    fn money_by_the_days_of_a_zone() {
        let query = "measure=sales&from=2026-11-19&to=2026-11-21&tz=Europe/Berlin&limit=2";
        let (status, body) = asked(query);
        assert_eq!(status, 200);
        assert_eq!(
            body,
            concat!(
                r#"{"measure":"sales","granularity":"day","tz":"Europe/Berlin","site_id":"default","currency":"USD","#,
                r#""periods":[{"from":"2026-11-19T00:00:00+01:00","to":"2026-11-20T00:00:00+01:00","total":12.625,"#,
                r#""top":[{"item_id":1,"total":10.00},{"item_id":"sku-2","total":2.50}],"running":false},"#,
                r#"{"from":"2026-11-20T00:00:00+01:00","to":"2026-11-21T00:00:00+01:00","total":0.00,"#,
                r#""top":[],"running":false}],"as_of":"2026-11-21T12:00:00Z","#,
                r#""window":{"from":"2026-11-18T23:00:00Z","to":"2026-11-20T23:00:00Z","precision":"minute"},"#,
                r#""next_cursor":null}"#
            )
        );
    }

    #[test]
    fn refunds_and_net_sales_by_the_day_of_the_refund_and_of_the_order() {
        let totals = |measure: &str, basis: &str| {
            let (_, body) =
                asked(&format!("measure={measure}&from=2026-11-19&to=2026-11-21{basis}"));
            let answer: Value = serde_json::from_str(&body).expect("JSON");
            let periods = answer["periods"].as_array().expect("periods").clone();
            let totals: Vec<f64> =
                periods.iter().filter_map(|period| period["total"].as_f64()).collect();
            (answer["basis"].as_str().unwrap_or("none").to_string(), totals)
        };
        let is = |basis: &str, totals: [f64; 2]| (basis.to_string(), totals.to_vec());
        assert_eq!(totals("sales", ""), is("none", [2.625, 0.0]));
        assert_eq!(totals("refunds", ""), is("refund", [0.0, 1.5]));
        assert_eq!(totals("refunds", "&basis=order"), is("order", [1.5, 0.0]));
        assert_eq!(totals("net_sales", ""), is("refund", [2.625, -1.5]));
        assert_eq!(totals("net_sales", "&basis=order"), is("order", [1.125, 0.0]));
        let (_, body) = asked(
            "measure=net_sales&basis=order&from=2026-11-19&to=2026-11-20&item_id=sku-2&currency=usd",
        );
        assert!(body.contains(r#""total":1.00,"running""#), "{body}");
    }

    #[test]
    fn the_running_hour_and_one_item() {
        let query = "measure=views&granularity=hour&from=2026-11-21T11:00:00Z&item_id=3";
        let (status, body) = asked(query);
        assert_eq!(status, 200);
        assert_eq!(
            body,
            concat!(
                r#"{"measure":"views","granularity":"hour","tz":"UTC","site_id":"default","item_id":3,"#,
                r#""periods":[{"from":"2026-11-21T11:00:00Z","to":"2026-11-21T12:00:00Z","total":1,"running":false},"#,
                r#"{"from":"2026-11-21T12:00:00Z","to":"2026-11-21T13:00:00Z","total":0,"running":true}],"#,
                r#""as_of":"2026-11-21T12:00:00Z","#,
                r#""window":{"from":"2026-11-21T11:00:00Z","to":"2026-11-21T13:00:00Z","precision":"minute"},"#,
                r#""next_cursor":null}"#
            )
        );
    }

    #[test]
    fn what_has_no_name_is_in_the_total_of_all_items_and_not_in_that_of_one() {
        const DAY: &str = "measure=carts&from=2026-11-19&to=2026-11-20";
        let (_, all) = asked(DAY);
        assert!(
            all.contains(r#""total":9,"top":[{"item_id":1,"total":5}],"other":{"total":4}"#),
            "{all}"
        );
        let (_, one) = asked(&format!("{DAY}&item_id=1"));
        assert!(one.contains(r#""total":5,"other":{"total":4},"running":false"#), "{one}");
        let (_, none) = asked(&format!("{DAY}&item_id=2"));
        assert!(none.contains(r#""total":0,"other":{"total":4},"running":false"#), "{none}");
    }

    #[test]
    fn what_orders_have_taken_back_is_in_no_list() {
        let (_, all) = asked("site_id=orders&measure=sales&from=2026-11-19&to=2026-11-20");
        let expected = r#""total":70.00,"top":[{"item_id":1,"total":80.00}],"other":{"total":-10.00},"running":false"#;
        assert!(all.contains(expected), "{all}");
    }

    #[test]
    fn a_site_in_a_zone_whose_midnights_lie_within_an_hour_is_exact() {
        let now = DateTime::from_timestamp(1_795_262_430, 0).expect("2026-11-21T12:00:30Z");
        let table = MemoryTable::default();
        let add = |time: &str, number: u64| {
            let minute = Minute::containing(time.parse().expect("a time")).expect("in range");
            for period in Period::above(minute, true) {
                let counters = vec![("1", Amount::from_count(number))];
                let row = Row { site: "in", period, measure: Measure::Views, slot: 0, counters };
                table.add(&row, Shard::Late, RETENTION);
            }
        };
        for (time, number) in [
            ("2026-11-10T18:29:00Z", 1),
            ("2026-11-10T18:30:00Z", 2),
            ("2026-11-11T12:00:00Z", 4),
            ("2026-11-11T18:29:00Z", 8),
            ("2026-11-11T18:30:00Z", 16),
        ] {
            add(time, number);
        }
        let reading = ReadingSettings { time_zone: Some(Tz::Asia__Kolkata), currency: None };
        table.set_revisions(vec![Revision {
            number: SettingsRevision(1),
            site: SiteId::parse("in").expect("a site"),
            settings: SiteSettings { reading, ..SiteSettings::default() },
            quarters_from: Hour::parse("2026-11-10T12"),
        }]);
        let backend = Backend { settings: Default::default(), ..Backend::of_test(table, now) };
        let asked = |query: &str| {
            let request = lambda_http::http::Request::get(format!("/history?{query}"));
            let request = request.body(Body::Empty).expect("a request");
            let response = backend.rows.read(handle(&request, &backend)).0;
            let answer: Value = serde_json::from_slice(response.body().as_ref()).expect("JSON");
            let totals = answer["periods"].as_array().expect("periods").iter();
            let totals: Vec<u64> = totals.filter_map(|period| period["total"].as_u64()).collect();
            (totals, answer["window"].to_string())
        };
        let day = "measure=views&site_id=in&from=2026-11-11&to=2026-11-12";
        let exact =
            r#"{"from":"2026-11-10T18:30:00Z","precision":"minute","to":"2026-11-11T18:30:00Z"}"#;
        assert_eq!(asked(day), (vec![2 + 4 + 8], exact.to_string()));
        // The midnights of Nepal lie in the same hours.
        let (_, window) = asked(&format!("{day}&tz=Asia/Kathmandu"));
        assert!(window.contains(r#""precision":"minute","to":"2026-11-11T18:15:00Z""#), "{window}");
        // Those of Newfoundland do not, and the day before begins before the zone was set.
        let (_, window) = asked(&format!("{day}&tz=America/St_Johns"));
        assert!(window.contains(r#""precision":"hour""#), "{window}");
        let (totals, window) = asked("measure=views&site_id=in&from=2026-11-10&to=2026-11-12");
        let moved =
            r#"{"from":"2026-11-09T18:00:00Z","precision":"hour","to":"2026-11-11T18:30:00Z"}"#;
        assert_eq!((totals, window.as_str()), (vec![1, 2 + 4 + 8], moved));
    }

    #[test]
    fn a_zone_whose_midnights_lie_within_an_hour_is_exact_to_the_hour() {
        let (_, body) = asked("measure=views&from=2026-11-19&to=2026-11-20&tz=Asia/Kolkata");
        let expected = r#""window":{"from":"2026-11-18T18:00:00Z","to":"2026-11-19T18:00:00Z","precision":"hour"}"#;
        assert!(body.contains(expected), "{body}");
    }

    #[test]
    fn pages_follow_each_other() {
        let query = "measure=views&granularity=hour&from=2026-11-17&limit=0";
        let (_, first) = asked(query);
        let first: Value = serde_json::from_str(&first).expect("JSON");
        let cursor = first["next_cursor"].as_str().expect("109 hours are two pages");
        let (_, second) = asked(&format!("{query}&cursor={cursor}"));
        let second: Value = serde_json::from_str(&second).expect("JSON");
        assert_eq!(first["periods"][99]["to"], second["periods"][0]["from"]);
        assert_eq!(first["window"]["to"], second["window"]["from"]);
        assert_eq!(second["periods"].as_array().map(Vec::len), Some(9));
        assert_eq!(second["periods"][7]["total"], 2);
        assert!(second["next_cursor"].is_null());
    }

    #[test]
    fn a_wrong_query_is_400_and_says_what_is_expected() {
        let (status, body) = asked("measure=clicks");
        assert!(status == 400 && body.contains("expected views, carts"), "{status} {body}");
    }
}
