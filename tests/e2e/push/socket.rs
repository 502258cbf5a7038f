//! A client of the WebSocket API.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long an answer may take: the machine is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// What asks for the answer as it is.
pub(crate) const GET: &str = r#"{"action":"get"}"#;

/// An open socket. Dropping it closes the connection without a word, as a client that is killed.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens a socket.
    pub(crate) async fn open(url: &str) -> Result<Socket> {
        let (socket, _) = connect_async(url).await.with_context(|| format!("connect to {url}"))?;
        Ok(Socket(socket))
    }

    /// The status with which a socket is refused.
    pub(crate) async fn refused(url: &str) -> Result<u16> {
        match connect_async(url).await {
            Ok(_) => bail!("{url} is not refused"),
            Err(Error::Http(response)) => Ok(response.status().as_u16()),
            Err(error) => Err(error).with_context(|| format!("connect to {url}")),
        }
    }

    /// Sends a text.
    pub(crate) async fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.0.send(Message::text(text)).await?)
    }

    /// The next message; `None` when the socket is closed.
    pub(crate) async fn next(&mut self) -> Result<Option<Value>> {
        let next = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let message = serde_json::from_str(&text);
                        return message.map(Some).with_context(|| text.to_string());
                    }
                    None | Some(Ok(Message::Close(_)) | Err(_)) => return Ok(None),
                    Some(Ok(_)) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.context("no message came")?
    }

    /// The next message, which must come.
    pub(crate) async fn message(&mut self) -> Result<Value> {
        self.next().await?.context("the socket was closed")
    }

    /// Asks for the answer as it is, and returns the message with it.
    pub(crate) async fn get(&mut self) -> Result<Value> {
        self.send(GET).await?;
        loop {
            // A push may come first.
            let message = self.message().await?;
            if message["committed_at"].is_null() {
                return Ok(message);
            }
        }
    }
}
