//! Numbers and their hashes.

/// The index of a key or group as 32 bits.
#[inline]
pub(super) fn number_of(count: usize) -> u32 {
    u32::try_from(count).expect("memory ends long before 2^32 keys or groups")
}

/// Spreads the bits of a small number over a word.
///
/// **Source**: the finalizer of SplitMix64.
#[inline]
pub(super) fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
