//! AG: agents that are cut off, given up, and come back. LP-07: one that is slower than a tenant.

use super::{kill, one, run, says, small, HOUR, MINUTE};
use libproc::sim::{Filter, Verdict};
use meseta_api::v1::scheduler::call::{Message, Type};
use meseta_api::v1::scheduler::Call;
use meseta_api::v1::TaskState::{
    TaskFinished, TaskGone, TaskLost, TaskRunning, TaskStarting, TaskUnreachable,
};
use meseta_tests::sim::cluster::{Shape, SimCluster};
use meseta_tests::sim::scenario::{GIVEN_UP, SOON};
use meseta_tests::sim::workload::record;
use std::time::Duration;

/// The agent is cut off until it is given up.
fn give_up(cluster: &mut SimCluster) {
    cluster.isolate("agent-0");
    cluster.run_for(GIVEN_UP);
}

fn registered(cluster: &SimCluster) -> bool {
    !cluster.unsettled_at_agent(0).contains(&"it is not registered".to_owned())
}

fn settle(cluster: &mut SimCluster) {
    cluster.run_to_the_end(HOUR).unwrap();
}

#[test]
fn ag_03_a_task_outlives_a_partition() {
    let mut cluster = one(203);
    run(&mut cluster, "t", "forever");
    give_up(&mut cluster);
    let last = cluster.last(0, "t").unwrap();
    assert_eq!((last.state, last.uuid), (TaskUnreachable, None));
    assert!(last.unreachable_since.is_some());
    cluster.heal("agent-0");
    cluster.until("it is back", 2 * MINUTE, |cluster| cluster.is(0, "t", TaskRunning));
    assert_eq!(cluster.launched().len(), 1);
    kill(&mut cluster, 0, "t");
    settle(&mut cluster);
}

#[test]
fn ag_04_a_framework_that_knows_no_partitions_is_told_the_truth_as_well() {
    let mut cluster = SimCluster::idle(204, Shape { partition_aware: false, ..small() });
    run(&mut cluster, "t", "forever");
    give_up(&mut cluster);
    assert!(cluster.is(0, "t", TaskLost));
    cluster.heal("agent-0");
    cluster.until("it is back", 2 * MINUTE, |cluster| cluster.is(0, "t", TaskRunning));
    kill(&mut cluster, 0, "t");
    settle(&mut cluster);
}

#[test]
fn ag_05_the_partition_spans_a_failover() {
    let mut cluster = one(205);
    run(&mut cluster, "t", "forever");
    cluster.isolate("agent-0");
    cluster.run_for(MINUTE);
    cluster.depose_master();
    cluster.run_for(5 * MINUTE);
    // Neither known to run nor known not to: silence (RC-04).
    assert!(cluster.is(0, "t", TaskRunning));
    // The new leader waits as long as the old one would have (RC-08).
    cluster.until("it is given up", GIVEN_UP, |cluster| cluster.is(0, "t", TaskUnreachable));
    assert!(cluster.last(0, "t").unwrap().unreachable_since.is_some());
    cluster.heal("agent-0");
    cluster.until("it is back", 2 * MINUTE, |cluster| cluster.is(0, "t", TaskRunning));
    assert_eq!(cluster.launched().len(), 1);
    kill(&mut cluster, 0, "t");
    settle(&mut cluster);
}

#[test]
fn ag_06_what_a_framework_left_behind_the_partition_ends_when_it_heals() {
    let mut cluster = one(206);
    run(&mut cluster, "t", "forever");
    give_up(&mut cluster);
    cluster.let_go(0);
    cluster.act(0, |_, driver| driver.stop(true));
    cluster.run_for(MINUTE);
    assert!(!cluster.is_empty(0));
    cluster.heal("agent-0");
    cluster.until("its task is ended", 2 * MINUTE, |cluster| cluster.is_empty(0));
}

#[test]
fn ag_07_a_scheduler_that_was_away_hears_that_the_agent_is_lost() {
    let mut cluster = one(207);
    run(&mut cluster, "t", "forever");
    cluster.crash("framework-0");
    give_up(&mut cluster);
    cluster.boot_again("framework-0");
    cluster.until("it is told", SOON, |cluster| cluster.is(0, "t", TaskUnreachable));
    cluster.heal("agent-0");
    cluster.until("it is back", 2 * MINUTE, |cluster| cluster.is(0, "t", TaskRunning));
    kill(&mut cluster, 0, "t");
    settle(&mut cluster);
}

#[test]
fn ag_08_a_spurious_return_kills_nothing_and_counts_nothing_twice() {
    let mut cluster = one(208);
    for task in 0..8 {
        cluster.launch(0, &format!("t-{task}"), "sleep 60");
    }
    cluster.until("all run", SOON, |cluster| cluster.launched().len() == 8);
    let (agent, master) = (cluster.machine("agent-0"), cluster.machine("master-0"));
    for _ in 0..5 {
        cluster.sim.reset(agent, master);
        cluster.until("it is noticed", SOON, |cluster| !registered(cluster));
        cluster.until("it is back", 2 * MINUTE, registered);
    }
    settle(&mut cluster);
    assert_eq!((cluster.launched().len(), cluster.ended_as_reported()), (8, 8));
    // And the whole agent is free again.
    for task in 0..8 {
        cluster.launch(0, &format!("u-{task}"), "sleep 60");
    }
    cluster.until("all run", SOON, |cluster| cluster.launched().len() == 16);
}

/// And AG-09: what the agent says while it is given up is not lost.
#[test]
fn ag_11_what_ended_during_the_partition_ended_then() {
    for partition_aware in [true, false] {
        let mut cluster = SimCluster::idle(211, Shape { partition_aware, ..small() });
        run(&mut cluster, "t", "sleep 100");
        give_up(&mut cluster);
        let lost = if partition_aware { TaskUnreachable } else { TaskLost };
        assert!(cluster.is(0, "t", lost));
        let healed = cluster.sim.now();
        cluster.heal("agent-0");
        cluster.until("it is told", 2 * MINUTE, |cluster| cluster.is(0, "t", TaskFinished));
        settle(&mut cluster);
        let told = record(cluster.record(0)).told.clone();
        let first = told.iter().find(|told| told.uuid.is_some()).unwrap();
        let last = told.last().unwrap();
        let took = last.timestamp - first.timestamp;
        assert!((100.0..101.0).contains(&took), "{took}");
        assert!(last.at > healed);
    }
}

#[test]
fn ag_12_a_task_that_ended_is_not_lost_with_its_agent() {
    let mut cluster = one(212);
    run(&mut cluster, "t", "sleep 5");
    // Its acknowledgement arrives.
    cluster.run_for(Duration::from_secs(1));
    cluster.crash("framework-0");
    cluster.run_for(Duration::from_secs(20));
    give_up(&mut cluster);
    cluster.boot_again("framework-0");
    cluster.until("it is told", SOON, |cluster| cluster.is(0, "t", TaskFinished));
    cluster.heal("agent-0");
    settle(&mut cluster);
    let all = cluster.told(0, "t");
    assert!(!all.contains(&TaskUnreachable), "{all:?}");
}

#[test]
fn ag_14_a_dead_connection_to_the_master_is_made_anew() {
    let mut cluster = one(214);
    run(&mut cluster, "t", "sleep 200");
    let (agent, master) = (cluster.machine("agent-0"), cluster.machine("master-0"));
    cluster.sim.half_open(agent, master);
    cluster.until("it is noticed", SOON, |cluster| !registered(cluster));
    cluster.until("it is back", 2 * MINUTE, registered);
    settle(&mut cluster);
    // What was not acknowledged in time came again.
    let mut told = cluster.told_by_agent(0, "t");
    told.dedup();
    assert_eq!(told, [TaskStarting, TaskRunning, TaskFinished]);
}

#[test]
fn ag_15_a_scheduler_whose_stream_is_dead_subscribes_again() {
    let mut cluster = one(215);
    run(&mut cluster, "t", "sleep 200");
    let (framework, master) = (cluster.machine("framework-0"), cluster.machine("master-0"));
    cluster.sim.half_open(framework, master);
    cluster.until("it is back", 2 * MINUTE, |cluster| record(cluster.record(0)).subscribed == 2);
    run(&mut cluster, "u", "sleep 3");
    settle(&mut cluster);
    assert_eq!(cluster.ended_as_reported(), 2);
}

#[test]
fn ag_16_a_launch_that_was_lost_with_the_agent_is_gone_when_it_returns_without_it() {
    let mut cluster = one(216);
    let launch = Filter::all().to("agent-0").of("agent.FromMaster");
    let launch = launch.when(|passing| says(passing, "RunTask"));
    let lost = cluster.sim.filter(launch, Verdict::Drop);
    cluster.launch(0, "t", "forever");
    cluster.until("it is lost", SOON, |cluster| !cluster.sim.matched(lost).is_empty());
    give_up(&mut cluster);
    assert!(cluster.is(0, "t", TaskUnreachable));
    cluster.heal("agent-0");
    cluster.until("it is gone", 2 * MINUTE, |cluster| cluster.is(0, "t", TaskGone));
    settle(&mut cluster);
    assert_eq!((cluster.launched().len(), cluster.ended_as_reported()), (0, 0));
}

/// SCH-23: the messages that find no room are lost, and they alone.
#[test]
fn lp_07_a_tenants_messages_to_a_stuck_agent_cost_it_no_connection() {
    let mut cluster = one(707);
    run(&mut cluster, "t", "forever");
    let messages = cluster.sim.filter(delivered(), Verdict::Pass);
    let again = Filter::all().from("agent-0").of("master.FromAgent").variant("AgentArrived");
    let again = cluster.sim.filter(again, Verdict::Pass);
    let agent = cluster.machine("agent-0");
    cluster.sim.pause(agent);
    for _ in 0..FLOOD {
        send_message(&mut cluster);
        // The scheduler's own connection has room for each.
        cluster.run_for(Duration::from_millis(10));
    }
    cluster.sim.resume(agent);
    kill(&mut cluster, 0, "t");
    settle(&mut cluster);
    let arrived = cluster.sim.matched(messages).len();
    assert!((1..FLOOD).contains(&arrived), "{arrived} of {FLOOD}: no flood");
    assert!(cluster.sim.matched(again).is_empty(), "the agent had to connect again");
}

/// SCH-23: the same where the scheduler says more than its connection holds.
#[test]
fn lp_07_a_scheduler_that_floods_its_master_stays_subscribed() {
    let mut cluster = one(708);
    run(&mut cluster, "t", "forever");
    let messages = cluster.sim.filter(delivered(), Verdict::Pass);
    (0..FLOOD).for_each(|_| send_message(&mut cluster));
    kill(&mut cluster, 0, "t");
    settle(&mut cluster);
    let arrived = cluster.sim.matched(messages).len();
    assert!((1..FLOOD).contains(&arrived), "{arrived} of {FLOOD}: no flood");
    assert_eq!(record(cluster.record(0)).subscribed, 1);
}

/// So many messages of 32 KiB are more than may wait for anybody.
const FLOOD: usize = 800;

fn send_message(cluster: &mut SimCluster) {
    let message = Message {
        agent_id: record(cluster.record(0)).live["t"].0.clone(),
        executor_id: "t".into(),
        data: vec![0; 32 << 10].into(),
    };
    let call =
        Call { r#type: Some(Type::Message.into()), message: Some(message), ..Default::default() };
    cluster.act(0, |_, driver| driver.call_raw(call));
}

fn delivered() -> Filter {
    let orders = Filter::all().to("agent-0").of("agent.FromMaster");
    orders.when(|passing| says(passing, "DeliverMessage"))
}
