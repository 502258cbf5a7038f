//! `push`: sends viewers what a commit has changed.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    minutebook_api::sockets::run::run_push().await
}
