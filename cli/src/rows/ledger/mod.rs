//! The ledger (docs/TABLE.md), read without the code that writes it.

mod chunk;
mod chunk_id;
mod counts;
mod entry;
pub(super) mod files;
mod wait;

pub(crate) use chunk::{Ledger, read};
pub(crate) use chunk_id::{ChunkIds, object_of, sealed_hour, sealed_hour_chunk_id};
pub(crate) use counts::{Counts, Notes};
#[cfg(test)]
pub(crate) use entry::{EntryName, testing};
pub(crate) use entry::{LedgerEntry, PREFIX, REWRITTEN_AS, Refusal, SITES, Summary};
pub(crate) use files::{are_counted_elsewhere, counted_before};
pub(crate) use wait::{Counted, Ended, Goal, Wait};
