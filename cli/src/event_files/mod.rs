//! Event files on this machine: found, unpacked, converted, uploaded and waited for.

pub(crate) mod csv;
pub(crate) mod files;
pub(crate) mod notification;
pub(crate) mod upload;
pub(crate) mod waiting;
