//! Faults as they strike: each by its own call, or as a plan says.

use super::control::Sim;
use super::engine::{Event, State};
use super::fault::{DiskFault, Fault, Strike};
use super::log::Step;
use super::machine::Machine;
use super::plan::Plan;
use crate::node::lock;
use std::collections::BTreeMap;
use std::time::Duration;

type Boot = Box<dyn FnMut(&mut Sim, Machine) + Send>;
type OnFault = Box<dyn FnMut(&mut Sim, &str, bool) + Send>;

/// What the author does when a fault asks for it.
#[derive(Default)]
pub(crate) struct Hooks {
    boot: BTreeMap<Machine, Boot>,
    faults: BTreeMap<String, OnFault>,
}

/// The faults of the plans applied, and what they hold now.
#[derive(Default)]
pub(crate) struct Struck {
    faults: Vec<Fault>,
    held: BTreeMap<Hold, u32>,
}

/// Something that is so while at least one fault wants it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hold {
    Cut(Machine, Machine),
    Slow(Machine, Machine, Duration),
    Down(Machine),
    Paused(Machine),
    Drift(Machine, i32),
    Disk(Machine, DiskFault),
    Custom(String, String),
}

impl Sim {
    // ---- machines

    /// What starts the machine's node and processes: called by [`Sim::boot`], and whenever a fault
    /// of a plan that took the machine down is over.
    pub fn on_boot(
        &mut self,
        machine: Machine,
        boot: impl FnMut(&mut Sim, Machine) + Send + 'static,
    ) {
        self.hooks.boot.insert(machine, Box::new(boot));
    }

    /// Boots a machine as [`Sim::on_boot`] says; without that, nothing happens.
    pub fn boot(&mut self, machine: Machine) {
        // Out while it runs, so that it may boot other machines.
        if let Some(mut boot) = self.hooks.boot.remove(&machine) {
            boot(self, machine);
            self.hooks.boot.entry(machine).or_insert(boot);
        }
    }

    /// The machine stops dead: its processes and work are gone without a word, its disk keeps what
    /// was synced (what a crash interrupts is done, not done, or torn), and peers learn of it as
    /// when a kernel closes sockets.
    pub fn crash(&mut self, machine: Machine) {
        self.stop(machine, false);
    }

    /// As [`Sim::crash`], and peers are told nothing: they learn of it by silence, or when they send
    /// to the machine after it has booted again.
    pub fn power_off(&mut self, machine: Machine) {
        self.stop(machine, true);
    }

    fn stop(&mut self, machine: Machine, silently: bool) {
        let dead = {
            let mut state = lock(&self.shared.state);
            let Some(entry) = state.machines.get_mut(machine.0) else {
                return;
            };
            let Some(node) = entry.node.take() else {
                return;
            };
            entry.paused = None;
            let stalled = std::mem::take(&mut entry.stalled);
            entry.drive.platter.stop(&mut entry.disk_rng);
            entry.dark = silently;
            state.machine_died(machine.0, "the machine crashed", silently);
            let forgotten = state.forget(node.id());
            (node, forgotten, stalled)
        };
        // What they drop runs outside of the lock; nothing of it reaches the network.
        drop(dead);
    }

    /// Nothing runs on a machine until [`Sim::resume`], and its clocks go on, as under SIGSTOP:
    /// frames wait for it, and peers that hear nothing for too long give it up.
    pub fn pause(&mut self, machine: Machine) {
        let mut state = lock(&self.shared.state);
        let now = state.now;
        if let Some(entry) = state.machines.get_mut(machine.0) {
            entry.paused.get_or_insert(now);
            state.watch_paused(machine.0);
        }
    }

    /// Ends a [`Sim::pause`]: what was to happen meanwhile happens now, in its order.
    pub fn resume(&mut self, machine: Machine) {
        let mut state = lock(&self.shared.state);
        let Some(entry) = state.machines.get_mut(machine.0) else {
            return;
        };
        entry.paused = None;
        for event in std::mem::take(&mut entry.stalled) {
            state.schedule(Duration::ZERO, event);
        }
    }

    /// From now on a machine's clocks run `ppm` millionths faster than time does, slower if
    /// negative; no less than half and no more than twice as fast. 0 is right.
    pub fn drift(&mut self, machine: Machine, ppm: i32) {
        let mut state = lock(&self.shared.state);
        let now = state.now;
        if let Some(entry) = state.machines.get_mut(machine.0) {
            entry.clock.set_rate(now, ppm);
            state.ring_timers(machine.0);
        }
    }

    /// A machine's wall clock jumps, ahead or `back`. Its monotonic clock does not.
    pub fn jump(&mut self, machine: Machine, by: Duration, back: bool) {
        if let Some(entry) = lock(&self.shared.state).machines.get_mut(machine.0) {
            entry.clock.jump(by, back);
        }
    }

    /// Begins or ends a fault of a machine's disk.
    pub fn disk_fault(&mut self, machine: Machine, fault: DiskFault, on: bool) {
        let mut state = lock(&self.shared.state);
        let Some(entry) = state.machines.get_mut(machine.0) else {
            return;
        };
        let drive = &mut entry.drive;
        match on {
            true => drive.faults.insert(fault),
            false => drive.faults.remove(&fault),
        };
        if !on && fault == DiskFault::SyncsLie {
            drive.platter.sync();
        }
    }

    // ---- between machines

    /// Breaks the connections between two machines; both sides learn of it.
    pub fn reset(&mut self, a: Machine, b: Machine) {
        lock(&self.shared.state).break_connections(a.0, b.0, "connection reset");
    }

    /// The connections between two machines carry nothing any more, and neither side is told: each
    /// learns of it by silence. New connections can be made.
    pub fn half_open(&mut self, a: Machine, b: Machine) {
        lock(&self.shared.state).deaden(a.0, b.0);
    }

    /// Nothing passes from a machine to another until [`Sim::mend`]; the other way is free.
    pub fn cut(&mut self, from: Machine, to: Machine) {
        lock(&self.shared.state).cut(from.0, to.0);
    }

    /// Ends a [`Sim::cut`]; what was held up in connections that did not break arrives.
    pub fn mend(&mut self, from: Machine, to: Machine) {
        lock(&self.shared.state).mend(from.0, to.0);
    }

    /// Nothing passes between two machines until [`Sim::heal`]; a connection that is silent for
    /// too long breaks.
    pub fn partition(&mut self, a: Machine, b: Machine) {
        self.cut(a, b);
        self.cut(b, a);
    }

    /// Ends a partition; what was held up in connections that did not break arrives.
    pub fn heal(&mut self, a: Machine, b: Machine) {
        self.mend(a, b);
        self.mend(b, a);
    }

    // ---- plans

    /// What to do when a [`Strike::Custom`] of this name begins (`true`) and ends: it is given the
    /// fault's own words. For services that are not processes: a store, a load balancer.
    pub fn on_fault(
        &mut self,
        name: &str,
        strike: impl FnMut(&mut Sim, &str, bool) + Send + 'static,
    ) {
        self.hooks.faults.insert(name.to_owned(), Box::new(strike));
    }

    /// Lets a plan's faults strike at their times; those whose time has passed strike at once. What
    /// several faults do at once is over with the last of them. A fault of a machine that does not
    /// exist when it strikes does nothing but say so in the log.
    pub fn apply(&mut self, plan: &Plan) {
        let mut state = lock(&self.shared.state);
        for fault in &plan.faults {
            let number = state.struck.faults.len();
            let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
            let begins = nanos(fault.at);
            state.schedule_at(begins, Event::Fault { number, begins: true });
            if !fault.strike.is_instant() {
                let ends = begins.saturating_add(nanos(fault.lasts));
                state.schedule_at(ends, Event::Fault { number, begins: false });
            }
            state.struck.faults.push(fault.clone());
        }
    }

    pub(super) fn carry_out(&mut self, event: Event) -> Option<Step> {
        match event {
            Event::Fault { number, begins } => self.strike(number, begins),
            event => self.shared.carry_out(event),
        }
    }

    fn strike(&mut self, number: usize, begins: bool) -> Option<Step> {
        let (fault, holds, step) = {
            let mut state = lock(&self.shared.state);
            let fault = state.struck.faults.get(number)?.clone();
            let holds = state.holds(&fault.strike);
            let word = match (&holds, begins) {
                (None, _) => "names no machine that there is",
                (Some(_), _) if fault.strike.is_instant() => "strikes",
                (Some(_), true) => "begins",
                (Some(_), false) => "ends",
            };
            let step = state.note(format!("fault {}: {word}", fault.strike));
            (fault, holds, step)
        };
        let Some(holds) = holds else {
            return Some(step);
        };
        if begins {
            self.strike_once(&fault.strike);
        }
        for hold in holds {
            let turned = lock(&self.shared.state).struck.turn(&hold, begins);
            if turned {
                self.hold(&hold, begins);
            }
        }
        Some(step)
    }

    /// What a strike does when it begins, beside what it holds from then on.
    fn strike_once(&mut self, strike: &Strike) {
        let at = |name: &str| self.machine_named(name);
        match strike {
            Strike::Reset(a, b) => {
                if let (Some(a), Some(b)) = (at(a), at(b)) {
                    self.reset(a, b);
                }
            }
            Strike::HalfOpen(a, b) => {
                if let (Some(a), Some(b)) = (at(a), at(b)) {
                    self.half_open(a, b);
                }
            }
            Strike::Jump { machine, by, back } => {
                if let Some(machine) = at(machine) {
                    self.jump(machine, *by, *back);
                }
            }
            // Silently first: nobody is told of the crash that follows.
            Strike::PowerOff(machine) => {
                if let Some(machine) = at(machine) {
                    self.power_off(machine);
                }
            }
            _ => {}
        }
    }

    fn hold(&mut self, hold: &Hold, on: bool) {
        match (hold, on) {
            (Hold::Cut(from, to), true) => self.cut(*from, *to),
            (Hold::Cut(from, to), false) => self.mend(*from, *to),
            (Hold::Slow(from, to, by), on) => {
                let by = on.then_some(*by);
                lock(&self.shared.state).network.slow((from.0, to.0), by);
            }
            (Hold::Down(machine), true) => self.crash(*machine),
            (Hold::Down(machine), false) => self.boot(*machine),
            (Hold::Paused(machine), true) => self.pause(*machine),
            (Hold::Paused(machine), false) => self.resume(*machine),
            (Hold::Drift(machine, ppm), true) => self.drift(*machine, *ppm),
            (Hold::Drift(machine, _), false) => self.drift(*machine, 0),
            (Hold::Disk(machine, fault), on) => self.disk_fault(*machine, *fault, on),
            (Hold::Custom(name, what), on) => {
                if let Some(mut strike) = self.hooks.faults.remove(name) {
                    strike(self, what, on);
                    self.hooks.faults.entry(name.clone()).or_insert(strike);
                }
            }
        }
    }
}

impl State {
    /// What a strike holds while it lasts; none if it names a machine that there is not.
    fn holds(&self, strike: &Strike) -> Option<Vec<Hold>> {
        let at = |name: &str| {
            self.machines.iter().position(|machine| &*machine.name == name).map(Machine)
        };
        Some(match strike {
            Strike::Partition(a, b) => {
                let (a, b) = (at(a)?, at(b)?);
                vec![Hold::Cut(a, b), Hold::Cut(b, a)]
            }
            Strike::Cut(from, to) => vec![Hold::Cut(at(from)?, at(to)?)],
            Strike::Slow(from, to, by) => vec![Hold::Slow(at(from)?, at(to)?, *by)],
            Strike::Reset(a, b) | Strike::HalfOpen(a, b) => {
                let _ = (at(a)?, at(b)?);
                Vec::new()
            }
            Strike::Crash(machine) | Strike::PowerOff(machine) => vec![Hold::Down(at(machine)?)],
            Strike::Pause(machine) => vec![Hold::Paused(at(machine)?)],
            Strike::Jump { machine, .. } => {
                let _ = at(machine)?;
                Vec::new()
            }
            Strike::Drift(machine, ppm) => vec![Hold::Drift(at(machine)?, *ppm)],
            Strike::Disk(machine, fault) => vec![Hold::Disk(at(machine)?, *fault)],
            Strike::Custom { name, what } => vec![Hold::Custom(name.clone(), what.clone())],
        })
    }
}

impl Struck {
    /// One fault more or less wants it; true if that changes it.
    fn turn(&mut self, hold: &Hold, on: bool) -> bool {
        let count = self.held.entry(hold.clone()).or_default();
        if on {
            *count += 1;
            return *count == 1;
        }
        *count = count.saturating_sub(1);
        let over = *count == 0;
        if over {
            self.held.remove(hold);
        }
        over
    }
}
