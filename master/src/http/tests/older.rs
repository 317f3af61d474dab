//! The endpoints that are older than v1 (LEG-01, LEG-02), as requests.

use super::{request, text, Office, LEADER};
use crate::http::classic::{flags, health, redirect, version, Which};
use crate::http::desk::Standing;
use libproc::http::Method;
use serde_json::Value;

const ALL: [(Which, &str); 6] = [
    (Which::State, "slaves"),
    (Which::StateSummary, "frameworks"),
    (Which::Slaves, "recovered_slaves"),
    (Which::Frameworks, "completed_frameworks"),
    (Which::Tasks, "tasks"),
    (Which::Roles, "roles"),
];

#[test]
fn leg_01_every_document_by_get_and_post_with_jsonp() {
    let office = Office::serving();
    for (which, member) in ALL {
        for method in [Method::GET, Method::POST, Method::HEAD] {
            let response = office.document(which, &request(method, "/x", &[], b""));
            assert_eq!(response.code(), 200);
            assert_eq!(response.headers()["content-type"], "application/json");
            let shown: Value = serde_json::from_str(&text(&response)).unwrap();
            assert!(shown[member].is_array(), "{member}");
        }
        let script = office.document(which, &request(Method::GET, "/x?jsonp=cb", &[], b""));
        assert_eq!(script.headers()["content-type"], "text/javascript");
        assert!(text(&script).starts_with("cb({") && text(&script).ends_with("});"));
        let put = office.document(which, &request(Method::PUT, "/x", &[], b""));
        assert_eq!(put.code(), 405);
        let bad = office.document(which, &request(Method::GET, "/x?a=%zz", &[], b""));
        assert_eq!(bad.code(), 400, "bad-input 3.1");
    }
    for (which, path) in [(Which::Tasks, "/tasks?limit=many"), (Which::State, "/state?jsonp=a(b")] {
        let bad = request(Method::GET, path, &[], b"");
        assert_eq!(office.document(which, &bad).code(), 400, "{path}");
    }
}

#[test]
fn leg_02_a_standby_answers_health_version_and_flags_and_redirects_the_rest() {
    let leader = Some(LEADER.to_owned());
    let office = Office::standing(Standing::Standby { leader });
    let get = |path: &str| request(Method::GET, path, &[], b"");
    for (which, _) in ALL {
        let response = office.document(which, &get("/master/state?a=1"));
        assert_eq!(response.code(), 307);
        assert_eq!(response.headers()["location"], "//10.0.0.7:5050/master/state?a=1");
    }
    assert_eq!(health(&get("/health")).code(), 200);
    assert!(text(&version(&get("/version"))).contains(r#""version":"1.12.0""#));
    assert!(text(&flags(&office, &get("/flags"))).contains(r#"{"flags":{"#));
}

#[test]
fn leg_02_redirect_names_the_leader() {
    let get = request(Method::GET, "/redirect", &[], b"");
    let office = Office::serving();
    let response = redirect(&office, &get);
    assert_eq!(response.code(), 307);
    assert_eq!(response.headers()["location"], "//10.0.0.7:5050");
    let mut deeper = get.clone();
    deeper.rest = "x".into();
    assert_eq!(redirect(&office, &deeper).code(), 404);
    let office = Office::standing(Standing::Standby { leader: None });
    assert_eq!(redirect(&office, &get).code(), 503);
}
