use super::*;
use chrono::TimeDelta;
use lambda_http::RequestExt;
use lambda_http::http::header::WWW_AUTHENTICATE;
use minutebook_domain::event::settings::SettingsRevision;
use minutebook_storage::api_keys::ShareSecret;
use minutebook_storage::site::settings::{Revision, SiteSettings};
use minutebook_storage::table::Consistency;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const NOW: &str = "2026-11-21T12:00:30Z";

/// Keys in memory, which count how often they are looked up.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    keys: BTreeMap<KeyHash, ApiKey>,
    lookups: usize,
    is_away: bool,
    revisions: Vec<Revision>,
}

impl ApiKeys for Memory {
    async fn api_key(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StorageError> {
        let mut state = self.0.lock().expect("no test panics");
        state.lookups += 1;
        if state.is_away {
            let reason = "it is away".to_string();
            return Err(StorageError::Unavailable { call: "GetItem", reason });
        }
        Ok(state.keys.get(hash).cloned())
    }
}

impl SettingsSource for Memory {
    async fn revisions_after(
        &self,
        number: SettingsRevision,
        _: Consistency,
    ) -> Result<Vec<Revision>, StorageError> {
        let state = self.0.lock().expect("no test panics");
        if state.is_away {
            let reason = "it is away".to_string();
            return Err(StorageError::Unavailable { call: "Query", reason });
        }
        let newer = state.revisions.iter().filter(|revision| revision.number > number);
        Ok(newer.cloned().collect())
    }
}

/// A deployment with keys, whose clock the test sets.
struct World {
    keys: Memory,
    now: Arc<Mutex<DateTime<Utc>>>,
    access: AccessControl<Memory>,
}

impl World {
    fn new(requires_read_keys: bool, requires_write_keys: bool) -> World {
        let keys = Memory::default();
        let now = Arc::new(Mutex::new(NOW.parse().expect("a time")));
        let told = now.clone();
        let clock = Clock::new(move || *told.lock().expect("no test panics"));
        let allowed_origins = vec!["https://shop.example".to_string()];
        let config =
            AccessConfig { requires_read_keys, requires_write_keys, allowed_origins, jwt: None };
        World { access: AccessControl::new(config, keys.clone(), Arc::default(), clock), keys, now }
    }

    fn add(&self, number: u32, site: &str, roles: &[Role], expires_in: Option<i64>) {
        let key = ApiKey {
            site: SiteId::parse(site),
            roles: roles.iter().copied().collect(),
            expires_at: expires_in.map(|seconds| {
                NOW.parse::<DateTime<Utc>>().expect("a time") + TimeDelta::seconds(seconds)
            }),
            share_secret: ShareSecret::parse(&format!("{number:064x}")),
        };
        let hash = KeyHash::of(&key_text(number)).expect("a key");
        self.keys.0.lock().expect("no test panics").keys.insert(hash, key);
    }

    fn revoke(&self, number: u32) {
        let hash = KeyHash::of(&key_text(number)).expect("a key");
        self.keys.0.lock().expect("no test panics").keys.remove(&hash);
    }

    fn wait(&self, seconds: i64) {
        *self.now.lock().expect("no test panics") += TimeDelta::seconds(seconds);
    }

    fn lookups(&self) -> usize {
        self.keys.0.lock().expect("no test panics").lookups
    }

    fn admitted(
        &self,
        needs: Needs,
        query: &str,
        key: Option<&str>,
    ) -> Result<Admitted, Box<Response<Body>>> {
        let mut request = lambda_http::http::Request::get(format!("https://api/history{query}"));
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(Body::Empty).expect("a request");
        let admitting = pin!(self.access.admit(needs, request));
        match admitting.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(admitted) => admitted.map_err(Box::new),
            Poll::Pending => panic!("keys in memory are found at once"),
        }
    }

    /// The status of the refusal; 200 if there is none.
    fn status(&self, needs: Needs, query: &str, number: Option<u32>) -> u16 {
        let key = number.map(key_text);
        self.admitted(needs, query, key.as_deref())
            .map_or_else(|response| response.status().as_u16(), |_| 200)
    }

    fn caller(&self, needs: Needs, number: Option<u32>) -> Caller {
        let key = number.map(key_text);
        self.admitted(needs, "", key.as_deref()).expect("admitted").caller
    }
}

const READ: Needs = Needs::Role(Role::Read);
const WRITE: Needs = Needs::Role(Role::Write);

/// A share key of the key with this number, for so many seconds.
fn share_key(number: u32, site: &str, seconds: i64) -> String {
    let secret = ShareSecret::parse(&format!("{number:064x}")).expect("a secret");
    let expires_at = NOW.parse::<DateTime<Utc>>().expect("a time") + TimeDelta::seconds(seconds);
    let site = SiteId::parse(site).expect("a site");
    let parent = KeyHash::of(&key_text(number)).expect("a key");
    ShareKey::new(site, expires_at, parent, &secret).to_string()
}

#[test]
fn a_share_key_reads_its_site_as_long_as_the_key_that_it_is_made_from() {
    let world = World::new(true, true);
    world.add(1, "shop", &[Role::Read], Some(100));
    world.add(2, "*", &[Role::Admin], None);
    world.add(3, "shop", &[Role::Write], None);
    let status = |needs, query: &str, key: &str| {
        let admitted = world.admitted(needs, query, Some(key));
        admitted.map_or_else(|response| response.status().as_u16(), |_| 200)
    };
    let of_one = share_key(1, "shop", 3_600);
    for (query, expected) in [("?site_id=shop", 200), ("", 200), ("?site_id=other", 403)] {
        assert_eq!(status(READ, query, &of_one), expected, "{query}");
    }
    let admitted = world.admitted(READ, "", Some(&of_one)).expect("admitted");
    assert_eq!(admitted.caller.sites, Some(SiteId::parse("shop").into_iter().collect()));
    assert!(!admitted.caller.sees_deployment);
    assert_eq!(admitted.caller.sharing, Sharing::Impossible);
    assert_eq!(status(WRITE, "", &of_one), 403);
    assert_eq!(status(Needs::Role(Role::Admin), "?site_id=shop", &of_one), 403);
    for (key, expected) in [
        // A key for all sites makes keys for each; one for a site only for that.
        (share_key(2, "any", 10), 200),
        (share_key(1, "other", 10), 401),
        // Its own time is over; the key cannot read; there is no such key.
        (share_key(2, "any", 0), 401),
        (share_key(3, "shop", 10), 401),
        (share_key(4, "shop", 10), 401),
        (of_one.replace("mbs_shop", "mbs_shap"), 401),
    ] {
        assert_eq!(status(READ, "", &key), expected, "{key}");
    }
    let of_all = share_key(2, "any", 3_600);
    world.wait(100);
    assert_eq!([status(READ, "", &of_one), status(READ, "", &of_all)], [401, 200]);
    world.revoke(2);
    world.wait(29);
    assert_eq!(status(READ, "", &of_all), 200);
    world.wait(1);
    assert_eq!(status(READ, "", &of_all), 401);
    world.keys.0.lock().expect("no test panics").is_away = true;
    assert_eq!(status(READ, "", &of_all), 503);
}

fn key_text(number: u32) -> String {
    format!("mb_{number:064x}")
}

#[test]
fn a_key_gives_its_roles_for_its_site() {
    let world = World::new(true, true);
    world.add(1, "shop", &[Role::Read], None);
    world.add(2, "shop", &[Role::Write], None);
    world.add(3, "shop", &[Role::Admin], None);
    world.add(4, "*", &[Role::Read], None);
    for (needs, query, number, status) in [
        (READ, "", Some(1), 200),
        (READ, "?site_id=shop", Some(1), 200),
        (READ, "?site_id=other", Some(1), 403),
        (READ, "?site_id=shop&site_id=other", Some(1), 403),
        (READ, "?site_id=default", Some(1), 403),
        (READ, "?site_id=", Some(1), 403),
        (READ, "?site_id=shop", Some(2), 403),
        (READ, "?site_id=shop", Some(3), 200),
        (READ, "?site_id=other", Some(3), 403),
        (READ, "?site_id=other", Some(4), 200),
        (READ, "", Some(5), 401),
        (READ, "", None, 401),
        (WRITE, "", Some(1), 403),
        (WRITE, "", Some(2), 200),
        (WRITE, "", Some(3), 200),
        (WRITE, "", Some(4), 403),
        (WRITE, "", None, 401),
        (Needs::Nothing, "", None, 200),
        (Needs::Nothing, "?site_id=other", Some(1), 200),
        (Needs::NothingForStatus, "", None, 200),
        (Needs::NothingForStatus, "?site_id=other", Some(3), 200),
        (Needs::NothingForStatus, "", Some(5), 200),
    ] {
        assert_eq!(world.status(needs, query, number), status, "{needs:?} {query} {number:?}");
    }
}

#[test]
fn every_key_that_does_not_work_gets_the_same_answer() {
    let world = World::new(true, true);
    world.add(1, "shop", &[Role::Admin], Some(0));
    let refused = |key: Option<&str>| {
        let response = world.admitted(READ, "?site_id=shop", key).expect_err("refused");
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
        let body = String::from_utf8_lossy(response.body().as_ref()).into_owned();
        (response.status().as_u16(), body)
    };
    let without = refused(None);
    assert_eq!(without.0, 401);
    let (expired, unknown) = (key_text(1), key_text(2));
    for key in [&expired, &unknown, "", "x", "mb_", &expired.to_uppercase(), &expired[..60]] {
        assert_eq!(refused(Some(key)), without, "{key}");
    }
}

#[test]
fn a_key_is_looked_up_every_half_minute_and_a_bad_one_each_time() {
    let world = World::new(true, true);
    world.add(1, "shop", &[Role::Read], Some(45));
    assert_eq!([0; 3].map(|_| world.status(READ, "", Some(1))), [200; 3]);
    assert_eq!(world.lookups(), 1);
    assert_eq!([0; 3].map(|_| world.status(READ, "", Some(2))), [401; 3]);
    assert_eq!(world.lookups(), 4);
    // A text that cannot be a key costs nothing.
    assert!(world.admitted(READ, "", Some("x")).is_err());
    assert_eq!(world.lookups(), 4);
    // A key that was just added works at once.
    world.add(2, "shop", &[Role::Read], None);
    assert_eq!(world.status(READ, "", Some(2)), 200);
    // One that was revoked works no longer than half a minute.
    world.revoke(2);
    for (wait, status) in [(29, 200), (1, 401)] {
        world.wait(wait);
        assert_eq!(world.status(READ, "", Some(2)), status);
    }
    // One that expires is not remembered beyond that.
    assert_eq!(world.status(READ, "", Some(1)), 200);
    for (wait, status) in [(14, 200), (1, 401)] {
        world.wait(wait);
        assert_eq!(world.status(READ, "", Some(1)), status);
    }
}

#[test]
fn a_table_that_is_away_is_503_and_health_says_so_itself() {
    let world = World::new(true, true);
    world.add(1, "*", &[Role::Admin], None);
    world.keys.0.lock().expect("no test panics").is_away = true;
    for needs in [READ, WRITE] {
        assert_eq!(world.status(needs, "", Some(1)), 503);
        assert_eq!(world.status(needs, "", None), 401);
    }
    assert_eq!(world.caller(Needs::NothingForStatus, Some(1)), Caller::ANYONE);
}

#[test]
fn only_an_admin_key_for_all_sites_sees_the_deployment() {
    let world = World::new(true, true);
    let mut number = 0;
    for (site, role, expected) in [
        ("*", Role::Admin, true),
        ("*", Role::Read, false),
        ("shop", Role::Admin, false),
        ("shop", Role::Read, false),
    ] {
        number += 1;
        world.add(number, site, &[role], None);
        for needs in [READ, Needs::NothingForStatus] {
            assert_eq!(
                world.caller(needs, Some(number)).sees_deployment,
                expected,
                "{site} {role:?}"
            );
        }
    }
    assert!(!world.caller(Needs::NothingForStatus, None).sees_deployment);
}

#[test]
fn a_question_that_names_no_site_is_about_that_of_the_key() {
    let world = World::new(true, true);
    world.add(1, "shop", &[Role::Read, Role::Write], None);
    let query = |needs, query| {
        let admitted = world.admitted(needs, query, Some(&key_text(1))).expect("admitted");
        let beside =
            admitted.request.query_string_parameters().first("site_id").map(str::to_string);
        (admitted.request.uri().query().unwrap_or_default().to_string(), beside)
    };
    let shop = || Some("shop".to_string());
    assert_eq!(query(READ, ""), ("site_id=shop".to_string(), shop()));
    assert_eq!(query(READ, "?limit=1"), ("limit=1&site_id=shop".to_string(), shop()));
    // A post has no such parameter.
    assert_eq!(query(WRITE, "?count=1"), ("count=1".to_string(), None));
}

#[test]
fn where_none_is_required_a_post_has_the_site_of_its_key_and_a_question_ignores_keys() {
    let world = World::new(false, false);
    world.add(1, "shop", &[Role::Write], None);
    world.add(2, "shop", &[Role::Read], None);
    world.add(3, "*", &[Role::Write], None);
    assert_eq!(world.caller(WRITE, Some(1)).sites, SiteId::parse("shop").map(|site| [site].into()));
    assert_eq!(world.caller(WRITE, Some(3)).sites, None);
    assert_eq!(world.caller(WRITE, None), Caller::ANYONE);
    assert_eq!([Some(2), Some(4)].map(|key| world.status(WRITE, "", key)), [403, 401]);
    // What cannot be a key is for somebody else.
    for text in ["eyJhbGciOiJSUzI1NiJ9.e30.x", ""] {
        let admitted = world.admitted(WRITE, "", Some(text)).expect("admitted");
        assert_eq!(admitted.caller, Caller::ANYONE);
    }
    let lookups = world.lookups();
    for key in [1, 2, 4] {
        assert_eq!(world.status(READ, "?site_id=other", Some(key)), 200);
        assert_eq!(world.caller(READ, Some(key)), Caller::UNRESTRICTED);
        assert_eq!(world.caller(Needs::NothingForStatus, Some(key)), Caller::UNRESTRICTED);
    }
    assert_eq!(world.lookups(), lookups);
}

#[test]
fn one_of_the_two_requirements_is_not_the_other() {
    for (requires_read_keys, requires_write_keys) in [(true, false), (false, true)] {
        let world = World::new(requires_read_keys, requires_write_keys);
        let status = |is_required: bool| if is_required { 401 } else { 200 };
        assert_eq!(world.status(READ, "", None), status(requires_read_keys));
        assert_eq!(world.status(WRITE, "", None), status(requires_write_keys));
    }
}

#[test]
fn pages_of_any_origin_may_read_what_needs_no_key() {
    let world = World::new(true, false);
    let own = HeaderValue::from_static("https://shop.example");
    let other = HeaderValue::from_static("https://other.example");
    for needs in [Needs::Nothing, Needs::NothingForStatus, WRITE] {
        assert_eq!(world.access.cors(needs, Some(&other), &[]), Cors::Any, "{needs:?}");
    }
    assert_eq!(world.access.cors(READ, Some(&other), &[]), Cors::OtherOrigin);
    assert_eq!(world.access.cors(READ, None, &[]), Cors::OtherOrigin);
    assert_eq!(world.access.cors(READ, Some(&own), &[]), Cors::Origin(own));
}

#[test]
fn pages_of_a_site_may_read_answers_about_it() {
    let world = World::new(true, true);
    let origin =
        |name: &str| HeaderValue::from_str(&format!("https://{name}.example")).expect("a value");
    let set = |site: &str, origins: &[&str]| {
        let revisions = &mut world.keys.0.lock().expect("no test panics").revisions;
        let number = SettingsRevision(u32::try_from(revisions.len()).expect("few") + 1);
        let allowed_origins = origins.iter().map(|name| format!("https://{name}.example"));
        let settings =
            SiteSettings { allowed_origins: allowed_origins.collect(), ..SiteSettings::default() };
        let site = SiteId::parse(site).expect("a site");
        revisions.push(Revision { number, site, settings, quarters_from: None });
    };
    // What a page of this origin may read: an answer about no site, one, the other, and both.
    let allowed = |name: &str| {
        let origin = origin(name);
        let reading = pin!(world.access.read_origins(READ, Some(&origin)));
        assert!(reading.poll(&mut Context::from_waker(Waker::noop())).is_ready());
        [&[][..], &["a".to_string()], &["b".to_string()], &["a".to_string(), "b".to_string()]]
            .map(|sites| world.access.cors(READ, Some(&origin), sites) != Cors::OtherOrigin)
    };
    set("a", &["one", "both"]);
    set("b", &["two", "both"]);
    assert_eq!(allowed("one"), [true, true, false, true]);
    assert_eq!(allowed("two"), [true, false, true, true]);
    assert_eq!(allowed("both"), [true; 4]);
    assert_eq!(allowed("shop"), [true; 4], "the deployment allows it");
    assert_eq!(allowed("none"), [false; 4]);
    // Settings are known for half a minute, and longer if the table is away.
    set("a", &[]);
    assert_eq!(allowed("one"), [true, true, false, true]);
    world.wait(30);
    world.keys.0.lock().expect("no test panics").is_away = true;
    assert_eq!(allowed("one"), [true, true, false, true]);
    world.keys.0.lock().expect("no test panics").is_away = false;
    assert_eq!(allowed("one"), [false; 4]);
}
