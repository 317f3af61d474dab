//! Planned maintenance of machines (MNT-05, MNT-06): one schedule of windows, of which each says which
//! machines go away, when, and for how long.
//!
//! - **State**: [`Maintenance`]: the windows, which are durable, with the mode of each machine
//!   (`mode.rs`), and what frameworks answered to inverse offers (`inverse.rs`), which is not.
//! - **Fed by** operators' calls (`schedule.rs`), each written before it is obeyed; by schedulers'
//!   answers; by a timer while something is going away.
//! - **Emits** `unavailability` in offers, INVERSE_OFFERS to whoever has something on a machine that is
//!   going away, and the departure of agents whose machine is down.
//! - **Read next**: `schedule.rs`; `show.rs` for what operators read.

mod inverse;
mod machine;
mod mode;
mod schedule;
mod show;

pub use inverse::AnswerInversePlan;
pub use machine::Machine;
pub use mode::{Mode, ModeStep};
pub use schedule::MaintenancePlan;

use super::agents::Agent;
use super::Core;
use crate::registrar::registry::WindowRecord;
use inverse::InverseOffers;
use meseta_api::ids::AgentId;
use meseta_api::v1;
use std::collections::{BTreeMap, BTreeSet};

/// Most windows of a schedule: it is written in one transaction, a key each.
pub const MAX_WINDOWS: usize = 64;
/// Most machines of a schedule.
pub const MAX_MACHINES: usize = 4096;

/// The schedule, and what has come of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Maintenance {
    windows: Vec<WindowRecord>,
    /// Of each machine its window and its mode.
    machines: BTreeMap<Machine, (usize, Mode)>,
    /// A change of the schedule is being written.
    writing: bool,
    /// Agents in service on machines that are going away.
    agents: BTreeSet<AgentId>,
    inverse: InverseOffers,
}

impl Maintenance {
    pub(super) fn new(windows: Vec<WindowRecord>) -> Self {
        let mut maintenance = Maintenance::default();
        maintenance.set(windows);
        maintenance
    }

    fn set(&mut self, windows: Vec<WindowRecord>) {
        self.machines.clear();
        for (at, window) in windows.iter().enumerate() {
            let machines = window.machines.iter();
            self.machines.extend(machines.map(|one| (one.machine.clone(), (at, one.mode))));
        }
        self.windows = windows;
    }

    /// Of a machine by exactly this name.
    fn mode(&self, machine: &Machine) -> Mode {
        self.machines.get(machine).map_or(Mode::Up, |(_, mode)| *mode)
    }

    /// The machine of this hostname and address, if it is in the schedule. Where several names fit,
    /// one that is down counts, then the narrowest.
    fn scheduled(&self, hostname: &str, ip: &str) -> Option<(&Machine, &WindowRecord, Mode)> {
        if self.machines.is_empty() {
            return None;
        }
        let names = Machine::names(hostname, ip);
        let fitting = names.iter().filter_map(|name| self.machines.get_key_value(name));
        let found = fitting.min_by_key(|(_, (_, mode))| *mode != Mode::Down);
        let (machine, (window, mode)) = found?;
        Some((machine, self.windows.get(*window)?, *mode))
    }

    /// The machine of an agent, if it is in the schedule.
    fn of(&self, agent: &Agent) -> Option<(&Machine, &WindowRecord, Mode)> {
        self.scheduled(agent.hostname(), agent.ip())
    }

    /// When and for how long an agent's machine goes away, for its offers (ALL-24).
    pub(super) fn unavailability(&self, agent: &Agent) -> Option<v1::Unavailability> {
        self.of(agent).map(|(_, window, _)| show::unavailability(window))
    }

    /// The machine that is down, if an agent of this hostname at this `ip:port` is on one.
    pub(super) fn down(&self, hostname: &str, address: &str) -> Option<&Machine> {
        let ip = super::agents::ip_of(address);
        let found = self.scheduled(hostname, ip).filter(|(.., mode)| *mode == Mode::Down);
        found.map(|(machine, ..)| machine)
    }
}

impl Core {
    /// Whether an agent's machine is in the schedule: such an agent is not drained by call.
    pub(super) fn is_scheduled(&self, agent: &Agent) -> bool {
        self.maintenance.of(agent).is_some()
    }
}
