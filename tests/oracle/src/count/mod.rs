//! Counting: chunks, orders and visitors, and their sums beside those of the table.

pub(crate) mod comparison;
pub(crate) mod key;
pub(crate) mod names;
pub(crate) mod order_tallies;
pub(crate) mod orders;
pub(crate) mod other;
pub(crate) mod recount;
pub(crate) mod refunds;
pub(crate) mod roll_up;
pub(crate) mod sum;
pub(crate) mod totals;
pub(crate) mod visitors;
