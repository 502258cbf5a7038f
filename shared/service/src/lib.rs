//! The plumbing at the edge of every function: configuration, clients, clock, and the shape of HTTP
//! answers.

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
pub mod live;
pub mod metrics;
pub mod openapi;
pub mod orders;
pub mod problem;
pub mod query;
pub mod ranking;
pub mod routes;
pub mod stats;

mod accept;
mod answer;
mod collect_access;
mod collect_body;
mod collect_random;
mod history_query;
mod live_query;
mod live_text;
mod openapi_calls;
mod openapi_orders;
mod openapi_parameters;
mod openapi_posts;
mod openapi_site;
mod orders_answer;
mod orders_query;
mod prometheus;
mod ranking_answer;
mod stats_query;
mod views;
