//! TS, RC, AL: statuses, questions about tasks, offers.

use super::{one, run, HOUR, MINUTE};
use libproc::sim::{Conditions, Filter, Latency, Verdict};
use meseta_api::v1::TaskState::{TaskDropped, TaskFinished, TaskKilled, TaskRunning, TaskStarting};
use meseta_tests::sim::cluster::{Shape, SimCluster};
use meseta_tests::sim::scenario::SOON;
use meseta_tests::sim::workload::record;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn ts_01_statuses_keep_their_order_whatever_each_message_takes() {
    let shape = Shape { agents: 3, frameworks: 2, tasks: 20, ..Shape::default() };
    let mut cluster = SimCluster::new(301, shape);
    let tail =
        Latency::LongTail { least: Duration::from_millis(1), mean: Duration::from_millis(200) };
    cluster.sim.set_conditions(Conditions::taking(tail));
    cluster.run_to_the_end(HOUR).unwrap();
    for at in 0..2 {
        for task in 0..20 {
            let mut told = cluster.told_by_agent(at, &format!("framework-{at}-task-{task}"));
            told.dedup();
            assert_eq!(told, [TaskStarting, TaskRunning, TaskFinished]);
        }
    }
}

#[test]
fn ts_02_an_acknowledgement_that_comes_twice_changes_nothing() {
    let mut cluster = one(302);
    let acknowledge = Filter::all().of("master.FromFramework");
    let acknowledge = acknowledge.when(|passing| crate::says(passing, "ACKNOWLEDGE"));
    cluster.sim.filter(acknowledge, Verdict::Twice);
    run(&mut cluster, "t", "sleep 3");
    cluster.run_to_the_end(HOUR).unwrap();
    assert_eq!(cluster.told_by_agent(0, "t"), [TaskStarting, TaskRunning, TaskFinished]);
    // Of the last status the master knows nothing any more, and passes it on.
    let states = cluster.sim.states();
    let agent = states.iter().find(|line| line.starts_with("agent-0/agent")).unwrap();
    let ignored = " slave/invalid_status_update_acknowledgements=3";
    assert!(agent.contains(ignored), "{agent}");
}

#[test]
fn ts_03_a_status_is_sent_again_after_10_s_doubling_to_10_min() {
    let mut cluster = one(303);
    let status = Filter::all().from("agent-0").of("master.FromAgent").variant("UpdateStatus");
    let lost = cluster.sim.filter(status, Verdict::Drop);
    cluster.launch(0, "t", "true");
    cluster.run_for(HOUR);
    let steps = cluster.sim.steps();
    let sent = steps.iter().filter(|step| step.what.contains("UpdateStatus of agent to master"));
    let sent: Vec<_> = sent.map(|step| step.at).collect();
    let pauses: Vec<u64> =
        sent.windows(2).map(|two| two[1].since(two[0]).as_millis() as u64 / 1000).collect();
    assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 600, 600, 600, 600]);
    cluster.sim.unfilter(lost);
    cluster.run_to_the_end(HOUR).unwrap();
    assert_eq!(cluster.told_by_agent(0, "t"), [TaskStarting, TaskRunning, TaskFinished]);
}

#[test]
fn ts_06_a_task_that_is_killed_before_its_launch_never_starts() {
    let mut cluster = one(306);
    cluster.launch(0, "t", "forever");
    cluster
        .until("it is asked for", SOON, |cluster| record(cluster.record(0)).live.contains_key("t"));
    cluster.act(0, |_, driver| driver.kill(&"t".into(), None));
    cluster.until("it is killed", SOON, |cluster| cluster.is(0, "t", TaskKilled));
    assert_eq!((cluster.told(0, "t").len(), cluster.launched().len()), (1, 0));
    cluster.until("all is settled", HOUR, |cluster| cluster.unsettled().is_empty());
}

/// Nothing but a dropped message, and the agent is asked as soon as it registers again.
#[test]
fn rc_09_a_task_that_never_reached_its_agent_is_dropped_and_its_resources_are_free() {
    let mut cluster = one(409);
    let launch = Filter::all().of("agent.FromMaster");
    let launch = launch.when(|passing| crate::says(passing, "RunTask")).once();
    let lost = cluster.sim.filter(launch, Verdict::Drop);
    cluster.launch(0, "t", "forever");
    cluster.until("it is lost", SOON, |cluster| !cluster.sim.matched(lost).is_empty());
    let (agent, master) = (cluster.machine("agent-0"), cluster.machine("master-0"));
    cluster.sim.reset(agent, master);
    cluster.until("it is dropped", MINUTE, |cluster| cluster.is(0, "t", TaskDropped));
    cluster.run_to_the_end(HOUR).unwrap();
    run(&mut cluster, "u", "sleep 1");
    cluster.run_to_the_end(HOUR).unwrap();
}

/// One framework that never has enough and ten that want little, at the same time.
#[test]
fn al_05_who_wants_little_gets_it_in_time_beside_who_wants_all() {
    let shape = Shape { agents: 2, frameworks: 11, ..Shape::default() };
    let mut cluster = SimCluster::idle(505, shape);
    let (long, small) = (10_u32, 4);
    // Who wants nothing says so.
    let suppress = |cluster: &mut SimCluster| {
        (1..11).for_each(|at| cluster.act(at, |_, driver| driver.suppress()));
    };
    suppress(&mut cluster);
    for task in 0..150 {
        cluster.launch(0, &format!("greedy-{task}"), &format!("sleep {long}"));
    }
    cluster.until("all is taken", SOON, |cluster| cluster.launched().len() >= 16);
    for at in 1..11 {
        for task in 0..small {
            cluster.launch(at, &format!("small-{at}-{task}"), "sleep 1");
        }
    }
    // What there is goes round every ten seconds, and those who have least come first.
    let done =
        |cluster: &SimCluster| (1..11).all(|at| record(cluster.record(at)).ended.len() == small);
    cluster.until("the small ones are done", 6 * long * SECOND, done);
    assert!(record(cluster.record(0)).ended.len() < 150);
    suppress(&mut cluster);
    cluster.run_to_the_end(HOUR).unwrap();
}

#[test]
fn al_04_what_was_declined_is_offered_again_after_its_time_or_a_revive() {
    let mut cluster = one(504);
    let offers = Filter::all().of("scheduler.FromMaster");
    let offers = offers.when(|passing| crate::says(passing, "OFFERS"));
    let offers = cluster.sim.filter(offers, Verdict::Pass);
    let count = |cluster: &SimCluster| cluster.sim.matched(offers).len();
    // The workload declines what it has no task for, for five seconds.
    cluster.until("an offer", SOON, |cluster| count(cluster) == 1);
    cluster.run_for(4 * SECOND);
    assert_eq!(count(&cluster), 1);
    cluster.until("it is offered again", 3 * SECOND, |cluster| count(cluster) == 2);
    cluster.run_for(SECOND);
    cluster.act(0, |_, driver| driver.revive());
    cluster.until("it is offered at once", 2 * SECOND, |cluster| count(cluster) == 3);
}

/// LIM-01: which of a scheduler's calls was one too many nobody says.
#[test]
fn lim_01_a_task_whose_launch_was_one_too_many_reaches_a_state() {
    let limits = r#"{"limits": [{"principal": "framework", "qps": 1, "capacity": 2}]}"#;
    let shape = Shape { agents: 3, frameworks: 1, limits, ..Shape::default() };
    let mut cluster = SimCluster::idle(506, shape);
    // As many as three agents hold: three offers at once, three calls.
    for task in 0..24 {
        cluster.launch(0, &format!("t-{task}"), "sleep 1");
    }
    let sent = |cluster: &SimCluster| record(cluster.record(0)).todo.is_empty();
    cluster.until("all are sent, taken or not", HOUR, sent);
    let told =
        |cluster: &SimCluster| (0..24).all(|task| cluster.last(0, &format!("t-{task}")).is_some());
    cluster.until("each is told of", 10 * MINUTE, told);
    assert!(cluster.launched().len() < 24, "one call was refused");
}
