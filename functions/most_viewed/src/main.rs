//! `GET /most_viewed_item`: the item viewed most in the last hour.

use minutebook_api::backend::Backend;
use minutebook_api::rankings::{self, Ranking};
use minutebook_api::run::run;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    run(Backend::from_environment, |request, backend| async move {
        rankings::handle(Ranking::MostViewed, &request, backend).await
    })
    .await
}
