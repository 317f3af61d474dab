//! The simulated cluster: the real processes of every component on [`libproc::sim`] machines.
//!
//! Only three things are not what production runs: the store is [`MemoryStore`] (it outlives
//! masters, as etcd does), the election is a [`ManualElection`] that the cluster decides, and
//! containers are the fake containerizer's, whose executors are processes of their own nodes.

use super::agents::AgentSeat;
use super::checker::Checker;
use super::workload::{Record, SharedRecord, Workload};
use libproc::sim::{Machine, Sim, Step};
use libproc::{Instant, NodeConfig, Pid};
use meseta_api::term::RegistryId;
use meseta_master::actor::Master;
use meseta_master::core::Config;
use meseta_master::MasterConfig;
use meseta_node::election::{Election, LeaseClock, LostReason, ManualControl, ManualElection};
use meseta_node::keys::{Credential, Keyring, AGENT, FRAMEWORK, MASTER, OPERATOR};
use meseta_node::store::MemoryStore;
use meseta_scheduler::{SchedulerConfig, SchedulerProcess};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) const MASTER_ADDRESS: &str = "10.0.0.1:5050";
const SECRET: &str = "simulated";

/// How big a cluster is.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Agents, of 4 cpus and 4 GB each.
    pub agents: usize,
    /// Frameworks, all in role `*`.
    pub frameworks: usize,
    /// Tasks of each framework; each sleeps for up to `longest`.
    pub tasks: usize,
    /// Longest task.
    pub longest: Duration,
    /// `failover_timeout` of each framework.
    pub failover_timeout: Duration,
}

impl Default for Shape {
    fn default() -> Self {
        Shape {
            agents: 5,
            frameworks: 3,
            tasks: 40,
            longest: Duration::from_secs(20),
            failover_timeout: Duration::from_secs(3600),
        }
    }
}

/// A master's machine.
struct MasterSeat {
    machine: Machine,
    pid: Option<Pid<Master>>,
    control: Option<ManualControl>,
}

/// A framework's machine, and what it knows.
struct FrameworkSeat {
    machine: Machine,
    name: String,
    record: SharedRecord,
    failover_timeout: Duration,
    pid: Option<Pid<SchedulerProcess<Workload>>>,
}

/// A cluster under simulation.
pub struct SimCluster {
    /// The world; faults may be set on it directly.
    pub sim: Sim,
    store: MemoryStore,
    master: MasterSeat,
    agents: Vec<AgentSeat>,
    frameworks: Vec<FrameworkSeat>,
    checker: Checker,
    breaches: Vec<String>,
}

pub(super) fn credential(principal: &str) -> Credential {
    Credential { principal: principal.to_owned(), secret: SECRET.to_owned() }
}

impl SimCluster {
    /// A cluster whose processes have been started and nothing more.
    pub fn new(seed: u64, shape: Shape) -> Self {
        let mut sim = Sim::new(seed);
        let machine = sim.machine("master", MASTER_ADDRESS);
        let agents = (0..shape.agents).map(|at| AgentSeat::new(&mut sim, at)).collect();
        let longest = shape.longest.as_millis() as u64;
        let frameworks = (0..shape.frameworks)
            .map(|at| {
                let name = format!("framework-{at}");
                let machine = sim.machine(&name, &format!("10.0.2.{}:1", at + 1));
                let todo = (0..shape.tasks)
                    .map(|task| {
                        let millis = sim.below(longest.max(1));
                        (
                            format!("{name}-task-{task}"),
                            format!("sleep {}.{:03}", millis / 1000, millis % 1000),
                        )
                    })
                    .collect();
                let record = Arc::new(Mutex::new(Record { todo, ..Record::default() }));
                FrameworkSeat {
                    machine,
                    name,
                    record,
                    failover_timeout: shape.failover_timeout,
                    pid: None,
                }
            })
            .collect();
        let mut cluster = SimCluster {
            sim,
            store: MemoryStore::new(RegistryId::from_bits(7)),
            master: MasterSeat { machine, pid: None, control: None },
            agents,
            frameworks,
            checker: Checker::default(),
            breaches: Vec::new(),
        };
        cluster.start_master();
        for at in 0..cluster.agents.len() {
            cluster.start_agent(at);
        }
        for at in 0..cluster.frameworks.len() {
            cluster.start_framework(at);
        }
        cluster
    }

    // ---- starting and breaking

    /// Starts a master on its machine, crashing one that runs, and elects it.
    pub fn start_master(&mut self) {
        let ring = Keyring::new("master", MASTER);
        for (principal, role) in
            [("agent", AGENT), ("framework", FRAMEWORK), ("operator", OPERATOR)]
        {
            ring.insert(principal, SECRET.as_bytes(), role);
        }
        let config = NodeConfig {
            listen: Some(MASTER_ADDRESS.into()),
            admit: Arc::new(ring),
            ..NodeConfig::new("sim", "meseta-master")
        };
        let node = self.sim.start(self.master.machine, config);
        let clock = node.clone();
        let clock = LeaseClock::given(move || Duration::from_nanos(clock.now().as_nanos()));
        let (election, control) = ManualElection::new(clock);
        let config = MasterConfig {
            hostname: "master".into(),
            core: Config::default(),
            allocator: Default::default(),
            candidacy: Box::new(election).start(),
            store: Arc::new(self.store.clone()),
            guards: Default::default(),
        };
        let pid = meseta_master::spawn(&node, config).expect("a fresh node has no processes");
        assert!(control.elect(self.store.begin_term(), None), "a waiting candidate can be elected");
        self.master.pid = Some(pid);
        self.master.control = Some(control);
    }

    /// The leader's lease is lost: its node ends.
    pub fn depose_master(&mut self) {
        if let Some(control) = self.master.control.take() {
            control.lose(LostReason::LeaseRanOut);
        }
        self.master.pid = None;
    }

    /// The master's machine stops dead.
    pub fn crash_master(&mut self) {
        self.sim.crash(self.master.machine);
        self.master.pid = None;
        self.master.control = None;
    }

    /// Starts an agent on its machine, crashing one that runs; its disk is kept.
    pub fn start_agent(&mut self, at: usize) {
        let seat = &mut self.agents[at];
        seat.start(&mut self.sim);
    }

    /// Starts a framework's scheduler, crashing one that runs; its id and record are kept.
    pub fn start_framework(&mut self, at: usize) {
        let seat = &mut self.frameworks[at];
        let node = self.sim.start(seat.machine, NodeConfig::new("sim", "framework"));
        let mut config = SchedulerConfig::new(&seat.name, "*", credential("framework"));
        config.masters = MASTER_ADDRESS.parse().expect("an address");
        config.id_path = Some(PathBuf::from("/framework-id"));
        config.framework.failover_timeout = Some(seat.failover_timeout.as_secs_f64());
        let policy = Workload::new(seat.record.clone(), 0.5);
        let pid =
            meseta_scheduler::spawn(&node, config, policy).expect("a fresh node has no processes");
        seat.pid = Some(pid);
    }

    /// A framework's machine stops dead.
    pub fn crash_framework(&mut self, at: usize) {
        self.sim.crash(self.frameworks[at].machine);
        self.frameworks[at].pid = None;
    }

    /// Breaks the connection between an agent and the master.
    pub fn reset_agent(&mut self, at: usize) {
        self.sim.reset(self.agents[at].machine, self.master.machine);
    }

    /// Breaks the connection between a framework and the master.
    pub fn reset_framework(&mut self, at: usize) {
        self.sim.reset(self.frameworks[at].machine, self.master.machine);
    }

    /// Cuts an agent off from the master, or ends that.
    pub fn partition_agent(&mut self, at: usize, cut: bool) {
        let (agent, master) = (self.agents[at].machine, self.master.machine);
        match cut {
            true => self.sim.partition(agent, master),
            false => self.sim.heal(agent, master),
        }
    }

    /// Breaks the master's books, as a subtraction that was forgotten would.
    pub fn plant_dropped_subtraction(&mut self) {
        if let Some(pid) = &self.master.pid {
            pid.tell(meseta_master::plant::PlantDroppedSubtraction);
        }
    }

    // ---- running

    /// One step, then every invariant. `None` when nothing is left to happen before `until`.
    pub fn step_until(&mut self, until: Instant) -> Option<Step> {
        let step = self.sim.step_until(until)?;
        for seat in &mut self.agents {
            seat.start_executors(&mut self.sim);
        }
        self.check(&step);
        Some(step)
    }

    /// Runs for a span of virtual time.
    pub fn run_for(&mut self, span: Duration) {
        let until = self.sim.now() + span;
        while self.step_until(until).is_some() {}
    }

    /// Runs until `done`, looked at after every step; false if `within` passed first.
    pub fn run_until(
        &mut self,
        within: Duration,
        mut done: impl FnMut(&SimCluster) -> bool,
    ) -> bool {
        let until = self.sim.now() + within;
        loop {
            if done(self) {
                return true;
            }
            if self.step_until(until).is_none() {
                return done(self);
            }
        }
    }

    fn check(&mut self, step: &Step) {
        let mut found = Vec::new();
        for seat in &self.frameworks {
            found.extend(self.checker.statuses(&seat.name, &seat.record));
        }
        for seat in &self.agents {
            found.extend(self.checker.launches(seat.name(), &seat.launches()));
        }
        // Only a step of the master's own process changes its books.
        if step.process.as_str() == "master" {
            let books = self.master.pid.as_ref().and_then(|pid| {
                self.sim.inspect(pid, |master| master.core().map(|core| core.check_invariants()))
            });
            found.extend(self.checker.books(books.flatten().unwrap_or_default()));
        }
        self.breaches.extend(found.into_iter().map(|what| format!("{what} (at {step})")));
    }

    // ---- looking

    /// Every breach of an invariant so far.
    pub fn breaches(&self) -> &[String] {
        &self.breaches
    }

    /// A framework's record.
    pub fn record(&self, at: usize) -> &SharedRecord {
        &self.frameworks[at].record
    }

    /// All frameworks' records.
    pub fn records(&self) -> impl Iterator<Item = &SharedRecord> {
        self.frameworks.iter().map(|seat| &seat.record)
    }

    /// How many agents there are.
    pub fn agent_count(&self) -> usize {
        self.agents.len()
    }

    /// How many frameworks there are.
    pub fn framework_count(&self) -> usize {
        self.frameworks.len()
    }

    /// The store, which outlives masters.
    pub fn store(&self) -> &MemoryStore {
        &self.store
    }

    /// The leading master's process.
    pub fn master(&self) -> Option<&Pid<Master>> {
        self.master.pid.as_ref()
    }

    /// Tasks that have ended, of all frameworks.
    pub fn ended(&self) -> usize {
        self.records().map(|shared| super::workload::record(shared).ended.len()).sum()
    }

    /// Whether every task of every framework has ended.
    pub fn all_ended(&self) -> bool {
        self.records().all(|shared| {
            let record = super::workload::record(shared);
            record.todo.is_empty() && record.live.is_empty()
        })
    }
}
