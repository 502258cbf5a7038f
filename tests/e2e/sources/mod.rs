//! Events that do not come as files: posts and streams.

pub(crate) mod collect;
pub(crate) mod streams;

/// All of them, file by file.
pub(crate) const TESTS: [&[crate::Test]; 2] = [collect::TESTS, streams::TESTS];
