//! The answer of `/history`.

use chrono::{DateTime, Utc};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::series::CalendarPeriod;
use minutebook_domain::query::window::{Precision, Window};
use minutebook_domain::time::Minute;
use minutebook_storage::catalogue::known::Catalogue;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::history::query::HistoryQuery;
use crate::http::answer::{ItemId, ListedItem, Number, Time, WindowAnswer, number, other};
use crate::http::basis::Basis;
use crate::overview::compared::{CompareAnswer, local};

/// A page of the series of a measure.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "History")]
pub(crate) struct Answer<'a> {
    measure: &'static str,
    #[schemars(extend("enum" = ["minute", "hour", "day", "week", "month"]))]
    granularity: &'static str,
    /// Whose midnights days, weeks and months begin at.
    tz: &'static str,
    site_id: &'a str,
    /// The requested item.
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<ItemId<'a>>,
    /// The currency of money.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// By which time refunds are counted; of refunds and net sales only.
    #[serde(skip_serializing_if = "Option::is_none")]
    basis: Option<Basis>,
    /// What the periods are compared with; left out if with nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    compare: Option<CompareAnswer>,
    /// The periods, ascending; those in which nothing was counted are there with zeros.
    periods: Vec<PeriodAnswer<'a>>,
    /// The minute that the question was asked in.
    #[schemars(with = "Time")]
    as_of: String,
    window: WindowAnswer,
    /// What asks for the next page; null if this is the last.
    next_cursor: Option<&'a str>,
}

/// A minute, hour, day, week or month.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CalendarPeriod")]
struct PeriodAnswer<'a> {
    /// Its first instant, as the zone's clock shows it.
    #[schemars(with = "Time")]
    from: String,
    /// The first instant after it.
    #[schemars(with = "Time")]
    to: String,
    #[schemars(with = "Number")]
    total: Box<RawValue>,
    /// What it is compared with; left out if with nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<ComparedAnswer>,
    /// The items of the highest totals; omitted if one item was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    top: Option<Vec<TopItem<'a>>>,
    /// What is counted without the names of items, since there were too many of them; left out if
    /// there is nothing. The total of all items includes it, that of one item does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<OtherItems>,
    /// Whether it is not over, so that its numbers still grow.
    running: bool,
}

/// The period that another one is compared with.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ComparedTotal")]
struct ComparedAnswer {
    /// Its first instant, as the zone's clock shows it.
    #[schemars(with = "Time")]
    from: String,
    /// The first instant after it or, if the other one runs, as much of it as has passed there.
    #[schemars(with = "Time")]
    to: String,
    #[schemars(with = "Number")]
    total: Box<RawValue>,
}

#[derive(Serialize, JsonSchema)]
struct OtherItems {
    #[schemars(with = "Number")]
    total: Box<RawValue>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PeriodItem")]
struct TopItem<'a> {
    #[serde(flatten)]
    item: ListedItem<'a>,
    #[schemars(with = "Number")]
    total: Box<RawValue>,
}

/// The items that each period lists, with their totals; none if one item was requested.
pub(crate) struct Listed<'a>(Vec<Vec<(&'a str, Amount)>>);

impl<'a> Listed<'a> {
    pub(crate) fn of(question: &HistoryQuery<'_>, sums: &'a [Sums]) -> Listed<'a> {
        match question.item_id {
            Some(_) => Listed(Vec::new()),
            None => Listed(sums.iter().map(|sums| sums.top(question.limit)).collect()),
        }
    }

    /// The items, some of them several times.
    pub(crate) fn items(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().flatten().map(|(key, _)| *key)
    }
}

impl<'a> Answer<'a> {
    pub(crate) fn new(
        question: &'a HistoryQuery<'_>,
        sums: &'a [Sums],
        (listed, catalogue): (&Listed<'a>, &'a Catalogue),
        compared: &[Amount],
        now: DateTime<Utc>,
    ) -> Answer<'a> {
        let measure = question.measure;
        let is_money = measure.currency().is_some();
        let series = question.compared.as_ref().map(|(_, series)| series);
        let compared = |place: usize| {
            let edges = series?.edges.get(place..place + 2)?;
            Some(ComparedAnswer {
                from: local(*edges.first()?),
                to: local(*edges.last()?),
                total: number(*compared.get(place)?, is_money),
            })
        };
        let periods: Vec<PeriodAnswer<'_>> = question
            .periods
            .iter()
            .zip(sums)
            .enumerate()
            .map(|(place, (period, sums))| PeriodAnswer {
                from: local(period.start),
                to: local(period.end),
                total: number(total(question, sums), is_money),
                compared: compared(place),
                top: listed.0.get(place).map(|top| items(top, catalogue, is_money)),
                other: other(sums.of_other(), is_money).map(|total| OtherItems { total }),
                running: period.counts(now),
            })
            .collect();
        Answer {
            measure: measure.name(),
            granularity: question.calendar.granularity.as_str(),
            tz: question.calendar.zone.name(),
            site_id: question.site_id.as_str(),
            item_id: question.item_id.as_deref().map(ItemId),
            currency: measure.currency().map(|currency| currency.to_string()),
            basis: measure.basis(),
            compare: question
                .compared
                .as_ref()
                .map(|(kind, series)| CompareAnswer::new(*kind, series)),
            periods,
            as_of: question.as_of.to_string(),
            window: window(&question.periods),
            next_cursor: question.next_cursor.as_deref(),
        }
    }
}

/// The total of the requested item, or of all items.
pub(crate) fn total(question: &HistoryQuery<'_>, sums: &Sums) -> Amount {
    question.item_id.as_deref().map_or_else(|| sums.total(), |item_id| sums.of(item_id))
}

fn items<'a>(
    top: &[(&'a str, Amount)],
    catalogue: &'a Catalogue,
    is_money: bool,
) -> Vec<TopItem<'a>> {
    let item = |(key, amount): &(&'a str, Amount)| TopItem {
        item: ListedItem::of(key, catalogue),
        total: number(*amount, is_money),
    };
    top.iter().map(item).collect()
}

/// What the page sums.
pub(crate) fn window(periods: &[CalendarPeriod]) -> WindowAnswer {
    let precision = if periods.iter().all(CalendarPeriod::is_exact) {
        Precision::Minute
    } else {
        Precision::Hour
    };
    // A page has one period at least.
    let from = periods.first().map_or(Minute::EPOCH, |first| first.window.from);
    let to = periods.last().map_or(Minute::EPOCH, |last| last.window.to);
    WindowAnswer::new(Window { from, to }, precision)
}
