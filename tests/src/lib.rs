//! The harness: the local cloud that the end-to-end tests run on, and the faults that they make.
//!
//! None of the crates that count or store is used here: what they do is judged from outside, by the
//! oracle and by the `minutebook` command.

#![expect(clippy::print_stdout, reason = "a harness tells its user what it does")]

pub mod binaries;
pub mod clients;
pub mod cloud;
mod container;
pub mod faults;
pub mod http;
pub mod random;
pub mod store;
pub mod worker;
