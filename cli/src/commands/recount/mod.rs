//! `minutebook recount`: recounts what is not counted as it should be, without downtime.

mod arguments;
mod chunks;
mod leftovers;
mod run;
mod secrets;

pub(crate) use arguments::RecountArgs;
pub(crate) use run::run;
