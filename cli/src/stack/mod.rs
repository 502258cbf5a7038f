//! The stack that the command uses: its endpoints, API, bucket and queues, and how the local one is
//! started.

pub(crate) mod aws;
pub(crate) mod calls;
pub(crate) mod context;
pub(crate) mod endpoints;
pub(crate) mod http;
mod key_encoding;
pub(crate) mod local;
pub(crate) mod notification;
pub(crate) mod object_hashes;
pub(crate) mod objects;
pub(crate) mod options;
pub(crate) mod queue;
pub(crate) mod table;
pub(crate) mod versions;
