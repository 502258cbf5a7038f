//! JSON Web Tokens of the deployment's issuer, which are taken beside keys.
//!
//! **Source**: RFC 7519 (tokens), RFC 7515 (signatures), RFC 9068 (their use as access tokens)

mod issuer;
mod signatures;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Validation, decode, decode_header};
use minutebook_domain::event::site::SiteId;
use minutebook_runtime::config::JwtConfig;
use minutebook_storage::api_keys::Role;
use serde_json::{Map, Value};

use crate::access::grant::Grant;
use crate::access::sharing::Sharing;
use crate::access::tokens::issuer::{IssuerKeys, NoKeys};
use crate::access::tokens::signatures::{ALGORITHMS, PROVIDER};

/// How far the clocks of the issuer and of this process may be apart.
pub(crate) const LEEWAY: TimeDelta = TimeDelta::seconds(30);

/// The claims that may hold scopes: the standard one of RFC 8693, the one of Entra and Okta for it,
/// and the one of RFC 9068 for roles, which Entra gives to programs.
const SCOPE_CLAIMS: [&str; 3] = ["scope", "scp", "roles"];

/// What scopes begin with. Cognito separates the name of a resource server by a slash.
const SCOPE_PREFIXES: [&str; 2] = ["minutebook:", "minutebook/"];

/// The sites of a token for all sites.
const ALL_SITES: &str = "*";

/// Checks tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    config: JwtConfig,
    keys: IssuerKeys,
}

/// Why a token grants nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TokenError {
    /// It is malformed, forged, expired, or for somebody else. A retry does not help.
    Invalid,
    /// The keys of the issuer could not be had; a retry helps.
    NoKeys,
}

impl From<NoKeys> for TokenError {
    fn from(_: NoKeys) -> TokenError {
        TokenError::NoKeys
    }
}

/// Whether a text has the form of a token: three parts in base64url, of which the signature may be
/// empty, since a token without one is refused and not ignored.
pub(crate) fn is_token(text: &str) -> bool {
    let is_base64url =
        |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let parts: Vec<&str> = text.splitn(4, '.').collect();
    matches!(parts[..], [header, claims, signature] if !header.is_empty() && !claims.is_empty()
        && [header, claims, signature].into_iter().all(is_base64url))
}

impl Tokens {
    /// Checks tokens of the configured issuer. Its keys are fetched with the first token.
    pub(crate) fn new(config: JwtConfig) -> Tokens {
        // It fails if it is installed already, which only tests do.
        let _ = PROVIDER.install_default();
        let keys = IssuerKeys::new(config.issuer.clone());
        Tokens { config, keys }
    }

    /// What a token allows at this time.
    ///
    /// # Errors
    /// [`TokenError`], which says whether a retry helps.
    pub(crate) async fn grant(&self, token: &str, now: DateTime<Utc>) -> Result<Grant, TokenError> {
        let header = decode_header(token).map_err(|_| TokenError::Invalid)?;
        // Without this a text that is never valid could cause requests to the issuer.
        let kid = header.kid.filter(|_| ALGORITHMS.contains(&header.alg));
        let key = self.keys.key(&kid.ok_or(TokenError::Invalid)?, now).await?;
        let key = key.filter(|key| key.algorithms.contains(&header.alg));
        let key = key.ok_or(TokenError::Invalid)?;
        let mut validation = Validation::new(header.alg);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&self.config.audiences);
        // The times are compared with the clock of this process below.
        validation.validate_exp = false;
        let decoded = decode::<Map<String, Value>>(token, &key.key, &validation);
        let claims = decoded.map_err(|_| TokenError::Invalid)?.claims;
        if !is_current(&claims, now) {
            return Err(TokenError::Invalid);
        }
        Ok(Grant {
            sites: sites(claims.get(&self.config.sites_claim)),
            roles: roles(&claims),
            sharing: Sharing::Impossible,
            expires_at: expires_at(&claims),
        })
    }
}

/// Whether now is between `nbf`, which may be missing, and `exp`, which may not.
fn is_current(claims: &Map<String, Value>, now: DateTime<Utc>) -> bool {
    // Both count seconds since 1970, and may have fractions.
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds of this millennium are exact in a double"
    )]
    let seconds = |time: DateTime<Utc>| time.timestamp() as f64;
    let expires_later = |exp: f64| seconds(now - LEEWAY) < exp;
    let has_begun = |nbf: f64| nbf <= seconds(now + LEEWAY);
    claims.get("exp").and_then(Value::as_f64).is_some_and(expires_later)
        && claims.get("nbf").is_none_or(|nbf| nbf.as_f64().is_some_and(has_begun))
}

/// When a token ends, in whole seconds; one that is too large for a time is as good as none.
#[expect(clippy::cast_possible_truncation, reason = "it saturates, and no time is that large")]
fn expires_at(claims: &Map<String, Value>) -> Option<DateTime<Utc>> {
    let seconds = claims.get("exp").and_then(Value::as_f64)?;
    DateTime::from_timestamp(seconds as i64, 0)
}

/// The roles of the scopes of a token. Scopes of other services are ignored.
fn roles(claims: &Map<String, Value>) -> BTreeSet<Role> {
    let scopes = SCOPE_CLAIMS.iter().flat_map(|name| texts(claims.get(*name)));
    let scopes = scopes.flat_map(str::split_ascii_whitespace);
    let role = |scope: &str| {
        let name = SCOPE_PREFIXES.iter().find_map(|prefix| scope.strip_prefix(prefix))?;
        [Role::Read, Role::Write, Role::Admin].into_iter().find(|role| role.name() == name)
    };
    scopes.filter_map(role).collect()
}

/// The sites of a token; `None` is all sites. Texts that cannot be a site are ignored.
fn sites(claim: Option<&Value>) -> Option<BTreeSet<SiteId>> {
    let named = texts(claim);
    (!named.contains(&ALL_SITES)).then(|| named.into_iter().filter_map(SiteId::parse).collect())
}

/// The texts of a claim, which is one or a list of them.
fn texts(claim: Option<&Value>) -> Vec<&str> {
    match claim {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    }
}

#[cfg(test)]
mod tests;
