//! Chunks: reads the stored bytes of one into a tally, outcomes and rejected lines.

pub mod id;
pub mod precheck;
pub mod single;
pub mod unpack;

mod count;
mod counter;
pub mod forget;
mod identity;
mod reader;
mod refusal;
mod rejected;
mod seen_ids;
mod settings;
mod split;

pub use count::{
    ChunkCount, OutcomeNotes, Outcomes, TYPE_BYTES_MAX, UNKNOWN_TYPES_MAX, UNKNOWN_TYPES_REPORTED,
    UnknownTypes,
};
pub use id::ContentHash;
pub use reader::{ChunkError, ChunkReader, ORDERS_BYTES_MAX};
pub use refusal::Refusal;
pub use settings::{ChunkSettings, ChunkSites};
pub use split::{event_lines, lines};

#[cfg(test)]
mod tests;
