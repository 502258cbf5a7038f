//! `GET /metrics/orders`, `/metrics/realtime`, `/metrics/revenue/hourly` and
//! `/metrics/products/top`: orders, what they bring and what became of them.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    minutebook_api::orders::serve().await
}
