mod loopback;

use super::*;
use crate::access::tokens::issuer::{
    DOCUMENT_BYTES_MAX, FETCH_PAUSE, FETCH_TIME_MAX, FIRST_FETCH_PAUSE, KEYS_REMEMBERED,
};
use crate::access::{AccessControl, Caller, Needs, Pass};
use lambda_http::http::header::WWW_AUTHENTICATE;
use lambda_http::{Body, Response};
use loopback::{Issuer, Mode, Pairs, base64url};
use minutebook_domain::event::settings::SettingsRevision;
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::AccessConfig;
use minutebook_storage::api_keys::{ApiKey, ApiKeys, KeyHash};
use minutebook_storage::connections::Connection;
use minutebook_storage::error::StorageError;
use minutebook_storage::site::settings::{Revision, SettingsSource};
use minutebook_storage::table::Consistency;
use serde_json::json;
use std::sync::{Arc, Mutex};

const NOW: &str = "2026-11-21T12:00:30Z";

const READ: Needs = Needs::Role(Role::Read);
const WRITE: Needs = Needs::Role(Role::Write);

/// A table that has no keys, and that no token asks for one.
struct NoTable;

impl ApiKeys for NoTable {
    async fn api_key(&self, _: &KeyHash) -> Result<Option<ApiKey>, StorageError> {
        panic!("a token is looked up in the table");
    }
}

impl SettingsSource for NoTable {
    async fn revisions_after(
        &self,
        _: SettingsRevision,
        _: Consistency,
    ) -> Result<Vec<Revision>, StorageError> {
        panic!("a token needs no settings");
    }
}

/// A deployment with an issuer, whose clock the test sets.
struct World {
    issuer: Issuer,
    pairs: Pairs,
    now: Arc<Mutex<DateTime<Utc>>>,
    access: AccessControl<NoTable>,
}

impl World {
    async fn start() -> World {
        World::of(true).await
    }

    async fn of(requires_keys: bool) -> World {
        let pairs = Pairs::new();
        let issuer = Issuer::start(pairs.published()).await;
        let now = Arc::new(Mutex::new(NOW.parse().expect("a time")));
        let told = now.clone();
        let jwt = JwtConfig {
            issuer: issuer.url.clone(),
            audiences: vec!["minutebook".to_string(), "till".to_string()],
            sites_claim: "minutebook_sites".to_string(),
        };
        let config = AccessConfig {
            requires_read_keys: requires_keys,
            requires_write_keys: requires_keys,
            allowed_origins: vec![],
            jwt: Some(jwt),
        };
        let clock = Clock::new(move || *told.lock().expect("no test panics"));
        World {
            access: AccessControl::new(config, NoTable, Arc::default(), clock),
            issuer,
            pairs,
            now,
        }
    }

    fn wait(&self, time: TimeDelta) {
        *self.now.lock().expect("no test panics") += time;
    }

    /// The claims of a token that may read `shop`, with these in their place; null removes one.
    fn claims(&self, changed: Value) -> Value {
        let now = NOW.parse::<DateTime<Utc>>().expect("a time").timestamp();
        let mut claims = json!({
            "iss": self.issuer.url, "aud": "minutebook", "exp": now + 60, "sub": "somebody",
            "scope": "openid minutebook:read", "minutebook_sites": "shop",
        });
        for (name, value) in changed.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        claims.as_object_mut().expect("claims").retain(|_, value| !value.is_null());
        claims
    }

    /// A valid token with these claims in place of others.
    fn token(&self, changed: Value) -> String {
        self.pairs.token("EdDSA", "ed", &self.claims(changed))
    }

    async fn admitted(
        &self,
        needs: Needs,
        query: &str,
        token: &str,
    ) -> Result<Caller, Response<Body>> {
        let request = lambda_http::http::Request::get(format!("https://api/history{query}"));
        let request = request.header("authorization", format!("Bearer {token}"));
        let request = request.body(Body::Empty).expect("a request");
        self.access.admit(needs, request).await.map(|admitted| admitted.caller)
    }

    /// The status of the refusal; 200 if there is none.
    async fn status(&self, needs: Needs, query: &str, token: &str) -> u16 {
        let admitted = self.admitted(needs, query, token).await;
        admitted.map_or_else(|response| response.status().as_u16(), |_| 200)
    }

    async fn reads(&self, token: &str) -> u16 {
        self.status(READ, "?site_id=shop", token).await
    }
}

#[test]
fn a_token_has_three_parts() {
    for text in ["a.b.c", "e30.e30.", "eyJ_-9.e30.x"] {
        assert!(is_token(text), "{text}");
    }
    for text in ["", "a.b", "a.b.c.d", ".b.c", "a..c", "a.b.c=", "a.b+.c", "a b.c.d", "mb_00"] {
        assert!(!is_token(text), "{text}");
    }
}

#[tokio::test]
async fn a_token_gives_its_roles_for_its_sites() {
    let world = World::start().await;
    let scoped = |scope: &str| world.token(json!({"scope": scope}));
    let of_sites = |sites: Value| world.token(json!({"minutebook_sites": sites}));
    let several = of_sites(json!(["shop", "till", 7, "a b"]));
    let (read, write) = (scoped("minutebook:read"), scoped("minutebook:write"));
    let (admin, all) = (scoped("x minutebook:admin"), of_sites(json!("*")));
    let in_list = |claim: &str, scope: Value| world.token(json!({"scope": null, claim: scope}));
    for (needs, query, token, status) in [
        (READ, "?site_id=shop", &read, 200),
        (READ, "", &read, 200),
        (READ, "?site_id=other", &read, 403),
        (READ, "?site_id=", &read, 403),
        (READ, "?site_id=shop&site_id=other", &read, 403),
        (WRITE, "", &read, 403),
        (READ, "", &write, 403),
        (WRITE, "", &write, 200),
        (READ, "", &admin, 200),
        (WRITE, "", &admin, 200),
        (READ, "?site_id=other", &admin, 403),
        (READ, "", &scoped("minutebook:read minutebook:write"), 200),
        (WRITE, "", &scoped("minutebook:read minutebook:write"), 200),
        (READ, "", &scoped("minutebook/read"), 200),
        (READ, "", &scoped("read minutebook:paint xminutebook:read minutebook:Read"), 403),
        (READ, "", &scoped(""), 403),
        (READ, "", &in_list("sub", json!("minutebook:read")), 403),
        (READ, "", &in_list("scope", json!(["openid", "minutebook:read"])), 200),
        (READ, "", &in_list("scp", json!("minutebook:read openid")), 200),
        (READ, "", &in_list("roles", json!(["minutebook:read"])), 200),
        (READ, "", &in_list("roles", json!({"minutebook:read": true})), 403),
        // A token of several sites says which; a call may take none for all sites.
        (READ, "?site_id=shop", &several, 200),
        (READ, "?site_id=till", &several, 200),
        (READ, "?site_id=other", &several, 403),
        (READ, "?site_id=default", &several, 403),
        (READ, "", &several, 403),
        (READ, "?site_id=other", &all, 200),
        (READ, "", &all, 200),
        (READ, "?site_id=other", &of_sites(json!(["*"])), 200),
        (READ, "", &of_sites(json!(["shop"])), 200),
        (READ, "?site_id=shop", &of_sites(json!([])), 403),
        (READ, "", &of_sites(json!([])), 403),
        (READ, "?site_id=shop", &of_sites(Value::Null), 403),
        (READ, "?site_id=shop", &of_sites(json!({"shop": true})), 403),
        (READ, "?site_id=shop", &of_sites(json!("shop till")), 403),
        (Needs::Nothing, "?site_id=other", &read, 200),
        (Needs::NothingForStatus, "", &read, 200),
    ] {
        assert_eq!(world.status(needs, query, token).await, status, "{needs:?} {query} {token}");
    }
    assert_eq!(world.issuer.requests(), 2, "the keys are fetched once");
}

#[tokio::test]
async fn a_caller_has_the_sites_of_its_token() {
    let world = World::start().await;
    let caller = async |scope: &str, sites: Value| {
        let token = world.token(json!({"scope": scope, "minutebook_sites": sites}));
        world.admitted(WRITE, "", &token).await.expect("admitted")
    };
    let named = |sites: &[&str]| Some(sites.iter().filter_map(|it| SiteId::parse(it)).collect());
    for (scope, sites, expected, sees_deployment) in [
        ("minutebook:write", json!("shop"), named(&["shop"]), false),
        ("minutebook:write", json!(["b", "a", "b"]), named(&["a", "b"]), false),
        ("minutebook:write", json!("*"), None, false),
        ("minutebook:admin", json!(["a"]), named(&["a"]), false),
        ("minutebook:admin", json!("*"), None, true),
    ] {
        let sharing = Sharing::Impossible;
        let expected = Caller { sites: expected, sees_deployment, sharing };
        assert_eq!(caller(scope, sites.clone()).await, expected, "{scope} {sites}");
    }
    let admin = world.token(json!({"scope": "minutebook:admin", "minutebook_sites": "*"}));
    let status = world.admitted(Needs::NothingForStatus, "", &admin).await.expect("admitted");
    assert!(status.sees_deployment);
}

#[tokio::test]
async fn a_socket_that_a_token_has_opened_may_be_used_until_it_expires() {
    let world = World::start().await;
    let token = world.token(json!({"scope": "minutebook:read", "minutebook_sites": "shop"}));
    let request = lambda_http::http::Request::get(format!("https://live/?key={token}"));
    let request = request.body(Body::Empty).expect("a request");
    let Pass { key, expires_at } = world.access.pass(&request).await.expect("a token");
    let now: DateTime<Utc> = NOW.parse().expect("a time");
    let in_a_minute = DateTime::from_timestamp(now.timestamp() + 60, 0);
    assert_eq!((&key, expires_at), (&None, in_a_minute));
    let connection = Connection {
        id: "a".to_string(),
        site: SiteId::parse("shop").expect("a site"),
        question: String::new(),
        connected_at: now,
        key,
        expires_at,
    };
    let still = async || world.access.still_admits(&connection).await.expect("no lookup");
    assert!(still().await);
    world.wait(TimeDelta::seconds(60));
    assert!(!still().await);
}

#[tokio::test]
async fn every_token_that_is_not_valid_gets_the_same_answer() {
    let world = World::start().await;
    let now = NOW.parse::<DateTime<Utc>>().expect("a time").timestamp();
    let claims = world.claims(json!({}));
    let header = |changed: Value| {
        let mut header = json!({"alg": "EdDSA", "kid": "ed"});
        changed.as_object().expect("members").iter().for_each(|(name, value)| {
            header[name] = value.clone();
        });
        header.as_object_mut().expect("members").retain(|_, value| !value.is_null());
        world.pairs.signed("EdDSA", &header, &claims)
    };
    let good = world.token(json!({}));
    let (signed, signature) = good.rsplit_once('.').expect("three parts");
    let other = world.token(json!({"minutebook_sites": "*"}));
    let (of_other, _) = other.rsplit_once('.').expect("three parts");
    let (none, _) = world
        .pairs
        .token("none", "ed", &claims)
        .rsplit_once('.')
        .map(|(message, _)| (format!("{message}."), ()))
        .expect("three parts");
    for (name, token, status) in [
        ("good", good.clone(), 200),
        ("of the other audience", world.token(json!({"aud": ["x", "till"]})), 200),
        ("expired within the leeway", world.token(json!({"exp": now - 29})), 200),
        ("expired", world.token(json!({"exp": now - 30})), 401),
        ("with an expiry in fractions", world.token(json!({"exp": 1e12 + 0.5})), 200),
        ("without expiry", world.token(json!({"exp": null})), 401),
        ("with a text for expiry", world.token(json!({"exp": "2099-01-01"})), 401),
        ("valid within the leeway", world.token(json!({"nbf": now + 30})), 200),
        ("not yet valid", world.token(json!({"nbf": now + 31})), 401),
        ("with a text for its begin", world.token(json!({"nbf": "0"})), 401),
        ("of another issuer", world.token(json!({"iss": "https://issuer.example"})), 401),
        (
            "of nearly the issuer",
            world.token(json!({"iss": world.issuer.url.trim_end_matches('/')})),
            401,
        ),
        ("without issuer", world.token(json!({"iss": null})), 401),
        ("of another audience", world.token(json!({"aud": "x"})), 401),
        ("of other audiences", world.token(json!({"aud": ["x", "minutebook/"]})), 401),
        ("without audience", world.token(json!({"aud": null})), 401),
        ("with an empty audience", world.token(json!({"aud": []})), 401),
        ("with other claims", format!("{of_other}.{signature}"), 401),
        ("without signature", format!("{signed}."), 401),
        (
            "with a broken signature",
            format!(
                "{signed}.{}{}",
                if signature.starts_with('A') { "B" } else { "A" },
                &signature[1..]
            ),
            401,
        ),
        ("of no algorithm", none.clone(), 401),
        ("of no algorithm, signed", header(json!({"alg": "none"})), 401),
        ("of the public key as a secret", world.pairs.token("HS256", "ed", &claims), 401),
        ("of another algorithm than its header", header(json!({"alg": "ES256"})), 401),
        ("of an algorithm that is not taken", header(json!({"alg": "RS512"})), 401),
        ("of another key", header(json!({"kid": "ec"})), 401),
        ("of an unknown key", header(json!({"kid": "new"})), 401),
        ("of no key", header(json!({"kid": null})), 401),
        ("with an unknown extension", header(json!({"crit": ["x"], "x": 1})), 401),
        (
            "with a key of its own",
            header(json!({"kid": "own", "jwk": world.pairs.published()[2]})),
            401,
        ),
        ("with a header that is no JSON", format!("x.{}.{signature}", base64url("{}")), 401),
    ] {
        match world.admitted(READ, "?site_id=shop", &token).await {
            Ok(_) => assert_eq!(status, 200, "{name}"),
            Err(response) => {
                assert_eq!((response.status().as_u16(), status), (401, 401), "{name}");
                assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer", "{name}");
                let without = world.admitted(READ, "?site_id=shop", "").await.expect_err("none");
                assert_eq!(response.body().as_ref(), without.body().as_ref(), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_is_for_its_algorithms() {
    let world = World::start().await;
    let claims = world.claims(json!({}));
    let mut keys = world.pairs.published();
    for (kid, name, member, value) in [
        (0, "pss", "alg", "PS256"),
        (0, "of encryption", "use", "enc"),
        (0, "of hs", "alg", "HS256"),
        (1, "of another curve", "crv", "P-384"),
        (2, "of another kind", "kty", "AKP"),
    ] {
        let mut key = keys[kid].clone();
        (key["kid"], key[member]) = (name.into(), value.into());
        keys.push(key);
    }
    keys.push(json!({"kid": "secret", "kty": "oct", "k": base64url([7; 32])}));
    keys.push(json!("no key"));
    world.issuer.change(|served| served.keys = keys);
    for (algorithm, kid, status) in [
        ("RS256", "rsa", 200),
        ("PS256", "rsa", 200),
        ("ES256", "ec", 200),
        ("EdDSA", "ed", 200),
        ("PS256", "pss", 200),
        ("RS256", "pss", 401),
        ("RS256", "of encryption", 401),
        ("RS256", "of hs", 401),
        ("ES256", "of another curve", 401),
        ("EdDSA", "of another kind", 401),
        ("HS256", "secret", 401),
        ("RS256", "ec", 401),
        ("ES256", "ed", 401),
    ] {
        let token = world.pairs.token(algorithm, kid, &claims);
        assert_eq!(world.reads(&token).await, status, "{algorithm} by {kid}");
    }
}

#[tokio::test]
async fn keys_are_fetched_when_needed_and_seldom() {
    let world = World::start().await;
    assert_eq!(world.issuer.requests(), 0, "nothing is fetched at the start");
    let second = TimeDelta::seconds(1);
    let far = json!({"exp": 4e9});
    let (token, claims) = (world.token(far.clone()), world.claims(far));
    // Texts that are never valid cause no request.
    for text in ["a.b.c", &world.pairs.token("HS256", "ed", &claims), "x"] {
        assert_eq!(world.reads(text).await, 401, "{text}");
    }
    assert_eq!(world.issuer.requests(), 0);
    assert_eq!(world.reads(&token).await, 200);
    assert_eq!(world.issuer.requests(), 2);

    // Made-up keys are not asked for again within a minute of the last time.
    let made_up = |kid: usize| world.pairs.token("EdDSA", &format!("made up {kid}"), &claims);
    for kid in 0..50 {
        assert_eq!(world.reads(&made_up(kid)).await, 401);
    }
    assert_eq!(world.issuer.requests(), 2);
    world.wait(FETCH_PAUSE - second);
    assert_eq!((world.reads(&made_up(50)).await, world.issuer.requests()), (401, 2));
    world.wait(second);
    for kid in 0..50 {
        assert_eq!((world.reads(&made_up(kid)).await, world.issuer.requests()), (401, 4));
    }

    // A new key works within a minute, and one that is gone no longer than an hour.
    let mut keys = world.pairs.published();
    keys[2]["kid"] = "new".into();
    world.issuer.change(|served| served.keys = keys);
    let new = world.pairs.token("EdDSA", "new", &claims);
    assert_eq!((world.reads(&new).await, world.issuer.requests()), (401, 4));
    assert_eq!(world.reads(&token).await, 200);
    world.wait(FETCH_PAUSE);
    assert_eq!((world.reads(&new).await, world.issuer.requests()), (200, 6));
    assert_eq!(world.reads(&token).await, 401);
    world.wait(KEYS_REMEMBERED - second);
    assert_eq!((world.reads(&new).await, world.issuer.requests()), (200, 6));
    world.wait(second);
    assert_eq!((world.reads(&new).await, world.issuer.requests()), (200, 8));
    // So does a clock that goes back.
    world.wait(-KEYS_REMEMBERED);
    assert_eq!((world.reads(&new).await, world.issuer.requests()), (200, 10));
}

#[tokio::test]
async fn without_the_issuer_its_last_keys_serve_on_and_before_them_it_is_503() {
    let world = World::start().await;
    let far = json!({"exp": 4e9});
    let (token, claims) = (world.token(far.clone()), world.claims(far));
    let new = world.pairs.token("EdDSA", "new", &claims);
    for mode in [Mode::HangsUp, Mode::IsEmpty] {
        world.issuer.change(|served| served.mode = mode);
        let before = world.issuer.requests();
        for needs in [READ, WRITE] {
            assert_eq!(world.status(needs, "", &token).await, 503);
        }
        // Whoever may have the status gets it.
        assert_eq!(world.status(Needs::NothingForStatus, "", &token).await, 200);
        assert!(world.issuer.requests() > before, "the issuer is asked");
        let asked = world.issuer.requests();
        assert_eq!((world.reads(&token).await, world.issuer.requests()), (503, asked));
        world.wait(FIRST_FETCH_PAUSE);
    }
    world.issuer.change(|served| served.mode = Mode::Answers);
    assert_eq!(world.reads(&token).await, 200);
    assert_eq!(world.reads(&new).await, 401);

    world.issuer.change(|served| served.mode = Mode::HangsUp);
    world.wait(KEYS_REMEMBERED);
    let before = world.issuer.requests();
    assert_eq!(world.reads(&token).await, 200);
    assert!(world.issuer.requests() > before, "it asks the issuer again");
    // Nobody knows whether it has this one by now.
    assert_eq!(world.reads(&new).await, 503);
    world.issuer.change(|served| served.mode = Mode::Answers);
    assert_eq!(world.reads(&new).await, 503);
    world.wait(FETCH_PAUSE);
    assert_eq!(world.reads(&new).await, 401);
}

#[tokio::test]
async fn an_issuer_that_says_nothing_is_not_waited_for() {
    let world = World::start().await;
    world.issuer.change(|served| served.mode = Mode::IsSilent);
    let token = world.token(json!({}));
    let reading = tokio::time::timeout(FETCH_TIME_MAX * 3, world.reads(&token));
    let (status, at_once) = tokio::join!(reading, world.reads(&token));
    assert_eq!((status.expect("it gives up"), at_once), (503, 503));
    assert_eq!(world.issuer.requests(), 1, "requests at once are one fetch");
}

#[tokio::test]
async fn documents_that_are_not_those_of_the_issuer_are_refused() {
    let world = World::start().await;
    let token = world.token(json!({"exp": 4e9}));
    let url = &world.issuer.url;
    let keys = format!("{url}keys?v=1");
    let large =
        format!("{}{}", " ".repeat(DOCUMENT_BYTES_MAX), json!({"issuer": url, "jwks_uri": keys}));
    for discovery in [
        json!({"issuer": "https://issuer.example", "jwks_uri": keys}).to_string(),
        json!({"issuer": url, "jwks_uri": "http://issuer.example/keys"}).to_string(),
        json!({"issuer": url, "jwks_uri": "file:///etc/passwd"}).to_string(),
        json!({"issuer": url}).to_string(),
        "<html>".to_string(),
        large,
    ] {
        world.issuer.change(|served| served.discovery = Some(discovery.clone()));
        assert_eq!(world.reads(&token).await, 503, "{}", discovery.trim());
        world.wait(FIRST_FETCH_PAUSE);
    }
    world.issuer.change(|served| served.discovery = None);
    assert_eq!(world.reads(&token).await, 200);
}

#[tokio::test]
async fn where_none_is_required_a_post_has_the_sites_of_its_token() {
    let world = World::of(false).await;
    let write = world.token(json!({"scope": "minutebook:write"}));
    let caller = world.admitted(WRITE, "", &write).await.expect("admitted");
    assert_eq!(caller.sites, SiteId::parse("shop").map(|site| [site].into()));
    assert_eq!(world.status(WRITE, "", &world.token(json!({}))).await, 403);
    assert_eq!(world.status(WRITE, "", &world.token(json!({"exp": 0}))).await, 401);
    // What is neither key nor token is for somebody else.
    assert_eq!(world.admitted(WRITE, "", "x").await.expect("admitted"), Caller::ANYONE);
    let caller = world.admitted(READ, "?site_id=other", &write).await.expect("admitted");
    assert_eq!(caller, Caller::UNRESTRICTED);
}
