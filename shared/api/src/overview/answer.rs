//! The answer of `/overview`.

use chrono::DateTime;
use chrono_tz::Tz;
use minutebook_domain::count::amount::Amount;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::answer::{Number, Time, WindowAnswer, number};
use crate::overview::compared::{CompareAnswer, local, window};
use crate::overview::numbers::{Numbers, Overview, Summed};
use crate::overview::query::OverviewQuery;
use crate::overview::series::Series;

/// The numbers of a site in a range of time, beside those of an earlier one.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Overview")]
pub(crate) struct Answer<'a> {
    site_id: &'a str,
    /// The currency of money; that of other currencies is not in it.
    currency: String,
    /// Whose midnights days, weeks and months begin at.
    tz: &'static str,
    /// How long the periods are, by the length of the range.
    #[schemars(extend("enum" = ["hour", "day", "week", "month"]))]
    granularity: &'static str,
    /// What the range is compared with; null if with nothing.
    compare: Option<CompareAnswer>,
    /// The periods of the range, ascending.
    periods: Vec<PeriodAnswer>,
    /// The periods of the range that it is compared with, ascending.
    compared_periods: Option<Vec<ComparedPeriod>>,
    tiles: Tiles,
    /// How many orders of this currency in the range have a line or a refund that does not count;
    /// left out if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Number>")]
    incomplete: Option<Box<RawValue>>,
    /// Where a socket is told what changes; null if that is not possible here.
    live_url: Option<&'a str>,
    /// The minute that the question was asked in.
    #[schemars(with = "Time")]
    as_of: String,
    window: WindowAnswer,
}

/// A period of the range.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OverviewPeriod")]
struct PeriodAnswer {
    /// Its first instant, as the zone's clock shows it.
    #[schemars(with = "Time")]
    from: String,
    /// The first instant after it.
    #[schemars(with = "Time")]
    to: String,
    /// Whether it is not over, so that its numbers still grow.
    running: bool,
}

/// A period of the earlier range.
#[derive(Serialize, JsonSchema)]
struct ComparedPeriod {
    #[schemars(with = "Time")]
    from: String,
    #[schemars(with = "Time")]
    to: String,
}

/// The numbers, by name.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OverviewTiles")]
struct Tiles {
    /// Sales less refunds, by the time of the refund.
    net_revenue: Tile,
    /// What items sold for.
    revenue: Tile,
    /// What was refunded, by the time of the refund.
    refunded: Tile,
    /// Orders placed, of all currencies.
    orders: Tile,
    /// What an order of this currency cost on average; null if there is none.
    avg_order_value: Tile,
    /// Units purchased per view of an item; null if there is no view.
    conversion: Tile,
    /// How many customers had an event of any kind. Those of a range are fewer than those of its
    /// periods together: who comes twice is one.
    visitors: Tile,
    /// Views of items.
    views: Tile,
    /// How often items were added to carts.
    carts: Tile,
    /// How many pieces were purchased.
    units: Tile,
    active_now: ActiveNow,
}

/// A number of the range and of its periods, and of what it is compared with.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OverviewTile")]
struct Tile {
    #[schemars(with = "Option<Number>")]
    value: Option<Box<RawValue>>,
    /// That of the earlier range; null, too, if there is none.
    #[schemars(with = "Option<Number>")]
    compared: Option<Box<RawValue>>,
    #[schemars(with = "Vec<Option<Number>>")]
    series: Vec<Option<Box<RawValue>>>,
    #[schemars(with = "Option<Vec<Option<Number>>>")]
    compared_series: Option<Vec<Option<Box<RawValue>>>>,
}

/// Who is there.
#[derive(Serialize, JsonSchema)]
struct ActiveNow {
    /// How many customers had an event in the last five minutes.
    value: u64,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(
        question: &'a OverviewQuery,
        overview: &Overview,
        live_url: Option<&'a str>,
    ) -> Answer<'a> {
        let compare = question.compared.as_ref();
        let compare = compare.map(|(kind, series)| CompareAnswer::new(*kind, series));
        let last = question.series.len().saturating_sub(1);
        let periods = spans(&question.series).enumerate().map(|(place, (from, to))| PeriodAnswer {
            from,
            to,
            running: question.is_running && place == last,
        });
        let compared_periods = question.compared.as_ref().map(|(_, series)| {
            spans(series).map(|(from, to)| ComparedPeriod { from, to }).collect()
        });
        let incomplete = overview.range.whole.incomplete;
        Answer {
            site_id: question.site_id.as_str(),
            currency: question.currency.to_string(),
            tz: question.zone.name(),
            granularity: question.granularity.as_str(),
            compare,
            periods: periods.collect(),
            compared_periods,
            tiles: Tiles::of(overview),
            incomplete: (incomplete != Amount::ZERO).then(|| number(incomplete, false)),
            live_url,
            as_of: question.as_of.to_string(),
            window: window(&question.series),
        }
    }
}

/// The periods as the zone's clock shows them.
fn spans(series: &Series) -> impl Iterator<Item = (String, String)> {
    series.edges.windows(2).map(|edges: &[DateTime<Tz>]| (local(edges[0]), local(edges[1])))
}

impl Tiles {
    fn of(overview: &Overview) -> Tiles {
        let tile = |is_money, of: fn(&Numbers) -> Option<Amount>| {
            let written = |numbers: &Numbers| of(numbers).map(|amount| number(amount, is_money));
            let all = |summed: &Summed| summed.periods.iter().map(written).collect();
            Tile {
                value: written(&overview.range.whole),
                compared: overview.compared.as_ref().and_then(|summed| written(&summed.whole)),
                series: all(&overview.range),
                compared_series: overview.compared.as_ref().map(all),
            }
        };
        Tiles {
            net_revenue: tile(true, |it| Some(it.sales.saturating_sub(it.refunds))),
            revenue: tile(true, |it| Some(it.sales)),
            refunded: tile(true, |it| Some(it.refunds)),
            orders: tile(false, |it| Some(it.orders)),
            avg_order_value: tile(true, |it| it.gross.per(it.orders_of_currency)),
            conversion: tile(false, |it| it.units.per(it.views)),
            visitors: tile(false, |it| Some(Amount::from_count(it.visitors.counts().visitors))),
            views: tile(false, |it| Some(it.views)),
            carts: tile(false, |it| Some(it.carts)),
            units: tile(false, |it| Some(it.units)),
            active_now: ActiveNow { value: overview.active_now },
        }
    }
}
