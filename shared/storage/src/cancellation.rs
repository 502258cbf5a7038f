//! What a cancelled transaction means, by the reasons that DynamoDB gives for each of its actions.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;

use crate::error::{StorageError, is_passing_code};

/// The position of the ledger entry: always the first action of a transaction.
pub(crate) const ENTRY_POSITION: usize = 0;

/// What the caller does next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// The ledger entry exists: an earlier attempt or another worker has counted the part.
    AlreadyCounted,
    /// Another transaction touched one of the same items: retry on another shard.
    Conflict,
    /// A partition is at its limit: back off and retry.
    Throttled,
    /// An hour is sealed: take the late form.
    Sealed,
    /// Another version of the file was counted after the chunk was planned.
    OtherVersion,
    /// A chunk of another file has counted the same bytes; the position of the row that names it.
    Copy(usize),
    /// These rows, numbered from 0, are full: continue in their next overflow rows.
    TooLarge(Vec<usize>),
    /// Anything else: no retry helps.
    Refused(String),
}

/// Reads the reasons of a transaction of one ledger entry, then `seal_checks` checks, then `rows`
/// rows, and in some transactions the totals, and then the rows of a file; none of these grow.
///
/// The ledger entry decides first: if it exists, the part is counted, whatever else went wrong.
/// Failures that may pass come next, so that a refusal is reported only if nothing else failed.
///
/// **Source**: the reasons are listed at
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>, in
/// the order of the actions; an action that did not fail has the code `None`.
pub(crate) fn verdict(reasons: &[CancellationReason], seal_checks: usize, rows: usize) -> Verdict {
    let code_at = |position: usize| {
        reasons.get(position).and_then(CancellationReason::code).unwrap_or("None")
    };
    if code_at(ENTRY_POSITION) == "ConditionalCheckFailed" {
        return Verdict::AlreadyCounted;
    }
    let has =
        |matches: fn(&str) -> bool| (0..reasons.len()).any(|position| matches(code_at(position)));
    if has(|code| code == "TransactionConflict") {
        return Verdict::Conflict;
    }
    if has(is_passing_code) {
        return Verdict::Throttled;
    }
    let first_row = ENTRY_POSITION + 1 + seal_checks;
    let version = first_row + rows + 1;
    if code_at(version) == "ConditionalCheckFailed" {
        return Verdict::OtherVersion;
    }
    if code_at(version + 1) == "ConditionalCheckFailed" {
        return Verdict::Copy(version + 1);
    }
    if (ENTRY_POSITION + 1..first_row).any(|check| code_at(check) == "ConditionalCheckFailed") {
        return Verdict::Sealed;
    }
    let too_large: Vec<usize> = (first_row..first_row + rows)
        .filter(|position| reasons.get(*position).is_some_and(is_item_size))
        .map(|position| position - first_row)
        .collect();
    if !too_large.is_empty() {
        return Verdict::TooLarge(too_large);
    }
    Verdict::Refused(described(reasons))
}

/// Why a transaction was cancelled, one reason an action.
///
/// # Errors
/// [`StorageError`] if it failed in another way; see [`StorageError::is_retryable`].
pub(crate) fn cancellation_reasons(
    error: SdkError<TransactWriteItemsError>,
) -> Result<Vec<CancellationReason>, StorageError> {
    match error {
        SdkError::ServiceError(context) if context.err().is_transaction_canceled_exception() => {
            match context.into_err() {
                TransactWriteItemsError::TransactionCanceledException(cancelled) => {
                    Ok(cancelled.cancellation_reasons.unwrap_or_default())
                }
                other => Err(StorageError::Refused {
                    call: "TransactWriteItems",
                    reason: other.to_string(),
                }),
            }
        }
        other => Err(StorageError::from_sdk("TransactWriteItems", other)),
    }
}

/// Why a transaction of orders was cancelled; several reasons may apply at once.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct OrderObstacles {
    /// Another worker has changed an order: read it again.
    pub(crate) has_other_revision: bool,
    /// Another transaction touched one of the same items: retry on another shard.
    pub(crate) has_conflict: bool,
    /// A partition is at its limit: back off and retry.
    pub(crate) is_throttled: bool,
    /// These hours (0 is the first check) are sealed: take the late path for them.
    pub(crate) sealed: Vec<usize>,
    /// These rows (0 is the first one) have no room left: go on in their next overflow rows.
    pub(crate) too_large: Vec<usize>,
}

/// Reads the reasons of a transaction of `orders` order rows, then `seal_checks` checks, then rows.
///
/// # Errors
/// A description of other failures; no retry helps.
pub(crate) fn order_obstacles(
    reasons: &[CancellationReason],
    orders: usize,
    seal_checks: usize,
) -> Result<OrderObstacles, String> {
    let mut obstacles = OrderObstacles::default();
    let first_row = orders + seal_checks;
    for (position, reason) in reasons.iter().enumerate() {
        match reason.code().unwrap_or("None") {
            "ConditionalCheckFailed" if position < orders => obstacles.has_other_revision = true,
            "ConditionalCheckFailed" if position < first_row => {
                obstacles.sealed.push(position - orders)
            }
            "TransactionConflict" => obstacles.has_conflict = true,
            code if is_passing_code(code) => obstacles.is_throttled = true,
            _ if position >= first_row && is_item_size(reason) => {
                obstacles.too_large.push(position - first_row)
            }
            _ => {}
        }
    }
    if obstacles == OrderObstacles::default() { Err(described(reasons)) } else { Ok(obstacles) }
}

/// The actions that failed, in one line.
fn described(reasons: &[CancellationReason]) -> String {
    let failed = reasons
        .iter()
        .enumerate()
        .filter(|(_, reason)| reason.code().is_some_and(|code| code != "None"));
    let described: Vec<String> = failed
        .map(|(position, reason)| {
            let (code, message) =
                (reason.code().unwrap_or_default(), reason.message().unwrap_or_default());
            format!("action {position}: {code} {message}")
        })
        .collect();
    described.join("; ")
}

/// Whether a row is over 400 KB: a validation error that only its message distinguishes.
fn is_item_size(reason: &CancellationReason) -> bool {
    match reason.code() {
        Some("ItemSizeLimitExceeded") => true,
        Some("ValidationError" | "ValidationException") => reason
            .message()
            .is_some_and(|message| message.to_ascii_lowercase().contains("item size")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEAL_CHECKS: usize = 2;
    const ROWS: usize = 2;

    fn reasons(codes: &[&str]) -> Vec<CancellationReason> {
        let reason = |code: &&str| {
            let (code, message) = code.split_once('/').unwrap_or((code, ""));
            CancellationReason::builder().code(code).message(message).build()
        };
        codes.iter().map(reason).collect()
    }

    fn check(codes: &[&str], expected: &Verdict) {
        assert_eq!(verdict(&reasons(codes), SEAL_CHECKS, ROWS), *expected, "{codes:?}");
    }

    #[test]
    fn all_obstacles_of_a_transaction_of_orders_are_reported_at_once() {
        let failed = "ConditionalCheckFailed";
        let large = "ValidationError/Item size to update has exceeded the maximum allowed size";
        let none = OrderObstacles::default;
        for (codes, expected) in [
            (
                ["None", failed, "None", "None", "None"],
                OrderObstacles { has_other_revision: true, ..none() },
            ),
            (
                ["None", "None", "None", failed, "None"],
                OrderObstacles { sealed: vec![1], ..none() },
            ),
            (
                ["None", "None", "None", "None", large],
                OrderObstacles { too_large: vec![0], ..none() },
            ),
            (
                ["TransactionConflict", failed, failed, "ThrottlingError", large],
                OrderObstacles {
                    has_other_revision: true,
                    has_conflict: true,
                    is_throttled: true,
                    sealed: vec![0],
                    too_large: vec![0],
                },
            ),
        ] {
            assert_eq!(
                order_obstacles(&reasons(&codes), 2, SEAL_CHECKS),
                Ok(expected),
                "{codes:?}"
            );
        }
        for codes in [
            ["None", large, "None", "None", "None"],
            ["None", "None", "ValidationError/x", "None", "None"],
        ] {
            let refused =
                order_obstacles(&reasons(&codes), 2, SEAL_CHECKS).expect_err("no retry helps");
            assert!(refused.starts_with("action "), "{refused}");
        }
    }

    #[test]
    fn an_entry_that_exists_means_already_counted_whatever_else_failed() {
        check(&["ConditionalCheckFailed", "None", "None", "None"], &Verdict::AlreadyCounted);
        check(
            &["ConditionalCheckFailed", "None", "None", "TransactionConflict"],
            &Verdict::AlreadyCounted,
        );
        check(
            &["ConditionalCheckFailed", "ConditionalCheckFailed", "None", "ThrottlingError"],
            &Verdict::AlreadyCounted,
        );
    }

    #[test]
    fn a_conflict_anywhere_is_tried_on_another_shard() {
        check(&["None", "None", "None", "TransactionConflict"], &Verdict::Conflict);
        check(&["TransactionConflict", "None", "None", "None"], &Verdict::Conflict);
        check(&["None", "TransactionConflict", "None", "ThrottlingError"], &Verdict::Conflict);
    }

    #[test]
    fn throttling_at_the_ledger_or_at_a_row_backs_off() {
        check(&["ThrottlingError", "None", "None", "None"], &Verdict::Throttled);
        check(&["None", "None", "None", "ProvisionedThroughputExceeded"], &Verdict::Throttled);
        check(&["None", "ConditionalCheckFailed", "None", "ThrottlingError"], &Verdict::Throttled);
    }

    #[test]
    fn a_failed_seal_check_means_sealed() {
        check(&["None", "None", "ConditionalCheckFailed", "None"], &Verdict::Sealed);
        check(
            &["None", "ConditionalCheckFailed", "ConditionalCheckFailed", "None"],
            &Verdict::Sealed,
        );
    }

    #[test]
    fn the_rows_of_a_file_say_what_was_counted_meanwhile() {
        let (ok, failed) = ("None", "ConditionalCheckFailed");
        check(&[ok, ok, ok, ok, ok, ok, failed, ok], &Verdict::OtherVersion);
        check(&[ok, ok, ok, ok, ok, ok, failed, failed], &Verdict::OtherVersion);
        check(&[ok, failed, ok, ok, ok, ok, ok, failed], &Verdict::Copy(7));
        check(&[failed, ok, ok, ok, ok, ok, failed, failed], &Verdict::AlreadyCounted);
    }

    #[test]
    fn a_row_without_room_overflows() {
        let message = "ValidationError/Item size to update has exceeded the maximum allowed size";
        check(&["None", "None", "None", "None", message], &Verdict::TooLarge(vec![1]));
    }

    #[test]
    fn anything_else_is_refused_with_its_position() {
        let refused = Verdict::Refused("action 3: ValidationError wrong type".to_string());
        check(&["None", "None", "None", "ValidationError/wrong type"], &refused);
    }
}
