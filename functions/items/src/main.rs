//! `GET /items/{item_id}`: all that was counted of an item.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    minutebook_api::items::serve().await
}
