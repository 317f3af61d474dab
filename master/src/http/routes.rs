//! What is served where, and the [`Desk`] that a running [`Master`] is.

use super::classic::{self, Which};
use super::desk::{Called, Desk, Standing, Subscribing};
use super::{documents, explain, operator, scheduler, settings};
use crate::actor::Master;
use crate::allocator::actor::Explain;
use crate::config::MasterConfig;
use crate::core::{CallAnswer, Caller, Channel, Event, Rejection, RequestId};
use crate::leadership::Stage;
use crate::limits::TooMany;
use crate::peers::EventStream;
use crate::reader::ask::Asked;
use libproc::http::{Request, Response, Routes, StatusCode};
use libproc::{Context, Reply};
use meseta_api::internal::master::{FromOperator, OperatorAnswer};
use meseta_api::v1;
use meseta_node::http::auth::Guards;
use meseta_node::http::{accepted, RecordStream, Refusal};
use std::collections::BTreeMap;

type Handler = fn(&mut Master, Request, Reply<Response>, &mut Context<Master>);

const ROUTES: &[(&str, &str, Handler)] = &[
    ("/api/v1/scheduler", "scheduler API, v1 (POST)", schedule),
    ("/api/v1", "operator API, v1 (POST)", operate),
    ("/state", "the cluster as this master sees it (JSON)", |m, r, p, c| {
        show(Which::State, m, r, p, c)
    }),
    ("/state-summary", "agents and frameworks, tasks counted (JSON)", |m, r, p, c| {
        show(Which::StateSummary, m, r, p, c)
    }),
    ("/slaves", "agents (JSON; slave_id)", |m, r, p, c| show(Which::Slaves, m, r, p, c)),
    ("/frameworks", "frameworks (JSON; framework_id)", |m, r, p, c| {
        show(Which::Frameworks, m, r, p, c)
    }),
    ("/tasks", "tasks (JSON; limit, offset, order, framework_id, task_id)", |m, r, p, c| {
        show(Which::Tasks, m, r, p, c)
    }),
    ("/roles", "roles (JSON)", |m, r, p, c| show(Which::Roles, m, r, p, c)),
    ("/weights", "weights of roles (JSON; PUT sets them)", |m, r, p, c| {
        let outcome = settings::weights(&At(m, c), &r);
        carry_out(outcome, &r, m, p, c);
    }),
    ("/quota", "quotas of roles (JSON)", |m, r, p, c| {
        p.send(settings::quota(&At(m, c), &r));
    }),
    (
        explain::PATH,
        "why a framework is not offered agents (JSON; framework, role, agent)",
        tell_why,
    ),
    ("/version", "the API level, and Meseta's version (JSON)", |_, r, p, _| {
        p.send(classic::version(&r))
    }),
    ("/health", "200 while the master answers", |_, r, p, _| p.send(classic::health(&r))),
    ("/flags", "settings (JSON)", |m, r, p, c| p.send(classic::flags(&At(m, c), &r))),
    ("/redirect", "to the leading master", |m, r, p, c| p.send(classic::redirect(&At(m, c), &r))),
];

/// Declares the routes of a master: each under `/master/…` and at the root.
pub(crate) fn declare(routes: &mut Routes<Master>) {
    for (path, help, handler) in ROUTES {
        routes.route(path, help, *handler);
        routes.at_root(path, help, *handler);
    }
}

fn schedule(
    master: &mut Master,
    request: Request,
    reply: Reply<Response>,
    cx: &mut Context<Master>,
) {
    match scheduler::answer(&mut At(master, cx), &request) {
        scheduler::Outcome::Answered(response) => reply.send(response),
        scheduler::Outcome::Ask(called, codec) => {
            let reply = reply.map(move |answer| scheduler::answered(codec, answer));
            call(master, *called, reply, cx);
        }
    }
}

/// A scheduler's call that the core answers, now or later.
fn call(master: &mut Master, called: Called, reply: Reply<CallAnswer>, cx: &mut Context<Master>) {
    let Stage::Serving(serving) = &mut master.stage else {
        let why = Rejection::unavailable("Master has not finished recovery");
        return reply.send(CallAnswer::Refused(why));
    };
    serving.next_ask += 1;
    let request = RequestId(serving.next_ask);
    serving.calls.insert(request, reply);
    if let Err(refused) = At(master, cx).submit(called, Some(request)) {
        master.answer_call(request, CallAnswer::Refused(refused));
    }
}

fn show(
    which: Which,
    master: &mut Master,
    request: Request,
    reply: Reply<Response>,
    cx: &mut Context<Master>,
) {
    match classic::question(&At(master, cx), which, &request) {
        Ok(question) => master.read(Asked::Http(question, reply), cx),
        Err(response) => reply.send(*response),
    }
}

fn operate(
    master: &mut Master,
    request: Request,
    reply: Reply<Response>,
    cx: &mut Context<Master>,
) {
    let outcome = operator::answer(&At(master, cx), &request);
    carry_out(outcome, &request, master, reply, cx);
}

fn tell_why(
    master: &mut Master,
    request: Request,
    reply: Reply<Response>,
    cx: &mut Context<Master>,
) {
    let question = match explain::question(&At(master, cx), &request) {
        Ok(question) => question,
        Err(response) => return reply.send(*response),
    };
    let Stage::Serving(serving) = &mut master.stage else {
        return reply.send(explain::shown(OperatorAnswer::NotLeader { leader: None }));
    };
    cx.tell(&serving.allocator, Explain { question, reply: reply.map(explain::shown) });
}

fn carry_out(
    outcome: operator::Outcome,
    request: &Request,
    master: &mut Master,
    reply: Reply<Response>,
    cx: &mut Context<Master>,
) {
    match outcome {
        operator::Outcome::Answered(response) => reply.send(response),
        operator::Outcome::Metrics(codec) => {
            let node = cx.node().clone();
            let gathering = async move { libproc::http::metrics(&node).await };
            cx.defer(gathering, move |_, metrics, _| {
                reply.send(operator::metrics(codec, metrics));
            });
        }
        operator::Outcome::Follow(codec) => {
            let after = request.header(crate::events::record::AFTER);
            reply.send(master.follow(codec, after, cx));
        }
        operator::Outcome::Read(question) => master.read(Asked::Http(question, reply), cx),
        operator::Outcome::Ask(call) => ask(master, call, reply.map(without_content), cx),
    }
}

fn ask(
    master: &mut Master,
    call: Box<v1::master::Call>,
    reply: Reply<OperatorAnswer>,
    cx: &mut Context<Master>,
) {
    let Stage::Serving(serving) = &mut master.stage else {
        return reply.send(OperatorAnswer::NotLeader { leader: None });
    };
    serving.next_ask += 1;
    let request = RequestId(serving.next_ask);
    serving.asks.insert(request, reply);
    let asked = FromOperator::Call(call);
    if let Err(Rejection { code, message }) =
        master.submit(Event::OperatorAsked { request, asked }, cx)
    {
        master.answer_operator(request, OperatorAnswer::Refused { code, message });
    }
}

/// The response to a call that changes something.
fn without_content(answer: OperatorAnswer) -> Response {
    match answer {
        OperatorAnswer::Accepted
        | OperatorAnswer::Response(_)
        | OperatorAnswer::OffersExplained { .. } => Response::status(StatusCode::OK),
        OperatorAnswer::Ordered | OperatorAnswer::KillRequested { .. } => accepted(),
        OperatorAnswer::Refused { code, message } => Refusal::new(code, message).into(),
        OperatorAnswer::NotLeader { .. } => Refusal::new(503, meseta_node::http::NO_LEADER).into(),
    }
}

/// A scheduler's stream over HTTP.
struct HttpStream(RecordStream);

impl EventStream for HttpStream {
    fn send(&self, event: &v1::scheduler::Event) -> bool {
        self.0.send(event).is_ok()
    }
}

/// The process within one of its steps.
struct At<'a, 'b>(&'a mut Master, &'b mut Context<Master>);

impl At<'_, '_> {
    fn submit(&mut self, called: Called, answer: Option<RequestId>) -> Result<(), Rejection> {
        let caller = Caller {
            connection: None,
            principal: called.principal,
            channel: Channel::Http { stream_id: called.stream_id, new_stream_id: String::new() },
            answer,
        };
        self.0.submit_call(caller, called.call, called.traced, self.1)
    }
}

impl Desk for At<'_, '_> {
    fn guards(&self) -> &Guards {
        &self.0.config.guards
    }

    fn standing(&self) -> Standing {
        match &self.0.stage {
            Stage::Serving(_) => Standing::Serving { address: self.1.upid().at.to_string() },
            Stage::Recovering => Standing::Recovering,
            Stage::Standby => Standing::Standby { leader: self.0.leader_address() },
        }
    }

    fn meter(&self, principal: Option<&str>) -> Result<(), TooMany> {
        self.0.admit(principal, self.1)
    }

    fn uuid(&mut self) -> [u8; 16] {
        self.1.uuid()
    }

    fn call(&mut self, called: Called) -> Result<(), Rejection> {
        self.submit(called, None)
    }

    fn subscribe(&mut self, subscribing: Subscribing) -> Result<(), Rejection> {
        let Subscribing { call, principal, stream_id, new_stream_id, stream } = subscribing;
        let closed = stream.closed();
        let connection = self.0.open_stream(Box::new(HttpStream(stream)));
        let channel = Channel::Http { stream_id, new_stream_id };
        let caller = Caller { connection: Some(connection), principal, channel, answer: None };
        let taken = self.0.submit(Event::SchedulerCalled { caller, call }, self.1);
        match &taken {
            Ok(()) => self.1.defer(closed, move |master: &mut Master, (), cx| {
                master.stream_ended(connection, cx);
            }),
            Err(_) => self.0.stream_ended(connection, self.1),
        }
        taken
    }

    fn query(&self, call: &v1::master::Call) -> Result<v1::master::Response, Rejection> {
        match self.0.core() {
            Some(core) => core.query(call),
            None => Err(Rejection::unavailable("Master has not finished recovery")),
        }
    }

    fn flags(&self) -> BTreeMap<String, String> {
        let MasterConfig { hostname, core, guards, .. } = &self.0.config;
        documents::flags(hostname, core, guards)
    }
}
