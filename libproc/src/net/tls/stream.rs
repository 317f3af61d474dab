//! A connection's bytes, in TLS or not: [`Stream`], and the two handshakes that make one.
//!
//! TLS lies over the gated socket, so that the write gate is asked before each write to the
//! socket, whatever it carries.

#![allow(clippy::disallowed_types, reason = "the real World's network is here")]

use super::names::{self, Certificate};
use crate::net::gated::Gated;
use crate::net::handshake::Channel;
use crate::net::DialError;
use crate::node::Node;
use rustls::pki_types::CertificateDer;
use rustls::ConnectionCommon;
use std::error::Error;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// The first byte of a TLS connection: a handshake record.
const HANDSHAKE_RECORD: u8 = 0x16;
/// What a client that does not speak TLS is told, in case it speaks HTTP.
const SPEAK_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
    connection: close\r\ncontent-length: 45\r\n\r\nthis port speaks TLS only: use https:// here\n";
/// For what the session's own key is used beside encryption (RFC 5705).
const EXPORTER: &[u8] = b"EXPORTER-libproc-handshake";

/// A connection's bytes.
pub(crate) enum Stream {
    Plain(Gated<TcpStream>),
    Tls(Box<TlsStream<Gated<TcpStream>>>),
}

/// What came of a connection that was taken.
pub(crate) enum Accepted {
    Done(Stream, Channel),
    /// It does not speak TLS here.
    Plain(Stranger),
    Failed(io::Error),
}

/// A client that does not speak TLS.
pub(crate) struct Stranger {
    io: Gated<TcpStream>,
    /// Perhaps it speaks HTTP.
    text: bool,
}

impl Stranger {
    /// Tells it why it is not served, and waits until it has read that: to close before would
    /// take it back.
    pub(crate) async fn turn_away(mut self) {
        if self.text && self.io.write_all(SPEAK_TLS).await.is_err() {
            return;
        }
        let _ = self.io.shutdown().await;
        let mut rest = [0u8; 1024];
        while self.io.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    }
}

/// The server's side; at once where the node does not serve TLS.
pub(crate) async fn accept(node: &Node, stream: TcpStream) -> Accepted {
    let Some(config) = node.net().tls().and_then(|tls| tls.server()) else {
        return Accepted::Done(Stream::Plain(Gated::new(stream, node)), Channel::default());
    };
    let mut first = [0u8; 1];
    match stream.peek(&mut first).await {
        Ok(1) if first[0] == HANDSHAKE_RECORD => {}
        Ok(1) => {
            let text = first[0].is_ascii_uppercase();
            return Accepted::Plain(Stranger { io: Gated::new(stream, node), text });
        }
        Ok(_) => return Accepted::Failed(io::ErrorKind::UnexpectedEof.into()),
        Err(error) => return Accepted::Failed(error),
    }
    let stream = match TlsAcceptor::from(config).accept(Gated::new(stream, node)).await {
        Ok(stream) => stream,
        Err(error) => return Accepted::Failed(error),
    };
    match channel(stream.get_ref().1) {
        Ok(channel) => Accepted::Done(Stream::Tls(Box::new(stream.into())), channel),
        Err(error) => Accepted::Failed(error),
    }
}

/// The client's side: a TCP connection to `host:port`, in TLS if the node is configured so.
pub(crate) async fn connect(node: &Node, address: &str) -> Result<(Stream, Channel), DialError> {
    let unreachable = |error: io::Error| DialError::Connect {
        address: address.to_owned(),
        cause: error.to_string(),
    };
    let untrusted = |cause: String| DialError::Untrusted { address: address.to_owned(), cause };
    let tls = node.net().tls().map(|tls| tls.client());
    if let Some(None) = tls {
        return Err(untrusted("no CA is configured to verify its certificate with".into()));
    }
    let stream = TcpStream::connect(address).await.map_err(unreachable)?;
    let _ = stream.set_nodelay(true);
    let stream = Gated::new(stream, node);
    let Some(Some(config)) = tls else {
        return Ok((Stream::Plain(stream), Channel::default()));
    };
    let host = names::host(address)
        .ok_or_else(|| untrusted("its host is no name that a certificate has".into()))?;
    let connected = TlsConnector::from(config).connect(host, stream).await;
    let stream = connected.map_err(|error| exchange_error(address, &error))?;
    let channel = channel(stream.get_ref().1).map_err(unreachable)?;
    Ok((Stream::Tls(Box::new(stream.into())), channel))
}

/// What the handshake has proven.
fn channel<D>(connection: &ConnectionCommon<D>) -> io::Result<Channel> {
    let key = connection.export_keying_material([0u8; 32], EXPORTER, None);
    let key = key.map_err(io::Error::other)?;
    let leaf: Option<&CertificateDer<'_>> =
        connection.peer_certificates().and_then(|chain| chain.first());
    let certificate = leaf.map(Certificate::read).transpose().map_err(io::Error::other)?;
    Ok(Channel { key: Some(key), certificate: certificate.map(Arc::new) })
}

/// What an error says of a dialled node: a certificate that is no good, one's own that it does not
/// take, or that it is not there.
pub(crate) fn exchange_error(address: &str, error: &(dyn Error + 'static)) -> DialError {
    let address = address.to_owned();
    let mut said = vec![error.to_string()];
    let mut next = deeper(error);
    let mut tls = error.downcast_ref::<rustls::Error>();
    while let Some(error) = next {
        let text = error.to_string();
        if !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
        tls = tls.or(error.downcast_ref());
        next = deeper(error);
    }
    let cause = said.join(": ");
    match tls {
        Some(rustls::Error::AlertReceived(_)) => DialError::Refused { address, cause },
        Some(rustls::Error::InvalidMessage(_)) => {
            let cause = format!("it does not speak TLS: {cause}");
            DialError::Untrusted { address, cause }
        }
        Some(_) => DialError::Untrusted { address, cause },
        None => DialError::Connect { address, cause },
    }
}

/// The cause of an error; an I/O error hides the one that it wraps.
fn deeper<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

impl Node {
    /// A connection to `host:port` for another protocol than libproc's, such as HTTP: in TLS, and
    /// verified, if this node dials so ([`crate::TlsConfig::ca`]).
    ///
    /// # Errors
    /// [`DialError`]: nobody listens or answers there, or it does not prove who it is.
    pub async fn connect(
        &self,
        address: &str,
    ) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static, DialError> {
        connect(self, address).await.map(|(stream, _)| stream)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Stream::Tls(io) => Pin::new(io).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Stream::Tls(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Stream::Tls(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(io) => io.is_write_vectored(),
            Stream::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(io) => Pin::new(io).poll_flush(cx),
            Stream::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Stream::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}
