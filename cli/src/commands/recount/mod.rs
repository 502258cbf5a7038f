//! `minutebook recount`: counts again, while everything goes on, what is not counted as it should be.

mod arguments;
mod chunks;
mod leftovers;
mod run;
mod secrets;

pub(crate) use arguments::RecountArgs;
pub(crate) use run::run;
