//! The answer of `/movers`.

use minutebook_domain::count::amount::Amount;
use minutebook_domain::query::movers::{Mover, Movers};
use minutebook_storage::catalogue::known::Catalogue;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::answer::{ListedItem, Number, Time, WindowAnswer, number};
use crate::movers::query::{Measured, MoversQuery};
use crate::overview::compared::{CompareAnswer, window};

/// The items that rise and fall most.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Movers")]
pub(crate) struct Answer<'a> {
    measure: &'static str,
    site_id: &'a str,
    /// The currency of money.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    tz: &'static str,
    /// What the range is compared with.
    compare: Option<CompareAnswer>,
    /// The items whose numbers rose, the largest change first.
    rising: Vec<MoverAnswer<'a>>,
    /// The items whose numbers fell, the smallest change first.
    falling: Vec<MoverAnswer<'a>>,
    all: AllAnswer,
    /// How much the change of all items counts beside the numbers of one: w in the documentation.
    #[schemars(with = "Number")]
    weight: Box<RawValue>,
    /// What is counted without the names of items, since there were too many of them; left out if
    /// there is nothing. All items include it.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<OtherAnswer>,
    /// The minute that the question was asked in.
    #[schemars(with = "Time")]
    as_of: String,
    window: WindowAnswer,
}

/// An item that moved.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Mover")]
struct MoverAnswer<'a> {
    #[serde(flatten)]
    item: ListedItem<'a>,
    /// Its number in the range.
    #[schemars(with = "Number")]
    value: Box<RawValue>,
    /// Its number in the earlier range.
    #[schemars(with = "Number")]
    compared: Box<RawValue>,
    /// By how much of itself it grew, shrunk towards the change of all items: 0.42 is 42 %.
    #[schemars(with = "Number")]
    change: Box<RawValue>,
}

/// All items together.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AllItems")]
struct AllAnswer {
    #[schemars(with = "Number")]
    value: Box<RawValue>,
    #[schemars(with = "Number")]
    compared: Box<RawValue>,
    #[schemars(with = "Number")]
    change: Box<RawValue>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OtherMovers")]
struct OtherAnswer {
    #[schemars(with = "Number")]
    value: Box<RawValue>,
    #[schemars(with = "Number")]
    compared: Box<RawValue>,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(
        question: &'a MoversQuery,
        (movers, catalogue): (&Movers<'a>, &'a Catalogue),
        weight: Amount,
        (other, other_before): (Amount, Amount),
    ) -> Answer<'a> {
        let range = &question.range;
        let is_money = question.measured == Measured::Sales;
        let amount = |amount| number(amount, is_money);
        let all = |movers: &[Mover<'a>]| {
            let answer = |mover: &Mover<'a>| MoverAnswer {
                item: ListedItem::of(mover.key, catalogue),
                value: amount(mover.value),
                compared: amount(mover.compared),
                change: number(mover.change, false),
            };
            movers.iter().map(answer).collect()
        };
        let has_other = other != Amount::ZERO || other_before != Amount::ZERO;
        Answer {
            measure: question.measured.as_str(),
            site_id: range.site_id.as_str(),
            currency: is_money.then(|| range.currency.to_string()),
            tz: range.zone.name(),
            compare: range.compared.as_ref().map(|(kind, it)| CompareAnswer::new(*kind, it)),
            rising: all(&movers.rising),
            falling: all(&movers.falling),
            all: AllAnswer {
                value: amount(movers.of_all.value),
                compared: amount(movers.of_all.compared),
                change: number(movers.of_all.change, false),
            },
            weight: amount(weight),
            other: has_other
                .then(|| OtherAnswer { value: amount(other), compared: amount(other_before) }),
            as_of: range.as_of.to_string(),
            window: window(&range.series),
        }
    }
}
