//! Starts single functions and runs commands of `minutebook` on a store.

use std::process::Output;

use anyhow::{Context, bail};
use serde_json::Value;

use super::Store;
use crate::worker::Worker;

/// The number of days for which rows are kept. 0 means forever.
#[derive(Clone, Copy, Debug)]
pub struct RetentionDays {
    /// Rows of minutes.
    pub minutes: u32,
    /// Rows of hours.
    pub hours: u32,
    /// Rows of days, weeks and months.
    pub days: u32,
}

/// The origin whose pages may make calls where keys are required.
pub const ORIGIN: &str = "https://shop.example";

/// The queue URL that a function gets if there is no queue.
const NO_QUEUE: &str = "http://127.0.0.1/no-queue";

/// Keeps all rows forever.
const FOR_EVER: RetentionDays = RetentionDays { minutes: 0, hours: 0, days: 0 };

/// What a function is started with, besides the addresses.
#[derive(Clone, Copy)]
struct Parameters<'a> {
    retention: RetentionDays,
    keys_max: u32,
    sites_max: u32,
    time_zone: &'a str,
    live_endpoint: &'a str,
}

/// The template's defaults, but all rows are kept forever.
const DEFAULTS: Parameters<'_> = Parameters {
    retention: FOR_EVER,
    keys_max: 100_000,
    sites_max: 1_000,
    time_zone: "UTC",
    live_endpoint: "",
};

impl Store {
    /// Starts ingest on this store, without a proxy.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn start_plain_ingest(&self) -> anyhow::Result<Worker> {
        self.start_ingest(&self.clients.endpoint_url, &self.clients.endpoint_url).await
    }

    /// Starts ingest on this store. `dynamodb_url` and `s3_url` may be the URLs of proxies.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn start_ingest(&self, dynamodb_url: &str, s3_url: &str) -> anyhow::Result<Worker> {
        self.start("ingest", dynamodb_url, s3_url, FOR_EVER).await
    }

    /// Starts ingest on this store with this retention. `s3_url` may be the URL of a proxy.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn start_ingest_of(
        &self,
        s3_url: &str,
        retention: RetentionDays,
    ) -> anyhow::Result<Worker> {
        self.start("ingest", &self.clients.endpoint_url, s3_url, retention).await
    }

    /// Starts rollup on this store with this retention of minutes; 0 means forever. `dynamodb_url`
    /// may be the URL of a proxy.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn start_rollup(
        &self,
        dynamodb_url: &str,
        minute_retention_days: u32,
    ) -> anyhow::Result<Worker> {
        let retention = RetentionDays { minutes: minute_retention_days, ..FOR_EVER };
        self.start("rollup", dynamodb_url, &self.clients.endpoint_url, retention).await
    }

    /// Starts collect on this store. `s3_url` may be the URL of a proxy.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn start_collect(&self, s3_url: &str) -> anyhow::Result<Worker> {
        self.start("collect", &self.clients.endpoint_url, s3_url, FOR_EVER).await
    }

    /// Starts a query function on this store. `dynamodb_url` may be the URL of a proxy.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn start_query(&self, function: &str, dynamodb_url: &str) -> anyhow::Result<Worker> {
        self.start(function, dynamodb_url, &self.clients.endpoint_url, FOR_EVER).await
    }

    /// Starts a query function on this store with this retention.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn start_query_of(
        &self,
        function: &str,
        retention: RetentionDays,
    ) -> anyhow::Result<Worker> {
        let endpoint_url = &self.clients.endpoint_url;
        self.start(function, endpoint_url, endpoint_url, retention).await
    }

    /// Starts ingest or rollup on this store with this limit of keys; 0 is none. `dynamodb_url` may
    /// be the URL of a proxy.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn start_with_keys_max(
        &self,
        function: &str,
        dynamodb_url: &str,
        keys_max: u32,
    ) -> anyhow::Result<Worker> {
        let s3_url = &self.clients.endpoint_url;
        self.start_with(function, dynamodb_url, s3_url, Parameters { keys_max, ..DEFAULTS }).await
    }

    /// Starts ingest on this store with this limit of sites; 0 is none. `dynamodb_url` and `s3_url`
    /// may be the URLs of proxies.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn start_ingest_with_sites_max(
        &self,
        dynamodb_url: &str,
        s3_url: &str,
        sites_max: u32,
    ) -> anyhow::Result<Worker> {
        self.start_with("ingest", dynamodb_url, s3_url, Parameters { sites_max, ..DEFAULTS }).await
    }

    /// Starts ingest on this store with this zone of times that name none. `dynamodb_url` may be
    /// the URL of a proxy.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn start_ingest_in_zone(
        &self,
        dynamodb_url: &str,
        zone: &str,
    ) -> anyhow::Result<Worker> {
        let s3_url = &self.clients.endpoint_url;
        let parameters = Parameters { time_zone: zone, ..DEFAULTS };
        self.start_with("ingest", dynamodb_url, s3_url, parameters).await
    }

    /// Starts push on this store, whose sockets are at `live_endpoint`. `dynamodb_url` may be the
    /// URL of a proxy.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn start_push(
        &self,
        dynamodb_url: &str,
        live_endpoint: &str,
    ) -> anyhow::Result<Worker> {
        let s3_url = &self.clients.endpoint_url;
        let parameters = Parameters { live_endpoint, ..DEFAULTS };
        self.start_with("push", dynamodb_url, s3_url, parameters).await
    }

    async fn start(
        &self,
        function: &str,
        dynamodb_url: &str,
        s3_url: &str,
        retention: RetentionDays,
    ) -> anyhow::Result<Worker> {
        self.start_with(function, dynamodb_url, s3_url, Parameters { retention, ..DEFAULTS }).await
    }

    async fn start_with(
        &self,
        function: &str,
        dynamodb_url: &str,
        s3_url: &str,
        parameters: Parameters<'_>,
    ) -> anyhow::Result<Worker> {
        let Parameters { retention, keys_max, sites_max, time_zone, live_endpoint } = parameters;
        let binary = crate::binaries::path(function)?;
        let clients = &self.clients;
        let queue_url = self.queue_url.as_deref().unwrap_or(NO_QUEUE);
        let requires_keys = self.requires_keys.to_string();
        let jwt_audience = if self.jwt_issuer.is_empty() { "" } else { "minutebook" };
        Worker::start(
            &binary,
            &[
                ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_url),
                ("AWS_ENDPOINT_URL_S3", s3_url),
                ("AWS_ENDPOINT_URL_SQS", &clients.endpoint_url),
                ("AWS_REGION", &clients.region),
                ("AWS_ACCESS_KEY_ID", &clients.access_key_id),
                ("AWS_SECRET_ACCESS_KEY", &clients.secret_access_key),
                ("MINUTEBOOK_TABLE", &self.table),
                ("MINUTEBOOK_QUEUE_URL", queue_url),
                ("MINUTEBOOK_DEAD_LETTERS_URL", queue_url),
                ("MINUTEBOOK_BUCKET", &self.bucket),
                ("MINUTEBOOK_REJECTED_BUCKET", &self.rejected_bucket),
                ("MINUTEBOOK_MINUTE_RETENTION_DAYS", &retention.minutes.to_string()),
                ("MINUTEBOOK_HOUR_RETENTION_DAYS", &retention.hours.to_string()),
                ("MINUTEBOOK_DAY_RETENTION_DAYS", &retention.days.to_string()),
                ("MINUTEBOOK_DEFAULT_CURRENCY", "USD"),
                ("MINUTEBOOK_DEFAULT_TIME_ZONE", time_zone),
                ("MINUTEBOOK_KEYS_MAX", &keys_max.to_string()),
                ("MINUTEBOOK_DEMO_EVENTS", "true"),
                ("MINUTEBOOK_REQUIRE_READ_KEYS", &requires_keys),
                ("MINUTEBOOK_REQUIRE_WRITE_KEYS", &requires_keys),
                ("MINUTEBOOK_ALLOWED_ORIGINS", ORIGIN),
                ("MINUTEBOOK_JWT_ISSUER", &self.jwt_issuer),
                ("MINUTEBOOK_JWT_AUDIENCE", jwt_audience),
                ("MINUTEBOOK_JWT_SITES_CLAIM", "minutebook_sites"),
                ("MINUTEBOOK_SITES_MAX", &sites_max.to_string()),
                ("MINUTEBOOK_LIVE_ENDPOINT", live_endpoint),
            ],
        )
        .await
    }

    /// Runs `minutebook verify --json` on this store and returns its report.
    ///
    /// # Errors
    /// The command cannot be started, or finds a difference.
    pub async fn verify(&self) -> anyhow::Result<Value> {
        let output = self.run_verify(&[]).await?;
        if !output.status.success() {
            bail!(
                "verify failed: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        serde_json::from_slice(&output.stdout).context("verify --json prints JSON")
    }

    /// Runs `minutebook verify --json` on this store with additional arguments, and returns its
    /// output whether or not it finds differences.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn run_verify(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let fixed = ["--json", "--rejected-bucket", &self.rejected_bucket];
        self.run_command("verify", &[&fixed, arguments].concat()).await
    }

    /// Runs a command of `minutebook` on this store with these arguments, and returns its output
    /// whether or not it succeeds.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn run_command(&self, name: &str, arguments: &[&str]) -> anyhow::Result<Output> {
        let clients = &self.clients;
        tokio::process::Command::new(crate::binaries::path("minutebook")?)
            .arg(name)
            .args(arguments)
            .args(["--endpoint-url", &clients.endpoint_url, "--region", &clients.region])
            .args(["--bucket", &self.bucket, "--table", &self.table])
            .env("AWS_ACCESS_KEY_ID", &clients.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &clients.secret_access_key)
            .output()
            .await
            .with_context(|| format!("minutebook {name} cannot be started"))
    }
}
