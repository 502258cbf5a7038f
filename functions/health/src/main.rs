//! `GET /health`: whether chunks are counted and hours added up.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    minutebook_api::health::serve().await
}
