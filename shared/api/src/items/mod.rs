//! The page of an item: all that was counted of it in a window.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, RequestExt, Response, service_fn};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::{Currency, Measure};
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::window::{Window, WindowLength};
use minutebook_domain::time::Minute;
use minutebook_domain::time::period::Retention;
use minutebook_storage::reader::{RowSource, SumQuestion, sum_windows};
use minutebook_storage::table::Table;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::answer::{ItemId, Number, Time, WindowAnswer, number, unreadable};
use crate::http::parameters::{self, Parameter, SITE_DEFAULT};
use crate::http::response::{json, preflight_or_wrong_method, problem};
use minutebook_runtime::aws::Aws;
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::{Config, environment};

/// What stands before the id in the path.
const PATH: &str = "/items/";

/// Runs the items function under the Lambda runtime until it is shut down.
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

/// The items function with all that it depends on.
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
        // A `#` in the id, which API Gateway hands over as it is, would cut the query off the
        // request's URI.
        let parameters = request.query_string_parameters();
        let parameters =
            parameters.iter().map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)));
        let question = match ItemQuery::read(
            request.raw_http_path(),
            parameters,
            self.default_currency,
            now,
        ) {
            Ok(question) => question,
            Err(sentence) => return Ok(problem(StatusCode::BAD_REQUEST, &sentence)),
        };
        let (window, precision) =
            Window::ending_with(question.as_of, question.window).kept(self.retention, now);
        let sum_question = SumQuestion {
            site: &question.site_id,
            measures: &Numbers::measures(question.currency),
            key: Some(&question.item_id),
            windows: &[window],
            now,
            retention: self.retention,
        };
        let window = WindowAnswer {
            from: window.from.to_string(),
            to: window.to.to_string(),
            precision: precision.as_str(),
        };
        match sum_windows(&self.rows, &sum_question).await {
            Ok(sums) => Ok(json(&Answer::new(&question, window, &Numbers::of(&sums)))),
            Err(error) => Ok(unreadable(&error)),
        }
    }
}

/// What is asked about an item.
struct ItemQuery {
    item_id: String,
    site_id: String,
    window: WindowLength,
    as_of: Minute,
    currency: Currency,
}

impl ItemQuery {
    /// Reads the path and the query string. The error is a sentence that names what is wrong, for a
    /// 400.
    fn read<'a>(
        path: &str,
        parameters: impl Iterator<Item = Parameter<'a>>,
        default_currency: Currency,
        now: DateTime<Utc>,
    ) -> Result<ItemQuery, String> {
        let as_of =
            Minute::containing(now).ok_or_else(|| "the clock is out of range".to_string())?;
        let mut query = ItemQuery {
            item_id: item_id(path)?,
            site_id: SITE_DEFAULT.to_string(),
            window: WindowLength::DAY,
            as_of,
            currency: default_currency,
        };
        for (name, value) in parameters::each_once(parameters)? {
            match name.as_ref() {
                "site_id" => query.site_id = parameters::site_id(&value)?,
                "window" => query.window = parameters::window(&value)?,
                "as_of" => query.as_of = parameters::as_of(&value)?,
                "currency" => query.currency = parameters::currency(&value)?,
                _ => {
                    return Err(format!(
                        "{name:?} is not a parameter of this call; it takes site_id, window, as_of, currency"
                    ));
                }
            }
        }
        Ok(query)
    }
}

/// The id in a path. API Gateway hands paths over decoded, but for `%25`, which it leaves; others
/// leave all of it: either way decoding it once gives the id. What follows `/items/` is the id to
/// its end, since an encoded slash may come decoded.
fn item_id(path: &str) -> Result<String, String> {
    let (_, encoded) = path
        .split_once(PATH)
        .ok_or_else(|| format!("the path is {path:?}; expected {PATH} and an item's id"))?;
    let decoded = percent_decode_str(encoded)
        .decode_utf8()
        .map_err(|_| format!("item_id is {encoded:?}; expected percent-encoded UTF-8"))?;
    parameters::item_id(&decoded)
}

/// All that is counted of an item.
struct Numbers {
    views: Amount,
    carts: Amount,
    removals: Amount,
    units: Amount,
    sales: Amount,
    refunds: Amount,
}

impl Numbers {
    fn measures(currency: Currency) -> [Measure; 6] {
        [
            Measure::Views,
            Measure::Carts,
            Measure::Removals,
            Measure::Units,
            Measure::Sales(currency),
            Measure::Refunds(currency),
        ]
    }

    /// The totals of these measures, in their order.
    fn of(sums: &[Sums]) -> Numbers {
        let mut totals = sums.iter().map(Sums::total);
        let mut next = || totals.next().unwrap_or_default();
        Numbers {
            views: next(),
            carts: next(),
            removals: next(),
            units: next(),
            sales: next(),
            refunds: next(),
        }
    }
}

/// All that was counted of an item in a window.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Item")]
pub(crate) struct Answer<'a> {
    item_id: ItemId<'a>,
    site_id: &'a str,
    #[schemars(with = "Number")]
    views: Box<RawValue>,
    /// How often it was added to a cart, whatever the quantity.
    #[schemars(with = "Number")]
    adds_to_cart: Box<RawValue>,
    /// How often it was removed from a cart.
    #[schemars(with = "Number")]
    removals: Box<RawValue>,
    /// How many pieces were purchased.
    #[schemars(with = "Number")]
    units: Box<RawValue>,
    #[schemars(with = "Number")]
    gross_sales: Box<RawValue>,
    #[schemars(with = "Number")]
    refunds: Box<RawValue>,
    /// Gross sales less refunds, both by the time of their events, so that it may be negative.
    #[schemars(with = "Number")]
    net_sales: Box<RawValue>,
    /// The currency of all amounts; those of others are not in them.
    currency: String,
    conversion: Conversion,
    /// The minute that the window ends with.
    #[schemars(with = "Time")]
    as_of: String,
    window: WindowAnswer,
}

/// How many of one thing there are to one of another, to six decimals; null if there is nothing to
/// divide by.
#[derive(Serialize, JsonSchema)]
struct Conversion {
    #[schemars(with = "Option<Number>")]
    adds_to_cart_per_view: Option<Box<RawValue>>,
    #[schemars(with = "Option<Number>")]
    units_per_add_to_cart: Option<Box<RawValue>>,
    #[schemars(with = "Option<Number>")]
    units_per_view: Option<Box<RawValue>>,
}

impl<'a> Answer<'a> {
    fn new(question: &'a ItemQuery, window: WindowAnswer, numbers: &Numbers) -> Answer<'a> {
        let count = |amount| number(amount, false);
        let money = |amount| number(amount, true);
        let ratio = |amount: Amount, to: Amount| amount.per(to).map(count);
        Answer {
            item_id: ItemId(&question.item_id),
            site_id: &question.site_id,
            views: count(numbers.views),
            adds_to_cart: count(numbers.carts),
            removals: count(numbers.removals),
            units: count(numbers.units),
            gross_sales: money(numbers.sales),
            refunds: money(numbers.refunds),
            net_sales: money(numbers.sales.saturating_sub(numbers.refunds)),
            currency: question.currency.to_string(),
            conversion: Conversion {
                adds_to_cart_per_view: ratio(numbers.carts, numbers.views),
                units_per_add_to_cart: ratio(numbers.units, numbers.carts),
                units_per_view: ratio(numbers.units, numbers.views),
            },
            as_of: question.as_of.to_string(),
            window,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::plan::Row;
    use minutebook_domain::time::lateness::is_settled;
    use minutebook_domain::time::period::Period;
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
        ("default", "units", "2026-11-21T08:30:00Z", "7", "4"),
        ("default", "sales:USD", "2026-11-21T08:30:00Z", "7", "100.5"),
        ("default", "refunds:USD", "2026-11-21T09:30:00Z", "7", "120.75"),
        ("default", "sales:EUR", "2026-11-21T08:30:00Z", "7", "9"),
        ("default", "views", "2026-11-21T08:00:00Z", "70", "1000"),
        ("default", "carts", "2026-11-21T08:00:00Z", "a/b", "1"),
        ("default", "views", "2026-11-21T08:00:00Z", "100% ä+#?", "3"),
        ("other", "views", "2026-11-21T08:00:00Z", "7", "5"),
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
    fn request(method: &str, raw_path: &str, query: &str) -> Request {
        let text = include_str!("../../../../events/lambda/http_most_viewed_item.json");
        let mut event: Value = serde_json::from_str(text).expect("JSON");
        event["rawPath"] = json!(raw_path);
        event["rawQueryString"] = json!(query);
        event["requestContext"]["http"]["method"] = json!(method);
        lambda_http::request::from_str(&event.to_string()).expect("an event of API Gateway")
    }

    fn asked(method: &str, raw_path: &str, query: &str) -> (u16, String) {
        let default_currency = Currency::parse(b"USD").expect("three letters");
        let handler = Handler {
            rows: table(),
            default_currency,
            retention: RETENTION,
            clock: Clock::new(now),
        };
        let answering = handler.handle(request(method, raw_path, query));
        let response = handler.rows.read(answering).0.expect("an answer");
        (response.status().as_u16(), String::from_utf8_lossy(response.body().as_ref()).into_owned())
    }

    fn answer(raw_path: &str, query: &str) -> Value {
        let (status, body) = asked("GET", raw_path, query);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    #[test]
    fn a_day_of_an_item() {
        let (status, body) = asked("GET", "/items/7", "");
        assert_eq!(status, 200);
        assert_eq!(
            body,
            concat!(
                r#"{"item_id":7,"site_id":"default","views":21,"adds_to_cart":6,"removals":2,"units":4,"#,
                r#""gross_sales":100.50,"refunds":120.75,"net_sales":-20.25,"currency":"USD","#,
                r#""conversion":{"adds_to_cart_per_view":0.285714,"units_per_add_to_cart":0.666667,"#,
                r#""units_per_view":0.190476},"as_of":"2026-11-21T12:00:00Z","#,
                r#""window":{"from":"2026-11-20T12:01:00Z","to":"2026-11-21T12:01:00Z","precision":"minute"}}"#
            )
        );
    }

    #[test]
    fn an_item_that_nobody_saw_is_zeros_and_no_ratios() {
        let (status, body) = asked(
            "GET",
            "/items/x",
            "site_id=other&currency=eur&window=1h&as_of=2026-11-01T00:30:00Z",
        );
        assert_eq!(status, 200);
        assert_eq!(
            body,
            concat!(
                r#"{"item_id":"x","site_id":"other","views":0,"adds_to_cart":0,"removals":0,"units":0,"#,
                r#""gross_sales":0.00,"refunds":0.00,"net_sales":0.00,"currency":"EUR","#,
                r#""conversion":{"adds_to_cart_per_view":null,"units_per_add_to_cart":null,"units_per_view":null},"#,
                r#""as_of":"2026-11-01T00:30:00Z","#,
                r#""window":{"from":"2026-10-31T23:00:00Z","to":"2026-11-01T01:00:00Z","precision":"hour"}}"#
            )
        );
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
            let (status, body) = asked("GET", path, query);
            let problem: Value = serde_json::from_str(&body).expect("JSON");
            let sentence = problem["error"].as_str().unwrap_or_default();
            assert!(status == 400 && sentence.contains(named), "{path} {query}: {status} {body}");
        }
        assert_eq!(asked("POST", "/items/7", "").0, 405);
        assert_eq!(asked("OPTIONS", "/items/7", "").0, 204);
    }
}
