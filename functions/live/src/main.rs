//! `GET /metrics` and `GET /metrics/prometheus`: what goes on just now, and how counting is doing.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    minutebook_api::live::serve().await
}
