//! `GET /share_key`: a key for reading one site for some time, for a link that others open.

pub(crate) mod describe;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use minutebook_domain::event::site::{DEFAULT_SITE, SiteId};
use minutebook_domain::query::window::WindowLength;
use minutebook_runtime::clock::Clock;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::Caller;
use crate::access::sharing::Sharing;
use crate::http::answer::Time;
use crate::http::parameters;
use crate::http::response::{json, problem};

/// For how long a key works if nobody says.
const DEFAULT_LIFE: &str = "7d";

const IMPOSSIBLE: &str = "this key or token can make no share key: neither a token, nor a share key, \
                          nor a key from before minutebook had them can; `minutebook keys add` makes \
                          one that can";

/// A key for reading a site.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShareKey")]
struct Answer<'a> {
    site_id: &'a str,
    /// The key; null where nobody needs one.
    key: Option<String>,
    /// When it stops working; null where nobody needs one.
    #[schemars(with = "Option<Time>")]
    expires_at: Option<String>,
}

/// Answers one request; 400 names the parameter that is wrong.
pub(crate) fn handle(request: &Request, caller: &Caller, clock: &Clock) -> Response<Body> {
    let (site, life) = match asked(request.uri().query().unwrap_or_default()) {
        Ok(asked) => asked,
        Err(sentence) => return problem(StatusCode::BAD_REQUEST, &sentence),
    };
    let key = match &caller.sharing {
        Sharing::NotNeeded => None,
        Sharing::Impossible => return problem(StatusCode::FORBIDDEN, IMPOSSIBLE),
        Sharing::With(parent) => {
            let expires_at = clock.now() + TimeDelta::minutes(i64::from(life.minutes()));
            Some(parent.share(site.clone(), expires_at))
        }
    };
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    json(&Answer {
        site_id: site.as_str(),
        expires_at: key.as_ref().map(|key| time(key.expires_at)),
        key: key.map(|key| key.to_string()),
    })
}

fn asked(query: &str) -> Result<(SiteId, WindowLength), String> {
    let (mut site, mut life) = (DEFAULT_SITE.to_string(), DEFAULT_LIFE.to_string());
    for (name, value) in parameters::parameters(query)? {
        match name.as_ref() {
            "site_id" => site = value.into_owned(),
            "expires_in" => life = value.into_owned(),
            _ => {
                return Err(format!(
                    "{name:?} is not a parameter of this call; it takes site_id, expires_in"
                ));
            }
        }
    }
    let life = WindowLength::parse(&life).ok_or_else(|| {
        format!("expires_in is {life:?}; expected minutes, hours or days, from 1m to 400d, as 7d")
    })?;
    Ok((parameters::site_id(&site)?, life))
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_storage::api_keys::share_key::ShareKey;
    use minutebook_storage::api_keys::{ApiKey, KeyHash, Role, ShareSecret};
    use serde_json::{Value, json};

    const NOW: &str = "2026-11-21T12:00:30.9Z";

    fn parent() -> (ApiKey, KeyHash) {
        let key = ApiKey {
            site: None,
            roles: [Role::Read].into(),
            expires_at: Some("2026-11-30T00:00:00Z".parse().expect("a time")),
            share_secret: ShareSecret::parse(&"a1".repeat(32)),
        };
        (key, KeyHash::of(&format!("mb_{}", "0".repeat(64))).expect("a key"))
    }

    fn asked_by(sharing: Sharing, query: &str) -> (u16, Value) {
        let request = lambda_http::http::Request::get(format!("/share_key?{query}"));
        let request = request.body(Body::Empty).expect("a request");
        let caller = Caller { sites: None, sees_deployment: false, sharing };
        let response = handle(&request, &caller, &Clock::new(|| NOW.parse().expect("a time")));
        let body = serde_json::from_slice(response.body().as_ref()).expect("JSON");
        (response.status().as_u16(), body)
    }

    #[test]
    fn a_key_is_made_for_the_site_and_the_time_and_no_longer_than_its_own() {
        let (key, hash) = parent();
        for (query, site, expires_at) in [
            ("site_id=shop", "shop", "2026-11-28T12:00:30Z"),
            ("site_id=shop&expires_in=12h", "shop", "2026-11-22T00:00:30Z"),
            ("expires_in=30d", "default", "2026-11-30T00:00:00Z"),
        ] {
            let (status, answer) = asked_by(Sharing::of(&key, &hash), query);
            assert_eq!((status, &answer["site_id"]), (200, &json!(site)), "{answer}");
            assert_eq!(answer["expires_at"], expires_at);
            let made = answer["key"].as_str().and_then(ShareKey::parse).expect("a share key");
            assert_eq!((made.site.as_str(), &made.parent), (site, &hash));
            assert_eq!(made.expires_at, expires_at.parse::<DateTime<Utc>>().expect("a time"));
            assert!(key.share_secret.as_ref().is_some_and(|secret| made.is_signed_with(secret)));
        }
    }

    #[test]
    fn where_nobody_needs_a_key_there_is_none_and_who_cannot_share_is_told() {
        let open = json!({"site_id": "shop", "key": null, "expires_at": null});
        assert_eq!(asked_by(Sharing::NotNeeded, "site_id=shop"), (200, open));
        let (key, hash) = parent();
        let old = ApiKey { share_secret: None, ..key.clone() };
        let cannot_read = ApiKey { roles: [Role::Write].into(), ..key };
        for sharing in
            [Sharing::Impossible, Sharing::of(&old, &hash), Sharing::of(&cannot_read, &hash)]
        {
            let (status, problem) = asked_by(sharing, "site_id=shop");
            let sentence = problem["error"].as_str().expect("a sentence");
            assert!(status == 403 && sentence.contains("minutebook keys add"), "{problem}");
        }
    }

    #[test]
    fn a_wrong_query_is_400_and_says_what_is_expected() {
        for (query, sentence) in [
            ("expires_in=401d", "from 1m to 400d"),
            ("expires_in=0d", "from 1m to 400d"),
            ("site_id=a%20b", "site_id"),
            ("days=7", "it takes site_id, expires_in"),
            ("site_id=a&site_id=b", "site_id"),
        ] {
            let (status, problem) = asked_by(Sharing::NotNeeded, query);
            let error = problem["error"].as_str().expect("a sentence");
            assert!(status == 400 && error.contains(sentence), "{query}: {error}");
        }
    }
}
