//! Event files on this machine: finds, decompresses, converts and uploads them.

pub(crate) mod csv;
pub(crate) mod files;
pub(crate) mod upload;
