//! `minutebook forget`: removes a person from raw objects, rejected lines and the table, while all
//! numbers stay.

mod arguments;
mod journal;
mod ledger;
mod objects;
mod orders;
mod plan;
mod rejected;
mod replacement;
mod run;
mod site;

pub(crate) use arguments::ForgetArgs;
pub(crate) use run::run;
