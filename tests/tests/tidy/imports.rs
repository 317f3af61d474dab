//! Libraries that stand behind one door, and where each door is.

use crate::finding::{expect_none, expect_one, Finding};
use crate::paths::paths;
use crate::source::{tree, Source};

/// A library and the only files (or folders, with a closing slash) that may name it.
struct Door {
    library: &'static str,
    files: &'static [&'static str],
    why: &'static str,
}

const ENGINE: &[&str] = &["libproc/src/host.rs", "libproc/src/runtime.rs"];
const ENGINE_WHY: &str = "actix is libproc's hidden engine: only libproc/src/host.rs and \
    libproc/src/runtime.rs may see it, or its unordered paths leak around the mailbox";

const DOORS: &[Door] = &[
    Door { library: "actix", files: ENGINE, why: ENGINE_WHY },
    Door { library: "actix_rt", files: ENGINE, why: ENGINE_WHY },
    Door {
        library: "etcd_client",
        files: &["node/src/", "node/tests/"],
        why: "only node imports etcd-client: everyone else speaks to the store trait, \
            so that fencing cannot be passed by",
    },
    Door {
        library: "cgroups_rs",
        files: &["agent/src/container/cgroups.rs", "agent/src/container/cgroups/"],
        why: "cgroups-rs stands behind the agent's module container::cgroups, so that v1 and v2 \
            differ in one place",
    },
];

fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|s| !s.path.contains("/benches/")) {
        for named in paths(source) {
            let shut = DOORS.iter().find(|door| {
                let open = |file: &&str| {
                    source.path == **file || (file.ends_with('/') && source.path.starts_with(*file))
                };
                named.is_under(door.library) && !door.files.iter().any(open)
            });
            findings.extend(shut.map(|door| Finding {
                path: source.path.clone(),
                line: named.line,
                what: format!("names {}", named.segments.join("::")),
                why: door.why,
            }));
        }
    }
    findings
}

#[test]
fn each_hidden_library_is_imported_through_its_door() {
    expect_none(check(&tree()));
}

#[test]
fn a_planted_import_is_named() {
    let cases = [
        ("master/src/actor.rs", "use actix::prelude::*;", "actix::prelude"),
        ("libproc/src/tcp.rs", "fn f() { actix_rt::System::new(); }", "actix_rt::System"),
        ("libproc/tests/host.rs", "use actix::Actor;", "actix::Actor"),
        ("master/src/registrar/etcd.rs", "use etcd_client as e;", "only node imports etcd-client"),
        ("agent/src/container/memory.rs", "use cgroups_rs::fs;", "cgroups_rs::fs"),
    ];
    for (path, line, needle) in cases {
        expect_one(&check(&[Source::new(path, &format!("//! x\n{line}\n"))]), 2, needle);
    }
}

#[test]
fn the_doors_themselves_and_benches_are_open() {
    let open = [
        ("libproc/src/host.rs", "use actix::Actor;"),
        ("tests/benches/tell.rs", "use actix::Actor;"),
        ("node/src/store/etcd.rs", "use etcd_client::Client;"),
        ("agent/src/container/cgroups/v1.rs", "use cgroups_rs::Cgroup;"),
        ("master/src/lib.rs", "// actix::Actor is not named here\nlet s = \"actix::Actor\";"),
    ];
    for (path, text) in open {
        expect_none(check(&[Source::new(path, text)]));
    }
}
