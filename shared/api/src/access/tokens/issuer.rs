//! The keys of the issuer of tokens: where they are found, and how long they are remembered.
//!
//! **Source**: OpenID Connect Discovery 1.0, section 4 (the document that names the set of keys),
//! RFC 7517 (the set)

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::Jwk;
use minutebook_runtime::http::{GetError, HttpClient};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::access::tokens::signatures::VerifyingKey;

/// What follows the issuer in the URL of the document about it.
const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

/// How long keys are remembered. A key that the issuer withdraws works no longer than that.
pub(crate) const KEYS_REMEMBERED: TimeDelta = TimeDelta::hours(1);

/// The pause before keys are fetched again, for a token of a key that is not known or because they
/// are old. Anybody can make up names of keys, which must not become requests to the issuer; a new
/// key of the issuer waits no longer than that.
pub(crate) const FETCH_PAUSE: TimeDelta = TimeDelta::minutes(1);

/// The same pause as long as no keys are known, and no token works: short, to recover quickly, but
/// not so short that an issuer in trouble gets a request for each of ours.
pub(crate) const FIRST_FETCH_PAUSE: TimeDelta = TimeDelta::seconds(5);

/// How long a fetch may take: its two requests take a fraction of a second each, and somebody waits.
pub(crate) const FETCH_TIME_MAX: Duration = Duration::from_secs(4);

/// The size of each of the two documents. Those of the large issuers have less than 30 kB.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// The keys cannot be had, and the one that is asked for is not remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoKeys;

/// The keys of an issuer.
#[derive(Debug)]
pub(crate) struct IssuerKeys {
    issuer: String,
    /// Locked while they are fetched, so that requests at once become one fetch.
    known: Mutex<Known>,
}

#[derive(Default, Debug)]
struct Known {
    /// By the name of the key, `kid`.
    keys: BTreeMap<String, VerifyingKey>,
    /// When these keys were fetched; `None` is never.
    fetched_at: Option<DateTime<Utc>>,
    /// When they were last asked for, whether or not they could be had.
    asked_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Each key is read by itself: one of a kind that this version does not know costs no other.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Get(#[from] GetError),
    #[error("{url} cannot be read: {error}")]
    Malformed { url: String, error: serde_json::Error },
    #[error("{url} is about the issuer {issuer:?}")]
    OtherIssuer { url: String, issuer: String },
    #[error("the issuer took longer than {FETCH_TIME_MAX:?}")]
    TooLate(#[from] tokio::time::error::Elapsed),
}

impl IssuerKeys {
    /// No keys yet: they are fetched when the first one is asked for.
    pub(crate) fn new(issuer: String) -> IssuerKeys {
        IssuerKeys { issuer, known: Mutex::default() }
    }

    /// The key with this name; `None` if the issuer has none. If the keys cannot be fetched again,
    /// those that are remembered serve on.
    ///
    /// # Errors
    /// [`NoKeys`]; a retry in some seconds helps.
    pub(crate) async fn key(
        &self,
        kid: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<VerifyingKey>, NoKeys> {
        let mut known = self.known.lock().await;
        let is_known = known.keys.contains_key(kid);
        if !(is_known && is_within(known.fetched_at, KEYS_REMEMBERED, now)) {
            let pause = if known.fetched_at.is_some() { FETCH_PAUSE } else { FIRST_FETCH_PAUSE };
            if !is_within(known.asked_at, pause, now) {
                known.asked_at = Some(now);
                match self.fetch().await {
                    Ok(keys) => (known.keys, known.fetched_at) = (keys, Some(now)),
                    Err(error) => tracing::error!(%error, "the issuer's keys cannot be fetched"),
                }
            }
        }
        match known.keys.get(kid) {
            Some(key) => Ok(Some(key.clone())),
            // The last answer of the issuer has no such key.
            None if known.fetched_at.is_some() && known.fetched_at == known.asked_at => Ok(None),
            None => Err(NoKeys),
        }
    }

    async fn fetch(&self) -> Result<BTreeMap<String, VerifyingKey>, FetchError> {
        tokio::time::timeout(FETCH_TIME_MAX, self.fetch_both()).await?
    }

    async fn fetch_both(&self) -> Result<BTreeMap<String, VerifyingKey>, FetchError> {
        // Connections that are kept would be dead an hour later.
        let client = HttpClient::new();
        let url = format!("{}{DISCOVERY_PATH}", self.issuer.trim_end_matches('/'));
        let Discovery { issuer, jwks_uri } = document(&client, &url).await?;
        if issuer != self.issuer {
            return Err(FetchError::OtherIssuer { url, issuer });
        }
        let KeySet { keys } = document(&client, &jwks_uri).await?;
        let keys = keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let named = |key: Jwk| Some((key.common.key_id.clone()?, VerifyingKey::of(&key)?));
        Ok(keys.filter_map(named).collect())
    }
}

async fn document<T: for<'a> Deserialize<'a>>(
    client: &HttpClient,
    url: &str,
) -> Result<T, FetchError> {
    let text = client.get(url, DOCUMENT_BYTES_MAX).await?;
    let malformed = |error| FetchError::Malformed { url: url.to_string(), error };
    serde_json::from_slice(&text).map_err(malformed)
}

fn is_within(at: Option<DateTime<Utc>>, time: TimeDelta, now: DateTime<Utc>) -> bool {
    at.is_some_and(|at| (TimeDelta::zero()..time).contains(&now.signed_duration_since(at)))
}
