//! What a file of events comes to, found offline with the reader that counts it later, and how that
//! is said.

mod examine;
mod text;

pub(crate) use examine::{Findings, FirstRejected, examine};
pub(crate) use text::findings_text;
