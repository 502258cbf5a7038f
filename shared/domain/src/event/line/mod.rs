//! Reads a line into what it would count.

mod event;
mod exact_time;
mod forms;
mod item;
mod object;
mod order;
mod purchase;
mod read_line;
mod reader;
mod refund;
mod sites;
mod values;

pub use crate::event::page::PAGE_BYTES_MAX;
pub use event::WRITTEN_OUT_BYTES_MAX;
pub(crate) use read_line::{ReadEvent, ReadLine, Rejection, Text, Unity, Value};
pub(crate) use reader::{EventReader, counts_stages};
pub use reader::{READER_VERSION, READER_VERSION_OLDEST};
pub(crate) use values::Defaults;
pub use values::{FUTURE_SECONDS_MAX, KEY_BYTES_MAX};
