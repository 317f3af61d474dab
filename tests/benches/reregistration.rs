//! T2: a new leader hears of 40,000 agents and their 400,000 tasks again.
//!
//! The master's pure core and its allocator on one thread, fed with what agents send, as it comes
//! from a connection: MessagePack. Agents do not report tasks that have ended, so that those cost
//! a failover nothing (T2c).

#![allow(clippy::disallowed_methods, reason = "a bench reads the real clock")]

mod master_core;
mod support;

use libproc::Timestamp;
use master_core::{agent_info, framework_info, term, MasterCore};
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::internal::master::FromAgent;
use meseta_api::resources::Resources;
use meseta_api::v1::{self, TaskState};
use meseta_master::core::gauges::Gauges;
use meseta_master::core::Config;
use meseta_master::registrar::registry::{AgentRecord, FrameworkRecord, Registry};
use meseta_node::pack;
use std::process::ExitCode;
use support::machine::{resident, thread_cpu};
use support::record::{Figure, Run, Target};

const AGENTS: usize = 40_000;
const TASKS_PER_AGENT: usize = 10;
const MASTER: &str = "5e1d1f04-87b7-4c3c-a02b-2f65e1d1f047";

fn agent_id(at: usize) -> AgentId {
    AgentId::parse(&format!("{MASTER}-S{at}")).expect("a good id")
}

fn framework_id() -> FrameworkId {
    FrameworkId::parse(&format!("{MASTER}-0000")).expect("a good id")
}

fn known(at: usize) -> v1::AgentInfo {
    v1::AgentInfo { id: Some((&agent_id(at)).into()), ..agent_info(at) }
}

fn framework() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        id: Some((&framework_id()).into()),
        failover_timeout: Some(604_800.0),
        ..framework_info()
    }
}

/// What the last leader left behind.
fn registry() -> Registry {
    let registered = Timestamp(4_000_000_000_000);
    let agent = |at| {
        let (info, version) = (known(at), "0.1.0".to_owned());
        (agent_id(at), AgentRecord { info, version, registered, duty: Default::default() })
    };
    let record = FrameworkRecord { info: framework(), registered, time_left_ms: None };
    Registry {
        agents: (0..AGENTS).map(agent).collect(),
        frameworks: [(framework_id(), record)].into(),
        ..Default::default()
    }
}

/// A task as its agent reports it.
fn task(agent: usize, at: usize) -> v1::Task {
    let each = Resources::parse("cpus:0.1;mem:128").expect("the bench's resources are right");
    let each = each.allocate(&Role::default()).expect("nothing is allocated yet");
    let id: v1::TaskId = format!("agent-{agent}-task-{at}").as_str().into();
    let running = v1::TaskStatus {
        task_id: id.clone(),
        state: TaskState::TaskRunning.into(),
        agent_id: Some((&agent_id(agent)).into()),
        source: Some(v1::task_status::Source::Executor.into()),
        timestamp: Some(4000.0),
        ..Default::default()
    };
    v1::Task {
        name: "service".to_owned(),
        task_id: id,
        framework_id: (&framework_id()).into(),
        agent_id: (&agent_id(agent)).into(),
        state: TaskState::TaskRunning.into(),
        resources: each.to_v1(),
        statuses: vec![running],
        ..Default::default()
    }
}

fn report(at: usize) -> Vec<u8> {
    let report = FromAgent::ReregisterAgent {
        term: term(),
        info: Box::new(known(at)),
        version: "0.1.0".to_owned(),
        tasks: (0..TASKS_PER_AGENT).map(|task_at| task(at, task_at)).collect(),
        executors: Vec::new(),
        frameworks: vec![framework()],
        total: None,
        operations: Vec::new(),
    };
    rmp_serde::to_vec_named(&report).expect("a report can be written")
}

fn main() -> ExitCode {
    let mut run = Run::begin("reregistration");
    let before = resident();
    let mut master = MasterCore::recovered(registry(), Config::default());
    let (mut decoding, mut taking, mut bytes) = (0.0, 0.0, 0);
    for at in 0..AGENTS {
        let report = report(at);
        bytes += report.len();
        let began = thread_cpu();
        let report: FromAgent = pack::decode(&report).expect("it was written just now");
        let decoded = thread_cpu();
        assert!(master.comes_back(at, report), "agent {at} is in service again");
        decoding += decoded - began;
        taking += thread_cpu() - decoded;
    }
    let gauges = Gauges::default().of(master.core());
    let gauge = |name: &str| gauges.iter().find(|(of, _)| of == name).map(|(_, value)| *value);
    assert_eq!(gauge("master/slaves_active"), Some(AGENTS as f64));
    assert_eq!(gauge("master/tasks_running"), Some((AGENTS * TASKS_PER_AGENT) as f64));
    run.figure(Figure {
        id: "T2",
        what: "40k agents with 400k tasks register with a new leader",
        value: decoding + taking,
        unit: "CPU s",
        peer: None,
        target: Target::AtMost(2.0),
        more: vec![
            ("decoding", decoding),
            ("us_per_agent", 1e6 * (decoding + taking) / AGENTS as f64),
            ("megabytes", bytes as f64 / 1e6),
            ("resident_growth_mb", (resident() - before) as f64 / 1e6),
        ],
    });
    run.end()
}
