//! Rows 0 and 1 of B2, and bad-input 3.5, on a cluster with credentials: each request both ways.

use crate::raw::{ask, Connection};
use crate::{lives, JSON};
use meseta_node::credentials;
use meseta_node::http::auth::{basic, Claims, ExecutorTokens};
use meseta_node::keys::Credential;
use meseta_tests::real::cli::Cli;
use meseta_tests::real::folder;
use meseta_tests::real::local::Local;
use meseta_tests::real::wait::until;
use meseta_tests::real::PATIENCE;
use serde_json::Value;

/// A way to ask: whom, how, and the realm that is challenged.
struct Way {
    port: u16,
    method: &'static str,
    path: &'static str,
    body: &'static str,
    challenge: &'static str,
}

fn ways(local: &Local) -> Vec<Way> {
    let read = |port, challenge| {
        let paths = ["/state", "/flags", "/metrics", "/metrics/snapshot", "/__processes__"];
        paths.into_iter().map(move |path| Way { port, method: "GET", path, body: "", challenge })
    };
    let post = |port, path, body, challenge| Way { port, method: "POST", path, body, challenge };
    let get = |port, path, challenge| Way { port, method: "GET", path, body: "", challenge };
    let (master, agent) = (local.port, local.agent_port(1));
    let health = r#"{"type":"GET_HEALTH"}"#;
    let of_master = "Basic realm=\"mesos-master-readonly\"";
    let operates = "Basic realm=\"mesos-master-readwrite\"";
    let schedules = "Basic realm=\"mesos-master-scheduler\"";
    let of_agent = "Basic realm=\"mesos-agent-readonly\"";
    let on_agent = "Basic realm=\"mesos-agent-readwrite\"";
    let mut ways: Vec<Way> = read(master, of_master).chain(read(agent, of_agent)).collect();
    ways.extend([
        get(master, "/master/state-summary", of_master),
        get(master, "/slaves", of_master),
        get(master, "/frameworks", of_master),
        get(master, "/tasks", of_master),
        get(master, "/roles", of_master),
        post(master, "/api/v1", health, operates),
        post(master, "/master/api/v1/", health, operates),
        post(master, "/api/v1", "bad", operates),
        get(master, "/api/v1", operates),
        post(master, "/api/v1/scheduler", r#"{"type":"REVIVE"}"#, schedules),
        get(master, "//master/api/v1/scheduler", schedules),
        get(agent, "/slave(1)/state", of_agent),
        get(agent, "/files/read?path=/x", of_agent),
        get(agent, "/files/browse.json?path=/x", of_agent),
        get(agent, "/files/download?path=/x", of_agent),
        post(agent, "/slave(1)/api/v1", health, on_agent),
        get(agent, "/api/v1", on_agent),
    ]);
    ways
}

fn pair(principal: &str, secret: &str) -> String {
    basic::header(&Credential { principal: principal.into(), secret: secret.into() })
}

/// What does not let in, as lines of the header.
fn refused() -> Vec<(&'static str, Vec<String>)> {
    let good = pair("ann", "s:3 cret");
    vec![
        ("nothing", vec![]),
        ("a wrong secret", vec![pair("ann", "s:3 cre")]),
        ("an unknown principal", vec![pair("bob", "s:3 cret")]),
        ("an empty principal", vec![pair("", "s:3 cret")]),
        ("no secret", vec![pair("ann", "")]),
        ("a principal for agents", vec![pair("agent", "s:3 cret")]),
        ("a principal that is not UTF-8", vec!["Basic //86czpz".into()]),
        ("no base64", vec!["Basic ann:s:3 cret".into()]),
        ("another scheme", vec![good.replace("Basic", "Negotiate")]),
        ("two lines", vec![good.clone(), good.clone()]),
        ("two lines, one wrong", vec![pair("ann", "x"), good]),
    ]
}

fn rows_0(local: &Local) {
    let good = pair("ann", "s:3 cret");
    for Way { port, method, path, body, challenge } in ways(local) {
        for (what, lines) in refused() {
            let lines = lines.iter().map(|line| ("Authorization", line.as_str()));
            let headers: Vec<_> = lines.chain([JSON]).collect();
            let answer = ask(port, method, path, &headers, body.as_bytes());
            assert_eq!(answer.head.status, 401, "{what}: {method} {path}: {}", answer.body);
            assert_eq!(answer.body, "401 Unauthorized", "{what}: {path}");
            assert_eq!(answer.head.all("www-authenticate"), [challenge], "{what}: {path}");
        }
        let headers = [JSON, ("authorization", &good)];
        let answer = ask(port, method, path, &headers, body.as_bytes());
        let status = answer.head.status;
        assert!(![401, 403].contains(&status), "{method} {path}: {status} {}", answer.body);
    }
    for port in [local.port, local.agent_port(1)] {
        for path in ["/health", "/version", "/help"] {
            assert_eq!(ask(port, "GET", path, &[], b"").head.status, 200, "{path} is for all");
        }
    }
}

/// What a client cannot say with headers of a common size, or not in a header at all.
fn odd_requests(port: u16) {
    let send = |text: &str| {
        let mut connection = Connection::send(port, text.as_bytes());
        connection.head().map_or(0, |head| head.status)
    };
    let end = "Host: h\r\nConnection: close\r\n";
    for url in [
        "http://ann:s%3A3%20cret@h/state",
        "/state?principal=ann&secret=s%3A3%20cret",
        "/state?access_token=x",
    ] {
        let status = send(&format!("GET {url} HTTP/1.1\r\n{end}\r\n"));
        assert!([400, 401].contains(&status), "{url}: {status}");
    }
    let line = "x".repeat(1 << 20);
    for scheme in ["Basic", "Bearer"] {
        let text = format!("GET /state HTTP/1.1\r\n{end}Authorization: {scheme} {line}\r\n\r\n");
        let status = send(&text);
        assert!([0, 400, 401, 431].contains(&status), "a megabyte of {scheme}: {status}");
    }
    lives(port, "odd credentials");
}

/// The executor API: a token binds its holder to one container (EXE-22).
fn executors(local: &Local) {
    let port = local.agent_port(1);
    let mut sleeper =
        local.cli().start(&["run", "--name", "sleeper", "--instances", "2", "--", "sleep", "600"]);
    let good = pair("ann", "s:3 cret");
    let read = || {
        let state = ask(port, "GET", "/state", &[("Authorization", &good)], b"").body;
        serde_json::from_str::<Value>(&state).expect("JSON")
    };
    let frameworks = until("both run", PATIENCE, || {
        let state = read();
        let framework = state["frameworks"][0].clone();
        let running = framework["executors"].as_array().map(Vec::len);
        (running == Some(2)).then_some(framework).ok_or_else(|| state.to_string())
    });
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let fid = text(&frameworks["id"]);
    let [first, second] = [0, 1].map(|at| {
        let executor = &frameworks["executors"][at];
        (text(&executor["id"]), text(&executor["container"]))
    });
    let key = std::fs::read(local.work_dir().join("agent1/jwt-secret-key")).expect("its own key");
    let tokens = ExecutorTokens::new(&key, "meseta").expect("a long one");
    let elsewhere = ExecutorTokens::new(&key, "elsewhere").expect("a long one");
    let stranger = ExecutorTokens::new(&[7; 32], "meseta").expect("a long one");
    let token = |by: &ExecutorTokens, fid: &str, eid: &str, cid: &str| {
        let claims = Claims { fid: fid.into(), eid: eid.into(), cid: cid.into() };
        format!("Bearer {}", by.issue(&claims))
    };
    let own = token(&tokens, &fid, &first.0, &first.1);
    let beat = |fid: &str, eid: &str| {
        format!(
            r#"{{"type":"HEARTBEAT","framework_id":{{"value":"{fid}"}},"executor_id":{{"value":"{eid}"}}}}"#
        )
    };
    let mine = beat(&fid, &first.0);
    for (what, authorization, body, code) in [
        ("its own token", own.clone(), &mine, 202),
        ("no token", String::new(), &mine, 401),
        ("a person", good.clone(), &mine, 401),
        ("another key", token(&stranger, &fid, &first.0, &first.1), &mine, 401),
        ("another cluster", token(&elsewhere, &fid, &first.0, &first.1), &mine, 401),
        ("cut short", own[..own.len() - 1].to_owned(), &mine, 401),
        ("alg none", own.replacen("Bearer ey", "Bearer eX", 1), &mine, 401),
        ("of the other container", token(&tokens, &fid, &second.0, &second.1), &mine, 403),
        (
            "of the other container, its own ids",
            token(&tokens, &fid, &first.0, &second.1),
            &mine,
            403,
        ),
        ("for the other executor", own.clone(), &beat(&fid, &second.0), 403),
        ("for another framework", own.clone(), &beat("x", &first.0), 403),
        ("of a container that is gone", token(&tokens, "x", "y", "gone"), &beat("x", "y"), 400),
        ("its own token, unreadable", own.clone(), &"bad".to_owned(), 400),
        ("no token, unreadable", String::new(), &"bad".to_owned(), 401),
    ] {
        let authorization = Some(("Authorization", authorization.as_str()));
        let authorization = authorization.filter(|(_, value)| !value.is_empty());
        let headers: Vec<_> = authorization.into_iter().chain([JSON]).collect();
        for path in ["/api/v1/executor", "/slave(1)/api/v1/executor"] {
            let answer = ask(port, "POST", path, &headers, body.as_bytes());
            assert_eq!(answer.head.status, code, "{what}: {}", answer.body);
            if code == 401 {
                let challenge = "Bearer realm=\"mesos-agent-executor\"";
                assert_eq!(answer.head.all("www-authenticate"), [challenge], "{what}");
                assert_eq!(answer.body, "401 Unauthorized", "{what}");
            }
        }
    }
    // Row 1: an executor has no name; at a master nobody knows its token.
    for (port, path, code) in [
        (port, "/state", 403),
        (port, "/api/v1", 403),
        (port, "/metrics/snapshot", 403),
        (local.port, "/state", 401),
        (local.port, "/api/v1/scheduler", 401),
    ] {
        let answer = ask(port, "POST", path, &[JSON, ("Authorization", &own)], b"{}");
        assert_eq!(answer.head.status, code, "{path}: {}", answer.body);
    }
    sleeper.daemon.signal(nix::sys::signal::Signal::SIGINT);
    assert_eq!(sleeper.daemon.ends(PATIENCE), 130);
    // A cluster that is killed while it destroys a container leaves it frozen.
    until("both containers are gone", PATIENCE, || {
        let state = read();
        let frameworks = state["frameworks"].as_array().into_iter().flatten();
        let executors = frameworks.filter_map(|framework| framework["executors"].as_array());
        match executors.map(Vec::len).sum::<usize>() {
            0 => Ok(()),
            _ => Err(state.to_string()),
        }
    });
}

/// The verbs work as before: with the keys that the cluster made for its user.
fn verbs(local: &Local) {
    let cli = local.cli();
    let done = cli.run(&[
        "run",
        "--name",
        "tells",
        "-f",
        "--",
        "sh",
        "-c",
        "env; sleep 0.2; env; echo told",
    ]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stdout.contains("told") && done.stdout.contains("MESOS_SANDBOX"), "{done:?}");
    assert!(!done.stdout.contains("AUTHENTICATION_TOKEN"), "a task sees its executor's token");
    let task = cli.list(&["tasks", "-a"]).into_iter().find(|task| task["task"] == "tells.0");
    assert!(task.is_some(), "{:?}", cli.list(&["tasks", "-a"]));
    let logs = cli.run(&["logs", "tells.0"]);
    assert!(logs.code == 0 && logs.stdout.contains("told"), "{logs:?}");
    let dir = folder();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let ann = file("ann", r#"{"principal": "ann", "secret": "s:3 cret"}"#);
    let bob = file("bob", r#"{"principal": "bob", "secret": "x"}"#);
    let logs = cli.run(&["logs", "tells.0", "--http-credential", &ann]);
    assert!(logs.code == 0 && logs.stdout.contains("told"), "{logs:?}");
    let logs = cli.run(&["logs", "tells.0", "--http-credential", &bob]);
    assert!(logs.code == 1 && logs.stderr.contains("does not let bob read"), "{logs:?}");
}

#[test]
fn a_cluster_with_credentials_asks_everybody() {
    let dir = folder();
    let path = dir.path().join("credentials.json");
    let text = r#"{"credentials": [{"principal": "ann", "secret": "s:3 cret"},
                   {"principal": "agent", "secret": "s:3 cret", "role": "agent"}]}"#;
    std::fs::write(&path, text).expect("a file");
    assert_eq!(credentials::read(&path).expect("as the reference has it").len(), 2);
    let flags = ["--http-credentials", path.to_str().expect("UTF-8")];
    let local = Local::start_with(1, &flags, None);
    rows_0(&local);
    odd_requests(local.port);
    odd_requests(local.agent_port(1));
    verbs(&local);
    executors(&local);
    let flags =
        ask(local.port, "GET", "/flags", &[("Authorization", &pair("ann", "s:3 cret"))], b"");
    for flag in ["readonly", "readwrite", "frameworks"] {
        assert!(flags.body.contains(&format!(r#""authenticate_http_{flag}":"true""#)), "{flag}");
    }
}

#[test]
fn a_daemon_that_could_not_ask_whom_it_should_does_not_start() {
    let dir = folder();
    let good = dir.path().join("good");
    let bad = dir.path().join("bad");
    let short = dir.path().join("short");
    std::fs::write(&good, "ann secret\n").expect("a file");
    std::fs::write(&bad, "ann secret\n\nbob one two\n").expect("a file");
    std::fs::write(&short, "short").expect("a file");
    let [good, bad, short] = [&good, &bad, &short].map(|path| path.to_str().expect("UTF-8"));
    let none = format!("{bad}.none");
    let cli = Cli::new("127.0.0.1:1", dir.path());
    let agent = ["agent", "--insecure", "--work-dir", "work", "--port", "1"];
    let beyond = ["agent", "--ip", "192.0.2.1", "--credential", good];
    let cases: Vec<(Vec<&str>, Vec<&str>)> = vec![
        (
            vec!["master", "--authenticate-http-readonly"],
            vec!["--authenticate-http-readonly: there are no credentials"],
        ),
        (
            vec!["master", "--authenticate_http_frameworks=true"],
            vec!["--authenticate-http-frameworks: "],
        ),
        (vec!["master", "--credentials", bad], vec!["--credentials: ", "bad, line 3: "]),
        (vec!["master", "--http-credentials", bad], vec!["--http-credentials: ", "bad, line 3: "]),
        (
            vec!["master", "--http-credentials", &none],
            vec!["--http-credentials: ", "bad.none", "No such file"],
        ),
        (
            [&agent[..], &["--authenticate-http-readwrite"]].concat(),
            vec!["--authenticate-http-readwrite: "],
        ),
        ([&agent[..], &["--http-credentials", bad]].concat(), vec!["bad, line 3: "]),
        ([&agent[..], &["--jwt-secret-key", &none]].concat(), vec!["bad.none", "No such file"]),
        (
            [&agent[..], &["--jwt-secret-key", short]].concat(),
            vec!["short", "5 bytes; at least 32"],
        ),
        (
            vec!["local", "--agents", "0", "--work-dir", "local", "--http-credentials", bad],
            vec!["bad, line 3: "],
        ),
        // Beyond loopback everything must be asked for.
        (
            vec!["master", "--ip", "192.0.2.1"],
            vec!["refusing to listen on 192.0.2.1", "--credentials"],
        ),
        (
            vec![
                "master",
                "--ip",
                "192.0.2.1",
                "--credentials",
                good,
                "--authenticate-http-frameworks=false",
            ],
            vec!["refusing", "--authenticate-http-frameworks is off"],
        ),
        (
            vec!["master", "--ip", "192.0.2.1", "--http-credentials", good],
            vec!["refusing", "no --credentials"],
        ),
        (beyond.to_vec(), vec!["refusing", "--authenticate-http-readonly is off"]),
        (
            [&beyond[..], &["--http-credentials", good, "--authenticate-http-executors=false"]]
                .concat(),
            vec!["refusing", "--authenticate-http-executors is off"],
        ),
        // The other way: nothing is open, and what fails is the address.
        (
            vec!["master", "--ip", "192.0.2.1", "--credentials", good],
            vec!["cannot listen on 192.0.2.1:5050"],
        ),
    ];
    for (arguments, words) in cases {
        let done = cli.run(&arguments);
        assert_eq!(done.code, 1, "{arguments:?}: {done:?}");
        for words in words {
            assert!(done.stderr.contains(words), "{arguments:?}: {done:?}");
        }
    }
}
