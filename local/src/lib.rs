//! The cloud on one machine.
//!
//! What the command (`minutebook up`) and the test harness share: the pinned tools, the emulator as a child process,
//! the build of the functions and the deployment of the very template that goes to AWS. It knows nothing of events and
//! tallies.

mod http;
mod root;
mod stack;

pub use http::http_client;
pub use root::{TEMPLATE, find_root};
pub use stack::{STACK_FILE, STATE_FOLDER, Stack};
