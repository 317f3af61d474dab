//! `/meseta/explain/offers`: why a framework is not offered agents, as JSON for operators. Who holds
//! what is no framework's business, so it asks for what the operator API asks for.

use super::desk::{admit, Desk};
use libproc::http::{Method, Request, Response};
use meseta_api::internal::master::{OfferExplanation, OfferQuestion, OperatorAnswer};
use meseta_node::http::auth::Realm;
use meseta_node::http::{Query, Refusal, NO_LEADER};
use serde_json::{json, Value};
use std::str::FromStr;

/// Where it is.
pub(super) const PATH: &str = "/meseta/explain/offers";

/// What is asked, or the answer to who may not ask or asks nothing.
pub(crate) fn question(
    desk: &impl Desk,
    request: &Request,
) -> Result<OfferQuestion, Box<Response>> {
    let refused = |refusal: Refusal| Box::new(Response::from(refusal));
    admit(desk, Realm::MasterReadWrite, request)?;
    asked(request).map_err(refused)
}

fn asked(request: &Request) -> Result<OfferQuestion, Refusal> {
    if ![Method::GET, Method::HEAD].contains(&request.method) {
        return Err(Refusal::method("GET, HEAD", &request.method));
    }
    let query = Query::of(request)?;
    let framework_id = parameter(&query, "framework")?
        .ok_or_else(|| Refusal::bad_request("Expecting 'framework' in the query string"))?;
    let (role, agent_id) = (parameter(&query, "role")?, parameter(&query, "agent")?);
    Ok(OfferQuestion { framework_id, role, agent_id })
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
        OperatorAnswer::Refused { code, message } => Refusal::new(code, message).into(),
        OperatorAnswer::NotLeader { .. } => Refusal::new(503, NO_LEADER).into(),
        _ => Refusal::new(500, "the allocator answered something else").into(),
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
