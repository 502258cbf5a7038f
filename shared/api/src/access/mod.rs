//! Who may call what: a key or a token, its sites and its roles, and the pages that may use one.

pub(crate) mod cors;
mod given;
mod grant;
mod known;
pub(crate) mod sharing;
mod tokens;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Request, Response};
use minutebook_domain::event::site::{SiteId, only_site};
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::AccessConfig;
use minutebook_storage::api_keys::share_key::ShareKey;
use minutebook_storage::api_keys::{ApiKey, ApiKeys, KeyHash, Role};
use minutebook_storage::connections::Connection;
use minutebook_storage::error::StorageError;
use minutebook_storage::site::known_settings::KnownSettings;
use minutebook_storage::site::settings::SettingsSource;

use crate::access::cors::{Cors, Origins};
use crate::access::grant::Grant;
use crate::access::known::KnownKeys;
use crate::access::sharing::Sharing;
use crate::access::tokens::{TokenError, Tokens};
use crate::http::response::problem;

pub(crate) use crate::access::given::{HEADER, PARAMETER};

/// The sentence for a request without a key or token, or with one that is malformed, unknown,
/// revoked or expired. It is one for all of them, so that nobody learns which keys exist.
const NO_KEY: &str = "this call needs a valid key or token: Authorization: Bearer <key>, \
                      x-api-key: <key>, or the parameter key; `minutebook keys add` makes a key";

/// The sentence for a key or token that is not for this call. It does not depend on whether the site
/// exists.
const OTHER_KEY: &str = "the key or token is not for this call: it needs the role that the call \
                         asks for, and the site of the call, which a token for several sites has \
                         to name; `minutebook keys add` makes such a key";

const NOT_CHECKED: &str = "the key or token could not be checked, and nothing was done; try again \
                           in a moment";

/// What a call needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// Nothing: everybody gets the same answer.
    Nothing,
    /// Nothing for a short answer; the rest is for those who may see the whole deployment.
    NothingForStatus,
    /// A key or token with this role. For a question it must be for the site in question.
    Role(Role),
}

/// What a caller may see and store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The sites that it may ask about and whose events it may post; `None` is all sites.
    pub sites: Option<BTreeSet<SiteId>>,
    /// Whether it may see what is about all sites together.
    pub sees_deployment: bool,
    /// Whether it can let others read.
    pub sharing: Sharing,
}

/// A request whose caller may make it.
#[derive(Debug)]
pub struct Admitted {
    /// The request, without a key, and with the site of its caller if it names none and there is
    /// one.
    pub request: Request,
    /// Whose request it is.
    pub caller: Caller,
}

/// What a socket is opened with, as far as it decides how long it may be used.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Pass {
    /// The key, if it is one.
    pub(crate) key: Option<KeyHash>,
    /// When the key or the token expires, if it does.
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// Decides who may call what.
#[derive(Debug)]
pub struct AccessControl<K> {
    table: K,
    requires_read_keys: bool,
    requires_write_keys: bool,
    origins: Origins,
    known: Mutex<KnownKeys>,
    tokens: Option<Tokens>,
    settings: Arc<KnownSettings>,
    clock: Clock,
}

/// What a request gives to say whose it is.
#[derive(Debug)]
enum Credential {
    Key(KeyHash),
    ShareKey(Box<ShareKey>),
    Token(String),
}

impl Caller {
    /// Whoever calls where no key is needed.
    const ANYONE: Caller =
        Caller { sites: None, sees_deployment: false, sharing: Sharing::NotNeeded };

    /// Whoever asks where no questions need a key.
    const UNRESTRICTED: Caller =
        Caller { sites: None, sees_deployment: true, sharing: Sharing::NotNeeded };
}

impl Grant {
    /// The caller, if it has a role for any site.
    fn caller(self, role: Role) -> Option<Caller> {
        let is_admin = self.roles.contains(&Role::Admin);
        let has_site = self.sites.as_ref().is_none_or(|sites| !sites.is_empty());
        let sees_deployment = self.sites.is_none() && is_admin;
        let has_role = is_admin || self.roles.contains(&role);
        let Grant { sites, sharing, .. } = self;
        (has_role && has_site).then_some(Caller { sites, sees_deployment, sharing })
    }
}

impl Admitted {
    /// The sites that the request is about: those that it names, or else those of its caller. None
    /// if that is for the handler or the events to say.
    pub(crate) fn sites(&self) -> Vec<String> {
        let named = given::sites_of(&self.request);
        let of_caller = || self.caller.sites.iter().flatten().map(SiteId::to_string).collect();
        if named.is_empty() { of_caller() } else { named }
    }
}

impl<K: ApiKeys + SettingsSource> AccessControl<K> {
    /// Decides as the configuration says, by the keys and the settings of sites in `table` and the
    /// tokens of the issuer.
    pub fn new(
        config: AccessConfig,
        table: K,
        settings: Arc<KnownSettings>,
        clock: Clock,
    ) -> AccessControl<K> {
        AccessControl {
            table,
            requires_read_keys: config.requires_read_keys,
            requires_write_keys: config.requires_write_keys,
            origins: Origins::new(config.allowed_origins),
            known: Mutex::default(),
            tokens: config.jwt.map(Tokens::new),
            settings,
            clock,
        }
    }

    /// Admits a request to a call.
    ///
    /// Where posts need no key, the key or token of a post still names its sites, unless it is a text
    /// that cannot be one, as what a proxy asks for; where questions need none, they have no use for
    /// one.
    ///
    /// # Errors
    /// The answer: 401 without a valid key or token, 403 for one of another role or site, and 503 if
    /// the table or the keys of the issuer could not be read, where a retry helps.
    pub async fn admit(&self, needs: Needs, request: Request) -> Result<Admitted, Response<Body>> {
        let credential = self.credential(&request);
        let caller = match needs {
            Needs::Nothing => Caller::ANYONE,
            Needs::Role(role) if self.requires(role) => {
                self.caller(role, &credential.ok_or_else(unauthorized)?).await?
            }
            Needs::Role(Role::Write) => match credential {
                Some(credential) => self.caller(Role::Write, &credential).await?,
                None => Caller::ANYONE,
            },
            Needs::NothingForStatus if self.requires(Role::Admin) => {
                // Whoever has no such key, or none that can be looked up, gets the status.
                let caller = match credential {
                    Some(credential) => self.caller(Role::Admin, &credential).await.ok(),
                    None => None,
                };
                caller.unwrap_or(Caller::ANYONE)
            }
            Needs::Role(_) | Needs::NothingForStatus => Caller::UNRESTRICTED,
        };
        let asks_about_site = matches!(needs, Needs::Role(Role::Read | Role::Admin));
        let sites = caller.sites.as_ref().filter(|_| asks_about_site);
        if sites.is_some_and(|sites| !may_ask(sites, &given::sites_of(&request))) {
            return Err(problem(StatusCode::FORBIDDEN, OTHER_KEY));
        }
        let request = given::stripped(request, sites.and_then(only_site))
            .ok_or_else(|| problem(StatusCode::BAD_REQUEST, "the query cannot be read"))?;
        Ok(Admitted { request, caller })
    }

    /// The current time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// What a question gives that lasts beyond it, for a socket. Whether it admits the question is
    /// for [`admit`](AccessControl::admit) to say.
    ///
    /// # Errors
    /// The answer, as of [`admit`](AccessControl::admit).
    pub(crate) async fn pass(&self, request: &Request) -> Result<Pass, Response<Body>> {
        if !self.requires(Role::Read) {
            return Ok(Pass::default());
        }
        let credential = self.credential(request).ok_or_else(unauthorized)?;
        let expires_at = self.grant(&credential).await?.expires_at;
        let key = match credential {
            Credential::Key(hash) => Some(hash),
            Credential::ShareKey(share_key) => Some(share_key.parent),
            Credential::Token(_) => None,
        };
        Ok(Pass { key, expires_at })
    }

    /// Whether what a socket was opened with still lets it ask about its site. A token does until it
    /// expires; a key may be revoked before.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn still_admits(&self, connection: &Connection) -> Result<bool, StorageError> {
        let Connection { site, key, expires_at, .. } = connection;
        let now = self.clock.now();
        if !self.requires(Role::Read) {
            return Ok(true);
        }
        if expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Ok(false);
        }
        let Some(hash) = key else {
            // One that was opened when no key was required has neither.
            return Ok(expires_at.is_some());
        };
        let key = self.find_key(hash, now).await?;
        Ok(key.is_some_and(|key| {
            key.has(Role::Read) && key.site.as_ref().is_none_or(|of_key| of_key == site)
        }))
    }

    /// Reads which pages sites allow, if that decides about the answer to this page and what is
    /// known is too old.
    pub(crate) async fn read_origins(&self, needs: Needs, origin: Option<&HeaderValue>) {
        if origin.is_none() || !self.is_for_some_pages(needs) {
            return;
        }
        if let Err(error) = self.settings.recent(&self.table, self.clock.now()).await {
            // The call is answered all the same; the page may have to ask again.
            tracing::error!(%error, "the origins that sites allow could not be read");
        }
    }

    /// Which pages may read an answer about these sites. If none are named, the pages of any site
    /// may: a preflight request has no key to tell its site by, and a refusal must not reveal
    /// whether a site exists.
    pub(crate) fn cors(
        &self,
        needs: Needs,
        origin: Option<&HeaderValue>,
        sites: &[String],
    ) -> Cors {
        if !self.is_for_some_pages(needs) {
            return Cors::Any;
        }
        let settings = self.settings.known();
        let is_asked = |site: &str| sites.is_empty() || sites.iter().any(|asked| asked == site);
        let allowed = settings.all().filter(|(site, _)| is_asked(site));
        self.origins.cors(allowed.flat_map(|(_, settings)| &settings.allowed_origins), origin)
    }

    /// Whether only some pages may read the answer of a call.
    fn is_for_some_pages(&self, needs: Needs) -> bool {
        matches!(needs, Needs::Role(role) if self.requires(role))
    }

    fn requires(&self, role: Role) -> bool {
        match role {
            Role::Read | Role::Admin => self.requires_read_keys,
            Role::Write => self.requires_write_keys,
        }
    }

    /// What a request gives that has the form of a key or, where an issuer has any, of a token.
    fn credential(&self, request: &Request) -> Option<Credential> {
        let text = given::key_of(request)?;
        if let Some(hash) = KeyHash::of(&text) {
            return Some(Credential::Key(hash));
        }
        if let Some(key) = ShareKey::parse(&text) {
            return Some(Credential::ShareKey(Box::new(key)));
        }
        (self.tokens.is_some() && tokens::is_token(&text)).then_some(Credential::Token(text))
    }

    /// The caller who gives this and has this role.
    async fn caller(&self, role: Role, credential: &Credential) -> Result<Caller, Response<Body>> {
        let grant = self.grant(credential).await?;
        grant.caller(role).ok_or_else(|| problem(StatusCode::FORBIDDEN, OTHER_KEY))
    }

    async fn grant(&self, credential: &Credential) -> Result<Grant, Response<Body>> {
        let now = self.clock.now();
        match credential {
            Credential::Key(hash) => {
                let key = self.key(hash, now).await?.ok_or_else(unauthorized)?;
                Ok(Grant::of_key(key, hash))
            }
            Credential::ShareKey(share_key) => {
                let parent = self.key(&share_key.parent, now).await?.ok_or_else(unauthorized)?;
                let is_valid = share_key.expires_at > now && sharing::may_make(&parent, share_key);
                is_valid.then(|| Grant::of_share_key(share_key)).ok_or_else(unauthorized)
            }
            Credential::Token(token) => self.grant_of_token(token, now).await,
        }
    }

    async fn grant_of_token(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Grant, Response<Body>> {
        let tokens = self.tokens.as_ref().ok_or_else(unauthorized)?;
        tokens.grant(token, now).await.map_err(|error| match error {
            TokenError::Invalid => unauthorized(),
            TokenError::NoKeys => problem(StatusCode::SERVICE_UNAVAILABLE, NOT_CHECKED),
        })
    }

    /// The key with this hash, if it still works.
    async fn key(
        &self,
        hash: &KeyHash,
        now: DateTime<Utc>,
    ) -> Result<Option<ApiKey>, Response<Body>> {
        self.find_key(hash, now).await.map_err(|error| {
            tracing::error!(%error, "a key could not be looked up");
            problem(StatusCode::SERVICE_UNAVAILABLE, NOT_CHECKED)
        })
    }

    /// The same, for whoever answers no request.
    async fn find_key(
        &self,
        hash: &KeyHash,
        now: DateTime<Utc>,
    ) -> Result<Option<ApiKey>, StorageError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = known().get(hash, now);
        let found = match remembered {
            Some(key) => Some(key),
            None => {
                let found = self.table.api_key(hash).await?;
                if let Some(key) = &found {
                    known().insert(hash.clone(), key.clone(), now);
                }
                found
            }
        };
        Ok(found.filter(|key| !key.has_expired(now)))
    }
}

/// Whether a caller with these sites may ask about those. One with several sites must name one: a
/// call may take none for all of them.
fn may_ask(sites: &BTreeSet<SiteId>, asked: &[String]) -> bool {
    let is_clear = !asked.is_empty() || sites.len() == 1;
    is_clear && asked.iter().all(|asked| sites.iter().any(|site| site.as_str() == asked))
}

fn unauthorized() -> Response<Body> {
    problem(StatusCode::UNAUTHORIZED, NO_KEY)
}

#[cfg(test)]
mod tests;
