//! The executor rows of B2, and what becomes of a request and its stream.

use super::*;
use libproc::http::{HeaderMap, HeaderName, HeaderValue, Method};
use meseta_node::http::auth::ExecutorTokens;
use std::sync::{Arc, Mutex};

const ONE: ExecutorConnection = ExecutorConnection(1);
const IDS: &str = r#""framework_id":{"value":"f"},"executor_id":{"value":"e"}"#;

fn request(method: Method, headers: &[(&str, &str)], body: &str) -> Request {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    Request {
        method,
        path: "/api/v1/executor".into(),
        rest: String::new(),
        query: String::new(),
        headers: map,
        body: body.to_owned().into(),
        client: "127.0.0.1:1".into(),
        certificate: None,
        trace: None,
    }
}

fn call(kind: &str, more: &str) -> String {
    format!(r#"{{"type":"{kind}",{IDS}{more}}}"#)
}

fn post(body: &str) -> Request {
    request(Method::POST, &[("Content-Type", "application/json")], body)
}

#[test]
fn b2_executor_rows_before_the_core() {
    let json = ("Content-Type", "application/json");
    let html = ("Accept", "text/html");
    let subscribe = call("SUBSCRIBE", r#","subscribe":{}"#);
    for (request, code, words) in [
        (request(Method::GET, &[], ""), 405, "received 'GET'"),
        (request(Method::POST, &[], &subscribe), 400, "'Content-Type' to be present"),
        (request(Method::POST, &[("Content-Type", "a/b")], &subscribe), 415, "Expecting"),
        (post("bad"), 400, "Failed to parse body into JSON"),
        (post(r#"{"type":"SUBSCRIBE"}"#), 400, "executor_id"),
        (post(&format!("{{{IDS}}}")), 400, "Expecting 'type'"),
        (post(&call("SUBSCRIBE", "")), 400, "Expecting 'subscribe'"),
        (post(&call("UPDATE", "")), 400, "Expecting 'update'"),
        (post(&call("MESSAGE", "")), 400, "Expecting 'message'"),
        (post(&call("UNKNOWN", "")), 501, ""),
        (request(Method::POST, &[json, html], &subscribe), 406, "Expecting 'Accept'"),
    ] {
        let refusal = read(&Guards::open(), true, &request).unwrap_err();
        assert_eq!(refusal.status, code, "{refusal}");
        assert!(refusal.message.contains(words), "{refusal}");
    }
    let taken = |request| read(&Guards::open(), true, &request).unwrap();
    assert!(taken(post(&subscribe)).codec.is_some());
    assert!(taken(post(&call("HEARTBEAT", ""))).codec.is_none());
}

#[test]
fn exe_22_a_token_is_asked_for_first_and_binds_its_executor() {
    let tokens = ExecutorTokens::new(&[7; 32], "c").unwrap();
    let other = ExecutorTokens::new(&[8; 32], "c").unwrap();
    let guards = Guards::open().with(Realm::AgentExecutor, Arc::new(tokens.clone()));
    let token = |by: &ExecutorTokens, fid: &str, eid: &str, cid: &str| {
        let claims = Claims { fid: fid.into(), eid: eid.into(), cid: cid.into() };
        format!("Bearer {}", by.issue(&claims))
    };
    let own = token(&tokens, "f", "e", "c-1");
    let beat = call("HEARTBEAT", "");
    let json = ("Content-Type", "application/json");
    let asked = |lines: &[&str], recovered: bool, method: Method, body: &str| {
        let lines = lines.iter().map(|line| ("Authorization", *line));
        let headers: Vec<_> = lines.chain([json]).collect();
        read(&guards, recovered, &request(method, &headers, body))
    };
    for lines in [
        vec![],
        vec!["Bearer"],
        vec!["Bearer x"],
        vec![&*token(&other, "f", "e", "c-1")],
        vec![&*own.replace("Bearer", "Basic")],
        vec![&*own, &*own],
    ] {
        for (recovered, method, body) in [
            (true, Method::POST, &*beat),
            (false, Method::POST, &*beat),
            (true, Method::GET, "bad"),
        ] {
            let refusal = asked(&lines, recovered, method, body).unwrap_err();
            assert_eq!(refusal.status, 401, "row 0 is the first: {lines:?}");
            assert_eq!(refusal.message, "401 Unauthorized");
        }
    }
    assert_eq!(asked(&[&own], false, Method::POST, &beat).unwrap_err().status, 503);
    assert_eq!(asked(&[&own], true, Method::GET, &beat).unwrap_err().status, 405);
    assert_eq!(asked(&[&own], true, Method::POST, "bad").unwrap_err().status, 400);
    for (fid, eid, cid) in
        [("g", "e", "c-1"), ("f", "d", "c-1"), ("e", "f", "c-1"), ("f", "e", "/")]
    {
        let refusal = asked(&[&token(&tokens, fid, eid, cid)], true, Method::POST, &beat);
        assert_eq!(refusal.unwrap_err().status, 403, "{fid} {eid} {cid}");
    }
    let asking = asked(&[&own.replace("Bearer", "bearer")], true, Method::POST, &beat).unwrap();
    assert_eq!(asking.container, Some(ContainerId::parse("c-1").unwrap()));
    let open = read(&Guards::open(), true, &post(&beat)).unwrap();
    assert_eq!(open.container, None, "nobody is asked, and the call's own ids decide");
}

type Answer = Arc<Mutex<Option<Response>>>;

fn asked(body: &str) -> (HttpExecutors, Answer) {
    let answer = Answer::default();
    let slot = answer.clone();
    let reply = Reply::new(move |outcome: Result<Response, _>| {
        *slot.lock().unwrap() = outcome.ok();
    });
    let mut executors = HttpExecutors::default();
    executors.asked(ONE, &read(&Guards::open(), true, &post(body)).unwrap(), reply);
    (executors, answer)
}

fn code(answer: &Answer) -> Option<u16> {
    let answer = answer.lock().unwrap();
    answer.as_ref().map(|response| response.code().as_u16())
}

#[test]
fn exe_02_the_first_event_opens_the_stream() {
    let (mut executors, answer) = asked(&call("SUBSCRIBE", r#","subscribe":{}"#));
    assert_eq!(code(&answer), None, "the core has said nothing yet");
    assert!(executors.send(ONE, &Event::default()).is_some());
    assert_eq!(code(&answer), Some(200));
    assert!(answer.lock().unwrap().as_ref().unwrap().body().is_none(), "it streams");
    assert!(executors.accept(ONE).is_none(), "opened once");
    assert!(executors.send(ONE, &Event::default()).is_none());
    executors.refuse(ONE, 400, "too late");
    assert!(executors.has(ONE));
    executors.close(ONE);
    assert!(!executors.has(ONE));
}

#[test]
fn exe_02_a_subscription_without_an_event_streams_all_the_same() {
    let (mut executors, answer) = asked(&call("SUBSCRIBE", r#","subscribe":{}"#));
    assert!(executors.accept(ONE).is_some());
    assert_eq!(code(&answer), Some(200));
    assert!(executors.has(ONE));
}

#[test]
fn b2_other_calls_are_202_or_what_the_core_says() {
    let beat = call("HEARTBEAT", "");
    let (mut executors, answer) = asked(&beat);
    assert!(executors.send(ONE, &Event::default()).is_none(), "no stream");
    assert!(executors.accept(ONE).is_none());
    assert_eq!((code(&answer), executors.has(ONE)), (Some(202), false));

    let (mut executors, answer) = asked(&beat);
    executors.refuse(ONE, 403, "Executor is not subscribed");
    assert_eq!((code(&answer), executors.has(ONE)), (Some(403), false));

    let (mut executors, answer) = asked(&beat);
    executors.close(ONE);
    assert_eq!((code(&answer), executors.has(ONE)), (Some(503), false));
}
