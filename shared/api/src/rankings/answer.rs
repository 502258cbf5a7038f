//! The answers of the rankings, each with its members in the order in which they are written.

use lambda_http::{Body, Response};
use minutebook_domain::count::amount::Amount;
use minutebook_storage::catalogue::known::Catalogue;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::answer::{ItemId, ListedItem, Number, Time, WindowAnswer, number, other};
use crate::http::response::json;
use crate::rankings::groups::Groups;
use crate::rankings::query::{By, Ranking, RankingQuery};

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
    #[serde(flatten)]
    compared: ComparedWindow,
}

#[derive(Serialize, JsonSchema)]
struct OtherViews {
    #[schemars(with = "Number")]
    views: Box<RawValue>,
}

#[derive(Serialize, JsonSchema)]
struct ViewedItem<'a> {
    #[serde(flatten)]
    item: ListedItem<'a>,
    #[schemars(with = "Number")]
    views: Box<RawValue>,
    #[serde(flatten)]
    compared: ComparedNumber,
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
    #[serde(flatten)]
    compared: ComparedWindow,
}

#[derive(Serialize, JsonSchema)]
struct OtherAdditions {
    #[schemars(with = "Number")]
    adds_to_cart: Box<RawValue>,
}

#[derive(Serialize, JsonSchema)]
struct CartedItem<'a> {
    #[serde(flatten)]
    item: ListedItem<'a>,
    #[schemars(with = "Number")]
    adds_to_cart: Box<RawValue>,
    #[serde(flatten)]
    compared: ComparedNumber,
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
    #[serde(flatten)]
    compared: ComparedWindow,
}

#[derive(Serialize, JsonSchema)]
struct OtherSales {
    #[schemars(with = "Number")]
    total_sales: Box<RawValue>,
}

#[derive(Serialize, JsonSchema)]
struct SoldItem<'a> {
    #[serde(flatten)]
    item: ListedItem<'a>,
    #[schemars(with = "Number")]
    total_sales: Box<RawValue>,
    #[serde(flatten)]
    compared: ComparedNumber,
}

/// What a number is compared with.
#[derive(Default, Serialize, JsonSchema)]
struct ComparedNumber {
    /// The same in the window that it is compared with; left out if with none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Number>")]
    compared: Option<Box<RawValue>>,
}

/// What a window is compared with.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct ComparedWindow {
    /// The window that numbers are compared with; left out if with none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compared_window: Option<WindowAnswer>,
}

/// The items with the highest numbers, or the groups of them.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(crate) enum ItemsOrGroups<'a, Items> {
    Items(Items),
    Groups(RankedGroups<'a>),
}

/// The categories or brands whose items have the highest numbers together.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RankedGroups<'a> {
    /// What the entries are.
    #[schemars(extend("enum" = ["category", "brand"]))]
    by: &'static str,
    /// The currency of all amounts; only of sales.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    /// The groups with the highest numbers, in their order.
    top: Vec<Group<'a>>,
    /// The number of the items that the catalogue puts into no group; left out if it is zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    ungrouped: Option<GroupNumber>,
    /// What is counted without the names of items, since there were too many of them; left out if
    /// there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<GroupNumber>,
    /// The minute that the window ends with.
    #[schemars(with = "Time")]
    as_of: &'a str,
    window: WindowAnswer,
    #[serde(flatten)]
    compared: ComparedWindow,
}

/// A category or a brand.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RankedGroup")]
struct Group<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    brand: Option<&'a str>,
    #[serde(flatten)]
    number: GroupNumber,
    #[serde(flatten)]
    compared: ComparedNumber,
}

/// The number that is ranked by; it has the same name as that of an item.
#[derive(Default, Serialize, JsonSchema)]
struct GroupNumber {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Number>")]
    views: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Number>")]
    adds_to_cart: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Number>")]
    total_sales: Option<Box<RawValue>>,
}

/// What the answers to a ranking have, whatever they list.
pub(crate) struct Ranked<'a> {
    pub(crate) ranking: Ranking,
    /// What is counted without a name.
    pub(crate) other: Amount,
    /// The currency of the numbers, if they are money.
    pub(crate) currency: &'a str,
    /// The minute that the window ends with.
    pub(crate) as_of: &'a str,
    /// What was summed.
    pub(crate) window: WindowAnswer,
    /// What that is compared with.
    pub(crate) compared: ComparedWindow,
}

impl<'a> Ranked<'a> {
    fn is_money(&self) -> bool {
        self.ranking == Ranking::HighestGrossing
    }

    /// The answer that lists items, each with what it is compared with, if with anything.
    pub(crate) fn items(
        self,
        top: &[(&'a str, Amount)],
        compared: impl Fn(&str) -> Option<Amount>,
        catalogue: &'a Catalogue,
    ) -> Response<Body> {
        let is_money = self.is_money();
        let first = top.first().map(|(key, _)| ItemId(key));
        let number_of_first = number(top.first().map_or(Amount::ZERO, |(_, it)| *it), is_money);
        let top = top.iter().map(|(key, amount)| {
            let compared = compared(key).map(|amount| number(amount, is_money));
            let item = ListedItem::of(key, catalogue);
            (item, number(*amount, is_money), ComparedNumber { compared })
        });
        let other = other(self.other, is_money);
        let Ranked { ranking, currency, as_of, window, compared, .. } = self;
        match ranking {
            Ranking::MostViewed => {
                let entry = |(item, views, compared)| ViewedItem { item, views, compared };
                json(&ItemsOrGroups::Items(MostViewed {
                    most_viewed_item: first,
                    views: number_of_first,
                    top: top.map(entry).collect(),
                    other: other.map(|views| OtherViews { views }),
                    as_of,
                    window,
                    compared,
                }))
            }
            Ranking::TopCarted => {
                let entry =
                    |(item, adds_to_cart, compared)| CartedItem { item, adds_to_cart, compared };
                json(&ItemsOrGroups::Items(TopCarted {
                    top_item_added_to_cart: first,
                    adds_to_cart: number_of_first,
                    top: top.map(entry).collect(),
                    other: other.map(|adds_to_cart| OtherAdditions { adds_to_cart }),
                    as_of,
                    window,
                    compared,
                }))
            }
            Ranking::HighestGrossing => {
                let entry =
                    |(item, total_sales, compared)| SoldItem { item, total_sales, compared };
                json(&ItemsOrGroups::Items(HighestGrossing {
                    highest_grossing_item: first,
                    total_sales: number_of_first,
                    currency,
                    top: top.map(entry).collect(),
                    other: other.map(|total_sales| OtherSales { total_sales }),
                    as_of,
                    window,
                    compared,
                }))
            }
        }
    }

    /// The answer that lists categories or brands.
    pub(crate) fn groups(
        self,
        groups: &Groups<'a>,
        compared: Option<&Groups<'_>>,
        question: &RankingQuery,
    ) -> Response<Body> {
        let is_money = self.is_money();
        let of_group = |amount| GroupNumber::of(self.ranking, amount);
        let some = |amount: Amount| (amount != Amount::ZERO).then(|| of_group(amount));
        let name_of = |by, name| (question.by == by).then_some(name);
        let group = |(name, amount)| Group {
            category: name_of(By::Category, name),
            brand: name_of(By::Brand, name),
            number: of_group(amount),
            compared: ComparedNumber {
                compared: compared.map(|groups| number(groups.of_name(name), is_money)),
            },
        };
        let answer: ItemsOrGroups<'_, ()> = ItemsOrGroups::Groups(RankedGroups {
            by: question.by.as_str(),
            currency: is_money.then_some(self.currency),
            top: groups.top(question.limit).into_iter().map(group).collect(),
            ungrouped: some(groups.ungrouped),
            other: some(self.other),
            as_of: self.as_of,
            window: self.window,
            compared: self.compared,
        });
        json(&answer)
    }
}

impl GroupNumber {
    fn of(ranking: Ranking, amount: Amount) -> GroupNumber {
        let none = GroupNumber::default();
        match ranking {
            Ranking::MostViewed => GroupNumber { views: Some(number(amount, false)), ..none },
            Ranking::TopCarted => GroupNumber { adds_to_cart: Some(number(amount, false)), ..none },
            Ranking::HighestGrossing => {
                GroupNumber { total_sales: Some(number(amount, true)), ..none }
            }
        }
    }
}
