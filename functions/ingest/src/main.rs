//! Wires ingest to the Lambda runtime.

use std::time::{Duration, SystemTime};

use ingest::chunk::Counter;
use ingest::notification::Batch;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use minutebook_service::aws::Aws;
use minutebook_service::clock::system_clock;
use minutebook_service::config::{Config, IngestConfig, environment};
use minutebook_storage::commit::Table;
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
        table: Table { client: aws.dynamodb(), name: config.table },
        buckets: Buckets { client: aws.s3(), rejected: ingest_config.rejected_bucket },
        minute_retention_days: ingest_config.minute_retention_days,
        default_currency: config.default_currency,
        clock: system_clock,
    };
    let counter = &counter;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Batch>| async move {
        let deadline = deadline_of(event.context.deadline());
        Ok::<_, Error>(ingest::handle(event.payload, counter, deadline).await)
    }))
    .await
}

/// When the work must be back, on the clock that timers use.
#[expect(clippy::disallowed_methods, reason = "Lambda gives the deadline as a wall-clock time")]
fn deadline_of(lambda_deadline: SystemTime) -> Instant {
    let left = lambda_deadline.duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now() + left.saturating_sub(MARGIN)
}
