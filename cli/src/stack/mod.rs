//! The stack that the command speaks to: where it is, its API, bucket and queues.

pub(crate) mod aws;
pub(crate) mod context;
pub(crate) mod http;
pub(crate) mod local;
pub(crate) mod notification;
pub(crate) mod objects;
pub(crate) mod queue;
