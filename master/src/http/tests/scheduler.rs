//! The rows of B2, and SCH-01 to SCH-04.

use super::{request, text, Office, JSON, LEADER};
use crate::http::desk::Standing;
use libproc::http::{Method, Request, Response};

const PATH: &str = "/api/v1/scheduler";
const SUBSCRIBE: &str =
    r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"f"}}}"#;

fn post(body: &str, headers: &[(&str, &str)]) -> Request {
    let headers: Vec<_> = [JSON].iter().chain(headers).copied().collect();
    request(Method::POST, PATH, &headers, body.as_bytes())
}

/// An office with one subscribed framework, `m-0000`, and its stream id.
fn subscribed() -> (Office, Response, String) {
    let mut office = Office::serving();
    let response = office.schedule(&post(SUBSCRIBE, &[]));
    assert_eq!(response.code(), 200, "{}", text(&response));
    let id = response.headers()["mesos-stream-id"].to_str().unwrap().to_owned();
    (office, response, id)
}

fn call(kind: &str, more: &str) -> String {
    format!(r#"{{"type":"{kind}","framework_id":{{"value":"m-0000"}}{more}}}"#)
}

#[test]
fn b2_row_17_a_subscription_streams_and_names_its_stream() {
    let (office, response, id) = subscribed();
    assert_eq!(id.len(), 36);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.body().is_none(), "it streams");
    assert_eq!(office.said, ["SUBSCRIBED", "HEARTBEAT"]);
    let mut office = Office::serving();
    let accept = [("Accept", "application/x-protobuf")];
    let response = office.schedule(&post(SUBSCRIBE, &accept));
    assert_eq!(response.headers()["content-type"], "application/x-protobuf");
}

#[test]
fn b2_rows_2_and_3_come_before_every_look_at_the_request() {
    let standby = |leader: Option<&str>| Standing::Standby { leader: leader.map(str::to_owned) };
    for request in [request(Method::GET, PATH, &[], b""), post(SUBSCRIBE, &[]), post("bad", &[])] {
        let response = Office::standing(standby(Some(LEADER))).schedule(&request);
        assert_eq!(response.code(), 307);
        let location = "//10.0.0.7:5050/api/v1/scheduler";
        assert_eq!(response.headers()["location"], location);
        let response = Office::standing(standby(None)).schedule(&request);
        assert_eq!((response.code().as_u16(), &*text(&response)), (503, "No leader elected"));
        let response = Office::standing(Standing::Recovering).schedule(&request);
        assert_eq!(response.code(), 503);
    }
}

#[test]
fn b2_rows_4_to_16() {
    let (mut office, _stream, id) = subscribed();
    let id = ("mEsOs-StReAm-Id", id.as_str());
    let wrong = ("Mesos-Stream-Id", "00000000-0000-0000-0000-000000000000");
    let long = "x".repeat(129);
    let accept = ("Accept", "text/html");
    let mismatch = SUBSCRIBE.replacen("{", r#"{"framework_id":{"value":"x"},"#, 1);
    let unknown = call("REVIVE", "").replace("m-0000", "m-0009");
    let uuid = r#","acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"AA=="}"#;
    let subscribe = "Subscribe calls should not include the 'Mesos-Stream-Id' header";
    type Case<'a> = (&'a str, Request, u16, &'a str);
    let cases: Vec<Case<'_>> = vec![
        ("4", request(Method::GET, PATH, &[], b""), 405, "Expecting one of { 'POST' }"),
        ("5", request(Method::POST, PATH, &[], b"x"), 400, "Expecting 'Content-Type'"),
        ("6", request(Method::POST, PATH, &[("Content-Type", "a/b")], b"x"), 415, "Expecting"),
        ("7", post("bad", &[id]), 400, "Failed to parse body into JSON"),
        ("7", post(r#"{"type":"KILL","kill":{}}"#, &[]), 400, "kill.task_id"),
        ("8 type", post("{}", &[accept]), 400, "Expecting 'type' to be present"),
        ("8 unknown name", post(r#"{"type":"FLY"}"#, &[]), 400, "Expecting 'type'"),
        ("8 sub-message", post(r#"{"type":"SUBSCRIBE"}"#, &[accept]), 400, "'subscribe'"),
        ("8 framework id", post(r#"{"type":"REVIVE"}"#, &[]), 400, "'framework_id'"),
        ("8 mismatch", post(&mismatch, &[accept]), 400, "framework_id"),
        ("8 sub-message", post(&call("KILL", ""), &[wrong]), 400, "'kill'"),
        ("8 uuid", post(&call("ACKNOWLEDGE", uuid), &[id]), 400, "uuid"),
        ("9", post(SUBSCRIBE, &[accept, id]), 406, "Expecting 'Accept' to allow"),
        ("10", post(SUBSCRIBE, &[id]), 400, subscribe),
        ("10 too long", post(SUBSCRIBE, &[("Mesos-Stream-Id", &long)]), 400, "128"),
        ("11", post(&unknown, &[id]), 400, "Framework cannot be found"),
        ("15 missing", post(&call("REVIVE", ""), &[]), 400, "Mesos-Stream-Id"),
        ("15 wrong", post(&call("REVIVE", ""), &[wrong]), 400, ""),
        ("15 too long", post(&call("REVIVE", ""), &[("Mesos-Stream-Id", &long)]), 400, "128"),
        ("16", post(&call("UNKNOWN", ""), &[id]), 501, ""),
        ("20", post(&call("REVIVE", ""), &[id]), 202, ""),
        ("20 accept", post(&call("SUPPRESS", ""), &[id, accept]), 202, ""),
        ("20 reconcile", post(&call("RECONCILE", r#","reconcile":{}"#), &[id]), 202, ""),
    ];
    for (row, request, code, words) in cases {
        let response = office.schedule(&request);
        let body = text(&response);
        assert_eq!(response.code(), code, "row {row}: {body}");
        assert!(body.contains(words), "row {row}: {body}");
        if code == 202 {
            assert_eq!(response.headers()["content-length"], "0", "row {row}");
            assert!(body.is_empty());
        }
    }
    assert_eq!(office.streams.len(), 2, "one subscription, and the refused one of row 10");
}

#[test]
fn b2_row_13_a_framework_whose_stream_has_ended() {
    let (mut office, _stream, id) = subscribed();
    let connection = *office.streams.keys().next().unwrap();
    let info = r#""failover_timeout":60,"id":{"value":"m-0000"},"user":"root","name":"f""#;
    let again = format!(
        r#"{{"type":"SUBSCRIBE","framework_id":{{"value":"m-0000"}},"subscribe":{{"framework_info":{{{info}}}}}}}"#
    );
    let response = office.schedule(&post(&again, &[]));
    assert_eq!(response.code(), 200);
    let fresh = response.headers()["mesos-stream-id"].to_str().unwrap().to_owned();
    assert_ne!(fresh, id, "SCH-03: a fresh id for each subscription");
    assert!(!office.streams.contains_key(&connection), "B3.2: the old stream is closed");
    let old = office.schedule(&post(&call("REVIVE", ""), &[("Mesos-Stream-Id", &id)]));
    assert_eq!(old.code(), 400, "row 15: the earlier scheduler is shut out");

    let connection = *office.streams.keys().next().unwrap();
    let ended = crate::core::Event::SubscriberDisconnected { connection };
    office.submit(ended).unwrap();
    let late = office.schedule(&post(&call("REVIVE", ""), &[("Mesos-Stream-Id", &fresh)]));
    assert_eq!(late.code(), 403);
    assert_eq!(text(&late), "Framework is not subscribed");
}

#[test]
fn b2_a_subscription_that_is_invalid_is_an_error_event_on_a_stream() {
    let mut office = Office::serving();
    let body = SUBSCRIBE.replace(
        r#""name":"f""#,
        r#""name":"f","roles":["a//b"],"capabilities":[{"type":"MULTI_ROLE"}]"#,
    );
    let response = office.schedule(&post(&body, &[]));
    assert_eq!(response.code(), 200);
    assert!(response.headers().contains_key("mesos-stream-id"));
    assert_eq!(office.said, ["ERROR"]);
    assert!(office.streams.is_empty(), "closed after it");
}

#[test]
fn b2_row_18_update_framework_is_answered_when_it_is_done() {
    let (mut office, _stream, id) = subscribed();
    let id = ("Mesos-Stream-Id", id.as_str());
    let update = |info: &str| {
        let info = format!(r#""id":{{"value":"m-0000"}},{info}"#);
        post(
            &call(
                "UPDATE_FRAMEWORK",
                &format!(r#","update_framework":{{"framework_info":{{{info}}}}}"#),
            ),
            &[id],
        )
    };
    let response = office.schedule(&update(r#""user":"root","name":"g""#));
    assert_eq!((response.code().as_u16(), &*text(&response)), (200, ""));
    let response = office.schedule(&update(r#""user":"nobody","name":"g""#));
    assert_eq!(response.code(), 400);
    assert_eq!(text(&response), "Updating 'FrameworkInfo.user' is unsupported");
    let response = office.schedule(&post(&call("UPDATE_FRAMEWORK", ""), &[id]));
    assert_eq!(text(&response), "Expecting 'update_framework' to be present");
}

#[test]
fn b2_rows_9_and_19_reconcile_operations_has_a_response() {
    let (mut office, _stream, id) = subscribed();
    let id = ("Mesos-Stream-Id", id.as_str());
    let asked = r#","reconcile_operations":{"operations":[{"operation_id":{"value":"o"}}]}"#;
    let body = call("RECONCILE_OPERATIONS", asked);
    let response = office.schedule(&post(&body, &[id, ("Accept", "text/html")]));
    assert_eq!(response.code(), 406);
    let response = office.schedule(&post(&body, &[id]));
    assert_eq!(response.code(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    let answer: serde_json::Value = serde_json::from_str(&text(&response)).unwrap();
    assert_eq!(answer["type"], "RECONCILE_OPERATIONS");
    let status = &answer["reconcile_operations"]["operation_statuses"][0];
    assert_eq!(status["operation_id"]["value"], "o");
    assert_eq!(status["state"], "OPERATION_UNKNOWN");
    assert_eq!(office.said.last(), Some(&"UPDATE_OPERATION_STATUS"));
    let response = office.schedule(&post(&call("RECONCILE_OPERATIONS", ""), &[id]));
    assert_eq!(text(&response), "Expecting 'reconcile_operations' to be present");
}
