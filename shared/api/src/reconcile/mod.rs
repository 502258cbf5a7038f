//! `GET /reconcile`: the money of items beside that of orders and of what is of no order, period by
//! period, with any difference.

pub(crate) mod answer;
pub(crate) mod describe;

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::try_join;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use minutebook_domain::count::measure::{Currency, Measure};
use minutebook_domain::query::window::Window;
use minutebook_storage::error::StorageError;
use minutebook_storage::proof::ProofSource;
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::reader::{SumQuestion, sum_windows};
use minutebook_storage::site::settings::SettingsSource;

use crate::backend::Backend;
use crate::history::asked::Asked;
use crate::history::query::{Given, HistoryQuery};
use crate::http::answer::{refused, unreadable};
use crate::http::response::{json, problem};
use crate::reconcile::answer::{Answer, Books};

/// How often the sums are read if they differ. They are read by several queries, between which
/// something may be counted; a difference that stays the same is one of the table.
const READINGS_MAX: u32 = 5;

/// The pause between two readings: longer than an eventually consistent read lags.
const PAUSE: Duration = Duration::from_millis(400);

/// Answers one request. Errors are answers, too: 400 names the parameter, and 503 means that a
/// retry helps.
pub async fn handle<R: RowSource + SettingsSource + ProofSource, Q: Sync>(
    request: &Request,
    backend: &Backend<R, Q>,
) -> Response<Body> {
    let pause = || tokio::time::sleep(PAUSE);
    answer(request, backend, pause).await.unwrap_or_else(|refused| refused)
}

async fn answer<R: RowSource + SettingsSource + ProofSource, Q: Sync, P: Future<Output = ()>>(
    request: &Request,
    backend: &Backend<R, Q>,
    pause: impl Fn() -> P,
) -> Result<Response<Body>, Response<Body>> {
    let now = backend.clock.now();
    let given = Given::of_money(request.uri().query().unwrap_or_default());
    let asked = Asked::of(given, backend, now).await?;
    let (question, currency) = (asked.query().map_err(refused)?, asked.currency());
    let books = settled_books(backend, &question, currency, now, pause);
    let read = try_join(books, backend.rows.last_proof()).await;
    Ok(match read.map_err(|error| unreadable(&error))? {
        (Some(books), proof) => json(&Answer::new(&question, currency, &books, proof, now)),
        (None, _) => problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "events of these periods are being counted; ask again in a moment, or for earlier periods",
        ),
    })
}

/// The books of each period, read until they agree, or differ in the same way twice; `None` if they
/// keep changing.
async fn settled_books<R: RowSource, Q: Sync, P: Future<Output = ()>>(
    backend: &Backend<R, Q>,
    question: &HistoryQuery<'_>,
    currency: Currency,
    now: DateTime<Utc>,
    pause: impl Fn() -> P,
) -> Result<Option<Vec<Books>>, StorageError> {
    let mut before = books(backend, question, currency, now).await?;
    for _ in 1..READINGS_MAX {
        if before.iter().all(Books::agree) {
            return Ok(Some(before));
        }
        pause().await;
        let read = books(backend, question, currency, now).await?;
        let is_same = read.iter().map(Books::difference).eq(before.iter().map(Books::difference));
        if is_same {
            return Ok(Some(read));
        }
        before = read;
    }
    Ok(before.iter().all(Books::agree).then_some(before))
}

async fn books<R: RowSource, Q: Sync>(
    backend: &Backend<R, Q>,
    question: &HistoryQuery<'_>,
    currency: Currency,
    now: DateTime<Utc>,
) -> Result<Vec<Books>, StorageError> {
    let windows: Vec<Window> = question.periods.iter().map(|period| period.window).collect();
    let measures =
        [Measure::Sales(currency), Measure::Refunds(currency), Measure::OrderValue(currency)];
    let sum_question = SumQuestion {
        site: question.site_id.as_str(),
        measures: &measures,
        key: None,
        windows: &windows,
        now,
        retention: backend.retention,
        quarter_hours: question.calendar.quarter_hours,
    };
    let sums = sum_windows(&backend.rows, &sum_question).await?;
    let of = |measure: usize, window: usize| sums.get(measure * windows.len() + window);
    let periods = (0..windows.len())
        .filter_map(|window| Some(Books::of(of(0, window)?, of(1, window)?, of(2, window)?)));
    Ok(periods.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::count::amount::Amount;
    use minutebook_domain::plan::Row;
    use minutebook_domain::time::Minute;
    use minutebook_domain::time::period::{Period, Retention};
    use minutebook_storage::keys::Shard;
    use minutebook_storage::memory::MemoryTable;
    use minutebook_storage::proof::Proof;
    use serde_json::{Value, json};

    const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };

    /// Measure, day, key, number: two purchases of 30 and 12 through orders, one of 8 without; one
    /// order of 5 by order events alone; refunds of 10 and of 3.
    const CELLS: &[(&str, u32, &str, &str)] = &[
        ("sales:USD", 18, "a", "30"),
        ("sales:USD", 18, "(other)", "12"),
        ("sales:USD", 18, "b", "8"),
        ("sales:USD", 18, "", "8"),
        ("order_value:USD", 18, "orders", "3"),
        ("order_value:USD", 18, "gross", "47"),
        ("order_value:USD", 18, "sales", "42"),
        ("order_value:USD", 19, "refunds", "11"),
        ("order_value:USD", 19, "sales_refunds", "10"),
        ("refunds:USD", 19, "a", "10"),
        ("refunds:USD", 19, "b", "3"),
        ("refunds:USD", 19, "", "3"),
    ];

    fn add(table: &MemoryTable, (measure, day, key, number): (&str, u32, &str, &str)) {
        let time = format!("2026-11-{day}T12:00:00Z").parse().expect("a time");
        let minute = Minute::containing(time).expect("in range");
        let mut periods = vec![Period::Minute(minute)];
        periods.extend(Period::of_hour(minute.hour()));
        for period in periods {
            let measure = Measure::parse(measure).expect("a measure");
            let amount = Amount::parse(number.as_bytes()).expect("a decimal");
            let counters = vec![(key, amount)];
            let row = Row { site: "default", period, measure, slot: 0, counters };
            table.add(&row, Shard::Late, RETENTION);
        }
    }

    fn table() -> MemoryTable {
        let table = MemoryTable::default();
        CELLS.iter().for_each(|cell| add(&table, *cell));
        table
    }

    fn asked(table: MemoryTable, query: &str) -> (u16, Value) {
        let now = DateTime::from_timestamp(1_795_262_430, 0).expect("2026-11-21T12:00:30Z");
        let backend = Backend::of_test(table, now);
        let request = lambda_http::http::Request::get(format!("/reconcile?{query}"));
        let request = request.body(Body::Empty).expect("a request");
        let answer = backend.rows.read(answer(&request, &backend, async || ())).0;
        let response = answer.unwrap_or_else(|refused| refused);
        let body = serde_json::from_slice(response.body().as_ref()).expect("JSON");
        (response.status().as_u16(), body)
    }

    const DAYS: &str = "from=2026-11-18&to=2026-11-20";

    #[test]
    fn the_money_of_items_is_that_of_orders_and_of_no_order() {
        let table = table();
        let at = "2026-11-20T01:00:00Z".parse().expect("a time");
        table.prove(Proof { at, differences: 0 });
        let (status, answer) = asked(table, DAYS);
        assert_eq!((status, &answer["reconciles"]), (200, &json!(true)), "{answer}");
        assert_eq!(
            answer["periods"][0],
            json!({
                "from": "2026-11-18T00:00:00Z", "to": "2026-11-19T00:00:00Z",
                "items": {"gross": 50.0, "refunds": 0.0, "net": 50.0},
                "orders": {"gross": 42.0, "refunds": 0.0, "net": 42.0},
                "without_order": {"gross": 8.0, "refunds": 0.0, "net": 8.0},
                "difference": {"gross": 0.0, "refunds": 0.0},
                "orders_without_lines": {"gross": 5.0, "refunds": 0.0, "net": 5.0},
                "running": false,
            })
        );
        let day = &answer["periods"][1];
        assert_eq!(day["items"], json!({"gross": 0.0, "refunds": 13.0, "net": -13.0}));
        assert_eq!(day["orders"], json!({"gross": 0.0, "refunds": 10.0, "net": -10.0}));
        assert_eq!(day["orders_without_lines"]["refunds"], json!(1.0));
        assert_eq!(answer["proof"], json!({"at": "2026-11-20T01:00:00Z", "differences": 0}));
        assert_eq!((&answer["currency"], &answer["granularity"]), (&json!("USD"), &json!("day")));
    }

    #[test]
    fn a_difference_is_said() {
        let table = table();
        add(&table, ("sales:USD", 18, "a", "0.01"));
        add(&table, ("refunds:USD", 19, "", "1"));
        let (status, answer) = asked(table, DAYS);
        assert_eq!((status, &answer["reconciles"]), (200, &json!(false)));
        let difference = |place: usize| answer["periods"][place]["difference"].clone();
        assert_eq!(difference(0), json!({"gross": 0.01, "refunds": 0.0}));
        assert_eq!(difference(1), json!({"gross": 0.0, "refunds": -1.0}));
        assert_eq!(answer["proof"], Value::Null);
    }

    #[test]
    fn it_takes_the_parameters_of_periods_and_no_others() {
        for (query, named) in [
            ("measure=sales", "\"measure\" is not a parameter of this call"),
            ("item_id=1", "\"item_id\" is not a parameter of this call"),
            ("limit=1", "it takes granularity, from, to, site_id, currency, tz, cursor"),
            ("granularity=minute", "expected hour, day, week or month"),
        ] {
            let (status, problem) = asked(table(), query);
            assert_eq!(status, 400);
            assert!(
                problem["detail"].as_str().is_some_and(|detail| detail.contains(named)),
                "{problem}"
            );
        }
        let (status, answer) = asked(table(), "granularity=month&currency=eur&tz=Asia/Kolkata");
        assert_eq!(
            (status, &answer["currency"], &answer["tz"]),
            (200, &json!("EUR"), &json!("Asia/Kolkata"))
        );
    }
}
