//! Who may call what: a key, its site and its roles, and the pages that may use one.

pub(crate) mod cors;
mod given;
mod known;

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use lambda_http::http::StatusCode;
use lambda_http::http::header::ORIGIN;
use lambda_http::{Body, Request, Response};
use minutebook_domain::event::site::SiteId;
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::AccessConfig;
use minutebook_storage::api_keys::{ApiKey, ApiKeys, KeyHash, Role};

use crate::access::cors::{Cors, Origins};
use crate::access::known::KnownKeys;
use crate::http::response::problem;

pub(crate) use crate::access::given::{HEADER, PARAMETER};

/// The sentence for a request without a key, or with one that is malformed, unknown, revoked or
/// expired. It is one for all of them, so that nobody learns which keys exist.
const NO_KEY: &str = "this call needs a valid key: Authorization: Bearer <key>, x-api-key: <key>, \
                      or the parameter key; `minutebook keys add` makes one";

/// The sentence for a key that is not for this call. It does not depend on whether the site exists.
const OTHER_KEY: &str = "the key is not for this call: it needs the role that the call asks for, \
                         and the site of the call; `minutebook keys add` makes such a key";

const NOT_LOOKED_UP: &str = "the key could not be looked up, and nothing was done; try again in a \
                             moment";

/// What a call needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// Nothing: everybody gets the same answer.
    Nothing,
    /// Nothing for a short answer; the rest is for those who may see the whole deployment.
    NothingForStatus,
    /// A key with this role. For a question it must be for the site in question.
    Role(Role),
}

/// What a caller may see and store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The only site whose events it may post; `None` is all sites.
    pub only_site: Option<SiteId>,
    /// Whether it may see what is about all sites together.
    pub sees_deployment: bool,
}

/// A request whose caller may make it.
#[derive(Debug)]
pub struct Admitted {
    /// The request, without a key, and with the site of the key if it names none.
    pub request: Request,
    /// Whose request it is.
    pub caller: Caller,
}

/// Decides who may call what.
#[derive(Debug)]
pub struct AccessControl<K> {
    keys: K,
    requires_read_keys: bool,
    requires_write_keys: bool,
    origins: Origins,
    known: Mutex<KnownKeys>,
    clock: Clock,
}

impl Caller {
    /// Whoever calls where no key is needed.
    const ANYONE: Caller = Caller { only_site: None, sees_deployment: false };

    /// Whoever asks where no questions need a key.
    const UNRESTRICTED: Caller = Caller { only_site: None, sees_deployment: true };
}

impl From<ApiKey> for Caller {
    fn from(key: ApiKey) -> Caller {
        let sees_deployment = key.site.is_none() && key.has(Role::Admin);
        Caller { only_site: key.site, sees_deployment }
    }
}

impl<K: ApiKeys> AccessControl<K> {
    /// Decides as the configuration says, by the keys in `keys`.
    pub fn new(config: AccessConfig, keys: K, clock: Clock) -> AccessControl<K> {
        AccessControl {
            keys,
            requires_read_keys: config.requires_read_keys,
            requires_write_keys: config.requires_write_keys,
            origins: Origins::new(config.allowed_origins),
            known: Mutex::default(),
            clock,
        }
    }

    /// Admits a request to a call.
    ///
    /// Where posts need no key, the key of a post still names its site, unless it is a text that
    /// cannot be a key, as a token of a proxy; where questions need none, they have no use for one.
    ///
    /// # Errors
    /// The answer: 401 without a valid key, 403 for one of another role or site, and 503 if the
    /// table could not be read, where a retry helps.
    pub async fn admit(&self, needs: Needs, request: Request) -> Result<Admitted, Response<Body>> {
        let given = given::key_of(&request);
        let caller = match needs {
            Needs::Nothing => Caller::ANYONE,
            Needs::Role(role) if self.requires(role) => {
                let hash = given.as_deref().and_then(KeyHash::of).ok_or_else(unauthorized)?;
                self.caller(role, &hash).await?
            }
            Needs::Role(Role::Write) => match given.as_deref().and_then(KeyHash::of) {
                Some(hash) => self.caller(Role::Write, &hash).await?,
                None => Caller::ANYONE,
            },
            Needs::NothingForStatus if self.requires(Role::Admin) => {
                let hash = given.as_deref().and_then(KeyHash::of);
                // Whoever has no such key, or none that can be looked up, gets the status.
                let caller = match hash {
                    Some(hash) => self.caller(Role::Admin, &hash).await.ok(),
                    None => None,
                };
                caller.unwrap_or(Caller::ANYONE)
            }
            Needs::Role(_) | Needs::NothingForStatus => Caller::UNRESTRICTED,
        };
        let asks_about_site = matches!(needs, Needs::Role(Role::Read | Role::Admin));
        let site = caller.only_site.as_ref().filter(|_| asks_about_site);
        if let Some(site) = site
            && given::sites_of(&request).iter().any(|asked| asked != site.as_str())
        {
            return Err(problem(StatusCode::FORBIDDEN, OTHER_KEY));
        }
        let request = given::stripped(request, site)
            .ok_or_else(|| problem(StatusCode::BAD_REQUEST, "the query cannot be read"))?;
        Ok(Admitted { request, caller })
    }

    /// What the answer to a request says about the pages that may read it.
    pub(crate) fn cors(&self, needs: Needs, request: &Request) -> Cors {
        match needs {
            Needs::Role(role) if self.requires(role) => {
                self.origins.cors(request.headers().get(ORIGIN))
            }
            _ => Cors::Any,
        }
    }

    fn requires(&self, role: Role) -> bool {
        match role {
            Role::Read | Role::Admin => self.requires_read_keys,
            Role::Write => self.requires_write_keys,
        }
    }

    /// The caller whose key has this hash and role.
    async fn caller(&self, role: Role, hash: &KeyHash) -> Result<Caller, Response<Body>> {
        let now = self.clock.now();
        let key = self.key(hash, now).await?;
        let key = key.filter(|key| !key.has_expired(now)).ok_or_else(unauthorized)?;
        if key.has(role) {
            Ok(Caller::from(key))
        } else {
            Err(problem(StatusCode::FORBIDDEN, OTHER_KEY))
        }
    }

    async fn key(
        &self,
        hash: &KeyHash,
        now: DateTime<Utc>,
    ) -> Result<Option<ApiKey>, Response<Body>> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = known().get(hash, now);
        if remembered.is_some() {
            return Ok(remembered);
        }
        let found = self.keys.api_key(hash).await.map_err(|error| {
            tracing::error!(%error, "a key could not be looked up");
            problem(StatusCode::SERVICE_UNAVAILABLE, NOT_LOOKED_UP)
        })?;
        if let Some(key) = &found {
            known().insert(hash.clone(), key.clone(), now);
        }
        Ok(found)
    }
}

fn unauthorized() -> Response<Body> {
    problem(StatusCode::UNAUTHORIZED, NO_KEY)
}

#[cfg(test)]
mod tests;
