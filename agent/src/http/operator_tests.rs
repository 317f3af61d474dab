//! The agent's operator API (AOP-01, AOP-02).

use super::super::documents::tests::snapshot;
use super::*;
use libproc::http::{header, HeaderMap, HeaderValue, Method};

fn post(body: &str) -> Request {
    let mut headers = HeaderMap::new();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    Request {
        method: Method::POST,
        path: "/api/v1".into(),
        rest: String::new(),
        query: String::new(),
        headers,
        body: body.to_owned().into(),
        client: "127.0.0.1:1".into(),
        certificate: None,
        trace: None,
    }
}

fn asked(body: &str, recovered: bool) -> (u16, String) {
    let response = match answer(|| recovered.then(snapshot), &post(body)) {
        Outcome::Answered(response) => response,
        Outcome::Metrics(codec) => metrics(codec, vec![("a".into(), 1.0)]),
    };
    let body = response.body().map(|body| body.to_vec()).unwrap_or_default();
    (response.code().as_u16(), String::from_utf8(body).unwrap())
}

#[test]
fn aop_01_and_aop_02_reads() {
    for (kind, words, always) in [
        ("GET_HEALTH", r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#, true),
        ("GET_VERSION", r#""version":"1.12.0""#, true),
        ("GET_FLAGS", r#"{"name":"ip","value":"10.0.0.8"}"#, false),
        ("GET_AGENT", r#""get_agent":{"agent_info":{"hostname":"h8""#, false),
        ("GET_TASKS", r#""launched_tasks":[{"name":"t""#, false),
        ("GET_EXECUTORS", r#""completed_executors":[{"executor_info""#, false),
        ("GET_FRAMEWORKS", r#""frameworks":[{"framework_info""#, false),
        ("GET_STATE", r#""get_state":{"get_tasks":{"#, false),
    ] {
        let call = format!(r#"{{"type":"{kind}"}}"#);
        let (code, body) = asked(&call, true);
        assert_eq!(code, 200, "{kind}");
        assert!(body.contains(words), "{kind}: {body}");
        let while_recovering = if always { 200 } else { 503 };
        assert_eq!(asked(&call, false).0, while_recovering, "{kind}");
    }
    let call = r#"{"type":"GET_METRICS","get_metrics":{}}"#;
    let expected = r#"{"type":"GET_METRICS","get_metrics":{"metrics":[{"name":"a","value":1.0}]}}"#;
    assert_eq!(asked(call, false), (200, expected.to_owned()));
}

#[test]
fn aop_lists_are_there_even_where_they_are_empty() {
    let empty = Snapshot { frameworks: vec![], ..snapshot() };
    let executors = r#"{"executors":[],"completed_executors":[]}"#;
    let frameworks = r#"{"frameworks":[],"completed_frameworks":[]}"#;
    let tasks = r#"{"pending_tasks":[],"queued_tasks":[],"launched_tasks":[],
        "terminated_tasks":[],"completed_tasks":[]}"#;
    let state = format!(
        r#"{{"get_tasks":{tasks},"get_executors":{executors},"get_frameworks":{frameworks}}}"#
    );
    for (kind, expected) in [
        ("GET_EXECUTORS", executors),
        ("GET_FRAMEWORKS", frameworks),
        ("GET_TASKS", tasks),
        ("GET_STATE", &state),
    ] {
        let call = post(&format!(r#"{{"type":"{kind}"}}"#));
        let Outcome::Answered(response) = answer(|| Some(empty.clone()), &call) else {
            panic!("{kind} asks further");
        };
        let shown: serde_json::Value = serde_json::from_slice(response.body().unwrap()).unwrap();
        let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
        assert_eq!(shown[kind.to_lowercase()], expected, "{kind}");
    }
}

#[test]
fn b2_agent_operator_refusals() {
    for (body, code) in [
        ("{}", 400),
        ("bad", 400),
        (r#"{"type":"GET_METRICS"}"#, 400),
        (r#"{"type":"LAUNCH_CONTAINER"}"#, 501),
        (r#"{"type":"UNKNOWN"}"#, 501),
    ] {
        assert_eq!(asked(body, true).0, code, "{body}");
    }
    assert_eq!(asked("bad", false).0, 503, "before the request is looked at");
}
