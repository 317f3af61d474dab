//! FW: schedulers that crash, come back, are replaced, or never come back.

use super::{kill, one, run, small, HOUR, MINUTE};
use meseta_api::v1::TaskState::{TaskFinished, TaskRunning};
use meseta_tests::sim::cluster::{Shape, SimCluster};
use meseta_tests::sim::scenario::SOON;
use meseta_tests::sim::workload::record;
use std::time::Duration;

fn refused(cluster: &SimCluster, at: usize) -> Option<String> {
    record(cluster.record(at)).refused.clone()
}

#[test]
fn fw_01_a_second_scheduler_takes_over_and_tasks_stay() {
    let mut cluster = one(101);
    run(&mut cluster, "t", "forever");
    let twin = cluster.twin(0);
    cluster.until("the first is told", SOON, |cluster| refused(cluster, 0).is_some());
    assert_eq!(refused(&cluster, 0).unwrap(), "Framework failed over");
    cluster.until("the second knows", SOON, |cluster| cluster.is(twin, "t", TaskRunning));
    assert_eq!((refused(&cluster, twin), cluster.launched().len()), (None, 1));
    kill(&mut cluster, twin, "t");
}

#[test]
fn fw_02_who_does_not_come_back_in_time_is_removed_with_its_tasks() {
    let timeout = 2 * MINUTE;
    let mut cluster = SimCluster::idle(102, Shape { failover_timeout: timeout, ..small() });
    run(&mut cluster, "t", "forever");
    cluster.crash("framework-0");
    cluster.run_for(timeout - Duration::from_secs(10));
    assert!(!cluster.is_empty(0), "removed before its time");
    cluster.let_go(0);
    cluster.until("its task is ended", SOON, |cluster| cluster.is_empty(0));
    let twin = cluster.twin(0);
    cluster.until("it is refused", SOON, |cluster| refused(cluster, twin).is_some());
    assert_eq!(refused(&cluster, twin).unwrap(), "Framework has been removed");
}

#[test]
fn fw_03_a_torn_down_framework_is_refused_also_by_the_next_leader() {
    let mut cluster = one(103);
    run(&mut cluster, "t", "forever");
    cluster.let_go(0);
    cluster.act(0, |_, driver| driver.stop(true));
    cluster.until("its task is ended", SOON, |cluster| cluster.is_empty(0));
    for _ in 0..2 {
        let twin = cluster.twin(0);
        cluster.until("it is refused", SOON, |cluster| refused(cluster, twin).is_some());
        assert_eq!(refused(&cluster, twin).unwrap(), "Framework has been removed");
        cluster.depose_master();
    }
}

#[test]
fn fw_08_what_nobody_acknowledged_goes_to_the_new_scheduler() {
    let mut cluster = one(108);
    run(&mut cluster, "t", "sleep 5");
    cluster.crash("framework-0");
    cluster.run_for(Duration::from_secs(20));
    let twin = cluster.twin(0);
    cluster.until("it has the end", MINUTE, |cluster| {
        cluster.told_by_agent(twin, "t").last() == Some(&TaskFinished)
    });
    assert!(!cluster.told(0, "t").contains(&TaskFinished));
    cluster.until("all is settled", HOUR, |cluster| cluster.unsettled().is_empty());
}

#[test]
fn fw_10_a_framework_without_a_failover_timeout_ends_with_its_scheduler() {
    let mut cluster = SimCluster::idle(110, Shape { failover_timeout: Duration::ZERO, ..small() });
    run(&mut cluster, "t", "forever");
    cluster.let_go(0);
    cluster.crash("framework-0");
    cluster.until("its task is ended", Duration::from_secs(15), |cluster| cluster.is_empty(0));
}
