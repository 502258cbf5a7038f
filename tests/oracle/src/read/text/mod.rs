//! The text of a chunk: unpacked, decoded, and cut into objects.

pub(crate) mod csv;
pub(crate) mod cut;
pub(crate) mod unpack;
pub(crate) mod utf16;
