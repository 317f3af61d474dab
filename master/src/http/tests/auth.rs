//! Rows 0 and 1 of B2, and what a principal may say (B16, SCH-06).

use super::{request, text, Office, JSON, LEADER};
use crate::http::classic::{self, Which};
use crate::http::desk::Standing;
use crate::http::operator;
use libproc::http::{Method, Request, Response};
use meseta_node::http::auth::{Claims, Guards, HttpAuthenticator, Principal, Realm};
use std::sync::Arc;

/// Takes `Test NAME` for NAME, and `Test -` for an executor.
struct Trusting;

impl HttpAuthenticator for Trusting {
    fn scheme(&self) -> &'static str {
        "Test"
    }

    fn authenticate(&self, name: &str) -> Option<Principal> {
        let claims = || Claims { fid: "f".into(), eid: "e".into(), cid: "c".into() };
        match name {
            "" => None,
            "-" => Some(Principal::Executor(claims())),
            name => Some(Principal::Named(name.to_owned())),
        }
    }
}

fn guarded(standing: Standing) -> Office {
    let realms = [Realm::MasterReadOnly, Realm::MasterReadWrite, Realm::MasterScheduler];
    let guards = Guards::open();
    let guards = realms.into_iter().fold(guards, |all, realm| all.with(realm, Arc::new(Trusting)));
    Office { guards, standing, ..Office::serving() }
}

fn serving() -> Office {
    guarded(Standing::Serving { address: LEADER.into() })
}

/// Each way to ask, and its realm.
fn answers(office: &mut Office, request: &Request) -> [(&'static str, Response); 4] {
    let operator = match operator::answer(office, request) {
        operator::Outcome::Answered(response) => response,
        _ => panic!("asks further"),
    };
    [
        ("mesos-master-readonly", office.document(Which::State, request)),
        ("mesos-master-readonly", classic::flags(office, request)),
        ("mesos-master-readwrite", operator),
        ("mesos-master-scheduler", office.schedule(request)),
    ]
}

#[test]
fn b2_rows_0_and_1_come_before_every_other() {
    let leader = Some(LEADER.to_owned());
    for standing in [
        Standing::Serving { address: LEADER.into() },
        Standing::Recovering,
        Standing::Standby { leader },
        Standing::Standby { leader: None },
    ] {
        let mut office = guarded(standing.clone());
        let health = r#"{"type":"GET_HEALTH"}"#;
        for (method, headers, body) in [
            (Method::POST, vec![JSON], health),
            (Method::GET, vec![], ""),
            (Method::PUT, vec![("Content-Type", "a/b"), ("Accept", "text/html")], "bad"),
        ] {
            for (who, code) in [(None, 401), (Some("Test "), 401), (Some("Test -"), 403)] {
                let who = who.map(|who| ("Authorization", who));
                let headers: Vec<_> = headers.iter().copied().chain(who).collect();
                let asking = request(method.clone(), "/x", &headers, body.as_bytes());
                for (realm, response) in answers(&mut office, &asking) {
                    assert_eq!(response.code(), code, "{standing:?} {realm} {who:?}");
                    let challenge = response.headers().get("www-authenticate");
                    let expected = (code == 401).then(|| format!("Test realm=\"{realm}\""));
                    let challenge = challenge.map(|value| value.to_str().unwrap().to_owned());
                    assert_eq!(challenge, expected);
                }
            }
            // The other way: whoever has a name comes to the rows behind.
            let named = ("Authorization", "test somebody");
            let headers: Vec<_> = headers.iter().copied().chain([named]).collect();
            let asking = request(method, "/x", &headers, body.as_bytes());
            for (realm, response) in answers(&mut office, &asking) {
                let code = response.code().as_u16();
                assert!(![401, 403].contains(&code), "{standing:?} {realm}: {code}");
            }
        }
    }
}

#[test]
fn health_version_and_the_way_to_the_leader_are_for_everybody() {
    let office = guarded(Standing::Standby { leader: Some(LEADER.to_owned()) });
    let asking = request(Method::GET, "/x", &[], b"");
    assert_eq!(classic::health(&asking).code(), 200);
    assert_eq!(classic::version(&asking).code(), 200);
    assert_eq!(classic::redirect(&office, &asking).code(), 307);
}

const PLAIN: &str = r#"{"user":"root","name":"f"}"#;

fn subscribe(office: &mut Office, who: &str, info: &str, more: &[(&str, &str)]) -> Response {
    let body = format!(r#"{{"type":"SUBSCRIBE","subscribe":{{"framework_info":{info}}}}}"#);
    let headers = [&[JSON, ("Authorization", who)], more].concat();
    office.schedule(&request(Method::POST, "/x", &headers, body.as_bytes()))
}

#[test]
fn sch_06_the_declared_principal_is_the_authenticated_one() {
    for (declared, code, shown) in [
        (r#""principal":"alice","#, 200, r#""principal":"alice""#),
        (r#""principal":"bob","#, 400, ""),
        (r#""principal":"","#, 400, ""),
        // As in the reference: who says nothing is who they are.
        ("", 200, r#""principal":"alice""#),
    ] {
        let mut office = serving();
        let info = PLAIN.replace('{', &format!("{{{declared}"));
        let response = subscribe(&mut office, "Test alice", &info, &[]);
        assert_eq!(response.code(), code, "{declared}: {}", text(&response));
        let read = request(Method::GET, "/state", &[("Authorization", "Test x")], b"");
        let state = text(&office.document(Which::State, &read));
        assert!(state.contains(shown), "{declared}: {state}");
        assert_eq!(state.contains("\"frameworks\":[]"), code == 400, "{state}");
    }
    let mismatch = PLAIN.replace('{', r#"{"principal":"bob","#);
    let html = ("Accept", "text/html");
    let response = subscribe(&mut serving(), "Test alice", &mismatch, &[html]);
    let said = text(&response);
    assert_eq!(response.code(), 400, "row 8 comes before row 9: {said}");
    assert!(said.contains("'alice'") && said.contains("'bob'"), "{said}");
    assert_eq!(subscribe(&mut serving(), "Test alice", PLAIN, &[html]).code(), 406, "row 9");
}

#[test]
fn b2_row_12_calls_are_the_frameworks_own() {
    let mut office = serving();
    let response = subscribe(&mut office, "Test alice", PLAIN, &[]);
    let id = response.headers()["mesos-stream-id"].to_str().unwrap().to_owned();
    let wrong = "00000000-0000-0000-0000-000000000000";
    let call = r#"{"type":"REVIVE","framework_id":{"value":"m-0000"}}"#;
    let unknown = call.replace("m-0000", "m-0009");
    for (who, body, stream, code, words) in [
        ("Test bob", unknown.as_str(), id.as_str(), 400, "Framework cannot be found"),
        ("Test bob", call, id.as_str(), 400, "'bob'"),
        ("Test bob", call, wrong, 400, "'bob'"),
        ("Test alice", call, wrong, 400, "stream ID"),
        ("Test alice", call, id.as_str(), 202, ""),
    ] {
        let headers = [JSON, ("Authorization", who), ("Mesos-Stream-Id", stream)];
        let asking = request(Method::POST, "/x", &headers, body.as_bytes());
        let response = office.schedule(&asking);
        assert_eq!(response.code(), code, "{who} {body}: {}", text(&response));
        assert!(text(&response).contains(words), "{who} {body}: {}", text(&response));
    }
}

#[test]
fn row_12_a_framework_from_before_is_not_anybodys() {
    // It subscribed where nobody was asked, and has no principal.
    let mut office = Office::serving();
    let response = subscribe(&mut office, "Test alice", PLAIN, &[]);
    let id = response.headers()["mesos-stream-id"].to_str().unwrap().to_owned();
    office.guards = serving().guards;
    let call = r#"{"type":"REVIVE","framework_id":{"value":"m-0000"}}"#;
    let headers = [JSON, ("Authorization", "Test alice"), ("Mesos-Stream-Id", &id)];
    let response = office.schedule(&request(Method::POST, "/x", &headers, call.as_bytes()));
    assert_eq!(response.code(), 400, "{}", text(&response));
}

#[test]
fn b3_another_principal_does_not_take_a_framework_over() {
    let mut office = serving();
    let _stream = subscribe(&mut office, "Test alice", PLAIN, &[]);
    office.said.clear();
    let body = r#"{"type":"SUBSCRIBE","framework_id":{"value":"m-0000"},"subscribe":{"framework_info":
        {"user":"root","name":"f","id":{"value":"m-0000"}}}}"#;
    let headers = [JSON, ("Authorization", "Test bob")];
    let response = office.schedule(&request(Method::POST, "/x", &headers, body.as_bytes()));
    assert_eq!(response.code(), 200, "the refusal is an event: {}", text(&response));
    assert_eq!(office.said, ["ERROR"]);
    assert_eq!(office.streams.len(), 1, "alice's stream stays");
}
