//! How the two functions run.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::{AccessConfig, LiveConfig, environment};
use minutebook_storage::reader::consistent::ConsistentTable;
use minutebook_storage::table::Table;
use serde_json::Value;

use crate::access::AccessControl;
use crate::backend::{Backend, Start};
use crate::sockets::event::SocketEvent;
use crate::sockets::live::Viewers;

/// The viewers of the deployment.
type Deployed = Viewers<ConsistentTable, Table, aws_sdk_apigatewaymanagement::Client>;

/// Runs `live` under the Lambda runtime until the runtime shuts down.
///
/// # Errors
/// The configuration, if it is missing or wrong: the function does not start, and a retry does not
/// help. Otherwise the errors of the runtime.
pub async fn run_live() -> Result<(), Error> {
    let viewers = &viewers()?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SocketEvent>| async move {
        Ok::<_, Error>(viewers.handle(&event.payload).await)
    }))
    .await
}

/// Runs `push`, like [`run_live`].
///
/// # Errors
/// Those of [`run_live`].
pub async fn run_push() -> Result<(), Error> {
    let viewers = &viewers()?;
    // The event is read leniently: one that cannot be read must not keep newer ones waiting.
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let summary = viewers.push(&event.payload).await;
        if summary.questions > 0 || summary.refused > 0 {
            let summary = serde_json::to_string(&summary)?;
            tracing::info!(summary, "pushed");
        }
        Ok::<_, Error>(())
    }))
    .await
}

fn viewers() -> Result<Deployed, Error> {
    minutebook_runtime::logging::start();
    let start = Start::from_environment()?;
    let (access, live) = (AccessConfig::read(environment)?, LiveConfig::read(environment)?);
    let (table, settings) = (start.table.clone(), start.settings.clone());
    Ok(Viewers {
        access: AccessControl::new(access, table.clone(), settings, Clock::system()),
        backend: Backend::consistent(&start),
        connections: table,
        sockets: start.aws.connections(&live.endpoint),
    })
}
