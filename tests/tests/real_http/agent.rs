//! The executor API, the operator API, `/state` and the files of an agent.

use crate::raw::{ask, Connection};
use crate::JSON;
use meseta_tests::real::local::Local;
use meseta_tests::real::wait::until;
use meseta_tests::real::PATIENCE;
use serde_json::Value;

const IDS: &str = r#""framework_id":{"value":"f"},"executor_id":{"value":"e"}"#;

fn executor(port: u16) {
    let call = |kind: &str, more: &str| format!(r#"{{"type":"{kind}",{IDS}{more}}}"#);
    let subscribe = call("SUBSCRIBE", r#","subscribe":{}"#);
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);
    let rows: &[Row<'_>] = &[
        ("GET", &[], "", 405, "'POST'"),
        ("POST", &[], &subscribe, 400, "'Content-Type' to be present"),
        ("POST", &[("Content-Type", "a/b")], &subscribe, 415, "'Content-Type' of"),
        ("POST", &[JSON], "bad", 400, "Failed to parse body into JSON"),
        ("POST", &[JSON], r#"{"type":"SUBSCRIBE"}"#, 400, "executor_id"),
        ("POST", &[JSON, ("Accept", "text/html")], &subscribe, 406, "'Accept'"),
        ("POST", &[JSON], &subscribe, 400, ""),
        ("POST", &[JSON], &call("HEARTBEAT", ""), 400, ""),
        ("POST", &[JSON], &call("UNKNOWN", ""), 501, ""),
    ];
    for path in ["/api/v1/executor", "/slave(1)/api/v1/executor", "/slave%281%29/api/v1/executor/"]
    {
        for (method, headers, body, code, words) in rows {
            let answer = ask(port, method, path, headers, body.as_bytes());
            assert_eq!(answer.head.status, *code, "{path} {body}: {}", answer.body);
            assert!(answer.body.contains(words), "{path} {body}: {}", answer.body);
        }
    }
}

fn documents(port: u16) {
    for path in ["/state", "/slave(1)/state", "/slave%281%29/state/"] {
        let answer = ask(port, "GET", path, &[], b"");
        let state: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(state["pid"], format!("slave(1)@127.0.0.1:{port}"), "{path}");
        for member in ["frameworks", "completed_frameworks", "resource_providers"] {
            assert!(state[member].is_array(), "{member}");
        }
    }
    let version: Value =
        serde_json::from_str(&ask(port, "GET", "/version", &[], b"").body).unwrap();
    assert_eq!(version["version"], "1.12.0");
    for kind in ["GET_HEALTH", "GET_VERSION", "GET_STATE", "GET_TASKS", "GET_AGENT"] {
        let body = format!(r#"{{"type":"{kind}"}}"#);
        let answer = ask(port, "POST", "/slave(1)/api/v1", &[JSON], body.as_bytes());
        assert_eq!(answer.head.status, 200, "{kind}: {}", answer.body);
    }
}

/// Reads, lists and downloads what a task wrote: more than may wait for a slow client.
fn files(local: &Local) {
    let script = "head -c 3000000 /dev/zero | tr '\\0' x > big; echo done";
    let done = local.cli().run(&["run", "--name", "writer", "--", "sh", "-c", script]);
    assert_eq!(done.code, 0, "{done:?}");
    // The framework's removal is seen when it is durable, which may be after the verb's end.
    let sandbox = until("the task is completed", PATIENCE, || {
        let state = ask(local.port, "GET", "/state", &[], b"").body;
        let state: Value = serde_json::from_str(&state).map_err(|error| error.to_string())?;
        let framework = &state["completed_frameworks"][0];
        let task = &framework["completed_tasks"][0];
        match (framework["id"].as_str(), task["id"].as_str()) {
            (Some(framework), Some(task)) => {
                Ok(format!("/frameworks/{framework}/executors/{task}/runs/latest"))
            }
            _ => Err(state.to_string()),
        }
    });
    let port = local.agent_port(1);
    for read in ["/files/read", "/files/read.json"] {
        let path = format!("{read}?path={sandbox}/stdout&offset=0");
        let answer = ask(port, "GET", &path, &[], b"");
        let shown: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!((&shown["data"], &shown["offset"]), (&"done\n".into(), &0.into()));
    }
    let listed = ask(port, "GET", &format!("/files/browse?path={sandbox}"), &[], b"");
    assert!(listed.body.contains(&format!(r#""path":"{sandbox}/big","size":3000000"#)));
    let request = format!("GET /files/download?path={sandbox}/big HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut connection = Connection::send(port, request.as_bytes());
    let head = connection.head().expect("an answer");
    assert_eq!(head.all("content-disposition"), ["attachment; filename=big"]);
    let mut length = 0;
    while let Some(chunk) = connection.chunk() {
        assert!(chunk.iter().all(|byte| *byte == b'x'));
        length += chunk.len();
    }
    assert_eq!(length, 3_000_000, "LEG-04");
    for path in
        ["/etc/passwd", "/x", &format!("{sandbox}/../../x"), &format!("{sandbox}%2F..%2F..")]
    {
        let answer = ask(port, "GET", &format!("/files/download?path={path}"), &[], b"");
        assert_eq!(answer.head.status, 404, "bad-input 3.3: {path}");
    }
}

#[test]
fn an_agents_http() {
    let local = Local::start(1);
    executor(local.agent_port(1));
    documents(local.agent_port(1));
    files(&local);
}
