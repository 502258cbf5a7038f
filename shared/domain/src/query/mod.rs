//! Queries: the window of an answer, the rows that cover it, calendar series and rankings.

pub mod compare;
pub mod cover;
pub mod movers;
pub mod ranking;
pub mod series;
pub mod window;
