//! The keys of the API: what a caller may do, by the hash of its key. The table has no key itself.

pub mod share_key;

use std::collections::BTreeSet;
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use minutebook_domain::event::site::SiteId;

use crate::error::StorageError;
use crate::keys;
use crate::table::{Item, Table, key, malformed, text, time_if_any};

/// What a key begins with. 64 lower-case hex digits follow: 32 random bytes.
const PREFIX: &str = "mb_";

/// The site of a key for all sites, in its row.
const ALL_SITES: &str = "*";

/// What a key allows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// To ask questions.
    Read,
    /// To post events.
    Write,
    /// Everything, and with a key for all sites also what is about the whole deployment.
    Admin,
}

impl Role {
    /// The name, as in the row.
    pub fn name(self) -> &'static str {
        match self {
            Role::Read => "read",
            Role::Write => "write",
            Role::Admin => "admin",
        }
    }
}

/// What is known about a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKey {
    /// Its site; `None` is all sites.
    pub site: Option<SiteId>,
    /// Its roles.
    pub roles: BTreeSet<Role>,
    /// When it stops working; `None` is never.
    pub expires_at: Option<DateTime<Utc>>,
    /// What [share keys](crate::api_keys::share_key) are made from it with; `None` if none can be.
    pub share_secret: Option<ShareSecret>,
}

impl ApiKey {
    /// Whether it has a role, or all of them.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role) || self.roles.contains(&Role::Admin)
    }

    /// Whether it has stopped working.
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

/// The BLAKE3 of a key, in 64 lower-case hex digits.
///
/// Rows are found by it, so that no secret is ever compared: how long a lookup takes says something
/// about hashes, which nobody can choose.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct KeyHash(String);

impl KeyHash {
    /// The hash of a key; `None` for a text that cannot be one.
    pub fn of(text: &str) -> Option<KeyHash> {
        let digits = text.strip_prefix(PREFIX)?;
        hash_of_digits(digits)?;
        Some(KeyHash(blake3::hash(text.as_bytes()).to_hex().to_string()))
    }

    /// The hash with these digits; `None` for a text that is no hash.
    pub fn of_digits(digits: &str) -> Option<KeyHash> {
        hash_of_digits(digits).map(|hash| KeyHash(hash.to_hex().to_string()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads 64 lower-case hex digits.
pub(crate) fn hash_of_digits(digits: &str) -> Option<blake3::Hash> {
    let is_lower = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_lower.then(|| blake3::Hash::from_hex(digits).ok()).flatten()
}

/// The secret that the [share keys](crate::api_keys::share_key) of a key are signed with: 32 random
/// bytes in its row.
#[derive(Clone, PartialEq, Eq)]
pub struct ShareSecret([u8; 32]);

impl ShareSecret {
    /// Reads 64 lower-case hex digits.
    pub fn parse(digits: &str) -> Option<ShareSecret> {
        hash_of_digits(digits).map(|hash| ShareSecret(*hash.as_bytes()))
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

// A secret is in no log.
impl fmt::Debug for ShareSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ShareSecret")
    }
}

/// Where keys are looked up: the table, or a stand-in for it in tests.
pub trait ApiKeys: Sync {
    /// The key with this hash; `None` if there is none. The read is consistent: it finds a key that
    /// was just added, and none that was just revoked.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn api_key(
        &self,
        hash: &KeyHash,
    ) -> impl Future<Output = Result<Option<ApiKey>, StorageError>> + Send;
}

impl ApiKeys for Table {
    async fn api_key(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StorageError> {
        let row = key(keys::api_keys_partition(hash.as_str()), hash.0.clone());
        self.get(row, "GetItem of a key").await?.as_ref().map(read).transpose()
    }
}

fn read(item: &Item) -> Result<ApiKey, StorageError> {
    let site = match text(item, "site")? {
        ALL_SITES => None,
        site => Some(
            SiteId::parse(site)
                .ok_or_else(|| malformed(item, format!("site is {site:?}, not a site")))?,
        ),
    };
    let Some(AttributeValue::Ss(names)) = item.get("roles") else {
        return Err(malformed(item, "roles is no set of texts".to_string()));
    };
    // A role that this build does not know allows nothing.
    let roles = [Role::Read, Role::Write, Role::Admin].into_iter();
    let roles = roles.filter(|role| names.iter().any(|name| name == role.name())).collect();
    let share_secret = item.get("share_secret").map(|_| {
        // The row is named, and what is in it is not.
        let secret = ShareSecret::parse(text(item, "share_secret")?);
        secret.ok_or_else(|| malformed(item, "share_secret is not 64 hex digits".to_string()))
    });
    let expires_at = time_if_any(item, "expires_at")?;
    Ok(ApiKey { site, roles, expires_at, share_secret: share_secret.transpose()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use serde_json::{Value, json};

    fn hash() -> KeyHash {
        KeyHash::of(&format!("{PREFIX}{}", "0".repeat(64))).expect("a key")
    }

    async fn found(row: Value) -> Result<Option<ApiKey>, String> {
        let replay = Replay::default().answer("GetItem", row);
        let found = replay.table().api_key(&hash()).await.map_err(|error| error.to_string());
        let request = replay.calls()[0].request.clone();
        assert_eq!(request["ConsistentRead"], true);
        let (digit, sort_key) = (&hash().0[..1], &request["Key"]["sk"]["S"]);
        assert_eq!(request["Key"]["pk"]["S"], format!("KEYS#{digit}"));
        assert_eq!(sort_key, hash().as_str());
        found
    }

    #[test]
    fn a_key_is_a_prefix_and_64_digits() {
        let digits = "0123456789abcdef".repeat(4);
        let key = format!("mb_{digits}");
        let expected = blake3::hash(key.as_bytes()).to_hex().to_string();
        assert_eq!(KeyHash::of(&key).map(|hash| hash.0), Some(expected));
        let (upper, longer) = (format!("mb_{}", digits.to_uppercase()), format!("{key}0"));
        for text in ["", "mb_", &digits, &upper, &longer, &key[..66], &key.replace('_', "-")] {
            assert_eq!(KeyHash::of(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn a_row_says_site_roles_and_expiry() {
        let row = json!({"Item": {
            "site": {"S": "shop"}, "roles": {"SS": ["write", "paint"]}, "label": {"S": "till 7"},
            "created_at": {"S": "2026-11-20T23:07:59Z"}, "expires_at": {"S": "2026-12-20T23:07:59Z"},
            "share_secret": {"S": "01".repeat(32)},
        }});
        let key = found(row).await.expect("read").expect("a key");
        assert_eq!(key.site, SiteId::parse("shop"));
        assert_eq!(key.share_secret, ShareSecret::parse(&"01".repeat(32)));
        assert_eq!(
            [Role::Read, Role::Write, Role::Admin].map(|role| key.has(role)),
            [false, true, false]
        );
        let at = |time: &str| time.parse().expect("a time");
        assert!(!key.has_expired(at("2026-12-20T23:07:58Z")));
        assert!(key.has_expired(at("2026-12-20T23:07:59Z")));

        let row = json!({"Item": {"site": {"S": "*"}, "roles": {"SS": ["admin"]}}});
        let key = found(row).await.expect("read").expect("a key");
        assert!(key.site.is_none() && key.expires_at.is_none() && key.share_secret.is_none());
        assert!([Role::Read, Role::Write, Role::Admin].iter().all(|role| key.has(*role)));
    }

    #[tokio::test]
    async fn no_row_is_no_key_and_a_broken_one_an_error() {
        assert_eq!(found(json!({})).await, Ok(None));
        for (row, named) in [
            (json!({"roles": {"SS": ["read"]}}), "site"),
            (json!({"site": {"S": "a b"}, "roles": {"SS": ["read"]}}), "site"),
            (json!({"site": {"S": "shop"}, "roles": {"S": "read"}}), "roles"),
            (
                json!({"site": {"S": "*"}, "roles": {"SS": ["read"]}, "expires_at": {"S": "soon"}}),
                "expires_at",
            ),
            (
                json!({"site": {"S": "*"}, "roles": {"SS": ["read"]}, "share_secret": {"S": "x"}}),
                "share_secret",
            ),
        ] {
            let error = found(json!({"Item": row})).await.expect_err("malformed");
            assert!(error.contains(named), "{error}");
        }
    }
}
