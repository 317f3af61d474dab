//! Over TCP: the hostile side is a bare socket.

use super::{broken, framed, harmless, listening, target, Victim};
use crate::id::NodeId;
use crate::net::handshake::{self, Channel, Hello, PROTOCOL};
use crate::net::tcp::read_frame;
use crate::net::upgrade::{read_welcome, upgrade_request};
use crate::net::NodeConfig;
use crate::node::Node;
use crate::wire::{verdict, Envelope};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

type Io = TokioIo<hyper::upgrade::Upgraded>;

/// A peer that did the handshake and now has the bare stream.
#[allow(clippy::disallowed_types, reason = "the hostile side is another program")]
async fn peer(node: &Node, id: u64) -> Io {
    let target = target(node);
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

/// LP-05 and its like, over TCP.
#[test]
fn a_broken_frame_ends_its_connection_and_nothing_else() {
    crate::run(async {
        let node = Node::start(listening()).await.unwrap();
        let victim = Victim::default();
        node.spawn("target", victim.clone()).unwrap();
        let mut other = peer(&node, 1).await;
        for (at, (what, bytes)) in broken().into_iter().enumerate() {
            let mut io = peer(&node, 100 + at as u64).await;
            // It may be closed before it has taken everything.
            let _ = io.write_all(&bytes).await;
            // The end of the stream, or its reset.
            let mut rest = Vec::new();
            let _ = io.read_to_end(&mut rest).await;
            assert!(node.process("target").is_some(), "{what}");
            lives(&mut other).await;
        }
        other.write_all(&harmless().concat()).await.unwrap();
        lives(&mut other).await;
        // What is fine is handled soon.
        let mut looks = 0;
        while victim.heard() == 0 && looks < 30_000 {
            looks += 1;
            node.sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(victim.heard(), 1);
    });
}

#[test]
fn nothing_but_the_right_proof_gets_in() {
    crate::run(async {
        let node = Node::start(listening()).await.unwrap();
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
