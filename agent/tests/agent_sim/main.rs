//! The whole agent in the simulator: its process, its disk, fake executors over the network, and
//! masters that do as they are told.

mod world;

use meseta_api::internal::agent::{FromMaster, Order};
use meseta_api::internal::master::FromAgent;
use meseta_api::v1::task_status::Reason;
use meseta_node::http::auth::{Claims, ExecutorTokens};
use std::collections::BTreeSet;
use std::time::Duration;
use world::{key, run_task, term, Master, World};

const M: &str = "10.0.0.1:5050";
const DONE: [&str; 3] = ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"];

fn registered(seed: u64) -> (World, Master) {
    let mut world = World::new(seed);
    let master = world.master(M, term(1, 5));
    world.start_agent(M);
    world.until("registered", || master.registered() == 1);
    world.run(Duration::from_millis(100));
    (world, master)
}

#[test]
fn one_life_of_one_task() {
    let (mut world, master) = registered(1);
    world.say(&master, run_task("t", "sleep 5"));
    world.until("finished", || master.states("t").len() == 3);
    assert_eq!(master.states("t"), DONE);
    for update in master.updates() {
        let status = update.status;
        assert!(status.uuid.is_some() && status.timestamp.is_some());
        assert_eq!(status.agent_id.unwrap().value, "S0");
        assert_eq!(status.executor_id.unwrap().value, "t");
        let container = status.container_status.unwrap();
        assert!(container.container_id.is_some() && container.executor_pid.is_some());
        let address = &container.network_infos[0].ip_addresses[0];
        assert_eq!(address.ip_address.as_deref(), Some("10.0.0.2"));
    }
    world.until("its end", || master.heard(|m| matches!(m, FromAgent::ExecutorExited { .. })) == 1);
    assert!(world.containers.running().is_empty());
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let (mut world, master) = registered(seed);
        world.say(&master, run_task("t", "sleep 1"));
        world.until("finished", || master.states("t").len() == 3);
        world.sim.log()
    };
    let (one, two) = (run(7), run(7));
    let differ = one.iter().zip(&two).find(|(a, b)| a != b);
    assert_eq!(differ, None);
    assert_eq!(one.len(), two.len());
    assert_ne!(run(7), run(8));
}

#[test]
fn b6_ends_of_executors_have_their_reasons() {
    for (command, reason) in
        [("crash", Reason::ExecutorTerminated), ("oom", Reason::ContainerLimitationMemory)]
    {
        let (mut world, master) = registered(2);
        world.say(&master, run_task("t", command));
        world.until("failed", || master.states("t").last() == Some(&"TASK_FAILED"));
        let status = master.last("t");
        assert_eq!(status.reason(), reason, "{command}");
        assert_eq!(status.limitation.is_some(), command == "oom");
        assert!(status.message.is_some_and(|message| !message.is_empty()));
    }
    let (mut world, master) = registered(2);
    world.containers.refuse_next("no cgroup");
    world.say(&master, run_task("t", "true"));
    world.until("failed", || master.states("t") == ["TASK_FAILED"]);
    assert_eq!(master.last("t").reason(), Reason::ContainerLaunchFailed);
    assert!(master.last("t").message().contains("no cgroup"));
}

#[test]
fn exe_22_each_executor_is_handed_the_token_of_its_container() {
    const TOKEN: &str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";
    let tokens = ExecutorTokens::new(&[7; 32], "meseta").unwrap();
    for asks in [true, false] {
        let mut world = World::new(22);
        world.tokens = asks.then(|| tokens.clone());
        world.start_executors = false;
        let master = world.master(M, term(1, 5));
        world.start_agent(M);
        world.until("registered", || master.registered() == 1);
        for task in ["a", "b"] {
            world.say(&master, run_task(task, "true"));
        }
        // Not `run`, which takes what was launched.
        world.sim.run_for(Duration::from_secs(1));
        let launched = world.launched();
        assert_eq!(launched.len(), 2);
        for spec in launched {
            let token = spec.environment.get(TOKEN);
            let claims = token.map(|token| tokens.verify(token).expect("a token of the agent's"));
            let own = Claims {
                fid: spec.framework.to_string(),
                eid: spec.executor.to_string(),
                cid: spec.container.to_string(),
            };
            assert_eq!(claims, asks.then_some(own));
        }
    }
}

#[test]
fn agt_10_an_executor_that_does_not_subscribe_is_ended_after_a_minute() {
    let (mut world, master) = registered(3);
    world.start_executors = false;
    world.say(&master, run_task("t", "true"));
    world.run(Duration::from_secs(59));
    assert!(master.states("t").is_empty());
    world.until("failed", || master.states("t") == ["TASK_FAILED"]);
    assert_eq!(master.last("t").reason(), Reason::ExecutorRegistrationTimeout);
    assert!(world.containers.running().is_empty());
}

#[test]
fn b9_kills_reach_queued_and_running_tasks() {
    let (mut world, master) = registered(4);
    world.start_executors = false;
    world.say(&master, run_task("queued", "true"));
    world.say(&master, Order::KillTask { task: key("queued"), kill_policy: None });
    world.until("killed", || master.states("queued") == ["TASK_KILLED"]);
    assert_eq!(master.last("queued").reason(), Reason::TaskKilledDuringLaunch);
    world.start_executors = true;
    world.say(&master, run_task("t", "forever"));
    world.until("running", || master.states("t").len() == 2);
    world.say(&master, Order::KillTask { task: key("t"), kill_policy: None });
    world.until("killed", || master.states("t").last() == Some(&"TASK_KILLED"));
    world.run(Duration::from_secs(5));
    assert!(world.containers.running().is_empty());
}

#[test]
fn a_framework_that_is_gone_is_shut_down_after_its_grace() {
    let (mut world, master) = registered(5);
    world.say(&master, run_task("t", "stubborn"));
    world.until("running", || master.states("t").len() == 2);
    let gone = Order::ShutdownFramework { framework_id: key("t").framework_id };
    world.say(&master, gone);
    world.run(Duration::from_secs(4));
    assert_eq!(world.containers.running().len(), 1);
    world.run(Duration::from_secs(3));
    assert!(world.containers.running().is_empty());
    assert_eq!(master.states("t").len(), 2);
}

#[test]
fn b7_an_update_is_repeated_until_acknowledged_and_again_after_a_reset() {
    let (mut world, master) = registered(6);
    master.state.lock().unwrap().acknowledges = false;
    world.say(&master, run_task("t", "true"));
    world.until("first", || master.states("t").len() == 1);
    world.run(Duration::from_secs(29));
    assert_eq!(master.states("t"), ["TASK_STARTING"; 2], "after 10 s, and then only after 20 s");
    world.sim.reset(world.agent_machine, master.machine);
    world.until("reregistered", || master.reregistered() == 1);
    world.until("again", || master.states("t").len() == 3);
    let updates = master.updates();
    assert!(updates.iter().all(|update| update.status.uuid == updates[0].status.uuid));
    assert_eq!(updates[2].latest_state.as_str_name(), "TASK_FINISHED");
    master.state.lock().unwrap().acknowledges = true;
    world.until("all", || master.states("t").ends_with(&DONE));
}

/// One tenant may have more unacknowledged than waits for one process of another node: that must
/// cost the agent, and with it every tenant, nothing.
#[test]
fn an_agent_with_many_large_statuses_stays_with_the_next_master() {
    const STATUSES: u32 = 24;
    let (mut world, master) = registered(15);
    master.state.lock().unwrap().acknowledges = false;
    world.say(&master, run_task("t", &format!("boast {STATUSES}")));
    let told = |master: &Master| {
        let state = master.state.lock().unwrap();
        let tasks = state.heard.iter().filter_map(|message| match message {
            FromAgent::UpdateStatus(update) => Some(update.status.task_id.value.clone()),
            _ => None,
        });
        tasks.collect::<BTreeSet<_>>().len() as u32
    };
    world.until("all was said", || told(&master) == STATUSES + 1);
    master.state.lock().unwrap().heard.clear();
    world.sim.reset(world.agent_machine, master.machine);
    world.until("reregistered", || master.reregistered() == 1);
    world.run(Duration::from_secs(60));
    assert_eq!((told(&master), master.reregistered()), (STATUSES + 1, 1));
    let counts = world.agent.as_ref().unwrap().0.counts();
    assert_eq!((counts.overflowed, counts.dropped), (0, 0), "{counts:?}");
}

/// ME-16.
#[test]
fn promise_2_lower_terms_and_other_registries_are_refused() {
    for stranger in [term(1, 4), term(2, 9)] {
        let mut world = World::new(8);
        let master = world.master(M, term(1, 5));
        let other = world.master("10.0.0.3:5050", stranger);
        world.start_agent(M);
        world.until("registered", || master.registered() == 1);
        world.run(Duration::from_secs(1));
        // The term outlives the agent.
        world.crash_agent();
        world.start_agent("10.0.0.3:5050");
        world.run(Duration::from_secs(30));
        assert!(other.heard(|m| matches!(m, FromAgent::AgentArrived)) > 1);
        assert_eq!(other.registered() + other.reregistered(), 0);
        world.start_agent(&format!("10.0.0.3:5050,{M}"));
        world.until("the leader is found", || master.reregistered() == 1);
    }
}

#[test]
fn promise_2_an_order_under_another_term_takes_no_effect() {
    let (mut world, master) = registered(9);
    let stale = FromMaster::Order { term: term(1, 4), order: Box::new(run_task("t", "true")) };
    world.say_raw(&master, stale);
    world.run(Duration::from_secs(5));
    assert_eq!((master.states("t").len(), world.containers.launches()), (0, 0));
}

#[test]
fn a_standby_says_who_leads() {
    let mut world = World::new(10);
    let standby = world.master("10.0.0.3:5050", term(1, 1));
    standby.state.lock().unwrap().leader_elsewhere = Some(M.into());
    let master = world.master(M, term(1, 5));
    world.start_agent("10.0.0.3:5050");
    world.until("registered", || master.registered() == 1);
}

#[test]
fn agt_04_no_ping_for_too_long_makes_the_agent_look_again() {
    let (mut world, master) = registered(11);
    world.run(Duration::from_secs(70));
    world.say(&master, Order::Ping { sequence: 1, connected: true });
    world.until("pong", || master.heard(|m| matches!(m, FromAgent::Pong { sequence: 1 })) == 1);
    world.run(Duration::from_secs(70));
    assert_eq!(master.reregistered(), 0);
    world.until("again", || master.reregistered() == 1);
    world.say(&master, Order::Ping { sequence: 2, connected: false });
    world.until("told that it is unknown", || master.reregistered() == 2);
}

/// AR-02 to AR-07, as of this stage: every task of an earlier life ends with a reason, and nothing
/// that was not acknowledged is lost. The agent dies at another moment each time.
#[test]
fn ar_03_a_restart_at_any_moment_leaves_no_task_without_an_end() {
    for moment in 0..60 {
        let (mut world, master) = registered(100 + moment);
        world.say(&master, run_task("t", "sleep 0.02"));
        world.run(Duration::from_millis(moment));
        world.crash_agent();
        let before = world.containers.launches();
        world.run(Duration::from_secs(1));
        world.start_agent(M);
        world.until("back", || master.reregistered() == 1);
        world.run(Duration::from_secs(30));
        let states = master.states("t");
        let ends = ["TASK_FINISHED", "TASK_FAILED"];
        // A crash before the task was on disk leaves nothing; its master will ask for it.
        if !states.is_empty() || before > 0 {
            assert!(states.last().is_some_and(|last| ends.contains(last)), "{moment}: {states:?}");
        }
        let mut told: Vec<_> = states.iter().map(|state| order(state)).collect();
        let sorted = {
            let mut sorted = told.clone();
            sorted.sort_unstable();
            sorted
        };
        assert_eq!(told, sorted, "{moment}: {states:?}");
        told.dedup();
        assert!(told.iter().filter(|&&step| step == 2).count() <= 1, "{moment}: {states:?}");
        assert!(world.containers.running().is_empty(), "{moment}");
        assert!(master.updates().iter().all(|update| update.status.uuid.is_some()));
    }
}

fn order(state: &str) -> u8 {
    match state {
        "TASK_STARTING" => 0,
        "TASK_RUNNING" => 1,
        _ => 2,
    }
}

#[test]
fn ar_03_updates_of_an_earlier_life_keep_their_uuid() {
    let (mut world, master) = registered(12);
    master.state.lock().unwrap().acknowledges = false;
    world.say(&master, run_task("t", "forever"));
    world.until("first", || master.states("t").len() == 1);
    world.run(Duration::from_secs(1));
    world.crash_agent();
    world.start_agent(M);
    world.until("again", || master.states("t").len() == 2);
    let uuids: Vec<_> = master.updates().into_iter().map(|update| update.status.uuid).collect();
    assert_eq!(uuids[0], uuids[1]);
    master.state.lock().unwrap().acknowledges = true;
    world.until("ended", || master.states("t").last() == Some(&"TASK_FAILED"));
    assert!(master.last("t").message().contains("agent restarted"));
}

#[test]
fn res_21_other_resources_are_refused_with_the_difference() {
    let (mut world, _master) = registered(13);
    world.crash_agent();
    world.resources = "cpus:8;mem:1024".into();
    world.start_agent(M);
    world.run(Duration::from_secs(1));
    let reason = world.agent.as_ref().unwrap().0.exit_reason().unwrap().to_string();
    assert!(reason.contains("cpus:4") && reason.contains("cpus:8"), "{reason}");
    world.resources = "mem:1024;cpus:4.0".into();
    world.start_agent(M);
    world.run(Duration::from_secs(5));
    assert!(world.agent.as_ref().unwrap().0.exit_reason().is_none());
}

#[test]
fn agt_15_leaving_kills_and_gives_the_id_up_and_stopping_does_neither() {
    let (mut world, master) = registered(14);
    world.say(&master, run_task("t", "forever"));
    world.until("running", || master.states("t").len() == 2);
    world.stop_agent(false);
    world.run(Duration::from_secs(1));
    assert!(world.agent.as_ref().unwrap().0.exit_reason().is_some());
    assert_eq!(world.containers.running().len(), 1);
    world.start_agent(M);
    world.until("back", || master.reregistered() == 1);
    world.say(&master, run_task("u", "stubborn"));
    world.until("running", || master.states("u").len() == 2);
    world.stop_agent(true);
    world.run(Duration::from_secs(10));
    assert!(world.containers.running().is_empty());
    assert_eq!(master.heard(|m| matches!(m, FromAgent::UnregisterAgent)), 1);
    assert!(world.agent.as_ref().unwrap().0.exit_reason().is_some());
    world.start_agent(M);
    world.until("as a new agent", || master.registered() == 2);
}
