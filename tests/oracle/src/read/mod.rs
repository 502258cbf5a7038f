//! Reading: the bytes of a chunk, the JSON of a line, the fields and types of an event.

pub(crate) mod csv;
pub(crate) mod cut;
pub(crate) mod event;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod order;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod types;
pub(crate) mod unpack;
pub(crate) mod values;
pub(crate) mod vocabulary;
