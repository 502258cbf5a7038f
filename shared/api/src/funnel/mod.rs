//! `GET /funnel`: how far the visitors of a site got, from viewing to buying, and which items lose
//! most on the way.

pub(crate) mod answer;
pub(crate) mod describe;
pub(crate) mod query;

use futures::future::try_join;
use lambda_http::{Body, Request, Response};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Measure;
use minutebook_domain::count::visitors::Visitors;
use minutebook_domain::query::movers::movers;
use minutebook_storage::catalogue::CatalogueSource;
use minutebook_storage::error::StorageError;
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::reader::{SumQuestion, sum_windows};
use minutebook_storage::site::settings::SettingsSource;
use minutebook_storage::visitors::VisitorStateSource;

use crate::backend::{Backend, SiteDefaults, VisitorWindows};
use crate::funnel::answer::{Answer, ItemSums};
use crate::funnel::query::{FunnelQuery, GivenFunnel, Step};
use crate::http::answer::{refused, unreadable};
use crate::http::response::json;
use crate::overview::series::Rows;

/// How much the drop-off of all items counts beside the numbers of one: as so many events.
const WEIGHT: u32 = 20;

/// Answers one request. Errors are answers, too: 400 names the parameter, and 503 means that a
/// retry helps.
pub async fn handle<
    R: RowSource + SettingsSource + VisitorStateSource + CatalogueSource,
    Q: Sync,
>(
    request: &Request,
    backend: &Backend<R, Q>,
) -> Response<Body> {
    answer(request, backend).await.unwrap_or_else(|refused| refused)
}

async fn answer<R: RowSource + SettingsSource + VisitorStateSource + CatalogueSource, Q: Sync>(
    request: &Request,
    backend: &Backend<R, Q>,
) -> Result<Response<Body>, Response<Body>> {
    let now = backend.clock.now();
    let given = GivenFunnel::read(request.uri().query().unwrap_or_default()).map_err(refused)?;
    let of_site = backend.defaults_of(&given.range.site_id, now).await;
    let defaults = &of_site.map_err(|error| unreadable(&error))?;
    let SiteDefaults { currency, time_zone: zone, quarter_hours } = defaults;
    let rows = Rows { quarter_hours, retention: backend.retention, now };
    let question = given.resolve((*currency, *zone), rows).map_err(refused)?;
    let read = read(backend, &question, rows).await;
    let (visitors, sums) = read.map_err(|error| unreadable(&error))?;
    let of = |measure: Measure| match measure {
        Measure::Views => &sums.views,
        Measure::Carts => &sums.carts,
        Measure::Checkouts => &sums.checkouts,
        _ => &sums.units,
    };
    let (from, next) = Step::measures(question.step);
    let weight = Amount::ONE.times(WEIGHT);
    // What a step loses is what falls from one stage to the next.
    let movers = movers(of(next), of(from), weight, question.limit);
    let items = movers.falling.iter().map(|mover| mover.key);
    let catalogue = backend.catalogue_of(question.site_id.as_str(), items, now).await;
    let catalogue = catalogue.map_err(|error| unreadable(&error))?;
    Ok(json(&Answer::new(&question, &visitors, &sums, (&movers, &catalogue), WEIGHT)))
}

async fn read<R: RowSource + VisitorStateSource, Q: Sync>(
    backend: &Backend<R, Q>,
    question: &FunnelQuery,
    Rows { quarter_hours, retention, now }: Rows<'_>,
) -> Result<(Visitors, ItemSums), StorageError> {
    let (site, windows) = (question.site_id.as_str(), &[question.window]);
    let sum_question = SumQuestion {
        site,
        measures: &[Measure::Views, Measure::Carts, Measure::Checkouts, Measure::Units],
        key: None,
        windows,
        now,
        retention,
        quarter_hours,
    };
    let by_stage = VisitorWindows { windows, quarter_hours, by_stage: true };
    let sums = sum_windows(&backend.rows, &sum_question);
    let (sums, visitors) = try_join(sums, backend.visitors(site, by_stage, now)).await?;
    let mut sums = sums.into_iter();
    let mut next = || sums.next().unwrap_or_default();
    let sums = ItemSums { views: next(), carts: next(), checkouts: next(), units: next() };
    Ok((visitors.into_iter().next().unwrap_or_default(), sums))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};
    use minutebook_domain::count::secret::{SecretNumber, VisitorSecret};
    use minutebook_domain::count::sketch::Sketch;
    use minutebook_domain::count::stages::{Stage, StageVisitors};
    use minutebook_domain::time::Minute;
    use minutebook_domain::time::period::{Period, Retention};
    use minutebook_storage::memory::{MemoryTable, periods_by};
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };

    /// Counted numbers: measure, time, key, number.
    type Cell = (&'static str, &'static str, &'static str, &'static str);

    const CELLS: &[Cell] = &[
        ("views", "2026-11-21T10:00:00Z", "few", "3"),
        ("views", "2026-11-21T10:00:00Z", "1", "200"),
        ("views", "2026-11-21T12:07:00Z", "1", "100"),
        ("views", "2026-11-21T10:00:00Z", "good", "100"),
        ("views", "2026-11-21T10:00:00Z", "(other)", "17"),
        ("carts", "2026-11-21T10:01:00Z", "1", "30"),
        ("carts", "2026-11-21T10:01:00Z", "good", "60"),
        ("carts", "2026-11-21T10:01:00Z", "few", "1"),
        ("checkouts", "2026-11-21T10:02:00Z", "good", "50"),
        ("checkouts", "2026-11-21T10:02:00Z", "(other)", "9"),
        ("units", "2026-11-21T10:03:00Z", "good", "40"),
        ("views", "2026-11-20T23:59:00Z", "1", "9000"),
    ];

    /// Who had an event, when, and of which stage.
    const EVENTS: &[(&str, &str, Option<Stage>)] = &[
        ("2026-11-21T10:00:00Z", "ann", None),
        ("2026-11-21T10:00:00Z", "bob", Some(Stage::Carted)),
        ("2026-11-21T12:07:00Z", "bob", Some(Stage::BeganCheckout)),
        ("2026-11-21T10:00:00Z", "cem", Some(Stage::Bought)),
        ("2026-11-21T12:07:00Z", "dan", None),
        ("2026-11-20T23:59:00Z", "eve", Some(Stage::Bought)),
    ];

    fn now() -> DateTime<Utc> {
        "2026-11-21T12:07:30Z".parse().expect("a time")
    }

    fn minute(time: &str) -> Minute {
        Minute::containing(time.parse().expect("a time")).expect("in range")
    }

    fn table(by_stage: bool) -> MemoryTable {
        let table = MemoryTable::default();
        for (measure, time, key, number) in CELLS {
            let measure = Measure::parse(measure).expect("a measure");
            let amount = Amount::parse(number.as_bytes()).expect("a decimal");
            table.count("default", measure, minute(time), (*key, amount), now(), RETENTION);
        }
        let mut visitors: BTreeMap<Period, Visitors> = BTreeMap::new();
        for (time, name, stage) in EVENTS {
            for period in periods_by(minute(time), now()) {
                let visitors = visitors.entry(period).or_default();
                let sketch = Sketch::of(VisitorSecret::new(7), [*name]);
                visitors.visitors.merge(&sketch);
                visitors.sessions.merge(&sketch);
                visitors.stages.are_complete = by_stage || *name != "dan";
                if let Some(stage) = stage {
                    let of_event = StageVisitors { visitors: sketch.clone(), sessions: sketch };
                    visitors.stages.of_mut(*stage).merge(&of_event);
                }
            }
        }
        for (period, visitors) in &visitors {
            let secret = SecretNumber::NONE;
            table.put_visitors(secret, "default", *period, "aaaa", visitors, RETENTION);
        }
        table
    }

    fn asked_of(table: MemoryTable, query: &str) -> Value {
        let backend = Backend::of_test(table, now());
        let request = lambda_http::http::Request::get(format!("/funnel?{query}"));
        let request = request.body(Body::Empty).expect("a request");
        let (response, _) = backend.rows.read(handle(&request, &backend));
        let body = String::from_utf8_lossy(response.body().as_ref()).into_owned();
        assert_eq!(response.status(), 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    fn asked(query: &str) -> Value {
        asked_of(table(true), query)
    }

    #[test]
    fn visitors_and_sessions_reach_stages_and_items_lose_them() {
        let answer = asked("");
        let reached = |count: u8, of_previous: Value, of_viewed: f64| {
            let of_viewed = if of_viewed < 1.0 { json!(of_viewed) } else { json!(1) };
            json!({"count": count, "of_previous": of_previous, "of_viewed": of_viewed})
        };
        for (place, (stage, expected)) in [
            ("viewed", reached(4, Value::Null, 1.0)),
            ("carted", reached(2, json!(0.5), 0.5)),
            ("began_checkout", reached(2, json!(1), 0.5)),
            ("bought", reached(1, json!(0.5), 0.25)),
        ]
        .into_iter()
        .enumerate()
        {
            let expected = json!({"stage": stage, "visitors": expected, "sessions": expected});
            assert_eq!(answer["stages"][place], expected);
        }
        assert_eq!((&answer["stages_complete"], &answer["error"]), (&json!(true), &json!(0.0)));
        // m = (40 + 20) / (420 + 20) = 0.136364, and 1 - 20 m / 320 for item 1.
        let first = json!({"item_id": 1, "views": 300, "adds_to_cart": 30, "checkouts": 0, "units": 0, "drop_off": 0.991477});
        let all = json!({"views": 420, "adds_to_cart": 91, "checkouts": 59, "units": 40, "drop_off": 0.863636});
        assert_eq!((&answer["items"][0], &answer["all"]), (&first, &all));
        let other = json!({"views": 17, "adds_to_cart": 0, "checkouts": 9, "units": 0});
        assert_eq!((&answer["other"], &answer["weight"]), (&other, &json!(20)));
        let items: Vec<&Value> =
            answer["items"].as_array().expect("a list").iter().map(|it| &it["item_id"]).collect();
        assert_eq!(items, [&json!(1), &json!("few"), &json!("good")]);
    }

    #[test]
    fn items_are_listed_by_the_step_that_is_asked_for() {
        for (step, items) in [("cart", 3), ("checkout", 3), ("purchase", 1)] {
            let answer = asked(&format!("step={step}"));
            assert_eq!(answer["step"], step);
            assert_eq!(answer["items"].as_array().map(Vec::len), Some(items), "{step}: {answer}");
        }
        // m = (91 + 20) / (420 + 20), and 1 - (30 + 20 m) / 320.
        assert_eq!(asked("step=cart&limit=1")["items"][0]["drop_off"], json!(0.890483));
    }

    #[test]
    fn a_window_ends_now_and_a_range_may_be_empty() {
        let answer = asked("window=1m");
        assert_eq!(answer["stages"][0]["visitors"]["count"], 2);
        assert_eq!(answer["stages"][1]["visitors"]["count"], 1);
        let nothing = asked("from=2026-11-01&to=2026-11-02");
        let zero = json!({"count": 0, "of_previous": null, "of_viewed": null});
        assert_eq!(nothing["stages"][3]["sessions"], zero);
        assert_eq!((&nothing["items"], nothing.get("other")), (&json!([]), None));
    }

    #[test]
    fn visitors_that_were_not_counted_by_stage_are_said() {
        let answer = asked_of(table(false), "");
        assert_eq!(answer["stages_complete"], false);
        assert_eq!(
            asked_of(table(false), "from=2026-11-20&to=2026-11-21")["stages_complete"],
            true
        );
    }
}
