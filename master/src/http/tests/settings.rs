//! `/weights` and `/quota` (LEG-03), as requests.

use super::{request, text, Office, LEADER};
use crate::core::{Event, RequestId};
use crate::http::desk::Standing;
use crate::http::operator::Outcome;
use crate::http::settings::{quota, weights};
use libproc::http::{Method, Request, Response};
use meseta_api::internal::master::FromOperator;
use meseta_api::v1::master::Call;

fn put(body: &str) -> Request {
    request(Method::PUT, "/weights", &[], body.as_bytes())
}

fn get() -> Request {
    request(Method::GET, "/weights", &[], b"")
}

fn answered(outcome: Outcome) -> Response {
    match outcome {
        Outcome::Answered(response) => response,
        Outcome::Ask(call) => panic!("asks the core: {call:?}"),
        Outcome::Metrics(_) | Outcome::Follow(_) | Outcome::Read(_) => {
            panic!("asks for something else")
        }
    }
}

fn asked(outcome: Outcome) -> Call {
    match outcome {
        Outcome::Ask(call) => *call,
        Outcome::Answered(response) => panic!("{}", text(&response)),
        Outcome::Metrics(_) | Outcome::Follow(_) | Outcome::Read(_) => {
            panic!("asks for something else")
        }
    }
}

#[test]
fn leg_03_weights_are_read_and_set() {
    let mut office = Office::serving();
    assert_eq!(text(&answered(weights(&office, &get()))), "[]");
    let call = asked(weights(&office, &put(r#"[{"role":"eng/web","weight":2.5}]"#)));
    let asked = FromOperator::Call(Box::new(call));
    office.submit(Event::OperatorAsked { request: RequestId(1), asked }).unwrap();
    let shown = answered(weights(&office, &get()));
    assert_eq!(shown.headers()["content-type"], "application/json");
    let listed: serde_json::Value = serde_json::from_str(&text(&shown)).unwrap();
    assert_eq!(listed, serde_json::json!([{ "role": "eng/web", "weight": 2.5 }]));
}

#[test]
fn leg_03_what_is_no_list_of_weights_is_refused() {
    let office = Office::serving();
    for (body, words) in [
        ("", "Failed to parse body into JSON"),
        ("bad", "Failed to parse body into JSON"),
        ("{}", "Failed to convert JSON"),
        (r#"[{"role":"a"}]"#, "weight"),
        (r#"[{"role":"a","weight":"x"}]"#, "weight"),
        (r#"[1]"#, "Failed to convert JSON"),
    ] {
        let response = answered(weights(&office, &put(body)));
        assert_eq!(response.code(), 400, "{body}");
        assert!(text(&response).contains(words), "{body}: {}", text(&response));
    }
    for method in [Method::POST, Method::DELETE] {
        let other = request(method, "/weights", &[], b"");
        assert_eq!(answered(weights(&office, &other)).code(), 405);
    }
}

#[test]
fn leg_03_a_standby_sends_on() {
    let office = Office::standing(Standing::Standby { leader: Some(LEADER.to_owned()) });
    for request in [get(), put("[]")] {
        let response = answered(weights(&office, &request));
        assert_eq!(response.code(), 307);
        assert_eq!(response.headers()["location"], "//10.0.0.7:5050/weights");
    }
}

#[test]
fn leg_03_quota_is_read_and_not_set_in_its_older_form() {
    let mut office = Office::serving();
    let ask = |method| request(method, "/quota", &[], b"");
    let call = r#"{"type":"UPDATE_QUOTA","update_quota":{"force":true,"quota_configs":[
        {"role":"eng","guarantees":{"cpus":{"value":1.5}},"limits":{"mem":{"value":0}}}]}}"#;
    let call = meseta_api::codec::Codec::Json.decode(call.as_bytes()).unwrap();
    let asked = FromOperator::Call(Box::new(call));
    office.submit(Event::OperatorAsked { request: RequestId(1), asked }).unwrap();
    let shown = text(&quota(&office, &ask(Method::GET)));
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let config = &shown["configs"][0];
    assert_eq!(config["role"], "eng");
    assert_eq!(config["guarantees"]["cpus"]["value"], 1.5);
    assert_eq!(config["limits"]["mem"]["value"], 0.0);
    let info = &shown["infos"][0];
    assert_eq!(info["guarantee"][0]["scalar"]["value"], 1.5);
    for method in [Method::POST, Method::DELETE] {
        let response = quota(&office, &ask(method));
        assert_eq!(response.code(), 501);
        assert!(text(&response).contains("UPDATE_QUOTA"));
    }
    assert_eq!(quota(&office, &ask(Method::PUT)).code(), 405);
}
