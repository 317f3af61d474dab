//! The smallest scheduler over HTTP that traces: it begins the trace of its launch and hands it to
//! the master with ACCEPT; its acknowledgements say nothing of it.

use crate::raw::{ask, Connection};
use crate::spans::Span;
use base64::prelude::{Engine, BASE64_STANDARD};
use serde_json::{json, Value};
use std::time::SystemTime;

/// What it exports its span under.
pub(crate) const SERVICE: &str = "http-scheduler";
const PATH: &str = "/api/v1/scheduler";
const TRACE: [u8; 16] = *b"a-trace-of-http!";
const SPAN: [u8; 8] = *b"a-launch";

/// Runs `true` as a task, and acknowledges all that is said of it until its end.
pub(crate) fn run_one_task(port: u16, task: &str) -> Span {
    let subscribe = json!({
        "type": "SUBSCRIBE",
        "subscribe": { "framework_info": { "user": "root", "name": "http" } },
    });
    let body = subscribe.to_string();
    let request = format!(
        "POST {PATH} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\
         Accept: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = Connection::send(port, request.as_bytes());
    let head = stream.head().expect("an answer");
    assert_eq!(head.status, 200);
    let stream_id = head.all("mesos-stream-id")[0].to_owned();
    let subscribed = next(&mut stream, "SUBSCRIBED");
    let framework = subscribed["subscribed"]["framework_id"].clone();
    let call_on = |id: &str, kind: &str, field: &str, value: &Value, trace: Option<&str>| {
        let body = json!({ "type": kind, "framework_id": framework, field: value }).to_string();
        let mut headers = vec![("Content-Type", "application/json"), ("Mesos-Stream-Id", id)];
        headers.extend(trace.map(|traceparent| ("traceparent", traceparent)));
        ask(port, "POST", PATH, &headers, body.as_bytes())
    };
    let call = |kind: &str, field: &str, value: &Value, trace: Option<&str>| {
        let answer = call_on(&stream_id, kind, field, value, trace);
        assert_eq!((answer.head.status, answer.body.as_str()), (202, ""), "{kind}");
    };

    let offer = next(&mut stream, "OFFERS")["offers"]["offers"][0].clone();
    let start = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let accept = json!({
        "offer_ids": [offer["id"]],
        "filters": { "refuse_seconds": 3600.0 },
        "operations": [{ "type": "LAUNCH", "launch": { "task_infos": [{
            "name": "t",
            "task_id": { "value": task },
            "agent_id": offer["agent_id"],
            "command": { "value": "true" },
            "resources": [
                { "name": "cpus", "type": "SCALAR", "scalar": { "value": 0.1 } },
                { "name": "mem", "type": "SCALAR", "scalar": { "value": 32.0 } },
            ],
        }] } }],
    });
    let traceparent = format!("00-{}-{}-01", hex(&TRACE), hex(&SPAN));
    call("ACCEPT", "accept", &accept, Some(&traceparent));
    loop {
        let update = next(&mut stream, "UPDATE");
        let status = &update["update"]["status"];
        let uuid = status["uuid"].as_str().expect("a uuid");
        assert_eq!(BASE64_STANDARD.decode(uuid).expect("base64").len(), 16);
        let acknowledge = json!({
            "agent_id": status["agent_id"],
            "task_id": status["task_id"],
            "uuid": uuid,
        });
        // One that is refused takes nothing from the one that counts.
        let refused = call_on("another", "ACKNOWLEDGE", "acknowledge", &acknowledge, None);
        assert_eq!(refused.head.status, 400, "{}", refused.body);
        call("ACKNOWLEDGE", "acknowledge", &acknowledge, None);
        if status["state"] == "TASK_FINISHED" {
            break;
        }
    }
    Span {
        service: SERVICE.into(),
        name: "launch".into(),
        trace: TRACE.to_vec(),
        id: SPAN.to_vec(),
        parent: Vec::new(),
        start: u64::try_from(start.as_nanos()).expect("before 2554"),
        attributes: Default::default(),
    }
}

/// The next event of a kind; others are passed over.
fn next(stream: &mut Connection, kind: &str) -> Value {
    loop {
        let chunk = stream.chunk().unwrap_or_else(|| panic!("the stream ends before {kind}"));
        let newline = chunk.iter().position(|byte| *byte == b'\n').expect("a record's header");
        let event: Value = serde_json::from_slice(&chunk[newline + 1..]).expect("an event");
        if event["type"] == kind {
            return event;
        }
        assert_ne!(event["type"], "ERROR", "{event}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
