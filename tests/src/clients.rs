//! The clients of a cloud.

use aws_credential_types::Credentials;
use minutebook_local::{REGION, http_client};

/// The SDK's clients, and what another process needs to make its own.
#[derive(Clone, Debug)]
pub struct Clients {
    /// The cloud's address.
    pub endpoint_url: String,
    /// The region.
    pub region: String,
    /// Credentials that may do everything.
    pub access_key_id: String,
    /// Their secret, which is none.
    pub secret_access_key: String,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// Clients of the cloud at `endpoint_url` with these credentials.
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
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
        }
    }
}
