//! An HTTP client for servers other than those of AWS.

use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use crate::aws::tls_context;
use crate::url::is_encrypted_or_local;

/// A document could not be had.
#[derive(Debug, thiserror::Error)]
#[error("GET {url}: {reason}")]
pub struct GetError {
    /// Its URL.
    pub url: String,
    /// What went wrong.
    pub reason: String,
}

/// A client with connections of its own.
#[derive(Debug)]
pub struct HttpClient(Connector);

impl HttpClient {
    /// Creates a client. It reads the built-in roots, which takes some milliseconds.
    pub fn new() -> HttpClient {
        let builder = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring));
        HttpClient(match tls_context() {
            Some(context) => builder.tls_context(context).build(),
            // The roots of the machine.
            None => builder.build(),
        })
    }

    /// Gets a document of at most `bytes_max` bytes. Redirects are not followed. There is no time
    /// limit: the caller gives up by dropping the future.
    ///
    /// # Errors
    /// [`GetError`]: the URL is neither https nor on loopback, the server cannot be reached, its
    /// status is not 200, or the document is larger.
    pub async fn get(&self, url: &str, bytes_max: usize) -> Result<Vec<u8>, GetError> {
        let failed = |reason: String| GetError { url: url.to_string(), reason };
        if !is_encrypted_or_local(url) {
            return Err(failed("expected https, or http on loopback".to_string()));
        }
        let request = HttpRequest::get(url).map_err(|error| failed(error.to_string()))?;
        let answer = self.0.call(request).await.map_err(|error| failed(format!("{error:?}")))?;
        if answer.status().as_u16() != 200 {
            return Err(failed(format!("the status is {}", answer.status().as_u16())));
        }
        let (mut body, mut document) = (ByteStream::new(answer.into_body()), vec![]);
        while let Some(bytes) = body.next().await {
            document.extend_from_slice(&bytes.map_err(|error| failed(error.to_string()))?);
            if document.len() > bytes_max {
                return Err(failed(format!("it has more than {bytes_max} bytes")));
            }
        }
        Ok(document)
    }
}

impl Default for HttpClient {
    fn default() -> HttpClient {
        HttpClient::new()
    }
}
