//! Event files on this machine: found, unpacked, converted, uploaded and waited for.

pub(crate) mod csv;
pub(crate) mod files;
pub(crate) mod upload;
