//! Frameworks' machines: each runs a scheduler over the real SDK, whose policy is the workload's.

use super::cluster::{credential, Shape, SimCluster};
use super::masters::MASTERS;
use super::workload::{record, Record, SharedRecord, Workload};
use libproc::sim::{Machine, Sim};
use libproc::{NodeConfig, Pid};
use meseta_api::v1;
use meseta_scheduler::{Act, Driver, SchedulerConfig, SchedulerProcess};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A framework's machine, and what it knows.
pub(super) struct FrameworkSeat {
    pub(super) machine: Machine,
    pub(super) name: String,
    pub(super) record: SharedRecord,
    failover_timeout: Duration,
    partition_aware: bool,
    /// The framework's id, where its machine does not keep it.
    id: Option<String>,
    /// It is not started again when it ends.
    pub(super) retired: bool,
    pid: Option<Pid<SchedulerProcess<Workload>>>,
}

impl FrameworkSeat {
    pub(super) fn new(sim: &mut Sim, at: usize, shape: &Shape) -> Self {
        let (name, longest) = (format!("framework-{at}"), shape.longest.as_millis() as u64);
        let machine = sim.machine(&name, &format!("10.0.2.{}:1", at + 1));
        let todo = (0..shape.tasks)
            .map(|task| {
                let millis = sim.below(longest.max(1));
                let command = format!("sleep {}.{:03}", millis / 1000, millis % 1000);
                (format!("{name}-task-{task}"), command)
            })
            .collect();
        FrameworkSeat {
            machine,
            name,
            record: Arc::new(Mutex::new(Record { todo, ..Record::default() })),
            failover_timeout: shape.failover_timeout,
            partition_aware: shape.partition_aware,
            id: None,
            retired: false,
            pid: None,
        }
    }
}

impl SimCluster {
    /// Starts a framework's scheduler, crashing one that runs; its id and record are kept.
    pub fn start_framework(&mut self, at: usize) {
        let seat = &mut self.frameworks[at];
        let node = self.sim.start(seat.machine, NodeConfig::new("sim", "framework"));
        let mut config = SchedulerConfig::new(&seat.name, "*", credential("framework"));
        config.masters = MASTERS.join(",").parse().expect("addresses");
        config.id_path = Some(PathBuf::from("/framework-id"));
        config.framework.failover_timeout = Some(seat.failover_timeout.as_secs_f64());
        config.framework.id = seat.id.as_deref().map(Into::into);
        if !seat.partition_aware {
            let aware = v1::framework_info::capability::Type::PartitionAware;
            config.framework.capabilities.retain(|capability| capability.r#type() != aware);
        }
        let policy = Workload::new(seat.record.clone(), 0.5);
        let pid =
            meseta_scheduler::spawn(&node, config, policy).expect("a fresh node has no processes");
        seat.pid = Some(pid);
    }

    /// A framework is going to be removed: its scheduler is not started again when it ends, and
    /// its updates need not reach anybody any more.
    pub fn let_go(&mut self, at: usize) {
        let id = record(&self.frameworks[at].record).id.clone();
        self.checker.delivery.let_go(&id.unwrap_or_default());
        self.frameworks[at].retired = true;
    }

    /// Starts another scheduler of a framework, on a machine of its own, which knows the
    /// framework's id and nothing else; the earlier one is not started again when it ends. Gives
    /// its number among the frameworks.
    pub fn twin(&mut self, of: usize) -> usize {
        let at = self.frameworks.len();
        let name = format!("framework-{at}");
        let seat = &mut self.frameworks[of];
        seat.retired = true;
        let twin = FrameworkSeat {
            machine: self.sim.machine(&name, &format!("10.0.2.{}:1", at + 1)),
            name,
            record: Arc::default(),
            failover_timeout: seat.failover_timeout,
            partition_aware: seat.partition_aware,
            id: record(&seat.record).id.clone(),
            retired: true,
            pid: None,
        };
        self.frameworks.push(twin);
        self.start_framework(at);
        at
    }

    /// Has a framework's scheduler do something, as a step of its own.
    pub fn act(
        &mut self,
        at: usize,
        act: impl FnOnce(&mut Workload, &mut Driver<'_>) + Send + 'static,
    ) {
        if let Some(pid) = &self.frameworks[at].pid {
            pid.tell(Act::new(act));
        }
    }

    /// A framework's record.
    pub fn record(&self, at: usize) -> &SharedRecord {
        &self.frameworks[at].record
    }

    /// All frameworks' records.
    pub fn records(&self) -> impl Iterator<Item = &SharedRecord> {
        self.frameworks.iter().map(|seat| &seat.record)
    }

    /// How many frameworks there are.
    pub fn framework_count(&self) -> usize {
        self.frameworks.len()
    }
}
