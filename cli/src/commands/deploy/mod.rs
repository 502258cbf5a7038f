//! `minutebook deploy`: creates or updates a stack on AWS and tries it; `minutebook destroy` removes
//! one.

mod arguments;
mod code;
mod destroy;
mod operation;
mod proposal;
mod run;
mod smoke;

pub(crate) use arguments::{DeployArgs, DestroyArgs};
pub(crate) use destroy::run as destroy;
pub(crate) use run::run;
