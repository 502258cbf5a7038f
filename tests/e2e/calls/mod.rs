//! Compares the answers of the API calls with an oracle, the API description and docs/API.md.

pub(crate) mod access;
pub(crate) mod api;
pub(crate) mod asking;
pub(crate) mod catalogue;
pub(crate) mod contract;
pub(crate) mod funnel;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod items;
pub(crate) mod live;
pub(crate) mod orders;
pub(crate) mod overview;
pub(crate) mod queries;
pub(crate) mod reconcile;
pub(crate) mod stats;
pub(crate) mod units;

/// All tests, by file.
pub(crate) const TESTS: [&[crate::Test]; 19] = [
    access::keys::TESTS,
    access::origins::TESTS,
    access::tokens::TESTS,
    api::TESTS,
    catalogue::TESTS,
    contract::TESTS,
    funnel::TESTS,
    health::TESTS,
    history::TESTS,
    items::TESTS,
    live::TESTS,
    live::prometheus::TESTS,
    orders::TESTS,
    overview::TESTS,
    overview::movers::TESTS,
    queries::TESTS,
    reconcile::TESTS,
    stats::TESTS,
    units::TESTS,
];
