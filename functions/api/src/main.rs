//! `GET /openapi.json`, and the answer to what is no call: unknown paths and wrong methods.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    minutebook_api::document::serve().await
}
