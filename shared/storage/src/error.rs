//! The errors of the table and the buckets, by what the caller should do.

use std::error::Error;
use std::fmt;

use aws_sdk_dynamodb::error::{BuildError, DisplayErrorContext, SdkError};
use minutebook_domain::count::measure::Measure;
use minutebook_domain::query::window::Window;

/// Why a call to the table or a bucket failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StorageError {
    /// The service did not answer, throttled, or failed through its own fault. A retry may succeed:
    /// return the work to the queue.
    #[error("{call} failed and may succeed later: {reason}")]
    Unavailable {
        /// The API call.
        call: &'static str,
        /// The whole chain of causes, in one line.
        reason: String,
    },
    /// The service refused the call. It refuses the same call again until something outside
    /// changes.
    #[error("{call} was refused: {reason}")]
    Refused {
        /// The API call.
        call: &'static str,
        /// The whole chain of causes, in one line.
        reason: String,
    },
    /// A row is not as docs/TABLE.md says. No retry helps; somebody else wrote it.
    #[error("the row {row} is malformed: {reason}")]
    Malformed {
        /// Its keys.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The keys of an answer do not fit into the memory of a function. No retry helps, but asking
    /// for less does.
    #[error("{measure} from {} to {} has more keys than fit into memory", .window.from, .window.to)]
    TooManyKeys {
        /// The measure whose keys were read when there were too many.
        measure: Measure,
        /// Their window.
        window: Window,
    },
}

impl StorageError {
    /// Whether the same call may succeed later. Where it does not, something outside has to change
    /// first: a permission, a configuration, a row that somebody else wrote.
    pub fn is_retryable(&self) -> bool {
        matches!(self, StorageError::Unavailable { .. })
    }

    /// The error for a request that lacks a member; a bug, because every request is built whole.
    pub(crate) fn from_build(error: BuildError) -> StorageError {
        StorageError::Refused { call: "building a request", reason: error.to_string() }
    }

    /// Classifies an SDK error: a fault of the service, a timeout or a lost connection may pass; a
    /// refusal does not.
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

/// Whether a code means a failure that passes by itself. Some of them come with the status 400.
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
            | "TransactionConflictException"
            | "InternalServerError"
            | "SlowDown"
            | "RequestTimeout"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_unavailable_can_be_retried() {
        let reason = || "away".to_string();
        let call = "GetItem";
        assert!(StorageError::Unavailable { call, reason: reason() }.is_retryable());
        assert!(!StorageError::Refused { call, reason: reason() }.is_retryable());
        assert!(!StorageError::Malformed { row: reason(), reason: reason() }.is_retryable());
    }

    #[test]
    fn throttling_passes_and_a_refusal_does_not() {
        for code in ["ThrottlingException", "ProvisionedThroughputExceededException", "SlowDown"] {
            assert!(is_passing_code(code), "{code}");
        }
        for code in ["AccessDeniedException", "ValidationException", "TransactionConflict"] {
            assert!(!is_passing_code(code), "{code}");
        }
    }
}
