//! What is kept of one block until the next.

/// How much of a block is copied behind what is kept of the one before, in bytes. Once the piece
/// that was kept ends, the rest of the block is read where it is.
pub(super) const APPENDED_BYTES_MAX: usize = 16 * 1024;

/// Cuts the kept bytes followed by the next block, and keeps what is left over. `cut` gets a text
/// and how many of its bytes were kept, and returns how many bytes it needs no longer, and whether
/// to stop behind them. Returns the rest of the block if it is to stop.
pub(super) fn cut_all<'b>(
    kept: &mut Vec<u8>,
    block: &'b [u8],
    mut cut: impl FnMut(&[u8], usize) -> (usize, bool),
) -> Option<&'b [u8]> {
    let mut rest = block;
    while !kept.is_empty() {
        let kept_bytes = kept.len();
        let (appended, after) = rest.split_at(rest.len().min(APPENDED_BYTES_MAX));
        kept.extend_from_slice(appended);
        let (taken, stops) = cut(kept, kept_bytes);
        if taken >= kept_bytes {
            rest = &rest[taken - kept_bytes..];
            kept.clear();
        } else {
            rest = after;
            kept.drain(..taken);
        }
        if stops {
            return Some(rest);
        }
        if rest.is_empty() {
            return None;
        }
    }
    let (taken, stops) = cut(rest, 0);
    if stops {
        return Some(&rest[taken..]);
    }
    kept.extend_from_slice(&rest[taken..]);
    None
}
