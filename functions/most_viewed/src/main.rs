//! `GET /most_viewed_item`: the item viewed most in the last hour.

use minutebook_api::backend::Backend;
use minutebook_api::rankings::{self, Ranking};
use minutebook_api::run::run;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    run(
        |start| Ok(Backend::of_rows(start)),
        |admitted, backend| async move {
            rankings::handle(Ranking::MostViewed, &admitted.request, backend).await
        },
    )
    .await
}
