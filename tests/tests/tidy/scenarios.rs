//! Every named fault scenario of these groups has a test, or is on the list of those that have none
//! yet, with the reason: `coverage.rs` says how.

use crate::coverage::{id, Catalogue};
use crate::finding::expect_none;
use crate::source::tree;

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
    ("RG-02", "no test fails a store that is given a batch of many operations"),
    ("TS-07", "the default executor, whose policy ends the rest of a group, is not here yet"),
    ("TS-09", "health checks are not run yet"),
    ("ES-01", "no test stops reading for as long as that"),
    ("ES-03", "who never ends a head is evicted; nobody measures what others notice meanwhile"),
    ("ES-06", "credentials do not expire yet"),
    ("ET-04", "no test replaces a member of etcd"),
];

const MISSING: &str = "a fault that nobody tries is a fault that nobody survives: test it, or say \
    on the list why there is no test yet";

fn catalogue() -> Catalogue {
    let ids = SCENARIOS.iter().flat_map(|(group, numbers)| numbers.iter().map(|n| id(group, *n)));
    Catalogue {
        file: "tests/tests/tidy/scenarios.rs",
        ids: ids.map(|id| (id, "")).collect(),
        uncovered: UNCOVERED,
        missing: MISSING,
    }
}

#[test]
fn every_scenario_has_a_test_or_a_reason() {
    let catalogue = catalogue();
    expect_none(catalogue.check(&catalogue.named(&tree())));
}
