//! `GET /health`: whether chunks are counted and hours rolled up, and how much waits.

pub(crate) mod answer;
pub(crate) mod describe;

use futures::future::join;
use lambda_http::{Body, Request, Response};
use minutebook_storage::error::StorageError;
use minutebook_storage::table::Table;

use crate::backend::Backend;
use crate::health::answer::Report;
use crate::queues::Queues;

/// Answers one request: 503 if the table or a queue cannot be reached, and 200 otherwise, whatever
/// waits. Unknown parameters are ignored, since monitors like to add some.
pub async fn handle(_: &Request, backend: &Backend<Table, Queues>) -> Response<Body> {
    let (lag, depths) = join(backend.rows.sealing_lag(), backend.queues.depths()).await;
    let report = Report {
        lag: reached(lag, "the table could not be read"),
        queue: reached(depths.ingest, "the queue could not be reached"),
        dead_letters: reached(depths.dead_letters, "the dead letters could not be reached"),
    };
    report.answer(backend.clock.now())
}

/// What was found, or a sentence that says what could not be reached. Only the log gets the cause.
fn reached<T>(found: Result<T, StorageError>, sentence: &'static str) -> Result<T, &'static str> {
    found.map_err(|error| {
        tracing::error!(%error, "{sentence}");
        sentence
    })
}
