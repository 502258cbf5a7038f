//! `minutebook recount`: recounts existing chunks without downtime.

mod arguments;
mod chunks;
mod leftovers;
mod run;
mod secrets;

pub(crate) use arguments::RecountArgs;
pub(crate) use run::run;
