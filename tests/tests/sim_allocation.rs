//! Allocation through every process: the scheduler's, the master's and the allocator's.

use libproc::Instant;
use meseta_tests::sim::cluster::{Shape, SimCluster};
use std::time::Duration;

/// AL-04: a framework without work declines its one agent, each time for five seconds.
/// Rounds by interval (ALL-01) and refusals (ALL-11).
#[test]
fn al_04_what_was_declined_comes_again_when_the_refusal_is_over() {
    let shape = Shape { agents: 1, frameworks: 1, tasks: 0, ..Shape::default() };
    let mut cluster = SimCluster::new(7, shape);
    cluster.run_for(Duration::from_secs(90));
    let steps = cluster.sim.steps();
    let granted = steps.iter().filter(|step| step.is_of("master") && step.what == "Granted");
    let granted: Vec<Instant> = granted.map(|step| step.at).collect();
    assert!(granted.len() > 10, "{granted:?}");
    for pair in granted.windows(2) {
        let pause = pair[1].since(pair[0]);
        // Not before, and not later than an interval of allocation and some messages.
        assert!(pause >= Duration::from_secs(5), "{pause:?} between {granted:?}");
        assert!(pause < Duration::from_millis(6200), "{pause:?} between {granted:?}");
    }
    assert_eq!(cluster.breaches(), Vec::<String>::new());
}
