//! Who may make a call: keys, tokens and pages.

pub(crate) mod keys;
pub(crate) mod origins;
pub(crate) mod tokens;
