//! What requests may hold of a node's memory, and for how long a client may wait between two.
mod common;
use common::*;
use libproc::http::{Response, Routes, StatusCode};
use libproc::{Limits, Node, NodeConfig, Process};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[allow(clippy::disallowed_types, reason = "a client is another program")]
type Socket = tokio::net::TcpStream;

const SHORT: usize = 64 * 1024;

struct Web;

impl Process for Web {
    const NAME: &'static str = "web";
    fn routes(routes: &mut Routes<Self>) {
        routes.route("/take", "takes bodies", |_, request, reply, _| {
            reply.send(Response::text(StatusCode::OK, format!("took {}", request.body.len())));
        });
    }
}

/// Lets in whoever says `let: in`.
async fn serve(limits: Limits) -> Node {
    let bodies = Arc::new(|route: &str, request: &libproc::http::Request| {
        let known = route == "/web/take" && request.header("let") == Some("in");
        (!known).then(|| Response::text(StatusCode::UNAUTHORIZED, "who are you?"))
    });
    let node = Node::start(NodeConfig { limits, bodies, ..listening("web") }).await.unwrap();
    node.spawn("web", Web).unwrap();
    node
}

/// A request that says how long its body is, and some of it.
async fn send(node: &Node, path: &str, headers: &str, length: usize, sent: usize) -> Socket {
    let mut socket = Socket::connect(node.advertised()).await.unwrap();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: h\r\n{headers}content-length: {length}\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    more(&mut socket, sent).await;
    socket
}

async fn more(socket: &mut Socket, bytes: usize) {
    socket.write_all(&vec![b'x'; bytes]).await.unwrap();
}

/// The next answer's status, and whether its body ends so.
async fn answered(socket: &mut Socket, status: u16, end: &str) {
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).ends_with(end) {
        let mut part = [0u8; 4096];
        let read = socket.read(&mut part).await.unwrap();
        assert!(read > 0, "{status} {end}: {}", String::from_utf8_lossy(&text));
        text.extend(&part[..read]);
    }
    let text = String::from_utf8_lossy(&text);
    assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
}

async fn metric(node: &Node, name: &str) -> f64 {
    let all = libproc::http::metrics(node).await;
    all.iter().find(|(other, _)| other == name).unwrap_or_else(|| panic!("no {name}")).1
}

async fn until_held(node: &Node, bytes: usize) {
    let mut tries = 0;
    while metric(node, "libproc/request_bodies_bytes").await != bytes as f64 {
        tries += 1;
        assert!(tries < 30_000, "{bytes} bytes were never held");
        node.sleep(Duration::from_millis(1)).await;
    }
}

const IN: &str = "let: in\r\n";

#[test]
fn a_long_body_is_not_read_before_its_head_has_let_it_in() {
    libproc::run(async {
        let node = serve(Limits::default()).await;
        // Nothing of it was sent, and it is answered.
        let mut socket = send(&node, "/web/take", "", SHORT + 1, 0).await;
        answered(&mut socket, 401, "who are you?").await;
        let mut socket = send(&node, "/nowhere", IN, SHORT + 1, 0).await;
        answered(&mut socket, 404, "see /help").await;
        let mut socket = send(&node, "/web/take", IN, SHORT + 1, SHORT + 1).await;
        answered(&mut socket, 200, &format!("took {}", SHORT + 1)).await;
        let mut socket = send(&node, "/web/take", "", SHORT, SHORT).await;
        answered(&mut socket, 200, &format!("took {SHORT}")).await;
        // One that does not say how long it is may get as long.
        let chunked = "transfer-encoding: chunked\r\n";
        let head = format!("POST /web/take HTTP/1.1\r\nhost: h\r\n{chunked}\r\n20000\r\n");
        let mut socket = Socket::connect(node.advertised()).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        more(&mut socket, SHORT + 1).await;
        answered(&mut socket, 401, "who are you?").await;
        until_held(&node, 0).await;
    });
}

#[test]
fn bodies_share_one_room_and_strangers_half_of_it() {
    let (room, part) = (8 * SHORT, SHORT / 2);
    libproc::run(async {
        let node = serve(Limits { bodies: room, ..Limits::default() }).await;
        let mut slow = Vec::new();
        for n in 1..=8 {
            slow.push(send(&node, "/web/take", "", SHORT, part).await);
            until_held(&node, n * part).await;
        }
        let mut refused = send(&node, "/web/take", "", 1, 1).await;
        answered(&mut refused, 503, "try again later").await;
        // The other half is for whoever is known.
        let mut known = send(&node, "/web/take", IN, 4 * SHORT, 4 * SHORT - 1).await;
        until_held(&node, room - 1).await;
        let mut refused = send(&node, "/web/take", IN, SHORT + 1, 2).await;
        answered(&mut refused, 503, "try again later").await;
        assert_eq!(metric(&node, "libproc/requests_over_limit").await, 2.0);
        more(&mut known, 1).await;
        answered(&mut known, 200, &format!("took {}", 4 * SHORT)).await;
        // What is answered is given back, and so is what its client gave up.
        drop(slow);
        until_held(&node, 0).await;
        let mut again = send(&node, "/web/take", "", SHORT, SHORT).await;
        answered(&mut again, 200, &format!("took {SHORT}")).await;
    });
}

/// The v1 scheduler library of the reference keeps one connection for its calls and takes its end
/// for that of its subscription.
#[test]
fn a_client_that_has_made_a_request_may_be_silent_for_long() {
    let limits = Limits { handshake: Duration::from_millis(200), ..Limits::default() };
    libproc::run(async {
        let node = serve(limits).await;
        let mut kept = send(&node, "/web/take", "", 1, 1).await;
        answered(&mut kept, 200, "took 1").await;
        // Twice as long as a stranger may be silent.
        for _ in 0..2 {
            let mut stranger = Socket::connect(node.advertised()).await.unwrap();
            assert_eq!(stranger.read(&mut [0; 1]).await.unwrap_or(0), 0);
        }
        let head = "POST /web/take HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nhi";
        kept.write_all(head.as_bytes()).await.unwrap();
        answered(&mut kept, 200, "took 2").await;
        assert_eq!(metric(&node, "libproc/handshakes_late").await, 2.0);
    });
}

#[test]
fn a_client_that_is_idle_for_too_long_is_let_go() {
    let limits = Limits { idle: Duration::from_millis(200), ..Limits::default() };
    libproc::run(async {
        let node = serve(limits).await;
        let mut kept = send(&node, "/web/take", "", 1, 1).await;
        answered(&mut kept, 200, "took 1").await;
        assert_eq!(kept.read(&mut [0; 1]).await.unwrap_or(0), 0);
        assert_eq!(metric(&node, "libproc/handshakes_late").await, 0.0);
    });
}
