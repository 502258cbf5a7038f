//! Streams in the bucket: the extents of each partition that are stored.

pub mod extents;
