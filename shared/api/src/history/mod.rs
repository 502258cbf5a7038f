//! The history: a measure's totals and top items by hour, day, week or month.

pub(crate) mod query;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response, service_fn};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::{Currency, Measure};
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::series::CalendarPeriod;
use minutebook_domain::query::window::{Precision, Window};
use minutebook_domain::time::Minute;
use minutebook_domain::time::period::Retention;
use minutebook_storage::reader::{RowSource, SumQuestion, sum_windows};
use minutebook_storage::table::Table;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::history::query::{HistoryDefaults, HistoryQuery};
use crate::http::answer::{ItemId, Number, Time, WindowAnswer, number, unreadable};
use crate::http::response::{json, preflight_or_wrong_method, problem};
use minutebook_runtime::aws::Aws;
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::{Config, environment};

/// Runs the history function under the Lambda runtime until it is shut down.
///
/// # Errors
/// A configuration that cannot be used, at start-up; the runtime's own.
pub async fn serve() -> Result<(), lambda_http::Error> {
    lambda_http::tracing::init_default_subscriber();
    let config = Config::read(environment)?;
    let handler = Handler {
        rows: Table { client: Aws::read(environment)?.dynamodb(), name: config.table },
        default_currency: config.default_currency,
        retention: config.retention,
        clock: Clock::system(),
    };
    lambda_http::run(service_fn(|request| handler.handle(request))).await
}

/// The history function with all that it depends on.
#[derive(Clone, Debug)]
pub struct Handler<S> {
    /// Where the rows lie.
    pub rows: S,
    /// The currency of questions that name none.
    pub default_currency: Currency,
    /// For how long rows are kept.
    pub retention: Retention,
    /// Where now comes from.
    pub clock: Clock,
}

impl<S: RowSource> Handler<S> {
    /// Answers one request. What goes wrong is an answer too: 400 names the parameter, 503 says
    /// that a retry helps.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, lambda_http::Error> {
        if let Some(response) = preflight_or_wrong_method(request.method()) {
            return Ok(response);
        }
        let now = self.clock.now();
        let defaults =
            HistoryDefaults { currency: self.default_currency, now, retention: self.retention };
        let question = match query::parse(request.uri().query().unwrap_or_default(), &defaults) {
            Ok(question) => question,
            Err(sentence) => return Ok(problem(StatusCode::BAD_REQUEST, &sentence)),
        };
        let windows: Vec<Window> = question.periods.iter().map(|period| period.window).collect();
        let sum_question = SumQuestion {
            site: &question.site_id,
            measures: &[question.measure],
            key: question.item_id.as_deref(),
            windows: &windows,
            now,
            retention: self.retention,
        };
        match sum_windows(&self.rows, &sum_question).await {
            Ok(sums) => Ok(json(&Answer::new(&question, &sums, now))),
            Err(error) => Ok(unreadable(&error)),
        }
    }
}

/// A page of the series of a measure.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "History")]
pub(crate) struct Answer<'a> {
    measure: &'static str,
    #[schemars(extend("enum" = ["hour", "day", "week", "month"]))]
    granularity: &'static str,
    /// Whose midnights days, weeks and months begin at.
    tz: &'static str,
    site_id: &'a str,
    /// The one item that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<ItemId<'a>>,
    /// The currency of sales and refunds.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// The periods, ascending; those in which nothing was counted are there with zeros.
    periods: Vec<PeriodAnswer<'a>>,
    /// The minute that the question was asked in.
    #[schemars(with = "Time")]
    as_of: String,
    window: WindowAnswer,
    /// What asks for the next page; null if this is the last.
    next_cursor: Option<&'a str>,
}

/// An hour, day, week or month.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CalendarPeriod")]
struct PeriodAnswer<'a> {
    /// Its first instant, as the zone's clock shows it.
    #[schemars(with = "Time")]
    from: String,
    /// The first instant after it.
    #[schemars(with = "Time")]
    to: String,
    #[schemars(with = "Number")]
    total: Box<RawValue>,
    /// The items of the highest totals; not there where one item was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    top: Option<Vec<TopItem<'a>>>,
    /// Whether it is not over, so that its numbers still grow.
    running: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PeriodItem")]
struct TopItem<'a> {
    item_id: ItemId<'a>,
    #[schemars(with = "Number")]
    total: Box<RawValue>,
}

impl<'a> Answer<'a> {
    fn new(question: &'a HistoryQuery, sums: &'a [Sums], now: DateTime<Utc>) -> Answer<'a> {
        let (measure, currency) = match question.measure {
            Measure::Views => ("views", None),
            Measure::Carts => ("carts", None),
            Measure::Removals => ("removals", None),
            Measure::Units => ("units", None),
            Measure::Sales(currency) => ("sales", Some(currency)),
            Measure::Refunds(currency) => ("refunds", Some(currency)),
            Measure::Pages => ("pages", None),
            Measure::Orders => ("orders", None),
            Measure::OrderValue(currency) => ("order_value", Some(currency)),
            Measure::Ordered => ("ordered", None),
            Measure::OrderedValue(currency) => ("ordered_value", Some(currency)),
        };
        let is_money = currency.is_some();
        let periods: Vec<PeriodAnswer<'_>> = question
            .periods
            .iter()
            .zip(sums)
            .map(|(period, sums)| PeriodAnswer {
                from: local(period.start),
                to: local(period.end),
                total: number(sums.total(), is_money),
                top: question.item_id.is_none().then(|| top(sums, question.limit, is_money)),
                running: period.counts(now),
            })
            .collect();
        Answer {
            measure,
            granularity: question.calendar.granularity.as_str(),
            tz: question.calendar.zone.name(),
            site_id: &question.site_id,
            item_id: question.item_id.as_deref().map(ItemId),
            currency: currency.map(|currency| currency.to_string()),
            periods,
            as_of: question.as_of.to_string(),
            window: window(&question.periods),
            next_cursor: question.next_cursor.as_deref(),
        }
    }
}

fn top(sums: &Sums, limit: usize, is_money: bool) -> Vec<TopItem<'_>> {
    let item = |(key, amount): (_, Amount)| TopItem {
        item_id: ItemId(key),
        total: number(amount, is_money),
    };
    sums.top(limit).into_iter().map(item).collect()
}

/// What the page sums.
fn window(periods: &[CalendarPeriod]) -> WindowAnswer {
    let precision = if periods.iter().all(CalendarPeriod::is_exact) {
        Precision::Minute
    } else {
        Precision::Hour
    };
    // A page has one period at least.
    let from = periods.first().map_or(Minute::EPOCH, |first| first.window.from);
    let to = periods.last().map_or(Minute::EPOCH, |last| last.window.to);
    WindowAnswer { from: from.to_string(), to: to.to_string(), precision: precision.as_str() }
}

/// A time as the zone's clock shows it.
fn local(time: DateTime<Tz>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::plan::Row;
    use minutebook_domain::time::period::Period;
    use minutebook_storage::keys::Shard;
    use minutebook_storage::memory::MemoryTable;
    use serde_json::Value;

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

    fn handler(rows: MemoryTable) -> Handler<MemoryTable> {
        let now = DateTime::from_timestamp(1_795_262_430, 0).expect("2026-11-21T12:00:30Z");
        let default_currency = Currency::parse(b"USD").expect("three letters");
        Handler { rows, default_currency, retention: RETENTION, clock: Clock::new(move || now) }
    }

    fn asked(method: &str, query: &str) -> (u16, String) {
        let handler = handler(table());
        let request =
            lambda_http::http::Request::builder().method(method).uri(format!("/history?{query}"));
        let answering = handler.handle(request.body(Body::Empty).expect("a request"));
        let response = handler.rows.read(answering).0.expect("an answer");
        (response.status().as_u16(), String::from_utf8_lossy(response.body().as_ref()).into_owned())
    }

    #[test]
    fn money_by_the_days_of_a_zone() {
        let query = "measure=sales&from=2026-11-19&to=2026-11-21&tz=Europe/Berlin&limit=2";
        let (status, body) = asked("GET", query);
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
    fn the_running_hour_and_one_item() {
        let query = "measure=views&granularity=hour&from=2026-11-21T11:00:00Z&item_id=3";
        let (status, body) = asked("GET", query);
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
    fn a_zone_whose_midnights_lie_within_an_hour_is_exact_to_the_hour() {
        let (_, body) = asked("GET", "measure=views&from=2026-11-19&to=2026-11-20&tz=Asia/Kolkata");
        let expected = r#""window":{"from":"2026-11-18T18:00:00Z","to":"2026-11-19T18:00:00Z","precision":"hour"}"#;
        assert!(body.contains(expected), "{body}");
    }

    #[test]
    fn pages_follow_each_other() {
        let query = "measure=views&granularity=hour&from=2026-11-17&limit=0";
        let (_, first) = asked("GET", query);
        let first: Value = serde_json::from_str(&first).expect("JSON");
        let cursor = first["next_cursor"].as_str().expect("109 hours are two pages");
        let (_, second) = asked("GET", &format!("{query}&cursor={cursor}"));
        let second: Value = serde_json::from_str(&second).expect("JSON");
        assert_eq!(first["periods"][99]["to"], second["periods"][0]["from"]);
        assert_eq!(first["window"]["to"], second["window"]["from"]);
        assert_eq!(second["periods"].as_array().map(Vec::len), Some(9));
        assert_eq!(second["periods"][7]["total"], 2);
        assert!(second["next_cursor"].is_null());
    }

    #[test]
    fn what_goes_wrong_is_an_answer_too() {
        let (status, body) = asked("GET", "measure=clicks");
        assert!(status == 400 && body.contains("expected views, carts"), "{status} {body}");
        assert_eq!(asked("POST", "measure=views").0, 405);
        assert_eq!(asked("OPTIONS", "").0, 204);
    }
}
