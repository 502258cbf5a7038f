//! Streams in the bucket: which extents of a partition are stored.

pub mod extents;
pub mod offset;
