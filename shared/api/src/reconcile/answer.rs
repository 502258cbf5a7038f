//! The answer of `/reconcile`.

use chrono::{DateTime, SecondsFormat, Utc};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::order::contribution::{GROSS, REFUNDS, SALES, SALES_REFUNDS};
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::series::CalendarPeriod;
use minutebook_storage::proof::Proof;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::history::answer::window;
use crate::history::query::HistoryQuery;
use crate::http::answer::{Number, Time, WindowAnswer, number};
use crate::overview::compared::local;

/// Money that came in, and money that was given back.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Money {
    gross: Amount,
    refunds: Amount,
}

/// The money of a period, counted three times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Books {
    items: Money,
    orders: Money,
    without_order: Money,
    orders_without_lines: Money,
}

impl Books {
    /// The books from the sums of sales, refunds and the value of orders.
    pub(crate) fn of(sales: &Sums, refunds: &Sums, orders: &Sums) -> Books {
        let of_orders = Money { gross: orders.of(SALES), refunds: orders.of(SALES_REFUNDS) };
        let all_orders = Money { gross: orders.of(GROSS), refunds: orders.of(REFUNDS) };
        Books {
            items: Money { gross: sales.total(), refunds: refunds.total() },
            orders: of_orders,
            without_order: Money { gross: sales.of_no_key(), refunds: refunds.of_no_key() },
            orders_without_lines: all_orders.less(of_orders),
        }
    }

    /// What the items have and neither orders nor what is of no order, or the other way around.
    pub(crate) fn difference(&self) -> Money {
        self.items.less(self.orders).less(self.without_order)
    }

    /// Whether there is none.
    pub(crate) fn agree(&self) -> bool {
        self.difference() == Money::default()
    }
}

impl Money {
    fn less(self, other: Money) -> Money {
        Money {
            gross: self.gross.saturating_sub(other.gross),
            refunds: self.refunds.saturating_sub(other.refunds),
        }
    }

    fn answer(self) -> MoneyAnswer {
        MoneyAnswer {
            gross: number(self.gross, true),
            refunds: number(self.refunds, true),
            net: number(self.gross.saturating_sub(self.refunds), true),
        }
    }
}

/// Money by period, counted by item, by order, and without an order.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Reconciliation")]
pub(crate) struct Answer<'a> {
    /// Whether no period of this page has a difference.
    reconciles: bool,
    /// The last time that `minutebook verify` compared the whole table with the raw objects; null if
    /// it never did.
    proof: Option<ProofAnswer>,
    #[schemars(extend("enum" = ["hour", "day", "week", "month"]))]
    granularity: &'static str,
    /// Whose midnights days, weeks and months begin at.
    tz: &'static str,
    site_id: &'a str,
    currency: String,
    /// The periods, ascending; those in which nothing was counted are there with zeros.
    periods: Vec<PeriodAnswer>,
    /// The minute that the question was asked in.
    #[schemars(with = "Time")]
    as_of: String,
    window: WindowAnswer,
    /// What asks for the next page; null if this is the last.
    next_cursor: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Proof")]
struct ProofAnswer {
    /// When it ended.
    #[schemars(with = "Time")]
    at: String,
    /// How many differences it found.
    differences: u64,
}

/// An hour, day, week or month.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReconciledPeriod")]
struct PeriodAnswer {
    /// Its first instant, as the zone's clock shows it.
    #[schemars(with = "Time")]
    from: String,
    /// The first instant after it.
    #[schemars(with = "Time")]
    to: String,
    /// The sales and refunds of all items, and of what has no item.
    items: MoneyAnswer,
    /// What orders with lines brought and gave back.
    orders: MoneyAnswer,
    /// The purchases and refunds that are of no order.
    without_order: MoneyAnswer,
    /// What the items have beyond the two, or lack of them.
    difference: DifferenceAnswer,
    /// What orders without lines brought and gave back, which are known by events about orders alone:
    /// it is in no item.
    orders_without_lines: MoneyAnswer,
    /// Whether it is not over, so that its numbers still grow.
    running: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Money")]
struct MoneyAnswer {
    #[schemars(with = "Number")]
    gross: Box<RawValue>,
    /// By the time of the refund.
    #[schemars(with = "Number")]
    refunds: Box<RawValue>,
    #[schemars(with = "Number")]
    net: Box<RawValue>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MoneyDifference")]
struct DifferenceAnswer {
    #[schemars(with = "Number")]
    gross: Box<RawValue>,
    #[schemars(with = "Number")]
    refunds: Box<RawValue>,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(
        question: &'a HistoryQuery<'_>,
        currency: Currency,
        books: &[Books],
        proof: Option<Proof>,
        now: DateTime<Utc>,
    ) -> Answer<'a> {
        let period = |(period, books): (&CalendarPeriod, &Books)| {
            let difference = books.difference();
            PeriodAnswer {
                from: local(period.start),
                to: local(period.end),
                items: books.items.answer(),
                orders: books.orders.answer(),
                without_order: books.without_order.answer(),
                difference: DifferenceAnswer {
                    gross: number(difference.gross, true),
                    refunds: number(difference.refunds, true),
                },
                orders_without_lines: books.orders_without_lines.answer(),
                running: period.counts(now),
            }
        };
        Answer {
            reconciles: books.iter().all(Books::agree),
            proof: proof.map(|Proof { at, differences }| ProofAnswer {
                at: at.to_rfc3339_opts(SecondsFormat::Secs, true),
                differences,
            }),
            granularity: question.calendar.granularity.as_str(),
            tz: question.calendar.zone.name(),
            site_id: question.site_id.as_str(),
            currency: currency.to_string(),
            periods: question.periods.iter().zip(books).map(period).collect(),
            as_of: question.as_of.to_string(),
            window: window(&question.periods),
            next_cursor: question.next_cursor.as_deref(),
        }
    }
}
