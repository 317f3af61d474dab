//! Every named fault scenario of these groups has a test, or is on the list of those that have none
//! yet, with the reason. That list can only shrink: an id on it that a test names is a finding too.
//!
//! A test names a scenario in its own name (`fw_03_…`) or in a comment beside it (`FW-03`).

use crate::finding::{expect_none, Finding};
use crate::source::{tree, Source};
use std::collections::BTreeSet;

/// Groups, and the numbers of their scenarios.
const SCENARIOS: &[(&str, &[u8])] = &[
    // Masters and their election.
    ("ME", &[1, 3, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16]),
    // The registrar.
    ("RG", &[1, 2, 3, 4, 6, 7, 8, 10, 11]),
    // Agents: registration, health, partition.
    ("AG", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 19, 20]),
    // Frameworks that fail.
    ("FW", &[1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 13]),
    // Tasks and their status updates.
    ("TS", &[1, 2, 3, 4, 6, 7, 8, 9, 10]),
    // Reconciliation.
    ("RC", &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    // Allocation under faults.
    ("AL", &[1, 2, 4, 5, 6]),
    // Streams and HTTP.
    ("ES", &[1, 3, 5, 6]),
    // Messages between processes.
    ("LP", &[1, 2, 3, 5, 6, 7]),
    // etcd.
    ("ET", &[1, 2, 4, 6, 8]),
];

/// Without a test: which, and why.
const UNCOVERED: &[(&str, &str)] = &[
    ("ME-15", "the registry holds no quota and no maintenance yet"),
    ("RG-10", "there is no quota yet"),
    ("AG-20", "removals of agents are not paced yet"),
    ("TS-07", "the default executor, whose policy ends the rest of a group, is not here yet"),
    ("TS-09", "health checks are not run yet"),
    ("AL-06", "there is no quota yet"),
    ("ES-01", "there is no event stream for operators yet"),
    ("ES-03", "who never ends a head is evicted; nobody measures what others notice meanwhile"),
    ("ES-06", "credentials do not expire yet"),
    ("ET-04", "no test replaces a member of etcd"),
];

const MISSING: &str = "a fault that nobody tries is a fault that nobody survives: test it, or say \
    on the list why there is no test yet";
const COVERED: &str = "the list of what has no test can only shrink: take it off";

fn ids() -> impl Iterator<Item = String> {
    SCENARIOS
        .iter()
        .flat_map(|(group, numbers)| numbers.iter().map(move |n| format!("{group}-{n:02}")))
}

/// The scenarios that tests name.
fn named(sources: &[Source]) -> BTreeSet<String> {
    let ids: Vec<(String, String)> =
        ids().map(|id| (format!("fn {}_", id.to_lowercase().replace('-', "_")), id)).collect();
    let mut named = BTreeSet::new();
    // This one names all of them.
    for source in sources.iter().filter(|source| source.path != file()) {
        for (at, is_test) in source.test.iter().enumerate() {
            let (Some(code), Some(comment)) = (source.code.get(at), source.comments.get(at)) else {
                continue;
            };
            if *is_test {
                let here =
                    ids.iter().filter(|(name, id)| code.contains(name) || comment.contains(id));
                named.extend(here.map(|(_, id)| id.clone()));
            }
        }
    }
    named
}

fn file() -> &'static str {
    "tests/tests/tidy/scenarios.rs"
}

fn check(named: &BTreeSet<String>, uncovered: &[(&str, &str)]) -> Vec<Finding> {
    let finding = |what: String, why| Finding { path: file().into(), line: 1, what, why };
    let listed = |id: &str| uncovered.iter().any(|(listed, _)| *listed == id);
    let known: BTreeSet<String> = ids().collect();
    let missing = known.iter().filter(|id| !named.contains(*id) && !listed(id));
    let missing = missing.map(|id| finding(format!("no test names {id}"), MISSING));
    let covered = uncovered.iter().filter(|(id, _)| named.contains(*id) || !known.contains(*id));
    let covered = covered.map(|(id, _)| finding(format!("{id} is listed without need"), COVERED));
    missing.chain(covered).collect()
}

#[test]
fn every_scenario_has_a_test_or_a_reason() {
    expect_none(check(&named(&tree()), UNCOVERED));
}

#[test]
fn planted_gaps_are_named() {
    let mut all: BTreeSet<String> = ids().collect();
    assert!(check(&all, &[]).is_empty());
    for (listed, needle) in [("FW-01", "FW-01 is listed"), ("FW-99", "FW-99 is listed")] {
        let findings = check(&all, &[(listed, "a reason")]);
        assert!(findings.len() == 1 && findings[0].what.contains(needle), "{findings:?}");
    }
    all.remove("TS-03");
    let findings = check(&all, &[]);
    assert!(findings.len() == 1 && findings[0].what.contains("TS-03"), "{findings:?}");
    assert!(check(&all, &[("TS-03", "a reason")]).is_empty());
}

#[test]
fn only_tests_name_scenarios() {
    let cases = [
        ("a/tests/x.rs", "fn fw_03_who_is_gone() {}", true),
        ("a/tests/x.rs", "/// After a teardown (FW-03).", true),
        ("a/src/x.rs", "/// After a teardown (FW-03).", false),
        ("a/tests/x.rs", "let id = \"FW-03\";", false),
        ("a/src/x.rs", "#[cfg(test)] mod tests { fn fw_03_a() {} }", true),
    ];
    for (path, line, is_named) in cases {
        let found = named(&[Source::new(path, &format!("{line}\n"))]);
        assert_eq!(found.contains("FW-03"), is_named, "{path}: {line}");
    }
}
