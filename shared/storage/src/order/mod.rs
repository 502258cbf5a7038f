//! Orders in the table: their rows, the list of recent ones, and the order book, which merges reports about them.

pub mod book;
pub mod recent;
pub(crate) mod rows;
