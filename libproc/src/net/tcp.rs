//! The TCP transport: listens, dials, and pumps frames both ways.
//!
//! Writing: frames wait in an outbox, control before bulk; whoever finds it empty wakes the
//! writer, which writes everything that waits in one go. Reading: one buffer, as many frames as
//! it holds. Both end together, and then the node is told, once.

use super::handshake::{self, Hello, Welcome, PROTOCOL};
use super::{server, DialError, Handshaken, Target};
use crate::node::{lock, Connection, Node, Outbox};
use crate::peer::Peer;
use crate::runtime;
use crate::wire::{Envelope, Lane, MAX_FRAME};
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::header::{HeaderMap, HeaderName, HeaderValue, CONNECTION, HOST, UPGRADE};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Bytes that may wait for one slow peer; past it its connection is closed.
const OUTBOX_LIMIT: usize = 64 * 1024 * 1024;
/// A handshake takes two messages; who needs longer than this is not there.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent connection is asked after this long …
const KEEPALIVE: Duration = Duration::from_secs(5);
/// … and given up after this long without a byte.
const SILENCE: Duration = Duration::from_secs(20);

pub(crate) const PATH: &str = "/libproc";

pub(crate) mod headers {
    pub(crate) const CLUSTER: &str = "libproc-cluster";
    pub(crate) const NODE: &str = "libproc-node";
    pub(crate) const PRINCIPAL: &str = "libproc-principal";
    pub(crate) const NONCE: &str = "libproc-nonce";
    pub(crate) const PROTOCOL: &str = "libproc-protocol";
    pub(crate) const FEATURES: &str = "libproc-features";
    pub(crate) const ADDRESS: &str = "libproc-address";
    pub(crate) const PROOF: &str = "libproc-proof";
}

/// Binds, notes the address that others are told, and serves in the background.
pub(crate) async fn listen(node: &Node) -> std::io::Result<()> {
    let config = node.config();
    let at = config.listen.as_deref().unwrap_or("127.0.0.1:0");
    let listener = TcpListener::bind(at).await.map_err(|error| {
        std::io::Error::new(error.kind(), format!("cannot listen on {at}: {error}"))
    })?;
    let bound = listener.local_addr()?;
    node.set_advertised(
        config
            .advertise
            .clone()
            .unwrap_or_else(|| bound.to_string()),
    );
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
    let unreachable = |cause: String| DialError::Connect {
        address: target.address.clone(),
        cause,
    };
    let stream = TcpStream::connect(&target.address)
        .await
        .map_err(|e| unreachable(e.to_string()))?;
    let _ = stream.set_nodelay(true);
    let mut nonce = [0u8; 16];
    nonce.copy_from_slice(&node.uuid());
    let listens = node.config().listen.is_some();
    let hello = Hello {
        cluster: node.config().cluster.clone(),
        node: node.id(),
        principal: target.principal.clone(),
        nonce,
        protocol: PROTOCOL,
        features: node.config().features.clone(),
        address: listens.then(|| node.advertised().to_owned()),
    };
    let (mut http, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| unreachable(e.to_string()))?;
    runtime::spawn(async move {
        let _ = connection.with_upgrades().await;
    });
    let request =
        upgrade_request(&target.address, &hello).map_err(|e| unreachable(e.to_string()))?;
    let response = http
        .send_request(request)
        .await
        .map_err(|e| unreachable(e.to_string()))?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let status = response.status();
        let said = Limited::new(response.into_body(), 4096).collect().await;
        let text = said.map(|body| String::from_utf8_lossy(&body.to_bytes()).trim().to_owned());
        let cause = format!("{status}: {}", text.unwrap_or_default());
        return Err(DialError::Refused {
            address: target.address,
            cause,
        });
    }
    let welcome = read_welcome(response.headers()).ok_or_else(|| DialError::Untrusted {
        address: target.address.clone(),
        cause: "its answer is no libproc handshake".into(),
    })?;
    let (peer, mac) = handshake::prove(&target, &hello, &welcome)?;
    let upgraded = hyper::upgrade::on(response)
        .await
        .map_err(|e| unreachable(e.to_string()))?;
    let mut io = TokioIo::new(upgraded);
    let proof = Envelope::Proof { mac: mac.into() }
        .encode()
        .map_err(|e| unreachable(e.to_string()))?;
    io.write_all(&proof)
        .await
        .map_err(|e| unreachable(e.to_string()))?;
    attach(&node, peer, true, io)
        .map(|connection| connection.peer.clone())
        .map_err(|cause| DialError::Refused {
            address: target.address,
            cause: cause.to_string(),
        })
}

fn upgrade_request(address: &str, hello: &Hello) -> http::Result<Request<Empty<Bytes>>> {
    let mut request = Request::get(PATH)
        .header(HOST, address)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "libproc")
        .header(headers::CLUSTER, &hello.cluster)
        .header(headers::NODE, hello.node.to_string())
        .header(headers::PRINCIPAL, &hello.principal)
        .header(headers::NONCE, hex(&hello.nonce))
        .header(
            headers::PROTOCOL,
            format!("{}-{}", hello.protocol.0, hello.protocol.1),
        )
        .header(headers::FEATURES, hello.features.join(","));
    if let Some(address) = &hello.address {
        request = request.header(headers::ADDRESS, address);
    }
    request.body(Empty::new())
}

pub(crate) fn read_hello(from: &HeaderMap) -> Option<Hello> {
    let (low, high) = text(from, headers::PROTOCOL)?.split_once('-')?;
    Some(Hello {
        cluster: text(from, headers::CLUSTER)?.to_owned(),
        node: text(from, headers::NODE)?.parse().ok()?,
        principal: text(from, headers::PRINCIPAL)?.to_owned(),
        nonce: unhex(text(from, headers::NONCE)?)?.try_into().ok()?,
        protocol: (low.parse().ok()?, high.parse().ok()?),
        features: list(text(from, headers::FEATURES).unwrap_or("")),
        address: text(from, headers::ADDRESS).map(str::to_owned),
    })
}

pub(crate) fn write_welcome(welcome: &Welcome, to: &mut HeaderMap) {
    let mut put = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            to.insert(HeaderName::from_static(name), value);
        }
    };
    put(headers::NODE, welcome.node.to_string());
    put(headers::PRINCIPAL, welcome.principal.clone());
    put(headers::NONCE, hex(&welcome.nonce));
    put(headers::PROTOCOL, welcome.protocol.to_string());
    put(headers::FEATURES, welcome.features.join(","));
    put(headers::PROOF, hex(&welcome.mac));
}

fn read_welcome(from: &HeaderMap) -> Option<Welcome> {
    Some(Welcome {
        node: text(from, headers::NODE)?.parse().ok()?,
        principal: text(from, headers::PRINCIPAL)?.to_owned(),
        nonce: unhex(text(from, headers::NONCE)?)?.try_into().ok()?,
        protocol: text(from, headers::PROTOCOL)?.parse().ok()?,
        features: list(text(from, headers::FEATURES).unwrap_or("")),
        mac: unhex(text(from, headers::PROOF)?)?,
    })
}

fn text<'a>(from: &'a HeaderMap, name: &str) -> Option<&'a str> {
    from.get(name)?.to_str().ok()
}

fn list(text: &str) -> Vec<String> {
    text.split(',')
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() % 2 != 0 || text.len() > 256 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

/// Reads one frame, for the proof that comes before the pump runs.
pub(crate) async fn read_frame(
    io: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> std::io::Result<Bytes> {
    let length = io.read_u32_le().await? as usize;
    if length > limit {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "frame is too large",
        ));
    }
    let mut frame = vec![0u8; length];
    io.read_exact(&mut frame).await?;
    Ok(frame.into())
}

/// Hands an authenticated stream to the node and pumps its frames until either side ends.
pub(crate) fn attach<S>(
    node: &Node,
    peer: Peer,
    ours: bool,
    io: S,
) -> Result<Arc<Connection>, crate::node::Refused>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let outbox = Arc::new(TcpOutbox::default());
    let connection = node.connected(Handshaken {
        peer,
        ours,
        outbox: outbox.clone(),
    })?;
    runtime::spawn(pump(node.clone(), connection.clone(), outbox, io));
    Ok(connection)
}

async fn pump<S>(node: Node, connection: Arc<Connection>, outbox: Arc<TcpOutbox>, io: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (read, write) = tokio::io::split(io);
    let why = tokio::select! { biased;
        why = write_frames(&node, &outbox, write) => why,
        why = read_frames(&node, &connection, read) => why,
    };
    outbox.close(&why);
    node.disconnected(&connection, &why);
}

async fn write_frames(
    node: &Node,
    outbox: &TcpOutbox,
    mut write: impl AsyncWrite + Unpin,
) -> String {
    let mut buffer = BytesMut::new();
    loop {
        match outbox.take(&mut buffer) {
            Taken::Frames => {
                if !node.may_write() {
                    return "the write gate is closed".into();
                }
                if let Err(error) = write.write_all(&buffer).await {
                    return format!("cannot write: {error}");
                }
                buffer.clear();
            }
            Taken::Nothing => outbox.wake.notified().await,
            Taken::Closed(why) => {
                let _ = write.shutdown().await;
                return why;
            }
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
        let patience = if asked {
            SILENCE - KEEPALIVE
        } else {
            KEEPALIVE
        };
        let got = tokio::select! { biased;
            got = read.read_buf(&mut buffer) => got,
            () = node.sleep(patience) => {
                if asked {
                    return format!("silent for {SILENCE:?}");
                }
                asked = true;
                connection.send(&Envelope::Ping { sequence: node.now().as_nanos() });
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
fn next_frame(buffer: &mut BytesMut) -> Result<Option<Bytes>, usize> {
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

#[derive(Default)]
struct TcpOutbox {
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Default)]
struct Queue {
    control: VecDeque<Bytes>,
    bulk: VecDeque<Bytes>,
    bytes: usize,
    closed: Option<String>,
}

enum Taken {
    Frames,
    Nothing,
    Closed(String),
}

impl TcpOutbox {
    /// Moves what waits into the buffer, control first.
    fn take(&self, buffer: &mut BytesMut) -> Taken {
        let mut guard = lock(&self.queue);
        let queue = &mut *guard;
        if let Some(why) = &queue.closed {
            return Taken::Closed(why.clone());
        }
        if queue.bytes == 0 {
            return Taken::Nothing;
        }
        buffer.reserve(queue.bytes);
        for frame in queue.control.drain(..).chain(queue.bulk.drain(..)) {
            buffer.extend_from_slice(&frame);
        }
        queue.bytes = 0;
        Taken::Frames
    }
}

impl Outbox for TcpOutbox {
    fn push(&self, lane: Lane, frame: Bytes) {
        let mut guard = lock(&self.queue);
        let queue = &mut *guard;
        if queue.closed.is_some() {
            return;
        }
        queue.bytes += frame.len();
        match lane {
            Lane::Control => queue.control.push_back(frame),
            Lane::Bulk => queue.bulk.push_back(frame),
        }
        if queue.bytes > OUTBOX_LIMIT {
            queue.closed = Some(format!(
                "more than {OUTBOX_LIMIT} bytes wait for a slow peer"
            ));
        }
        drop(guard);
        self.wake.notify_one();
    }

    fn close(&self, why: &str) {
        let mut queue = lock(&self.queue);
        if queue.closed.is_none() {
            queue.closed = Some(why.to_owned());
            queue.control.clear();
            queue.bulk.clear();
        }
        drop(queue);
        self.wake.notify_one();
    }
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

    #[test]
    fn control_goes_before_bulk_and_overflow_closes() {
        let outbox = TcpOutbox::default();
        outbox.push(Lane::Bulk, Bytes::from_static(b"bulk"));
        outbox.push(Lane::Control, Bytes::from_static(b"control"));
        let mut buffer = BytesMut::new();
        assert!(matches!(outbox.take(&mut buffer), Taken::Frames));
        assert_eq!(&buffer[..], b"controlbulk");
        outbox.push(Lane::Bulk, Bytes::from(vec![0; OUTBOX_LIMIT + 1]));
        assert!(matches!(outbox.take(&mut buffer), Taken::Closed(_)));
    }
}
