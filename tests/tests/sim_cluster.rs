//! The simulated cluster without faults: work is done, the invariants hold, a seed is a run.

use libproc::{NodeConfig, Observation, Process};
use meseta_agent::config::AgentConfig;
use meseta_agent::containerizer::fake::FakeContainerizer;
use meseta_api::v1::TaskState;
use meseta_node::keys::{Credential, Keyring, AGENT};
use meseta_tests::sim::cluster::{Shape, SimCluster, SECRET};
use meseta_tests::sim::masters::MASTERS;
use meseta_tests::sim::workload::{record, Told};
use std::sync::Arc;
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

/// The reason stands where the agent's operator looks, and the agent asks on.
#[test]
fn an_agent_that_the_master_refuses_says_so() {
    let mut cluster = SimCluster::new(3, Shape { tasks: 0, ..Shape::default() });
    let machine = cluster.sim.machine("refused", "10.0.9.1:5051");
    let ring = Keyring::new("agent", AGENT);
    let config = NodeConfig {
        listen: Some("10.0.9.1:5051".into()),
        admit: Arc::new(ring.clone()),
        ..NodeConfig::new("sim", "meseta-agent")
    };
    let node = cluster.sim.start(machine, config);
    let credential = Credential { principal: "agent".into(), secret: SECRET.into() };
    let masters = MASTERS.join(",").parse().unwrap();
    let mut config = AgentConfig::new(masters, credential, "/work".into());
    config.ip = "10.0.9.1".into();
    config.resources = "cpus:1;mem:64".into();
    config.hostname = "h".repeat(300);
    let containers = Arc::new(FakeContainerizer::new(Arc::new(|_| {})));
    let agent = meseta_agent::spawn(&node, config, ring, containers).unwrap();
    let refused = move |cluster: &mut SimCluster| {
        let mut seen = Observation::default();
        cluster.sim.inspect(&agent, |agent| agent.observe(&mut seen));
        seen.state["refused"].as_str().is_some_and(|why| why.contains("255 bytes"))
    };
    let mut said = false;
    for _ in 0..60 {
        cluster.run_for(Duration::from_secs(1));
        said |= refused(&mut cluster);
    }
    assert!(said);
    assert_eq!(cluster.breaches(), Vec::<String>::new());
}

/// Promise 1, of an agent whose report no message would hold: its master loses the lease, and the
/// next one learns of every task, each of which ends as its framework is told.
#[test]
fn an_agent_with_more_than_a_message_of_tasks_comes_back() {
    const LABEL: usize = 3 << 20;
    let shape =
        Shape { agents: 1, frameworks: 2, tasks: 4, longest: Duration::ZERO, ..Shape::default() };
    let mut cluster = SimCluster::new(3, shape);
    for shared in cluster.records() {
        let mut record = record(shared);
        record.padding = LABEL;
        record.todo.iter_mut().for_each(|(_, command)| *command = "sleep 120".to_owned());
    }
    let running = |cluster: &SimCluster| {
        let told = |shared| record(shared).told.iter().filter(|told| is_running(told)).count();
        cluster.records().map(told).sum::<usize>() == 2 * 4
    };
    assert!(cluster.run_until(Duration::from_secs(60), running), "not all of it runs");
    let parts = |cluster: &SimCluster| {
        cluster.sim.log().iter().filter(|step| step.contains("ReportPart")).count()
    };
    let before = parts(&cluster);
    cluster.depose_master();
    cluster.run_to_the_end(Duration::from_secs(300)).unwrap();
    assert!(8 * LABEL > 16 << 20 && parts(&cluster) > before, "the report went in parts");
    for shared in cluster.records() {
        let ended = record(shared).ended.clone();
        assert!(ended.values().all(|state| *state == TaskState::TaskFinished), "{ended:?}");
    }
}

fn is_running(told: &Told) -> bool {
    told.state == TaskState::TaskRunning
}
