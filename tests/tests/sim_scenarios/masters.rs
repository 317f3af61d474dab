//! ME: leaders that die while something is under way.

use super::{one, run, HOUR, MINUTE};
use meseta_api::v1::TaskState::{TaskRunning, TaskUnreachable};
use meseta_tests::sim::cluster::{Shape, SimCluster};
use meseta_tests::sim::scenario::SOON;
use meseta_tests::sim::workload::record;

/// The leader dies, and the other one takes over.
fn fail_over(cluster: &mut SimCluster) {
    let leader = cluster.leading().expect("a master leads");
    cluster.crash(&leader);
    cluster.until("another one leads", MINUTE, |cluster| {
        cluster.leading().is_some_and(|other| other != leader)
    });
    cluster.boot_again(&leader);
}

fn has(unsettled: &[String], task: &str) -> bool {
    unsettled.iter().any(|what| what.contains(&format!("task {task} ")))
}

/// The scheduler said ACCEPT, and what the leader made of it died with it.
#[test]
fn me_13_a_launch_that_died_with_its_leader_is_not_silently_missing() {
    let mut cluster = one(613);
    cluster.launch(0, "t", "sleep 30");
    cluster.until("it is taken", SOON, |cluster| has(&cluster.unsettled_at_leader(), "t"));
    assert!(!has(&cluster.unsettled_at_agent(0), "t"), "the order is under way");
    fail_over(&mut cluster);
    cluster.until("it is over", HOUR, |cluster| cluster.all_ended());
    let last = cluster.last(0, "t").unwrap();
    assert!(last.state.is_terminal() && last.uuid.is_none(), "{last:?}");
    cluster.run_to_the_end(HOUR).unwrap();
    assert!(cluster.launched().is_empty());
}

#[test]
fn me_14_a_launch_that_reached_its_agent_outlives_its_leader() {
    let mut cluster = one(614);
    cluster.launch(0, "t", "sleep 30");
    cluster.until("its agent has it", SOON, |cluster| has(&cluster.unsettled_at_agent(0), "t"));
    assert!(cluster.launched().is_empty(), "it has not begun");
    fail_over(&mut cluster);
    cluster.run_to_the_end(HOUR).unwrap();
    assert_eq!((cluster.launched().len(), cluster.ended_as_reported()), (1, 1));
}

#[test]
fn me_08_a_leader_that_cannot_read_its_registry_makes_way() {
    let mut cluster = one(608);
    run(&mut cluster, "t", "sleep 120");
    cluster.store().fail_loads(2);
    cluster.depose_master();
    cluster
        .until("a master serves", 2 * MINUTE, |cluster| record(cluster.record(0)).subscribed == 2);
    assert!(cluster.is(0, "t", TaskRunning));
    cluster.run_to_the_end(HOUR).unwrap();
    assert_eq!(cluster.ended_as_reported(), 1);
}

#[test]
fn me_10_only_who_never_returns_after_a_failover_is_given_up() {
    let shape = Shape { agents: 3, frameworks: 1, ..Shape::default() };
    let mut cluster = SimCluster::idle(610, shape);
    for task in 0..24 {
        cluster.launch(0, &format!("t-{task}"), "forever");
    }
    cluster.until("all run", MINUTE, |cluster| cluster.launched().len() == 24);
    cluster.crash("agent-0");
    cluster.depose_master();
    let lost = |cluster: &SimCluster| {
        let is_lost = |task| cluster.is(0, &format!("t-{task}"), TaskUnreachable);
        (0..24).filter(|task| is_lost(*task)).count()
    };
    cluster.run_for(9 * MINUTE);
    assert_eq!(lost(&cluster), 0, "a new leader waits for its agents");
    cluster.until("its tasks are given up", 3 * MINUTE, |cluster| lost(cluster) == 8);
    cluster.run_for(MINUTE);
    assert_eq!((lost(&cluster), cluster.launched().len()), (8, 24));
}
