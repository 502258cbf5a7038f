//! `GET /top_item_added_to_cart`: the item added to carts most in the last 24 hours.

use minutebook_api::backend::Backend;
use minutebook_api::rankings::{self, Ranking};
use minutebook_api::run::run;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    run(
        |start| Ok(Backend::of_rows(start)),
        |admitted, backend| async move {
            rankings::handle(Ranking::TopCarted, &admitted.request, backend).await
        },
    )
    .await
}
