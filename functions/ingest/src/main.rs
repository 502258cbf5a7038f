//! Wires ingest to the Lambda runtime.

use std::time::{Duration, SystemTime};

use ingest::chunk::Counter;
use ingest::notification::Batch;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use minutebook_service::aws::Aws;
use minutebook_service::clock::Clock;
use minutebook_service::config::{Config, IngestConfig, environment};
use minutebook_storage::commit::{Committer, Table};
use minutebook_storage::objects::Buckets;
use tokio::time::Instant;

/// What is kept of the time that Lambda allows, to answer which messages go back to the queue.
const MARGIN: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let config = Config::read(environment)?;
    let ingest_config = IngestConfig::read(environment)?;
    let aws = Aws::read(environment)?;
    let counter = Counter {
        committer: Committer::new(Table { client: aws.dynamodb(), name: config.table }, config.retention),
        buckets: Buckets { client: aws.s3(), rejected: ingest_config.rejected_bucket },
        default_currency: config.default_currency,
        clock: Clock::system(),
    };
    let counter = &counter;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Batch>| async move {
        let deadline = deadline_of(event.context.deadline());
        Ok::<_, Error>(ingest::handle(event.payload, counter, deadline).await)
    }))
    .await
}

/// The longest that any Lambda function may run.
const LAMBDA_TIMEOUT_MAX: Duration = Duration::from_secs(900);

/// When the work must be back, on the clock that timers use.
///
/// `cargo lambda watch` (1.9.2) gives how long the work may take (600,000 ms) where AWS gives when it must be done, in
/// milliseconds since 1970: a quarter of an hour after 1970 is no deadline that AWS would give.
#[expect(clippy::disallowed_methods, reason = "Lambda gives the deadline as a wall-clock time")]
fn deadline_of(lambda_deadline: SystemTime) -> Instant {
    let since_1970 = lambda_deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let left = if since_1970 <= LAMBDA_TIMEOUT_MAX {
        since_1970
    } else {
        lambda_deadline.duration_since(SystemTime::now()).unwrap_or_default()
    };
    Instant::now() + left.saturating_sub(MARGIN)
}
