//! `live`: the connections and the messages of viewers.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    minutebook_api::sockets::run::run_live().await
}
