//! `POST /events`, `/event` and `/ingest`: events that are counted once they are in the bucket.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    minutebook_api::collect::serve().await
}
