//! What a process remembers of the secrets.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use minutebook_domain::count::secret::{SecretNumber, VisitorSecret};
use tokio::sync::Mutex;

use crate::error::StorageError;
use crate::table::{Consistency, Table};
use crate::visitors::state::VisitorState;

/// For how long a process may work with the state that it has read. Whoever changes the state waits
/// for longer before anything relies on the change.
pub const STATE_REMEMBERED: TimeDelta = TimeDelta::seconds(30);

/// A state, and when it was asked for.
#[derive(Debug, Default)]
pub struct RememberedState(Option<(VisitorState, DateTime<Utc>)>);

impl RememberedState {
    /// The state, unless it was asked for too long ago.
    pub fn get(&self, now: DateTime<Utc>) -> Option<VisitorState> {
        let (state, asked_at) = self.0?;
        let age = now.signed_duration_since(asked_at);
        (TimeDelta::zero()..STATE_REMEMBERED).contains(&age).then_some(state)
    }

    /// Remembers a state that was asked for at this time.
    pub fn set(&mut self, state: VisitorState, asked_at: DateTime<Utc>) {
        self.0 = Some((state, asked_at));
    }
}

/// What a process that counts remembers: the state, for [`STATE_REMEMBERED`], and the secrets, which
/// never change.
#[derive(Debug, Default)]
pub struct KnownSecrets {
    state: Mutex<RememberedState>,
    secrets: Mutex<BTreeMap<SecretNumber, VisitorSecret>>,
}

impl KnownSecrets {
    /// The state to plan with. Calls at once read it once.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn state(
        &self,
        table: &Table,
        now: DateTime<Utc>,
    ) -> Result<VisitorState, StorageError> {
        let mut remembered = self.state.lock().await;
        if let Some(state) = remembered.get(now) {
            return Ok(state);
        }
        let state = table.begun_visitor_state(now).await?;
        remembered.set(state, now);
        Ok(state)
    }

    /// The state of now, for a consistent read.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn state_of_now(
        &self,
        table: &Table,
        now: DateTime<Utc>,
    ) -> Result<VisitorState, StorageError> {
        let state = table.read_visitor_state(Consistency::Strong).await?;
        let state = state.unwrap_or_default();
        self.state.lock().await.set(state, now);
        Ok(state)
    }

    /// A secret by its number.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn secret(
        &self,
        table: &Table,
        number: SecretNumber,
    ) -> Result<VisitorSecret, StorageError> {
        let mut secrets = self.secrets.lock().await;
        if let Some(secret) = secrets.get(&number) {
            return Ok(*secret);
        }
        let secret = table.read_visitor_secret(number).await?;
        secrets.insert(number, secret);
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use serde_json::json;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_216_079 + seconds, 0).expect("in range")
    }

    #[test]
    fn a_state_is_forgotten_after_half_a_minute_and_when_the_clock_goes_back() {
        let mut remembered = RememberedState::default();
        assert_eq!(remembered.get(at(0)), None);
        let state = VisitorState { counting: SecretNumber(1), also: None };
        remembered.set(state, at(0));
        for (seconds, is_known) in [(0, true), (29, true), (30, false), (-1, false)] {
            assert_eq!(remembered.get(at(seconds)).is_some(), is_known, "{seconds} s later");
        }
    }

    #[tokio::test]
    async fn a_state_is_read_once_for_many_and_a_secret_once_for_ever() {
        let state = json!({"Items": [{"counting": {"N": "2"}}], "Count": 1});
        let secret = json!({"Item": {"seed": {"N": "7"}}});
        let replay = Replay::default()
            .answer("Query", state.clone())
            .answer("GetItem", secret)
            .answer("Query", state);
        let (table, known) = (replay.table(), KnownSecrets::default());
        let (one, other) = tokio::join!(known.state(&table, at(0)), known.state(&table, at(1)));
        assert_eq!(one.expect("read").counting, other.expect("remembered").counting);
        for _ in 0..2 {
            let secret = known.secret(&table, SecretNumber(2)).await.expect("stored");
            assert_eq!(secret, VisitorSecret::new(7));
        }
        known.state(&table, at(30)).await.expect("read again");
        assert_eq!(replay.operations(), ["Query", "GetItem", "Query"]);
        known.state_of_now(&table, at(31)).await.expect("read whatever is remembered");
        assert_eq!(replay.calls().len(), 4);
    }
}
