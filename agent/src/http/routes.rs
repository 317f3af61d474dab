//! What is served where. Each path at the root and, as clients of the reference know it, under
//! `/slave(1)/`.

use super::files::{self, Roots, Wanted};
use super::snapshot::Snapshot;
use super::{documents, executor, operator};
use crate::actor::AgentProcess;
use crate::core::Event;
use crate::http::executor::Asking;
use libproc::http::{Request, Response, Routes, StatusCode};
use libproc::{Context, Reply};
use meseta_node::http::auth::Realm;
use meseta_node::http::{json_document, read_only, Query, Refusal};
use serde_json::{json, Value};
use std::collections::BTreeMap;

type Cx = Context<AgentProcess>;
type Handler = fn(&mut AgentProcess, Request, Reply<Response>, &mut Cx);

const ROUTES: &[(&str, &str, Handler)] = &[
    ("/api/v1/executor", "executor API, v1 (POST)", execute),
    ("/api/v1", "operator API, v1 (POST)", operate),
    ("/state", "the agent as it is (JSON)", |me, request, reply, cx| {
        let state = || documents::state(&snapshot(me), started(me, cx));
        reply.send(reader(me, &request).map_or_else(Response::from, |()| local(&request, state)));
    }),
    ("/version", "the API level, and Meseta's version (JSON)", |_, request, reply, _| {
        reply.send(local(&request, documents::version));
    }),
    ("/flags", "settings (JSON)", |me, request, reply, _| {
        let flags = || json!({ "flags": flags(me) });
        reply.send(reader(me, &request).map_or_else(Response::from, |()| local(&request, flags)));
    }),
    ("/health", "200 while the agent answers", |_, request, reply, _| {
        let health = read_only(&request).map(|()| Response::status(StatusCode::OK));
        reply.send(health.unwrap_or_else(Response::from));
    }),
];

const FILES: &[(&str, &str, Handler)] = &[
    ("/files/browse", "a sandbox's directory (JSON; path)", browse),
    ("/files/read", "a piece of a sandbox's file (JSON; path, offset, length)", read),
    ("/files/download", "a sandbox's file (path)", download),
];

/// Declares the routes of an agent.
pub(crate) fn declare(routes: &mut Routes<AgentProcess>) {
    for (path, help, handler) in ROUTES {
        routes.at_root(path, help, *handler);
        routes.at_root(&format!("/slave(1){path}"), help, *handler);
    }
    for (path, help, handler) in FILES {
        routes.at_root(path, help, *handler);
        routes.at_root(&format!("{path}.json"), help, *handler);
    }
}

/// Lets in who may read (B2, rows 0 and 1).
fn reader(me: &AgentProcess, request: &Request) -> Result<(), Refusal> {
    me.guards().enter(Realm::AgentReadOnly, request).map(|_| ())
}

/// The agent as it is, with the settings of its HTTP side.
fn snapshot(me: &AgentProcess) -> Snapshot {
    me.core().snapshot(flags(me))
}

/// All settings, those of the HTTP side among them.
fn flags(me: &AgentProcess) -> BTreeMap<String, String> {
    let realms = [Realm::AgentReadOnly, Realm::AgentReadWrite, Realm::AgentExecutor];
    let asked = realms.map(|realm| (realm.flag().to_owned(), me.guards().asks(realm).to_string()));
    me.core().flags().into_iter().chain(asked).collect()
}

/// When the agent started, in seconds since 1970.
fn started(me: &AgentProcess, cx: &Cx) -> f64 {
    let uptime = cx.now().since(me.core().started());
    cx.wall().as_secs_f64() - uptime.as_secs_f64()
}

fn local(request: &Request, show: impl FnOnce() -> Value) -> Response {
    let answer = || {
        read_only(request)?;
        json_document(&Query::of(request)?, &show())
    };
    answer().unwrap_or_else(|refusal: Refusal| refusal.into())
}

fn execute(me: &mut AgentProcess, request: Request, reply: Reply<Response>, cx: &mut Cx) {
    let asked = executor::read(me.guards(), me.core().is_recovered(), &request);
    match asked {
        Err(refusal) => reply.send(refusal.into()),
        Ok(asking) => {
            let connection = me.hands().http_request(&asking, reply);
            let Asking { call, container, .. } = asking;
            me.happened(Event::ExecutorCalled { connection, container, call }, cx);
        }
    }
}

fn operate(me: &mut AgentProcess, request: Request, reply: Reply<Response>, cx: &mut Cx) {
    if let Err(refusal) = me.guards().enter(Realm::AgentReadWrite, &request) {
        return reply.send(refusal.into());
    }
    let shown = || me.core().is_recovered().then(|| snapshot(me));
    match operator::answer(shown, &request) {
        operator::Outcome::Answered(response) => reply.send(response),
        operator::Outcome::Metrics(codec) => {
            let node = cx.node().clone();
            let gathering = async move { libproc::http::metrics(&node).await };
            cx.defer(gathering, move |_, metrics, _| {
                reply.send(operator::metrics(codec, metrics));
            });
        }
    }
}

fn browse(me: &mut AgentProcess, request: Request, reply: Reply<Response>, cx: &mut Cx) {
    file(Wanted::Browse, me, request, reply, cx);
}

fn read(me: &mut AgentProcess, request: Request, reply: Reply<Response>, cx: &mut Cx) {
    file(Wanted::Read, me, request, reply, cx);
}

fn download(me: &mut AgentProcess, request: Request, reply: Reply<Response>, cx: &mut Cx) {
    file(Wanted::Download, me, request, reply, cx);
}

fn file(
    wanted: Wanted,
    me: &mut AgentProcess,
    request: Request,
    reply: Reply<Response>,
    cx: &mut Cx,
) {
    if let Err(refusal) = reader(me, &request) {
        return reply.send(refusal.into());
    }
    let roots =
        Roots { work_dir: me.hands().work_dir().to_owned(), agent: me.core().id().cloned() };
    cx.defer(files::answer(roots, wanted, request), |_, answer, cx| {
        reply.send(answer.response);
        if let Some(pump) = answer.pump {
            cx.defer(pump, |_, (), _| {});
        }
    });
}
