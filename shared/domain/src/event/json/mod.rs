//! A strict JSON scanner that neither builds a tree nor copies anything.

mod names;
mod nested;
mod raw;
mod scanner;
mod unescape;
mod words;

pub(crate) use names::{BEFORE_FIRST, NO_SLOT, Names};
pub(crate) use raw::{Kind, Raw};
pub(crate) use scanner::{ScanError, Scanner, is_number};
pub(crate) use unescape::{unescape, with_unescaped};
pub(crate) use words::{HIGH_BITS, special_bytes, word_at};

#[cfg(test)]
mod tests;
