//! `/weights` and `/quota`, older than v1 (LEG-03): what operators set per role. Weights are set by
//! PUT; quotas are only read, since what older tools can set is not what quota is any more.
//!
//! Thin: a request is turned into the v1 call that says the same, and checked and carried out as
//! that is.

use super::desk::{admit, Desk};
use super::operator::Outcome;
use super::scheduler::refusal;
use libproc::http::{Method, Request, Response};
use meseta_api::codec::Codec;
use meseta_api::v1::master::call::Type;
use meseta_api::v1::master::Call;
use meseta_api::v1::WeightInfo;
use meseta_node::http::auth::Realm;
use meseta_node::http::{json_document, Query, Refusal};
use serde_json::{json, Value};

/// Answers a request to `/weights`: a list of `{role, weight}` both ways.
pub(crate) fn weights(desk: &impl Desk, request: &Request) -> Outcome {
    let reads = reads(request);
    let realm = if reads { Realm::MasterReadOnly } else { Realm::MasterReadWrite };
    if let Err(response) = admit(desk, realm, request) {
        return Outcome::Answered(*response);
    }
    let outcome = match request.method {
        _ if reads => list_weights(desk, request),
        Method::PUT => body(request).and_then(|infos| {
            ask(&json!({ "type": "UPDATE_WEIGHTS", "update_weights": { "weight_infos": infos } }))
        }),
        _ => Err(Refusal::method("GET, HEAD, PUT", &request.method)),
    };
    outcome.unwrap_or_else(|refusal| Outcome::Answered(refusal.into()))
}

/// Answers a request to `/quota`.
pub(crate) fn quota(desk: &impl Desk, request: &Request) -> Response {
    match admit(desk, Realm::MasterReadOnly, request) {
        Err(response) => *response,
        Ok(_) => read_quota(desk, request).unwrap_or_else(Response::from),
    }
}

fn read_quota(desk: &impl Desk, request: &Request) -> Result<Response, Refusal> {
    if [Method::POST, Method::DELETE].contains(&request.method) {
        return Err(Refusal::new(501, "quota is set with UPDATE_QUOTA of the v1 operator API"));
    }
    if !reads(request) {
        return Err(Refusal::method("GET, HEAD", &request.method));
    }
    let call = Call { r#type: Some(Type::GetQuota.into()), ..Default::default() };
    let response = desk.query(&call).map_err(refusal)?;
    let status = response.get_quota.unwrap_or_default().status;
    let shown = serde_json::from_slice(&Codec::Json.encode(&status))
        .map_err(|error| Refusal::new(500, error.to_string()))?;
    json_document(&Query::of(request)?, &shown)
}

fn reads(request: &Request) -> bool {
    [Method::GET, Method::HEAD].contains(&request.method)
}

fn list_weights(desk: &impl Desk, request: &Request) -> Result<Outcome, Refusal> {
    let call = Call { r#type: Some(Type::GetWeights.into()), ..Default::default() };
    let response = desk.query(&call).map_err(refusal)?;
    let weights = response.get_weights.unwrap_or_default();
    let shown = |info: &WeightInfo| json!({ "role": info.role, "weight": info.weight });
    let shown: Value = weights.weight_infos.iter().map(shown).collect();
    Ok(Outcome::Answered(json_document(&Query::of(request)?, &shown)?))
}

fn body(request: &Request) -> Result<Value, Refusal> {
    serde_json::from_slice(&request.body)
        .map_err(|error| Refusal::bad_request(format!("Failed to parse body into JSON: {error}")))
}

/// The v1 call that says the same, read as any other is.
fn ask(call: &Value) -> Result<Outcome, Refusal> {
    let call: Call = Codec::Json
        .decode(call.to_string().as_bytes())
        .map_err(|error| Refusal::bad_request(format!("Failed to convert JSON: {error}")))?;
    Ok(Outcome::Ask(Box::new(call)))
}
