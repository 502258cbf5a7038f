//! What a key or token allows.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use minutebook_domain::event::site::SiteId;
use minutebook_storage::api_keys::share_key::ShareKey;
use minutebook_storage::api_keys::{ApiKey, KeyHash, Role};

use crate::access::sharing::Sharing;

/// What a key or token allows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Grant {
    /// Its sites; `None` is all sites.
    pub(crate) sites: Option<BTreeSet<SiteId>>,
    /// Its roles.
    pub(crate) roles: BTreeSet<Role>,
    /// Whether it can let others read.
    pub(crate) sharing: Sharing,
    /// When it ends; `None` is never.
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

impl Grant {
    /// What the key with this hash allows.
    pub(crate) fn of_key(key: ApiKey, hash: &KeyHash) -> Grant {
        let sharing = Sharing::of(&key, hash);
        let ApiKey { site, roles, expires_at, .. } = key;
        Grant { sites: site.map(|site| [site].into()), roles, sharing, expires_at }
    }

    /// What a valid share key allows.
    pub(crate) fn of_share_key(key: &ShareKey) -> Grant {
        let sites = Some([key.site.clone()].into());
        let expires_at = Some(key.expires_at);
        Grant { sites, roles: [Role::Read].into(), sharing: Sharing::Impossible, expires_at }
    }
}
