//! The operator API (MOP-01 to MOP-15), and what a standby answers itself (E16).

use super::{request, text, Office, JSON, LEADER};
use crate::http::desk::Standing;
use crate::http::operator::{answer, metrics, Outcome};
use libproc::http::{Method, Request, Response};
use meseta_api::codec::Codec;
use meseta_api::v1::master::Response as V1Response;

fn post(body: &str, headers: &[(&str, &str)]) -> Request {
    let headers: Vec<_> = [JSON].iter().chain(headers).copied().collect();
    request(Method::POST, "/api/v1", &headers, body.as_bytes())
}

fn answered(office: &Office, request: &Request) -> Response {
    match answer(office, request) {
        Outcome::Answered(response) => response,
        Outcome::Read(question) => office.read(&question),
        Outcome::Metrics(codec) => metrics(codec, vec![("a/b".into(), 1.0)]),
        Outcome::Follow(codec) => panic!("a stream begins: {codec:?}"),
        Outcome::Ask(call) => panic!("asks the core: {call:?}"),
    }
}

const LOCAL: [(&str, &str); 4] = [
    (r#"{"type":"GET_HEALTH"}"#, r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#),
    (r#"{"type":"GET_VERSION"}"#, r#""version_info":{"version":"1.12.0""#),
    (
        r#"{"type":"GET_METRICS","get_metrics":{}}"#,
        r#"{"type":"GET_METRICS","get_metrics":{"metrics":[{"name":"a/b","value":1.0}]}}"#,
    ),
    (r#"{"type":"GET_FLAGS"}"#, r#"{"name":"hostname","value":"h7"}"#),
];
const READS: [&str; 9] = [
    "GET_QUOTA",
    "GET_WEIGHTS",
    "GET_STATE",
    "GET_AGENTS",
    "GET_FRAMEWORKS",
    "GET_TASKS",
    "GET_MASTER",
    "GET_ROLES",
    "GET_EXECUTORS",
];

/// GET_FLAGS (MOP-02), GET_METRICS (MOP-04) and the others.
#[test]
fn mop_01_to_mop_15_reads_in_both_codecs() {
    let office = Office::serving();
    for (call, words) in LOCAL {
        let response = answered(&office, &post(call, &[]));
        assert_eq!(response.code(), 200);
        assert!(text(&response).contains(words), "{}", text(&response));
    }
    for kind in READS {
        let call = format!(r#"{{"type":"{kind}"}}"#);
        let response = answered(&office, &post(&call, &[]));
        assert_eq!(response.code(), 200, "{kind}");
        let json: V1Response = Codec::Json.decode(response.body().unwrap()).unwrap();
        let accept = [("Accept", "application/x-protobuf")];
        let response = answered(&office, &post(&call, &accept));
        assert_eq!(response.headers()["content-type"], "application/x-protobuf");
        let protobuf: V1Response = Codec::Protobuf.decode(response.body().unwrap()).unwrap();
        assert_eq!(json, protobuf, "{kind}");
        assert_eq!(json.r#type().as_str_name(), kind);
    }
}

#[test]
fn mop_lists_are_there_even_where_they_are_empty() {
    let office = Office::serving();
    let agents = r#"{"agents":[],"recovered_agents":[]}"#;
    let executors = r#"{"executors":[]}"#;
    let frameworks = r#"{"frameworks":[],"completed_frameworks":[]}"#;
    let tasks = r#"{"tasks":[],"unreachable_tasks":[],"completed_tasks":[]}"#;
    let state = format!(
        r#"{{"get_tasks":{tasks},"get_executors":{executors},"get_frameworks":{frameworks},"get_agents":{agents}}}"#
    );
    for (kind, expected) in [
        ("GET_AGENTS", agents),
        ("GET_EXECUTORS", executors),
        ("GET_FRAMEWORKS", frameworks),
        ("GET_TASKS", tasks),
        ("GET_STATE", &state),
    ] {
        let response = answered(&office, &post(&format!(r#"{{"type":"{kind}"}}"#), &[]));
        let shown: serde_json::Value = serde_json::from_str(&text(&response)).unwrap();
        let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
        assert_eq!(shown[kind.to_lowercase()], expected, "{kind}");
    }
}

#[test]
fn e16_a_standby_answers_health_version_and_metrics_and_redirects_the_rest() {
    let leader = Some(LEADER.to_owned());
    for standing in [Standing::Standby { leader }, Standing::Recovering] {
        let office = Office::standing(standing.clone());
        for (call, words) in LOCAL {
            let response = answered(&office, &post(call, &[]));
            assert_eq!(response.code(), 200);
            assert!(text(&response).contains(words));
        }
        let elsewhere = if standing == Standing::Recovering { 503 } else { 307 };
        let others = READS.map(|kind| post(&format!(r#"{{"type":"{kind}"}}"#), &[]));
        let unreadable = [post("bad", &[]), request(Method::GET, "/api/v1", &[], b"")];
        for request in others.iter().chain(&unreadable) {
            assert_eq!(answered(&office, request).code(), elsewhere);
        }
    }
}

#[test]
fn b2_operator_refusals() {
    let office = Office::serving();
    for (body, headers, code, words) in [
        ("{}", vec![], 400, "Expecting 'type' to be present"),
        (r#"{"type":"GET_METRICS"}"#, vec![], 400, "Expecting 'get_metrics' to be present"),
        (r#"{"type":"GET_STATE"}"#, vec![("Accept", "text/html")], 406, "Expecting 'Accept'"),
        (r#"{"type":"REMOVE_QUOTA"}"#, vec![], 501, "UPDATE_QUOTA"),
        (r#"{"type":"UNKNOWN"}"#, vec![], 501, ""),
        ("bad", vec![], 400, "Failed to parse body into JSON"),
    ] {
        let response = answered(&office, &post(body, &headers));
        assert_eq!(response.code(), code, "{body}: {}", text(&response));
        assert!(text(&response).contains(words), "{body}: {}", text(&response));
    }
    // What is decided is the core's matter, also what is missing in it (MOP-14, MOP-21 to
    // MOP-24, MOP-26).
    for kind in [
        "TEARDOWN",
        "DRAIN_AGENT",
        "DEACTIVATE_AGENT",
        "REACTIVATE_AGENT",
        "MARK_AGENT_GONE",
        "UPDATE_QUOTA",
        "UPDATE_WEIGHTS",
    ] {
        let call = format!(r#"{{"type":"{kind}"}}"#);
        assert!(matches!(answer(&office, &post(&call, &[])), Outcome::Ask(_)), "{kind}");
    }
}
