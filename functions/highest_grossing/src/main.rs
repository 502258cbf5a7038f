//! `GET /highest_grossing_item`: the item that grossed most in the last 24 hours.

use minutebook_api::rankings::{Ranking, serve};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Ranking::HighestGrossing).await
}
