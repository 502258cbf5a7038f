//! Wires ingest to the Lambda runtime.

use ingest::Ingest;
use ingest::chunk::Counter;
use ingest::event::Event;
use ingest::stream::StreamStore;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use minutebook_runtime::aws::Aws;
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::{Config, IngestConfig, environment};
use minutebook_runtime::deadline::deadline_of;
use minutebook_storage::bucket::read::Buckets;
use minutebook_storage::bucket::store::EventBucket;
use minutebook_storage::committer::Committer;
use minutebook_storage::queue::Queue;
use minutebook_storage::site::known_settings::KnownSettings;
use minutebook_storage::table::Table;
use minutebook_storage::visitors::secrets::KnownSecrets;

#[tokio::main]
async fn main() -> Result<(), Error> {
    minutebook_runtime::logging::start();
    let config = Config::read(environment)?;
    let ingest_config = IngestConfig::read(environment)?;
    let aws = Aws::read(environment)?;
    let table = Table { client: aws.dynamodb(), name: config.table };
    let s3 = aws.s3();
    let ingest = Ingest {
        queue: Queue::new(ingest_config.queue_url, move || aws.sqs()),
        streams: StreamStore {
            events: EventBucket { client: s3.clone(), name: ingest_config.bucket },
            positions: table.clone(),
        },
        counter: Counter {
            committer: Committer::new(table, config.retention),
            buckets: Buckets { client: s3, rejected: ingest_config.rejected_bucket },
            default_currency: config.default_currency,
            default_time_zone: config.default_time_zone,
            keys_max: ingest_config.keys_max,
            sites_max: ingest_config.sites_max,
            clock: Clock::system(),
            secrets: KnownSecrets::default(),
            settings: KnownSettings::default(),
        },
    };
    let ingest = &ingest;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Event>| async move {
        let deadline = deadline_of(event.context.deadline());
        Ok::<_, Error>(ingest::handle(event.payload, ingest, deadline.into()).await?)
    }))
    .await
}
