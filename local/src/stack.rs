//! The file that describes the running stack.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// The folder in the root of the checkout with everything local: tools, emulator state, logs, the
/// stack.
pub const STATE_FOLDER: &str = ".minutebook";

/// The name of the file, in the state folder, that describes the running stack.
pub const STACK_FILE: &str = "stack.json";

/// A deployed stack: where its parts are, and the credentials for it.
///
/// **Shape**: written as JSON to `.minutebook/stack.json`, so that every command finds the stack
/// that `up` deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// The emulator's address, as `http://127.0.0.1:4566`.
    pub endpoint_url: String,
    /// The region of the stack.
    pub region: String,
    /// The bucket for events.
    pub bucket: String,
    /// The bucket for rejected lines.
    pub rejected_bucket: String,
    /// The table.
    pub table: String,
    /// The queue of `ingest`.
    pub queue_url: String,
    /// The dead-letter queue.
    pub dead_letters_url: String,
    /// The root of the HTTP API, as in `<api_url>/most_viewed_item`; `None` if the backend has no
    /// API.
    pub api_url: Option<String>,
    /// Where sockets of viewers are opened, as `ws://…`; `None` if the backend has no sockets.
    pub live_url: Option<String>,
    /// The currency of amounts that name none.
    pub default_currency: String,
    /// The zone of times that name none, by its IANA name.
    pub default_time_zone: String,
    /// How many days minutes are kept; 0 is for ever.
    pub minute_retention_days: u32,
    /// How many days hours are kept; 0 is for ever.
    pub hour_retention_days: u32,
    /// How many days days, weeks and months are kept; 0 is for ever.
    pub day_retention_days: u32,
    /// How many keys of a site and measure keep their names; 0 is all.
    pub keys_max: u32,
    /// How many sites are counted; 0 is all.
    pub sites_max: u32,
    /// Whether questions need a key.
    pub requires_read_keys: bool,
    /// Whether posts need a key.
    pub requires_write_keys: bool,
    /// The issuer of tokens that are taken beside keys; empty is none.
    pub jwt_issuer: String,
    /// The audiences of its tokens, separated by commas.
    pub jwt_audience: String,
    /// The claim of its tokens with their sites.
    pub jwt_sites_claim: String,
    /// A key for everything, if any is required.
    pub api_key: Option<String>,
    /// The account, 12 digits.
    pub account_id: String,
    /// The access key that deployed the stack, with all permissions in the emulator's account.
    pub access_key_id: String,
    /// Its secret key. The emulator listens on this machine only, so it needs no protection.
    pub secret_access_key: String,
    /// The names of the functions, by binary (`ingest`, `most_viewed`, …).
    pub functions: BTreeMap<String, String>,
}

impl Stack {
    /// Reads the stack from the state folder `folder`; `None` if there is none.
    ///
    /// # Errors
    /// The file cannot be read, or another version wrote it.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(STACK_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let stack = serde_json::from_str(&text).with_context(|| {
            format!("{} is of another version: run `cargo mb up` again", path.display())
        })?;
        Ok(Some(stack))
    }

    /// Writes the stack to the state folder `folder`, atomically.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(STACK_FILE);
        let text = serde_json::to_string_pretty(self).context("a stack is plain JSON")?;
        let unfinished = path.with_extension("json.new");
        std::fs::write(&unfinished, text + "\n")
            .with_context(|| format!("cannot write {}", unfinished.display()))?;
        std::fs::rename(&unfinished, &path)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// The environment of a function of this stack, with the variables that point the command and
    /// `aws` at it.
    ///
    /// With it, functions run with the deployer's key and all its permissions; only deployed
    /// functions have their own roles.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::from([
            ("AWS_ACCESS_KEY_ID", self.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key.clone()),
            ("AWS_DEFAULT_REGION", self.region.clone()),
            ("AWS_ENDPOINT_URL", self.endpoint_url.clone()),
            ("AWS_REGION", self.region.clone()),
            ("MINUTEBOOK_BUCKET", self.bucket.clone()),
            ("MINUTEBOOK_DEAD_LETTERS_URL", self.dead_letters_url.clone()),
            ("MINUTEBOOK_DEFAULT_CURRENCY", self.default_currency.clone()),
            ("MINUTEBOOK_DEFAULT_TIME_ZONE", self.default_time_zone.clone()),
            ("MINUTEBOOK_MINUTE_RETENTION_DAYS", self.minute_retention_days.to_string()),
            ("MINUTEBOOK_HOUR_RETENTION_DAYS", self.hour_retention_days.to_string()),
            ("MINUTEBOOK_DAY_RETENTION_DAYS", self.day_retention_days.to_string()),
            ("MINUTEBOOK_KEYS_MAX", self.keys_max.to_string()),
            ("MINUTEBOOK_LIVE_ENDPOINT", self.live_endpoint()),
            ("MINUTEBOOK_QUEUE_URL", self.queue_url.clone()),
            ("MINUTEBOOK_REJECTED_BUCKET", self.rejected_bucket.clone()),
            ("MINUTEBOOK_DEMO_EVENTS", "true".to_owned()),
            ("MINUTEBOOK_REQUIRE_READ_KEYS", self.requires_read_keys.to_string()),
            ("MINUTEBOOK_REQUIRE_WRITE_KEYS", self.requires_write_keys.to_string()),
            ("MINUTEBOOK_ALLOWED_ORIGINS", String::new()),
            ("MINUTEBOOK_JWT_ISSUER", self.jwt_issuer.clone()),
            ("MINUTEBOOK_JWT_AUDIENCE", self.jwt_audience.clone()),
            ("MINUTEBOOK_JWT_SITES_CLAIM", self.jwt_sites_claim.clone()),
            ("MINUTEBOOK_SITES_MAX", self.sites_max.to_string()),
            ("MINUTEBOOK_TABLE", self.table.clone()),
        ]);
        if let Some(api_url) = &self.api_url {
            environment.insert("MINUTEBOOK_API_URL", api_url.clone());
        }
        if let Some(api_key) = &self.api_key {
            environment.insert("MINUTEBOOK_API_KEY", api_key.clone());
        }
        environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The URL at which sockets are sent messages; empty if there are none.
    fn live_endpoint(&self) -> String {
        self.live_url.as_deref().map(|url| url.replacen("ws", "http", 1)).unwrap_or_default()
    }

    /// Finds the state folder with a stack in `start` or in the nearest of its parents.
    pub fn find_folder(start: &Path) -> Option<PathBuf> {
        start
            .ancestors()
            .map(|folder| folder.join(STATE_FOLDER))
            .find(|folder| folder.join(STACK_FILE).is_file())
    }
}
