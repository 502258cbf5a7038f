//! By which time answers add up refunds.

use std::collections::BTreeMap;

use minutebook_oracle::{Decimal, TallyKey};
use minutebook_tests::random::Random;

/// By which time refunds are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Basis {
    /// By their own.
    Refund,
    /// By that of their orders.
    Order,
}

impl Basis {
    /// A random one, by numbers of its own, so that the other questions of a seed stay what they
    /// were.
    pub(super) fn any(age: i64) -> Basis {
        let is_refund = Random::of(&[age.unsigned_abs(), 8]).chance(50);
        if is_refund { Basis::Refund } else { Basis::Order }
    }

    /// The parameter of a question whose answer has the other basis by default.
    pub(super) fn parameter(self, default: Basis) -> Option<(&'static str, &'static str)> {
        let value = match self {
            Basis::Refund => "refund",
            Basis::Order => "order",
        };
        (self != default).then_some(("basis", value))
    }

    /// The same in a query string.
    pub(super) fn in_query(self, default: Basis) -> String {
        let parameter = self.parameter(default);
        parameter.map_or_else(String::new, |(name, value)| format!("&{name}={value}"))
    }

    /// These tallies with the refunds by this time.
    pub(super) fn of(self, tallies: BTreeMap<TallyKey, Decimal>) -> BTreeMap<TallyKey, Decimal> {
        let mut by_basis: BTreeMap<TallyKey, Decimal> = BTreeMap::new();
        for (mut key, number) in tallies {
            if let Some(currency) = key.measure.strip_prefix("refunds_moved:") {
                if self == Basis::Refund {
                    continue;
                }
                key.measure = format!("refunds:{currency}");
            }
            *by_basis.entry(key).or_default() += number;
        }
        by_basis
    }
}
