//! What scenarios do with a cluster: tasks one by one, machines and ways by their names, a second
//! scheduler of a framework.

use super::cluster::{Shape, SimCluster};
use super::masters::{self, MASTERS};
use super::workload::{record, Told};
use libproc::sim::Machine;
use meseta_api::v1::TaskState;
use meseta_master::core::Core;
use std::time::Duration;

/// Longer than a lease, a silent connection, a launch; shorter than any timeout that gives up.
pub const SOON: Duration = Duration::from_secs(60);
/// By then the leader has given up an agent that does not come back.
pub const GIVEN_UP: Duration = Duration::from_secs(11 * 60);

impl SimCluster {
    /// A cluster without tasks, whose agents and frameworks have found the leader.
    pub fn idle(seed: u64, shape: Shape) -> Self {
        let mut cluster = SimCluster::new(seed, Shape { tasks: 0, ..shape });
        cluster.until("all are subscribed and in service", SOON, |cluster| {
            let mut records = cluster.records();
            records.all(|shared| record(shared).subscribed > 0) && cluster.unsettled().is_empty()
        });
        cluster
    }

    /// Gives a framework a task to run on the next offer that it fits in.
    pub fn launch(&mut self, at: usize, task: &str, command: &str) {
        record(self.record(at)).todo.push_back((task.to_owned(), command.to_owned()));
        self.act(at, |_, driver| driver.revive());
    }

    /// Every state of a task that a framework was told, in order.
    pub fn told(&self, at: usize, task: &str) -> Vec<TaskState> {
        let record = record(self.record(at));
        record.told.iter().filter(|told| told.task == task).map(|told| told.state).collect()
    }

    /// Those among them that came from an agent.
    pub fn told_by_agent(&self, at: usize, task: &str) -> Vec<TaskState> {
        let record = record(self.record(at));
        let of_agent = record.told.iter().filter(|told| told.task == task && told.uuid.is_some());
        of_agent.map(|told| told.state).collect()
    }

    /// What a framework was told of a task last.
    pub fn last(&self, at: usize, task: &str) -> Option<Told> {
        record(self.record(at)).told.iter().rfind(|told| told.task == task).cloned()
    }

    /// Whether the last that a framework was told of a task is this.
    pub fn is(&self, at: usize, task: &str, state: TaskState) -> bool {
        self.last(at, task).is_some_and(|told| told.state == state)
    }

    /// Runs until something holds.
    ///
    /// # Panics
    /// If it does not within `within`, or an invariant is broken first; with the end of the log.
    #[track_caller]
    pub fn until(
        &mut self,
        what: &str,
        within: Duration,
        mut done: impl FnMut(&SimCluster) -> bool,
    ) {
        let came =
            self.run_until(within, |cluster| done(cluster) || !cluster.breaches().is_empty());
        if came && self.breaches().is_empty() {
            return;
        }
        let log = self.sim.log();
        let tail = log[log.len().saturating_sub(80)..].join("\n");
        let states = self.sim.states().join("\n");
        panic!("never came: {what}; breaches: {:?}\n{states}\n{tail}", self.breaches());
    }

    /// The machine of this name.
    ///
    /// # Panics
    /// If there is none.
    pub fn machine(&self, name: &str) -> Machine {
        self.sim.machine_named(name).expect("a machine of this name")
    }

    /// A machine stops dead.
    pub fn crash(&mut self, name: &str) {
        let machine = self.machine(name);
        self.sim.crash(machine);
    }

    /// A machine starts again what it is for.
    pub fn boot_again(&mut self, name: &str) {
        let machine = self.machine(name);
        self.sim.boot(machine);
        self.boot();
    }

    /// Nothing passes between a machine and the masters.
    pub fn isolate(&mut self, name: &str) {
        let machine = self.machine(name);
        for at in 0..MASTERS.len() {
            let master = self.machine(&masters::name(at));
            self.sim.partition(machine, master);
        }
    }

    /// Ends [`SimCluster::isolate`].
    pub fn heal(&mut self, name: &str) {
        let machine = self.machine(name);
        for at in 0..MASTERS.len() {
            let master = self.machine(&masters::name(at));
            self.sim.heal(machine, master);
        }
    }

    /// The name of the machine of the master that may speak as the leader.
    pub fn leading(&self) -> Option<String> {
        self.masters.iter().position(|seat| seat.is_open()).map(masters::name)
    }

    /// What the leader's core says.
    pub fn ask_core<T>(&self, look: impl FnOnce(&Core) -> T) -> Option<T> {
        self.sim.inspect(self.master()?, |master| master.core().map(look))?
    }

    /// What the leader's books have that is not over; see [`Core::unsettled`].
    pub fn unsettled_at_leader(&self) -> Vec<String> {
        self.ask_core(Core::unsettled).unwrap_or_default()
    }

    /// What an agent has that is not over, that it is not registered included.
    pub fn unsettled_at_agent(&self, at: usize) -> Vec<String> {
        let pid = self.agents[at].pid();
        let of = pid.and_then(|pid| self.sim.inspect(pid, |agent| agent.core().unsettled()));
        of.unwrap_or_default()
    }

    /// Whether no container runs on an agent.
    pub fn is_empty(&self, agent: usize) -> bool {
        self.agents[agent].containerizer().running().is_empty()
    }

    /// The tasks that executors were told to launch, on all agents.
    pub fn launched(&self) -> Vec<String> {
        let all = self.agents.iter().flat_map(|seat| seat.ran().launches.clone());
        all.map(|(_, task)| task).collect()
    }

    /// The groups among them, each as it came in one event.
    pub fn launched_groups(&self) -> Vec<Vec<String>> {
        let all = self.agents.iter().flat_map(|seat| seat.ran().groups.clone());
        all.map(|group| group.into_iter().map(|(_, task)| task).collect()).collect()
    }
}
