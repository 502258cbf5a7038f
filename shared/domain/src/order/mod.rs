//! Orders: what their events report, and what changes in the table when they report more.

pub mod changes;
pub mod contribution;
pub mod facts;
pub mod given_back;
pub mod placed;
pub mod purchases;
pub mod refunds;
pub mod transition;
