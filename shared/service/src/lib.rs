//! The plumbing at the edge of every function: configuration, clients, clock, and the shape of HTTP answers.

pub mod api;
pub mod aws;
pub mod clock;
pub mod collect;
pub mod config;
pub mod deadline;
pub mod event_lines;
pub mod health;
pub mod history;
pub mod item;
pub mod metrics;
pub mod openapi;
pub mod problem;
pub mod query;
pub mod ranking;
pub mod routes;

mod answer;
mod collect_access;
mod collect_body;
mod collect_random;
mod history_query;
mod openapi_calls;
mod openapi_parameters;
mod openapi_posts;
mod ranking_answer;
