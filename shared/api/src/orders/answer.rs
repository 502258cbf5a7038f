//! The answers about orders.

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::{Currency, Measure};
use minutebook_domain::order::contribution::{
    COUNT, GROSS, INCOMPLETE, OVER_REFUNDED, REFUNDED, REFUNDS,
};
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::window::{Precision, Window};
use minutebook_storage::order::recent::RecentOrder;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::answer::{Number, Time, WindowAnswer, number};
use crate::http::basis::Basis;
use crate::orders::query::{OrdersQuery, RankBy};

/// The value of orders of one currency.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Value {
    /// How many there are.
    pub(crate) count: Amount,
    /// What they cost.
    pub(crate) gross: Amount,
    /// What was given back of them or, by the time of the refund, of any orders.
    pub(crate) refunded: Amount,
    /// What refunds of them name beyond that.
    pub(crate) over_refunded: Amount,
    /// How many of them have a line or a refund that does not count.
    pub(crate) incomplete: Amount,
}

impl Value {
    /// The sums of [`Measure::OrderValue`].
    pub(crate) fn of(sums: &Sums, basis: Basis) -> Value {
        let refunded = match basis {
            Basis::Order => REFUNDED,
            Basis::Refund => REFUNDS,
        };
        Value {
            count: sums.of(COUNT),
            gross: sums.of(GROSS),
            refunded: sums.of(refunded),
            over_refunded: sums.of(OVER_REFUNDED),
            incomplete: sums.of(INCOMPLETE),
        }
    }

    fn net(self) -> Amount {
        self.gross.saturating_sub(self.refunded)
    }
}

/// The products of orders.
#[derive(Default)]
pub(crate) struct Products {
    pub(crate) units: Sums,
    pub(crate) revenue: Sums,
}

impl Products {
    /// What products are summed from.
    pub(crate) fn measures(currency: Currency) -> [Measure; 2] {
        [Measure::Ordered, Measure::OrderedValue(currency)]
    }

    /// The sums of [`Products::measures`].
    pub(crate) fn of(sums: Vec<Sums>) -> Products {
        let mut sums = sums.into_iter();
        let mut next = || sums.next().unwrap_or_default();
        Products { units: next(), revenue: next() }
    }

    /// The top products. Products that no order has any more are left out.
    fn top(&self, rank_by: RankBy, limit: usize) -> Vec<ProductAnswer> {
        let (ranked, other) = match rank_by {
            RankBy::Revenue => (&self.revenue, &self.units),
            RankBy::Units => (&self.units, &self.revenue),
        };
        let top = ranked.top(limit).into_iter();
        top.map(|(name, amount)| {
            let beside = other.of(name);
            let (revenue, units) = match rank_by {
                RankBy::Revenue => (amount, beside),
                RankBy::Units => (beside, amount),
            };
            ProductAnswer {
                product_name: name.to_string(),
                revenue: number(revenue, true),
                units: number(units, false),
            }
        })
        .collect()
    }
}

/// A product, and what was ordered of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderedProduct")]
pub(crate) struct ProductAnswer {
    product_name: String,
    /// What was ordered of it cost, in the currency of the answer.
    #[schemars(with = "Number")]
    revenue: Box<RawValue>,
    /// How many were ordered, whatever the currency.
    #[schemars(with = "Number")]
    units: Box<RawValue>,
}

/// Orders of a window, each at the time at which it was placed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Orders")]
pub(crate) struct OrdersAnswer<'a> {
    /// How many orders were made, of all currencies.
    #[schemars(with = "Number")]
    total_orders: Box<RawValue>,
    /// What they cost, cancelled ones too.
    #[schemars(with = "Number")]
    total_revenue: Box<RawValue>,
    /// The same less what was refunded, so that it may be negative by the time of the refund.
    #[schemars(with = "Number")]
    net_revenue: Box<RawValue>,
    /// What refunds and cancellations gave back.
    #[schemars(with = "Number")]
    refunded: Box<RawValue>,
    basis: Basis,
    currency: String,
    /// What refunds of these orders name beyond what was paid; left out if there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Number>")]
    over_refunded: Option<Box<RawValue>>,
    /// How many orders of this currency have a line or a refund that does not count, because it is
    /// in another currency, of an item that the order has not, or one of too many; left out if there
    /// is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Number>")]
    incomplete: Option<Box<RawValue>>,
    /// How many of them have which status now, of all currencies.
    #[schemars(with = "BTreeMap<String, Number>")]
    orders_by_status: BTreeMap<&'a str, Box<RawValue>>,
    /// What an order of this currency cost on average; 0 if there is none.
    #[schemars(with = "Number")]
    avg_order_value: Box<RawValue>,
    /// How many were made in each hour, of all currencies; in the first and the last as far as the
    /// window goes.
    #[schemars(with = "BTreeMap<String, Number>")]
    orders_per_hour: BTreeMap<String, Box<RawValue>>,
    site_id: &'a str,
    #[schemars(with = "Time")]
    as_of: String,
    window: WindowAnswer,
}

impl<'a> OrdersAnswer<'a> {
    pub(crate) fn new(
        question: &'a OrdersQuery,
        currency: Currency,
        kept: (Window, Precision),
        by_status: &'a Sums,
        value: Value,
        per_hour: &[(Window, Amount)],
    ) -> OrdersAnswer<'a> {
        let hours = per_hour
            .iter()
            .map(|(window, orders)| (window.from.hour().first_minute().to_string(), *orders));
        let statuses = by_status.top(usize::MAX).into_iter();
        OrdersAnswer {
            total_orders: number(by_status.total(), false),
            total_revenue: number(value.gross, true),
            net_revenue: number(value.net(), true),
            refunded: number(value.refunded, true),
            basis: question.basis,
            currency: currency.to_string(),
            over_refunded: (value.over_refunded != Amount::ZERO)
                .then(|| number(value.over_refunded, true)),
            incomplete: (value.incomplete != Amount::ZERO).then(|| number(value.incomplete, false)),
            orders_by_status: statuses
                .map(|(status, orders)| (status, number(orders, false)))
                .collect(),
            avg_order_value: number(value.gross.per(value.count).unwrap_or_default(), true),
            orders_per_hour: hours.map(|(hour, orders)| (hour, number(orders, false))).collect(),
            site_id: question.site_id.as_str(),
            as_of: question.as_of.to_string(),
            window: WindowAnswer::new(kept.0, kept.1),
        }
    }
}

/// What goes on with orders just now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrdersNow")]
pub(crate) struct RealtimeAnswer<'a> {
    /// Orders made in the window, of all currencies, by its minutes.
    #[schemars(with = "Number")]
    current_orders_per_minute: Box<RawValue>,
    /// What orders of the window cost, by its minutes.
    #[schemars(with = "Number")]
    revenue_per_minute: Box<RawValue>,
    /// How many customers had an event of any kind in the window.
    active_users: u64,
    /// The products of the window that brought the most.
    top_products: Vec<ProductAnswer>,
    /// The newest orders of the last 24 hours, with what they are now.
    recent_orders: Vec<RecentAnswer>,
    currency: String,
    site_id: &'a str,
    #[schemars(with = "Time")]
    as_of: String,
    window: WindowAnswer,
}

/// A recent order.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RecentOrder")]
pub(crate) struct RecentAnswer {
    order_id: String,
    /// The number that people know it by, if its creation named one.
    order_number: Option<String>,
    status: String,
    #[schemars(with = "Number")]
    total_amount: Box<RawValue>,
    #[schemars(with = "Number")]
    refunded: Box<RawValue>,
    currency: String,
    /// When it was placed: at its creation or its earliest purchase, whichever is earlier.
    #[schemars(with = "Time")]
    created_at: String,
}

impl RecentAnswer {
    fn new(order: &RecentOrder) -> Option<RecentAnswer> {
        let contribution = order.facts.contribution();
        let refunded = contribution.refunded();
        let placed = contribution.placed?;
        let created = order.facts.created.as_ref();
        Some(RecentAnswer {
            order_id: order.id.clone(),
            order_number: created.and_then(|created| created.number.clone()),
            status: placed.status.to_string(),
            total_amount: number(placed.value, true),
            refunded: number(refunded, true),
            currency: placed.currency.to_string(),
            created_at: order.facts.placed_at()?.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        })
    }
}

/// The numbers that the answer is made from.
pub(crate) struct Present {
    pub(crate) orders: Amount,
    pub(crate) value: Value,
    pub(crate) products: Products,
    pub(crate) active_users: u64,
    pub(crate) recent: Vec<RecentOrder>,
}

impl<'a> RealtimeAnswer<'a> {
    pub(crate) fn new(
        question: &'a OrdersQuery,
        currency: Currency,
        kept: (Window, Precision),
        present: &Present,
    ) -> RealtimeAnswer<'a> {
        let minutes =
            Amount::from_count(u64::from(kept.0.to.number().saturating_sub(kept.0.from.number())));
        let per_minute = |amount: Amount| amount.per(minutes).unwrap_or_default();
        RealtimeAnswer {
            current_orders_per_minute: number(per_minute(present.orders), false),
            revenue_per_minute: number(per_minute(present.value.gross), true),
            active_users: present.active_users,
            top_products: present.products.top(RankBy::Revenue, question.limit),
            recent_orders: present.recent.iter().filter_map(RecentAnswer::new).collect(),
            currency: currency.to_string(),
            site_id: question.site_id.as_str(),
            as_of: question.as_of.to_string(),
            window: WindowAnswer::new(kept.0, kept.1),
        }
    }
}

/// What orders brought, hour by hour.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HourlyRevenue")]
pub(crate) struct HourlyAnswer<'a> {
    /// Every hour of the window, the oldest first.
    hours: Vec<HourAnswer>,
    /// What all of them brought, cancelled orders too.
    #[schemars(with = "Number")]
    total_revenue: Box<RawValue>,
    /// The same less what was refunded.
    #[schemars(with = "Number")]
    net_revenue: Box<RawValue>,
    basis: Basis,
    currency: String,
    site_id: &'a str,
    #[schemars(with = "Time")]
    as_of: String,
    window: WindowAnswer,
}

/// What the orders of an hour brought.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HourOfRevenue")]
struct HourAnswer {
    /// When the hour begins.
    #[schemars(with = "Time")]
    hour: String,
    /// How many orders of this currency were made.
    #[schemars(with = "Number")]
    orders: Box<RawValue>,
    /// What they cost, cancelled ones too.
    #[schemars(with = "Number")]
    revenue: Box<RawValue>,
    /// What was refunded of these orders, whenever that was, or in the hour, by the basis.
    #[schemars(with = "Number")]
    refunded: Box<RawValue>,
    /// What is left.
    #[schemars(with = "Number")]
    net_revenue: Box<RawValue>,
}

impl<'a> HourlyAnswer<'a> {
    pub(crate) fn new(
        question: &'a OrdersQuery,
        currency: Currency,
        kept: (Window, Precision),
        per_hour: &[(Window, Value)],
    ) -> HourlyAnswer<'a> {
        let mut all = Value::default();
        for (_, value) in per_hour {
            all.gross += value.gross;
            all.refunded += value.refunded;
        }
        let hours = per_hour.iter().map(|(window, value)| HourAnswer {
            hour: window.from.hour().first_minute().to_string(),
            orders: number(value.count, false),
            revenue: number(value.gross, true),
            refunded: number(value.refunded, true),
            net_revenue: number(value.net(), true),
        });
        HourlyAnswer {
            hours: hours.collect(),
            total_revenue: number(all.gross, true),
            net_revenue: number(all.net(), true),
            basis: question.basis,
            currency: currency.to_string(),
            site_id: question.site_id.as_str(),
            as_of: question.as_of.to_string(),
            window: WindowAnswer::new(kept.0, kept.1),
        }
    }
}

/// The products that were ordered the most.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TopProducts")]
pub(crate) struct TopProductsAnswer<'a> {
    /// The products, the first the one with the most.
    products: Vec<ProductAnswer>,
    currency: String,
    site_id: &'a str,
    #[schemars(with = "Time")]
    as_of: String,
    window: WindowAnswer,
}

impl<'a> TopProductsAnswer<'a> {
    pub(crate) fn new(
        question: &'a OrdersQuery,
        currency: Currency,
        kept: (Window, Precision),
        products: &Products,
    ) -> TopProductsAnswer<'a> {
        TopProductsAnswer {
            products: products.top(question.rank_by, question.limit),
            currency: currency.to_string(),
            site_id: question.site_id.as_str(),
            as_of: question.as_of.to_string(),
            window: WindowAnswer::new(kept.0, kept.1),
        }
    }
}
