//! The TCP transport: listens, dials, and pumps frames both ways.
//!
//! Writing: frames wait in an outbox (`outbox.rs`); whoever pushes wakes the writer, which writes
//! what waits in one go. Reading: one buffer, as many frames as it holds. Both end together, and
//! then the node is told, once. Every byte passes the node's write gate (`gated.rs`).

#![allow(clippy::disallowed_types, reason = "the real World's network is here")]

use super::handshake::{self, Hello, PROTOCOL};
use super::outbox::{Taken, TcpOutbox};
use super::upgrade::{read_welcome, upgrade_request};
use super::{server, tls, DialError, Handshaken, Target};
use crate::node::{Connection, Node, Outbox, Refused, DRAIN};
use crate::peer::Peer;
use crate::runtime;
use crate::wire::{verdict, Envelope, Lane, MAX_FRAME};
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::{BodyExt, Limited};
use hyper::StatusCode;
use hyper_util::rt::TokioIo;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// A handshake takes two messages; who needs longer than this is not there.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent connection is asked after this long …
const KEEPALIVE: Duration = Duration::from_secs(5);
/// … and given up after this long without a byte.
const SILENCE: Duration = Duration::from_secs(20);
/// What a server says of its verdict is short.
const VERDICT_LIMIT: usize = 4096;
/// A write buffer that a burst has grown beyond this is given back.
const SPARE: usize = 1024 * 1024;

/// Binds, notes the address that others are told, and serves in the background.
pub(crate) async fn listen(node: &Node) -> std::io::Result<()> {
    let config = node.config();
    let at = config.listen.as_deref().unwrap_or("127.0.0.1:0");
    let listener = TcpListener::bind(at).await.map_err(|error| {
        std::io::Error::new(error.kind(), format!("cannot listen on {at}: {error}"))
    })?;
    let bound = listener.local_addr()?;
    node.set_advertised(config.advertise.clone().unwrap_or_else(|| bound.to_string()));
    runtime::spawn(server::serve(node.clone(), listener));
    Ok(())
}

/// Connects and authenticates; an open connection to the address is used again.
pub(crate) async fn dial(node: Node, target: Target) -> Result<Arc<Peer>, DialError> {
    if let Some(open) = node.connection_at(&target.address) {
        return Ok(open);
    }
    let connecting = connect(node.clone(), target.clone());
    tokio::select! { biased;
        done = connecting => done,
        () = node.sleep(HANDSHAKE_TIMEOUT) => Err(DialError::Connect {
            address: target.address,
            cause: format!("no answer within {HANDSHAKE_TIMEOUT:?}"),
        }),
    }
}

async fn connect(node: Node, target: Target) -> Result<Arc<Peer>, DialError> {
    let unreachable = |cause: String| DialError::Connect { address: target.address.clone(), cause };
    let broken = |e: hyper::Error| tls::exchange_error(&target.address, &e);
    let (stream, channel) = tls::connect(&node, &target.address).await?;
    let listens = node.config().listen.is_some();
    let hello = Hello {
        cluster: node.config().cluster.clone(),
        node: node.id(),
        principal: target.principal.clone(),
        nonce: node.uuid(),
        protocol: PROTOCOL,
        features: node.config().features.clone(),
        address: listens.then(|| node.advertised().to_owned()),
        certified: target.secret.is_empty(),
    };
    let (mut http, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    runtime::spawn(async move {
        let _ = connection.with_upgrades().await;
    });
    let request =
        upgrade_request(&target.address, &hello).map_err(|e| unreachable(e.to_string()))?;
    let response = http.send_request(request).await.map_err(broken)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let status = response.status();
        let said = Limited::new(response.into_body(), 4096).collect().await;
        let text = said.map(|body| String::from_utf8_lossy(&body.to_bytes()).trim().to_owned());
        let cause = format!("{status}: {}", text.unwrap_or_default());
        return Err(DialError::Refused { address: target.address, cause });
    }
    let welcome = read_welcome(response.headers()).ok_or_else(|| DialError::Untrusted {
        address: target.address.clone(),
        cause: "its answer is no libproc handshake".into(),
    })?;
    let (peer, mac) = handshake::prove(node.config(), &target, &hello, &welcome, &channel)?;
    let _dialling = node.dialling(peer.node);
    let upgraded = hyper::upgrade::on(response).await.map_err(|e| unreachable(e.to_string()))?;
    let mut io = TokioIo::new(upgraded);
    let proof =
        Envelope::Proof { mac: mac.into() }.encode().map_err(|e| unreachable(e.to_string()))?;
    io.write_all(&proof).await.map_err(|e| unreachable(e.to_string()))?;
    io.flush().await.map_err(|e| unreachable(e.to_string()))?;
    let there = peer.node;
    let refused = |cause: String| DialError::Refused { address: target.address.clone(), cause };
    let said = read_frame(&mut io, VERDICT_LIMIT)
        .await
        .map_err(|e| refused(format!("it closed the connection: {e}")))?;
    match Envelope::decode(said) {
        Ok(Envelope::Verdict { code, .. }) if code == verdict::TAKEN => {}
        Ok(Envelope::Verdict { code, .. }) if code == verdict::DUPLICATE => {
            return Ok(node.connection_to(there).await);
        }
        Ok(Envelope::Verdict { why, .. }) => return Err(refused(why)),
        _ => return Err(refused("it broke the handshake".into())),
    }
    let outbox = Arc::new(TcpOutbox::default());
    match attach(&node, peer, true, outbox, io) {
        Ok(connection) => Ok(connection.peer.clone()),
        Err((Refused::Duplicate, _)) => Ok(node.connection_to(there).await),
        Err((cause, _)) => Err(refused(cause.to_string())),
    }
}

/// The server's last step: takes an authenticated stream, or says why not.
pub(super) async fn welcome<S>(node: &Node, peer: Peer, io: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let outbox = Arc::new(TcpOutbox::default());
    // Before the node can send anything over it.
    if let Ok(taken) = said(verdict::TAKEN, "").encode() {
        outbox.push(Lane::Control, taken);
    }
    let Err((refused, mut io)) = attach(node, peer, false, outbox, io) else {
        return;
    };
    tracing::info!(%refused, "connection not taken");
    let code = match refused {
        Refused::Duplicate => verdict::DUPLICATE,
        Refused::OtherPrincipal | Refused::NodeEnded => verdict::REFUSED,
    };
    if let Ok(frame) = said(code, &refused.to_string()).encode() {
        // Whoever is gone does not need to know.
        let _ = io.write_all(&frame).await;
        let _ = io.shutdown().await;
    }
}

fn said(code: u8, why: &str) -> Envelope {
    let why = why.to_owned();
    Envelope::Verdict { code, why }
}

/// Reads one frame, for the proof that comes before the pump runs.
pub(crate) async fn read_frame(
    io: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> std::io::Result<Bytes> {
    let length = io.read_u32_le().await? as usize;
    if length > limit {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "frame is too large"));
    }
    let mut frame = vec![0u8; length];
    io.read_exact(&mut frame).await?;
    Ok(frame.into())
}

/// Hands an authenticated stream to the node and pumps its frames until either side ends.
fn attach<S>(
    node: &Node,
    peer: Peer,
    ours: bool,
    outbox: Arc<TcpOutbox>,
    io: S,
) -> Result<Arc<Connection>, (Refused, S)>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let made = Handshaken { peer, ours, outbox: outbox.clone() };
    let connection = match node.connected(made) {
        Ok(connection) => connection,
        Err(refused) => return Err((refused, io)),
    };
    runtime::spawn(pump(node.clone(), connection.clone(), outbox, io));
    Ok(connection)
}

async fn pump<S>(node: Node, connection: Arc<Connection>, outbox: Arc<TcpOutbox>, io: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (read, write) = tokio::io::split(io);
    let mut reading = pin!(read_frames(&node, &connection, read));
    let written = tokio::select! { biased;
        written = write_frames(&outbox, write) => written,
        why = &mut reading => Written::Broken(why),
    };
    let why = match written {
        Written::Broken(why) => why,
        Written::All(why) => {
            // To close with bytes unread would reset the connection and take from the other side
            // what it has yet to read: it closes first, if it can.
            tokio::select! { biased;
                _ = reading => {}
                () = node.sleep(DRAIN) => {}
            }
            why
        }
    };
    outbox.close(&why);
    node.disconnected(&connection, &why);
}

/// How writing ended.
enum Written {
    /// Nothing more is to be said, and all was written.
    All(String),
    Broken(String),
}

async fn write_frames(outbox: &TcpOutbox, mut write: impl AsyncWrite + Unpin) -> Written {
    let mut buffer = BytesMut::new();
    loop {
        match outbox.take(&mut buffer) {
            Taken::Frames => {
                let written = write.write_all(&buffer).await;
                // TLS may keep what the socket did not take.
                if let Err(error) = written.and(write.flush().await) {
                    return Written::Broken(format!("cannot write: {error}"));
                }
                buffer.clear();
                if buffer.capacity() > SPARE {
                    buffer = BytesMut::new();
                }
            }
            Taken::Nothing => outbox.filled().await,
            Taken::Finished(why) => {
                let _ = write.shutdown().await;
                return Written::All(why);
            }
            Taken::Closed(why) => return Written::Broken(why),
        }
    }
}

async fn read_frames(
    node: &Node,
    connection: &Arc<Connection>,
    mut read: impl AsyncRead + Unpin,
) -> String {
    let mut buffer = BytesMut::with_capacity(64 * 1024);
    let mut asked = false;
    loop {
        let patience = if asked { SILENCE - KEEPALIVE } else { KEEPALIVE };
        let got = tokio::select! { biased;
            got = read.read_buf(&mut buffer) => got,
            () = node.sleep(patience) => {
                if asked {
                    return format!("silent for {SILENCE:?}");
                }
                asked = true;
                connection.say(&Envelope::Ping { sequence: node.now().as_nanos() });
                continue;
            }
        };
        match got {
            Ok(0) => return "closed by the other side".into(),
            Ok(_) => asked = false,
            Err(error) => return format!("cannot read: {error}"),
        }
        while let Some(frame) = match next_frame(&mut buffer) {
            Ok(frame) => frame,
            Err(length) => return format!("a frame of {length} bytes is too large"),
        } {
            if let Err(error) = node.received(connection, frame) {
                node.counters()
                    .broken_connections
                    .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tracing::warn!(peer = %connection.peer.node, principal = connection.peer.principal, error = &error as &dyn std::error::Error, "connection closed for a broken frame");
                return format!("broken frame: {error}");
            }
        }
    }
}

/// Takes one whole frame out of the buffer; an error is a length over the limit. Room is made by
/// what arrives, never by what a length promises.
pub(super) fn next_frame(buffer: &mut BytesMut) -> Result<Option<Bytes>, usize> {
    let Some(prefix) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*prefix) as usize;
    if length > MAX_FRAME {
        return Err(length);
    }
    if buffer.len() < 4 + length {
        return Ok(None);
    }
    buffer.advance(4);
    Ok(Some(buffer.split_to(length).freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_at_every_split() {
        let frame = Envelope::Ping { sequence: 7 }.encode().unwrap();
        let stream = [&frame[..], &frame[..]].concat();
        for split in 0..=stream.len() {
            let mut buffer = BytesMut::new();
            let mut seen = 0;
            for part in [&stream[..split], &stream[split..]] {
                buffer.extend_from_slice(part);
                while let Some(got) = next_frame(&mut buffer).unwrap() {
                    assert_eq!(got, frame[4..]);
                    seen += 1;
                }
            }
            assert_eq!(seen, 2, "split at {split}");
        }
    }

    #[test]
    fn a_promised_length_makes_no_room() {
        let mut buffer = BytesMut::from(&u32::MAX.to_le_bytes()[..]);
        assert_eq!(next_frame(&mut buffer), Err(u32::MAX as usize));
    }
}
