//! Orders in the table: their rows, and the book that merges what is reported about them.

pub mod book;
pub mod rows;
