//! The HTTP API: one folder for each call, and what the calls share.
//!
//! A handler is an async function of a request and a [`backend`]. [`routes`] lists the calls, with
//! what each needs; [`dispatch`] decides by it whether a request gets to its handler.

pub mod access;
pub mod backend;
pub mod collect;
pub mod dashboard;
pub mod dispatch;
pub mod funnel;
pub mod health;
pub mod history;
pub mod http;
pub mod items;
pub mod live;
pub mod movers;
pub mod openapi;
pub mod orders;
pub mod overview;
pub mod queues;
pub mod rankings;
pub mod reconcile;
pub mod routes;
pub mod run;
mod share;
pub mod sites;
pub mod sockets;
pub mod stats;
