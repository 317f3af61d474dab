//! HTTP on the node's one port: routes, streams, the node's own pages, and what is refused.
mod common;
use bytes::Bytes;
use common::*;
use libproc::http::{BodySender, Request, Response, Routes, StatusCode, StreamClosed};
use libproc::{Context, Node, Observation, Pid, Process, Receive, Reply, Sender};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[allow(clippy::disallowed_types, reason = "a client is another program")]
type Socket = tokio::net::TcpStream;

struct Web {
    journal: Journal,
    streams: Vec<BodySender>,
}

impl Process for Web {
    const NAME: &'static str = "web";
    fn routes(routes: &mut Routes<Self>) {
        routes.route("/echo", "says what was sent", |_, request, reply, _| {
            let said = format!("{}|{}|", request.rest, request.query);
            reply
                .send(Response::text(StatusCode::OK, said).with_body([said_of(&request)].concat()));
        });
        routes.route("/echo/longer", "is longer", |_, _, reply, _| {
            reply.send(Response::text(StatusCode::OK, "longer"));
        });
        routes.at_root("/api/v1", "at the root", |_, request, reply, _| {
            reply.send(Response::text(StatusCode::OK, format!("api {}", request.rest)));
        });
        routes.route("/stream", "chunks", |me, _, reply, cx| me.stream(reply, cx));
        routes.route("/boom", "panics", |_, _, _, _| panic!("boom"));
    }
    fn observe(&self, seen: &mut Observation) {
        seen.metric("web/streams", self.streams.len() as f64);
        seen.state("fine".into());
    }
}

fn said_of(request: &Request) -> Vec<u8> {
    let body = String::from_utf8_lossy(&request.body);
    format!("{} {}|{}|{}", request.method, request.rest, request.query, body).into_bytes()
}

impl Web {
    fn stream(&mut self, reply: Reply<Response>, cx: &mut Context<Self>) {
        let (response, sender) = Response::stream(1024);
        cx.defer(sender.closed(), |me, (), _| me.journal.note("client gone"));
        self.streams.push(sender);
        self.journal.note("streams");
        reply.send(response);
    }
}

struct Chunk(&'static [u8]);

impl Receive<Chunk> for Web {
    fn receive(&mut self, chunk: Chunk, _: &Sender, _: &mut Context<Self>) {
        for stream in &self.streams {
            match stream.send(Bytes::from_static(chunk.0)) {
                Ok(()) => {}
                Err(StreamClosed::Full) => self.journal.note("cut"),
                Err(StreamClosed::Gone) => self.journal.note("gone"),
            }
        }
    }
}

struct Served {
    node: Node,
    web: Pid<Web>,
    journal: Journal,
}

async fn serve() -> Served {
    let node = Node::start(listening("web")).await.unwrap();
    let journal = Journal::default();
    let web = Web { journal: journal.clone(), streams: Vec::new() };
    let web = node.spawn("web", web).unwrap();
    Served { node, web, journal }
}

fn test<F: Future<Output = ()>>(story: impl FnOnce(Served) -> F) {
    libproc::run(async { story(serve().await).await });
}

async fn open(node: &Node, text: &str) -> Socket {
    let mut socket = Socket::connect(node.advertised()).await.unwrap();
    socket.write_all(text.as_bytes()).await.unwrap();
    socket
}

/// One request; the whole answer, from the connection's beginning to its end.
async fn ask(node: &Node, text: &str) -> String {
    let mut socket = open(node, text).await;
    let mut answer = Vec::new();
    // A reset behind an early answer takes nothing from it.
    let _ = socket.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(node: &Node, path: &str) -> String {
    ask(node, &format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")).await
}

async fn read_until(socket: &mut Socket, end: &str) -> String {
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains(end) {
        let mut part = [0u8; 4096];
        let read = socket.read(&mut part).await.unwrap();
        assert!(read > 0, "ended early: {}", String::from_utf8_lossy(&text));
        text.extend(&part[..read]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn the_longest_route_answers() {
    test(|served| async move {
        let post = "POST /web/echo/a/b?x=1 HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi";
        let answer = ask(&served.node, post).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with("POST a/b|x=1|hi"), "{answer}");
        for (path, end) in [
            ("/web/echo/longer", "longer"),
            ("/web/echo/longer/", "longer"),
            ("/web/echo/longest", "GET longest||"),
            ("/api/v1/operator", "api operator"),
            ("//api//v1", "api "),
        ] {
            let answer = get(&served.node, path).await;
            assert!(answer.ends_with(end), "{path}: {answer}");
        }
        for path in ["/", "/nowhere", "/api/v10", "/web"] {
            let answer = get(&served.node, path).await;
            assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
        }
    });
}

#[test]
fn the_nodes_own_pages() {
    test(|served| async move {
        let body = |answer: String| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
        assert!(get(&served.node, "/health").await.starts_with("HTTP/1.1 200"));
        let metrics = body(get(&served.node, "/metrics").await);
        assert!(metrics.contains("# TYPE web_streams gauge\nweb_streams 0.0\n"), "{metrics}");
        let snapshot = body(get(&served.node, "/metrics/snapshot").await);
        let snapshot: serde_json::Value = serde_json::from_str(&snapshot).unwrap();
        let snapshot = snapshot.as_object().unwrap();
        assert!(snapshot.values().all(serde_json::Value::is_number), "{snapshot:?}");
        assert!(snapshot.contains_key("libproc/requests_expired"));
        let processes = body(get(&served.node, "/__processes__").await);
        let processes: serde_json::Value = serde_json::from_str(&processes).unwrap();
        assert_eq!(processes[0]["id"], "web");
        assert_eq!(processes[0]["state"], "fine");
        let help = body(get(&served.node, "/help").await);
        assert!(help.contains("/web/echo") && help.contains("/api/v1"), "{help}");
    });
}

#[test]
fn the_nodes_own_pages_are_shown_to_whom_the_configuration_lets_read_them() {
    libproc::run(async {
        let mut config = listening("web");
        config.pages = Arc::new(|request: &Request| match request.header("authorization") {
            Some("me") => None,
            _ => Some(Response::text(StatusCode::UNAUTHORIZED, "who is it?")),
        });
        let node = Node::start(config).await.unwrap();
        for path in ["/metrics", "/metrics/snapshot", "/__processes__", "//metrics//snapshot/"] {
            let refused = get(&node, path).await;
            assert!(refused.starts_with("HTTP/1.1 401"), "{path}: {refused}");
            assert!(refused.ends_with("who is it?"), "{path}: {refused}");
            let with = "host: h\r\nconnection: close\r\nauthorization: me\r\n\r\n";
            let shown = ask(&node, &format!("GET {path} HTTP/1.1\r\n{with}")).await;
            assert!(shown.starts_with("HTTP/1.1 200"), "{path}: {shown}");
        }
        for path in ["/health", "/help"] {
            let shown = get(&node, path).await;
            assert!(shown.starts_with("HTTP/1.1 200"), "{path}: {shown}");
        }
    });
}

#[test]
fn a_stream_is_one_chunk_per_send() {
    test(|served| async move {
        let mut socket = open(&served.node, "GET /web/stream HTTP/1.1\r\nhost: h\r\n\r\n").await;
        let head = read_until(&mut socket, "\r\n\r\n").await;
        assert!(head.to_lowercase().contains("transfer-encoding: chunked"), "{head}");
        served.web.tell(Chunk(b"one"));
        assert_eq!(read_until(&mut socket, "one\r\n").await, "3\r\none\r\n");
        served.web.tell(Chunk(b"twoo"));
        assert_eq!(read_until(&mut socket, "twoo\r\n").await, "4\r\ntwoo\r\n");
        // The stream ends with the process that feeds it.
        served.web.stop(libproc::Reason::Normal);
        assert_eq!(read_until(&mut socket, "0\r\n\r\n").await, "0\r\n\r\n");
    });
}

#[test]
fn a_slow_client_is_cut_off_and_a_gone_one_is_noticed() {
    test(|served| async move {
        let mut stage = Stage::Tcp;
        let socket = open(&served.node, "GET /web/stream HTTP/1.1\r\nhost: h\r\n\r\n").await;
        stage.until("it streams", || served.journal.has("streams")).await;
        drop(socket);
        stage.until("gone", || served.journal.has("client gone")).await;

        let socket = open(&served.node, "GET /web/stream HTTP/1.1\r\nhost: h\r\n\r\n").await;
        stage.until("it streams", || served.journal.count("streams") == 2).await;
        // Each is more than the limit; once the socket takes no more, one waits, and the next is too
        // much.
        let cut = || {
            served.web.tell(Chunk(&[b'x'; 200_000]));
            served.journal.has("cut")
        };
        stage.until("cut", cut).await;
        stage.until("known", || served.journal.count("client gone") == 2).await;
        let mut socket = socket;
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest).await;
        let rest = String::from_utf8_lossy(&rest);
        assert!(!rest.ends_with("0\r\n\r\n"), "a cut stream looks whole: {rest}");
    });
}

#[test]
fn a_panic_while_serving_is_a_500() {
    test(|served| async move {
        let answer = get(&served.node, "/web/boom").await;
        assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
        assert!(get(&served.node, "/health").await.starts_with("HTTP/1.1 200"));
    });
}

#[test]
fn es_05_requests_behind_one_another_are_answered_once_each_and_in_order() {
    test(|served| async move {
        let request = |n: usize| {
            let close = if n == 19 { "connection: close\r\n" } else { "" };
            format!("POST /web/echo/{n} HTTP/1.1\r\nhost: h\r\n{close}content-length: 2\r\n\r\nhi")
        };
        let answers = ask(&served.node, &(0..20).map(request).collect::<String>()).await;
        let said = answers.split("POST ").skip(1);
        let said: Vec<&str> = said.filter_map(|said| said.split("||hi").next()).collect();
        let expected: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        assert_eq!(said, expected, "{answers}");
    });
}

#[test]
fn what_is_too_large_is_refused() {
    test(|served| async move {
        let huge = format!(
            "POST /web/echo HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            libproc::http::MAX_BODY + 1
        );
        let answer = ask(&served.node, &huge).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        let header = "x".repeat(200 * 1024);
        let mut socket = Socket::connect(served.node.advertised()).await.unwrap();
        let request = format!("GET /health HTTP/1.1\r\nhost: h\r\nx-long: {header}\r\n\r\n");
        let _ = socket.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        let refused = answer.starts_with("HTTP/1.1 431") || answer.starts_with("HTTP/1.1 400");
        // The answer may be lost behind the reset that unread bytes cause.
        assert!(refused || answer.is_empty(), "{answer}");
        let answer = ask(&served.node, "this is not HTTP\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(get(&served.node, "/health").await.starts_with("HTTP/1.1 200"));
    });
}

/// Not even an empty chunk or an error page passes a closed gate.
#[test]
fn a_closed_write_gate_lets_no_byte_of_http_out() {
    test(|served| async move {
        let open_gate = Arc::new(AtomicBool::new(true));
        let gate = open_gate.clone();
        served.node.guard_writes(Arc::new(move || gate.load(SeqCst)));
        let mut socket = open(&served.node, "GET /web/stream HTTP/1.1\r\nhost: h\r\n\r\n").await;
        read_until(&mut socket, "\r\n\r\n").await;
        open_gate.store(false, SeqCst);
        served.web.tell(Chunk(b"one"));
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest).await;
        assert_eq!(rest, b"", "bytes passed a closed gate");
        assert!(served.node.exit_reason().is_some());
    });
}

/// What is being answered when the node ends is answered.
#[test]
fn an_answer_before_an_exit_arrives() {
    test(|served| async move {
        let mut socket = open(&served.node, "GET /web/stream HTTP/1.1\r\nhost: h\r\n\r\n").await;
        read_until(&mut socket, "\r\n\r\n").await;
        served.web.tell(Chunk(b"last"));
        served.node.exit(libproc::Reason::Normal);
        assert_eq!(read_until(&mut socket, "0\r\n\r\n").await, "4\r\nlast\r\n0\r\n\r\n");
        served.node.finished().await;
    });
}
