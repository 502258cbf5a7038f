//! Access to posting: a write key allows events of its site.

use lambda_http::http::header::AUTHORIZATION;
use lambda_http::http::{HeaderMap, StatusCode};
use minutebook_domain::event::site::SiteId;
use minutebook_storage::write_keys::WriteKeys;

use crate::collect::body::Refusal;

/// The header for clients that cannot set `Authorization`.
const WRITE_KEY: &str = "x-write-key";

/// What precedes the key in `Authorization`.
///
/// **Source**: RFC 6750, section 2.1; the scheme's name is matched in either case, as RFC 9110
/// says.
const BEARER: &str = "bearer ";

/// The site that the write key of a post is for.
///
/// # Errors
/// 401 without a key or with a wrong one; 503 if the table could not be read, and a retry helps.
pub(crate) async fn site_of_key(
    headers: &HeaderMap,
    keys: &impl WriteKeys,
) -> Result<SiteId, Refusal> {
    let key = key_of(headers).ok_or_else(|| {
        unauthorized("a write key is needed: Authorization: Bearer <key>, or x-write-key: <key>")
    })?;
    // A key is the site, a point, and the secret, which has no point.
    let wrong = || unauthorized("the write key is not known; it may have been revoked");
    let (site, _) = key.rsplit_once('.').ok_or_else(wrong)?;
    let site = SiteId::parse(site).ok_or_else(wrong)?;
    let key_hash = blake3::hash(key.as_bytes()).to_hex();
    match keys.is_known(site.as_str(), &key_hash).await {
        Ok(true) => Ok(site),
        Ok(false) => Err(wrong()),
        Err(error) => {
            tracing::error!(%error, "a write key could not be looked up");
            let detail = "the write key could not be looked up, and nothing was stored; post again in a moment";
            Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail))
        }
    }
}

fn unauthorized(detail: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, detail)
}

fn key_of(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get(WRITE_KEY) {
        return key.to_str().ok().map(str::trim);
    }
    let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, key) = authorization.split_at_checked(BEARER.len())?;
    scheme.eq_ignore_ascii_case(BEARER).then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::http::{HeaderName, HeaderValue};

    #[test]
    fn a_key_is_found_in_either_header() {
        for (name, value, key) in [
            ("authorization", "Bearer shop.1", Some("shop.1")),
            ("authorization", "bearer  shop.1 ", Some("shop.1")),
            ("authorization", "Basic shop.1", None),
            ("authorization", "Bearer", None),
            ("x-write-key", " shop.1 ", Some("shop.1")),
            ("x-other", "shop.1", None),
        ] {
            let name = HeaderName::from_static(name);
            let headers: HeaderMap =
                [(name, HeaderValue::from_static(value))].into_iter().collect();
            assert_eq!(key_of(&headers), key, "{value}");
        }
    }
}
