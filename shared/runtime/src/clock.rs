//! The clock: the only source of the current time.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

/// Tells the current time. Tests make clocks of their own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// A clock that calls this function.
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// The clock of the machine.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the edge that every other place gets its time from"
    )]
    pub fn system() -> Clock {
        Clock::new(Utc::now)
    }

    /// The current time.
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
