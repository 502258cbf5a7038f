//! Chunks in the table: the ledger, the commit of a part, and the totals of all chunks.

pub mod commit;
pub mod ledger;
pub mod totals;
