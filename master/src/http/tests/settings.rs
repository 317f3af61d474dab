//! `/weights` (LEG-03), as requests.

use super::{request, text, Office, LEADER};
use crate::core::{Event, RequestId};
use crate::http::desk::Standing;
use crate::http::operator::Outcome;
use crate::http::settings::weights;
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
