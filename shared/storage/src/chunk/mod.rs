//! Chunks in the table: the commit protocol, the commit of a part, the ledger, chunks that are
//! refused, and the totals of all chunks.

pub mod commit;
pub mod file;
pub mod ledger;
mod part;
pub mod refusal;
pub mod sites;
pub mod snapshots;
pub mod totals;
mod visitor_slices;
