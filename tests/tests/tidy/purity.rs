//! What a pure core may never touch: I/O, clocks, randomness, the environment, a runtime.
//!
//! Held in production lines of every `core/` folder (or `core.rs`) and of the files beside an
//! allocator, except the process around it (`actor.rs`, `effects.rs`, `config.rs`). Their tests
//! may read scripts from files.

use crate::finding::{expect_none, expect_one, Finding};
use crate::paths::{paths, Named};
use crate::source::{tree, Source};

const WHY: &str = "a core is a pure machine: time, randomness and new ids are arguments, \
    what must happen outside is an effect, so that the same seed gives the same run";

const BANNED: &[&str] = &[
    "tokio",
    "actix",
    "actix_rt",
    "futures",
    "futures_util",
    "hyper",
    "rand",
    "ring",
    "getrandom",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "uuid::Uuid::new_v4",
    "uuid::Uuid::now_v7",
];

/// Plain values that happen to live in `std::net`: an address is data, a socket is not.
const ADDRESSES: &[&str] = &[
    "std::net::AddrParseError",
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "std::net::SocketAddr",
    "std::net::SocketAddrV4",
    "std::net::SocketAddrV6",
];

fn is_core(path: &str) -> bool {
    let shell = ["/actor.rs", "/effects.rs", "/config.rs"];
    let in_core = path.contains("/core/") || path.ends_with("/core.rs");
    let beside_allocator = path.contains("/src/allocator/") || path.ends_with("/src/allocator.rs");
    in_core || (beside_allocator && !shell.iter().any(|name| path.ends_with(name)))
}

fn is_banned(named: &Named) -> bool {
    BANNED.iter().any(|ban| named.is_under(ban)) && !ADDRESSES.iter().any(|a| named.is_under(a))
}

fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|s| is_core(&s.path)) {
        for named in paths(source) {
            if is_banned(&named) && !source.test[named.line - 1] {
                let what = format!("a pure core names {}", named.segments.join("::"));
                findings.push(Finding {
                    path: source.path.clone(),
                    line: named.line,
                    what,
                    why: WHY,
                });
            }
        }
    }
    findings
}

#[test]
fn cores_are_pure() {
    expect_none(check(&tree()));
}

#[test]
fn planted_impurity_is_named() {
    let cases = [
        ("master/src/core/offers.rs", "use tokio::sync::mpsc;", "tokio::sync::mpsc"),
        ("master/src/core/offers.rs", "use actix::Addr;", "actix::Addr"),
        ("master/src/core.rs", "use std::{collections::BTreeMap, fs};", "std::fs"),
        ("agent/src/core/mod.rs", "use std::net::TcpStream;", "std::net::TcpStream"),
        ("agent/src/core/mod.rs", "let t = std::time::Instant::now();", "std::time::Instant"),
        (
            "agent/src/core/mod.rs",
            "use std::time::{Duration, SystemTime};",
            "std::time::SystemTime",
        ),
        ("agent/src/core/mod.rs", "let v = std::env::var(\"X\");", "std::env::var"),
        ("master/src/allocator/sorter.rs", "let r = rand::random();", "rand::random"),
        ("master/src/allocator/sorter.rs", "let r = uuid::Uuid::new_v4();", "new_v4"),
    ];
    for (path, line, needle) in cases {
        expect_one(&check(&[Source::new(path, &format!("//! x\n{line}\n"))]), 2, needle);
    }
}

#[test]
fn shells_addresses_and_tests_of_cores_are_free() {
    let open = [
        ("master/src/allocator/actor.rs", "use tokio::sync::mpsc;"),
        ("master/src/actor.rs", "use std::net::TcpStream;"),
        (
            "master/src/core/agents.rs",
            "use std::net::{IpAddr, SocketAddr};\nuse std::time::Duration;",
        ),
        ("master/src/core/agents.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;\n}"),
    ];
    for (path, text) in open {
        expect_none(check(&[Source::new(path, text)]));
    }
}
