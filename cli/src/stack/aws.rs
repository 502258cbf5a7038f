//! Errors of AWS in one line.

use anyhow::{Error, anyhow};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// What went wrong in a call, after what was being done.
///
/// An answer of the service is said by its code and message; the chain of the SDK would say it in
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
