//! `GET /history`: a measure by hour, day, week or month.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    minutebook_api::history::serve().await
}
