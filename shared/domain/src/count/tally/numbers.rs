//! Numbers of what is kept once.

/// An index as 32 bits.
#[inline]
pub(crate) fn number_of(count: usize) -> u32 {
    u32::try_from(count).expect("memory ends long before 2^32 of them")
}
