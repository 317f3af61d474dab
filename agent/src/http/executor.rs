//! `POST /api/v1/executor` (EXE-01): one connection of the core per request. Of a SUBSCRIBE it
//! lasts as long as the stream; of any other call, until the core has taken or refused it.
//!
//! ```text
//! Asked ──event, or accepted subscription──> Streaming ──> (forgotten)
//!   └── accepted, refused, closed ─────────────────────────────^
//! ```

use crate::core::ids::ExecutorConnection;
use libproc::http::{Request, Response};
use libproc::Reply;
use meseta_api::codec::Codec;
use meseta_api::ids::ContainerId;
use meseta_api::v1::executor::call::Type;
use meseta_api::v1::executor::{Call, Event};
use meseta_node::http::auth::{Claims, Guards, Principal, Realm};
use meseta_node::http::{
    accepted, decode_call, response_codec, RecordStream, Refusal, STREAM_BYTES,
};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

/// Completes when an executor's stream has ended at its side.
pub(crate) type Closed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A call as it came, readable.
#[derive(Debug)]
pub(crate) struct Asking {
    /// What.
    pub(crate) call: Box<Call>,
    /// The container that the caller's token is of; none where nobody is asked for one.
    pub(crate) container: Option<ContainerId>,
    /// Of a SUBSCRIBE: the codec of its stream.
    codec: Option<Codec>,
}

/// Lets a request in and reads it (B2: 401, 503, 405, 400, 415, 400, 403, 406).
///
/// # Errors
/// The refusal with its status.
pub(crate) fn read(guards: &Guards, recovered: bool, request: &Request) -> Result<Asking, Refusal> {
    let principal = guards.pass(Realm::AgentExecutor, request)?;
    if !recovered {
        return Err(super::operator::recovering());
    }
    let call: Box<Call> = Box::new(decode_call(request)?);
    let Some(_) = call.r#type else {
        return Err(Refusal::bad_request("Expecting 'type' to be present"));
    };
    let missing = |field: &str| {
        let message = format!("Expecting '{field}' to be present");
        Err(Refusal::bad_request(message))
    };
    let codec = match call.r#type() {
        Type::Subscribe if call.subscribe.is_none() => return missing("subscribe"),
        Type::Update if call.update.is_none() => return missing("update"),
        Type::Message if call.message.is_none() => return missing("message"),
        Type::Subscribe => Some(response_codec(request)?),
        Type::Update | Type::Message | Type::Heartbeat => None,
        Type::Unknown => return Err(Refusal::new(501, "call UNKNOWN is not supported")),
    };
    let container = principal.map(|principal| container_of(principal, &call)).transpose()?;
    Ok(Asking { call, container, codec })
}

/// The container whose executor calls. The core compares it with the one that the ids name; it is
/// of the executor that the token names, whatever the core finds.
fn container_of(principal: Principal, call: &Call) -> Result<ContainerId, Refusal> {
    let foreign = || Refusal::new(403, "The token is of another executor");
    let Principal::Executor(Claims { fid, eid, cid }) = principal else {
        return Err(Refusal::new(403, "The authenticated principal is no executor"));
    };
    if fid != call.framework_id.value || eid != call.executor_id.value {
        return Err(foreign());
    }
    ContainerId::parse(&cid).map_err(|_| foreign())
}

/// One request, or the stream that it opened.
enum Connection {
    Asked { reply: Reply<Response>, codec: Option<Codec> },
    Streaming(RecordStream),
}

/// Executors' connections over HTTP, by the core's names for them.
#[derive(Default)]
pub(crate) struct HttpExecutors(BTreeMap<ExecutorConnection, Connection>);

impl HttpExecutors {
    /// A request waits for what the core says of it.
    pub(crate) fn asked(
        &mut self,
        connection: ExecutorConnection,
        asking: &Asking,
        reply: Reply<Response>,
    ) {
        let codec = asking.codec;
        self.0.insert(connection, Connection::Asked { reply, codec });
    }

    /// Whether a connection is one of these.
    pub(crate) fn has(&self, connection: ExecutorConnection) -> bool {
        self.0.contains_key(&connection)
    }

    /// The core took the call: 202, or 200 and a stream.
    #[must_use = "the end of a stream that was opened must be waited for"]
    pub(crate) fn accept(&mut self, connection: ExecutorConnection) -> Option<Closed> {
        match self.0.remove(&connection)? {
            Connection::Asked { reply, codec: None } => {
                reply.send(accepted());
                None
            }
            Connection::Asked { reply, codec: Some(codec) } => {
                Some(self.open(connection, reply, codec))
            }
            streaming => {
                self.0.insert(connection, streaming);
                None
            }
        }
    }

    /// The core refused the call.
    pub(crate) fn refuse(&mut self, connection: ExecutorConnection, code: u16, message: &str) {
        if let Some(Connection::Asked { reply, .. }) = self.take_asked(connection) {
            reply.send(Refusal::new(code, message).into());
        }
    }

    /// The core says something: on the stream, which the first event opens. Lost where there is
    /// none, or where its client is gone or too slow; that is noticed by the stream's end.
    #[must_use = "the end of a stream that was opened must be waited for"]
    pub(crate) fn send(&mut self, connection: ExecutorConnection, event: &Event) -> Option<Closed> {
        let mut opened = None;
        if let Some(Connection::Asked { reply, codec }) = self.take_asked(connection) {
            let Some(codec) = codec else {
                self.0.insert(connection, Connection::Asked { reply, codec });
                return None;
            };
            opened = Some(self.open(connection, reply, codec));
        }
        if let Some(Connection::Streaming(stream)) = self.0.get(&connection) {
            // An end of the stream is reported by `closed`, once.
            let _ = stream.send(event);
        }
        opened
    }

    /// The connection is over: its stream ends after what was sent, a request is refused.
    pub(crate) fn close(&mut self, connection: ExecutorConnection) {
        if let Some(Connection::Asked { reply, .. }) = self.0.remove(&connection) {
            reply.send(Refusal::new(503, "the executor's connection is over").into());
        }
    }

    fn take_asked(&mut self, connection: ExecutorConnection) -> Option<Connection> {
        match self.0.get(&connection)? {
            Connection::Asked { .. } => self.0.remove(&connection),
            Connection::Streaming(_) => None,
        }
    }

    fn open(
        &mut self,
        connection: ExecutorConnection,
        reply: Reply<Response>,
        codec: Codec,
    ) -> Closed {
        let (response, stream) = RecordStream::open(codec, STREAM_BYTES);
        let closed = Box::pin(stream.closed());
        self.0.insert(connection, Connection::Streaming(stream));
        reply.send(response);
        closed
    }
}

#[cfg(test)]
#[path = "executor_tests.rs"]
mod tests;
