//! Chunks: reads the stored bytes of one into tallies, outcomes and rejected lines.

pub mod id;
pub mod lines;
pub mod precheck;
pub mod single;
pub mod unpack;

mod count;

pub use count::{
    ChunkCount, ChunkError, ChunkReader, ChunkSettings, ContentHash, ORDERS_BYTES_MAX, Outcomes,
};
