//! The AWS clients: built once per process, with one HTTP client, pinned behaviour and timeouts.
//!
//! The credentials and the region come from the variables that Lambda sets, so that the binary does
//! not link the large `aws-config`. The trusted roots are part of the binary, since reading them
//! from disk would be the longest step of a cold start.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::{TimeoutConfig, TimeoutConfigBuilder};
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::config::{ConfigError, required};

/// Attempts of one call. A transaction in progress needs a retry more than five seconds later,
/// which the fifth attempt is.
const ATTEMPTS_MAX: u32 = 5;
/// The timeout of one call with all its attempts: below the visibility timeout and the timeout of
/// every function.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);
/// The timeout of one attempt. After Lambda has frozen a process, its connections may be dead.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// The timeout of opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// What the clients are built from.
#[derive(Clone, Debug)]
pub struct Aws {
    credentials: Credentials,
    region: Region,
    http_client: SharedHttpClient,
    /// Whether that client speaks plain HTTP only.
    is_plain: bool,
    dynamodb_endpoint: Option<String>,
    s3_endpoint: Option<String>,
    sqs_endpoint: Option<String>,
}

impl Aws {
    /// Reads the variables that Lambda sets (`AWS_REGION`, `AWS_ACCESS_KEY_ID`, …) and the
    /// endpoints of a local cloud (`AWS_ENDPOINT_URL`, and with `_DYNAMODB`, `_S3` or `_SQS` behind
    /// it) through `lookup`.
    ///
    /// # Errors
    /// [`ConfigError`], which names the variable.
    pub fn read(lookup: impl Fn(&'static str) -> Option<String>) -> Result<Aws, ConfigError> {
        let credentials = Credentials::new(
            required(&lookup, "AWS_ACCESS_KEY_ID")?,
            required(&lookup, "AWS_SECRET_ACCESS_KEY")?,
            lookup("AWS_SESSION_TOKEN").filter(|token| !token.is_empty()),
            None,
            "environment",
        );
        let endpoint = |name| {
            lookup(name).or_else(|| lookup("AWS_ENDPOINT_URL")).filter(|url| !url.is_empty())
        };
        let dynamodb_endpoint = endpoint("AWS_ENDPOINT_URL_DYNAMODB");
        let s3_endpoint = endpoint("AWS_ENDPOINT_URL_S3");
        let sqs_endpoint = endpoint("AWS_ENDPOINT_URL_SQS");
        let is_plain = is_plain(dynamodb_endpoint.as_deref()) && is_plain(s3_endpoint.as_deref());
        let http_client = if is_plain { Builder::new().build_http() } else { https() };
        let region = Region::new(required(&lookup, "AWS_REGION")?);
        Ok(Aws {
            credentials,
            region,
            http_client,
            is_plain,
            dynamodb_endpoint,
            s3_endpoint,
            sqs_endpoint,
        })
    }

    /// The DynamoDB client.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(self.credentials.clone())
            .region(self.region.clone())
            .http_client(self.http_client.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
            .timeout_config(timeouts().operation_timeout(OPERATION_TIMEOUT).build());
        config.set_endpoint_url(self.dynamodb_endpoint.clone());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// The S3 client. Its operations have no timeout, since one includes reading the body; the SDK
    /// itself aborts a stalled body.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let mut config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(self.credentials.clone())
            .region(self.region.clone())
            .http_client(self.http_client.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
            .timeout_config(timeouts().build())
            // A local cloud has no host name for each bucket.
            .force_path_style(self.s3_endpoint.is_some());
        config.set_endpoint_url(self.s3_endpoint.clone());
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// The client that sends messages to the sockets of a WebSocket API, whose stage has this URL.
    /// It has no retries: whoever misses a message gets the next one.
    pub fn connections(&self, endpoint: &str) -> aws_sdk_apigatewaymanagement::Client {
        let config = aws_sdk_apigatewaymanagement::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(self.credentials.clone())
            .region(self.region.clone())
            .http_client(self.http_client_for(Some(endpoint)))
            .endpoint_url(endpoint)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts().operation_timeout(OPERATION_TIMEOUT).build());
        aws_sdk_apigatewaymanagement::Client::from_conf(config.build())
    }

    /// The SQS client.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let mut config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(self.credentials.clone())
            .region(self.region.clone())
            .http_client(self.http_client_for(self.sqs_endpoint.as_deref()))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
            .timeout_config(timeouts().operation_timeout(OPERATION_TIMEOUT).build());
        config.set_endpoint_url(self.sqs_endpoint.clone());
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    /// The shared HTTP client or, where that does not speak the protocol of this endpoint, one of
    /// its own.
    fn http_client_for(&self, endpoint: Option<&str>) -> SharedHttpClient {
        match (self.is_plain, is_plain(endpoint)) {
            (true, false) => https(),
            _ => self.http_client.clone(),
        }
    }
}

fn timeouts() -> TimeoutConfigBuilder {
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT)
}

fn is_plain(url: Option<&str>) -> bool {
    url.is_some_and(|url| url.starts_with("http://"))
}

/// TLS with the built-in roots; `None` if they cannot be read, which they always can.
pub(crate) fn tls_context() -> Option<TlsContext> {
    let mut trust = TrustStore::empty();
    let mut pem = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        pem.push_str(&STANDARD.encode(certificate));
        pem.push_str("\n-----END CERTIFICATE-----\n");
    }
    trust.add_pem_certificate(pem.into_bytes());
    TlsContext::builder().with_trust_store(trust).build().ok()
}

fn https() -> SharedHttpClient {
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    match tls_context() {
        Some(context) => builder.tls_context(context).build_https(),
        // The roots of the machine.
        None => builder.build_https(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &'static str) -> Option<String> {
        let value = match name {
            "AWS_REGION" => "eu-central-1",
            "AWS_ACCESS_KEY_ID" => "id",
            "AWS_SECRET_ACCESS_KEY" => "secret",
            _ => return None,
        };
        Some(value.to_string())
    }

    #[test]
    fn a_missing_region_is_named() {
        let error =
            Aws::read(|name| lookup(name).filter(|_| name != "AWS_REGION")).expect_err("no region");
        assert_eq!(error, ConfigError::Missing("AWS_REGION"));
    }

    #[test]
    fn an_endpoint_of_its_own_goes_before_the_common_one() {
        let aws = Aws::read(|name| match name {
            "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:1".to_string()),
            "AWS_ENDPOINT_URL_DYNAMODB" => Some("http://127.0.0.1:2".to_string()),
            _ => lookup(name),
        })
        .expect("all variables are there");
        assert_eq!(aws.dynamodb_endpoint.as_deref(), Some("http://127.0.0.1:2"));
        assert_eq!(aws.s3_endpoint.as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(aws.sqs_endpoint.as_deref(), Some("http://127.0.0.1:1"));
    }

    #[test]
    fn the_built_in_roots_make_a_client_for_the_real_cloud() {
        let aws = Aws::read(lookup).expect("all variables are there");
        assert!(aws.dynamodb_endpoint.is_none());
        assert!(webpki_root_certs::TLS_SERVER_ROOT_CERTS.len() > 50);
    }
}
