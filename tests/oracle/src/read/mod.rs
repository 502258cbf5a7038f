//! Reading: the bytes of a chunk, the JSON of a line, the fields and types of an event.

pub(crate) mod event;
pub(crate) mod fields;
pub(crate) mod forms;
pub(crate) mod json;
mod money;
pub(crate) mod mongo;
pub(crate) mod notes;
pub(crate) mod order;
pub(crate) mod other_forms;
mod shop_number;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod types;
pub(crate) mod values;
pub(crate) mod vocabulary;
mod zone;
