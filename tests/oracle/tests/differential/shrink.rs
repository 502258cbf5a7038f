//! Makes a failing chunk smaller as long as it fails.

use crate::chunk::Chunk;
use crate::compare::compare;

/// How often it is tried at most.
const TRIES_MAX: u32 = 20_000;

/// About how long the shortest members are, in bytes.
const MEMBER_BYTES: usize = 12;

/// The smallest chunk that was found to fail, and how: it loses lines, then bytes.
pub(crate) fn smallest(chunk: Chunk, difference: String) -> (Chunk, String) {
    let mut shrinking = Shrinking { smallest: chunk, difference, tries_left: TRIES_MAX };
    let unpacked = shrinking.smallest.with_text(shrinking.smallest.plain.clone());
    shrinking.take(unpacked);
    let whole = Chunk { block_bytes: usize::MAX, ..shrinking.smallest.clone() };
    shrinking.take(whole);
    if shrinking.smallest.stored == shrinking.smallest.plain {
        shrinking.drop_parts(|text| text.split_inclusive(|byte| *byte == b'\n').collect());
    }
    shrinking.drop_parts(|bytes| bytes.chunks(1).collect());
    (shrinking.smallest, shrinking.difference)
}

struct Shrinking {
    smallest: Chunk,
    difference: String,
    tries_left: u32,
}

impl Shrinking {
    /// Takes a chunk in place of the smallest one, if it fails too.
    fn take(&mut self, chunk: Chunk) -> bool {
        self.tries_left = self.tries_left.saturating_sub(1);
        match compare(&chunk) {
            Ok(_) => false,
            Err(difference) => {
                (self.smallest, self.difference) = (chunk, difference);
                true
            }
        }
    }

    /// Drops runs of parts, first long ones and at last single ones, until none can go.
    fn drop_parts(&mut self, parts_of: fn(&[u8]) -> Vec<&[u8]>) {
        let mut run = parts_of(&self.smallest.stored).len().div_ceil(2).max(1);
        loop {
            let mut has_dropped = false;
            let mut start = 0;
            while self.tries_left > 0 {
                let parts = parts_of(&self.smallest.stored);
                if start >= parts.len() {
                    break;
                }
                let end = (start + run).min(parts.len());
                let rest = [&parts[..start], &parts[end..]].concat().concat();
                let without = self.smallest.with_text(rest);
                if self.take(without) {
                    has_dropped = true;
                } else {
                    start += run;
                }
            }
            if self.tries_left == 0 || (run == 1 && !has_dropped) {
                return;
            }
            // Short runs one by one: a member is valid JSON only as a whole.
            run = if run > 2 * MEMBER_BYTES { run / 2 } else { (run - 1).max(1) };
        }
    }
}
