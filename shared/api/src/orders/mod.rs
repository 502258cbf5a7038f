//! The questions about orders: how many there are and what became of them, what goes on just now,
//! what they bring by the hour, and which products they are of.

pub(crate) mod answer;
pub(crate) mod describe;
pub(crate) mod query;

use chrono::{DateTime, Utc};
use futures::future::{try_join, try_join4};
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, RequestExt, Response, service_fn};
use minutebook_domain::count::measure::{Currency, Measure};
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::window::{WINDOW_MINUTES_MAX, Window, WindowLength};
use minutebook_domain::time::Minute;
use minutebook_domain::time::period::{Period, Retention};
use minutebook_storage::error::StorageError;
use minutebook_storage::order::rows::{OrderSource, RecentQuestion};
use minutebook_storage::reader::{RowSource, SumQuestion, sum_windows};
use minutebook_storage::table::Table;
use minutebook_storage::visitors::{VisitorQuestion, count_visitors};

use crate::http::answer::unreadable;
use crate::http::response::{json, preflight_or_wrong_method, problem};
use crate::orders::answer::{
    HourlyAnswer, OrdersAnswer, Present, Products, RealtimeAnswer, TopProductsAnswer, Value,
};
use crate::orders::query::{HOURLY_DAYS_MAX, OrdersQuery, Takes};
use minutebook_runtime::aws::Aws;
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::{Config, environment};

/// The calls, by the ends of their paths.
const CALLS: [(&str, Call); 4] = [
    ("/metrics/orders", Call::Orders),
    ("/metrics/realtime", Call::Realtime),
    ("/metrics/revenue/hourly", Call::HourlyRevenue),
    ("/metrics/products/top", Call::TopProducts),
];

/// Runs the orders function under the Lambda runtime until it is shut down.
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

/// The orders function with all that it depends on.
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

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Call {
    Orders,
    Realtime,
    HourlyRevenue,
    TopProducts,
}

impl Call {
    fn takes(self) -> Takes {
        let days_max = WINDOW_MINUTES_MAX / (24 * 60);
        let day = WindowLength::DAY;
        match self {
            Call::Orders | Call::HourlyRevenue => {
                Takes { window: day, days_max: HOURLY_DAYS_MAX, lists: false, ranks: false }
            }
            Call::Realtime => {
                Takes { window: WindowLength::FIVE_MINUTES, days_max: 1, lists: true, ranks: false }
            }
            Call::TopProducts => Takes { window: day, days_max, lists: true, ranks: true },
        }
    }
}

impl<S: RowSource + OrderSource> Handler<S> {
    /// Answers one request. What goes wrong is an answer too: 400 names the parameter, 404 the
    /// paths, 503 says that a retry helps.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, lambda_http::Error> {
        if let Some(response) = preflight_or_wrong_method(request.method()) {
            return Ok(response);
        }
        let path = request.raw_http_path();
        let Some((_, call)) = CALLS.into_iter().find(|(end, _)| path.ends_with(end)) else {
            let paths = CALLS.map(|(end, _)| end).join(", ");
            return Ok(problem(
                StatusCode::NOT_FOUND,
                &format!("the path is {path:?}; expected one of {paths}"),
            ));
        };
        let now = self.clock.now();
        let query = request.uri().query().unwrap_or_default();
        let question = match query::parse(query, &call.takes(), self.default_currency, now) {
            Ok(question) => question,
            Err(sentence) => return Ok(problem(StatusCode::BAD_REQUEST, &sentence)),
        };
        let answered = match call {
            Call::Orders => self.orders(&question, now).await,
            Call::Realtime => self.realtime(&question, now).await,
            Call::HourlyRevenue => self.hourly_revenue(&question, now).await,
            Call::TopProducts => self.top_products(&question, now).await,
        };
        Ok(answered.unwrap_or_else(|error| unreadable(&error)))
    }

    async fn orders(
        &self,
        question: &OrdersQuery,
        now: DateTime<Utc>,
    ) -> Result<Response<Body>, StorageError> {
        let kept = Window::ending_with(question.as_of, question.window).kept(self.retention, now);
        let hours = self.hours(kept.0, now);
        let measures = [Measure::Orders, Measure::OrderValue(question.currency)];
        let (sums, per_hour) = try_join(
            self.sums(question, &measures, &[kept.0], now),
            self.sums(question, &[Measure::Orders], &hours, now),
        )
        .await?;
        let [by_status, value] = two(sums);
        let per_hour: Vec<_> =
            hours.iter().zip(&per_hour).map(|(window, sums)| (*window, sums.total())).collect();
        Ok(json(&OrdersAnswer::new(question, kept, &by_status, Value::of(&value), &per_hour)))
    }

    async fn realtime(
        &self,
        question: &OrdersQuery,
        now: DateTime<Utc>,
    ) -> Result<Response<Body>, StorageError> {
        let (site, retention) = (question.site_id.as_str(), self.retention);
        let kept = Window::ending_with(question.as_of, question.window).kept(retention, now);
        let measures = [Measure::Orders, Measure::OrderValue(question.currency)];
        let windows = &[kept.0];
        let recent = RecentQuestion {
            site,
            window: Window::ending_with(question.as_of, WindowLength::DAY),
            limit: question.limit,
            now,
        };
        let (sums, products, visitors, recent) = try_join4(
            self.sums(question, &measures, windows, now),
            self.sums(question, &Products::measures(question.currency), windows, now),
            count_visitors(&self.rows, &VisitorQuestion { site, windows, now, retention }),
            self.rows.recent_orders(&recent),
        )
        .await?;
        let [by_status, value] = two(sums);
        let present = Present {
            orders: by_status.total(),
            value: Value::of(&value),
            products: Products::of(products),
            active_users: visitors.first().copied().unwrap_or_default().visitors,
            recent,
        };
        Ok(json(&RealtimeAnswer::new(question, kept, &present)))
    }

    async fn hourly_revenue(
        &self,
        question: &OrdersQuery,
        now: DateTime<Utc>,
    ) -> Result<Response<Body>, StorageError> {
        let asked = Window::ending_with(question.as_of, question.window);
        // Whole hours, of which the last one may not be over.
        let from = asked.from.hour().first_minute();
        let kept = Window { from, ..asked }.kept(self.retention, now);
        let hours = self.hours(kept.0, now);
        let sums =
            self.sums(question, &[Measure::OrderValue(question.currency)], &hours, now).await?;
        let per_hour: Vec<_> =
            hours.iter().zip(&sums).map(|(window, sums)| (*window, Value::of(sums))).collect();
        Ok(json(&HourlyAnswer::new(question, kept, &per_hour)))
    }

    async fn top_products(
        &self,
        question: &OrdersQuery,
        now: DateTime<Utc>,
    ) -> Result<Response<Body>, StorageError> {
        let kept = Window::ending_with(question.as_of, question.window).kept(self.retention, now);
        let sums =
            self.sums(question, &Products::measures(question.currency), &[kept.0], now).await?;
        Ok(json(&TopProductsAnswer::new(question, kept, &Products::of(sums))))
    }

    async fn sums(
        &self,
        question: &OrdersQuery,
        measures: &[Measure],
        windows: &[Window],
        now: DateTime<Utc>,
    ) -> Result<Vec<Sums>, StorageError> {
        let site = question.site_id.as_str();
        let question =
            SumQuestion { site, measures, key: None, windows, now, retention: self.retention };
        sum_windows(&self.rows, &question).await
    }

    /// The hours of a window, the first and the last as far as they lie in it; without those that
    /// are kept no longer.
    fn hours(&self, window: Window, now: DateTime<Utc>) -> Vec<Window> {
        let mut hours = Vec::new();
        let mut from = window.from;
        while from < window.to {
            let hour = Period::Hour(from.hour());
            let to: Minute = hour.end().min(window.to);
            if !self.retention.has_expired(hour, now.timestamp()) {
                hours.push(Window { from, to });
            }
            from = to;
        }
        hours
    }
}

/// The sums of two measures of one window.
fn two(sums: Vec<Sums>) -> [Sums; 2] {
    let mut sums = sums.into_iter();
    [(); 2].map(|()| sums.next().unwrap_or_default())
}

#[cfg(test)]
mod tests;
