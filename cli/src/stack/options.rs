//! The flags that say which stack a command speaks to.

use anyhow::Result;
use chrono_tz::Tz;

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
    /// Stack of CloudFormation, whose outputs name all parts; the local stack is then ignored
    #[arg(
        long,
        global = true,
        env = "MINUTEBOOK_STACK",
        value_name = "NAME",
        hide_env_values = true
    )]
    pub(crate) stack: Option<String>,
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

impl Options {
    /// Whether no flag says which stack is meant.
    pub(crate) fn name_nothing(&self) -> bool {
        let options = [
            &self.endpoint_url,
            &self.stack,
            &self.profile,
            &self.bucket,
            &self.table,
            &self.queue_url,
            &self.api_url,
        ];
        options.iter().all(|option| option.is_none())
    }

    /// Ignores variables that are set to the empty string.
    pub(crate) fn without_empty(mut self) -> Self {
        let options = [
            &mut self.endpoint_url,
            &mut self.stack,
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
