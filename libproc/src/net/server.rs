//! The node's one port: HTTP/1.1 for everything, upgraded to frames for peers; in TLS where the
//! node has a certificate.
//!
//! Each step of a connection's beginning has a deadline of its own ([`Limits::handshake`]): TLS,
//! the head of the first request, a peer's proof. `guests.rs` bounds how many may be in them.

#![allow(clippy::disallowed_types, reason = "the real World's network is here")]

use super::bodies::{self, Held};
use super::guests::{Guest, Limits};
use super::handshake::{self, Channel, Rejection};
use super::tcp::{self, read_frame};
use super::tls::{self, Accepted, ClientAuth, Stream};
use super::upgrade::{read_hello, write_welcome, PATH};
use crate::http::{builtin, percent_decode, resolve, Request, Response, ResponseBody};
use crate::node::{Node, DRAIN};
use crate::peer::Role;
use crate::reply::Reply;
use crate::runtime;
use crate::trace::TraceContext;
use crate::wire::Envelope;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, UPGRADE};
use hyper::service::service_fn;
use hyper::{HeaderMap, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::sys::socket::{setsockopt, sockopt};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// A request's body must be complete within this long.
const BODY_WITHIN: Duration = Duration::from_secs(60);
/// Bytes of all headers of one request.
const MAX_HEADER_BYTES: usize = 64 * 1024;

type OutBody = UnsyncBoxBody<Bytes, std::io::Error>;
type Out = hyper::Response<OutBody>;

/// Accepts until the node ends.
pub(crate) async fn serve(node: Node, listener: TcpListener) {
    loop {
        let accepted = tokio::select! { biased;
            _ = node.ended() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => match enter(&node, client) {
                Ok(guest) => runtime::spawn(connection(node.clone(), stream, client, guest)),
                Err(why) => {
                    node.net().tally().overflown.fetch_add(1, Relaxed);
                    if node.net().is_news(&format!("limit {why} {}", client.ip())) {
                        tracing::warn!(client = %client.ip(), "connection closed: {why}");
                    }
                }
            },
            Err(error) => {
                // Out of file descriptors, most likely: others must close first.
                tracing::warn!(%error, "cannot accept a connection");
                node.sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn enter(node: &Node, client: SocketAddr) -> Result<Guest, &'static str> {
    let limits: &Limits = &node.config().limits;
    if node.sockets() >= limits.connections {
        return Err("too many are open");
    }
    node.net().guests().enter(client.ip(), limits)
}

/// What is known of the client of one connection.
struct Caller {
    node: Node,
    client: SocketAddr,
    channel: Channel,
    /// It is on the same machine.
    here: bool,
    /// While nothing has proven who it is.
    guest: Mutex<Option<Guest>>,
}

impl Caller {
    fn guest(&self) -> std::sync::MutexGuard<'_, Option<Guest>> {
        self.guest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It has said what it came for. A certificate proves who it is; without one it stays a guest.
    fn introduced(&self) {
        let mut guest = self.guest();
        if self.channel.certificate.is_some() {
            *guest = None;
        }
        if let Some(guest) = guest.as_mut() {
            guest.introduced();
        }
    }
}

async fn connection(node: Node, stream: TcpStream, client: SocketAddr, guest: Guest) {
    let _ = stream.set_nodelay(true);
    probe(&stream);
    let here = stream.local_addr().is_ok_and(|local| local.ip() == client.ip());
    let Some((stream, channel)) = shake(&node, stream, client).await else {
        return;
    };
    let guest = Mutex::new(Some(guest));
    let caller = Arc::new(Caller { node: node.clone(), client, channel, here, guest });
    let calling = caller.clone();
    let service = service_fn(move |request| {
        let caller = calling.clone();
        async move { Ok::<_, Infallible>(respond(caller, request).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        // From the end of one request to the head of the next. The first head has a deadline below.
        .header_read_timeout(node.config().limits.idle)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut served = pin!(served);
    let mut said_hello = pin!(node.sleep(node.config().limits.handshake));
    let mut awaited = true;
    loop {
        tokio::select! { biased;
            _ = node.ended() => break,
            // How a client leaves is of no interest.
            _ = served.as_mut() => return,
            () = said_hello.as_mut(), if awaited => {
                awaited = false;
                // Unless it never says what it came for.
                if caller.guest().as_ref().is_some_and(Guest::is_stranger) {
                    node.net().tally().late.fetch_add(1, Relaxed);
                    return;
                }
            }
        }
    }
    // What is being answered is answered: streams end with the processes that feed them.
    served.as_mut().graceful_shutdown();
    tokio::select! { biased;
        _ = served => {}
        () = node.sleep(DRAIN) => {}
    }
}

/// Has the kernel ask a silent client for a sign of life, so that a connection of a machine that is
/// gone ends, after two hours unless the kernel is told otherwise. What cannot be set leaves that to
/// the limit of idle connections.
fn probe(stream: &TcpStream) {
    let _ = setsockopt(stream, sockopt::KeepAlive, &true);
}

/// The TLS handshake, if the node serves TLS. It costs a client that fails it this connection,
/// and nobody else anything.
async fn shake(node: &Node, stream: TcpStream, client: SocketAddr) -> Option<(Stream, Channel)> {
    let (net, at) = (node.net(), client.ip());
    let accepted = tokio::select! { biased;
        _ = node.ended() => return None,
        accepted = tls::accept(node, stream) => accepted,
        () = node.sleep(node.config().limits.handshake) => {
            net.tally().late.fetch_add(1, Relaxed);
            if net.is_news(&format!("late {at}")) {
                tracing::warn!(client = %at, "connection closed: its TLS handshake did not end in time");
            }
            return None;
        }
    };
    match accepted {
        Accepted::Done(stream, channel) => {
            if channel.key.is_some() {
                net.tally().tls_handshakes.fetch_add(1, Relaxed);
            }
            return Some((stream, channel));
        }
        Accepted::Plain(stranger) => {
            net.tally().tls_plain.fetch_add(1, Relaxed);
            if net.is_news(&format!("plain {at}")) {
                tracing::warn!(client = %at, "connection closed: this port speaks TLS, the client did not");
            }
            tokio::select! { biased;
                () = stranger.turn_away() => {}
                () = node.sleep(DRAIN) => {}
            }
        }
        Accepted::Failed(error) => {
            net.tally().tls_failures.fetch_add(1, Relaxed);
            // Who only looks whether the port is open says nothing.
            let silent = error.kind() == std::io::ErrorKind::UnexpectedEof;
            if !silent && net.is_news(&format!("tls {at} {error}")) {
                tracing::warn!(client = %at, %error, "connection closed: its TLS handshake failed");
            }
        }
    }
    None
}

async fn respond(caller: Arc<Caller>, request: hyper::Request<Incoming>) -> Out {
    if wants_frames(request.headers()) && request.uri().path() == PATH {
        return upgrade(&caller, request);
    }
    caller.introduced();
    let response = match barred(&caller, request.uri().path()) {
        None => handle(&caller, request).await,
        Some(why) => {
            caller.node.net().tally().uncertified.fetch_add(1, Relaxed);
            Response::text(StatusCode::FORBIDDEN, why)
        }
    };
    match response.body {
        ResponseBody::Whole(body) => whole(response.status, response.headers, body),
        ResponseBody::Parts(body) => {
            assemble(response.status, response.headers, body.boxed_unsync())
        }
        ResponseBody::Stream(body) => {
            assemble(response.status, response.headers, body.boxed_unsync())
        }
    }
}

fn whole(status: StatusCode, headers: HeaderMap, body: Bytes) -> Out {
    let body = Full::new(body).map_err(|never| match never {});
    assemble(status, headers, body.boxed_unsync())
}

fn assemble(status: StatusCode, headers: HeaderMap, body: OutBody) -> Out {
    let mut out = hyper::Response::new(body);
    *out.status_mut() = status;
    *out.headers_mut() = headers;
    out
}

/// Why a client's certificate, or that it has none, keeps it from a path.
fn barred(caller: &Caller, path: &str) -> Option<String> {
    let config = caller.node.config();
    let tls = config.tls.as_ref()?;
    let open = |paths: &[String]| paths.iter().any(|open| open == path);
    if open(&tls.open.paths) || caller.here && open(&tls.open.local_paths) {
        return None;
    }
    let Some(certificate) = &caller.channel.certificate else {
        let required = tls.client_auth == ClientAuth::Required;
        return required.then(|| "a client certificate is required".to_owned());
    };
    let certified = config.admit.certified(certificate);
    let good = certified.is_empty()
        || tls.http_roles.is_empty()
        || certified.iter().any(|one| tls.http_roles.contains(&one.role));
    (!good).then(|| {
        let roles: Vec<&str> = tls.http_roles.iter().map(Role::as_str).collect();
        let name = certificate.names().next().unwrap_or_default();
        format!("the certificate of {name:?} is of none of the roles {}", roles.join(", "))
    })
}

async fn handle(caller: &Caller, request: hyper::Request<Incoming>) -> Response {
    let node = &caller.node;
    let (head, body) = request.into_parts();
    let trace = head.headers.get("traceparent").and_then(|value| value.to_str().ok());
    let mut request = Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        rest: String::new(),
        query: head.uri.query().unwrap_or("").to_owned(),
        trace: trace.and_then(TraceContext::parse),
        headers: head.headers,
        body: Bytes::new(),
        client: caller.client.to_string(),
        certificate: caller.channel.certificate.clone(),
    };
    let (net, limits) = (node.net(), &node.config().limits);
    let held = Held::nothing(net.bodies());
    let read = tokio::select! { biased;
        read = bodies::read(body, held, limits, || kept_short(node, &request)) => read,
        () = node.sleep(BODY_WITHIN) => {
            return Response::text(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time");
        }
    };
    match read {
        Ok((body, _held)) => {
            request.body = body;
            dispatch(node, request).await
        }
        Err(refused) => {
            if refused.status == StatusCode::SERVICE_UNAVAILABLE {
                net.tally().too_much.fetch_add(1, Relaxed);
            }
            refused
        }
    }
}

/// The answer to a long body that goes nowhere, or that its sender may not send.
fn kept_short(node: &Node, request: &Request) -> Option<Response> {
    match resolve(node, &request.path) {
        Some((entry, route, _)) => {
            let path = entry.door.routes().get(route).map_or("", |info| &info.path);
            (node.config().bodies)(path, request)
        }
        None => Some(Response::text(StatusCode::NOT_FOUND, "nothing takes a body here; see /help")),
    }
}

/// To the process that claims the path, else to the node's own pages.
async fn dispatch(node: &Node, mut request: Request) -> Response {
    // Nothing behind this line has to think of a NUL, or of bytes that are no text, in a path.
    if percent_decode(&request.path).is_none_or(|path| path.contains('\0')) {
        return Response::text(StatusCode::BAD_REQUEST, "the path is not percent-encoded UTF-8");
    }
    let Some((entry, route, rest)) = resolve(node, &request.path) else {
        return match builtin(node, &request).await {
            Some(response) => response,
            None => Response::text(StatusCode::NOT_FOUND, "nothing is served here; see /help"),
        };
    };
    request.rest = rest;
    let path = entry.door.routes().get(route).map_or("", |info| &info.path);
    let telemetry = node.telemetry();
    let (trace, mut span) = telemetry.serving(request.trace, request.method.as_str(), path);
    request.trace = trace;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let reply = Reply::new(move |outcome: Result<Response, _>| {
        if let Ok(response) = outcome {
            let _ = sender.send(response);
        }
    });
    entry.door.signal(crate::frame::Signal::Http { route, request: Box::new(request), reply });
    let response = receiver.await.unwrap_or_else(|_| {
        let text = "the process that serves this path did not answer";
        Response::text(StatusCode::INTERNAL_SERVER_ERROR, text)
    });
    if let Some(span) = &mut span {
        span.answered(response.status.as_u16());
    }
    response
}

fn wants_frames(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"libproc"))
}

/// Answers the handshake; the frames begin when hyper hands over the stream. The client is a
/// stranger until it is proven.
fn upgrade(caller: &Caller, request: hyper::Request<Incoming>) -> Out {
    let node = caller.node.clone();
    let refuse = |status, text: String| {
        caller.introduced();
        whole(status, HeaderMap::new(), Bytes::from(text))
    };
    let Some(hello) = read_hello(request.headers()) else {
        return refuse(StatusCode::BAD_REQUEST, "this is no libproc handshake".into());
    };
    let nonce = node.uuid();
    let pending = match handshake::welcome(node.config(), node.id(), nonce, &hello, &caller.channel)
    {
        Ok(pending) => pending,
        Err(rejection) => {
            refused(&node, caller.client, &hello.principal, &rejection.to_string());
            let status = match rejection {
                Rejection::Credential => StatusCode::UNAUTHORIZED,
                Rejection::Uncertified { .. } | Rejection::Role { .. } => StatusCode::FORBIDDEN,
                Rejection::Cluster { .. } | Rejection::Protocol { .. } | Rejection::Myself => {
                    StatusCode::CONFLICT
                }
            };
            return refuse(status, rejection.to_string());
        }
    };
    let mut out = whole(StatusCode::SWITCHING_PROTOCOLS, HeaderMap::new(), Bytes::new());
    write_welcome(&pending.welcome, out.headers_mut());
    out.headers_mut().insert(CONNECTION, hyper::header::HeaderValue::from_static("upgrade"));
    out.headers_mut().insert(UPGRADE, hyper::header::HeaderValue::from_static("libproc"));
    let (client, guest) = (caller.client, caller.guest().take());
    runtime::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else {
            return;
        };
        let mut io = TokioIo::new(upgraded);
        let proof = tokio::select! { biased;
            frame = read_frame(&mut io, 256) => frame,
            () = node.sleep(node.config().limits.handshake) => {
                node.net().tally().late.fetch_add(1, Relaxed);
                return;
            }
        };
        let proven = match proof.as_deref().map(Envelope::decode) {
            Ok(Ok(Envelope::Proof { mac })) => pending.proven(mac),
            _ => false,
        };
        if !proven {
            refused(&node, client, &hello.principal, "wrong proof");
            return;
        }
        drop(guest);
        tcp::welcome(&node, pending.peer, io).await;
    });
    out
}

/// Counts a peer that is not let in, and logs it the first time.
fn refused(node: &Node, client: SocketAddr, principal: &str, why: &str) {
    node.net().tally().refused.fetch_add(1, Relaxed);
    if node.net().is_news(&format!("refused {} {why} {principal}", client.ip())) {
        tracing::warn!(client = %client.ip(), principal, "handshake refused: {why}");
    }
}
