//! The answers to posts.

use chrono::SecondsFormat;
use minutebook_domain::chunk::precheck::RejectedLine;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer to a single object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Received {
    pub(crate) message: &'static str,
}

/// What became of the lines of a post.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Accepted<'a> {
    /// How many lines are stored.
    pub(crate) accepted: u64,
    #[serde(flatten)]
    pub(crate) rejected: RejectedAnswer,
    /// The key of the object that they are stored as.
    pub(crate) chunk: &'a str,
}

/// The lines that are no events.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OfPost")]
pub(crate) struct RejectedAnswer {
    /// The lines that are not stored; of more than 50 the first.
    rejected: Vec<RejectedLineAnswer>,
    /// How many there are, if there are more than are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_total: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RejectedLine")]
struct RejectedLineAnswer {
    /// The line, or the element of an array, from 1.
    line: u64,
    /// The element of its `events`, from 1, if only that is rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<u64>,
    reason: String,
    /// What its time was taken for, if it is in the future.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
}

impl RejectedAnswer {
    /// The listed lines, of so many.
    pub(crate) fn of(rejected: &[RejectedLine], rejected_lines: u64) -> RejectedAnswer {
        let line = |line: &RejectedLine| RejectedLineAnswer {
            line: line.number,
            event: line.event,
            reason: line.reason.to_string(),
            time: line.time.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true)),
        };
        let is_cut = rejected_lines > rejected.len() as u64;
        RejectedAnswer {
            rejected: rejected.iter().map(line).collect(),
            rejected_total: is_cut.then_some(rejected_lines),
        }
    }
}
