//! `POST /events`, `/event` and `/ingest`: stores posted events as chunks, which are counted like
//! any other. `GET /generate_random_events`: stores random events, where the deployment allows it.

use minutebook_api::collect::{self, Inbox};
use minutebook_api::run::run;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    run(Inbox::new, |admitted, inbox| async move { collect::handle(&admitted, inbox).await }).await
}
