//! The answers of the rankings, each with its members in the order in which they are written.

use lambda_http::{Body, Response};
use minutebook_domain::count::amount::Amount;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::answer::{ItemId, Number, Time, WindowAnswer, number, other};
use crate::http::response::json;
use crate::rankings::query::Ranking;

/// The item that was viewed most.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MostViewed<'a> {
    /// The first of `top`; null if nothing was viewed.
    most_viewed_item: Option<ItemId<'a>>,
    /// How often it was viewed.
    #[schemars(with = "Number")]
    views: Box<RawValue>,
    /// The items with the most views, in their order.
    top: Vec<ViewedItem<'a>>,
    /// Views that are counted without the names of their items, since there were too many items; left
    /// out if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<OtherViews>,
    /// The minute that the window ends with.
    #[schemars(with = "Time")]
    as_of: &'a str,
    window: WindowAnswer,
}

#[derive(Serialize, JsonSchema)]
struct OtherViews {
    #[schemars(with = "Number")]
    views: Box<RawValue>,
}

#[derive(Serialize, JsonSchema)]
struct ViewedItem<'a> {
    item_id: ItemId<'a>,
    #[schemars(with = "Number")]
    views: Box<RawValue>,
}

/// The item that was added to carts most.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TopCarted<'a> {
    /// The first of `top`; null if nothing was added.
    top_item_added_to_cart: Option<ItemId<'a>>,
    /// How often it was added.
    #[schemars(with = "Number")]
    adds_to_cart: Box<RawValue>,
    /// The items with the most additions, in their order.
    top: Vec<CartedItem<'a>>,
    /// Additions that are counted without the names of their items, since there were too many items; left
    /// out if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<OtherAdditions>,
    /// The minute that the window ends with.
    #[schemars(with = "Time")]
    as_of: &'a str,
    window: WindowAnswer,
}

#[derive(Serialize, JsonSchema)]
struct OtherAdditions {
    #[schemars(with = "Number")]
    adds_to_cart: Box<RawValue>,
}

#[derive(Serialize, JsonSchema)]
struct CartedItem<'a> {
    item_id: ItemId<'a>,
    #[schemars(with = "Number")]
    adds_to_cart: Box<RawValue>,
}

/// The item with the highest sales.
#[derive(Serialize, JsonSchema)]
pub(crate) struct HighestGrossing<'a> {
    /// The first of `top`; null if nothing was sold.
    highest_grossing_item: Option<ItemId<'a>>,
    /// What it was sold for in all, exactly.
    #[schemars(with = "Number")]
    total_sales: Box<RawValue>,
    /// The currency of all amounts; those of others are not in them.
    currency: &'a str,
    /// The items with the highest sales, in their order.
    top: Vec<SoldItem<'a>>,
    /// Sales that are counted without the names of their items, since there were too many items; left
    /// out if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<OtherSales>,
    /// The minute that the window ends with.
    #[schemars(with = "Time")]
    as_of: &'a str,
    window: WindowAnswer,
}

#[derive(Serialize, JsonSchema)]
struct OtherSales {
    #[schemars(with = "Number")]
    total_sales: Box<RawValue>,
}

#[derive(Serialize, JsonSchema)]
struct SoldItem<'a> {
    item_id: ItemId<'a>,
    #[schemars(with = "Number")]
    total_sales: Box<RawValue>,
}

/// The result of a ranking.
pub(crate) struct Ranked<'a> {
    /// The items of the highest numbers, descending.
    pub(crate) top: Vec<(&'a str, Amount)>,
    /// What is counted without a name.
    pub(crate) other: Amount,
    /// Whether the numbers are money.
    pub(crate) is_money: bool,
    /// The currency of the numbers, if they are money.
    pub(crate) currency: &'a str,
    /// The minute that the window ends with.
    pub(crate) as_of: &'a str,
    /// What was summed.
    pub(crate) window: WindowAnswer,
}

impl<'a> Ranked<'a> {
    /// The answer to the call of this ranking.
    pub(crate) fn answer(self, ranking: Ranking) -> Response<Body> {
        let value = |amount: Amount| number(amount, self.is_money);
        let item = self.top.first().map(|(key, _)| ItemId(key));
        let first = value(self.top.first().map_or(Amount::ZERO, |(_, amount)| *amount));
        let top = self.top.iter().map(|(key, amount)| (ItemId(key), value(*amount)));
        let other = other(self.other, self.is_money);
        let Ranked { currency, as_of, window, .. } = self;
        match ranking {
            Ranking::MostViewed => {
                let top = top.map(|(item_id, views)| ViewedItem { item_id, views }).collect();
                let other = other.map(|views| OtherViews { views });
                json(&MostViewed {
                    most_viewed_item: item,
                    views: first,
                    top,
                    other,
                    as_of,
                    window,
                })
            }
            Ranking::TopCarted => {
                let top = top
                    .map(|(item_id, adds_to_cart)| CartedItem { item_id, adds_to_cart })
                    .collect();
                json(&TopCarted {
                    top_item_added_to_cart: item,
                    adds_to_cart: first,
                    top,
                    other: other.map(|adds_to_cart| OtherAdditions { adds_to_cart }),
                    as_of,
                    window,
                })
            }
            Ranking::HighestGrossing => {
                let top =
                    top.map(|(item_id, total_sales)| SoldItem { item_id, total_sales }).collect();
                json(&HighestGrossing {
                    highest_grossing_item: item,
                    total_sales: first,
                    currency,
                    top,
                    other: other.map(|total_sales| OtherSales { total_sales }),
                    as_of,
                    window,
                })
            }
        }
    }
}
