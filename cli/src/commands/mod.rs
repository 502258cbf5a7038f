//! One module for each command: its arguments and `run`. `watch` is `up --watch`, and `clock` reads
//! the times of flags.

pub(crate) mod catalogue;
pub(crate) mod check;
pub(crate) mod clock;
pub(crate) mod demo;
pub(crate) mod deploy;
pub(crate) mod doctor;
pub(crate) mod down;
pub(crate) mod forget;
pub(crate) mod generate;
pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod put;
pub(crate) mod recount;
pub(crate) mod replay;
pub(crate) mod sites;
pub(crate) mod status;
pub(crate) mod top;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod watch;
