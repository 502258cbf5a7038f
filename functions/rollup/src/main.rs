//! Wires rollup to the Lambda runtime.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use minutebook_runtime::aws::Aws;
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::{Config, RollupConfig, environment};
use minutebook_runtime::deadline::deadline_of;
use minutebook_storage::committer::Committer;
use minutebook_storage::site::known_settings::KnownSettings;
use minutebook_storage::table::Table;
use rollup::sealer::Sealer;
use serde::de::IgnoredAny;

#[tokio::main]
async fn main() -> Result<(), Error> {
    minutebook_runtime::logging::start();
    let config = Config::read(environment)?;
    let table = Table { client: Aws::read(environment)?.dynamodb(), name: config.table };
    let sealer = Sealer {
        committer: Committer::new(table, config.retention),
        keys_max: RollupConfig::read(environment)?.keys_max,
        settings: KnownSettings::default(),
        clock: Clock::system(),
    };
    let sealer = &sealer;
    // The content of the schedule's event is ignored: a run does what is due.
    lambda_runtime::run(service_fn(move |event: LambdaEvent<IgnoredAny>| async move {
        let deadline = deadline_of(event.context.deadline());
        rollup::handle(sealer, deadline.into()).await.map_err(Error::from)
    }))
    .await
}
