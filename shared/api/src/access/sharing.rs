//! Letting others read with a share key.

use chrono::{DateTime, Utc};
use minutebook_domain::event::site::SiteId;
use minutebook_storage::api_keys::share_key::ShareKey;
use minutebook_storage::api_keys::{ApiKey, KeyHash, Role, ShareSecret};

/// Whether a caller can let others read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sharing {
    /// Everybody may read.
    NotNeeded,
    /// With share keys of its own key.
    With(Box<Parent>),
    /// It has a token, a share key, or a key from before there were share keys.
    Impossible,
}

/// What share keys are made from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parent {
    hash: KeyHash,
    secret: ShareSecret,
    expires_at: Option<DateTime<Utc>>,
}

impl Sharing {
    /// With share keys of this key.
    pub(crate) fn of(key: &ApiKey, hash: &KeyHash) -> Sharing {
        match key.share_secret.clone().filter(|_| key.has(Role::Read)) {
            Some(secret) => {
                let (hash, expires_at) = (hash.clone(), key.expires_at);
                Sharing::With(Box::new(Parent { hash, secret, expires_at }))
            }
            None => Sharing::Impossible,
        }
    }
}

impl Parent {
    /// Makes a share key. It stops working with this one at the latest.
    pub(crate) fn share(&self, site: SiteId, expires_at: DateTime<Utc>) -> ShareKey {
        let earliest = self.expires_at.map_or(expires_at, |own| own.min(expires_at));
        ShareKey::new(site, earliest, self.hash.clone(), &self.secret)
    }
}

/// Whether a share key was made from this key, which may read its site.
pub(crate) fn may_make(parent: &ApiKey, share_key: &ShareKey) -> bool {
    let has_site = parent.site.as_ref().is_none_or(|site| *site == share_key.site);
    let secret = parent.share_secret.as_ref();
    has_site
        && parent.has(Role::Read)
        && secret.is_some_and(|secret| share_key.is_signed_with(secret))
}
