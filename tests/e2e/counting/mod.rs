//! What is counted, from the object to the rows: once, whatever comes, whatever goes wrong, and
//! whenever it comes.

pub(crate) mod chunks;
pub(crate) mod exactly_once;
pub(crate) mod forms;
pub(crate) mod late;
pub(crate) mod many_attempts;
pub(crate) mod odd_input;
pub(crate) mod orders;
pub(crate) mod rollup;

/// All of them, file by file.
pub(crate) const TESTS: [&[crate::Test]; 7] = [
    exactly_once::TESTS,
    forms::TESTS,
    late::TESTS,
    many_attempts::TESTS,
    odd_input::TESTS,
    orders::TESTS,
    rollup::TESTS,
];
