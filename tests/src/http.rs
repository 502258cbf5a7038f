//! A small HTTP server for the harness. One handler serves all requests and may close the
//! connection.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;

use anyhow::Context;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The body of a response. An error in it breaks the connection in the middle of the response.
pub type Body = BoxBody<Bytes, HangUp>;

/// Closes the connection, without a response or in the middle of it.
#[derive(Debug)]
pub struct HangUp;

impl std::fmt::Display for HangUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the harness hung up")
    }
}

impl std::error::Error for HangUp {}

/// A server on a free port of the loopback interface. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    /// The address that it listens on.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts a server that passes every request, with its complete body, to `handler`.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start<H, F>(handler: H) -> anyhow::Result<Server>
    where
        H: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Response<Body>, HangUp>> + Send + 'static,
    {
        let listener =
            TcpListener::bind(("127.0.0.1", 0)).await.context("no free port on the loopback")?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let handler = handler.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let handler = handler.clone();
                    async move {
                        let (parts, body) = request.into_parts();
                        let bytes = body.collect().await.map_err(|_| HangUp)?.to_bytes();
                        handler(Request::from_parts(parts, bytes)).await
                    }
                });
                // The connection ends with an error if the handler hangs up or the client
                // disconnects.
                tokio::spawn(async move {
                    drop(
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
                    )
                });
            }
        });
        Ok(Server { address, task })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A complete body.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed()
}
