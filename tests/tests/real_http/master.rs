//! The scheduler API, the operator API and the older endpoints of a master.

use crate::raw::{ask, Connection, Head};
use crate::JSON;
use meseta_api::codec::Codec;
use meseta_api::v1::scheduler::Event;
use meseta_tests::real::local::Local;
use meseta_tests::real::wait::until;
use meseta_tests::real::PATIENCE;
use serde_json::Value;

const PATH: &str = "/api/v1/scheduler";
const SUBSCRIBE: &str =
    r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"raw"}}}"#;

/// A subscription: its head, and its connection at the first record.
fn subscribe(port: u16, path: &str, accept: &str) -> (Head, Connection) {
    let length = SUBSCRIBE.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nAccept: {accept}\r\n\
         Content-Length: {length}\r\n\r\n{SUBSCRIBE}"
    );
    let mut connection = Connection::send(port, request.as_bytes());
    let head = connection.head().expect("an answer");
    assert_eq!(head.status, 200);
    assert_eq!(head.all("content-type"), [accept]);
    assert_eq!(head.all("transfer-encoding"), ["chunked"]);
    assert!(head.all("content-length").is_empty());
    assert_eq!(head.all("mesos-stream-id").len(), 1, "SCH-03");
    (head, connection)
}

/// The record in the next chunk, which must hold one and nothing else.
fn record(connection: &mut Connection, codec: Codec) -> Event {
    let chunk = connection.chunk().expect("a chunk");
    let newline = chunk.iter().position(|byte| *byte == b'\n').expect("a record's header");
    let length: usize = std::str::from_utf8(&chunk[..newline]).unwrap().parse().unwrap();
    let body = &chunk[newline + 1..];
    assert_eq!(body.len(), length, "one record is one chunk: {}", String::from_utf8_lossy(&chunk));
    assert!(codec != Codec::Json || !body.contains(&b'\n'));
    codec.decode(body).expect("an event")
}

fn framing(port: u16) {
    for (path, codec) in [
        (PATH, Codec::Json),
        ("/api/v1/scheduler/", Codec::Protobuf),
        ("/master/api/v1/scheduler?ignored=1", Codec::Json),
        ("//api//v1/scheduler", Codec::Json),
    ] {
        let (_, mut connection) = subscribe(port, path, codec.media_type());
        let types: Vec<&str> =
            (0..3).map(|_| record(&mut connection, codec).r#type().as_str_name()).collect();
        assert_eq!(types, ["SUBSCRIBED", "HEARTBEAT", "OFFERS"], "{path}");
    }
}

fn b2(port: u16) {
    let (head, mut stream) = subscribe(port, PATH, "application/json");
    let id = ("mesos-STREAM-id", head.all("mesos-stream-id")[0]);
    let subscribed = record(&mut stream, Codec::Json);
    let framework = subscribed.subscribed.expect("SUBSCRIBED").framework_id.value;
    let call =
        |kind: &str| format!(r#"{{"type":"{kind}","framework_id":{{"value":"{framework}"}}}}"#);
    let (revive, unknown) = (call("REVIVE"), call("UNKNOWN"));
    let (other, nobody) = (("Content-Type", "text/xml"), call("REVIVE").replace(&framework, "x"));
    let wrong = ("Mesos-Stream-Id", "5b3e1d0a-0000-4000-8000-000000000000");
    let long = "y".repeat(129);
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);
    let rows: &[Row<'_>] = &[
        ("4", "GET", &[], "", 405, "Expecting one of { 'POST' }"),
        ("4", "DELETE", &[JSON], &revive, 405, "'DELETE'"),
        ("5", "POST", &[], &revive, 400, "Expecting 'Content-Type' to be present"),
        ("6", "POST", &[other], &revive, 415, "Expecting 'Content-Type' of application/json"),
        ("7", "POST", &[JSON], "{", 400, "Failed to parse body into JSON"),
        ("7", "POST", &[JSON], r#"{"type":7}"#, 400, ""),
        ("8", "POST", &[JSON], "{}", 400, "Expecting 'type' to be present"),
        ("8", "POST", &[JSON], r#"{"type":"REVIVE"}"#, 400, "'framework_id'"),
        ("8", "POST", &[JSON], r#"{"type":"SUBSCRIBE"}"#, 400, "'subscribe'"),
        ("9", "POST", &[JSON, ("Accept", "text/html")], SUBSCRIBE, 406, "'Accept'"),
        ("10", "POST", &[JSON, id], SUBSCRIBE, 400, "should not include the 'Mesos-Stream-Id'"),
        ("11", "POST", &[JSON, id], &nobody, 400, "Framework cannot be found"),
        ("15", "POST", &[JSON], &revive, 400, "Mesos-Stream-Id"),
        ("15", "POST", &[JSON, wrong], &revive, 400, ""),
        ("15", "POST", &[JSON, ("Mesos-Stream-Id", &long)], &revive, 400, ""),
        ("16", "POST", &[JSON, id], &unknown, 501, ""),
        ("20", "POST", &[JSON, id], &revive, 202, ""),
        ("20", "POST", &[JSON, id, ("Accept", "text/html")], &revive, 202, ""),
        ("20", "POST", &[("Content-Type", "application/json;charset=UTF-8"), id], &revive, 202, ""),
    ];
    for (row, method, headers, body, code, words) in rows {
        let answer = ask(port, method, PATH, headers, body.as_bytes());
        assert_eq!(answer.head.status, *code, "row {row}: {}", answer.body);
        assert!(answer.body.contains(words), "row {row}: {}", answer.body);
        match code {
            405 => assert_eq!(answer.head.all("allow"), ["POST"]),
            202 => {
                assert_eq!(answer.head.all("content-length"), ["0"]);
                assert!(answer.body.is_empty() && answer.head.all("content-type").is_empty());
            }
            _ => {}
        }
    }
    chunked_body(port, id, &revive);

    // Row 13: the stream ends, and with it the subscription. Without a failover timeout the
    // framework goes, so that the answer is that of row 11 once its removal is durable.
    drop(stream);
    until("the lost stream is noticed", PATIENCE, || {
        let answer = ask(port, "POST", PATH, &[JSON, id], revive.as_bytes());
        matches!(answer.head.status, 400 | 403).then_some(()).ok_or(answer.body)
    });
}

/// Clients of node.js send bodies in chunks, without a length.
fn chunked_body(port: u16, id: (&str, &str), body: &str) {
    let (first, second) = body.split_at(10);
    let request = format!(
        "POST {PATH} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\n\
         {}: {}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        id.0,
        id.1,
        first.len(),
        second.len()
    );
    let head = Connection::send(port, request.as_bytes()).head().expect("an answer");
    assert_eq!(head.status, 202);
}

fn operator(port: u16) {
    for path in ["/api/v1", "/api/v1/", "/api/v1/operator", "/master/api/v1"] {
        let body = br#"{"type":"GET_HEALTH"}"#;
        let answer = ask(port, "POST", path, &[JSON], body);
        assert_eq!(answer.head.status, 200, "{path}");
        assert_eq!(answer.head.all("content-type"), ["application/json"]);
        assert_eq!(answer.body, r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#);
        assert_eq!(answer.head.all("content-length"), [answer.body.len().to_string()]);
    }
    for kind in [
        "GET_VERSION",
        "GET_STATE",
        "GET_AGENTS",
        "GET_FRAMEWORKS",
        "GET_TASKS",
        "GET_MASTER",
        "GET_ROLES",
    ] {
        let body = format!(r#"{{"type":"{kind}"}}"#);
        let answer = ask(port, "POST", "/api/v1", &[JSON], body.as_bytes());
        assert_eq!(answer.head.status, 200, "{kind}");
        assert!(answer.body.contains(&format!(r#""type":"{kind}""#)), "{}", answer.body);
    }
    let metrics = br#"{"type":"GET_METRICS","get_metrics":{}}"#;
    let answer = ask(port, "POST", "/api/v1", &[JSON], metrics);
    assert!(answer.body.contains(r#""name":"master/elected","value":1.0"#), "{}", answer.body);
    let metrics: Value = serde_json::from_str(&answer.body).unwrap();
    let metrics = metrics["get_metrics"]["metrics"].as_array().unwrap();
    assert!(metrics.len() > 10 && metrics.iter().all(|metric| metric["value"].is_number()));
    let unbuilt = br#"{"type":"GET_LOGGING_LEVEL"}"#;
    assert_eq!(ask(port, "POST", "/api/v1", &[JSON], unbuilt).head.status, 501);
}

fn classic(port: u16) {
    for (path, member) in [
        ("/state", "slaves"),
        ("/master/state/", "slaves"),
        ("/state-summary", "frameworks"),
        ("/slaves", "slaves"),
        ("/frameworks", "completed_frameworks"),
        ("/tasks?limit=1&offset=0&order=asc", "tasks"),
        ("/roles", "roles"),
    ] {
        for method in ["GET", "POST"] {
            let answer = ask(port, method, path, &[], b"");
            assert_eq!(answer.head.status, 200, "{method} {path}");
            assert_eq!(answer.head.all("content-type"), ["application/json"]);
            let shown: Value = serde_json::from_str(&answer.body).expect("JSON");
            assert!(shown[member].is_array(), "{path}");
        }
    }
    let head = ask(port, "HEAD", "/state", &[], b"");
    assert_eq!((head.head.status, head.body.as_str()), (200, ""));
    let script = ask(port, "GET", "/master/version?jsonp=cb", &[], b"");
    assert_eq!(script.head.all("content-type"), ["text/javascript"]);
    assert!(script.body.starts_with("cb({") && script.body.ends_with("});"));
    let redirect = ask(port, "GET", "/redirect", &[], b"");
    assert_eq!(redirect.head.status, 307);
    assert_eq!(redirect.head.all("location"), [format!("//127.0.0.1:{port}")]);
    assert_eq!(ask(port, "GET", "/redirect/x", &[], b"").head.status, 404);
    let state: Value = serde_json::from_str(&ask(port, "GET", "/state", &[], b"").body).unwrap();
    assert_eq!(state["leader"], state["pid"]);
    assert_eq!(state["pid"], format!("master@127.0.0.1:{port}"));
    let agent = &state["slaves"][0];
    assert_eq!(agent["pid"], format!("slave(1)@127.0.0.1:{}", port + 1));
    let snapshot = ask(port, "GET", "/metrics/snapshot", &[], b"").body;
    let snapshot: Value = serde_json::from_str(&snapshot).unwrap();
    assert!(snapshot.as_object().unwrap().values().all(Value::is_number));
}

#[test]
fn a_masters_http() {
    let local = Local::start(1);
    framing(local.port);
    b2(local.port);
    operator(local.port);
    classic(local.port);
}
