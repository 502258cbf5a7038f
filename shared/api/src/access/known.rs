//! The keys that a process remembers.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use minutebook_storage::api_keys::{ApiKey, KeyHash};

/// How long a process trusts a key that it has looked up. No revoked key works for longer.
pub(crate) const KEY_REMEMBERED: TimeDelta = TimeDelta::seconds(30);

/// How many keys a process remembers: a few hundred bytes each, and more than are in use within
/// half a minute.
pub(crate) const KEYS_REMEMBERED_MAX: usize = 1_000;

/// Keys that were found, each with the time before it was looked up. Those that were not found are
/// not remembered: they could be added at any moment, and anybody can think of many.
#[derive(Debug, Default)]
pub(crate) struct KnownKeys(BTreeMap<KeyHash, (ApiKey, DateTime<Utc>)>);

impl KnownKeys {
    /// A key, unless it was looked up too long ago.
    pub(crate) fn get(&self, hash: &KeyHash, now: DateTime<Utc>) -> Option<ApiKey> {
        let (key, asked_at) = self.0.get(hash)?;
        is_fresh(*asked_at, now).then(|| key.clone())
    }

    /// Remembers a key that was asked for at this time.
    pub(crate) fn insert(&mut self, hash: KeyHash, key: ApiKey, asked_at: DateTime<Utc>) {
        if self.0.len() >= KEYS_REMEMBERED_MAX {
            self.0.retain(|_, (_, known_at)| is_fresh(*known_at, asked_at));
        }
        if self.0.len() >= KEYS_REMEMBERED_MAX {
            // Looking them up again costs a read unit each.
            self.0.clear();
        }
        self.0.insert(hash, (key, asked_at));
    }
}

fn is_fresh(asked_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (TimeDelta::zero()..KEY_REMEMBERED).contains(&now.signed_duration_since(asked_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_216_079 + seconds, 0).expect("in range")
    }

    fn hash(number: usize) -> KeyHash {
        KeyHash::of(&format!("mb_{number:064x}")).expect("a key")
    }

    fn key() -> ApiKey {
        ApiKey { site: None, roles: BTreeSet::new(), expires_at: None, share_secret: None }
    }

    #[test]
    fn a_key_is_forgotten_after_half_a_minute_and_when_the_clock_goes_back() {
        let mut known = KnownKeys::default();
        known.insert(hash(1), key(), at(0));
        for (seconds, is_known) in [(0, true), (29, true), (30, false), (-1, false)] {
            assert_eq!(known.get(&hash(1), at(seconds)).is_some(), is_known, "{seconds} s later");
        }
        assert_eq!(known.get(&hash(2), at(0)), None);
    }

    #[test]
    fn only_so_many_keys_are_remembered_and_the_newest_always_is() {
        let mut known = KnownKeys::default();
        for number in 0..KEYS_REMEMBERED_MAX * 3 {
            let now = at(if number < KEYS_REMEMBERED_MAX / 2 { 0 } else { 40 });
            known.insert(hash(number), key(), now);
            assert!(known.0.len() <= KEYS_REMEMBERED_MAX);
            assert!(known.get(&hash(number), now).is_some());
            // Those that are stale go first.
            let is_first_removal = number == KEYS_REMEMBERED_MAX;
            assert!(!is_first_removal || known.0.len() == KEYS_REMEMBERED_MAX / 2 + 1);
        }
    }
}
