//! What a key or token allows.

use std::collections::BTreeSet;

use minutebook_domain::event::site::SiteId;
use minutebook_storage::api_keys::{ApiKey, Role};

/// What a key or token allows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Grant {
    /// Its sites; `None` is all sites.
    pub(crate) sites: Option<BTreeSet<SiteId>>,
    /// Its roles.
    pub(crate) roles: BTreeSet<Role>,
}

impl From<ApiKey> for Grant {
    fn from(ApiKey { site, roles, .. }: ApiKey) -> Grant {
        Grant { sites: site.map(|site| [site].into()), roles }
    }
}
