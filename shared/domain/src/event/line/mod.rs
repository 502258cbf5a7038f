//! Reads a line into what it would count.

mod event;
mod object;
mod order;
mod read_line;
mod reader;
mod values;

pub(crate) use read_line::{ReadEvent, ReadLine, Text, Value};
pub(crate) use reader::EventReader;
pub use reader::{VOCABULARY_VERSION, WRITTEN_OUT_BYTES_MAX};
pub(crate) use values::Defaults;
pub use values::{FUTURE_SECONDS_MAX, KEY_BYTES_MAX};
