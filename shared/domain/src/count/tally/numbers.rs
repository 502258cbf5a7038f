//! Numbers of keys and groups.

/// The index of a key or group as 32 bits.
#[inline]
pub(super) fn number_of(count: usize) -> u32 {
    u32::try_from(count).expect("memory ends long before 2^32 keys or groups")
}
