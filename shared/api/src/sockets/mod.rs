//! Live push: whoever has a socket is sent the answer of `/metrics/realtime` anew when a commit has
//! changed it. [`live`] takes connections and messages, and [`push`] follows the table's stream.

pub mod client;
pub mod event;
pub mod live;
mod message;
pub mod push;
mod question;
pub mod run;
mod stream;

/// The path of the call that is answered.
pub(crate) const CALL: &str = "/metrics/realtime";

#[cfg(test)]
mod testing;
