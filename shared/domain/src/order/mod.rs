//! Orders: what their events report, and what changes in the table when they report more.

pub mod changes;
pub mod contribution;
pub mod facts;
pub mod purchases;
