//! `GET /health`: whether chunks are counted and hours rolled up, how much waits, and what became
//! of the lines of the last hour.

pub(crate) mod answer;
pub(crate) mod describe;
pub(crate) mod last_hour;

use futures::future::{join, try_join3};
use lambda_http::{Body, Response};
use minutebook_storage::error::StorageError;
use minutebook_storage::table::Table;

use crate::access::Caller;
use crate::backend::Backend;
use crate::health::answer::{Report, Rows};
use crate::queues::Queues;

/// Answers one request: 503 if the table or a queue cannot be reached, and 200 otherwise, whatever
/// waits. Who may not see the whole deployment learns the status only.
pub async fn handle(caller: &Caller, backend: &Backend<Table, Queues>) -> Response<Body> {
    let (table, now) = (&backend.rows, backend.clock.now());
    let rows = try_join3(table.sealing_lag(), table.totals_an_hour_ago(now), table.totals());
    let (rows, depths) = join(rows, backend.queues.depths()).await;
    let rows = rows.map(|(lag, hour_ago, totals)| Rows { lag, hour_ago, totals });
    let report = Report {
        rows: reached(rows, "the table could not be read"),
        queue: reached(depths.ingest, "the queue could not be reached"),
        dead_letters: reached(depths.dead_letters, "the dead letters could not be reached"),
    };
    report.answer(now, caller.sees_deployment)
}

/// What was found, or a sentence that says what could not be reached. Only the log gets the cause.
fn reached<T>(found: Result<T, StorageError>, sentence: &'static str) -> Result<T, &'static str> {
    found.map_err(|error| {
        tracing::error!(%error, "{sentence}");
        sentence
    })
}
