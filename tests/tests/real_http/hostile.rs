//! bad-input 3.1, the HTTP rows: every connection is answered or closed, and the daemon lives.

use crate::raw::{ask, Connection};
use crate::{lives, JSON};
use meseta_tests::real::local::Local;

/// What was sent, and the statuses that may come; 0 is a connection closed without an answer.
struct Case(&'static str, Vec<u8>, &'static [u16]);

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").into_bytes()
}

fn head(headers: &str) -> Vec<u8> {
    format!("GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

fn post(headers: &str, body: &str) -> Vec<u8> {
    let start = "POST /api/v1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
    format!("{start}Content-Type: application/json\r\n{headers}\r\n{body}").into_bytes()
}

fn cases() -> Vec<Case> {
    let many: String = (0..10_000).map(|n| format!("x-{n}: y\r\n")).collect();
    let chunked = "Transfer-Encoding: chunked\r\n";
    let call = r#"{"type":"GET_HEALTH"}"#;
    let chunk = format!("{:x}\r\n{call}\r\n", call.len());
    vec![
        Case("not HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), &[0, 400]),
        Case("NULs", vec![0; 4096], &[0, 400]),
        Case("no version", b"GET /health\r\n\r\n".to_vec(), &[0, 400]),
        Case("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[0, 400, 505]),
        Case(
            "a method of its own",
            b"FLY /state HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".to_vec(),
            &[405],
        ),
        Case("URL of 64 KB", get(&format!("/{}", "a".repeat(64 * 1024))), &[0, 400, 404, 414, 431]),
        Case("10k headers", head(&many), &[0, 400, 431]),
        Case(
            "one header of 1 MB",
            head(&format!("x: {}\r\n", "y".repeat(1 << 20))),
            &[0, 400, 431],
        ),
        Case("obs-fold", head("x: a\r\n b\r\n"), &[0, 400]),
        Case("a space before the colon", head("x : a\r\n"), &[0, 400]),
        Case("a NUL in a header", head("x: a\0b\r\n"), &[0, 400]),
        Case("absolute form", get("http://elsewhere/health"), &[200]),
        Case(
            "authority form",
            b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".to_vec(),
            &[0, 400, 404, 405],
        ),
        Case(
            "asterisk form",
            b"OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".to_vec(),
            &[400, 404, 405],
        ),
        Case("empty path", b"GET  HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(), &[0, 400]),
        Case("slashes", get("//////"), &[404]),
        Case("NUL in the path", get("/state%00"), &[400]),
        Case("dots in the path", get("/%2e%2e/%2e%2e/etc/passwd"), &[400, 404]),
        Case("plain dots", get("/../../etc/passwd"), &[400, 404]),
        Case("a bad escape", get("/state%zz"), &[400]),
        Case("half an escape", get("/state/%"), &[400]),
        Case("no UTF-8", get("/%c3%28"), &[400]),
        Case("a bad escape in the query", get("/state?x=%zz"), &[400]),
        Case("a negative length", post("Content-Length: -1\r\n", call), &[0, 400]),
        Case("two lengths", post("Content-Length: 21\r\nContent-Length: 3\r\n", call), &[0, 400]),
        Case("a length like +21", post("Content-Length: +21\r\n", call), &[0, 400]),
        Case(
            "a length of 2^64",
            post("Content-Length: 18446744073709551616\r\n", call),
            &[0, 400, 413],
        ),
        Case(
            "a length and chunks",
            post(&format!("Content-Length: 3\r\n{chunked}"), &format!("{chunk}0\r\n\r\n")),
            &[0, 200, 400],
        ),
        Case(
            "chunks of another coding",
            post("Transfer-Encoding: gzip, chunked, gzip\r\n", call),
            &[0, 400, 501],
        ),
        Case("a chunk size that is none", post(chunked, "zz\r\nx\r\n0\r\n\r\n"), &[0, 400]),
        Case(
            "a chunk size of 2^64",
            post(chunked, "10000000000000000\r\nx\r\n0\r\n\r\n"),
            &[0, 400],
        ),
        Case("a chunk that ends elsewhere", post(chunked, "3\r\nabcdef\r\n0\r\n\r\n"), &[0, 400]),
        Case(
            "trailers",
            post(chunked, &format!("{chunk}0\r\nx: y\r\nContent-Length: 5\r\n\r\n")),
            &[0, 200, 400],
        ),
        Case(
            "a body of zipped bytes",
            post("Content-Encoding: gzip\r\nContent-Length: 3\r\n", "\x1f\u{8}x"),
            &[415],
        ),
        Case(
            "upgrade without a handshake",
            head("Connection: upgrade\r\nUpgrade: libproc\r\n"),
            &[0, 200, 400],
        ),
    ]
}

/// Bodies that are well framed and of an evil content.
fn bodies(port: u16) {
    let deep = |open: &str, close: &str| {
        let call = format!("{}{}", open.repeat(100_000), close.repeat(100_000));
        format!(r#"{{"type":"GET_HEALTH","x":{call}}}"#)
    };
    let bomb = "9".repeat(100_000);
    let depth = "[".repeat(100_000);
    for (what, body, expected) in [
        // What is unknown is skipped, however deep: in constant stack.
        ("deep arrays", deep("[", "]").into_bytes(), 200),
        ("deep objects", deep(r#"{"a":"#, "}").into_bytes(), 400),
        ("deep arrays that do not end", format!(r#"{{"x":{depth}"#).into_bytes(), 400),
        ("a deep type", format!(r#"{{"type":{depth}"#).into_bytes(), 400),
        ("a long number", format!(r#"{{"type":{bomb}}}"#).into_bytes(), 400),
        ("duplicate keys", br#"{"type":"GET_HEALTH","type":"GET_STATE"}"#.to_vec(), 400),
        ("a lone surrogate", br#"{"type":"\ud800"}"#.to_vec(), 400),
        ("no UTF-8", b"{\"type\":\"\xff\xfe\"}".to_vec(), 400),
        ("bytes behind the end", br#"{"type":"GET_HEALTH"}x"#.to_vec(), 400),
        ("an array", b"[]".to_vec(), 400),
        ("nothing", Vec::new(), 400),
    ] {
        let answer = ask(port, "POST", "/api/v1", &[JSON], &body);
        assert_eq!(answer.head.status, expected, "{what}: {}", answer.body);
        let answer = ask(port, "POST", "/api/v1/scheduler", &[JSON], &body);
        assert_eq!(answer.head.status, 400, "{what}: {}", answer.body);
    }
    let protobuf = ("Content-Type", "application/x-protobuf");
    for body in
        [&b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"[..], b"\x0a\xff\xff\xff\xff\x0f", b"\x0b"]
    {
        let answer = ask(port, "POST", "/api/v1/scheduler", &[protobuf], body);
        assert_eq!(answer.head.status, 400, "{body:?}");
    }
}

#[test]
fn bad_input_3_1_http() {
    let local = Local::start(1);
    for port in [local.port, local.agent_port(1)] {
        for Case(what, bytes, expected) in cases() {
            let mut connection = Connection::send(port, &bytes);
            let status = connection.head().map_or(0, |head| head.status);
            assert!(expected.contains(&status), "{what}: {status}, expected {expected:?}");
            lives(port, what);
        }
    }
    bodies(local.port);
    lives(local.port, "bodies");
}
