//! Where the stack is, and clients for it: flags come first, then the stack that `--stack` names, or
//! else the local stack that `up` wrote down.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use minutebook_local::{Emulator, STATE_FOLDER, Stack, Target};
use tokio::sync::OnceCell;

use crate::stack::calls::Caller;
use crate::stack::calls::named::{NamedStack, look_up};
use crate::stack::endpoints::Endpoints;
use crate::stack::options::Options;

/// The error if a command needs a stack, and none is named or running.
const NO_STACK: &str =
    "no stack is named or running: run `cargo mb up`, or name one on AWS with --stack";

/// What every command gets: the flags, the endpoints and the clients.
#[derive(Debug)]
pub(crate) struct Context {
    options: Options,
    /// A stack that this process has just deployed to an emulator. It comes before everything else.
    deployed: Option<Stack>,
    /// The stack that `--stack` names, once it was looked up.
    named: OnceCell<NamedStack>,
}

impl Context {
    pub(crate) fn new(options: Options) -> Self {
        Self { options: options.without_empty(), deployed: None, named: OnceCell::new() }
    }

    /// A context for `stack`, whatever the flags and the environment say.
    pub(crate) fn of_stack(stack: Stack) -> Self {
        Self { deployed: Some(stack), ..Self::new(Options::default()) }
    }

    /// A context for the stack with this name in this region, with the credentials of this one.
    pub(crate) fn of_name(&self, name: &str, region: &str) -> Self {
        let Options { endpoint_url, profile, .. } = self.options.clone();
        Self::new(Options {
            endpoint_url,
            profile,
            stack: Some(name.to_owned()),
            region: Some(region.to_owned()),
            ..Options::default()
        })
    }

    /// The name that `--stack` gives.
    pub(crate) fn stack_name(&self) -> Option<&str> {
        self.options.stack.as_deref()
    }

    /// The account that stacks are deployed to.
    pub(crate) fn target(&self) -> Target {
        let Options { endpoint_url, region, profile, .. } = self.options.clone();
        Target { endpoint_url, region, profile, ..Target::default() }
    }

    /// Where the parts of the stack are.
    ///
    /// # Errors
    /// Nothing names a stack, and no local stack is running. Or the named one cannot be looked up.
    pub(crate) async fn endpoints(&self) -> Result<Endpoints> {
        let known = match (&self.deployed, &self.options.stack) {
            (None, Some(name)) => Some(self.named(name).await?.endpoints.clone()),
            _ => self.stack()?.map(Endpoints::from),
        };
        if known.is_none() && self.options.name_nothing() {
            bail!(NO_STACK);
        }
        Ok(known.unwrap_or_default().with(&self.options))
    }

    /// What CloudFormation says of the stack that `--stack` names; `None` if it names none.
    ///
    /// # Errors
    /// It cannot be looked up.
    pub(crate) async fn named_stack(&self) -> Result<Option<&NamedStack>> {
        match &self.options.stack {
            Some(name) => self.named(name).await.map(Some),
            None => Ok(None),
        }
    }

    async fn named(&self, name: &str) -> Result<&NamedStack> {
        let look_up = async { look_up(&self.caller().await?, name).await };
        self.named.get_or_try_init(|| look_up).await
    }

    /// Whoever makes calls without an SDK.
    ///
    /// # Errors
    /// There are no credentials, or no region is known.
    pub(crate) async fn caller(&self) -> Result<Caller> {
        Caller::new(&self.sdk_config().await?).await
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
    /// Region and credentials belong to the endpoint. With another endpoint, a stack that is named or
    /// a profile, no part of the local stack is used; a stray `AWS_REGION` in the shell does not change the region of
    /// the local stack.
    ///
    /// # Errors
    /// The files of the local stack cannot be read.
    pub(crate) fn stack(&self) -> Result<Option<Stack>> {
        if let Some(stack) = &self.deployed {
            return Ok(Some(stack.clone()));
        }
        if self.options.profile.is_some() || self.options.stack.is_some() {
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
        let stack = self.stack()?;
        if stack.is_none() && self.options.name_nothing() {
            bail!(NO_STACK);
        }
        let of_stack =
            |part: fn(&Stack) -> &String| stack.as_ref().map(|stack| part(stack).clone());
        let endpoint_url =
            self.options.endpoint_url.clone().or_else(|| of_stack(|stack| &stack.endpoint_url));
        let region = of_stack(|stack| &stack.region).or_else(|| self.options.region.clone());
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(minutebook_local::http_client())
            .retry_config(RetryConfig::standard().with_max_attempts(5));
        if let Some(endpoint_url) = endpoint_url {
            loader = loader.endpoint_url(endpoint_url);
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        if let Some(profile) = &self.options.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(stack) = stack {
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

    #[tokio::test]
    async fn flags_come_before_the_stack_which_fills_in() {
        let options = Options {
            bucket: Some("mine".to_owned()),
            table: Some(String::new()),
            region: Some("eu-central-1".to_owned()),
            ..Options::default()
        };
        let context = Context { deployed: Some(stack()), ..Context::new(options) };
        let endpoints = context.endpoints().await.unwrap();
        assert_eq!(endpoints.bucket().unwrap(), "mine");
        assert_eq!(endpoints.table().unwrap(), "table");
        assert_eq!(endpoints.api_url().unwrap(), "http://127.0.0.1:4566/api");
        assert_eq!(
            endpoints.region.as_deref(),
            Some("us-east-1"),
            "the region goes with the endpoint"
        );
        assert_eq!(endpoints.default_currency(), "EUR");
        assert_eq!(endpoints.default_time_zone(), "Europe/Berlin");
    }

    #[tokio::test]
    async fn a_profile_ignores_the_local_stack() {
        let options = Options {
            profile: Some("shop".to_owned()),
            bucket: Some("b".to_owned()),
            ..Options::default()
        };
        let endpoints = Context::new(options).endpoints().await.unwrap();
        assert_eq!(endpoints.endpoint_url, None);
        assert_eq!(endpoints.bucket().unwrap(), "b");
        let error = endpoints.table().unwrap_err().to_string();
        assert_eq!(
            error,
            "no table is known: run `cargo mb up`, or give --stack, --table or MINUTEBOOK_TABLE"
        );
    }

    #[test]
    fn recognises_the_same_address() {
        assert!(same_url("http://localhost:4566/", "http://127.0.0.1:4566"));
        assert!(!same_url("http://127.0.0.1:4567", "http://127.0.0.1:4566"));
    }
}
