//! The TCP transport: listens, dials, and pumps frames both ways.
//!
//! Writing: frames wait in a queue (`queue.rs`); whoever fills an empty one wakes the writer, which
//! writes what waits, about a buffer at a time. Reading: one buffer, as many frames as it holds.
//! Both end together, and then the node is told, once. Every byte passes the node's write gate
//! (`gated.rs`).

#![allow(clippy::disallowed_types, reason = "the real World's network is here")]

use super::handshake::{self, Hello, PROTOCOL};
use super::outbox::{Outbox, Transport};
use super::queue::{Queue, Taken};
use super::upgrade::{read_welcome, upgrade_request};
use super::{server, tls, DialError, Handshaken, Target};
use crate::node::{Connection, Incoming, Node, Refused, DRAIN};
use crate::peer::Peer;
use crate::runtime;
use crate::wire::{verdict, Envelope, MAX_PIECE, PREFIX};
use http_body_util::{BodyExt, Limited};
use hyper::StatusCode;
use hyper_util::rt::TokioIo;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A handshake takes two messages; who needs longer than this is not there.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// What a server says of its verdict is short.
const VERDICT_LIMIT: usize = 4096;
/// A node gives up a connection that was silent for so many times its keepalive.
const SILENT_KEEPALIVES: u32 = 4;
/// Room for reads: of an idle connection, and of a busy one.
const SMALL: usize = 4096;
const READ: usize = MAX_PIECE + SMALL;

/// Wakes the writer of a connection.
struct Bell(Arc<Notify>);

impl Transport for Bell {
    fn wake(&self, _: &Outbox) {
        self.0.notify_one();
    }

    fn close(&self, _: &str) {
        self.0.notify_one();
    }

    fn finish(&self, _: &str) {
        self.0.notify_one();
    }
}

/// A connection's way out, and what tells its writer to look.
struct WayOut {
    outbox: Arc<Outbox>,
    bell: Arc<Notify>,
}

impl WayOut {
    fn new() -> Self {
        let bell = Arc::new(Notify::new());
        let outbox = Outbox::new(Queue::of_bytes(), Box::new(Bell(bell.clone())));
        WayOut { outbox: Arc::new(outbox), bell }
    }
}

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
    let proof = Envelope::Proof { mac: &mac }.encode().map_err(|e| unreachable(e.to_string()))?;
    io.write_all(&proof).await.map_err(|e| unreachable(e.to_string()))?;
    io.flush().await.map_err(|e| unreachable(e.to_string()))?;
    let there = peer.node;
    let refused = |cause: String| DialError::Refused { address: target.address.clone(), cause };
    let said = read_frame(&mut io, VERDICT_LIMIT)
        .await
        .map_err(|e| refused(format!("it closed the connection: {e}")))?;
    match Envelope::decode(&said) {
        Ok(Envelope::Verdict { code, .. }) if code == verdict::TAKEN => {}
        Ok(Envelope::Verdict { code, .. }) if code == verdict::DUPLICATE => {
            return Ok(node.connection_to(there).await);
        }
        Ok(Envelope::Verdict { why, .. }) => return Err(refused(why.to_owned())),
        _ => return Err(refused("it broke the handshake".into())),
    }
    match attach(&node, peer, true, WayOut::new(), io) {
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
    let out = WayOut::new();
    // Before the node can send anything over it.
    out.outbox.control(&Envelope::Verdict { code: verdict::TAKEN, why: "" });
    let Err((refused, mut io)) = attach(node, peer, false, out, io) else {
        return;
    };
    tracing::info!(%refused, "connection not taken");
    let code = match refused {
        Refused::Duplicate => verdict::DUPLICATE,
        Refused::OtherPrincipal | Refused::NodeEnded => verdict::REFUSED,
    };
    let why = refused.to_string();
    if let Ok(frame) = (Envelope::Verdict { code, why: &why }).encode() {
        // Whoever is gone does not need to know.
        let _ = io.write_all(&frame).await;
        let _ = io.shutdown().await;
    }
}

/// Reads one frame, for the proof that comes before the pump runs.
pub(crate) async fn read_frame(
    io: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> std::io::Result<Vec<u8>> {
    let length = io.read_u32_le().await? as usize;
    if length > limit {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "frame is too large"));
    }
    let mut frame = vec![0u8; length];
    io.read_exact(&mut frame).await?;
    Ok(frame)
}

/// Hands an authenticated stream to the node and pumps its frames until either side ends.
fn attach<S>(
    node: &Node,
    peer: Peer,
    ours: bool,
    out: WayOut,
    io: S,
) -> Result<Arc<Connection>, (Refused, S)>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let made = Handshaken { peer, ours, outbox: out.outbox.clone() };
    let connection = match node.connected(made) {
        Ok(connection) => connection,
        Err(refused) => return Err((refused, io)),
    };
    runtime::spawn(pump(node.clone(), connection.clone(), out, io));
    Ok(connection)
}

async fn pump<S>(node: Node, connection: Arc<Connection>, out: WayOut, io: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (read, write) = tokio::io::split(io);
    let mut reading = pin!(read_frames(&node, &connection, read));
    let written = tokio::select! { biased;
        written = write_frames(&node, &out, write) => written,
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
    out.outbox.close(&why);
    node.disconnected(&connection, &why);
}

/// How writing ended.
enum Written {
    /// Nothing more is to be said, and all was written.
    All(String),
    Broken(String),
}

async fn write_frames(node: &Node, out: &WayOut, mut write: impl AsyncWrite + Unpin) -> Written {
    let mut buffer = Vec::new();
    let mut patience = None;
    loop {
        match out.outbox.take(&mut buffer) {
            Taken::Frames => {
                let written = write.write_all(&buffer).await;
                // TLS may keep what the socket did not take.
                if let Err(error) = written.and(write.flush().await) {
                    return Written::Broken(format!("cannot write: {error}"));
                }
            }
            Taken::Nothing => out.bell.notified().await,
            Taken::Unfinished(why) => {
                // A process that handles too little does not keep a node from its end.
                let patience = patience.get_or_insert_with(|| node.sleep(DRAIN));
                tokio::select! { biased;
                    () = out.bell.notified() => {}
                    () = patience => {
                        let _ = write.shutdown().await;
                        return Written::All(why);
                    }
                }
            }
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
    let keepalive = node.config().keepalive;
    let (mut incoming, mut buffer) = (Incoming::default(), Vec::with_capacity(SMALL));
    let mut heard = node.coarse_now();
    let mut alarm = node.sleep(keepalive);
    loop {
        if buffer.capacity() - buffer.len() < SMALL / 2 {
            buffer.reserve(READ);
        }
        let got = tokio::select! { biased;
            got = read.read_buf(&mut buffer) => got,
            () = &mut alarm => {
                let silent = node.now().since(heard);
                if silent >= keepalive * SILENT_KEEPALIVES {
                    return format!("silent for {:?}", keepalive * SILENT_KEEPALIVES);
                }
                let since = match silent >= keepalive {
                    true => {
                        connection.say(&Envelope::Ping { sequence: node.now().as_nanos() });
                        // What a burst has grown is given back.
                        connection.rest();
                        if buffer.is_empty() && buffer.capacity() > SMALL {
                            buffer = Vec::with_capacity(SMALL);
                        }
                        Duration::ZERO
                    }
                    false => silent,
                };
                connection.settle();
                alarm = node.sleep(keepalive - since);
                continue;
            }
        };
        match got {
            Ok(0) => return "closed by the other side".into(),
            Ok(_) => heard = node.coarse_now(),
            Err(error) => return format!("cannot read: {error}"),
        }
        loop {
            match node.received(connection, &mut incoming, &mut buffer) {
                Ok(true) => break,
                // First those have their turn whom this was for: what they handle is still in the
                // processor's cache, and mailboxes stay short.
                Ok(false) => tokio::task::yield_now().await,
                Err(error) => {
                    node.count_broken();
                    tracing::warn!(peer = %connection.peer.node, principal = connection.peer.principal, error = &error as &dyn std::error::Error, "connection closed for a broken frame");
                    return format!("broken frame: {error}");
                }
            }
        }
    }
}

/// The first whole frame of what was read, without its length; an error is a length over the
/// limit. Room is made by what arrives, never by what a length promises.
pub(crate) fn next_frame(read: &[u8], limit: usize) -> Result<Option<&[u8]>, usize> {
    let Some((prefix, rest)) = read.split_first_chunk::<PREFIX>() else {
        return Ok(None);
    };
    match u32::from_le_bytes(*prefix) as usize {
        length if length > limit => Err(length),
        length => Ok(rest.get(..length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_out_whole_or_not_at_all() {
        let frame = Envelope::Ping { sequence: 7 }.encode().unwrap();
        let stream = [&frame[..], &frame[..]].concat();
        for cut in 0..=stream.len() {
            let whole = (cut >= frame.len()).then_some(&frame[PREFIX..]);
            assert_eq!(next_frame(&stream[..cut], MAX_PIECE), Ok(whole), "cut at {cut}");
        }
    }

    #[test]
    fn a_promised_length_makes_no_room() {
        let length = u32::MAX.to_le_bytes();
        assert_eq!(next_frame(&length, MAX_PIECE), Err(u32::MAX as usize));
        let piece = (MAX_PIECE as u32).to_le_bytes();
        assert_eq!(next_frame(&piece, MAX_PIECE), Ok(None));
    }
}
