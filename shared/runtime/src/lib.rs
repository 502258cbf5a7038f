//! What every function starts with: configuration, AWS clients, the clock, deadlines, logs and metrics.

pub mod aws;
pub mod clock;
pub mod config;
pub mod deadline;
pub mod emf;
pub mod http;
pub mod logging;
mod url;
