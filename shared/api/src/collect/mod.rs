//! `POST /events`, `/event` and `/ingest`: posted events become a chunk in the bucket, which is
//! counted like any other. `GET /generate_random_events` stores random events in the same way.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod describe;
pub(crate) mod random;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use minutebook_domain::chunk::precheck::{CheckedLines, LineChecker, RejectedLine};
use minutebook_domain::chunk::single::complete;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::event::reason::Reason;
use minutebook_domain::event::settings::SettingsBySite;
use minutebook_domain::event::site::{SiteId, only_site};
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::{CollectConfig, ConfigError, environment};
use minutebook_storage::bucket::store::{
    EventBucket, EventStore, Post, PutOnce, REJECTED_LISTED_MAX,
};
use minutebook_storage::site::known_settings::KnownSettings;
use minutebook_storage::site::settings::SettingsSource;
use minutebook_storage::table::Table;

use crate::access::Admitted;
use crate::backend::Start;
use crate::collect::answer::{Accepted, Received, RejectedAnswer};
use crate::collect::body::{PostedLines, Refusal};
use crate::collect::random::Generated;
use crate::http::response::{json, json_with_status, problem, problem_with};

/// What a client whose post may not be stored can do.
pub(crate) const NOT_STORED: &str = "the events may not have been stored; post them again in a moment (with an Idempotency-Key they are counted once)";

/// How far the clock of the bucket may be behind this one: an event that is accepted here must not
/// be in the future there.
const CLOCK_MARGIN: TimeDelta = TimeDelta::seconds(5);

/// The path that answers a single object as the Flask service did.
const SINGLE_PATH: &str = "/event";

/// Keeps the keys of posts that are known by the ids of their events apart from those of all
/// idempotency keys.
const BY_IDS: &str = "minutebook 2026-11-28 posts that are known by the ids of their events";

/// What the handler checks and stores posts with.
#[derive(Clone, Debug)]
pub struct Inbox<S, T = Table> {
    /// The bucket.
    pub events: S,
    /// The currency of events that do not name one.
    pub default_currency: Currency,
    /// The zone of times that do not name one.
    pub default_time_zone: Tz,
    /// Where the settings of sites are, which come before these two.
    pub settings: T,
    /// The settings that were read last.
    pub known_settings: Arc<KnownSettings>,
    /// Whether random events are enabled.
    pub makes_random_events: bool,
    /// The source of the current time.
    pub clock: Clock,
}

/// A post whose lines are not checked yet.
struct ReadPost<'a> {
    lines: PostedLines,
    /// The hash of the unpacked body.
    body_hash: blake3::Hash,
    idempotency_key: Option<&'a [u8]>,
    /// Whether it is a single object at [`SINGLE_PATH`].
    is_single: bool,
    /// The sites of its caller; `None` is all.
    sites: Option<&'a BTreeSet<SiteId>>,
}

/// How a post is known again.
struct Keyed {
    /// The key of its chunk.
    key: String,
    /// What every repetition of it has.
    content_hash: blake3::Hash,
}

impl Inbox<EventBucket> {
    /// Reads the environment and builds the client of the bucket.
    ///
    /// # Errors
    /// [`ConfigError`], if a variable is missing or wrong. A retry does not help.
    pub fn new(start: &Start) -> Result<Inbox<EventBucket>, ConfigError> {
        let collect_config = CollectConfig::read(environment)?;
        Ok(Inbox {
            events: EventBucket { client: start.aws.s3(), name: collect_config.bucket },
            default_currency: start.config.default_currency,
            default_time_zone: start.config.default_time_zone,
            settings: start.table.clone(),
            known_settings: start.settings.clone(),
            makes_random_events: collect_config.makes_random_events,
            clock: Clock::system(),
        })
    }
}

/// Answers one request: a post is answered once its events are stored. Errors are answers, too: 503
/// means that a retry helps.
pub async fn handle<S: EventStore, T: SettingsSource>(
    Admitted { request, caller }: &Admitted,
    inbox: &Inbox<S, T>,
) -> Response<Body> {
    let sites = caller.sites.as_ref();
    let answered = if request.uri().path().ends_with(random::PATH) {
        inbox.make_events(request, sites).await
    } else {
        match read(request, sites) {
            Ok(post) => inbox.take(&post).await,
            Err(refusal) => Err(refusal),
        }
    };
    answered.unwrap_or_else(|refusal| problem(refusal.status, &refusal.detail))
}

impl<S: EventStore, T: SettingsSource> Inbox<S, T> {
    async fn make_events(
        &self,
        request: &Request,
        sites: Option<&BTreeSet<SiteId>>,
    ) -> Result<Response<Body>, Refusal> {
        if !self.makes_random_events {
            let detail = "this deployment makes no random events; the template's parameter DemoEvents would let it";
            return Err(Refusal::new(StatusCode::FORBIDDEN, detail));
        }
        let count = random::count(request.uri().query().unwrap_or_default())
            .map_err(|sentence| Refusal::new(StatusCode::BAD_REQUEST, sentence))?;
        if request.method() == Method::HEAD {
            // It asks what GET would answer, and may change nothing.
            return Ok(json(&Generated::new(count, "")));
        }
        let now = self.clock.now();
        let text = random::text(count, now, sites);
        let mut checker = self.checker(now - CLOCK_MARGIN, &self.site_settings(now).await?);
        let checked = checker.check_text(text.as_bytes(), REJECTED_LISTED_MAX);
        let key = self.store(checked.accepted, now).await?;
        tracing::info!(accepted = checked.accepted_lines, chunk = key, "random events are stored");
        Ok(json(&Generated::new(checked.accepted_lines, &key)))
    }

    /// What sites set, at most half a minute ago.
    async fn site_settings(&self, now: DateTime<Utc>) -> Result<Arc<SettingsBySite>, Refusal> {
        let settings = self.known_settings.recent(&self.settings, now).await;
        settings.map(|settings| Arc::clone(&settings.reading)).map_err(|error| not_stored(&error))
    }

    fn checker(
        &self,
        reference_time: DateTime<Utc>,
        settings: &Arc<SettingsBySite>,
    ) -> LineChecker {
        LineChecker::new(reference_time, self.default_currency, self.default_time_zone)
            .with_settings(settings)
    }

    /// Stores lines as a new chunk, and returns its key.
    async fn store(&self, lines: Vec<u8>, now: DateTime<Utc>) -> Result<String, Refusal> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| not_stored(&error))?;
        let key = format!(
            "collected/{}/{:032x}.jsonl",
            now.format("%Y-%m-%d/%H"),
            u128::from_be_bytes(random)
        );
        self.events.put(&key, lines).await.map_err(|error| not_stored(&error))?;
        Ok(key)
    }

    async fn take(&self, post: &ReadPost<'_>) -> Result<Response<Body>, Refusal> {
        let now = self.clock.now();
        let settings = self.site_settings(now).await?;
        let checked = match self.check(post, now, &settings) {
            ControlFlow::Continue(checked) => checked,
            ControlFlow::Break(response) => return Ok(response),
        };
        let keyed = self.keyed(post, &checked, &settings);
        let content_hash = keyed.as_ref().map_or(post.body_hash, |keyed| keyed.content_hash);
        let this = Post {
            content_hash: content_hash.to_hex().to_string(),
            accepted_lines: checked.accepted_lines,
            rejected: checked.rejected,
            rejected_lines: checked.rejected_lines,
        };
        let Some(Keyed { key, .. }) = keyed else {
            let key = self.store(checked.accepted, now).await?;
            return Ok(answer(post, &this, &key));
        };
        let put = self.events.put_once(&key, checked.accepted, &this).await;
        match put.map_err(|error| not_stored(&error))? {
            PutOnce::Stored => Ok(answer(post, &this, &key)),
            // What is stored is what the first post accepted, so that its answer is repeated.
            PutOnce::Known(first) if first.content_hash == this.content_hash => {
                Ok(answer(post, &first, &key))
            }
            PutOnce::Known(_) => Err(Refusal::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "this Idempotency-Key came with another body before; a new post needs a new key",
            )),
        }
    }

    /// Checks the lines of a post at this time; breaks with the answer if none is accepted.
    fn check(
        &self,
        post: &ReadPost<'_>,
        now: DateTime<Utc>,
        settings: &Arc<SettingsBySite>,
    ) -> ControlFlow<Response<Body>, CheckedLines> {
        let mut checker = self.checker(now - CLOCK_MARGIN, settings);
        if let Some(sites) = post.sites {
            checker = checker.only_of(sites.clone());
        }
        if post.is_single {
            return match complete(&mut checker, &post.lines.text, now) {
                Ok(checked) => ControlFlow::Continue(checked),
                Err(reason) => {
                    let time = checker.time_of_rejected(reason);
                    let rejected = [RejectedLine { number: 1, event: None, reason, time }];
                    ControlFlow::Break(none_accepted(&sentence(reason), &rejected, 1))
                }
            };
        }
        let checked = checker.check_text(&post.lines.text, REJECTED_LISTED_MAX);
        if checked.accepted_lines > 0 {
            return ControlFlow::Continue(checked);
        }
        let detail = match &checked.rejected[..] {
            [only] => format!(
                "no event was accepted: line {} is rejected as {}",
                only.number, only.reason
            ),
            _ => {
                format!("no event was accepted: all {} lines are rejected", checked.rejected_lines)
            }
        };
        ControlFlow::Break(none_accepted(&detail, &checked.rejected, checked.rejected_lines))
    }

    /// How a post is known again: by its idempotency key or, without one, by the ids and the
    /// content of its events, if all of them have ids. The key of its chunk does not contain the
    /// time, or a repetition in the next hour would be another chunk. It contains the site of the
    /// post's caller or, if that may have several, the sites of the lines, so that the idempotency keys of two
    /// sites do not collide.
    fn keyed(
        &self,
        post: &ReadPost<'_>,
        checked: &CheckedLines,
        settings: &Arc<SettingsBySite>,
    ) -> Option<Keyed> {
        let only = post.sites.and_then(only_site);
        let needs_events = match post.idempotency_key {
            Some(_) => only.is_none(),
            None => {
                checked.identity?;
                true
            }
        };
        // A line that is in the future now is accepted from a later repetition, which must not be
        // another chunk: it counts from the start.
        let lasting = match needs_events && checked.rejected_lines > 0 {
            false => Cow::Borrowed(checked),
            true => {
                let mut checker = self.checker(DateTime::<Utc>::MAX_UTC, settings);
                if let Some(sites) = post.sites {
                    checker = checker.only_of(sites.clone());
                }
                Cow::Owned(checker.check_text(&post.lines.text, 0))
            }
        };
        let own_site = only.map(|site| BTreeSet::from([site.as_str().as_bytes().to_vec()]));
        let sites = own_site.as_ref().unwrap_or(&lasting.sites);
        let (mut hasher, name, content_hash) = match post.idempotency_key {
            Some(name) => (blake3::Hasher::new(), name, post.body_hash),
            None => {
                let identity = lasting.identity.as_ref()?;
                (blake3::Hasher::new_derive_key(BY_IDS), &identity.as_bytes()[..], *identity)
            }
        };
        hasher.update(&(sites.len() as u64).to_be_bytes());
        for site in sites {
            hasher.update(&(site.len() as u64).to_be_bytes());
            hasher.update(site);
        }
        hasher.update(name);
        let key = format!("collected/keyed/{}.jsonl", hasher.finalize().to_hex());
        Some(Keyed { key, content_hash })
    }
}

fn read<'a>(
    request: &'a Request,
    sites: Option<&'a BTreeSet<SiteId>>,
) -> Result<ReadPost<'a>, Refusal> {
    let body = body::unpacked(request.headers(), request.body().as_ref())?;
    let idempotency_key = body::idempotency_key(request.headers())?;
    let body_hash = blake3::hash(&body);
    let lines = body::lines(&body)?;
    let is_single = lines.is_object && request.uri().path().ends_with(SINGLE_PATH);
    Ok(ReadPost { lines, body_hash, idempotency_key, is_single, sites })
}

fn sentence(reason: Reason) -> String {
    match reason {
        Reason::Missing(field) => format!("Missing required field: {}", field.name()),
        Reason::Invalid(field) => format!("Invalid field: {}", field.name()),
        Reason::UnknownType => "Unknown event type".to_string(),
        _ => format!("Invalid event: {reason}"),
    }
}

fn answer(post: &ReadPost<'_>, stored: &Post, key: &str) -> Response<Body> {
    let Post { accepted_lines: accepted, rejected, rejected_lines, .. } = stored;
    tracing::info!(accepted, rejected = rejected_lines, chunk = key, "posted events are stored");
    if post.is_single {
        return json(&Received { message: "Event received" });
    }
    let rejected = RejectedAnswer::of(rejected, *rejected_lines);
    json_with_status(StatusCode::ACCEPTED, &Accepted { accepted: *accepted, rejected, chunk: key })
}

fn none_accepted(detail: &str, rejected: &[RejectedLine], rejected_lines: u64) -> Response<Body> {
    let rejected = RejectedAnswer::of(rejected, rejected_lines);
    problem_with(StatusCode::BAD_REQUEST, detail, &rejected)
}

fn not_stored(error: &dyn std::error::Error) -> Refusal {
    tracing::error!(%error, "posted events could not be stored");
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, NOT_STORED)
}

#[cfg(test)]
mod tests;
