//! [`Gauges`]: how many agents, frameworks and tasks there are in which state, and how much of
//! what they hold (MET-01, MET-03, MET-04, MET-06, MET-11).
//!
//! Counts of blocks are kept while the blocks are as they were, so that who asks every few seconds
//! costs the master's thread what has changed, not what there is.

use super::agents::state::AgentState;
use super::agents::Agent;
use super::frameworks::state::FrameworkState;
use super::memo::Memo;
use super::shelf::{Block, Kept};
use super::tasks::Task;
use super::Core;
use meseta_api::ids::{AgentId, FrameworkId, TaskId};
use meseta_api::resources::{ResourceName, Resources};
use meseta_api::v1::{OperationState, TaskState};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The scalars that have metrics, as these name them.
const NAMES: [(&str, ResourceName); 4] = [
    ("cpus", ResourceName::CPUS),
    ("gpus", ResourceName::GPUS),
    ("mem", ResourceName::MEM),
    ("disk", ResourceName::DISK),
];

/// States of tasks, as metrics name them.
const STATES: [(&str, TaskState); 13] = [
    ("staging", TaskState::TaskStaging),
    ("starting", TaskState::TaskStarting),
    ("running", TaskState::TaskRunning),
    ("killing", TaskState::TaskKilling),
    ("finished", TaskState::TaskFinished),
    ("failed", TaskState::TaskFailed),
    ("killed", TaskState::TaskKilled),
    ("error", TaskState::TaskError),
    ("lost", TaskState::TaskLost),
    ("dropped", TaskState::TaskDropped),
    ("gone", TaskState::TaskGone),
    ("gone_by_operator", TaskState::TaskGoneByOperator),
    ("unreachable", TaskState::TaskUnreachable),
];

/// States of operations that have metrics.
const OPERATIONS: [OperationState; 9] = [
    OperationState::OperationPending,
    OperationState::OperationFinished,
    OperationState::OperationFailed,
    OperationState::OperationError,
    OperationState::OperationDropped,
    OperationState::OperationUnreachable,
    OperationState::OperationGoneByOperator,
    OperationState::OperationRecovering,
    OperationState::OperationUnknown,
];

/// Thousandths of each of [`NAMES`], and how much of it is revocable.
type Amounts = [[i64; 2]; NAMES.len()];

#[derive(Clone, Copy, Default)]
struct OfAgents {
    active: u64,
    connected: u64,
    present: u64,
    unreachable: u64,
    total: Amounts,
    used: Amounts,
}

/// Tasks by their state.
pub type Counts = BTreeMap<TaskState, u64>;

/// What was counted of blocks.
#[derive(Default)]
pub struct Gauges {
    agents: Memo<Block<AgentId, Kept<Agent>>, Arc<OfAgents>>,
    tasks: Memo<Block<TaskId, Kept<Task>>, Arc<Counts>>,
}

impl Gauges {
    /// Every gauge of a core, by the reference's names.
    pub fn of(&mut self, core: &Core) -> Vec<(String, f64)> {
        let mut out = Vec::new();
        self.agents(core, &mut out);
        self.tasks(core, &mut out);
        frameworks(core, &mut out);
        operations(core, &mut out);
        out
    }

    /// How many of a framework's tasks that are not history are in which state.
    pub fn task_states(&mut self, core: &Core, framework: &FrameworkId) -> Counts {
        let mut counts = Counts::new();
        for block in core.tasks.shelves().get(framework).into_iter().flat_map(|of| of.blocks()) {
            for (state, count) in &*self.tasks.of(block, |block| Arc::new(of_tasks(block))) {
                *counts.entry(*state).or_default() += count;
            }
        }
        counts
    }

    fn agents(&mut self, core: &Core, out: &mut Vec<(String, f64)>) {
        let mut all = OfAgents::default();
        for block in core.agents.blocks() {
            let part = self.agents.of(block, |block| Arc::new(of_agents(block)));
            all.active += part.active;
            all.connected += part.connected;
            all.present += part.present;
            all.unreachable += part.unreachable;
            add(&mut all.total, &part.total);
            add(&mut all.used, &part.used);
        }
        self.agents.sweep();
        let mut put = |name: &str, count: u64| out.push((format!("master/{name}"), count as f64));
        put("slaves_active", all.active);
        put("slaves_connected", all.connected);
        put("slaves_disconnected", all.present - all.connected);
        put("slaves_inactive", all.present - all.active);
        put("slaves_unreachable", all.unreachable);
        for (at, (name, _)) in NAMES.iter().enumerate() {
            for (revocable, kind) in ["", "_revocable"].iter().enumerate() {
                let units = |amounts: &Amounts| amounts[at][revocable] as f64 / 1000.0;
                let (total, used) = (units(&all.total), units(&all.used));
                let share = if total > 0.0 { used / total } else { 0.0 };
                for (what, value) in [("total", total), ("used", used), ("percent", share)] {
                    out.push((format!("master/{name}{kind}_{what}"), value));
                }
            }
        }
    }

    fn tasks(&mut self, core: &Core, out: &mut Vec<(String, f64)>) {
        // Those that ended and that nobody has to hear of any more are not there: they were
        // counted when they went.
        let mut counts = core.counters.settled.clone();
        *counts.entry(TaskState::TaskError).or_default() += core.counters.tasks_invalid;
        for tasks in core.tasks.shelves().values() {
            for block in tasks.blocks() {
                for (state, count) in &*self.tasks.of(block, |block| Arc::new(of_tasks(block))) {
                    *counts.entry(*state).or_default() += count;
                }
            }
        }
        self.tasks.sweep();
        for (name, state) in STATES {
            let count = counts.get(&state).copied().unwrap_or(0);
            out.push((format!("master/tasks_{name}"), count as f64));
        }
    }
}

fn frameworks(core: &Core, out: &mut Vec<(String, f64)>) {
    let durable = core.frameworks.values().filter(|framework| framework.registered.is_some());
    let (mut all, mut connected) = (0_u64, 0_u64);
    for framework in durable {
        all += 1;
        connected += u64::from(matches!(framework.state, FrameworkState::Connected { .. }));
    }
    for (name, count) in [
        ("frameworks_active", connected),
        ("frameworks_connected", connected),
        ("frameworks_disconnected", all - connected),
        ("frameworks_inactive", all - connected),
        ("outstanding_offers", core.offers.shelf().len() as u64),
    ] {
        out.push((format!("master/{name}"), count as f64));
    }
}

/// Those of which somebody still has to hear, by the newest state known (MET-11).
fn operations(core: &Core, out: &mut Vec<(String, f64)>) {
    let mut counts = OPERATIONS.map(|state| (state, 0_u64));
    let mut total = 0_u64;
    for (_, _, operation) in core.operations.iter() {
        total += 1;
        let state = operation.status.state();
        if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == state) {
            *count += 1;
        }
    }
    out.push(("master/operations/total".to_owned(), total as f64));
    for (state, count) in counts {
        let name = state.as_str_name().trim_start_matches("OPERATION_").to_ascii_lowercase();
        out.push((format!("master/operations/{name}"), count as f64));
    }
}

fn of_agents(block: &Block<AgentId, Kept<Agent>>) -> OfAgents {
    let mut out = OfAgents::default();
    for (_, agent) in block {
        match agent.state {
            AgentState::Unreachable { .. } => out.unreachable += 1,
            AgentState::Recovered | AgentState::Registering { .. } => {}
            AgentState::Active { .. }
            | AgentState::Disconnected { .. }
            | AgentState::Departing { .. } => {
                out.present += 1;
                out.active += u64::from(agent.is_offered());
                out.connected += u64::from(agent.state.connection().is_some());
                enter(&mut out.total, &agent.total);
                enter(&mut out.used, &agent.used);
            }
        }
    }
    out
}

fn of_tasks(block: &Block<TaskId, Kept<Task>>) -> Counts {
    let mut counts = Counts::new();
    for (_, task) in block {
        *counts.entry(task.state()).or_default() += 1;
    }
    counts
}

fn enter(sums: &mut Amounts, resources: &Resources) {
    for entry in resources {
        let at = NAMES.iter().position(|(_, name)| name == entry.name());
        if let (Some(at), Some(amount)) = (at, entry.value().scalar()) {
            let sum = &mut sums[at][usize::from(entry.is_revocable())];
            *sum = sum.saturating_add(amount.millis());
        }
    }
}

fn add(sums: &mut Amounts, more: &Amounts) {
    for (sum, more) in sums.iter_mut().flatten().zip(more.iter().flatten()) {
        *sum = sum.saturating_add(*more);
    }
}
