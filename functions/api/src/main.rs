//! `api`: every read call but the three rankings, the description of the API, and the answer to
//! unknown paths and wrong methods.

use minutebook_api::backend::Backend;
use minutebook_api::dispatch;
use minutebook_api::run::run;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    run(Backend::with_queues, |admitted, backend| async move {
        dispatch::handle(&admitted, backend).await
    })
    .await
}
