//! What the handlers answer from, and how a function starts and runs.

use minutebook_domain::count::measure::Currency;
use minutebook_domain::time::period::Retention;
use minutebook_runtime::aws::Aws;
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::{Config, ConfigError, QueuesConfig, environment};
use minutebook_storage::table::Table;

use crate::queues::Queues;

/// What a handler answers from. `R` holds the rows; `Q` is `()` where no queue is asked.
#[derive(Clone, Debug)]
pub struct Backend<R, Q = ()> {
    /// The table, or a table in memory in tests.
    pub rows: R,
    /// The queues of ingest.
    pub queues: Q,
    /// The currency of a query that does not name one.
    pub default_currency: Currency,
    /// How long rows are kept.
    pub retention: Retention,
    /// The source of the current time.
    pub clock: Clock,
}

impl Backend<Table> {
    /// Reads the environment and builds the DynamoDB client.
    ///
    /// # Errors
    /// [`ConfigError`], if a variable is missing or wrong. A retry does not help.
    pub fn from_environment() -> Result<Backend<Table>, ConfigError> {
        Ok(Backend::new(Config::read(environment)?, &Aws::read(environment)?, ()))
    }
}

impl Backend<Table, Queues> {
    /// Reads the environment, and that of the queues, and builds the DynamoDB client.
    ///
    /// # Errors
    /// [`ConfigError`], if a variable is missing or wrong. A retry does not help.
    pub fn with_queues_from_environment() -> Result<Backend<Table, Queues>, ConfigError> {
        let aws = Aws::read(environment)?;
        let queues = Queues::new(aws.clone(), QueuesConfig::read(environment)?);
        Ok(Backend::new(Config::read(environment)?, &aws, queues))
    }
}

impl<Q> Backend<Table, Q> {
    pub(crate) fn new(config: Config, aws: &Aws, queues: Q) -> Backend<Table, Q> {
        Backend {
            rows: Table { client: aws.dynamodb(), name: config.table },
            queues,
            default_currency: config.default_currency,
            retention: config.retention,
            clock: Clock::system(),
        }
    }
}

#[cfg(test)]
impl<R> Backend<R> {
    /// A backend of a test, whose clock stands still.
    pub(crate) fn of_test(rows: R, now: chrono::DateTime<chrono::Utc>) -> Backend<R> {
        Backend {
            rows,
            queues: (),
            default_currency: Currency::parse(b"USD").expect("three letters"),
            retention: Retention { minute_days: 7, hour_days: 400, day_days: 0 },
            clock: Clock::new(move || now),
        }
    }
}
