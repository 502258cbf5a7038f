//! How the two functions run.

use std::future::Future;
use std::pin::Pin;

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

/// What a function answers. It has no type of its own, since the compiler limits how deep the types
/// of futures are.
type Answering<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// Runs `live` under the Lambda runtime until the runtime shuts down.
///
/// # Errors
/// The configuration, if it is missing or wrong: the function does not start, and a retry does not
/// help. Otherwise the errors of the runtime.
pub async fn run_live() -> Result<(), Error> {
    let viewers = viewers()?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SocketEvent>| -> Answering<_> {
        Box::pin(async move { Ok(viewers.handle(&event.payload).await) })
    }))
    .await
}

/// Runs `push`, like [`run_live`].
///
/// # Errors
/// Those of [`run_live`].
pub async fn run_push() -> Result<(), Error> {
    let viewers = viewers()?;
    // The event is read leniently: one that cannot be read must not keep newer ones waiting.
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| -> Answering<()> {
        Box::pin(async move {
            let summary = viewers.push(&event.payload).await;
            if summary.questions > 0 || summary.refused > 0 {
                let summary = serde_json::to_string(&summary)?;
                tracing::info!(summary, "pushed");
            }
            Ok(())
        })
    }))
    .await
}

/// They live as long as the process.
fn viewers() -> Result<&'static Deployed, Error> {
    minutebook_runtime::logging::start();
    let start = Start::from_environment()?;
    let (access, live) = (AccessConfig::read(environment)?, LiveConfig::read(environment)?);
    let (table, settings) = (start.table.clone(), start.settings.clone());
    Ok(Box::leak(Box::new(Viewers {
        access: AccessControl::new(access, table.clone(), settings, Clock::system()),
        backend: Backend::consistent(&start),
        connections: table,
        sockets: start.aws.connections(&live.endpoint),
    })))
}
