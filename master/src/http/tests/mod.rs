//! The HTTP side at a desk over a real core, whose writes are durable at once.

mod auth;
mod documents;
mod explain;
mod limits;
mod older;
mod operator;
mod scheduler;
mod settings;

use super::classic::{self, Which};
use super::desk::{Called, Desk, Standing, Subscribing};
use super::scheduler as scheduler_api;
use crate::core::{
    CallAnswer, Caller, Channel, Config, ConnectionId, Core, Effect, Event, Identity, Moment,
    Rejection, RequestId,
};
use crate::limits::{Meter, TooMany};
use crate::reader::ask::{Gathered, Question};
use crate::reader::Kitchen;
use crate::registrar::registry::Registry;
use libproc::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use libproc::{Instant, Timestamp};
use meseta_api::ids::MasterId;
use meseta_api::term::{RegistryId, Term};
use meseta_api::v1;
use meseta_node::http::auth::Guards;
use meseta_node::http::RecordStream;
use std::cell::RefCell;
use std::collections::BTreeMap;

const LEADER: &str = "10.0.0.7:5050";

/// A master with a core and no process around it.
struct Office {
    guards: Guards,
    meter: RefCell<Meter>,
    standing: Standing,
    core: Core,
    streams: BTreeMap<ConnectionId, RecordStream>,
    /// Types of the events that went to streams.
    said: Vec<&'static str>,
    last: u64,
    /// The last answer to a call.
    answer: Option<CallAnswer>,
}

impl Office {
    fn serving() -> Self {
        let text = |text: &str| Some(text.to_owned());
        let identity = Identity {
            master_id: MasterId::parse("m").unwrap(),
            info: v1::MasterInfo {
                id: "m".into(),
                port: 5050,
                pid: text("master@10.0.0.7:5050"),
                hostname: text("h7"),
                ..Default::default()
            },
            term: Term { registry: RegistryId::from_bits(7), generation: 0, counter: 1 },
            started: Timestamp::default(),
            elected: Timestamp::default(),
            version: super::documents::version_info(),
        };
        let at = moment();
        let (core, _) =
            Core::recover(Registry::default(), identity, Config::default(), at).unwrap();
        Office {
            guards: Guards::open(),
            meter: RefCell::default(),
            standing: Standing::Serving { address: LEADER.into() },
            core,
            streams: BTreeMap::new(),
            said: Vec::new(),
            last: 0,
            answer: None,
        }
    }

    fn standing(standing: Standing) -> Self {
        Office { standing, ..Office::serving() }
    }

    /// A request to the scheduler API, answered.
    fn schedule(&mut self, request: &Request) -> Response {
        match scheduler_api::answer(self, request) {
            scheduler_api::Outcome::Answered(response) => response,
            scheduler_api::Outcome::Ask(called, codec) => {
                let refused = self.call_answered(*called, Some(RequestId(1)));
                let refused = refused.err().map(CallAnswer::Refused);
                let answer = refused.or_else(|| self.answer.take());
                scheduler_api::answered(codec, answer.expect("an answer"))
            }
        }
    }

    fn call_answered(
        &mut self,
        called: Called,
        answer: Option<RequestId>,
    ) -> Result<(), Rejection> {
        let caller = Caller {
            connection: None,
            principal: called.principal,
            channel: Channel::Http { stream_id: called.stream_id, new_stream_id: String::new() },
            answer,
        };
        self.submit(Event::SchedulerCalled { caller, call: called.call })
    }

    fn submit(&mut self, event: Event) -> Result<(), Rejection> {
        let plan = self.core.check(event, moment())?;
        for effect in self.core.commit(plan, moment()) {
            match effect {
                Effect::Persist { write, .. } => self.submit(Event::Persisted { write })?,
                Effect::ToSubscriber { connection, event } => {
                    self.said.push(event.r#type().as_str_name());
                    if let Some(stream) = self.streams.get(&connection) {
                        let _ = stream.send(&*event);
                    }
                }
                Effect::AnswerCall { answer, .. } => self.answer = Some(answer),
                Effect::CloseSubscriber { connection, .. } => {
                    self.streams.remove(&connection);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Office {
    /// What the reader answers, of the state now.
    fn read(&self, question: &Question) -> Response {
        let gathered = Gathered {
            state: self.core.snapshot(),
            master: self.core.identity().shown(),
            flags: self.flags(),
        };
        let answers = Kitchen::default().serve(&gathered, std::iter::once(question));
        answers.into_iter().next().expect("one answer for one question")
    }

    /// The whole way of a request for a document.
    fn document(&self, which: Which, request: &Request) -> Response {
        match classic::question(self, which, request) {
            Ok(question) => self.read(&question),
            Err(response) => *response,
        }
    }
}

fn moment() -> Moment {
    Moment { now: Instant::from_nanos(1), wall: Timestamp::default() }
}

impl Desk for Office {
    fn guards(&self) -> &Guards {
        &self.guards
    }

    fn standing(&self) -> Standing {
        self.standing.clone()
    }

    fn meter(&self, principal: Option<&str>) -> Result<(), TooMany> {
        self.meter.borrow_mut().admit(principal, moment().now)
    }

    fn uuid(&mut self) -> [u8; 16] {
        self.last += 1;
        [u8::try_from(self.last).unwrap_or(0); 16]
    }

    fn call(&mut self, called: Called) -> Result<(), Rejection> {
        self.call_answered(called, None)
    }

    fn subscribe(&mut self, subscribing: Subscribing) -> Result<(), Rejection> {
        self.last += 1;
        let connection = ConnectionId(self.last);
        self.streams.insert(connection, subscribing.stream);
        let caller = Caller {
            connection: Some(connection),
            principal: subscribing.principal,
            channel: Channel::Http {
                stream_id: subscribing.stream_id,
                new_stream_id: subscribing.new_stream_id,
            },
            answer: None,
        };
        self.submit(Event::SchedulerCalled { caller, call: subscribing.call })
    }

    fn query(&self, call: &v1::master::Call) -> Result<v1::master::Response, Rejection> {
        self.core.query(call)
    }

    fn flags(&self) -> BTreeMap<String, String> {
        super::documents::flags("h7", &Config::default(), &self.guards)
    }
}

fn request(method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Request {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    Request {
        method,
        path: path.into(),
        rest: String::new(),
        query: query.into(),
        headers: map,
        body: body.to_vec().into(),
        client: "127.0.0.1:1".into(),
        certificate: None,
        trace: None,
    }
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn text(response: &Response) -> String {
    let body = response.body().map(|body| body.to_vec());
    String::from_utf8(body.unwrap_or_default()).unwrap()
}
