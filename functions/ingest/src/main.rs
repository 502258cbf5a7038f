//! Wires ingest to the Lambda runtime.

use ingest::chunk::Counter;
use ingest::notification::Batch;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use minutebook_service::aws::Aws;
use minutebook_service::clock::Clock;
use minutebook_service::config::{Config, IngestConfig, environment};
use minutebook_service::deadline::deadline_of;
use minutebook_storage::commit::{Committer, Table};
use minutebook_storage::objects::Buckets;

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
        Ok::<_, Error>(ingest::handle(event.payload, counter, deadline.into()).await)
    }))
    .await
}
