//! `/meseta/explain/offers`: why a framework is not offered agents; `/meseta/explain/task`: what
//! happened to a task, and why; `/meseta/plan`: what a call would do. As JSON for operators: who holds
//! what, and who decided what, is no framework's business, so all ask for what the operator API asks
//! for.

use super::desk::{admit, Desk};
use libproc::http::{Method, Request, Response};
use meseta_api::internal::master::{OfferExplanation, OfferQuestion, OperatorAnswer};
use meseta_api::internal::master::{TaskExplanation, TaskQuestion};
use meseta_api::v1::master::Call;
use meseta_node::http::auth::Realm;
use meseta_node::http::{decode_call, Query, Refusal, NO_LEADER};
use serde_json::{json, Value};
use std::str::FromStr;

/// Where offers are explained.
pub(super) const OFFERS: &str = "/meseta/explain/offers";

/// Where a task is.
pub(super) const TASK: &str = "/meseta/explain/task";

/// Where calls are planned.
pub(super) const PLAN: &str = "/meseta/plan";

/// All of them.
pub(super) const PATHS: [&str; 3] = [OFFERS, TASK, PLAN];

/// Which offers are asked about, or the answer to who may not ask or asks nothing.
pub(crate) fn question(
    desk: &impl Desk,
    request: &Request,
) -> Result<OfferQuestion, Box<Response>> {
    asked(desk, request, |query| {
        let framework_id = expected(query, "framework")?;
        let (role, agent_id) = (parameter(query, "role")?, parameter(query, "agent")?);
        Ok(OfferQuestion { framework_id, role, agent_id })
    })
}

/// Which task is asked about, in the same way.
pub(crate) fn task_question(
    desk: &impl Desk,
    request: &Request,
) -> Result<TaskQuestion, Box<Response>> {
    asked(desk, request, |query| {
        let (framework_id, task_id) = (expected(query, "framework")?, expected(query, "task")?);
        Ok(TaskQuestion { framework_id, task_id })
    })
}

/// Which call is planned: the body of the request, as it would be POSTed to the operator API.
pub(crate) fn planned_call(desk: &impl Desk, request: &Request) -> Result<Call, Box<Response>> {
    let refused = |refusal: Refusal| Box::new(Response::from(refusal));
    admit(desk, Realm::MasterReadWrite, request)?;
    decode_call(request).map_err(refused)
}

fn asked<Q>(
    desk: &impl Desk,
    request: &Request,
    parse: impl FnOnce(&Query) -> Result<Q, Refusal>,
) -> Result<Q, Box<Response>> {
    let refused = |refusal: Refusal| Box::new(Response::from(refusal));
    admit(desk, Realm::MasterReadWrite, request)?;
    if ![Method::GET, Method::HEAD].contains(&request.method) {
        return Err(refused(Refusal::method("GET, HEAD", &request.method)));
    }
    let query = Query::of(request).map_err(refused)?;
    parse(&query).map_err(refused)
}

fn expected<T: FromStr<Err = E>, E: std::fmt::Display>(
    query: &Query,
    name: &str,
) -> Result<T, Refusal> {
    let missing = || Refusal::bad_request(format!("Expecting '{name}' in the query string"));
    parameter(query, name)?.ok_or_else(missing)
}

fn parameter<T: FromStr<Err = E>, E: std::fmt::Display>(
    query: &Query,
    name: &str,
) -> Result<Option<T>, Refusal> {
    let parse = |text: &str| {
        text.parse()
            .map_err(|error: E| Refusal::bad_request(format!("Failed to parse {name}: {error}")))
    };
    query.get(name).map(parse).transpose()
}

/// The answer as a document.
pub(crate) fn shown(answer: OperatorAnswer) -> Response {
    match answer {
        OperatorAnswer::OffersExplained { explanations, left_out } => {
            let shown: Value = explanations.iter().map(explanation).collect();
            Response::json(&json!({ "explanations": shown, "left_out": left_out }))
        }
        OperatorAnswer::TaskExplained(explanation) => Response::json(&task(&explanation)),
        OperatorAnswer::Foreseen(foreseen) => match serde_json::to_value(&*foreseen) {
            Ok(document) => Response::json(&document),
            Err(error) => Refusal::new(500, error.to_string()).into(),
        },
        OperatorAnswer::Refused { code, message } => Refusal::new(code, message).into(),
        OperatorAnswer::NotLeader { .. } => Refusal::new(503, NO_LEADER).into(),
        _ => Refusal::new(500, "the question was answered with something else").into(),
    }
}

fn explanation(explanation: &OfferExplanation) -> Value {
    json!({
        "agent_id": explanation.agent_id.as_str(),
        "role": explanation.role.as_str(),
        "cause": explanation.cause,
        "detail": explanation.detail,
        "change": explanation.change,
    })
}

fn task(explanation: &TaskExplanation) -> Value {
    json!({
        "framework_id": explanation.framework_id.as_str(),
        "task_id": explanation.task_id.as_str(),
        "agent_id": explanation.agent_id.as_str(),
        "state": explanation.state.as_str_name(),
        "now": explanation.now,
        "entries": explanation.entries,
    })
}
