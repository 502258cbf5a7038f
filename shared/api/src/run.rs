//! How a function of the API runs.

use std::future::Future;

use lambda_http::{Body, Error, Request, Response, service_fn};

/// Sets up logging, builds what the handler answers from, and runs the handler under the Lambda
/// runtime until the runtime shuts down.
///
/// # Errors
/// The configuration, if it is missing or wrong: the function does not start, and a retry does not
/// help. Otherwise the errors of the runtime.
pub async fn run<B, F, Answering>(
    start: impl FnOnce() -> Result<B, minutebook_runtime::config::ConfigError>,
    handle: F,
) -> Result<(), Error>
where
    F: Fn(Request, &'static B) -> Answering,
    Answering: Future<Output = Response<Body>> + Send,
    B: Sync + 'static,
{
    minutebook_runtime::logging::start();
    // It lives as long as the process, which handles one request after another.
    let backend: &'static B = Box::leak(Box::new(start()?));
    lambda_http::run(service_fn(|request| {
        let answering = handle(request, backend);
        async move { Ok::<_, Error>(answering.await) }
    }))
    .await
}
