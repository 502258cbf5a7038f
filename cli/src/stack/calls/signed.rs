//! Signed requests to services of AWS.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use chrono::{DateTime, Utc};

/// How long AWS may take to answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What to do if there are no credentials.
const NO_CREDENTIALS: &str = "no AWS credentials can be had: run `aws configure` or `aws sso \
     login`, name a profile with --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/// A request: `body` is `None` for a GET.
pub(super) struct Call {
    /// The service, as it is called in addresses and signatures.
    pub(super) service: &'static str,
    /// The path with its query, from the first slash.
    pub(super) path: String,
    /// The type of the body, and other headers.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<String>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    /// What the clock of the service says.
    pub(super) date: Option<DateTime<Utc>>,
    pub(super) body: String,
}

/// Whoever calls: credentials, and where.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) region: String,
    pub(crate) endpoint_url: Option<String>,
    credentials: Credentials,
}

impl Caller {
    /// # Errors
    /// There are no credentials.
    pub(crate) async fn new(config: &SdkConfig) -> Result<Self> {
        let provider = config.credentials_provider().context(NO_CREDENTIALS)?;
        Ok(Self {
            region: config.region().context("a region is known")?.to_string(),
            endpoint_url: config.endpoint_url().map(str::to_owned),
            credentials: provider.provide_credentials().await.context(NO_CREDENTIALS)?,
        })
    }

    /// # Errors
    /// There is no answer. One that refuses is no error.
    #[expect(clippy::disallowed_methods, reason = "a signature holds for some minutes from now")]
    pub(super) async fn call(&self, call: Call) -> Result<Answer> {
        let caller = self.clone();
        tokio::task::spawn_blocking(move || caller.call_blocking(&call, SystemTime::now())).await?
    }

    fn call_blocking(&self, call: &Call, now: SystemTime) -> Result<Answer> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .build()
            .into();
        let url = self.url(call);
        let method = if call.body.is_some() { "POST" } else { "GET" };
        let mut request = ureq::http::Request::builder().method(method).uri(&url);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        for (name, value) in self.signature(call, &url, now)? {
            request = request.header(name, value);
        }
        let request = request.body(call.body.clone().unwrap_or_default())?;
        let mut response = agent.run(request).with_context(|| format!("cannot call {url}"))?;
        let date = response.headers().get("date").and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        let body = response.body_mut().read_to_string();
        Ok(Answer {
            status: response.status().as_u16(),
            date: date.map(|date| date.to_utc()),
            body: body.with_context(|| format!("cannot read the answer of {url}"))?,
        })
    }

    fn url(&self, call: &Call) -> String {
        let Call { service, path, .. } = call;
        match &self.endpoint_url {
            Some(endpoint_url) => format!("{}{path}", endpoint_url.trim_end_matches('/')),
            None => {
                let suffix = if self.region.starts_with("cn-") { ".cn" } else { "" };
                format!("https://{service}.{}.amazonaws.com{suffix}{path}", self.region)
            }
        }
    }

    /// The headers that sign the request.
    fn signature(&self, call: &Call, url: &str, now: SystemTime) -> Result<Vec<(String, String)>> {
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(call.service)
            .time(now)
            .settings(SigningSettings::default())
            .build()?
            .into();
        let headers = call.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let body = call.body.as_deref().unwrap_or_default();
        let method = if call.body.is_some() { "POST" } else { "GET" };
        let body = SignableBody::Bytes(body.as_bytes());
        let request = SignableRequest::new(method, url, headers, body)?;
        let (instructions, _) = sign(request, &parameters)?.into_parts();
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Ok(instructions.headers().map(owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(region: &str) -> Caller {
        Caller {
            region: region.to_owned(),
            endpoint_url: None,
            credentials: Credentials::new(
                "AKIDEXAMPLE",
                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                Some("session".to_owned()),
                None,
                "test",
            ),
        }
    }

    fn call(path: &str, body: Option<&str>) -> Call {
        let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned());
        Call {
            service: "cloudformation",
            path: path.to_owned(),
            headers: body.map(|_| form).into_iter().collect(),
            body: body.map(str::to_owned),
        }
    }

    #[test]
    fn a_request_is_signed_as_botocore_signs_it() {
        let caller = caller("eu-central-1");
        let form = "Action=DescribeStacks&StackName=my+shop&Version=2010-05-15";
        let call = call("/", Some(form));
        let now: DateTime<Utc> = "2026-11-20T08:00:00Z".parse().unwrap();
        let signed = caller.signature(&call, &caller.url(&call), now.into()).unwrap();
        let header = |wanted: &str| {
            let found = signed.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(header("x-amz-date"), Some("20261120T080000Z"));
        assert_eq!(header("x-amz-security-token"), Some("session"));
        // Computed by botocore 1.43, for the same request.
        assert_eq!(
            header("authorization"),
            Some(
                "AWS4-HMAC-SHA256 \
                 Credential=AKIDEXAMPLE/20261120/eu-central-1/cloudformation/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
                 Signature=934db05aa83ba2a03cc5371a390909c86845c405ad6067e975f317474aac2f38"
            )
        );
    }

    #[test]
    fn addresses_are_those_of_the_region_or_the_emulator() {
        let url = |caller: Caller| caller.url(&call("/a?b=c", None));
        assert_eq!(
            url(caller("us-gov-west-1")),
            "https://cloudformation.us-gov-west-1.amazonaws.com/a?b=c"
        );
        assert_eq!(
            url(caller("cn-north-1")),
            "https://cloudformation.cn-north-1.amazonaws.com.cn/a?b=c"
        );
        let endpoint_url = Some("http://127.0.0.1:4566/".to_owned());
        let emulator = Caller { endpoint_url, ..caller("us-east-1") };
        assert_eq!(url(emulator), "http://127.0.0.1:4566/a?b=c");
    }
}
