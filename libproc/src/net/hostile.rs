//! Tests of the frames' border: what an authenticated but hostile, broken or newer peer may send.
//! Its own connection ends; the process it was for, and everybody else's connection, live
//! (LP-05).

use super::handshake::{self, Channel, Hello, PROTOCOL};
use super::tcp::read_frame;
use super::upgrade::{read_welcome, upgrade_request};
use super::{Admission, Authenticator, NodeConfig, Target};
use crate::id::NodeId;
use crate::node::Node;
use crate::peer::Role;
use crate::trace::TraceState;
use crate::wire::{verdict, Envelope, Header, Names, Route, MAX_PIECE, MAX_ROUTES};
use crate::{Context, Gate, Process, Receive, Sender};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PEER: Role = Role::of("peer");

struct Anyone;

impl Authenticator for Anyone {
    fn admit(&self, _: &str) -> Option<Admission> {
        let secret = b"k".to_vec();
        Some(Admission { secret, role: PEER })
    }
    fn presents(&self) -> (String, Role) {
        ("s".into(), PEER)
    }
}

struct Victim;

impl Process for Victim {
    const NAME: &'static str = "target";
    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<u64>(&[PEER]);
    }
}

impl Receive<u64> for Victim {
    fn receive(&mut self, _: u64, _: &Sender, _: &mut Context<Self>) {}
}

type Io = TokioIo<hyper::upgrade::Upgraded>;

/// A peer that did the handshake and now has the bare stream.
#[allow(clippy::disallowed_types, reason = "the hostile side is another program")]
async fn peer(node: &Node, id: u64) -> Io {
    let target = Target {
        address: node.advertised().to_owned(),
        principal: "p".into(),
        secret: b"k".to_vec(),
        role: PEER,
    };
    let hello = Hello {
        cluster: "t".into(),
        node: NodeId(id),
        principal: "p".into(),
        nonce: [1; 16],
        protocol: PROTOCOL,
        features: Vec::new(),
        address: None,
        certified: false,
    };
    let stream = tokio::net::TcpStream::connect(&target.address).await.unwrap();
    let (mut http, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    crate::runtime::spawn(async move {
        let _ = connection.with_upgrades().await;
    });
    let request = upgrade_request(&target.address, &hello).unwrap();
    let response = http.send_request(request).await.unwrap();
    let welcome = read_welcome(response.headers()).unwrap();
    let config = NodeConfig::new("t", "peer");
    let (_, mac) =
        handshake::prove(&config, &target, &hello, &welcome, &Channel::default()).unwrap();
    let mut io = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let proof = Envelope::Proof { mac: &mac }.encode().unwrap();
    io.write_all(&proof).await.unwrap();
    let said = read_frame(&mut io, 100).await.unwrap();
    let taken = Envelope::Verdict { code: verdict::TAKEN, why: "" };
    assert_eq!(Envelope::decode(&said).unwrap(), taken);
    io
}

/// Sends a ping and waits for its answer: the connection lives.
async fn lives(io: &mut Io) {
    let ping = Envelope::Ping { sequence: 7 }.encode().unwrap();
    io.write_all(&ping).await.unwrap();
    let said = read_frame(io, 100).await.unwrap();
    assert_eq!(Envelope::decode(&said).unwrap(), Envelope::Pong { sequence: 7 });
}

fn send(to: &str, wire: &str, payload: &[u8]) -> Vec<u8> {
    by(Route::Named(0, Names { to, from: "x", wire, variant: "" }), payload)
}

fn by(route: Route<'_>, payload: &[u8]) -> Vec<u8> {
    let header = Header { route, trace: None, state: TraceState::NONE };
    Envelope::Send { header, payload }.encode().unwrap()
}

fn chunk(stream: u64, last: bool, part: &[u8]) -> Vec<u8> {
    Envelope::Chunk { stream, last, part }.encode().unwrap()
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes()[..], body].concat()
}

/// LP-05 and its like.
#[test]
fn a_broken_frame_ends_its_connection_and_nothing_else() {
    let mut deep = vec![0x91; 4000];
    deep.push(0);
    let link = |watcher: &str| Envelope::Link { watcher, target: "target" }.encode().unwrap();
    let names = Names { to: "target", from: "x", wire: "value", variant: "" };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("oversized", (MAX_PIECE as u32 + 1).to_le_bytes().to_vec()),
        ("a length of all ones", u32::MAX.to_le_bytes().to_vec()),
        ("empty", framed(&[])),
        ("unknown tag", framed(&[77, 1, 2, 3])),
        ("header cut short", framed(&[0, 1, 255, b'x'])),
        ("route that was never named", by(Route::Known(7), &[1])),
        ("route numbered too high", by(Route::Named(MAX_ROUTES + 1, names), &[1])),
        ("route whose number has no end", framed(&[&[0][..], &[0xff; 12]].concat())),
        ("impossible receiver", send("a b", "value", &[1])),
        ("chunk of nothing", chunk(1, false, &[])),
        ("chunks of a broken frame", [chunk(1, false, &[77]), chunk(1, true, &[1])].concat()),
        ("chunks of a chunk", chunk(1, true, &chunk(2, true, &[8])[4..])),
        ("chunks without an end", chunk(1, false, &[0; 60_000]).repeat(300)),
        ("too many frames in chunks", (0..17).flat_map(|n| chunk(n, false, &[0])).collect()),
        ("name that is not UTF-8", framed(&[4, 1, 0, 0xff, 1, 0, b'x'])),
        ("bytes after its end", framed(&[8, 0, 0, 0, 0, 0, 0, 0, 0, 1])),
        ("proof after the handshake", framed(&[9, 1, 2, 3])),
        ("impossible watcher", link("a b")),
        ("payload of another shape", send("target", "value", &[0xa1, b'x'])),
        ("payload with a tail", send("target", "value", &[1, 1])),
        ("payload nested too deep", send("target", "value", &deep)),
        ("empty payload", send("target", "value", &[])),
        ("HTTP again", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ];
    crate::run(async {
        let node = Node::start(NodeConfig {
            listen: Some("127.0.0.1:0".into()),
            admit: Arc::new(Anyone),
            ..NodeConfig::new("t", "s")
        });
        let node = node.await.unwrap();
        node.spawn("target", Victim).unwrap();
        let mut other = peer(&node, 1).await;
        for (at, (what, bytes)) in cases.into_iter().enumerate() {
            let mut io = peer(&node, 100 + at as u64).await;
            // It may be closed before it has taken everything.
            let _ = io.write_all(&bytes).await;
            // The end of the stream, or its reset.
            let mut rest = Vec::new();
            let _ = io.read_to_end(&mut rest).await;
            assert!(node.process("target").is_some(), "{what}");
            lives(&mut other).await;
        }
        // Harmless ones: nobody of that name, a type nobody knows, an answer nobody asked for.
        let harmless =
            [send("nobody", "value", &[1]), send("target", "value", &[1]), framed(&[3, 9, 0])];
        other.write_all(&harmless.concat()).await.unwrap();
        lives(&mut other).await;
    });
}

#[test]
fn nothing_but_the_right_proof_gets_in() {
    crate::run(async {
        let node = Node::start(NodeConfig {
            listen: Some("127.0.0.1:0".into()),
            admit: Arc::new(Anyone),
            ..NodeConfig::new("t", "s")
        });
        let node = node.await.unwrap();
        let hello = |head: &str| format!("GET /libproc HTTP/1.1\r\nhost: h\r\n{head}\r\n");
        let upgrade = "connection: upgrade\r\nupgrade: libproc\r\n";
        let node_id = "libproc-node: 0000000000000001\r\n";
        let whole = format!(
            "{upgrade}{node_id}libproc-cluster: t\r\nlibproc-principal: p\r\n\
             libproc-nonce: 00000000000000000000000000000000\r\nlibproc-protocol: 2-2\r\n"
        );
        for (what, head, status) in [
            ("no upgrade", String::new(), "404"),
            ("bare upgrade", upgrade.to_owned(), "400"),
            ("short nonce", whole.replace("nonce: 00", "nonce: "), "400"),
            ("odd nonce", whole.replace("nonce: 0", "nonce: "), "400"),
            ("bad node id", whole.replace("0001\r\n", "000g\r\n"), "400"),
            ("unknown proof", format!("{whole}libproc-auth: x\r\n"), "400"),
            ("certificate without TLS", format!("{whole}libproc-auth: certificate\r\n"), "403"),
            ("bad protocol", whole.replace("2-2", "2"), "400"),
            ("older protocol", whole.replace("2-2", "1-1"), "409"),
            ("newer protocol", whole.replace("2-2", "8-9"), "409"),
            ("other cluster", whole.replace("cluster: t", "cluster: u"), "409"),
        ] {
            let answer =
                exchange(&node, &hello(&format!("{head}connection: close\r\n")), &[]).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{what}: {answer}");
        }
        for proof in [framed(&[9]), framed(&[0; 40]), u32::MAX.to_le_bytes().to_vec()] {
            let answer = exchange(&node, &hello(&whole), &proof).await;
            assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
            assert!(node.peers().is_empty(), "let in with {proof:?}");
        }
    });
}

/// Writes a request and what follows it; everything that comes back until the end.
#[allow(clippy::disallowed_types, reason = "the hostile side is another program")]
async fn exchange(node: &Node, request: &str, then: &[u8]) -> String {
    let mut socket = tokio::net::TcpStream::connect(node.advertised()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    if !then.is_empty() {
        while !answer.ends_with(b"\r\n\r\n") {
            assert!(socket.read_buf(&mut answer).await.unwrap() > 0, "no answer");
        }
        socket.write_all(then).await.unwrap();
    }
    let _ = socket.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
