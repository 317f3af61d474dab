//! `POST /api/v1` (MOP-01 to MOP-15): reads, reservations and volumes (MOP-17 to MOP-19), and what is
//! decided about frameworks, agents, machines and roles (MOP-14, MOP-20 to MOP-24, MOP-26); every other call is
//! 501 until it is built.
//!
//! A standby answers health, version and metrics itself, unlike the reference (E16), and redirects
//! the rest.

use super::desk::{elsewhere, spend, Desk};
use super::documents::version_info;
use super::scheduler::refusal;
use crate::core::is_operation;
use crate::reader::ask::{is_long, Question};
use libproc::http::{Request, Response};
use meseta_api::codec::Codec;
use meseta_api::v1::master::call::Type;
use meseta_api::v1::master::response::{self, GetFlags, GetHealth, GetMetrics, GetVersion};
use meseta_api::v1::master::Call;
use meseta_api::v1::{Flag, Metric};
use meseta_node::http::auth::Realm;
use meseta_node::http::{decode_call, response_codec, v1_response, Refusal};

/// What becomes of a request.
pub(crate) enum Outcome {
    /// It is answered.
    Answered(Response),
    /// The node's metrics are to be gathered, for [`metrics`].
    Metrics(Codec),
    /// An event stream begins, in this codec.
    Follow(Codec),
    /// The reader is to be asked.
    Read(Question),
    /// The core is to be asked; it answers later, and then with no content.
    Ask(Box<Call>),
}

/// Most bytes of a request that any master answers itself, and for nothing.
const FREE_BYTES: usize = 4096;

/// Answers a request, or says what has to be done for it. What is too large to be free is paid for
/// before it is decoded (LIM-01).
pub(crate) fn answer(desk: &impl Desk, request: &Request) -> Outcome {
    let principal = match desk.guards().enter(Realm::MasterReadWrite, request) {
        Ok(principal) => principal,
        Err(refusal) => return Outcome::Answered(refusal.into()),
    };
    if request.body.len() > FREE_BYTES {
        return match elsewhere(desk, request) {
            Some(response) => Outcome::Answered(response),
            None => spend(desk, principal.as_deref())
                .and_then(|()| decode_call::<Call>(request))
                .and_then(|call| take(desk, request, call))
                .unwrap_or_else(|refusal| Outcome::Answered(refusal.into())),
        };
    }
    let decoded = decode_call::<Call>(request);
    let local = decoded.as_ref().ok().is_some_and(is_local);
    if let Some(response) = elsewhere(desk, request).filter(|_| !local) {
        return Outcome::Answered(response);
    }
    let paid = if local { Ok(()) } else { spend(desk, principal.as_deref()) };
    paid.and(decoded)
        .and_then(|call| take(desk, request, call))
        .unwrap_or_else(|refusal| Outcome::Answered(refusal.into()))
}

/// Whether any master may answer.
fn is_local(call: &Call) -> bool {
    let local = [Type::GetHealth, Type::GetVersion, Type::GetMetrics, Type::GetFlags];
    call.r#type.is_some() && local.contains(&call.r#type())
}

fn take(desk: &impl Desk, request: &Request, call: Call) -> Result<Outcome, Refusal> {
    if call.r#type.is_none() {
        return Err(Refusal::bad_request("Expecting 'type' to be present"));
    }
    let kind = call.r#type();
    if kind == Type::GetMetrics && call.get_metrics.is_none() {
        return Err(Refusal::bad_request("Expecting 'get_metrics' to be present"));
    }
    let codec = response_codec(request)?;
    let answered = |message| Ok(Outcome::Answered(v1_response(codec, &message)));
    match kind {
        Type::GetMetrics => Ok(Outcome::Metrics(codec)),
        Type::Teardown
        | Type::DrainAgent
        | Type::DeactivateAgent
        | Type::ReactivateAgent
        | Type::MarkAgentGone
        | Type::UpdateQuota
        | Type::UpdateMaintenanceSchedule
        | Type::StartMaintenance
        | Type::StopMaintenance
        | Type::UpdateWeights => Ok(Outcome::Ask(Box::new(call))),
        _ if is_operation(&call) => Ok(Outcome::Ask(Box::new(call))),
        Type::Subscribe => Ok(Outcome::Follow(codec)),
        kind if is_long(kind) => Ok(Outcome::Read(Question::V1 { kind, codec })),
        Type::GetHealth => answered(v1_response_of(response::Type::GetHealth, |response| {
            response.get_health = Some(GetHealth { healthy: true });
        })),
        Type::GetVersion => answered(v1_response_of(response::Type::GetVersion, |response| {
            let version_info = version_info();
            response.get_version = Some(GetVersion { version_info });
        })),
        Type::GetFlags => answered(v1_response_of(response::Type::GetFlags, |response| {
            let flags = desk.flags().into_iter();
            let flags = flags.map(|(name, value)| Flag { name, value: Some(value) });
            response.get_flags = Some(GetFlags { flags: flags.collect() });
        })),
        _ => answered(desk.query(&call).map_err(refusal)?),
    }
}

type V1Response = meseta_api::v1::master::Response;

fn v1_response_of(kind: response::Type, fill: impl FnOnce(&mut V1Response)) -> V1Response {
    let mut response = V1Response { r#type: Some(kind.into()), ..Default::default() };
    fill(&mut response);
    response
}

/// GET_METRICS.
pub(crate) fn metrics(codec: Codec, metrics: Vec<(String, f64)>) -> Response {
    let metrics = metrics.into_iter().map(|(name, value)| Metric { name, value: Some(value) });
    let message = v1_response_of(response::Type::GetMetrics, |response| {
        response.get_metrics = Some(GetMetrics { metrics: metrics.collect() });
    });
    v1_response(codec, &message)
}
