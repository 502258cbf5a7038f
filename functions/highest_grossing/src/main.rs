//! `GET /highest_grossing_item`: the item with the highest sales in the last 24 hours.

use minutebook_api::backend::Backend;
use minutebook_api::rankings::{self, Ranking};
use minutebook_api::run::run;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    run(
        |start| Ok(Backend::of_rows(start)),
        |admitted, backend| async move {
            rankings::handle(Ranking::HighestGrossing, &admitted.request, backend).await
        },
    )
    .await
}
