//! `GET /metrics/orders`, `/metrics/realtime`, `/metrics/revenue/hourly` and
//! `/metrics/products/top`: how many orders there are, what became of them, what happens right now,
//! and what they bring by the hour and by product.

pub(crate) mod answer;
pub(crate) mod describe;
pub(crate) mod query;

use chrono::{DateTime, Utc};
use futures::future::{try_join, try_join4};
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use minutebook_domain::count::measure::{Currency, Measure};
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::window::{WINDOW_MINUTES_MAX, Window, WindowLength};
use minutebook_domain::time::period::Period;
use minutebook_domain::time::{Minute, QuarterHours};
use minutebook_storage::error::StorageError;
use minutebook_storage::order::recent::{OrderSource, RecentQuestion};
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::reader::{SumQuestion, sum_windows};
use minutebook_storage::site::settings::SettingsSource;
use minutebook_storage::visitors::VisitorStateSource;

use crate::backend::Backend;
use crate::http::answer::unreadable;
use crate::http::response::{json, problem};
use crate::orders::answer::{
    HourlyAnswer, OrdersAnswer, Present, Products, RealtimeAnswer, TopProductsAnswer, Value,
};
use crate::orders::query::{HOURLY_DAYS_MAX, OrdersQuery, Takes};

/// The four calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrdersCall {
    /// `/metrics/orders`.
    Orders,
    /// `/metrics/realtime`.
    Realtime,
    /// `/metrics/revenue/hourly`.
    HourlyRevenue,
    /// `/metrics/products/top`.
    TopProducts,
}

impl OrdersCall {
    pub(crate) fn takes(self) -> Takes {
        let days_max = WINDOW_MINUTES_MAX / (24 * 60);
        let none = Takes {
            window: WindowLength::DAY,
            days_max: HOURLY_DAYS_MAX,
            lists: false,
            ranks: false,
            refunds: false,
        };
        match self {
            OrdersCall::Orders | OrdersCall::HourlyRevenue => Takes { refunds: true, ..none },
            OrdersCall::Realtime => {
                Takes { window: WindowLength::FIVE_MINUTES, days_max: 1, lists: true, ..none }
            }
            OrdersCall::TopProducts => Takes { days_max, lists: true, ranks: true, ..none },
        }
    }
}

/// Answers one request. Errors are answers, too: 400 names the parameter, and 503 means that a
/// retry helps.
pub async fn handle<R: RowSource + OrderSource + SettingsSource + VisitorStateSource, Q: Sync>(
    call: OrdersCall,
    request: &Request,
    backend: &Backend<R, Q>,
) -> Response<Body> {
    let now = backend.clock.now();
    let query = request.uri().query().unwrap_or_default();
    let question = match query::parse(query, &call.takes(), now) {
        Ok(question) => question,
        Err(sentence) => return problem(StatusCode::BAD_REQUEST, &sentence),
    };
    let currency = match backend.currency(question.currency, &question.site_id, now).await {
        Ok(currency) => currency,
        Err(error) => return unreadable(&error),
    };
    let reader = Reader { backend, currency };
    let answered = match call {
        OrdersCall::Orders => reader.orders(&question, now).await,
        OrdersCall::Realtime => reader.realtime(&question, now).await,
        OrdersCall::HourlyRevenue => reader.hourly_revenue(&question, now).await,
        OrdersCall::TopProducts => reader.top_products(&question, now).await,
    };
    answered.unwrap_or_else(|error| unreadable(&error))
}

/// Reads what the calls answer with.
struct Reader<'a, R, Q> {
    backend: &'a Backend<R, Q>,
    /// The currency of the answer.
    currency: Currency,
}

impl<R: RowSource + OrderSource + VisitorStateSource, Q: Sync> Reader<'_, R, Q> {
    async fn orders(
        &self,
        question: &OrdersQuery,
        now: DateTime<Utc>,
    ) -> Result<Response<Body>, StorageError> {
        let kept =
            Window::ending_with(question.as_of, question.window).kept(self.backend.retention, now);
        let hours = self.hours(kept.0, now);
        let measures = [Measure::Orders, Measure::OrderValue(self.currency)];
        let (sums, per_hour) = try_join(
            self.sums(question, &measures, &[kept.0], now),
            self.sums(question, &[Measure::Orders], &hours, now),
        )
        .await?;
        let [by_status, value] = two(sums);
        let per_hour: Vec<_> =
            hours.iter().zip(&per_hour).map(|(window, sums)| (*window, sums.total())).collect();
        Ok(json(&OrdersAnswer::new(
            question,
            self.currency,
            kept,
            &by_status,
            Value::of(&value, question.basis),
            &per_hour,
        )))
    }

    async fn realtime(
        &self,
        question: &OrdersQuery,
        now: DateTime<Utc>,
    ) -> Result<Response<Body>, StorageError> {
        let (site, retention) = (question.site_id.as_str(), self.backend.retention);
        let kept = Window::ending_with(question.as_of, question.window).kept(retention, now);
        let measures = [Measure::Orders, Measure::OrderValue(self.currency)];
        let windows = &[kept.0];
        let recent = RecentQuestion {
            site,
            window: Window::ending_with(question.as_of, WindowLength::DAY),
            limit: question.limit,
            now,
        };
        let (sums, products, visitors, recent) = try_join4(
            self.sums(question, &measures, windows, now),
            self.sums(question, &Products::measures(self.currency), windows, now),
            self.backend.count_visitors(site, kept.0, now),
            self.backend.rows.recent_orders(&recent),
        )
        .await?;
        let [by_status, value] = two(sums);
        let present = Present {
            orders: by_status.total(),
            value: Value::of(&value, question.basis),
            products: Products::of(products),
            active_users: visitors.visitors,
            recent,
        };
        Ok(json(&RealtimeAnswer::new(question, self.currency, kept, &present)))
    }

    async fn hourly_revenue(
        &self,
        question: &OrdersQuery,
        now: DateTime<Utc>,
    ) -> Result<Response<Body>, StorageError> {
        let asked = Window::ending_with(question.as_of, question.window);
        // Whole hours, of which the last one may not be over.
        let from = asked.from.hour().first_minute();
        let kept = Window { from, ..asked }.kept(self.backend.retention, now);
        let hours = self.hours(kept.0, now);
        let sums = self.sums(question, &[Measure::OrderValue(self.currency)], &hours, now).await?;
        let value = |sums| Value::of(sums, question.basis);
        let per_hour: Vec<_> =
            hours.iter().zip(&sums).map(|(window, sums)| (*window, value(sums))).collect();
        Ok(json(&HourlyAnswer::new(question, self.currency, kept, &per_hour)))
    }

    async fn top_products(
        &self,
        question: &OrdersQuery,
        now: DateTime<Utc>,
    ) -> Result<Response<Body>, StorageError> {
        let kept =
            Window::ending_with(question.as_of, question.window).kept(self.backend.retention, now);
        let sums = self.sums(question, &Products::measures(self.currency), &[kept.0], now).await?;
        Ok(json(&TopProductsAnswer::new(question, self.currency, kept, &Products::of(sums))))
    }

    async fn sums(
        &self,
        question: &OrdersQuery,
        measures: &[Measure],
        windows: &[Window],
        now: DateTime<Utc>,
    ) -> Result<Vec<Sums>, StorageError> {
        let site = question.site_id.as_str();
        let question = SumQuestion {
            site,
            measures,
            key: None,
            windows,
            now,
            retention: self.backend.retention,
            quarter_hours: QuarterHours::NONE,
        };
        sum_windows(&self.backend.rows, &question).await
    }

    /// The hours of a window, the first and the last as far as they lie in it; without those that
    /// are kept no longer.
    fn hours(&self, window: Window, now: DateTime<Utc>) -> Vec<Window> {
        let mut hours = Vec::new();
        let mut from = window.from;
        while from < window.to {
            let hour = Period::Hour(from.hour());
            let to: Minute = hour.end().min(window.to);
            if !self.backend.retention.has_expired(hour, now.timestamp()) {
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
