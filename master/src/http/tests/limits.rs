//! Limits of requests at the door (LIM-01): who is refused, and what stays free.

use super::{request, text, Office, JSON};
use crate::http::classic::{self, Which};
use crate::http::desk::Standing;
use crate::http::operator::{self, Outcome};
use crate::limits::{Meter, RequestLimits};
use libproc::http::{Method, Request, Response};

fn limited() -> Office {
    let limits = RequestLimits::parse(r#"{"default_qps": 0.5, "default_capacity": 2}"#).unwrap();
    Office { meter: Meter::new(limits).into(), ..Office::serving() }
}

fn post(path: &str, body: &str) -> Request {
    request(Method::POST, path, &[JSON], body.as_bytes())
}

fn operate(office: &Office, kind: &str) -> Response {
    let body = format!(r#"{{"type":"{kind}","get_metrics":{{}}}}"#);
    match operator::answer(office, &post("/api/v1", &body)) {
        Outcome::Answered(response) => response,
        Outcome::Read(question) => office.read(&question),
        Outcome::Metrics(_) => Response::text(libproc::http::StatusCode::OK, ""),
        _ => panic!("{kind} is more than read"),
    }
}

fn is_too_many(response: &Response) {
    assert_eq!(response.code(), 429, "{}", text(response));
    assert_eq!(response.headers()["retry-after"], "2");
    assert!(text(response).contains("try again in 2 s"), "{}", text(response));
}

#[test]
fn lim_01_the_third_request_at_once_is_one_too_many() {
    let office = limited();
    for _ in 0..2 {
        assert_eq!(operate(&office, "GET_STATE").code(), 200);
    }
    is_too_many(&operate(&office, "GET_STATE"));
    // What cannot be read costs as much, and comes after.
    is_too_many(&operate(&office, "NO_SUCH_CALL"));
    let document = request(Method::GET, "/state", &[], b"");
    is_too_many(&classic::question(&office, Which::State, &document).unwrap_err());
    // Any master answers these itself, and nobody is refused them.
    for kind in ["GET_HEALTH", "GET_VERSION", "GET_METRICS", "GET_FLAGS"] {
        assert_eq!(operate(&office, kind).code(), 200, "{kind}");
    }
}

/// What is decoded before it is paid for is no larger than what may be free.
#[test]
fn lim_01_a_large_request_is_paid_for_before_it_is_decoded() {
    let padded = |body: &str, bytes: usize| format!("{body}{}", " ".repeat(bytes - body.len()));
    let answer = |office: &Office, body: &str| match operator::answer(office, &post("/", body)) {
        Outcome::Answered(response) => response,
        _ => panic!("it is answered at once"),
    };
    let free = r#"{"type":"GET_HEALTH"}"#;
    let office = limited();
    // Neither has a type that could be free before the whole of it is decoded.
    assert_eq!(answer(&office, &padded("{", 5000)).code(), 400);
    assert_eq!(answer(&office, &padded(free, 5000)).code(), 200);
    for body in ["{", free] {
        is_too_many(&answer(&office, &padded(body, 5000)));
    }
    is_too_many(&answer(&office, "{"));
    assert_eq!(answer(&office, &padded(free, 4096)).code(), 200);
    let standby = Office::standing(Standing::Standby { leader: None });
    assert_eq!(answer(&standby, &padded("{", 5000)).code(), 503);
}

#[test]
fn lim_01_schedulers_calls_are_counted_and_a_refused_subscription_begins_nothing() {
    let mut office = limited();
    let call = r#"{"type":"REVIVE","framework_id":{"value":"x"}}"#;
    for _ in 0..2 {
        assert_eq!(office.schedule(&post("/api/v1/scheduler", call)).code(), 400);
    }
    let subscribe =
        r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}"#;
    is_too_many(&office.schedule(&post("/api/v1/scheduler", subscribe)));
    assert!(office.streams.is_empty());
}

#[test]
fn lim_01_a_standby_counts_nothing() {
    let office = Office { standing: Standing::Standby { leader: None }, ..limited() };
    for _ in 0..9 {
        assert_eq!(operate(&office, "GET_STATE").code(), 503);
    }
}
