//! Rows 0 and 1 of B2, and bad-input 3.5.

use super::*;
use crate::credentials::Known;
use crate::http::testing::request;
use crate::keys::{AGENT, FRAMEWORK, MASTER, OPERATOR};
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use libproc::http::{Method, Response};
use libproc::Role;

const REALMS: [Realm; 6] = [
    Realm::MasterReadOnly,
    Realm::MasterReadWrite,
    Realm::MasterScheduler,
    Realm::AgentReadOnly,
    Realm::AgentReadWrite,
    Realm::AgentExecutor,
];

fn known(principal: &str, secret: &str, role: Option<Role>) -> Known {
    Known { principal: principal.into(), secret: secret.into(), role }
}

fn guards() -> Guards {
    let all = [
        known("anybody", "s:e cret", None),
        known("operator", "o", Some(OPERATOR)),
        known("framework", "f", Some(FRAMEWORK)),
        known("agent", "a", Some(AGENT)),
        known("master", "m", Some(MASTER)),
        known("certified", "", Some(OPERATOR)),
    ];
    let basic = |realm| Arc::new(Basic::of(realm, &all));
    let tokens = Arc::new(tokens());
    REALMS.into_iter().fold(Guards::open(), |guards, realm| match realm {
        Realm::AgentExecutor => guards.with(realm, tokens.clone()),
        Realm::AgentReadOnly => guards.with(realm, basic(realm)).with(realm, tokens.clone()),
        _ => guards.with(realm, basic(realm)),
    })
}

fn tokens() -> ExecutorTokens {
    ExecutorTokens::new(&[7; 32], "c").unwrap()
}

fn asking(lines: &[&[u8]]) -> Request {
    let headers: Vec<(&str, &[u8])> = lines.iter().map(|line| ("Authorization", *line)).collect();
    request(Method::POST, &headers, b"")
}

fn pair(pair: impl AsRef<[u8]>) -> String {
    STANDARD.encode(pair)
}

fn entered(realm: Realm, principal: &str, secret: &str) -> bool {
    let line = format!("Basic {}", pair(format!("{principal}:{secret}")));
    match guards().enter(realm, &asking(&[line.as_bytes()])) {
        Ok(name) => {
            assert_eq!(name.as_deref(), Some(principal));
            true
        }
        Err(refusal) => {
            assert_eq!(refusal.status, 401);
            false
        }
    }
}

#[test]
fn sec_01_who_may_enter_which_realm() {
    for (realm, operator, framework, anybody) in [
        (Realm::MasterReadOnly, true, true, true),
        (Realm::MasterReadWrite, true, false, true),
        (Realm::MasterScheduler, true, true, true),
        (Realm::AgentReadOnly, true, true, true),
        (Realm::AgentReadWrite, true, false, true),
        (Realm::AgentExecutor, false, false, false),
    ] {
        assert_eq!(entered(realm, "operator", "o"), operator, "{realm:?}");
        assert_eq!(entered(realm, "framework", "f"), framework, "{realm:?}");
        assert_eq!(entered(realm, "anybody", "s:e cret"), anybody, "{realm:?}");
        for (principal, secret) in [("agent", "a"), ("master", "m")] {
            assert!(!entered(realm, principal, secret), "{realm:?}: {principal} is no client");
        }
    }
}

#[test]
fn bad_input_3_5_one_answer_for_every_failure() {
    let good = format!("Basic {}", pair("operator:o"));
    let bearer = tokens().issue(&Claims { fid: "f".into(), eid: "e".into(), cid: "c".into() });
    let bearer = format!("Bearer {bearer}");
    let basic = |credentials: &[u8]| format!("Basic {}", pair(credentials)).into_bytes();
    let long = basic(&[b'x'; 1 << 20]);
    let cases: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("nothing", vec![]),
        ("an empty line", vec![vec![]]),
        ("no credentials", vec![b"Basic".to_vec()]),
        ("empty credentials", vec![b"Basic ".to_vec()]),
        ("a wrong secret", vec![basic(b"operator:x")]),
        ("half a secret", vec![basic(b"anybody:s:e")]),
        ("a longer secret", vec![basic(b"operator:oo")]),
        ("no secret", vec![basic(b"operator:")]),
        ("who has a certificate instead", vec![basic(b"certified:")]),
        ("no colon", vec![basic(b"operator")]),
        ("an unknown principal", vec![basic(b"nobody:o")]),
        ("an empty principal", vec![basic(b":o")]),
        ("nothing but a colon", vec![basic(b":")]),
        ("a principal in another case", vec![basic(b"Operator:o")]),
        ("a principal that is not UTF-8", vec![basic(b"\xff:o")]),
        ("a principal with a NUL", vec![basic(b"operator\0:o")]),
        ("of another realm", vec![basic(b"framework:f")]),
        ("no base64", vec![b"Basic operator:o".to_vec()]),
        (
            "base64 without padding",
            vec![format!("Basic {}", pair("operator:o").trim_end_matches('=')).into_bytes()],
        ),
        ("base64 with white space", vec![good.replace("Basic ", "Basic o ").into_bytes()]),
        ("a header that is not ASCII", vec![b"Basic \xff\xfe".to_vec()]),
        ("another scheme", vec![good.replace("Basic", "Digest").into_bytes()]),
        ("an executor's token", vec![bearer.into_bytes()]),
        ("a scheme without a space", vec![good.replace(' ', "").into_bytes()]),
        ("a megabyte", vec![long]),
        ("two lines, both good", vec![good.clone().into_bytes(), good.clone().into_bytes()]),
        ("two lines, the last good", vec![b"Basic x".to_vec(), good.clone().into_bytes()]),
        ("two in one line", vec![format!("{good}, {good}").into_bytes()]),
    ];
    let guards = guards();
    let realm = Realm::MasterReadWrite;
    for (what, lines) in cases {
        let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        let refused = guards.enter(realm, &asking(&lines)).unwrap_err();
        let response = Response::from(refused);
        assert_eq!(response.code(), 401, "{what}");
        assert_eq!(response.body().unwrap(), "401 Unauthorized", "{what}");
        let challenge = "Basic realm=\"mesos-master-readwrite\"";
        assert_eq!(response.headers()["www-authenticate"], challenge, "{what}");
        // The same request, where nobody asks.
        assert_eq!(Guards::open().enter(realm, &asking(&lines)), Ok(None), "{what}");
    }
    for good in [good.clone(), good.replace("Basic", "bASIC"), good.replace(' ', "   ")] {
        let entered = guards.enter(realm, &asking(&[good.as_bytes()]));
        assert_eq!(entered, Ok(Some("operator".to_owned())), "{good}");
    }
}

#[test]
fn a_credential_in_the_url_is_none() {
    let mut asking = asking(&[]);
    asking.path = "//operator:o@h/state".into();
    asking.query = "principal=operator&secret=o&access_token=o".into();
    assert_eq!(guards().enter(Realm::MasterReadOnly, &asking).unwrap_err().status, 401);
}

#[test]
fn b2_row_1_an_executor_has_no_name() {
    let claims = Claims { fid: "f".into(), eid: "e".into(), cid: "c".into() };
    let line = format!("Bearer {}", tokens().issue(&claims));
    let asking = asking(&[line.as_bytes()]);
    let guards = guards();
    assert_eq!(guards.enter(Realm::AgentReadOnly, &asking).unwrap_err().status, 403);
    let executor = Ok(Some(Principal::Executor(claims)));
    assert_eq!(guards.pass(Realm::AgentExecutor, &asking), executor);
    assert_eq!(guards.enter(Realm::AgentReadWrite, &asking).unwrap_err().status, 401, "no token");
}

#[test]
fn each_realm_is_challenged_under_its_name() {
    let names = REALMS.map(|realm| {
        let response = Response::from(guards().pass(realm, &asking(&[])).unwrap_err());
        response.headers()["www-authenticate"].to_str().unwrap().to_owned()
    });
    let expected = [
        "Basic realm=\"mesos-master-readonly\"",
        "Basic realm=\"mesos-master-readwrite\"",
        "Basic realm=\"mesos-master-scheduler\"",
        "Basic realm=\"mesos-agent-readonly\"",
        "Basic realm=\"mesos-agent-readwrite\"",
        "Bearer realm=\"mesos-agent-executor\"",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_long_body_wants_the_credentials_of_its_route() {
    let realm_of = |route: &str| match route {
        "/scheduler" => Realm::MasterScheduler,
        _ => Realm::MasterReadWrite,
    };
    let ask = |guards: &Guards, route: &str, line: &str| {
        let refused = bodies(guards, realm_of)(route, &asking(&[line.as_bytes()]));
        refused.map(|response| response.code().as_u16())
    };
    let framework = format!("Basic {}", pair("framework:f"));
    assert_eq!(ask(&guards(), "/scheduler", &framework), None);
    assert_eq!(ask(&guards(), "/operate", &framework), Some(401));
    assert_eq!(ask(&guards(), "/scheduler", "Basic eA=="), Some(401));
    assert_eq!(ask(&Guards::open(), "/scheduler", ""), None);
}
