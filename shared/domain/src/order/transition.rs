//! From what the counters have of an order to what is known about it now, in steps that each fit
//! into one transaction.

use crate::order::contribution::Counted;
use crate::order::facts::OrderFacts;

/// What is known about an order, and how much of it the counters have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderState<'a> {
    /// What is known.
    pub facts: &'a OrderFacts,
    /// What the counters have.
    pub counted: Counted,
}

impl<'a> OrderState<'a> {
    /// The state in which the counters have everything.
    pub fn all_of(facts: &'a OrderFacts) -> OrderState<'a> {
        OrderState { facts, counted: facts.all_counted() }
    }

    /// The next state on the way to the counters having all of `after`: that itself, if the change
    /// fits into one transaction.
    ///
    /// Otherwise the refunds of the facts before are taken back, some in each step, then the facts
    /// change, whose counters without refunds fit, then the refunds of the facts after are added,
    /// some in each step. One refund always fits.
    pub fn next(
        self,
        after: &'a OrderFacts,
        fits: impl Fn(OrderState<'a>) -> bool,
    ) -> OrderState<'a> {
        let all = OrderState::all_of(after);
        let has_refunds = self.facts.refund_count() > 0 || after.refund_count() > 0;
        if !has_refunds || fits(all) {
            return all;
        }
        let with = |facts, count| OrderState { facts, counted: Counted::Refunds(count) };
        let count = match self.counted {
            Counted::Version1 => 0,
            Counted::Refunds(count) => count,
        };
        if self.facts == after && self.counted != Counted::Version1 {
            let more = |more: usize| with(after, count + more.max(1));
            return halves(after.refund_count().saturating_sub(count))
                .map(more)
                .find(|state| fits(*state))
                .unwrap_or(more(1));
        }
        if count == 0 {
            return with(after, 0);
        }
        let fewer = |fewer: usize| with(self.facts, count - fewer.clamp(1, count));
        halves(count).map(fewer).find(|state| fits(*state)).unwrap_or(fewer(1))
    }
}

/// The number, its half, and so on.
fn halves(number: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(number), |number| Some(number / 2).filter(|half| *half > 0))
}

#[cfg(test)]
#[path = "transition_tests.rs"]
mod tests;
