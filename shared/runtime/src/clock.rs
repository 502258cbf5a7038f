//! The clock: the one place where "now" comes from.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

/// Gives the present time; a test can make one that it moves by hand.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// A clock that asks this function.
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// The machine's clock.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the edge that every other place gets its time from"
    )]
    pub fn system() -> Clock {
        Clock::new(Utc::now)
    }

    /// The present time.
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
