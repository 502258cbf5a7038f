//! The steps that a cell counts in.

use crate::count::amount::Amount;
use crate::count::measure::Measure;

/// The units of an [`Amount`] in one step of a cell: one for counts, a hundredth for money. Amounts
/// that are not a whole number of steps are stored outside the cell.
#[inline]
pub(super) fn step_units(measure: Measure) -> i128 {
    if measure.is_money() { ONE_STEP / 100 } else { ONE_STEP }
}

pub(super) const ONE_STEP: i128 = Amount::ONE.units();
