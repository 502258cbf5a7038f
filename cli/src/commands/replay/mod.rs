//! `minutebook replay`: sends objects and dead letters through ingest again, which adds only what
//! is not counted yet.

mod arguments;
mod forecast;
mod report;
mod run;

pub(crate) use arguments::ReplayArgs;
pub(crate) use run::{reasons_of_dead_letters, run};
