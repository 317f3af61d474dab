//! The simulated cluster without faults: work is done, the invariants hold, a seed is a run.

use meseta_api::v1::TaskState;
use meseta_tests::sim::cluster::{Shape, SimCluster};
use meseta_tests::sim::workload::record;
use std::time::Duration;

fn run(seed: u64, shape: Shape) -> SimCluster {
    let mut cluster = SimCluster::new(seed, shape);
    let done = cluster.run_until(Duration::from_secs(600), SimCluster::all_ended);
    assert!(done, "seed {seed}: only {} tasks ended: {:#?}", cluster.ended(), cluster.breaches());
    assert_eq!(cluster.breaches(), Vec::<String>::new(), "seed {seed}");
    cluster
}

#[test]
fn every_task_finishes() {
    let cluster = run(1, Shape::default());
    assert_eq!(cluster.ended(), 120);
    for shared in cluster.records() {
        let record = record(shared);
        assert!(
            record.ended.values().all(|state| *state == TaskState::TaskFinished),
            "{:?}",
            record.ended
        );
    }
}

/// Promise 7.
#[test]
fn the_same_seed_is_the_same_run() {
    let shape = Shape { agents: 3, frameworks: 2, tasks: 10, ..Shape::default() };
    let log = |seed| run(seed, shape).sim.log();
    let first = log(5);
    assert!(first.len() > 500, "only {} steps", first.len());
    assert_eq!(first, log(5));
    assert_ne!(first, log(6));
}
