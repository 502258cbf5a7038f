//! The numbers of an overview: read once for all periods, and added up.

use chrono::{DateTime, Utc};
use futures::future::try_join3;
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::{Currency, Measure};
use minutebook_domain::count::visitors::Visitors;
use minutebook_domain::order::contribution::{COUNT, GROSS, INCOMPLETE};
use minutebook_domain::query::window::{Window, WindowLength, parts};
use minutebook_domain::time::QuarterHours;
use minutebook_storage::error::StorageError;
use minutebook_storage::reader::SumQuestion;
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::reader::totals::{Total, total_windows};
use minutebook_storage::visitors::VisitorStateSource;

use crate::backend::{Backend, VisitorWindows};
use crate::overview::query::OverviewQuery;

/// What is counted in a window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    pub(crate) views: Amount,
    pub(crate) carts: Amount,
    pub(crate) units: Amount,
    pub(crate) sales: Amount,
    pub(crate) refunds: Amount,
    /// Orders of all currencies.
    pub(crate) orders: Amount,
    /// Orders of the currency of the answer, and what they cost.
    pub(crate) orders_of_currency: Amount,
    pub(crate) gross: Amount,
    /// Those of the currency that have a line or a refund that does not count.
    pub(crate) incomplete: Amount,
    pub(crate) visitors: Visitors,
}

/// The numbers of a range and of each of its periods.
pub(crate) struct Summed {
    pub(crate) whole: Numbers,
    pub(crate) periods: Vec<Numbers>,
}

/// All numbers of an overview.
pub(crate) struct Overview {
    pub(crate) range: Summed,
    pub(crate) compared: Option<Summed>,
    pub(crate) active_now: u64,
}

/// The keys of the value of orders that are summed.
const KEYS: [&str; 3] = [COUNT, GROSS, INCOMPLETE];

impl Numbers {
    /// What they are summed from, in the order that [`Numbers::add`] takes.
    fn measures(currency: Currency) -> [Measure; 7] {
        [
            Measure::Views,
            Measure::Carts,
            Measure::Units,
            Measure::Sales(currency),
            Measure::Refunds(currency),
            Measure::Orders,
            Measure::OrderValue(currency),
        ]
    }

    fn add(&mut self, part: &Numbers) {
        let add = |sum: &mut Amount, amount: Amount| *sum = sum.saturating_add(amount);
        add(&mut self.views, part.views);
        add(&mut self.carts, part.carts);
        add(&mut self.units, part.units);
        add(&mut self.sales, part.sales);
        add(&mut self.refunds, part.refunds);
        add(&mut self.orders, part.orders);
        add(&mut self.orders_of_currency, part.orders_of_currency);
        add(&mut self.gross, part.gross);
        add(&mut self.incomplete, part.incomplete);
        self.visitors.merge(&part.visitors);
    }

    /// The numbers from the totals of all measures.
    fn of(totals: &[&Total], visitors: Visitors) -> Numbers {
        let of_all = |measure: usize| totals.get(measure).map(|total| total.of_all);
        let of_all = |measure| of_all(measure).unwrap_or_default();
        let of_key = |key: usize| {
            let sum = totals.get(6).and_then(|total| total.of_keys.get(key));
            sum.copied().unwrap_or_default()
        };
        Numbers {
            views: of_all(0),
            carts: of_all(1),
            units: of_all(2),
            sales: of_all(3),
            refunds: of_all(4),
            orders: of_all(5),
            orders_of_currency: of_key(0),
            gross: of_key(1),
            incomplete: of_key(2),
            visitors,
        }
    }
}

/// Reads the numbers. A range may overlap with the one that it is compared with, so both are cut
/// into parts, of which each is read once.
///
/// # Errors
/// [`StorageError`]; see [`StorageError::is_retryable`].
pub(crate) async fn read<R: RowSource + VisitorStateSource, Q: Sync>(
    backend: &Backend<R, Q>,
    question: &OverviewQuery,
    quarter_hours: &QuarterHours,
    now: DateTime<Utc>,
) -> Result<Overview, StorageError> {
    let site = question.site_id.as_str();
    let compared = question.compared.as_ref().map(|(_, series)| series);
    let range: Vec<Window> = question.series.windows().collect();
    let earlier: Vec<Window> = compared.iter().flat_map(|series| series.windows()).collect();
    let parts = parts(&[&range, &earlier]);
    let measures = Numbers::measures(question.currency);
    let sum_question = SumQuestion {
        site,
        measures: &measures,
        key: None,
        windows: &parts,
        now,
        retention: backend.retention,
        quarter_hours,
    };
    let active = Window::ending_with(question.as_of, WindowLength::FIVE_MINUTES);
    let (totals, visitors, active) = try_join3(
        total_windows(&backend.rows, &sum_question, &KEYS),
        backend.visitors(
            site,
            VisitorWindows { windows: &parts, quarter_hours, by_stage: false },
            now,
        ),
        backend.count_visitors(site, active, now),
    )
    .await?;
    let numbers: Vec<Numbers> = visitors
        .into_iter()
        .enumerate()
        .map(|(part, visitors)| {
            let of_part: Vec<&Total> = totals.iter().skip(part).step_by(parts.len()).collect();
            Numbers::of(&of_part, visitors)
        })
        .collect();
    let summed = |windows: &[Window]| summed(windows, &parts, &numbers);
    Ok(Overview {
        range: summed(&range),
        compared: compared.map(|_| summed(&earlier)),
        active_now: active.visitors,
    })
}

fn summed(windows: &[Window], parts: &[Window], numbers: &[Numbers]) -> Summed {
    let mut whole = Numbers::default();
    let periods = windows.iter().map(|window| {
        let mut period = Numbers::default();
        let within = parts.iter().zip(numbers).filter(|(part, _)| window.contains(**part));
        within.for_each(|(_, numbers)| period.add(numbers));
        whole.add(&period);
        period
    });
    let periods = periods.collect();
    Summed { whole, periods }
}
