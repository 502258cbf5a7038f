//! What functions and commands record of their own work: one row each.

pub(crate) mod catalogues;
pub(crate) mod connections;
pub(crate) mod lag;
pub(crate) mod proofs;
