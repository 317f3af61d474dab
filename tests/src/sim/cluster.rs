//! The simulated cluster: the real processes of every component on [`libproc::sim`] machines.
//!
//! Only three things are not what production runs: the store is a memory store that outlives
//! masters, the election is decided by a simulated etcd (`etcd.rs`), and containers are the fake
//! containerizer's, whose executors are processes of their own nodes. `masters.rs` decides who
//! leads, and starts again what ended by itself.

use super::agents::AgentSeat;
use super::checker::Checker;
use super::delivery::Delivery;
use super::etcd::Etcd;
use super::frameworks::FrameworkSeat;
use super::masters::{MasterSeat, LOOK, MASTERS};
use super::workload::record;
use libproc::sim::{Machine, Sim, Step};
use libproc::{Instant, Pid};
use meseta_api::v1::master::{Call, Response};
use meseta_master::actor::Master;
use meseta_node::election::LostReason;
use meseta_node::keys::Credential;
use meseta_node::store::MemoryStore;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Everybody's.
pub const SECRET: &str = "simulated";

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
    /// Whether frameworks have the capability PARTITION_AWARE.
    pub partition_aware: bool,
    /// `--rate-limits` of the masters, as JSON.
    pub limits: &'static str,
}

impl Default for Shape {
    fn default() -> Self {
        Shape {
            agents: 5,
            frameworks: 3,
            tasks: 40,
            longest: Duration::from_secs(20),
            failover_timeout: Duration::from_secs(3600),
            partition_aware: true,
            limits: "{}",
        }
    }
}

/// A cluster under simulation.
pub struct SimCluster {
    /// The world; faults may be set on it directly.
    pub sim: Sim,
    pub(super) etcd: Etcd,
    pub(super) masters: Vec<MasterSeat>,
    pub(super) agents: Vec<AgentSeat>,
    pub(super) frameworks: Vec<FrameworkSeat>,
    pub(super) checker: Checker,
    breaches: Vec<String>,
    /// Machines that a fault has let go since the last step.
    booting: Booting,
    /// When leases and ended nodes are looked at again.
    next_look: Instant,
}

type Booting = Arc<Mutex<Vec<Machine>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What every peer of a simulated cluster presents.
pub fn credential(principal: &str) -> Credential {
    Credential { principal: principal.to_owned(), secret: SECRET.to_owned() }
}

impl SimCluster {
    /// A cluster whose processes have been started and nothing more.
    pub fn new(seed: u64, shape: Shape) -> Self {
        SimCluster::on(Sim::new(seed), shape)
    }

    /// The same, on a simulation whose faults may be set already.
    pub fn on(mut sim: Sim, shape: Shape) -> Self {
        let etcd = Etcd::new(&mut sim);
        let masters: Vec<_> =
            (0..MASTERS.len()).map(|at| MasterSeat::new(&mut sim, at, shape.limits)).collect();
        let agents: Vec<_> = (0..shape.agents).map(|at| AgentSeat::new(&mut sim, at)).collect();
        let frameworks: Vec<_> =
            (0..shape.frameworks).map(|at| FrameworkSeat::new(&mut sim, at, &shape)).collect();
        let mut cluster = SimCluster {
            sim,
            etcd,
            masters,
            agents,
            frameworks,
            checker: Checker::default(),
            breaches: Vec::new(),
            booting: Booting::default(),
            next_look: Instant::ZERO + LOOK,
        };
        for machine in cluster.machines() {
            let booting = cluster.booting.clone();
            cluster.sim.on_boot(machine, move |_, machine| lock(&booting).push(machine));
            cluster.sim.boot(machine);
        }
        cluster.boot();
        cluster.look();
        cluster
    }

    fn machines(&self) -> Vec<Machine> {
        let masters = self.masters.iter().map(|seat| seat.machine);
        let agents = self.agents.iter().map(|seat| seat.machine);
        let frameworks = self.frameworks.iter().map(|seat| seat.machine);
        masters.chain(agents).chain(frameworks).collect()
    }

    // ---- starting and breaking

    /// Starts what runs on the machines that boot.
    pub(super) fn boot(&mut self) {
        let booting = std::mem::take(&mut *lock(&self.booting));
        for machine in booting {
            if let Some(at) = self.masters.iter().position(|seat| seat.machine == machine) {
                self.start_master(at);
            }
            if let Some(at) = self.agents.iter().position(|seat| seat.machine == machine) {
                self.start_agent(at);
            }
            if let Some(at) = self.frameworks.iter().position(|seat| seat.machine == machine) {
                self.start_framework(at);
            }
        }
    }

    /// etcd has no quorum, until it is started again.
    pub fn stop_etcd(&mut self) {
        self.etcd.set_down(true);
        self.note_ways();
    }

    /// Ends [`SimCluster::stop_etcd`].
    pub fn start_etcd(&mut self) {
        self.etcd.set_down(false);
        self.note_ways();
    }

    /// The leader's lease is lost: its node ends.
    pub fn depose_master(&mut self) {
        if let Some(control) = self.leader().and_then(|seat| seat.control.as_ref()) {
            control.lose(LostReason::LeaseRanOut);
        }
    }

    /// Starts an agent on its machine, crashing one that runs; its disk is kept.
    pub fn start_agent(&mut self, at: usize) {
        let seat = &mut self.agents[at];
        seat.start(&mut self.sim);
    }

    // ---- running

    /// One step, then every invariant. `None` when nothing is left to happen before `until`.
    pub fn step_until(&mut self, until: Instant) -> Option<Step> {
        loop {
            let by = until.min(self.next_look);
            if let Some(step) = self.sim.step_until(by) {
                self.follow(&step);
                return Some(step);
            }
            if by < self.next_look {
                return None;
            }
            self.next_look = by + LOOK;
            self.look();
        }
    }

    fn follow(&mut self, step: &Step) {
        // Of the world: a fault began or ended.
        if step.to.is_none() {
            self.boot();
            self.note_ways();
        }
        for seat in &mut self.agents {
            seat.start_executors(&mut self.sim);
        }
        self.check(step);
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
            found.extend(self.checker.launches(seat.name(), &seat.ran().launches));
        }
        found.extend(self.check_streams(step));
        // Only a step of a master's own process changes its books.
        let seat = self.masters.iter().enumerate().find(|(at, _)| {
            let is_here = |machine: &str| machine == super::masters::name(*at);
            step.is_of("master") && step.to.as_ref().is_some_and(|to| is_here(&to.machine))
        });
        if let Some(pid) = seat.and_then(|(_, seat)| seat.pid.as_ref()) {
            let books =
                self.sim.inspect(pid, |master| master.core().map(|core| core.check_invariants()));
            found.extend(self.checker.books(books.flatten().unwrap_or_default()));
        }
        let open = self.masters.iter().filter(|seat| seat.is_open()).count();
        found.extend(self.checker.leaders(open));
        self.breaches.extend(found.into_iter().map(|what| format!("{what} (at {step})")));
    }

    /// Only a step of an agent's own process changes its streams.
    fn check_streams(&mut self, step: &Step) -> Vec<String> {
        let here = step.to.as_ref().filter(|_| step.is_of("agent")).map(|to| &*to.machine);
        let at = self.agents.iter().position(|seat| Some(seat.name()) == here);
        let Some((at, seat)) = at.map(|at| (at, &self.agents[at])) else {
            return Vec::new();
        };
        let waiting = seat.pid().and_then(|pid| self.sim.inspect(pid, |agent| agent.waiting()));
        match waiting.flatten() {
            Some(waiting) => self.checker.delivery.streams(at, seat.lives(), &waiting),
            None => Vec::new(),
        }
    }

    // ---- looking

    /// What the agents' streams took on.
    pub(super) fn delivery(&self) -> &Delivery {
        &self.checker.delivery
    }

    /// Every breach of an invariant so far.
    pub fn breaches(&self) -> &[String] {
        &self.breaches
    }

    /// How many agents there are.
    pub fn agent_count(&self) -> usize {
        self.agents.len()
    }

    /// `host:port` of the leader, once it serves.
    pub fn leader_address(&self) -> Option<&'static str> {
        let lease = self.etcd.lease.as_ref()?;
        let pid = self.masters[lease.seat].pid.as_ref()?;
        let serves = self.sim.inspect(pid, |master| master.core().is_some());
        serves.unwrap_or(false).then_some(MASTERS[lease.seat])
    }

    /// What the leader answers to a call that changes nothing.
    pub fn query(&self, call: &Call) -> Option<Response> {
        let asked = |master: &Master| master.core()?.query(call).ok();
        self.sim.inspect(self.master()?, asked).flatten()
    }

    /// The store, which outlives masters.
    pub fn store(&self) -> &MemoryStore {
        &self.etcd.store
    }

    /// The leading master's process.
    pub fn master(&self) -> Option<&Pid<Master>> {
        self.leader().and_then(|seat| seat.pid.as_ref())
    }

    /// Tasks that have ended, of all frameworks.
    pub fn ended(&self) -> usize {
        self.records().map(|shared| record(shared).ended.len()).sum()
    }

    /// Whether every task of every framework has ended.
    pub fn all_ended(&self) -> bool {
        self.records().all(|shared| {
            let record = record(shared);
            record.todo.is_empty() && record.live.is_empty()
        })
    }
}
