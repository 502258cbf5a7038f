//! Errors of AWS calls in one line.

use anyhow::{Error, anyhow};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// An error that says what the command was doing, and why the call failed.
///
/// An error of the service is shown by its code and message, because the SDK would format it in
/// Rust's debug form.
pub(crate) fn explain<E, R>(what: impl Into<String>, error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let what = what.into();
    let Some(service_error) = error.as_service_error() else {
        return Error::new(error).context(what);
    };
    match (service_error.code(), service_error.message()) {
        (Some(code), Some(message)) => anyhow!("{what}: {code}: {message}"),
        (Some(only), None) | (None, Some(only)) => anyhow!("{what}: {only}"),
        (None, None) => Error::new(error).context(what),
    }
}
