//! The HTTP API: one folder for each call, and what the calls share.

pub mod collect;
pub mod document;
pub mod health;
pub mod history;
pub mod http;
pub mod items;
pub mod live;
pub mod openapi;
pub mod orders;
pub mod rankings;
pub mod routes;
pub mod stats;
