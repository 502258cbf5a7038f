//! The rows of the secrets of visitors, and of the state that says which of them count.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::rows::attributes::{Item, number, others, time};

/// The partition of the state.
pub(crate) const STATE_PARTITION: &str = "VISITORS";

/// The sort key of the state.
pub(crate) const STATE: &str = "state";

/// The partition of the secrets.
pub(crate) const SECRETS_PARTITION: &str = "VISITOR_SECRETS";

/// A secret. Number 0 is none: the hash without a seed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct VisitorSecret {
    pub(crate) number: u32,
    pub(crate) seed: u64,
}

/// Which secrets count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct VisitorState {
    /// The one that answers use.
    pub(crate) counting: u32,
    /// The other one that every chunk is counted with, too: a later one until answers use it, then
    /// the one that they used.
    pub(crate) also: Option<u32>,
    /// The one that nothing uses any more and whose rows are to be deleted.
    pub(crate) clearing: Option<u32>,
    /// When this began, unless nothing is going on.
    pub(crate) since: Option<DateTime<Utc>>,
}

impl VisitorSecret {
    /// No secret.
    pub(crate) const NONE: Self = Self { number: 0, seed: 0 };
}

/// Without the seed.
impl fmt::Debug for VisitorSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VisitorSecret({})", self.number)
    }
}

/// The sort key of a secret: `000001`.
pub(crate) fn secret_name(number: u32) -> String {
    format!("{number:06}")
}

pub(super) fn read_secret(
    item: &Item,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<VisitorSecret> {
    let of_name = sk.parse().ok().filter(|number| *number > 0 && secret_name(*number) == sk);
    let Some(secret_number) = of_name else {
        odd("not the keys of a secret".to_owned());
        return None;
    };
    time(item, "created_at").err().into_iter().for_each(|error| odd(error.to_string()));
    others(item, &["created_at", "seed"], odd);
    match number(item, "seed") {
        Ok(seed) => Some(VisitorSecret { number: secret_number, seed }),
        Err(_) => {
            // The error would show it.
            odd("its seed is not a number of 64 bits".to_owned());
            None
        }
    }
}

pub(super) fn read_state(
    item: &Item,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<VisitorState> {
    if sk != STATE {
        odd("not the keys of the state of visitors".to_owned());
        return None;
    }
    others(item, &["counting", "also", "clearing", "since"], odd);
    let read = || {
        let if_any = |name: &str| item.get(name).map(|_| number(item, name)).transpose();
        anyhow::Ok(VisitorState {
            counting: number(item, "counting")?,
            also: if_any("also")?,
            clearing: if_any("clearing")?,
            since: item.get("since").map(|_| time(item, "since")).transpose()?,
        })
    };
    read().map_err(|error| odd(error.to_string())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{item, number, text};

    const TIME: &str = "2026-11-20T23:07:00Z";

    #[test]
    fn secrets_and_states_are_read() {
        let odd = &mut |what: String| panic!("{what}");
        let attributes = [("created_at", text(TIME)), ("seed", number("18446744073709551615"))];
        let secret = read_secret(&item(SECRETS_PARTITION, "000002", &attributes), "000002", odd);
        assert_eq!(secret, Some(VisitorSecret { number: 2, seed: u64::MAX }));
        assert_eq!(format!("{secret:?}"), "Some(VisitorSecret(2))");
        let attributes = [("counting", number("1")), ("also", number("2")), ("since", text(TIME))];
        let state = read_state(&item(STATE_PARTITION, STATE, &attributes), STATE, odd);
        let since = Some(TIME.parse().unwrap());
        let expected = VisitorState { counting: 1, also: Some(2), clearing: None, since };
        assert_eq!(state, Some(expected));
    }

    #[test]
    fn odd_ones_are_named_and_no_seed_is_shown() {
        let mut oddities = Vec::new();
        let mut odd = |what| oddities.push(what);
        let attributes = [("created_at", text(TIME)), ("seed", text("12345"))];
        for name in ["000001", "1", "000000"] {
            assert_eq!(read_secret(&item("p", name, &attributes), name, &mut odd), None);
        }
        assert_eq!(read_state(&item("p", "other", &[]), "other", &mut odd), None);
        assert_eq!(read_state(&item("p", STATE, &[]), STATE, &mut odd), None);
        assert_eq!(
            oddities,
            [
                "its seed is not a number of 64 bits",
                "not the keys of a secret",
                "not the keys of a secret",
                "not the keys of the state of visitors",
                "its counting is None",
            ]
        );
    }
}
