//! Where the stack is, and clients for it: flags come first, then the environment, then the local
//! stack that `up` wrote down.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use chrono_tz::Tz;
use minutebook_local::{Emulator, STATE_FOLDER, Stack};

/// The error if a command needs a stack, and none is named or running.
const NO_STACK: &str = "no stack is named or running: run `cargo mb up`";

/// The flags of every command. What no flag says comes from the environment, then from the local
/// stack.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Where the stack is (default: the local stack)")]
pub(crate) struct Options {
    /// Address of an emulator; without it and without a local stack, AWS
    #[arg(
        long,
        global = true,
        env = "AWS_ENDPOINT_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) endpoint_url: Option<String>,
    /// AWS region
    #[arg(long, global = true, env = "AWS_REGION", value_name = "NAME", hide_env_values = true)]
    pub(crate) region: Option<String>,
    /// AWS profile; if given, the local stack is ignored
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Bucket for events
    #[arg(
        long,
        global = true,
        env = "MINUTEBOOK_BUCKET",
        value_name = "NAME",
        hide_env_values = true
    )]
    pub(crate) bucket: Option<String>,
    /// Bucket for rejected lines
    #[arg(
        long,
        global = true,
        env = "MINUTEBOOK_REJECTED_BUCKET",
        value_name = "NAME",
        hide_env_values = true
    )]
    pub(crate) rejected_bucket: Option<String>,
    /// DynamoDB table
    #[arg(
        long,
        global = true,
        env = "MINUTEBOOK_TABLE",
        value_name = "NAME",
        hide_env_values = true
    )]
    pub(crate) table: Option<String>,
    /// Queue of ingest
    #[arg(
        long,
        global = true,
        env = "MINUTEBOOK_QUEUE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) queue_url: Option<String>,
    /// Dead-letter queue
    #[arg(
        long,
        global = true,
        env = "MINUTEBOOK_DEAD_LETTERS_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) dead_letters_url: Option<String>,
    /// Root of the HTTP API, as in `<api-url>/most_viewed_item`
    #[arg(
        long,
        global = true,
        env = "MINUTEBOOK_API_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) api_url: Option<String>,
    /// Key for the HTTP API
    #[arg(
        long,
        global = true,
        env = "MINUTEBOOK_API_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    pub(crate) api_key: Option<String>,
    /// Currency of amounts that name none
    #[arg(
        long,
        global = true,
        env = "MINUTEBOOK_DEFAULT_CURRENCY",
        value_name = "CODE",
        hide_env_values = true
    )]
    pub(crate) default_currency: Option<String>,
    /// Time zone of times that name none, as Europe/Berlin
    #[arg(
        long,
        global = true,
        env = "MINUTEBOOK_DEFAULT_TIME_ZONE",
        value_name = "ZONE",
        value_parser = time_zone_or_empty,
        hide_env_values = true
    )]
    pub(crate) default_time_zone: Option<String>,
}

/// Checks the name of a time zone. A variable that is empty counts as one that is not set.
fn time_zone_or_empty(name: &str) -> Result<String, String> {
    if name.is_empty() { Ok(String::new()) } else { time_zone(name).map(|zone| zone.to_string()) }
}

/// Reads the name of a time zone.
pub(crate) fn time_zone(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| "the IANA name of a time zone, such as Europe/Berlin".to_owned())
}

/// Where the parts of the stack are. A part that a command needs and that is not known is an error
/// of that command only, so each part has a method, whose error says what is missing.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    /// The emulator; `None` is AWS itself.
    pub(crate) endpoint_url: Option<String>,
    pub(crate) region: Option<String>,
    bucket: Option<String>,
    rejected_bucket: Option<String>,
    table: Option<String>,
    queue_url: Option<String>,
    dead_letters_url: Option<String>,
    api_url: Option<String>,
    pub(crate) api_key: Option<String>,
    pub(crate) default_currency: String,
    pub(crate) default_time_zone: String,
}

impl Endpoints {
    pub(crate) fn bucket(&self) -> Result<&str> {
        named(&self.bucket, "bucket", "--bucket", "MINUTEBOOK_BUCKET")
    }

    pub(crate) fn rejected_bucket(&self) -> Result<&str> {
        named(
            &self.rejected_bucket,
            "bucket for rejected lines",
            "--rejected-bucket",
            "MINUTEBOOK_REJECTED_BUCKET",
        )
    }

    pub(crate) fn table(&self) -> Result<&str> {
        named(&self.table, "table", "--table", "MINUTEBOOK_TABLE")
    }

    pub(crate) fn queue_url(&self) -> Result<&str> {
        named(&self.queue_url, "queue", "--queue-url", "MINUTEBOOK_QUEUE_URL")
    }

    pub(crate) fn dead_letters_url(&self) -> Result<&str> {
        named(
            &self.dead_letters_url,
            "dead-letter queue",
            "--dead-letters-url",
            "MINUTEBOOK_DEAD_LETTERS_URL",
        )
    }

    pub(crate) fn api_url(&self) -> Result<&str> {
        let api_url = named(&self.api_url, "API", "--api-url", "MINUTEBOOK_API_URL")?;
        Ok(api_url.trim_end_matches('/'))
    }
}

fn named<'a>(value: &'a Option<String>, what: &str, flag: &str, variable: &str) -> Result<&'a str> {
    value.as_deref().ok_or_else(|| {
        anyhow!("no {what} is known: run `cargo mb up`, or give {flag} or {variable}")
    })
}

/// What every command gets: the flags, the endpoints and the clients.
#[derive(Debug)]
pub(crate) struct Context {
    options: Options,
    /// A stack that this process has just deployed. It comes before everything else.
    deployed: Option<Stack>,
}

impl Context {
    pub(crate) fn new(options: Options) -> Self {
        Self { options: options.without_empty(), deployed: None }
    }

    /// A context for `stack`, whatever the flags and the environment say.
    pub(crate) fn of_stack(stack: Stack) -> Self {
        Self { options: Options::default(), deployed: Some(stack) }
    }

    /// Where the parts of the stack are.
    ///
    /// # Errors
    /// Nothing names a stack, and no local stack is running.
    pub(crate) fn endpoints(&self) -> Result<Endpoints> {
        let stack = self.stack()?;
        let options = &self.options;
        let nothing_named = options.endpoint_url.is_none()
            && options.profile.is_none()
            && options.bucket.is_none()
            && options.table.is_none()
            && options.queue_url.is_none()
            && options.api_url.is_none();
        if stack.is_none() && nothing_named {
            bail!(NO_STACK);
        }
        let part = |option: &Option<String>, of_stack: fn(&Stack) -> &String| {
            option.clone().or_else(|| stack.as_ref().map(|stack| of_stack(stack).clone()))
        };
        Ok(Endpoints {
            endpoint_url: part(&options.endpoint_url, |stack| &stack.endpoint_url),
            region: match &stack {
                Some(stack) => Some(stack.region.clone()),
                None => options.region.clone(),
            },
            bucket: part(&options.bucket, |stack| &stack.bucket),
            rejected_bucket: part(&options.rejected_bucket, |stack| &stack.rejected_bucket),
            table: part(&options.table, |stack| &stack.table),
            queue_url: part(&options.queue_url, |stack| &stack.queue_url),
            dead_letters_url: part(&options.dead_letters_url, |stack| &stack.dead_letters_url),
            api_url: options
                .api_url
                .clone()
                .or_else(|| stack.as_ref().and_then(|stack| stack.api_url.clone())),
            api_key: options
                .api_key
                .clone()
                .or_else(|| stack.as_ref().and_then(|stack| stack.api_key.clone())),
            default_currency: part(&options.default_currency, |stack| &stack.default_currency)
                .unwrap_or_else(|| "USD".to_owned()),
            default_time_zone: part(&options.default_time_zone, |stack| &stack.default_time_zone)
                .unwrap_or_else(|| "UTC".to_owned()),
        })
    }

    /// The parameters of the template with which a local stack is deployed, as far as flags set
    /// them.
    pub(crate) fn parameters(&self) -> BTreeMap<String, String> {
        let Options { default_currency, default_time_zone, .. } = &self.options;
        let parameters =
            [("DefaultCurrency", default_currency), ("DefaultTimeZone", default_time_zone)];
        let set = |(name, value): (&str, &Option<String>)| Some((name.to_owned(), value.clone()?));
        parameters.into_iter().filter_map(set).collect()
    }

    /// The local stack, unless the flags or the environment name another one.
    ///
    /// Region and credentials belong to the endpoint. With another endpoint or a profile, no part
    /// of the local stack is used; a stray `AWS_REGION` in the shell does not change the region of
    /// the local stack.
    ///
    /// # Errors
    /// The files of the local stack cannot be read.
    pub(crate) fn stack(&self) -> Result<Option<Stack>> {
        if let Some(stack) = &self.deployed {
            return Ok(Some(stack.clone()));
        }
        if self.options.profile.is_some() {
            return Ok(None);
        }
        let current_folder = std::env::current_dir().context("cannot find the current folder")?;
        let Some(folder) = Stack::find_folder(&current_folder) else { return Ok(None) };
        let Some(stack) = Stack::read(&folder)? else { return Ok(None) };
        if Emulator::running(&folder)?.is_none() {
            // The machine was restarted, or the emulator was stopped by hand: its data is gone.
            return Ok(None);
        }
        match &self.options.endpoint_url {
            Some(endpoint_url) if !same_url(endpoint_url, &stack.endpoint_url) => Ok(None),
            _ => Ok(Some(stack)),
        }
    }

    /// The local stack, for what needs one.
    ///
    /// # Errors
    /// No local stack is running.
    pub(crate) fn local_stack(&self) -> Result<Stack> {
        self.stack()?.ok_or_else(|| anyhow!("no local stack is running: run `cargo mb up`"))
    }

    /// The emulator of the local stack, unless the flags or the environment name another stack.
    pub(crate) fn emulator(&self) -> Result<Option<Emulator>> {
        match self.stack()? {
            Some(_) => Emulator::running(&self.root()?.join(STATE_FOLDER)),
            None => Ok(None),
        }
    }

    pub(crate) async fn s3(&self) -> Result<aws_sdk_s3::Client> {
        let config = self.sdk_config().await?;
        // The host names of buckets do not resolve to the emulator.
        let path_style = config.endpoint_url().is_some();
        let config =
            aws_sdk_s3::config::Builder::from(&config).force_path_style(path_style).build();
        Ok(aws_sdk_s3::Client::from_conf(config))
    }

    pub(crate) async fn dynamodb(&self) -> Result<aws_sdk_dynamodb::Client> {
        Ok(aws_sdk_dynamodb::Client::new(&self.sdk_config().await?))
    }

    pub(crate) async fn sqs(&self) -> Result<aws_sdk_sqs::Client> {
        Ok(aws_sdk_sqs::Client::new(&self.sdk_config().await?))
    }

    async fn sdk_config(&self) -> Result<SdkConfig> {
        let endpoints = self.endpoints()?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(minutebook_local::http_client())
            .retry_config(RetryConfig::standard().with_max_attempts(5));
        if let Some(endpoint_url) = &endpoints.endpoint_url {
            loader = loader.endpoint_url(endpoint_url);
        }
        if let Some(region) = &endpoints.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &self.options.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(stack) = self.stack()? {
            let credentials = Credentials::new(
                stack.access_key_id,
                stack.secret_access_key,
                None,
                None,
                "minutebook local stack",
            );
            loader = loader.credentials_provider(credentials);
        }
        let config = loader.load().await;
        if config.region().is_none() {
            bail!("no region is known: give --region or set AWS_REGION");
        }
        Ok(config)
    }

    /// The root of this checkout.
    pub(crate) fn root(&self) -> Result<PathBuf> {
        let current_folder = std::env::current_dir().context("cannot find the current folder")?;
        minutebook_local::find_root(&current_folder)
    }
}

impl Options {
    /// Ignores variables that are set to the empty string.
    fn without_empty(mut self) -> Self {
        let options = [
            &mut self.endpoint_url,
            &mut self.region,
            &mut self.profile,
            &mut self.bucket,
            &mut self.rejected_bucket,
            &mut self.table,
            &mut self.queue_url,
            &mut self.dead_letters_url,
            &mut self.api_url,
            &mut self.api_key,
            &mut self.default_currency,
            &mut self.default_time_zone,
        ];
        for option in options {
            if option.as_deref() == Some("") {
                *option = None;
            }
        }
        self
    }
}

fn same_url(left: &str, right: &str) -> bool {
    let plain = |url: &str| url.trim_end_matches('/').replace("//localhost:", "//127.0.0.1:");
    plain(left) == plain(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack() -> Stack {
        Stack {
            endpoint_url: "http://127.0.0.1:4566".to_owned(),
            region: "us-east-1".to_owned(),
            bucket: "raw".to_owned(),
            rejected_bucket: "rejected".to_owned(),
            table: "table".to_owned(),
            queue_url: "queue".to_owned(),
            dead_letters_url: "dead".to_owned(),
            api_url: Some("http://127.0.0.1:4566/api/".to_owned()),
            live_url: None,
            default_currency: "EUR".to_owned(),
            default_time_zone: "Europe/Berlin".to_owned(),
            minute_retention_days: 7,
            hour_retention_days: 400,
            day_retention_days: 0,
            keys_max: 100_000,
            sites_max: 1_000,
            requires_read_keys: false,
            requires_write_keys: false,
            jwt_issuer: String::new(),
            jwt_audience: String::new(),
            jwt_sites_claim: String::new(),
            api_key: None,
            account_id: "000000000000".to_owned(),
            access_key_id: "000000000000".to_owned(),
            secret_access_key: "emulator".to_owned(),
            functions: BTreeMap::new(),
        }
    }

    #[test]
    fn flags_come_before_the_stack_which_fills_in() {
        let options = Options {
            bucket: Some("mine".to_owned()),
            table: Some(String::new()),
            region: Some("eu-central-1".to_owned()),
            ..Options::default()
        };
        let context = Context { deployed: Some(stack()), ..Context::new(options) };
        let endpoints = context.endpoints().unwrap();
        assert_eq!(endpoints.bucket().unwrap(), "mine");
        assert_eq!(endpoints.table().unwrap(), "table");
        assert_eq!(endpoints.api_url().unwrap(), "http://127.0.0.1:4566/api");
        assert_eq!(
            endpoints.region.as_deref(),
            Some("us-east-1"),
            "the region goes with the endpoint"
        );
        assert_eq!(endpoints.default_currency, "EUR");
        assert_eq!(endpoints.default_time_zone, "Europe/Berlin");
    }

    #[test]
    fn a_profile_ignores_the_local_stack() {
        let options = Options {
            profile: Some("shop".to_owned()),
            bucket: Some("b".to_owned()),
            ..Options::default()
        };
        let endpoints = Context::new(options).endpoints().unwrap();
        assert_eq!(endpoints.endpoint_url, None);
        assert_eq!(endpoints.bucket().unwrap(), "b");
        let error = endpoints.table().unwrap_err().to_string();
        assert_eq!(
            error,
            "no table is known: run `cargo mb up`, or give --table or MINUTEBOOK_TABLE"
        );
    }

    #[test]
    fn recognises_the_same_address() {
        assert!(same_url("http://localhost:4566/", "http://127.0.0.1:4566"));
        assert!(!same_url("http://127.0.0.1:4567", "http://127.0.0.1:4566"));
    }
}
