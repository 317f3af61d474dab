//! `POST /api/v1` of an agent (AOP-01, AOP-02): reads; every other call is 501 until it is built.
//!
//! Health, version and metrics are answered before recovery is over, unlike the reference.

use super::documents::version_info;
use super::snapshot::{Executor, Snapshot};
use libproc::http::{Request, Response};
use meseta_api::codec::Codec;
use meseta_api::v1::agent::call::Type;
use meseta_api::v1::agent::response::{
    self, get_executors, get_frameworks, GetAgent, GetExecutors, GetFlags, GetFrameworks,
    GetHealth, GetMetrics, GetState, GetTasks, GetVersion,
};
use meseta_api::v1::agent::{Call, Response as V1Response};
use meseta_api::v1::{Flag, Metric};
use meseta_node::http::{decode_call, response_codec, v1_response, Refusal};

/// What becomes of a request.
pub(super) enum Outcome {
    /// It is answered.
    Answered(Response),
    /// The node's metrics are to be gathered, for [`metrics`].
    Metrics(Codec),
}

/// Answers a request. `snapshot` is none while the agent recovers.
pub(super) fn answer(snapshot: impl FnOnce() -> Option<Snapshot>, request: &Request) -> Outcome {
    take(snapshot, request).unwrap_or_else(|refusal| Outcome::Answered(refusal.into()))
}

fn take(
    snapshot: impl FnOnce() -> Option<Snapshot>,
    request: &Request,
) -> Result<Outcome, Refusal> {
    let decoded = decode_call::<Call>(request);
    let kind = decoded.as_ref().ok().and_then(|call| call.r#type.map(|_| call.r#type()));
    let snapshot = match kind {
        Some(Type::GetHealth | Type::GetVersion | Type::GetMetrics) => None,
        _ => Some(snapshot().ok_or_else(recovering)?),
    };
    let call = decoded?;
    let kind = kind.ok_or_else(|| Refusal::bad_request("Expecting 'type' to be present"))?;
    if kind == Type::GetMetrics && call.get_metrics.is_none() {
        return Err(Refusal::bad_request("Expecting 'get_metrics' to be present"));
    }
    let codec = response_codec(request)?;
    if kind == Type::GetMetrics {
        return Ok(Outcome::Metrics(codec));
    }
    let message = respond(kind, snapshot.as_ref())?;
    Ok(Outcome::Answered(v1_response(codec, &message)))
}

/// While the agent reads what it left (B2).
pub(super) fn recovering() -> Refusal {
    Refusal::new(503, "Agent has not finished recovery")
}

fn respond(kind: Type, snapshot: Option<&Snapshot>) -> Result<V1Response, Refusal> {
    let mut out = V1Response::default();
    let mut is = |kind: response::Type| out.r#type = Some(kind.into());
    match (kind, snapshot) {
        (Type::GetHealth, _) => {
            is(response::Type::GetHealth);
            out.get_health = Some(GetHealth { healthy: true });
        }
        (Type::GetVersion, _) => {
            is(response::Type::GetVersion);
            let version_info = version_info();
            out.get_version = Some(GetVersion { version_info });
        }
        (Type::GetFlags, Some(snapshot)) => {
            is(response::Type::GetFlags);
            let flags = snapshot
                .flags
                .iter()
                .map(|(name, value)| Flag { name: name.clone(), value: Some(value.clone()) });
            let flags = flags.collect();
            out.get_flags = Some(GetFlags { flags });
        }
        (Type::GetAgent, Some(snapshot)) => {
            is(response::Type::GetAgent);
            out.get_agent =
                Some(GetAgent { agent_info: Some(snapshot.info.clone()), ..Default::default() });
        }
        (Type::GetTasks, Some(snapshot)) => {
            is(response::Type::GetTasks);
            out.get_tasks = Some(tasks(snapshot));
        }
        (Type::GetExecutors, Some(snapshot)) => {
            is(response::Type::GetExecutors);
            out.get_executors = Some(executors(snapshot));
        }
        (Type::GetFrameworks, Some(snapshot)) => {
            is(response::Type::GetFrameworks);
            out.get_frameworks = Some(frameworks(snapshot));
        }
        (Type::GetState, Some(snapshot)) => {
            is(response::Type::GetState);
            out.get_state = Some(GetState {
                get_tasks: Some(tasks(snapshot)),
                get_executors: Some(executors(snapshot)),
                get_frameworks: Some(frameworks(snapshot)),
            });
        }
        (other, _) => {
            let message = format!("call {} is not supported yet", other.as_str_name());
            return Err(Refusal::new(501, message));
        }
    }
    Ok(out)
}

fn all(snapshot: &Snapshot) -> impl Iterator<Item = &Executor> {
    snapshot.frameworks.iter().flat_map(|f| &f.executors)
}

fn tasks(snapshot: &Snapshot) -> GetTasks {
    let mut out = GetTasks::default();
    for executor in all(snapshot) {
        out.queued_tasks.extend(executor.queued_tasks.iter().cloned());
        out.launched_tasks.extend(executor.launched.iter().cloned());
        out.terminated_tasks.extend(executor.terminated.iter().cloned());
    }
    out
}

fn executors(snapshot: &Snapshot) -> GetExecutors {
    let mut out = GetExecutors::default();
    for executor in all(snapshot) {
        let shown = get_executors::Executor { executor_info: executor.info.clone() };
        match executor.ended {
            true => out.completed_executors.push(shown),
            false => out.executors.push(shown),
        }
    }
    out
}

fn frameworks(snapshot: &Snapshot) -> GetFrameworks {
    let shown = snapshot
        .frameworks
        .iter()
        .map(|f| get_frameworks::Framework { framework_info: f.info.clone() });
    GetFrameworks { frameworks: shown.collect(), ..Default::default() }
}

/// GET_METRICS.
pub(super) fn metrics(codec: Codec, metrics: Vec<(String, f64)>) -> Response {
    let metrics = metrics.into_iter().map(|(name, value)| Metric { name, value: Some(value) });
    let message = V1Response {
        r#type: Some(response::Type::GetMetrics.into()),
        get_metrics: Some(GetMetrics { metrics: metrics.collect() }),
        ..Default::default()
    };
    v1_response(codec, &message)
}

#[cfg(test)]
#[path = "operator_tests.rs"]
mod tests;
