//! The node's one port: HTTP/1.1 for everything, upgraded to frames for peers.

#![allow(clippy::disallowed_types, reason = "the real World's network is here")]

use super::gated::Gated;
use super::handshake;
use super::tcp::{self, read_frame};
use super::upgrade::{read_hello, write_welcome, PATH};
use crate::http::{builtin, percent_decode, resolve, Request, Response, ResponseBody, MAX_BODY};
use crate::node::{Node, DRAIN};
use crate::reply::Reply;
use crate::runtime;
use crate::trace::TraceContext;
use crate::wire::Envelope;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, UPGRADE};
use hyper::service::service_fn;
use hyper::{HeaderMap, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Headers must be complete within this long, so that half-open requests do not pile up.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// A request's body must be complete within this long.
const BODY_WITHIN: Duration = Duration::from_secs(60);
/// Connections of one node; past it new ones are closed at once.
const MAX_CONNECTIONS: usize = 15_000;
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
            Ok((stream, client)) if node.sockets() < MAX_CONNECTIONS => {
                runtime::spawn(connection(node.clone(), stream, client));
            }
            Ok(_) => tracing::warn!("connection refused: {MAX_CONNECTIONS} are open"),
            Err(error) => {
                // Out of file descriptors, most likely: others must close first.
                tracing::warn!(%error, "cannot accept a connection");
                node.sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(node: Node, stream: TcpStream, client: SocketAddr) {
    let _ = stream.set_nodelay(true);
    let stream = Gated::new(stream, &node);
    let service = {
        let node = node.clone();
        service_fn(move |request| {
            let node = node.clone();
            async move { Ok::<_, Infallible>(respond(node, request, client).await) }
        })
    };
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut served = pin!(served);
    // How a client left is of no interest.
    tokio::select! { biased;
        _ = node.ended() => {}
        _ = served.as_mut() => return,
    }
    // What is being answered is answered: streams end with the processes that feed them.
    served.as_mut().graceful_shutdown();
    tokio::select! { biased;
        _ = served => {}
        () = node.sleep(DRAIN) => {}
    }
}

async fn respond(node: Node, request: hyper::Request<Incoming>, client: SocketAddr) -> Out {
    let response = if wants_frames(request.headers()) && request.uri().path() == PATH {
        return upgrade(node, request);
    } else {
        handle(&node, request, client).await
    };
    match response.body {
        ResponseBody::Whole(body) => whole(response.status, response.headers, body),
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

async fn handle(node: &Node, request: hyper::Request<Incoming>, client: SocketAddr) -> Response {
    let (head, body) = request.into_parts();
    let too_large = || {
        let text = format!("the body is larger than {MAX_BODY} bytes");
        Response::text(StatusCode::PAYLOAD_TOO_LARGE, text)
    };
    if body.size_hint().lower() > MAX_BODY as u64 {
        return too_large();
    }
    let collected = tokio::select! { biased;
        collected = Limited::new(body, MAX_BODY).collect() => collected,
        () = node.sleep(BODY_WITHIN) => {
            return Response::text(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time");
        }
    };
    let body = match collected {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            return too_large();
        }
        Err(error) => {
            return Response::text(
                StatusCode::BAD_REQUEST,
                format!("cannot read the body: {error}"),
            )
        }
    };
    let trace = head.headers.get("traceparent").and_then(|value| value.to_str().ok());
    let request = Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        rest: String::new(),
        query: head.uri.query().unwrap_or("").to_owned(),
        trace: trace.and_then(TraceContext::parse),
        headers: head.headers,
        body,
        client: client.to_string(),
    };
    dispatch(node, request).await
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
    let path = entry.routes.get(route).map_or("", |info| &info.path);
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

/// Answers the handshake; the frames begin when hyper hands over the stream.
fn upgrade(node: Node, request: hyper::Request<Incoming>) -> Out {
    let refuse = |status, text: String| whole(status, HeaderMap::new(), Bytes::from(text));
    let Some(hello) = read_hello(request.headers()) else {
        return refuse(StatusCode::BAD_REQUEST, "this is no libproc handshake".into());
    };
    let nonce = node.uuid();
    let pending = match handshake::welcome(node.config(), node.id(), nonce, &hello) {
        Ok(pending) => pending,
        Err(rejection) => {
            tracing::warn!(principal = hello.principal, %rejection, "handshake refused");
            let status = match rejection {
                handshake::Rejection::Credential => StatusCode::UNAUTHORIZED,
                _ => StatusCode::CONFLICT,
            };
            return refuse(status, rejection.to_string());
        }
    };
    let mut out = whole(StatusCode::SWITCHING_PROTOCOLS, HeaderMap::new(), Bytes::new());
    write_welcome(&pending.welcome, out.headers_mut());
    out.headers_mut().insert(CONNECTION, hyper::header::HeaderValue::from_static("upgrade"));
    out.headers_mut().insert(UPGRADE, hyper::header::HeaderValue::from_static("libproc"));
    runtime::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else {
            return;
        };
        let mut io = TokioIo::new(upgraded);
        let proof = tokio::select! { biased;
            frame = read_frame(&mut io, 256) => frame,
            () = node.sleep(HEADERS_WITHIN) => return,
        };
        let proven = match proof.map(Envelope::decode) {
            Ok(Ok(Envelope::Proof { mac })) => pending.proven(&mac),
            _ => false,
        };
        if !proven {
            tracing::warn!(principal = hello.principal, "handshake refused: wrong proof");
            return;
        }
        tcp::welcome(&node, pending.peer, io).await;
    });
    out
}
