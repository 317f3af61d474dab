//! The endpoints that are older than v1 (LEG-01, LEG-02): JSON documents, by GET or POST, with
//! JSONP. A standby sends on what only the leader knows.

use super::desk::{admit, Desk, Standing};
use super::documents;
use crate::reader::ask::Question;
use libproc::http::{Request, Response, StatusCode};
use meseta_node::http::auth::Realm;
use meseta_node::http::leader::redirect_to_root;
use meseta_node::http::{json_document, read_only, Query, Refusal};
use serde_json::{json, Value};

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
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

/// What a request for a document asks the reader.
///
/// # Errors
/// The answer to a request that does not get there.
pub(crate) fn question(
    desk: &impl Desk,
    which: Which,
    request: &Request,
) -> Result<Question, Box<Response>> {
    let refused = |refusal: Refusal| Box::new(Response::from(refusal));
    admit(desk, Realm::MasterReadOnly, request)?;
    read_only(request).map_err(refused)?;
    Ok(Question::Document { which, query: Query::of(request).map_err(refused)? })
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
