//! The list of recent orders.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use minutebook_domain::order::facts::{OrderFacts, OrderId};
use minutebook_domain::query::window::Window;
use minutebook_domain::time::period::{Period, Retention};
use minutebook_domain::time::{Day, Minute};

use crate::error::StorageError;
use crate::keys;
use crate::order::rows::exact_time;
use crate::table::{Consistency, Item, Table, has_expired, key, malformed, text};

/// The number of rows of the list of recent orders that are read beyond the limit. An order that
/// turned out to be placed earlier than first known is listed twice, and shown once.
const RECENT_SPARE: usize = 10;

/// A question to the list of recent orders.
#[derive(Clone, Copy, Debug)]
pub struct RecentQuestion<'a> {
    /// The site.
    pub site: &'a str,
    /// The minutes in which the orders were placed.
    pub window: Window,
    /// The number of orders that are wanted.
    pub limit: usize,
    /// The current time: it decides what has expired.
    pub now: DateTime<Utc>,
}

/// An order of the list of recent orders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecentOrder {
    /// Its id.
    pub id: String,
    /// What is known about it; when it was placed always is.
    pub facts: OrderFacts,
}

/// Where recent orders are read from: the table, or a stand-in for it in tests.
pub trait OrderSource: Sync {
    /// The orders that were placed in a window, the newest first, in their current state. Reads
    /// may lag by less than a second.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn recent_orders(
        &self,
        question: &RecentQuestion<'_>,
    ) -> impl Future<Output = Result<Vec<RecentOrder>, StorageError>> + Send;
}

impl OrderSource for Table {
    async fn recent_orders(
        &self,
        question: &RecentQuestion<'_>,
    ) -> Result<Vec<RecentOrder>, StorageError> {
        self.read_recent_orders(question, Consistency::Eventual).await
    }
}

impl Table {
    /// Recent orders, as [`OrderSource::recent_orders`] reads them.
    pub(crate) async fn read_recent_orders(
        &self,
        question: &RecentQuestion<'_>,
        consistency: Consistency,
    ) -> Result<Vec<RecentOrder>, StorageError> {
        let days = days_of(question.window).into_iter();
        let lists = days.map(|day| self.list_of_day(question, day, consistency));
        let mut listed = try_join_all(lists).await?.concat();
        listed.sort_unstable_by(|left, right| right.cmp(left));
        listed.truncate(question.limit + RECENT_SPARE);
        let ids: Vec<OrderId> = listed
            .iter()
            .map(|(_, id)| OrderId { site: question.site.to_string(), id: id.clone() })
            .collect();
        let known = self.read_orders(&ids.iter().collect::<Vec<_>>(), consistency).await?;
        let recent = listed.into_iter().zip(known).filter_map(|((listed_at, id), known)| {
            let facts = known?.facts;
            let is_listed_time = facts.placed_at().is_some_and(|at| exact_time(at) == listed_at);
            is_listed_time.then_some(RecentOrder { id, facts })
        });
        Ok(recent.take(question.limit).collect())
    }

    /// The newest orders of a day's list: when they were placed, as written there, and the id.
    async fn list_of_day(
        &self,
        question: &RecentQuestion<'_>,
        day: Day,
        consistency: Consistency,
    ) -> Result<Vec<(String, String)>, StorageError> {
        // Times have one length, and a whole minute sorts before all times within it.
        let bound = |minute: Minute| exact_time(time_of(minute));
        let limit = i32::try_from(question.limit + RECENT_SPARE).unwrap_or(i32::MAX);
        let bounds = (bound(question.window.from), bound(question.window.to));
        let query = self
            .query_between(keys::recent_partition(question.site, day), bounds, consistency)
            .scan_index_forward(false)
            .limit(limit);
        let answer = query
            .send()
            .await
            .map_err(|error| StorageError::from_sdk("Query of recent orders", error))?;
        let mut listed = Vec::new();
        for item in answer.items.unwrap_or_default() {
            if has_expired(&item, question.now)? {
                continue;
            }
            let (placed_at, id) =
                text(&item, keys::SORT_KEY)?.split_once('#').ok_or_else(|| {
                    malformed(&item, "its sort key is not a time and an order".to_string())
                })?;
            listed.push((placed_at.to_string(), id.to_string()));
        }
        Ok(listed)
    }
}

/// The days that a window has minutes of.
fn days_of(window: Window) -> Vec<Day> {
    let mut days = Vec::new();
    let mut day = window.from.hour().day();
    while day.first_hour().first_minute() < window.to {
        days.push(day);
        day = day.next();
    }
    days
}

/// The row that lists an order among the recent ones; `None` if it would have expired already.
pub(crate) fn recent_item(
    order: &OrderId,
    placed_at: DateTime<Utc>,
    retention: Retention,
    now: DateTime<Utc>,
) -> Option<Item> {
    let minute = Minute::containing(placed_at)?;
    let period = Period::Minute(minute);
    if retention.has_expired(period, now.timestamp()) {
        return None;
    }
    let sort_key = keys::recent_order(&exact_time(placed_at), &order.id);
    let mut item = key(keys::recent_partition(&order.site, minute.hour().day()), sort_key);
    if let Some(expires_at) = retention.expires_at(period) {
        item.insert(keys::TIME_TO_LIVE.to_string(), AttributeValue::N(expires_at.to_string()));
    }
    Some(item)
}

fn time_of(minute: Minute) -> DateTime<Utc> {
    DateTime::from_timestamp(minute.epoch_seconds(), 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::number;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn a_recent_order_is_listed_under_the_day_and_time_at_which_it_was_placed() {
        let retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };
        let order = OrderId { site: "s".to_string(), id: "a#b".to_string() };
        let placed_at = at("2026-11-20T23:07:31.000000001Z");
        let item = recent_item(&order, placed_at, retention, at("2026-11-21T00:00:00Z"))
            .expect("it is kept");
        assert_eq!(text(&item, "pk").expect("a text"), "R#s#2026-11-20");
        assert_eq!(text(&item, "sk").expect("a text"), "2026-11-20T23:07:31.000000001Z#a#b");
        assert_eq!(
            number::<i64>(&item, "ttl").expect("a number"),
            at("2026-11-27T23:08:00Z").timestamp()
        );
        assert_eq!(recent_item(&order, placed_at, retention, at("2026-11-27T23:08:00Z")), None);
    }

    #[test]
    fn a_window_has_the_days_of_its_minutes() {
        let minute = |text: &str| Minute::containing(at(text)).expect("in range");
        let days = |from: &str, to: &str| {
            let days = days_of(Window { from: minute(from), to: minute(to) });
            days.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(days("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"), ["2026-11-20"]);
        assert_eq!(
            days("2026-11-20T23:59:00Z", "2026-11-21T00:01:00Z"),
            ["2026-11-20", "2026-11-21"]
        );
    }
}
