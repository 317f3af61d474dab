//! Every feature that nobody would miss in a Mesos has a test, or is on the list of those that have
//! none yet, with the reason: `coverage.rs` says how.
//!
//! Features are called as the tables that grade them do. Offer operations are written `A4 OP-03`,
//! with their table, since scenarios about operations have the same numbers.

use crate::coverage::{id, Catalogue};
use crate::finding::expect_none;
use crate::source::tree;

/// Groups; of each the numbers that must be there, and those that should be.
const FEATURES: &[(&str, &[u8], &[u8])] = &[
    // Calls and events of schedulers.
    (
        "SCH",
        &[10, 11, 12, 13, 15, 16, 17, 19, 21, 30, 31, 32, 34, 37, 38, 39],
        &[18, 20, 22, 23, 25, 35, 36],
    ),
    // Offer operations.
    ("A4 OP", &[1, 2, 3, 4], &[7, 8]),
    // Tasks.
    ("TSK", &[1, 2, 3, 4, 5, 7, 10, 11, 12, 13, 14, 16], &[6, 8, 9, 15]),
    // Capabilities.
    ("CAP", &[1, 2, 3], &[4, 5, 6, 9, 10]),
    // Calls of operators.
    (
        "MOP",
        &[1, 2, 3, 4, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 21, 22, 23, 24, 26],
        &[5, 6, 12, 20],
    ),
    // What operators follow.
    ("EVT", &[1, 2], &[3]),
    // Endpoints older than v1.
    ("LEG", &[2], &[1, 4, 5]),
    // Resources.
    ("RES", &[1, 2, 3, 4, 5, 6, 7, 9, 12, 15, 16], &[8, 10, 11, 14, 21]),
    // Allocation.
    ("ALL", &[1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 20, 23], &[4, 16, 17, 18, 21, 22]),
    // What operators decide about agents and machines.
    ("MNT", &[1, 3, 4], &[2]),
    // Limits.
    ("LIM", &[3, 5], &[1, 2]),
    // Metrics.
    ("MET", &[1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15], &[7, 11, 13, 14]),
];

/// Without a test: which, and why.
const UNCOVERED: &[(&str, &str)] = &[
    ("ALL-04", "no flag says yet which resources do not count in shares"),
    ("ALL-21", "there is one allocator, which is a process, and no way to name another"),
    ("CAP-10", "the registry does not say yet what a master must be capable of"),
    ("EVT-03", "no test opens more streams than there may be"),
    ("LIM-05", "no test names together the limits of ids, stream ids and pages of files"),
    ("MET-13", "what agents' subsystems do is not counted yet"),
    ("MOP-05", "the level of logs cannot be changed yet"),
    ("MOP-06", "masters do not give out their logs yet"),
    ("SCH-18", "executors are not shut down by call yet"),
    ("TSK-06", "checks of command tasks are refused yet"),
    ("TSK-07", "health checks of command tasks are refused yet"),
    ("TSK-11", "most of ContainerInfo is refused yet"),
    ("TSK-12", "the default executor, which runs pods, is not here yet"),
];

const MISSING: &str = "what no test proves is not there: test it, or say on the list why there is \
    no test yet";

fn catalogue() -> Catalogue {
    let of = |group, numbers: &'static [u8], grade| {
        numbers.iter().map(move |number| (id(group, *number), grade))
    };
    let ids = FEATURES.iter().flat_map(|(group, must, should)| {
        of(group, must, ", which must be there").chain(of(group, should, ", which should be there"))
    });
    Catalogue {
        file: "tests/tests/tidy/features.rs",
        ids: ids.collect(),
        uncovered: UNCOVERED,
        missing: MISSING,
    }
}

#[test]
fn every_feature_has_a_test_or_a_reason() {
    let catalogue = catalogue();
    expect_none(catalogue.check(&catalogue.named(&tree())));
}
