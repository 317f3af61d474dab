//! What operators see of the agent: a state for `/__processes__`, metrics (MET-12).

use super::connection::Phase as LinkPhase;
use super::executor::Phase;
use super::model::TaskStep;
use super::{Agent, Life};
use crate::status_updates::Waiting;
use libproc::{Instant, Observation};
use meseta_api::resources::{ResourceName, Resources};
use meseta_api::v1::{Resource, TaskState};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// Counts since the start.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    pub(super) refused_orders: u64,
    pub(super) refused_terms: u64,
    pub(super) valid_status_updates: u64,
    pub(super) invalid_status_updates: u64,
    pub(super) invalid_acknowledgements: u64,
    pub(super) valid_framework_messages: u64,
    pub(super) invalid_framework_messages: u64,
    pub(super) container_launch_errors: u64,
    pub(super) container_destroy_errors: u64,
    pub(super) recovery_errors: u64,
    recovery_time: Duration,
    ended: BTreeMap<TaskState, u64>,
}

impl Counters {
    pub(super) fn recovered(&mut self, took: Duration) {
        self.recovery_time = took;
    }

    pub(super) fn ended(&mut self, state: TaskState) {
        *self.ended.entry(state).or_default() += 1;
    }
}

impl Agent {
    /// Status updates that are not acknowledged; `None` until the checkpoint is read.
    pub fn waiting(&self) -> Option<Vec<Waiting>> {
        (self.life != Life::Reading).then(|| self.streams.waiting())
    }

    /// What is not over here, as sentences; empty if the agent is registered and idle.
    pub fn unsettled(&self) -> Vec<String> {
        let mut left = Vec::new();
        if self.link.registered().is_none() {
            left.push("it is not registered".to_owned());
        }
        for executor in self.frameworks.values().flat_map(|f| f.executors.values()) {
            let id = &executor.info.executor_id.value;
            if executor.phase != Phase::Terminated {
                left.push(format!("executor {id} has not ended"));
            }
            let tasks = executor.tasks().keys();
            left.extend(tasks.map(|task| format!("task {task} of executor {id} is not settled")));
        }
        left
    }

    /// Fills what is seen from outside.
    pub fn observe(&self, now: Instant, seen: &mut Observation) {
        seen.state(self.state());
        self.metrics(now, seen);
    }

    fn state(&self) -> serde_json::Value {
        let life = match &self.life {
            Life::Reading => json!("reading its checkpoint"),
            Life::Recovering(left) => json!({ "ending_containers": left.len() }),
            Life::Serving => json!("serving"),
            Life::Leaving { reason, .. } => json!({ "leaving": reason }),
        };
        let link = match self.link.phase() {
            LinkPhase::Disconnected => "disconnected",
            LinkPhase::Dialling { .. } => "dialling",
            LinkPhase::Arrived { .. } => "arrived",
            LinkPhase::TermSyncing { .. } => "syncing term",
            LinkPhase::Registering { .. } => "registering",
            LinkPhase::Registered { .. } => "registered",
        };
        let frameworks = self.frameworks.iter().map(|(id, framework)| {
            let executors = framework.executors.iter().map(|(id, executor)| {
                let tasks = executor
                    .tasks()
                    .iter()
                    .map(|(id, task)| (id.to_string(), json!(task.state.as_str_name())));
                let about = json!({
                    "container": executor.container.as_str(),
                    "phase": phase_name(&executor.phase),
                    "pid": executor.pid,
                    "sandbox": executor.sandbox,
                    "tasks": tasks.collect::<serde_json::Map<_, _>>(),
                });
                (id.to_string(), about)
            });
            (id.to_string(), json!(executors.collect::<serde_json::Map<_, _>>()))
        });
        json!({
            "id": self.id.as_ref().map(|id| id.as_str()),
            "life": life,
            "master": link,
            "refused": self.refusal.as_ref().map(|refusal| &refusal.why),
            "term": self.link.stored().map(|term| term.to_string()),
            "frameworks": frameworks.collect::<serde_json::Map<_, _>>(),
            "undelivered_updates": self.streams.undelivered(),
            "unfinished_writes": self.writes.len(),
        })
    }

    fn metrics(&self, now: Instant, seen: &mut Observation) {
        let counters = &self.counters;
        let registered = u64::from(self.link.registered().is_some());
        seen.metric("slave/registered", registered as f64);
        seen.metric("slave/uptime_secs", now.since(self.started).as_secs_f64());
        seen.metric("slave/recovery_time_secs", counters.recovery_time.as_secs_f64());
        for (name, count) in [
            ("recovery_errors", counters.recovery_errors),
            ("container_launch_errors", counters.container_launch_errors),
            ("container_destroy_errors", counters.container_destroy_errors),
            ("valid_status_updates", counters.valid_status_updates),
            ("invalid_status_updates", counters.invalid_status_updates),
            ("invalid_status_update_acknowledgements", counters.invalid_acknowledgements),
            ("valid_framework_messages", counters.valid_framework_messages),
            ("invalid_framework_messages", counters.invalid_framework_messages),
            ("refused_orders", counters.refused_orders),
            ("refused_terms", counters.refused_terms),
        ] {
            seen.metric(format!("slave/{name}"), count as f64);
        }
        seen.metric("slave/frameworks_active", self.frameworks.len() as f64);
        self.executor_metrics(seen);
        self.task_metrics(seen);
        self.resource_metrics(seen);
    }

    fn executor_metrics(&self, seen: &mut Observation) {
        let mut counts = [0u64; 4];
        for executor in self.frameworks.values().flat_map(|f| f.executors.values()) {
            let at = match executor.phase {
                Phase::Checkpointing | Phase::Starting | Phase::Registering => 0,
                Phase::Running { .. } => 1,
                Phase::Terminating { .. } => 2,
                Phase::Terminated => 3,
            };
            counts[at] += 1;
        }
        for (name, count) in
            ["registering", "running", "terminating", "terminated"].into_iter().zip(counts)
        {
            seen.metric(format!("slave/executors_{name}"), count as f64);
        }
    }

    fn task_metrics(&self, seen: &mut Observation) {
        use TaskState as T;
        let tasks = self.frameworks.values().flat_map(|f| f.executors.values());
        let tasks = tasks.flat_map(|executor| executor.tasks().values());
        let mut live: BTreeMap<TaskState, u64> = BTreeMap::new();
        for task in tasks.filter(|task| task.step != TaskStep::Over) {
            *live.entry(task.state).or_default() += 1;
        }
        for (state, name, counts) in [
            (T::TaskStaging, "staging", &live),
            (T::TaskStarting, "starting", &live),
            (T::TaskRunning, "running", &live),
            (T::TaskKilling, "killing", &live),
            (T::TaskFinished, "finished", &self.counters.ended),
            (T::TaskFailed, "failed", &self.counters.ended),
            (T::TaskKilled, "killed", &self.counters.ended),
            (T::TaskError, "error", &self.counters.ended),
            (T::TaskLost, "lost", &self.counters.ended),
            (T::TaskDropped, "dropped", &self.counters.ended),
            (T::TaskGone, "gone", &self.counters.ended),
        ] {
            let count = counts.get(&state).copied().unwrap_or_default();
            seen.metric(format!("slave/tasks_{name}"), count as f64);
        }
    }

    fn resource_metrics(&self, seen: &mut Observation) {
        let total = parsed(&self.info.resources);
        let mut used: BTreeMap<&str, f64> = BTreeMap::new();
        let names = [
            ("cpus", ResourceName::CPUS),
            ("mem", ResourceName::MEM),
            ("disk", ResourceName::DISK),
            ("gpus", ResourceName::GPUS),
        ];
        let executors = self.frameworks.values().flat_map(|f| f.executors.values());
        for executor in executors.filter(|e| e.phase != Phase::Terminated) {
            let tasks = executor.tasks().values().filter(|task| task.step != TaskStep::Over);
            let of_tasks = tasks.filter_map(|task| task.info.as_ref()).map(|t| &t.resources);
            for resources in of_tasks.chain([&executor.info.resources]) {
                let resources = parsed(resources);
                for (name, resource) in &names {
                    *used.entry(name).or_default() += resources.scalar(resource).to_f64();
                }
            }
        }
        for (name, resource) in &names {
            let total = total.scalar(resource).to_f64();
            let used = used.get(name).copied().unwrap_or_default();
            seen.metric(format!("slave/{name}_total"), total);
            seen.metric(format!("slave/{name}_used"), used);
            let percent = if total > 0.0 { used / total } else { 0.0 };
            seen.metric(format!("slave/{name}_percent"), percent);
        }
    }
}

fn parsed(resources: &[Resource]) -> Resources {
    Resources::from_v1(resources).unwrap_or_default()
}

fn phase_name(phase: &Phase) -> &'static str {
    match phase {
        Phase::Checkpointing => "checkpointing",
        Phase::Starting => "starting",
        Phase::Registering => "registering",
        Phase::Running { connection: Some(_), .. } => "running",
        Phase::Running { connection: None, .. } => "running, disconnected",
        Phase::Terminating { .. } => "terminating",
        Phase::Terminated => "terminated",
    }
}
