//! The answer of `/funnel`.

use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::stages::Stage;
use minutebook_domain::count::visitors::{VisitorCounts, Visitors};
use minutebook_domain::query::movers::{Mover, Movers};
use minutebook_domain::query::ranking::Sums;
use minutebook_storage::catalogue::known::Catalogue;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::funnel::query::FunnelQuery;
use crate::http::answer::{ListedItem, Number, Time, WindowAnswer, number};

/// The name of the first stage, that of all visitors.
const VIEWED: &str = "viewed";

/// Up to so many visitors or sessions, their number is exact; beyond, 19 of 20 are within the error.
const EXACT_MAX: u64 = 1_500;
const ERROR: f64 = 0.016;

/// How far the visitors of a site got, and where its items lose them.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Funnel")]
pub(crate) struct Answer<'a> {
    site_id: &'a str,
    tz: &'static str,
    /// The stages, each with those that reached it: had an event of it or of a later one.
    stages: Vec<StageAnswer>,
    /// Whether all visitors were counted by stage. A build from before there were stages has not, so
    /// that some may be missing from all but the first.
    stages_complete: bool,
    /// By how much of itself a number of visitors or sessions may be wrong in 19 of 20 answers; 0 if
    /// all are exact.
    error: f64,
    /// The step that the items are listed by.
    #[schemars(extend("enum" = ["whole", "cart", "checkout", "purchase"]))]
    step: &'static str,
    /// The items that lose most in this step, the largest drop-off first.
    items: Vec<ItemAnswer<'a>>,
    all: AllAnswer,
    /// How much the drop-off of all items counts beside the numbers of one: w in the documentation.
    weight: u32,
    /// What is counted without the names of items, since there were too many of them; left out if
    /// there is nothing. All items include it.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<NumbersAnswer>,
    /// The minute that the question was asked in.
    #[schemars(with = "Time")]
    as_of: String,
    window: WindowAnswer,
}

/// A stage of the funnel.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FunnelStage")]
struct StageAnswer {
    #[schemars(extend("enum" = ["viewed", "carted", "began_checkout", "bought"]))]
    stage: &'static str,
    visitors: ReachedAnswer,
    sessions: ReachedAnswer,
}

/// How many reached a stage.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Reached")]
struct ReachedAnswer {
    count: u64,
    /// Their share of those that reached the stage before; null if nobody did.
    #[schemars(with = "Option<Number>")]
    of_previous: Option<Box<RawValue>>,
    /// Their share of those of the first stage; null if there are none.
    #[schemars(with = "Option<Number>")]
    of_viewed: Option<Box<RawValue>>,
}

/// What is counted of items at each stage.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FunnelNumbers")]
struct NumbersAnswer {
    #[schemars(with = "Number")]
    views: Box<RawValue>,
    #[schemars(with = "Number")]
    adds_to_cart: Box<RawValue>,
    #[schemars(with = "Number")]
    checkouts: Box<RawValue>,
    #[schemars(with = "Number")]
    units: Box<RawValue>,
}

/// An item that loses.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FunnelItem")]
struct ItemAnswer<'a> {
    #[serde(flatten)]
    item: ListedItem<'a>,
    #[serde(flatten)]
    numbers: NumbersAnswer,
    /// How much of what the step starts from it loses, shrunk towards what all items lose: 0.42 is
    /// 42 %.
    #[schemars(with = "Number")]
    drop_off: Box<RawValue>,
}

/// All items together.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FunnelOfAllItems")]
struct AllAnswer {
    #[serde(flatten)]
    numbers: NumbersAnswer,
    #[schemars(with = "Number")]
    drop_off: Box<RawValue>,
}

/// The sums of the measures of items, in the order of the funnel.
pub(crate) struct ItemSums {
    pub(crate) views: Sums,
    pub(crate) carts: Sums,
    pub(crate) checkouts: Sums,
    pub(crate) units: Sums,
}

impl ItemSums {
    fn numbers(&self, of: impl Fn(&Sums) -> Amount) -> NumbersAnswer {
        let count = |sums: &Sums| number(of(sums), false);
        NumbersAnswer {
            views: count(&self.views),
            adds_to_cart: count(&self.carts),
            checkouts: count(&self.checkouts),
            units: count(&self.units),
        }
    }

    fn has_other(&self) -> bool {
        let all = [&self.views, &self.carts, &self.checkouts, &self.units];
        all.iter().any(|sums| sums.of_other() != Amount::ZERO)
    }
}

impl<'a> Answer<'a> {
    pub(crate) fn new(
        question: &'a FunnelQuery,
        visitors: &Visitors,
        sums: &ItemSums,
        (movers, catalogue): (&Movers<'a>, &'a Catalogue),
        weight: u32,
    ) -> Answer<'a> {
        let funnel = visitors.funnel();
        let is_exact = funnel.iter().all(|VisitorCounts { visitors, sessions }| {
            *visitors <= EXACT_MAX && *sessions <= EXACT_MAX
        });
        let item = |mover: &Mover<'a>| ItemAnswer {
            item: ListedItem::of(mover.key, catalogue),
            numbers: sums.numbers(|sums| sums.of(mover.key)),
            drop_off: drop_off(mover),
        };
        Answer {
            site_id: question.site_id.as_str(),
            tz: question.zone.name(),
            stages: stages(&funnel),
            stages_complete: visitors.stages.are_complete,
            error: if is_exact { 0.0 } else { ERROR },
            step: question.step.as_str(),
            items: movers.falling.iter().map(item).collect(),
            all: AllAnswer {
                numbers: sums.numbers(Sums::total),
                drop_off: drop_off(&movers.of_all),
            },
            weight,
            other: sums.has_other().then(|| sums.numbers(Sums::of_other)),
            as_of: question.as_of.to_string(),
            window: WindowAnswer::new(question.window, question.precision),
        }
    }
}

/// What is lost of a number from one stage to another is by how much it falls.
fn drop_off(mover: &Mover<'_>) -> Box<RawValue> {
    number(Amount::ZERO.saturating_sub(mover.change), false)
}

fn stages(funnel: &[VisitorCounts; Stage::ALL.len() + 1]) -> Vec<StageAnswer> {
    let names = [VIEWED].into_iter().chain(Stage::ALL.into_iter().map(Stage::as_str));
    let mut before = None;
    let stages = names.zip(funnel).map(|(stage, counts)| {
        let reached = |count: fn(&VisitorCounts) -> u64| {
            let ratio = |of: &VisitorCounts| {
                let ratio = Amount::from_count(count(counts)).per(Amount::from_count(count(of)));
                ratio.map(|ratio| number(ratio, false))
            };
            ReachedAnswer {
                count: count(counts),
                of_previous: before.and_then(ratio),
                of_viewed: ratio(&funnel[0]),
            }
        };
        let stage = StageAnswer {
            stage,
            visitors: reached(|counts| counts.visitors),
            sessions: reached(|counts| counts.sessions),
        };
        before = Some(counts);
        stage
    });
    stages.collect()
}
