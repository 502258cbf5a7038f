//! `GET /most_viewed_item`: the item viewed most in the last hour.

use minutebook_api::rankings::{Ranking, serve};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Ranking::MostViewed).await
}
