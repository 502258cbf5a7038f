//! Sends to open sockets, and closes them.

use std::future::Future;
use std::time::Duration;

use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::error::DisplayErrorContext;
use aws_sdk_apigatewaymanagement::primitives::Blob;

/// How long sending to one socket may take.
const POST_TIME_MAX: Duration = Duration::from_secs(1);

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Posted {
    /// It is on its way.
    Sent,
    /// There is no such socket: it is closed, or not open yet.
    Gone,
    /// It was not sent in time, or was refused.
    Failed,
}

/// The open sockets: those of API Gateway, or a stand-in for them in tests.
pub trait Sockets: Sync {
    /// Sends a text.
    fn post(&self, id: &str, text: &str) -> impl Future<Output = Posted> + Send;

    /// Closes a socket, if it is open.
    fn close(&self, id: &str) -> impl Future<Output = ()> + Send;
}

impl Sockets for Client {
    async fn post(&self, id: &str, text: &str) -> Posted {
        let post = self.post_to_connection().connection_id(id).data(Blob::new(text)).send();
        match tokio::time::timeout(POST_TIME_MAX, post).await {
            Ok(Ok(_)) => Posted::Sent,
            Ok(Err(error)) if error.as_service_error().is_some_and(|it| it.is_gone_exception()) => {
                Posted::Gone
            }
            Ok(Err(error)) => {
                tracing::warn!(error = %DisplayErrorContext(&error), "a message was not sent");
                Posted::Failed
            }
            Err(_) => {
                tracing::warn!("a message was not sent in time");
                Posted::Failed
            }
        }
    }

    async fn close(&self, id: &str) {
        let close = self.delete_connection().connection_id(id).send();
        match tokio::time::timeout(POST_TIME_MAX, close).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) if error.as_service_error().is_some_and(|it| it.is_gone_exception()) => {
            }
            Ok(Err(error)) => {
                tracing::warn!(error = %DisplayErrorContext(&error), "a socket was not closed");
            }
            Err(_) => tracing::warn!("a socket was not closed in time"),
        }
    }
}
