//! HTTP as processes see it: a request comes as a step with a reply; the response is a value, now
//! or later; a streaming body is fed through a bounded [`BodySender`].

mod body;
mod builtin;
mod inspect;
mod metrics;
mod routes;

pub use body::{BodySender, StreamClosed};
pub(crate) use builtin::builtin;
pub use metrics::metrics;
pub(crate) use routes::resolve;
pub use routes::{RouteInfo, Routes};

use crate::net::tls::Certificate;
use crate::trace::{TraceContext, TraceState};
use body::{PartsBody, StreamBody};
use bytes::Bytes;
pub use http::{header, HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Serialize;
use std::sync::Arc;

/// A whole request: the body was read, and is at most [`MAX_BODY`] bytes.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET, POST, …; routes take any, handlers decide.
    pub method: Method,
    /// Percent-encoded path as it was sent, without the query.
    pub path: String,
    /// What of the path lies behind the route's own path, without a leading slash.
    pub rest: String,
    /// Raw query string, empty without one.
    pub query: String,
    /// As they came; names in lower case.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// `ip:port` of the client.
    pub client: String,
    /// What the client has shown and the connection has verified, where TLS is on.
    pub certificate: Option<Arc<Certificate>>,
    /// From `traceparent`.
    pub trace: Option<TraceContext>,
}

/// Largest request body; longer ones are answered 413.
pub const MAX_BODY: usize = 64 * 1024 * 1024;

impl Request {
    /// The last line of a header, as text; `None` also when it is not visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get_all(name).iter().next_back()?.to_str().ok()
    }

    /// From `tracestate`, its lines joined; none without a trace, or if it is not to be understood.
    pub(crate) fn trace_state(&self) -> TraceState {
        if self.trace.is_none() || !self.headers.contains_key("tracestate") {
            return TraceState::NONE;
        }
        let lines = self.headers.get_all("tracestate").iter().map(|line| line.to_str().ok());
        let state = lines.collect::<Option<Vec<_>>>().map(|lines| lines.join(","));
        TraceState::parse(&state.unwrap_or_default())
    }

    /// The first value of a query parameter, percent-decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key)? == name).then(|| percent_decode(value)).flatten()
        })
    }
}

/// Decodes `%41` and `+`; `None` for a bad escape or text that is not UTF-8.
pub fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |b: u8| char::from(b).to_digit(16);
                let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
                (high * 16 + low) as u8
            }
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

/// A response; its body is whole or a stream.
#[derive(Debug)]
pub struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: ResponseBody,
}

#[derive(Debug)]
pub(crate) enum ResponseBody {
    Whole(Bytes),
    Parts(PartsBody),
    Stream(StreamBody),
}

impl Response {
    /// An empty response.
    pub fn status(status: StatusCode) -> Self {
        Response { status, headers: HeaderMap::new(), body: ResponseBody::Whole(Bytes::new()) }
    }

    /// A plain text.
    pub fn text(status: StatusCode, text: impl Into<String>) -> Self {
        Response::status(status)
            .with_header(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))
            .with_body(text.into())
    }

    /// A JSON document, 200.
    pub fn json(document: &impl Serialize) -> Self {
        match serde_json::to_vec(document) {
            Ok(body) => Response::status(StatusCode::OK)
                .with_header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .with_body(body),
            Err(error) => Response::text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }

    /// A stream of chunks, 200, and the end to feed it by. At most `limit` bytes wait for a slow
    /// client, or one chunk.
    pub fn stream(limit: usize) -> (Self, BodySender) {
        let (body, sender) = body::channel(limit);
        let mut response = Response::status(StatusCode::OK);
        response.body = ResponseBody::Stream(body);
        (response, sender)
    }

    /// The same with a header set.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The same with a whole body.
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = ResponseBody::Whole(body.into());
        self
    }

    /// The same with a whole body of many parts, which are not copied together: a long answer may
    /// share them with others. While it is written others have their turn.
    pub fn with_parts(mut self, parts: Vec<Bytes>) -> Self {
        self.body = ResponseBody::Parts(PartsBody::new(parts));
        self
    }

    /// Its status.
    pub fn code(&self) -> StatusCode {
        self.status
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Its body; `None` if that is a stream or in parts.
    pub fn body(&self) -> Option<&Bytes> {
        match &self.body {
            ResponseBody::Whole(body) => Some(body),
            ResponseBody::Parts(_) | ResponseBody::Stream(_) => None,
        }
    }
}
