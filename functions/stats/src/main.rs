//! `GET /stats`: the views, the users and the most viewed paths of a site.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    minutebook_api::stats::serve().await
}
