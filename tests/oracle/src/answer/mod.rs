//! Answers: rankings and histories, as the API has to give them.

pub(crate) mod history;
pub(crate) mod ranking;
