//! A framework of a suite's own beside those of the cluster: what it does is the suite's, and its
//! scheduler may crash and start again, with the id and the record of before.

use super::cluster::{credential, Shape, SimCluster};
use super::masters::MASTERS;
use libproc::sim::Machine;
use libproc::NodeConfig;
use meseta_api::v1;
use meseta_scheduler::{Driver, Scheduler, SchedulerConfig};
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Between two questions about tasks that are not known to have ended.
pub const ASK_AGAIN: Duration = Duration::from_secs(20);

/// No run takes longer, on the simulated clock.
pub const LONG: Duration = Duration::from_secs(3600);

/// Most strikes of [`Guest::disturb`].
const STRIKES: usize = 12;

/// What a framework knows, whatever becomes of its scheduler.
pub type Shared<R> = Arc<Mutex<R>>;

/// What it knows now.
pub fn lock<R>(shared: &Shared<R>) -> MutexGuard<'_, R> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// So much of a resource.
pub fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.into(),
        r#type: v1::value::Type::Scalar as i32,
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    }
}

/// Asks about tasks, each with its agent: their launch or its answer may have been lost.
pub fn ask_about(tasks: impl IntoIterator<Item = (String, v1::AgentId)>, driver: &mut Driver<'_>) {
    let ask = |(id, agent): (String, v1::AgentId)| v1::scheduler::call::reconcile::Task {
        task_id: id.as_str().into(),
        agent_id: Some(agent),
    };
    let tasks: Vec<_> = tasks.into_iter().map(ask).collect();
    if !tasks.is_empty() {
        driver.call_raw(v1::scheduler::Call {
            r#type: Some(v1::scheduler::call::Type::Reconcile as i32),
            reconcile: Some(v1::scheduler::call::Reconcile { tasks }),
            ..Default::default()
        });
    }
}

/// A cluster of two agents with a framework of its own work, and the suite's framework.
pub struct Guest<R, S> {
    /// Where it runs.
    pub cluster: SimCluster,
    machine: Machine,
    name: &'static str,
    policy: fn(Shared<R>) -> S,
    record: Shared<R>,
}

impl<R: Default + Debug + 'static, S: Scheduler> Guest<R, S> {
    /// Starts both. The framework, its machine and its role are called `name`.
    pub fn new(seed: u64, name: &'static str, policy: fn(Shared<R>) -> S) -> Self {
        let shape = Shape { agents: 2, frameworks: 1, tasks: 10, ..Shape::default() };
        let mut cluster = SimCluster::new(seed, shape);
        let machine = cluster.sim.machine(name, "10.0.3.1:1");
        let mut guest = Guest { cluster, machine, name, policy, record: Shared::default() };
        guest.start();
        guest
    }

    /// Starts the scheduler, crashing one that runs; its id and record are kept.
    ///
    /// # Panics
    /// If the simulator gives a node that has processes already.
    pub fn start(&mut self) {
        let node = self.cluster.sim.start(self.machine, NodeConfig::new("sim", "framework"));
        let mut config = SchedulerConfig::new(self.name, self.name, credential("framework"));
        config.masters = MASTERS.join(",").parse().expect("addresses");
        config.id_path = Some(PathBuf::from("/framework-id"));
        let policy = (self.policy)(self.record.clone());
        meseta_scheduler::spawn(&node, config, policy).expect("a fresh node has no processes");
    }

    /// What the framework knows.
    pub fn record(&self) -> MutexGuard<'_, R> {
        lock(&self.record)
    }

    /// Runs until the record says so.
    ///
    /// # Panics
    /// If it does not within [`LONG`], or an invariant is broken first.
    pub fn until(&mut self, what: &str, done: impl Fn(&R) -> bool) {
        let record = self.record.clone();
        let reached = self
            .cluster
            .run_until(LONG, |cluster| !cluster.breaches().is_empty() || done(&lock(&record)));
        assert_eq!(self.cluster.breaches(), Vec::<String>::new(), "{what}");
        assert!(reached, "{what}: {:#?}", lock(&self.record));
    }

    /// Restarts an agent, the scheduler or the leadership, whichever the seed says, again and again
    /// after at least `least` and less than `spread` more milliseconds, until the record says that it
    /// is over, or often enough.
    pub fn disturb(&mut self, least: u64, spread: u64, over: impl Fn(&R) -> bool) {
        let mut struck = 0;
        while !over(&lock(&self.record)) && struck < STRIKES {
            struck += 1;
            let pause = Duration::from_millis(least + self.cluster.sim.below(spread));
            self.cluster.run_for(pause);
            match self.cluster.sim.below(4) {
                0 => self.cluster.start_agent(0),
                1 => self.cluster.start_agent(1),
                2 => self.cluster.depose_master(),
                _ => self.start(),
            }
        }
    }
}
