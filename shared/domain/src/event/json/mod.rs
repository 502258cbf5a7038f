//! A strict JSON scanner that neither builds a tree nor copies anything.

mod names;
mod nested;
mod number;
mod raw;
mod scanner;
mod tape;
mod unescape;
mod words;

pub(crate) use names::{Behind, FORGOTTEN, NO_SLOT, Names, OF_LINE, Slots};
pub(crate) use number::{is_number, is_number_before, number_kind};
pub(crate) use raw::{Kind, Raw};
pub(crate) use scanner::{Memory, ScanError, Scanner};
pub(crate) use tape::{Node, Nodes, Tape};
pub(crate) use unescape::{unescape, with_unescaped};
pub(crate) use words::{HIGH_BITS, special_bytes, word_at};

#[cfg(test)]
mod tape_tests;
#[cfg(test)]
mod tests;
