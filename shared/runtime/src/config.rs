//! Configuration: read once at start-up from the environment, into types.

use std::fmt::Display;
use std::str::FromStr;

use chrono_tz::Tz;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::time::period::Retention;

use crate::url::is_encrypted_or_local;

/// The table's name.
pub const TABLE: &str = "MINUTEBOOK_TABLE";
/// The bucket for chunks.
pub const BUCKET: &str = "MINUTEBOOK_BUCKET";
/// Whether questions need a key with the role `read`: `true` or `false`.
pub const REQUIRE_READ_KEYS: &str = "MINUTEBOOK_REQUIRE_READ_KEYS";
/// Whether posts need a key with the role `write`: `true` or `false`.
pub const REQUIRE_WRITE_KEYS: &str = "MINUTEBOOK_REQUIRE_WRITE_KEYS";
/// The origins whose pages may make calls that need a key, separated by commas.
pub const ALLOWED_ORIGINS: &str = "MINUTEBOOK_ALLOWED_ORIGINS";
/// The issuer of JSON Web Tokens that are taken beside keys, as its tokens name it; empty for none.
pub const JWT_ISSUER: &str = "MINUTEBOOK_JWT_ISSUER";
/// The audiences of those tokens, separated by commas: one of them is that of a token.
pub const JWT_AUDIENCE: &str = "MINUTEBOOK_JWT_AUDIENCE";
/// The claim of those tokens with their sites.
pub const JWT_SITES_CLAIM: &str = "MINUTEBOOK_JWT_SITES_CLAIM";
/// Whether `/generate_random_events` is enabled: `true` or `false`.
pub const DEMO_EVENTS: &str = "MINUTEBOOK_DEMO_EVENTS";
/// The bucket for rejected lines.
pub const REJECTED_BUCKET: &str = "MINUTEBOOK_REJECTED_BUCKET";
/// The queue that ingest reads.
pub const QUEUE_URL: &str = "MINUTEBOOK_QUEUE_URL";
/// The dead-letter queue of ingest.
pub const DEAD_LETTERS_URL: &str = "MINUTEBOOK_DEAD_LETTERS_URL";
/// The URL of the stage of the WebSocket API; empty where there is none.
pub const LIVE_ENDPOINT: &str = "MINUTEBOOK_LIVE_ENDPOINT";
/// How many days minute rows are kept; 0 is forever.
pub const MINUTE_RETENTION_DAYS: &str = "MINUTEBOOK_MINUTE_RETENTION_DAYS";
/// How many days hour rows are kept; 0 is forever.
pub const HOUR_RETENTION_DAYS: &str = "MINUTEBOOK_HOUR_RETENTION_DAYS";
/// How many days day, week and month rows are kept; 0 is forever.
pub const DAY_RETENTION_DAYS: &str = "MINUTEBOOK_DAY_RETENTION_DAYS";
/// How many keys of a site and measure keep their names in a chunk and in an hour; 0 is all.
pub const KEYS_MAX: &str = "MINUTEBOOK_KEYS_MAX";
/// How many sites are counted; 0 is all.
pub const SITES_MAX: &str = "MINUTEBOOK_SITES_MAX";
/// The currency of events and queries that do not name one.
pub const DEFAULT_CURRENCY: &str = "MINUTEBOOK_DEFAULT_CURRENCY";
/// The zone of times of events that do not name one.
pub const DEFAULT_TIME_ZONE: &str = "MINUTEBOOK_DEFAULT_TIME_ZONE";

/// A variable is missing or wrong; the function refuses to start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is not set, or empty.
    #[error(
        "the environment variable {0} is not set; `cargo mb status --env` prints the local ones"
    )]
    Missing(&'static str),
    /// Its value is invalid.
    #[error("the environment variable {name} is {value:?}: expected {expected}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What was expected.
        expected: String,
    },
}

/// The configuration of every function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// The table's name.
    pub table: String,
    /// The currency of events and queries that do not name one.
    pub default_currency: Currency,
    /// The zone of times of events that do not name one.
    pub default_time_zone: Tz,
    /// How long rows are kept.
    pub retention: Retention,
}

impl Config {
    /// Reads the variables through `lookup`, so that a test needs no environment.
    ///
    /// # Errors
    /// [`ConfigError`], which names the variable. A retry does not help.
    pub fn read(lookup: impl Fn(&'static str) -> Option<String>) -> Result<Config, ConfigError> {
        let retention = Retention {
            minute_days: parsed(&lookup, MINUTE_RETENTION_DAYS)?,
            hour_days: parsed(&lookup, HOUR_RETENTION_DAYS)?,
            day_days: parsed(&lookup, DAY_RETENTION_DAYS)?,
        };
        longer_than(retention.minute_days, HOUR_RETENTION_DAYS, retention.hour_days)?;
        longer_than(retention.hour_days, DAY_RETENTION_DAYS, retention.day_days)?;
        Ok(Config {
            table: required(&lookup, TABLE)?,
            default_currency: currency(&lookup)?,
            default_time_zone: time_zone(&lookup)?,
            retention,
        })
    }
}

/// The configuration of ingest, besides [`Config`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IngestConfig {
    /// The bucket for chunks, and so for the records of streams.
    pub bucket: String,
    /// The bucket for rejected lines.
    pub rejected_bucket: String,
    /// The queue that it reads.
    pub queue_url: String,
    /// How many keys of a site and measure keep their names in a chunk, 0 for all.
    pub keys_max: u32,
    /// How many sites are counted, 0 for all.
    pub sites_max: u32,
}

impl IngestConfig {
    /// Reads the variables through `lookup`, as [`Config::read`] does.
    ///
    /// # Errors
    /// [`ConfigError`], which names the variable. A retry does not help.
    pub fn read(
        lookup: impl Fn(&'static str) -> Option<String>,
    ) -> Result<IngestConfig, ConfigError> {
        Ok(IngestConfig {
            bucket: required(&lookup, BUCKET)?,
            rejected_bucket: required(&lookup, REJECTED_BUCKET)?,
            queue_url: required(&lookup, QUEUE_URL)?,
            keys_max: parsed(&lookup, KEYS_MAX)?,
            sites_max: parsed(&lookup, SITES_MAX)?,
        })
    }
}

/// The configuration of rollup, besides [`Config`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RollupConfig {
    /// How many keys of a site and measure keep their names in an hour, 0 for all.
    pub keys_max: u32,
}

impl RollupConfig {
    /// Reads the variables through `lookup`, as [`Config::read`] does.
    ///
    /// # Errors
    /// [`ConfigError`], which names the variable. A retry does not help.
    pub fn read(
        lookup: impl Fn(&'static str) -> Option<String>,
    ) -> Result<RollupConfig, ConfigError> {
        Ok(RollupConfig { keys_max: parsed(&lookup, KEYS_MAX)? })
    }
}

/// The configuration of collect, besides [`Config`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CollectConfig {
    /// The bucket for chunks.
    pub bucket: String,
    /// Whether random events are enabled.
    pub makes_random_events: bool,
}

impl CollectConfig {
    /// Reads the variables through `lookup`, as [`Config::read`] does.
    ///
    /// # Errors
    /// [`ConfigError`], which names the variable. A retry does not help.
    pub fn read(
        lookup: impl Fn(&'static str) -> Option<String>,
    ) -> Result<CollectConfig, ConfigError> {
        let makes_random_events = parsed(&lookup, DEMO_EVENTS)?;
        Ok(CollectConfig { bucket: required(&lookup, BUCKET)?, makes_random_events })
    }
}

/// Who may call the API, for every function that answers calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessConfig {
    /// Whether questions need a key with the role `read`.
    pub requires_read_keys: bool,
    /// Whether posts need a key with the role `write`.
    pub requires_write_keys: bool,
    /// The origins whose pages may make calls that need a key, as `https://shop.example`; `*` is
    /// any origin.
    pub allowed_origins: Vec<String>,
    /// Whose tokens are taken beside keys; `None` is nobody's.
    pub jwt: Option<JwtConfig>,
}

/// Which JSON Web Tokens are taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JwtConfig {
    /// Their issuer, the claim `iss`: a URL below which its keys are found.
    pub issuer: String,
    /// The audiences of which a token must have one in its claim `aud`; at least one.
    pub audiences: Vec<String>,
    /// The claim with the sites of a token.
    pub sites_claim: String,
}

impl JwtConfig {
    /// Reads the variables through `lookup`; `None` without an issuer.
    ///
    /// # Errors
    /// [`ConfigError`], which names the variable. A retry does not help.
    fn read(
        lookup: &impl Fn(&'static str) -> Option<String>,
    ) -> Result<Option<JwtConfig>, ConfigError> {
        let invalid = |name, value: String, expected: &str| {
            Err(ConfigError::Invalid { name, value, expected: expected.to_string() })
        };
        let issuer = lookup(JWT_ISSUER).unwrap_or_default();
        if issuer.is_empty() {
            let audience = lookup(JWT_AUDIENCE).unwrap_or_default();
            return match audience.is_empty() {
                true => Ok(None),
                false => invalid(JWT_AUDIENCE, audience, "none without MINUTEBOOK_JWT_ISSUER"),
            };
        }
        if !is_encrypted_or_local(&issuer) || issuer.contains(['?', '#']) {
            let expected = "the https URL of an issuer, as its tokens name it (http on loopback)";
            return invalid(JWT_ISSUER, issuer, expected);
        }
        let audiences = required(lookup, JWT_AUDIENCE)?;
        let listed = audiences.split(',').map(str::trim).filter(|audience| !audience.is_empty());
        let listed: Vec<String> = listed.map(str::to_string).collect();
        if listed.is_empty() {
            return invalid(JWT_AUDIENCE, audiences, "audiences, separated by commas");
        }
        let sites_claim = required(lookup, JWT_SITES_CLAIM)?;
        Ok(Some(JwtConfig { issuer, audiences: listed, sites_claim }))
    }
}

impl AccessConfig {
    /// Reads the variables through `lookup`, as [`Config::read`] does.
    ///
    /// # Errors
    /// [`ConfigError`], which names the variable. A retry does not help.
    pub fn read(
        lookup: impl Fn(&'static str) -> Option<String>,
    ) -> Result<AccessConfig, ConfigError> {
        let origins = lookup(ALLOWED_ORIGINS).unwrap_or_default();
        let origins = origins.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        Ok(AccessConfig {
            requires_read_keys: parsed(&lookup, REQUIRE_READ_KEYS)?,
            requires_write_keys: parsed(&lookup, REQUIRE_WRITE_KEYS)?,
            allowed_origins: origins.map(origin).collect::<Result<_, _>>()?,
            jwt: JwtConfig::read(&lookup)?,
        })
    }
}

/// Checks an origin. One with a path, as a URL has, would never match.
fn origin(text: &str) -> Result<String, ConfigError> {
    let host = text.split_once("://").map(|(_, host)| host);
    if text == "*" || host.is_some_and(|host| !host.is_empty() && !host.contains('/')) {
        return Ok(text.to_string());
    }
    Err(ConfigError::Invalid {
        name: ALLOWED_ORIGINS,
        value: text.to_string(),
        expected: "origins as https://shop.example, separated by commas".to_string(),
    })
}

/// The configuration of `api`, besides [`Config`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueuesConfig {
    /// The queue that ingest reads.
    pub queue_url: String,
    /// The dead-letter queue of ingest.
    pub dead_letters_url: String,
}

impl QueuesConfig {
    /// Reads the variables through `lookup`, as [`Config::read`] does.
    ///
    /// # Errors
    /// [`ConfigError`], which names the variable. A retry does not help.
    pub fn read(
        lookup: impl Fn(&'static str) -> Option<String>,
    ) -> Result<QueuesConfig, ConfigError> {
        let (queue_url, dead_letters_url) =
            (required(&lookup, QUEUE_URL)?, required(&lookup, DEAD_LETTERS_URL)?);
        Ok(QueuesConfig { queue_url, dead_letters_url })
    }
}

/// Where the sockets of viewers are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveConfig {
    /// The URL of the stage, at which sockets are sent messages.
    pub endpoint: String,
}

impl LiveConfig {
    /// Reads the variable through `lookup`, as [`Config::read`] does.
    ///
    /// # Errors
    /// [`ConfigError`], which names the variable. A retry does not help.
    pub fn read(
        lookup: impl Fn(&'static str) -> Option<String>,
    ) -> Result<LiveConfig, ConfigError> {
        let endpoint = required(&lookup, LIVE_ENDPOINT)?;
        if !is_encrypted_or_local(&endpoint) || endpoint.contains(['?', '#', ';', ',']) {
            let expected = "the https URL of the stage of a WebSocket API (http on loopback)";
            let (name, expected) = (LIVE_ENDPOINT, expected.to_string());
            return Err(ConfigError::Invalid { name, value: endpoint, expected });
        }
        Ok(LiveConfig { endpoint })
    }

    /// Reads the variable; `None` if it is not set or empty, where there are no sockets.
    ///
    /// # Errors
    /// [`ConfigError`], which names the variable. A retry does not help.
    pub fn read_if_any(
        lookup: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Option<LiveConfig>, ConfigError> {
        match lookup(LIVE_ENDPOINT).is_none_or(|endpoint| endpoint.is_empty()) {
            true => Ok(None),
            false => LiveConfig::read(lookup).map(Some),
        }
    }

    /// The URL at which viewers connect: `wss://…`, and `ws://…` on this machine.
    pub fn url(&self) -> String {
        self.endpoint.replacen("http", "ws", 1)
    }
}

/// Reads a variable that must be set.
///
/// # Errors
/// [`ConfigError::Missing`].
pub fn required(
    lookup: &impl Fn(&'static str) -> Option<String>,
    name: &'static str,
) -> Result<String, ConfigError> {
    lookup(name).filter(|value| !value.is_empty()).ok_or(ConfigError::Missing(name))
}

/// The process's environment.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge that every configuration is read through"
)]
pub fn environment(name: &'static str) -> Option<String> {
    std::env::var(name).ok()
}

fn parsed<T>(
    lookup: &impl Fn(&'static str) -> Option<String>,
    name: &'static str,
) -> Result<T, ConfigError>
where
    T: FromStr,
    T::Err: Display,
{
    let value = required(lookup, name)?;
    value.parse().map_err(|error: T::Err| ConfigError::Invalid {
        name,
        value,
        expected: error.to_string(),
    })
}

/// Refuses coarser rows that expire before the finer rows that they sum, since queries would find
/// neither.
fn longer_than(finer_days: u32, name: &'static str, days: u32) -> Result<(), ConfigError> {
    let is_longer = days == 0 || (finer_days != 0 && finer_days <= days);
    if is_longer {
        return Ok(());
    }
    let least = if finer_days == 0 {
        "0 (for ever)".to_string()
    } else {
        format!("0 (for ever) or {finer_days} and more")
    };
    let expected = format!("{least}, since finer rows are kept as long");
    Err(ConfigError::Invalid { name, value: days.to_string(), expected })
}

fn currency(lookup: &impl Fn(&'static str) -> Option<String>) -> Result<Currency, ConfigError> {
    let value = required(lookup, DEFAULT_CURRENCY)?;
    Currency::parse(value.as_bytes()).ok_or_else(|| ConfigError::Invalid {
        name: DEFAULT_CURRENCY,
        value,
        expected: "three letters, as USD".to_string(),
    })
}

fn time_zone(lookup: &impl Fn(&'static str) -> Option<String>) -> Result<Tz, ConfigError> {
    let value = required(lookup, DEFAULT_TIME_ZONE)?;
    value.parse().map_err(|_| ConfigError::Invalid {
        name: DEFAULT_TIME_ZONE,
        value,
        expected: "the IANA name of a time zone, as Europe/Berlin".to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(changed: &[(&'static str, &str)]) -> impl Fn(&'static str) -> Option<String> {
        let mut values =
            vec![(TABLE, "minutes"), (REJECTED_BUCKET, "rejected"), (BUCKET, "chunks")];
        values.extend([
            (MINUTE_RETENTION_DAYS, "7"),
            (KEYS_MAX, "1000"),
            (REQUIRE_READ_KEYS, "false"),
            (REQUIRE_WRITE_KEYS, "true"),
            (ALLOWED_ORIGINS, "https://a.example, http://127.0.0.1:8080,"),
            (DEMO_EVENTS, "false"),
            (SITES_MAX, "50"),
        ]);
        values.extend([(QUEUE_URL, "https://queue"), (DEAD_LETTERS_URL, "https://dead-letters")]);
        values.extend([
            (DEFAULT_CURRENCY, "EUR"),
            (DEFAULT_TIME_ZONE, "Europe/Berlin"),
            (HOUR_RETENTION_DAYS, "400"),
            (DAY_RETENTION_DAYS, "0"),
        ]);
        let mut values: Vec<(&'static str, String)> =
            values.into_iter().map(|(name, value)| (name, value.to_string())).collect();
        for (name, value) in changed {
            values.retain(|(known, _)| known != name);
            values.push((name, (*value).to_string()));
        }
        move |name| values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    #[test]
    fn a_whole_environment_is_read() {
        let config = Config::read(lookup(&[])).expect("all variables are there");
        assert_eq!((config.table.as_str(), config.default_currency.as_str()), ("minutes", "EUR"));
        assert_eq!(config.default_time_zone, Tz::Europe__Berlin);
        assert_eq!(config.retention, Retention { minute_days: 7, hour_days: 400, day_days: 0 });
        let config = IngestConfig::read(lookup(&[])).expect("all variables are there");
        assert_eq!(
            (config.bucket.as_str(), config.rejected_bucket.as_str()),
            ("chunks", "rejected")
        );
        let rollup = RollupConfig::read(lookup(&[])).expect("all variables are there");
        assert_eq!((config.keys_max, rollup.keys_max, config.sites_max), (1_000, 1_000, 50));
        let config = QueuesConfig::read(lookup(&[])).expect("all variables are there");
        assert_eq!(
            (config.queue_url.as_str(), config.dead_letters_url.as_str()),
            ("https://queue", "https://dead-letters")
        );
        let config = CollectConfig::read(lookup(&[])).expect("all variables are there");
        assert_eq!((config.bucket.as_str(), config.makes_random_events), ("chunks", false));
        let config = AccessConfig::read(lookup(&[])).expect("all variables are there");
        assert_eq!((config.requires_read_keys, config.requires_write_keys), (false, true));
        assert_eq!(config.allowed_origins, ["https://a.example", "http://127.0.0.1:8080"]);
        let config = AccessConfig::read(lookup(&[(ALLOWED_ORIGINS, "")])).expect("none is needed");
        assert_eq!(config.allowed_origins, [""; 0]);
        for (name, value) in [
            (REQUIRE_WRITE_KEYS, "yes"),
            (REQUIRE_READ_KEYS, ""),
            (ALLOWED_ORIGINS, "https://a.example/"),
            (ALLOWED_ORIGINS, "a.example"),
        ] {
            let error = AccessConfig::read(lookup(&[(name, value)])).expect_err(value);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn tokens_of_an_issuer_need_an_audience_and_an_encrypted_way_to_its_keys() {
        let read = |changed: &[(&'static str, &str)]| AccessConfig::read(lookup(changed));
        assert_eq!(read(&[]).expect("no issuer").jwt, None);
        let whole = [
            (JWT_ISSUER, "https://issuer.example/"),
            (JWT_AUDIENCE, "minutebook, till"),
            (JWT_SITES_CLAIM, "https://shop.example/sites"),
        ];
        let expected = JwtConfig {
            issuer: "https://issuer.example/".to_string(),
            audiences: vec!["minutebook".to_string(), "till".to_string()],
            sites_claim: "https://shop.example/sites".to_string(),
        };
        assert_eq!(read(&whole).expect("a whole configuration").jwt, Some(expected));
        for (name, value, named) in [
            (JWT_ISSUER, "", JWT_AUDIENCE),
            (JWT_ISSUER, "issuer.example", JWT_ISSUER),
            (JWT_ISSUER, "http://issuer.example", JWT_ISSUER),
            (JWT_ISSUER, "https://issuer.example?a", JWT_ISSUER),
            (JWT_AUDIENCE, "", JWT_AUDIENCE),
            (JWT_AUDIENCE, " , ", JWT_AUDIENCE),
            (JWT_SITES_CLAIM, "", JWT_SITES_CLAIM),
        ] {
            let changed = whole
                .map(|(known, of_whole)| (known, if known == name { value } else { of_whole }));
            let error = read(&changed).expect_err(value).to_string();
            assert!(error.contains(named), "{name} {value}: {error}");
        }
    }

    #[test]
    fn the_template_sets_the_variables_that_are_read_and_no_others() {
        let template = include_str!("../../../infra/template.yaml");
        let names =
            template.lines().filter_map(|line| line.trim().split_once(':')).map(|(name, _)| name);
        let set: std::collections::BTreeSet<&str> =
            names.filter(|name| name.starts_with("MINUTEBOOK_")).collect();
        let retentions = [DAY_RETENTION_DAYS, HOUR_RETENTION_DAYS, MINUTE_RETENTION_DAYS];
        let read = [
            ALLOWED_ORIGINS,
            BUCKET,
            DEAD_LETTERS_URL,
            DEFAULT_CURRENCY,
            DEFAULT_TIME_ZONE,
            DEMO_EVENTS,
            JWT_AUDIENCE,
            JWT_ISSUER,
            JWT_SITES_CLAIM,
            KEYS_MAX,
            LIVE_ENDPOINT,
            crate::logging::LEVEL_VARIABLES[0],
            QUEUE_URL,
            REJECTED_BUCKET,
            REQUIRE_READ_KEYS,
            REQUIRE_WRITE_KEYS,
            SITES_MAX,
            TABLE,
        ];
        let read = read.into_iter().chain(retentions);
        assert_eq!(set, read.collect());
    }

    #[test]
    fn sockets_are_where_the_endpoint_is() {
        let read = |value: &'static str| {
            LiveConfig::read_if_any(move |name| (name == LIVE_ENDPOINT).then(|| value.to_string()))
        };
        assert_eq!(read(""), Ok(None));
        assert_eq!(LiveConfig::read_if_any(|_| None), Ok(None));
        for (endpoint, url) in [
            ("https://a.execute-api.x/realtime", "wss://a.execute-api.x/realtime"),
            ("http://127.0.0.1:4566/_aws/a/realtime", "ws://127.0.0.1:4566/_aws/a/realtime"),
        ] {
            let live = read(endpoint).expect("a URL").expect("there is one");
            assert_eq!((live.endpoint.as_str(), live.url().as_str()), (endpoint, url));
        }
        for wrong in ["a.execute-api.x", "http://a.x", "https://a.x/;img-src", "wss://a.x"] {
            let error = read(wrong).expect_err(wrong).to_string();
            assert!(error.contains(LIVE_ENDPOINT), "{error}");
        }
        assert_eq!(LiveConfig::read(|_| None), Err(ConfigError::Missing(LIVE_ENDPOINT)));
    }

    #[test]
    fn an_error_names_its_variable() {
        assert_eq!(Config::read(lookup(&[(TABLE, "")])), Err(ConfigError::Missing(TABLE)));
        let wrong_currency =
            Config::read(lookup(&[(DEFAULT_CURRENCY, "dollars")])).expect_err("not three letters");
        let wrong_zone =
            Config::read(lookup(&[(DEFAULT_TIME_ZONE, "Berlin")])).expect_err("not a zone");
        let wrong_days =
            Config::read(lookup(&[(MINUTE_RETENTION_DAYS, "week")])).expect_err("not a number");
        let too_short = Config::read(lookup(&[(HOUR_RETENTION_DAYS, "6")]))
            .expect_err("less than minutes are kept");
        for (error, name, value) in [
            (wrong_currency, DEFAULT_CURRENCY, "dollars"),
            (wrong_zone, DEFAULT_TIME_ZONE, "Berlin"),
            (wrong_days, MINUTE_RETENTION_DAYS, "week"),
            (too_short, HOUR_RETENTION_DAYS, "6"),
        ] {
            let sentence = error.to_string();
            assert!(sentence.contains(name) && sentence.contains(value), "{sentence}");
        }
    }
}
