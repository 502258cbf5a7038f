//! AWS SDK clients for a cloud.

use aws_credential_types::Credentials;
use minutebook_local::{REGION, http_client};

/// The SDK clients, and the settings with which another process can create its own.
#[derive(Clone, Debug)]
pub struct Clients {
    /// The cloud's address.
    pub endpoint_url: String,
    /// The AWS region.
    pub region: String,
    /// The access key of the credentials.
    pub access_key_id: String,
    /// The secret key of the credentials.
    pub secret_access_key: String,
    /// The session token of temporary credentials.
    pub session_token: Option<String>,
    /// The S3 client.
    pub s3: aws_sdk_s3::Client,
    /// The DynamoDB client.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The SQS client.
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// Clients for the cloud at `endpoint_url` with these credentials.
    pub(crate) fn with(endpoint_url: &str, credentials: &Credentials) -> Clients {
        let region = aws_sdk_s3::config::Region::new(REGION);
        let s3 = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .http_client(http_client())
            .endpoint_url(endpoint_url)
            .region(region.clone())
            .credentials_provider(credentials.clone())
            .force_path_style(true);
        let dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version_latest()
            .http_client(http_client())
            .endpoint_url(endpoint_url)
            .region(region.clone())
            .credentials_provider(credentials.clone());
        let sqs = aws_sdk_sqs::Config::builder()
            .behavior_version_latest()
            .http_client(http_client())
            .endpoint_url(endpoint_url)
            .region(region)
            .credentials_provider(credentials.clone());
        Clients {
            endpoint_url: endpoint_url.to_string(),
            region: REGION.to_string(),
            access_key_id: credentials.access_key_id().to_string(),
            secret_access_key: credentials.secret_access_key().to_string(),
            session_token: credentials.session_token().map(str::to_string),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
        }
    }
}
