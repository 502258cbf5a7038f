//! The errors of the table and the buckets, by what the caller should do.

use std::error::Error;
use std::fmt;

use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};

/// Why a call to the table or a bucket failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The service did not answer, throttled, or failed by its own fault. A later try may succeed:
    /// give the work back to the queue.
    #[error("{call} failed and may succeed later: {reason}")]
    Unavailable {
        /// The API call.
        call: &'static str,
        /// The whole chain of causes, in one line.
        reason: String,
    },
    /// The service refused the call. The same call will be refused again until something outside is
    /// changed.
    #[error("{call} was refused: {reason}")]
    Refused {
        /// The API call.
        call: &'static str,
        /// The whole chain of causes, in one line.
        reason: String,
    },
    /// A row does not have the shape that docs/TABLE.md gives. No retry helps; somebody else wrote
    /// it.
    #[error("the row {row} is malformed: {reason}")]
    Malformed {
        /// Its keys.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl StorageError {
    /// Sorts an SDK error: a service's own fault, a timeout or a lost connection may pass, a
    /// refusal will not.
    pub(crate) fn from_sdk<E, R>(call: &'static str, error: SdkError<E, R>) -> StorageError
    where
        E: Error + aws_sdk_dynamodb::error::ProvideErrorMetadata + 'static,
        R: fmt::Debug + HttpStatus,
    {
        let is_refusal = match &error {
            SdkError::ServiceError(context) => {
                let is_throttle = context.err().code().is_some_and(is_passing_code);
                !is_throttle && context.raw().status_code() < 500
            }
            SdkError::ConstructionFailure(_) => true,
            _ => false,
        };
        let reason = DisplayErrorContext(error).to_string();
        if is_refusal {
            StorageError::Refused { call, reason }
        } else {
            StorageError::Unavailable { call, reason }
        }
    }
}

/// The status of a raw response; the SDK has no common trait for it.
pub(crate) trait HttpStatus {
    /// As in HTTP: 200, 404, 503.
    fn status_code(&self) -> u16;
}

impl HttpStatus for aws_sdk_dynamodb::config::http::HttpResponse {
    fn status_code(&self) -> u16 {
        self.status().as_u16()
    }
}

/// Codes of failures that pass by themselves, though some of them come with a status of 400.
pub(crate) fn is_passing_code(code: &str) -> bool {
    matches!(
        code,
        "ThrottlingException"
            | "ThrottlingError"
            | "Throttling"
            | "ProvisionedThroughputExceededException"
            | "ProvisionedThroughputExceeded"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "TransactionInProgressException"
            | "InternalServerError"
            | "SlowDown"
            | "RequestTimeout"
    )
}
