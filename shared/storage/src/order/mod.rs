//! Orders in the table: their rows, and the order book, which merges reports about them.

pub mod book;
pub mod rows;
