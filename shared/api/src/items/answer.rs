//! The answer of `/items/{item_id}`.

use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::{Currency, Measure};
use minutebook_domain::query::ranking::Sums;
use minutebook_storage::catalogue::known::Catalogue;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::answer::{ListedItem, Number, Time, WindowAnswer, number};
use crate::http::basis::Basis;
use crate::items::query::ItemQuery;

/// Everything that is counted of an item, or without the name of one.
pub(crate) struct Numbers {
    views: Amount,
    carts: Amount,
    removals: Amount,
    checkouts: Amount,
    units: Amount,
    sales: Amount,
    refunds: Amount,
}

impl Numbers {
    /// What they are summed from. By the time of the order, the refunds are the last two.
    pub(crate) fn measures(currency: Currency, basis: Basis) -> Vec<Measure> {
        let mut measures = vec![
            Measure::Views,
            Measure::Carts,
            Measure::Removals,
            Measure::Checkouts,
            Measure::Units,
            Measure::Sales(currency),
            Measure::Refunds(currency),
        ];
        if basis == Basis::Order {
            measures.push(Measure::RefundsMoved(currency));
        }
        measures
    }

    /// The numbers of a key in the sums of these measures, in their order.
    pub(crate) fn of(key: &str, sums: &[Sums]) -> Numbers {
        let mut numbers = sums.iter().map(|sums| sums.of(key));
        let mut next = || numbers.next().unwrap_or_default();
        Numbers {
            views: next(),
            carts: next(),
            removals: next(),
            checkouts: next(),
            units: next(),
            sales: next(),
            refunds: next().saturating_add(next()),
        }
    }

    fn are_zero(&self) -> bool {
        let Numbers { views, carts, removals, checkouts, units, sales, refunds } = self;
        [views, carts, removals, checkouts, units, sales, refunds]
            .iter()
            .all(|number| **number == Amount::ZERO)
    }
}

/// All that was counted of an item in a window.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Item")]
pub(crate) struct Answer<'a> {
    #[serde(flatten)]
    item: ListedItem<'a>,
    /// What the shop asks for it, as its catalogue says; left out, as the picture, if it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<&'a str>,
    site_id: &'a str,
    #[schemars(with = "Number")]
    views: Box<RawValue>,
    /// How often it was added to a cart, whatever the quantity.
    #[schemars(with = "Number")]
    adds_to_cart: Box<RawValue>,
    /// How often it was removed from a cart.
    #[schemars(with = "Number")]
    removals: Box<RawValue>,
    /// With how many checkouts that began.
    #[schemars(with = "Number")]
    checkouts: Box<RawValue>,
    /// How many pieces were purchased.
    #[schemars(with = "Number")]
    units: Box<RawValue>,
    #[schemars(with = "Number")]
    gross_sales: Box<RawValue>,
    #[schemars(with = "Number")]
    refunds: Box<RawValue>,
    /// Gross sales less refunds, which may be negative by the time of the refund.
    #[schemars(with = "Number")]
    net_sales: Box<RawValue>,
    basis: Basis,
    /// The currency of all amounts; those of others are not in them.
    currency: String,
    conversion: Conversion,
    /// What is counted without the names of items, since there were too many of them, so that some
    /// of it may be of this item; left out if there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<Other>,
    /// The minute that the window ends with.
    #[schemars(with = "Time")]
    as_of: String,
    window: WindowAnswer,
}

/// What is counted without the names of items, in the same currency.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OtherItemNumbers")]
struct Other {
    #[schemars(with = "Number")]
    views: Box<RawValue>,
    #[schemars(with = "Number")]
    adds_to_cart: Box<RawValue>,
    #[schemars(with = "Number")]
    removals: Box<RawValue>,
    #[schemars(with = "Number")]
    checkouts: Box<RawValue>,
    #[schemars(with = "Number")]
    units: Box<RawValue>,
    #[schemars(with = "Number")]
    gross_sales: Box<RawValue>,
    #[schemars(with = "Number")]
    refunds: Box<RawValue>,
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
    checkouts_per_add_to_cart: Option<Box<RawValue>>,
    #[schemars(with = "Option<Number>")]
    units_per_checkout: Option<Box<RawValue>>,
    #[schemars(with = "Option<Number>")]
    units_per_view: Option<Box<RawValue>>,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(
        question: &'a ItemQuery,
        catalogue: &'a Catalogue,
        (currency, window): (Currency, WindowAnswer),
        numbers: &Numbers,
        other: &Numbers,
    ) -> Answer<'a> {
        let count = |amount| number(amount, false);
        let money = |amount| number(amount, true);
        let ratio = |amount: Amount, to: Amount| amount.per(to).map(count);
        let described = catalogue.of(&question.item_id);
        Answer {
            item: ListedItem::of(&question.item_id, catalogue),
            price: described.and_then(|item| item.price.as_deref()),
            image_url: described.and_then(|item| item.image_url.as_deref()),
            site_id: question.site_id.as_str(),
            views: count(numbers.views),
            adds_to_cart: count(numbers.carts),
            removals: count(numbers.removals),
            checkouts: count(numbers.checkouts),
            units: count(numbers.units),
            gross_sales: money(numbers.sales),
            refunds: money(numbers.refunds),
            net_sales: money(numbers.sales.saturating_sub(numbers.refunds)),
            basis: question.basis,
            currency: currency.to_string(),
            conversion: Conversion {
                adds_to_cart_per_view: ratio(numbers.carts, numbers.views),
                units_per_add_to_cart: ratio(numbers.units, numbers.carts),
                checkouts_per_add_to_cart: ratio(numbers.checkouts, numbers.carts),
                units_per_checkout: ratio(numbers.units, numbers.checkouts),
                units_per_view: ratio(numbers.units, numbers.views),
            },
            other: (!other.are_zero()).then(|| Other {
                views: count(other.views),
                adds_to_cart: count(other.carts),
                removals: count(other.removals),
                checkouts: count(other.checkouts),
                units: count(other.units),
                gross_sales: money(other.sales),
                refunds: money(other.refunds),
            }),
            as_of: question.as_of.to_string(),
            window,
        }
    }
}
