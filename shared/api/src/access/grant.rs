//! What a key or token allows.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use minutebook_domain::event::site::SiteId;
use minutebook_storage::api_keys::{ApiKey, Role};

/// What a key or token allows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Grant {
    /// Its sites; `None` is all sites.
    pub(crate) sites: Option<BTreeSet<SiteId>>,
    /// Its roles.
    pub(crate) roles: BTreeSet<Role>,
    /// When it ends; `None` is never.
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

impl From<ApiKey> for Grant {
    fn from(ApiKey { site, roles, expires_at }: ApiKey) -> Grant {
        Grant { sites: site.map(|site| [site].into()), roles, expires_at }
    }
}
