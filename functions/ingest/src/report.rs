//! What the summary line says about a chunk.

use std::collections::BTreeSet;

use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::chunk::{Outcomes, Refusal};
use minutebook_domain::count::secret::SecretNumber;
use minutebook_domain::plan::PlanInputs;
use minutebook_storage::committer::CommitEffort;

/// How a chunk ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// This attempt committed its last part. Of all attempts at a chunk exactly one does, so its
    /// lines are in the metrics once.
    Counted,
    /// Another attempt committed its last part.
    Duplicate,
    /// No line of it can ever be counted. This attempt recorded that it is refused; of all attempts
    /// at a chunk exactly one does.
    Refused,
    /// It was refused before.
    RefusedBefore,
    /// The object was deleted before it could be read.
    Gone,
    /// Other bytes are stored under its key; they have their own notification.
    Replaced,
}

/// What the summary line says about a chunk.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub ending: Ending,
    /// Its id; `None` if it was not read.
    pub chunk: Option<ChunkId>,
    /// The chunk of another file that has counted the same bytes, if one has.
    pub copy_of: Option<String>,
    /// What its visitors are counted with; `None` if it was not read.
    pub visitors: Option<CountedVisitors>,
    /// Its stored size.
    pub size_bytes: u64,
    /// What became of its lines.
    pub outcomes: Outcomes,
    /// Why it is refused, if it is.
    pub refusal: Option<Refusal>,
    /// The number of parts of its plan.
    pub parts: usize,
    /// The minutes (of a site) that were counted only in their hours, days, weeks and months,
    /// because minutes of that age are no longer kept.
    pub minutes_expired: u64,
    /// What this attempt committed, and the conflicts and throttles that it met.
    pub effort: CommitEffort,
}

impl Report {
    pub(crate) fn unread(ending: Ending) -> Report {
        Report {
            ending,
            chunk: None,
            copy_of: None,
            visitors: None,
            size_bytes: 0,
            outcomes: Outcomes::default(),
            refusal: None,
            parts: 0,
            minutes_expired: 0,
            effort: CommitEffort::default(),
        }
    }
}

/// With which secrets the visitors of a chunk are counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CountedVisitors {
    /// The plan inputs of the chunk, which name the secret that it was planned with.
    pub inputs: PlanInputs,
    /// The other ones, as the ledger entry of part 0 says.
    pub recounted_with: BTreeSet<SecretNumber>,
    /// Those with which this attempt counted, perhaps more than the ledger entry says.
    pub written: BTreeSet<SecretNumber>,
}
