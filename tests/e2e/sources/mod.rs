//! Events that do not arrive as files: posts and streams.

pub(crate) mod collect;
pub(crate) mod streams;

/// All tests, by file.
pub(crate) const TESTS: [&[crate::Test]; 2] = [collect::TESTS, streams::TESTS];
