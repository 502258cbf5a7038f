//! The steps that a cell counts in.

use crate::count::amount::Amount;
use crate::count::measure::Measure;

/// The units of an [`Amount`] in one step of a cell: one for counts, a hundredth for money. Amounts
/// that are not a whole number of steps are stored outside the cell.
#[inline]
pub(super) fn step_units(measure: Measure) -> i128 {
    match measure {
        Measure::Sales(_)
        | Measure::Refunds(_)
        | Measure::OrderValue(_)
        | Measure::OrderedValue(_) => ONE_STEP / 100,
        Measure::Views
        | Measure::Carts
        | Measure::Removals
        | Measure::Units
        | Measure::Pages
        | Measure::Orders
        | Measure::Ordered => ONE_STEP,
    }
}

pub(super) const ONE_STEP: i128 = Amount::ONE.units();
