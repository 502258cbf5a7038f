//! Skips nested values in valid JSON.

use crate::event::json::words::{brackets_and_quotes, quotes_and_backslashes, word_at};

/// The end of an object or array in valid JSON: where as many brackets are closed as opened,
/// outside texts.
pub(super) fn nested_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    loop {
        at = skip_while_no(brackets_and_quotes, bytes, at);
        match bytes.get(at) {
            Some(b'{' | b'[') => depth += 1,
            Some(b'}' | b']') => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            Some(b'"') => at = text_end(bytes, at + 1),
            Some(_) => {}
            None => return at,
        }
        at += 1;
    }
}

/// The position of the closing quote of a text.
fn text_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        at = skip_while_no(quotes_and_backslashes, bytes, at);
        match bytes.get(at) {
            Some(b'"') | None => return at,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

/// Skips whole words in which `marks` marks no byte, and the bytes before the first that it marks.
#[inline]
fn skip_while_no(marks: fn(u64) -> u64, bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(word) = word_at(bytes, at) {
        let marked = marks(word);
        if marked != 0 {
            return at + marked.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at
}
