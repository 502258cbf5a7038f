//! The buckets: chunks are read from and stored in one, rejected lines in another.

pub mod read;
pub mod rejected;
pub mod retention;
pub mod store;
