//! `POST /api/v1/scheduler` (SCH-01 to SCH-04), in the order of B2.
//!
//! Rows 0 to 7 and 9 are here, 8 and 10 to 16 are the core's, 17 to 20 are here.

use super::desk::{admit, Called, Desk, Subscribing};
use crate::core::{check_claims, CallAnswer};
use libproc::http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use meseta_api::codec::Codec;
use meseta_api::v1;
use meseta_api::v1::scheduler::call::Type;
use meseta_api::v1::scheduler::Call;
use meseta_node::http::auth::Realm;
use meseta_node::http::{
    accepted, decode_call, new_stream_id, response_codec, stream_id, v1_response, RecordStream,
    Refusal, STREAM_BYTES, STREAM_ID,
};

/// What becomes of a request.
pub(crate) enum Outcome {
    /// It is answered.
    Answered(Response),
    /// The core is to be asked; it answers, perhaps later, for [`answered`], in this codec if the
    /// answer says anything.
    Ask(Box<Called>, Option<Codec>),
}

/// Answers a request, or says what has to be done for it. The response of a SUBSCRIBE streams for
/// as long as the subscription lasts.
pub(crate) fn answer(desk: &mut impl Desk, request: &Request) -> Outcome {
    match admit(desk, Realm::MasterScheduler, request) {
        Err(response) => Outcome::Answered(*response),
        Ok(principal) => take(desk, request, principal)
            .unwrap_or_else(|refusal| Outcome::Answered(refusal.into())),
    }
}

/// The response to a call that the core has answered.
pub(crate) fn answered(codec: Option<Codec>, answer: CallAnswer) -> Response {
    match answer {
        CallAnswer::Done => Response::status(StatusCode::OK),
        CallAnswer::Operations(operation_statuses) => {
            let mut response = v1::scheduler::Response {
                r#type: Some(v1::scheduler::response::Type::ReconcileOperations.into()),
                ..Default::default()
            };
            #[allow(deprecated, reason = "clients of Mesos 1.6 to 1.8 read the answers here")]
            {
                let answers = v1::scheduler::response::ReconcileOperations { operation_statuses };
                response.reconcile_operations = Some(answers);
            }
            v1_response(codec.unwrap_or(Codec::Json), &response)
        }
        CallAnswer::Refused(rejection) => refusal(rejection).into(),
    }
}

fn take(
    desk: &mut impl Desk,
    request: &Request,
    principal: Option<String>,
) -> Result<Outcome, Refusal> {
    let call: Box<Call> = Box::new(decode_call(request)?);
    let kind = call.r#type();
    if call.r#type.is_some() && kind == Type::Subscribe {
        return subscribe(desk, request, principal, call).map(Outcome::Answered);
    }
    let stream_id = stream_id(request)?;
    let traced = request.header("traceparent").is_some();
    let called = Called { call, principal, stream_id, traced };
    if kind == Type::UpdateFramework {
        return Ok(Outcome::Ask(Box::new(called), None));
    }
    if kind == Type::ReconcileOperations {
        return Ok(Outcome::Ask(Box::new(called), Some(response_codec(request)?)));
    }
    desk.call(called).map_err(refusal)?;
    Ok(Outcome::Answered(accepted()))
}

fn subscribe(
    desk: &mut impl Desk,
    request: &Request,
    principal: Option<String>,
    call: Box<Call>,
) -> Result<Response, Refusal> {
    check_subscribe(&call, principal.as_deref())?;
    let codec = response_codec(request)?;
    let new_stream_id = new_stream_id(desk.uuid());
    let (response, stream) = RecordStream::open(codec, STREAM_BYTES);
    // It is text of hexadecimal digits.
    let header = HeaderValue::from_str(&new_stream_id)
        .map_err(|error| Refusal::new(500, error.to_string()))?;
    let stream_id = stream_id(request)?;
    desk.subscribe(Subscribing { call, principal, stream_id, new_stream_id, stream })
        .map_err(refusal)?;
    Ok(response.with_header(HeaderName::from_static(STREAM_ID), header))
}

/// What of row 8 comes before row 9, of a SUBSCRIBE.
fn check_subscribe(call: &Call, principal: Option<&str>) -> Result<(), Refusal> {
    let subscribe = call
        .subscribe
        .as_ref()
        .ok_or_else(|| Refusal::bad_request("Expecting 'subscribe' to be present"))?;
    check_claims(call.framework_id.as_ref(), principal, subscribe).map_err(refusal)
}

/// A core's refusal with its status.
pub(crate) fn refusal(rejection: crate::core::Rejection) -> Refusal {
    Refusal::new(rejection.code, rejection.message)
}
