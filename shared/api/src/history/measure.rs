//! What a history counts, and what that is summed from.

use minutebook_domain::count::measure::{Currency, Measure};

use crate::http::basis::Basis;

/// What a history counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum HistoryMeasure {
    /// A measure, as it is counted.
    Counted(Measure),
    /// What was refunded.
    Refunds(Currency, Basis),
    /// Sales less what was refunded.
    NetSales(Currency, Basis),
}

impl HistoryMeasure {
    /// What it is summed from: the sums of the first less those of the others, if it is net, or with
    /// them.
    pub(crate) fn summed(self) -> Vec<Measure> {
        let refunds = |currency, basis| {
            let moved = (basis == Basis::Order).then_some(Measure::RefundsMoved(currency));
            std::iter::once(Measure::Refunds(currency)).chain(moved)
        };
        match self {
            HistoryMeasure::Counted(measure) => vec![measure],
            HistoryMeasure::Refunds(currency, basis) => refunds(currency, basis).collect(),
            HistoryMeasure::NetSales(currency, basis) => {
                std::iter::once(Measure::Sales(currency)).chain(refunds(currency, basis)).collect()
            }
        }
    }

    pub(crate) fn is_net(self) -> bool {
        matches!(self, HistoryMeasure::NetSales(..))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            HistoryMeasure::Counted(measure) => measure.name(),
            HistoryMeasure::Refunds(..) => "refunds",
            HistoryMeasure::NetSales(..) => "net_sales",
        }
    }

    /// The currency of money.
    pub(crate) fn currency(self) -> Option<Currency> {
        match self {
            HistoryMeasure::Counted(measure) => measure.currency(),
            HistoryMeasure::Refunds(currency, _) | HistoryMeasure::NetSales(currency, _) => {
                Some(currency)
            }
        }
    }

    /// By which time refunds are counted, if they are.
    pub(crate) fn basis(self) -> Option<Basis> {
        match self {
            HistoryMeasure::Counted(_) => None,
            HistoryMeasure::Refunds(_, basis) | HistoryMeasure::NetSales(_, basis) => Some(basis),
        }
    }
}
