//! The endpoints that are older than v1 (LEG-01, LEG-02): JSON documents, by GET or POST, with
//! JSONP. A standby sends on what only the leader knows.

use super::desk::{elsewhere, Desk, Standing};
use super::documents::{self, View};
use super::scheduler::refusal;
use libproc::http::{Request, Response, StatusCode};
use meseta_node::http::auth::Realm;
use meseta_node::http::leader::redirect_to_root;
use meseta_node::http::{json_document, read_only, Page, Query, Refusal};
use serde_json::{json, Value};

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Everything.
    State,
    /// Agents and frameworks, with counts of tasks.
    StateSummary,
    /// Agents.
    Slaves,
    /// Frameworks.
    Frameworks,
    /// Tasks, by pages.
    Tasks,
    /// Roles.
    Roles,
}

/// Answers a request for a document.
pub(crate) fn document(desk: &impl Desk, which: Which, request: &Request) -> Response {
    if let Err(refusal) = desk.guards().enter(Realm::MasterReadOnly, request) {
        return refusal.into();
    }
    match elsewhere(desk, request) {
        Some(response) => response,
        None => read_leading(desk, which, request).unwrap_or_else(Response::from),
    }
}

fn read_leading(desk: &impl Desk, which: Which, request: &Request) -> Result<Response, Refusal> {
    read_only(request)?;
    let query = Query::of(request)?;
    let page = match which {
        Which::Tasks => Some(Page::of(&query)?),
        _ => None,
    };
    let view = View::of(desk).map_err(refusal)?;
    let shown = match (which, page) {
        (Which::State, _) => documents::state(&view),
        (Which::StateSummary, _) => documents::summary(&view),
        (Which::Slaves, _) => documents::slaves(&view, query.get("slave_id")),
        (Which::Frameworks, _) => documents::frameworks(&view, query.get("framework_id")),
        (Which::Roles, _) => documents::roles(&view),
        (Which::Tasks, page) => {
            let filter = documents::TaskFilter {
                framework: query.get("framework_id"),
                task: query.get("task_id"),
            };
            documents::tasks(&view, &filter, page.as_ref())
        }
    };
    json_document(&query, &shown)
}

/// `/health`: 200 while the master answers, whether it leads or not; to anybody, as `/version` and
/// `/redirect`: who is not let in yet must find the master that would let them in.
pub(crate) fn health(request: &Request) -> Response {
    match read_only(request) {
        Ok(()) => Response::status(StatusCode::OK),
        Err(refusal) => refusal.into(),
    }
}

/// `/version`.
pub(crate) fn version(request: &Request) -> Response {
    local(request, documents::version)
}

/// `/flags`.
pub(crate) fn flags(desk: &impl Desk, request: &Request) -> Response {
    match desk.guards().enter(Realm::MasterReadOnly, request) {
        Ok(_) => local(request, || json!({ "flags": desk.flags() })),
        Err(refusal) => refusal.into(),
    }
}

fn local(request: &Request, show: impl FnOnce() -> Value) -> Response {
    let answer = || {
        read_only(request)?;
        json_document(&Query::of(request)?, &show())
    };
    answer().unwrap_or_else(Response::from)
}

/// `/redirect`: to the leader's root; anything behind it is no endpoint (LEG-02).
pub(crate) fn redirect(desk: &impl Desk, request: &Request) -> Response {
    if !request.rest.is_empty() {
        return Refusal::not_found("404 Not Found.").into();
    }
    match desk.standing() {
        Standing::Serving { address } => redirect_to_root(Some(&address)),
        Standing::Recovering => redirect_to_root(None),
        Standing::Standby { leader } => redirect_to_root(leader.as_deref()),
    }
}
