//! The parts of a stack.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow};
use minutebook_local::Stack;

use crate::stack::options::Options;

/// Where the parts of the stack are. A part that a command needs and that is not known is an error
/// of that command only, so each part has a method, whose error says what is missing.
#[derive(Clone, Debug, Default)]
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
    /// Where sockets of viewers are opened.
    pub(crate) live_url: Option<String>,
    default_currency: Option<String>,
    default_time_zone: Option<String>,
    /// How long rows are kept; `None` if that is not known.
    pub(crate) retention_days: Option<RetentionDays>,
}

/// How many days rows are kept; 0 is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RetentionDays {
    pub(crate) minutes: u32,
    pub(crate) hours: u32,
    /// Days, weeks and months.
    pub(crate) days: u32,
}

impl Endpoints {
    /// Those of a stack with these outputs.
    ///
    /// # Errors
    /// The stack is not one of minutebook, since an output is missing or is no number.
    pub(crate) fn of_outputs(
        outputs: &BTreeMap<String, String>,
        endpoint_url: Option<&str>,
        region: &str,
    ) -> Result<Self> {
        let output = |name: &str| {
            let value = outputs.get(name).cloned();
            value.with_context(|| format!("it is no stack of minutebook: it has no output {name}"))
        };
        let days = |name: &str| {
            let text = output(name)?;
            text.parse().with_context(|| format!("its output {name} is {text}, not a number"))
        };
        Ok(Self {
            endpoint_url: endpoint_url.map(str::to_owned),
            region: Some(region.to_owned()),
            bucket: Some(output("Bucket")?),
            rejected_bucket: Some(output("RejectedBucket")?),
            table: Some(output("Table")?),
            queue_url: Some(output("QueueUrl")?),
            dead_letters_url: Some(output("DeadLettersUrl")?),
            api_url: minutebook_local::api_url(outputs, endpoint_url),
            api_key: None,
            live_url: minutebook_local::live_url(outputs),
            default_currency: Some(output("DefaultCurrency")?),
            default_time_zone: Some(output("DefaultTimeZone")?),
            retention_days: Some(RetentionDays {
                minutes: days("MinuteRetentionDays")?,
                hours: days("HourRetentionDays")?,
                days: days("DayRetentionDays")?,
            }),
        })
    }

    /// These, but for what flags say. The region goes with the endpoint.
    pub(crate) fn with(self, options: &Options) -> Self {
        let or = |option: &Option<String>, known: Option<String>| option.clone().or(known);
        Self {
            endpoint_url: or(&options.endpoint_url, self.endpoint_url),
            region: self.region.or_else(|| options.region.clone()),
            bucket: or(&options.bucket, self.bucket),
            rejected_bucket: or(&options.rejected_bucket, self.rejected_bucket),
            table: or(&options.table, self.table),
            queue_url: or(&options.queue_url, self.queue_url),
            dead_letters_url: or(&options.dead_letters_url, self.dead_letters_url),
            api_url: or(&options.api_url, self.api_url),
            api_key: or(&options.api_key, self.api_key),
            default_currency: or(&options.default_currency, self.default_currency),
            default_time_zone: or(&options.default_time_zone, self.default_time_zone),
            ..self
        }
    }

    pub(crate) fn default_currency(&self) -> &str {
        self.default_currency.as_deref().unwrap_or("USD")
    }

    pub(crate) fn default_time_zone(&self) -> &str {
        self.default_time_zone.as_deref().unwrap_or("UTC")
    }

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
        anyhow!("no {what} is known: run `cargo mb up`, or give --stack, {flag} or {variable}")
    })
}

impl From<Stack> for Endpoints {
    fn from(stack: Stack) -> Self {
        Self {
            endpoint_url: Some(stack.endpoint_url),
            region: Some(stack.region),
            bucket: Some(stack.bucket),
            rejected_bucket: Some(stack.rejected_bucket),
            table: Some(stack.table),
            queue_url: Some(stack.queue_url),
            dead_letters_url: Some(stack.dead_letters_url),
            api_url: stack.api_url,
            api_key: stack.api_key,
            live_url: stack.live_url,
            default_currency: Some(stack.default_currency),
            default_time_zone: Some(stack.default_time_zone),
            retention_days: Some(RetentionDays {
                minutes: stack.minute_retention_days,
                hours: stack.hour_retention_days,
                days: stack.day_retention_days,
            }),
        }
    }
}
