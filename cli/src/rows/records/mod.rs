//! What functions and commands record of their own work: one row each.

pub(super) mod lag;
pub(crate) mod proofs;
