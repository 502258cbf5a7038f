//! Counting, from the object to the rows: everything is counted once, whatever arrives, whatever
//! fails, and whenever it arrives.

pub(crate) mod cases;
pub(crate) mod chunks;
pub(crate) mod exactly_once;
pub(crate) mod files;
pub(crate) mod forms;
pub(crate) mod late;
pub(crate) mod many_attempts;
pub(crate) mod names;
pub(crate) mod odd_input;
pub(crate) mod orders;
pub(crate) mod refused;
pub(crate) mod rollup;
pub(crate) mod sites;
pub(crate) mod upgrades;

/// All tests, by file.
pub(crate) const TESTS: [&[crate::Test]; 19] = [
    cases::TESTS,
    exactly_once::TESTS,
    files::TESTS,
    forms::TESTS,
    late::TESTS,
    many_attempts::TESTS,
    rollup::many_sites::TESTS,
    names::TESTS,
    odd_input::TESTS,
    orders::TESTS,
    orders::exports::TESTS,
    orders::purchases::TESTS,
    orders::refunds::TESTS,
    refused::TESTS,
    rollup::TESTS,
    sites::TESTS,
    sites::quarters::TESTS,
    sites::retention::TESTS,
    upgrades::TESTS,
];
