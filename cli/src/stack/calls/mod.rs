//! Calls of AWS that the command makes by itself, without the SDKs of these services: they would
//! take longer to compile than all others. Requests are signed with what the SDK signs with.

pub(crate) mod named;
mod signed;
pub(crate) mod watched;
mod xml;

pub(crate) use signed::Caller;
