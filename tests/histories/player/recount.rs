//! Recounts visitors with another secret, as `minutebook recount visitors` does and docs/TABLE.md
//! describes it: one step of the state at a time, with anything between the steps.

use anyhow::{Context, Result, ensure};

use super::{Player, count};
use crate::book::Book;

/// After how many seconds no process works with a state from before.
const STATE_KNOWN_AFTER: i64 = 31;

const STATE: (&str, &str) = ("VISITORS", "state");
const SECRETS: &str = "VISITOR_SECRETS";

/// The state of visitors.
#[derive(Clone, Copy, Debug)]
struct State {
    counting: u32,
    also: Option<u32>,
    clearing: Option<u32>,
}

impl State {
    fn at_rest(counting: u32) -> State {
        State { counting, also: None, clearing: None }
    }

    fn is_at_rest(self) -> bool {
        self.also.is_none() && self.clearing.is_none()
    }

    /// The state of a table; `None` if nothing is counted yet.
    fn of(book: &Book) -> Result<Option<State>> {
        let number = |name| book.number(STATE, name).map(u32::try_from).transpose();
        let Some(counting) = number("counting")? else {
            return Ok(None);
        };
        Ok(Some(State { counting, also: number("also")?, clearing: number("clearing")? }))
    }
}

impl Player<'_> {
    /// Takes the recount of visitors one step further, or begins one, unless some process may still
    /// work with a state from before the last step.
    pub(super) async fn recount_visitors(&mut self) -> Result<()> {
        let is_known = self.state_changed_at + STATE_KNOWN_AFTER <= self.props.now();
        if self.held.is_some() || !is_known {
            return Ok(());
        }
        let book = Book::read(&self.props.store).await?;
        let Some(state) = State::of(&book)? else {
            return Ok(());
        };
        let counting = state.counting;
        let next = match (state.also, state.clearing) {
            (Some(to), _) if to > counting => {
                self.announce_again(&book).await?;
                State { counting: to, also: Some(counting), clearing: None }
            }
            (Some(from), _) => State { counting, also: None, clearing: Some(from) },
            (None, Some(_)) => {
                for (pk, sk) in book.visitors_of_others(counting) {
                    self.props.store.delete_row(pk, sk).await?;
                }
                State::at_rest(counting)
            }
            (None, None) => {
                let secret = format!("{:06}", counting + 1);
                self.props.store.put_row(SECRETS, &secret, &[("seed", 7_919 * counting)]).await?;
                State { also: Some(counting + 1), ..state }
            }
        };
        self.put_state(next).await
    }

    async fn put_state(&mut self, state: State) -> Result<()> {
        let others = [("also", state.also), ("clearing", state.clearing)];
        let others = others.into_iter().filter_map(|(name, number)| Some((name, number?)));
        let numbers: Vec<_> = [("counting", state.counting)].into_iter().chain(others).collect();
        self.props.store.put_row(STATE.0, STATE.1, &numbers).await?;
        self.state_changed_at = self.props.now();
        self.tally.recount_steps += 1;
        Ok(())
    }

    /// Counts each chunk again that has a ledger entry, so that it has the visitors of the new
    /// secret.
    async fn announce_again(&mut self, book: &Book) -> Result<()> {
        let counter = self.cast.ingests[0].ingest(&self.props, 0)?;
        for number in 0..self.chunks.len() {
            if book.has_begun(&self.chunks[number].facts) {
                let is_counted = count(&counter, self.version(number, 0)).await?;
                ensure!(is_counted, "chunk {number} cannot be counted again");
                self.note(Some(number), is_counted);
            }
        }
        Ok(())
    }

    /// Takes the recount to its end, after which the table has rows of one secret only.
    pub(super) async fn end_recount(&mut self) -> Result<()> {
        loop {
            let book = Book::read(&self.props.store).await?;
            let Some(state) = State::of(&book)? else {
                return Ok(());
            };
            if state.is_at_rest() {
                let left = book.visitors_of_others(state.counting);
                ensure!(left.is_empty(), "rows of other secrets are left: {left:?}");
                return Ok(());
            }
            self.pass(STATE_KNOWN_AFTER);
            self.recount_visitors().await.with_context(|| format!("{state:?}"))?;
        }
    }
}
