//! What the calls share of HTTP: parameters, content negotiation, answers and problem documents.

pub mod parameters;
pub mod response;

pub(crate) mod accept;
pub(crate) mod answer;
pub(crate) mod basis;
pub(crate) mod csv;
pub(crate) mod etag;
