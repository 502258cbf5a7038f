//! `GET /top_item_added_to_cart`: the item added to carts most in the last 24 hours.

use minutebook_api::rankings::{Ranking, serve};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Ranking::TopCarted).await
}
