//! How far visitors and sessions got: the stages of the funnel.

use crate::count::sketch::Sketch;

/// A stage of the funnel. The first one, viewed, is that of all visitors and has no sketch of its
/// own: whoever carts or buys something has seen it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// Something was added to a cart.
    Carted,
    /// A checkout began.
    BeganCheckout,
    /// Something was bought, or an order was created.
    Bought,
}

impl Stage {
    /// All of them, in the order of the funnel.
    pub const ALL: [Stage; 3] = [Stage::Carted, Stage::BeganCheckout, Stage::Bought];

    /// Its name, as answers and the rows of visitors use it.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Carted => "carted",
            Stage::BeganCheckout => "began_checkout",
            Stage::Bought => "bought",
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// The visitors and sessions that had an event of a stage.
#[derive(Clone, Default, Debug)]
pub struct StageVisitors {
    /// The visitors.
    pub visitors: Sketch,
    /// The sessions.
    pub sessions: Sketch,
}

/// The visitors of a period by stage.
#[derive(Clone, Debug)]
pub struct Stages {
    /// Whether all visitors of the period were counted by stage. A build from before there were
    /// stages has not, so of some period they may be missing.
    pub are_complete: bool,
    /// In most periods nobody gets to most stages, so that nothing is kept for them.
    by_stage: [Option<Box<StageVisitors>>; Stage::ALL.len()],
}

/// Nobody, completely: what merging begins with.
impl Default for Stages {
    fn default() -> Stages {
        Stages { are_complete: true, by_stage: Default::default() }
    }
}

impl Stages {
    /// Nobody, of events that are counted by stage or not.
    pub fn of_nobody(are_complete: bool) -> Stages {
        Stages { are_complete, ..Stages::default() }
    }

    /// Those of a stage; `None` if nobody got there.
    pub fn of(&self, stage: Stage) -> Option<&StageVisitors> {
        self.by_stage[stage.index()].as_deref()
    }

    /// Those of a stage, to add to.
    pub fn of_mut(&mut self, stage: Stage) -> &mut StageVisitors {
        self.by_stage[stage.index()].get_or_insert_default()
    }

    /// Adds those of another period.
    ///
    /// **Guarantees**: like merging sketches, it is idempotent, commutative and associative.
    pub fn merge(&mut self, other: &Stages) {
        self.are_complete &= other.are_complete;
        for stage in Stage::ALL {
            if let Some(other) = other.of(stage) {
                self.of_mut(stage).merge(other);
            }
        }
    }
}

impl StageVisitors {
    /// Adds those of another period or stage.
    pub fn merge(&mut self, other: &StageVisitors) {
        for (own, other) in
            [(&mut self.visitors, &other.visitors), (&mut self.sessions, &other.sessions)]
        {
            if !other.is_empty() {
                own.merge(other);
            }
        }
    }
}
