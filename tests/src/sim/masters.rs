//! Two masters' machines, which of them leads, and what starts again a node that has ended, as a
//! service manager does.

use super::cluster::{SimCluster, SECRET};
use super::etcd::{Lease, LEASE};
use libproc::sim::{Machine, Sim};
use libproc::{Node, NodeConfig, Pid};
use meseta_master::actor::Master;
use meseta_master::core::Config;
use meseta_master::limits::RequestLimits;
use meseta_master::MasterConfig;
use meseta_node::election::{
    Election, LeaderInfo, LeaseClock, LostReason, ManualControl, ManualElection,
};
use meseta_node::keys::{Keyring, AGENT, FRAMEWORK, MASTER, OPERATOR};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Where masters listen, by seat.
pub const MASTERS: [&str; 2] = ["10.0.0.1:5050", "10.0.0.2:5050"];

/// How often leases are looked at, and nodes that have ended are started again.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// A master's machine.
pub(super) struct MasterSeat {
    pub(super) machine: Machine,
    pub(super) pid: Option<Pid<Master>>,
    pub(super) control: Option<ManualControl>,
    /// This life of it leads or has led.
    elected: bool,
    clock: Option<Node>,
    reached: watch::Sender<bool>,
    /// `--rate-limits`.
    limits: &'static str,
}

impl MasterSeat {
    pub(super) fn new(sim: &mut Sim, at: usize, limits: &'static str) -> Self {
        let machine = sim.machine(&name(at), MASTERS[at]);
        MasterSeat {
            machine,
            pid: None,
            control: None,
            elected: false,
            clock: None,
            reached: watch::Sender::new(true),
            limits,
        }
    }

    /// Whether it may speak as the leader.
    pub(super) fn is_open(&self) -> bool {
        self.control.as_ref().is_some_and(|control| control.gate().is_open())
    }

    /// When a lease that is asked for now is over, on this master's clock, with the margin that the
    /// real election keeps.
    fn deadline(&self) -> Option<Duration> {
        let now = Duration::from_nanos(self.clock.as_ref()?.now().as_nanos());
        Some(now + LEASE - LEASE / 10)
    }
}

/// The name of a master's machine.
pub fn name(at: usize) -> String {
    format!("master-{at}")
}

impl SimCluster {
    /// Starts a master on its machine, crashing one that runs, as a candidate.
    pub(super) fn start_master(&mut self, at: usize) {
        let ring = Keyring::new("master", MASTER);
        for (principal, role) in
            [("agent", AGENT), ("framework", FRAMEWORK), ("operator", OPERATOR)]
        {
            ring.insert(principal, SECRET.as_bytes(), role);
        }
        let config = NodeConfig {
            listen: Some(MASTERS[at].into()),
            admit: Arc::new(ring),
            ..NodeConfig::new("sim", "meseta-master")
        };
        let seat = &mut self.masters[at];
        let node = self.sim.start(seat.machine, config);
        let clock = node.clone();
        let clock = LeaseClock::given(move || Duration::from_nanos(clock.now().as_nanos()));
        let (election, control) = ManualElection::new(clock);
        let config = MasterConfig {
            hostname: name(at),
            domain: None,
            core: Config::default(),
            allocator: Default::default(),
            candidacy: Box::new(election).start(),
            guards: Default::default(),
            limits: RequestLimits::parse(seat.limits).expect("limits"),
            store: Arc::new(self.etcd.store_of(node.clone(), seat.reached.subscribe())),
        };
        let pid = meseta_master::spawn(&node, config).expect("a fresh node has no processes");
        seat.pid = Some(pid);
        seat.control = Some(control);
        seat.elected = false;
        seat.clock = Some(node);
    }

    /// Who holds the lease.
    pub(super) fn leader(&self) -> Option<&MasterSeat> {
        self.etcd.lease.map(|lease| &self.masters[lease.seat])
    }

    /// What is cut, or is no more, has changed: whether each master reaches etcd.
    pub(super) fn note_ways(&mut self) {
        for seat in &self.masters {
            let reached = self.etcd.answers(&self.sim, seat.machine);
            seat.reached.send_if_modified(|known| std::mem::replace(known, reached) != reached);
        }
    }

    /// Keeps, ends and gives the lease, and starts what has ended by itself.
    pub(super) fn look(&mut self) {
        self.note_ways();
        self.keep_lease();
        self.tell_losers();
        self.give_lease();
        self.restart_ended();
    }

    fn keep_lease(&mut self) {
        let Some(lease) = self.etcd.lease else {
            return;
        };
        let (seat, now) = (&self.masters[lease.seat], self.sim.now());
        let reached = now < lease.until && self.etcd.answers(&self.sim, seat.machine);
        let refreshed = match (&seat.control, seat.deadline()) {
            (Some(control), Some(deadline)) if reached => control.refresh(deadline),
            _ => false,
        };
        if refreshed {
            self.etcd.lease = Some(Lease { until: now + LEASE, ..lease });
        } else if now >= lease.until {
            self.etcd.lease = None;
            self.etcd.store.depose();
        }
    }

    /// A master whose gate has closed is told by its own timer once it is awake, and by nobody else.
    fn tell_losers(&self) {
        for seat in self.masters.iter().filter(|seat| seat.elected && self.sim.is_up(seat.machine))
        {
            if let Some(control) = seat.control.as_ref().filter(|c| !c.gate().is_open()) {
                control.lose(LostReason::LeaseRanOut);
            }
        }
    }

    fn give_lease(&mut self) {
        if self.etcd.lease.is_none() {
            let elected = (0..self.masters.len()).find(|at| self.elect(*at));
            if let Some(seat) = elected {
                self.etcd.lease = Some(Lease { seat, until: self.sim.now() + LEASE });
            }
        }
        let leader = self.etcd.lease.map(|lease| LeaderInfo {
            id: name(lease.seat),
            address: MASTERS[lease.seat].to_owned(),
            hostname: None,
        });
        for (at, seat) in self.masters.iter().enumerate() {
            let leads = self.etcd.lease.is_some_and(|lease| lease.seat == at);
            let reached = self.etcd.answers(&self.sim, seat.machine);
            if let (Some(control), true, false) = (&seat.control, reached, leads) {
                control.leader_changed(leader.clone());
            }
        }
    }

    /// Elects a candidate that waits and that etcd hears.
    fn elect(&mut self, at: usize) -> bool {
        let seat = &mut self.masters[at];
        let ended = seat.pid.as_ref().is_none_or(|pid| pid.node().exit_reason().is_some());
        if ended || seat.elected || !self.etcd.answers(&self.sim, seat.machine) {
            return false;
        }
        match (&seat.control, seat.deadline()) {
            (Some(control), Some(deadline)) => {
                seat.elected = control.elect(self.etcd.store.begin_term(), Some(deadline));
                seat.elected
            }
            _ => false,
        }
    }

    fn restart_ended(&mut self) {
        let ended = |sim: &Sim, machine: Machine| {
            let node = sim.node(machine).filter(|_| sim.is_up(machine));
            node.is_some_and(|node| node.exit_reason().is_some())
        };
        for at in 0..self.masters.len() {
            if ended(&self.sim, self.masters[at].machine) {
                self.start_master(at);
            }
        }
        for at in 0..self.agents.len() {
            if ended(&self.sim, self.agents[at].machine) {
                self.start_agent(at);
            }
        }
        for at in 0..self.frameworks.len() {
            let seat = &self.frameworks[at];
            if !seat.retired && ended(&self.sim, seat.machine) {
                self.start_framework(at);
            }
        }
    }
}
