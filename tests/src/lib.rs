//! The test harness: the local cloud for the end-to-end tests, and fault injection.
//!
//! The harness does not use the crates that count or store. The oracle and the `minutebook` command
//! check their results from outside.

#![expect(clippy::print_stdout, reason = "a harness reports what it does")]

pub mod binaries;
pub mod clients;
pub mod cloud;
mod container;
pub mod faults;
pub mod http;
pub mod random;
pub mod store;
pub mod worker;
