//! A simulation as its author holds it: machines, nodes, and the passing of time.

use super::conditions::Conditions;
use super::engine::{AnyCell, CellSlot, Shared, State};
use super::log::{Place, Step};
use super::machine::{Machine, MachineState, SimNode};
use super::strike::Hooks;
use crate::cell::Cell;
use crate::net::NodeConfig;
use crate::node::{lock, Node};
use crate::pid::Pid;
use crate::process::Process;
use crate::time::Instant;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// More than any finite exchange between processes takes.
const SETTLED_WITHIN: usize = 1_000_000;

/// A simulated world; see the [module's page](super).
pub struct Sim {
    pub(super) shared: Arc<Shared>,
    pub(super) hooks: Hooks,
    /// What is left behind when it is dropped is looked at first.
    pub(super) watched: bool,
}

impl Sim {
    /// An empty world; everything random in it comes from `seed`.
    pub fn new(seed: u64) -> Self {
        Sim::of(Arc::new(Shared { state: Mutex::new(State::new(seed)) }))
    }

    pub(super) fn of(shared: Arc<Shared>) -> Self {
        Sim { shared, hooks: Hooks::default(), watched: false }
    }

    /// The seed that it was made from.
    pub fn seed(&self) -> u64 {
        lock(&self.shared.state).seed
    }

    /// Adds a machine: a name without spaces, an address, clocks, and a disk that outlives the
    /// nodes started on it.
    pub fn machine(&mut self, name: &str, address: &str) -> Machine {
        let mut state = lock(&self.shared.state);
        let (seed, number) = (state.seed, state.machines.len());
        state.machines.push(MachineState::new(name, address, seed, number));
        Machine(number)
    }

    /// The machine of a name; the first, if there are several.
    pub fn machine_named(&self, name: &str) -> Option<Machine> {
        let state = lock(&self.shared.state);
        state.machines.iter().position(|machine| &*machine.name == name).map(Machine)
    }

    /// Starts a node on a machine; one that ran there is crashed first.
    pub fn start(&mut self, machine: Machine, config: NodeConfig) -> Node {
        self.crash(machine);
        let node = SimNode::start(&self.shared, machine.0, config);
        let mut state = lock(&self.shared.state);
        if let Some(entry) = state.machines.get_mut(machine.0) {
            entry.node = Some(node.clone());
            entry.dark = false;
        }
        node
    }

    /// The node that was started last on a machine, until it is crashed.
    pub fn node(&self, machine: Machine) -> Option<Node> {
        lock(&self.shared.state).machines.get(machine.0)?.node.clone()
    }

    /// How every way between two machines is, whatever was set for some before.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        lock(&self.shared.state).network.set_conditions(None, conditions);
    }

    /// How the way from one machine to another is, in that direction.
    pub fn set_conditions_between(&mut self, from: Machine, to: Machine, conditions: Conditions) {
        lock(&self.shared.state).network.set_conditions(Some((from.0, to.0)), conditions);
    }

    // ---- looking

    /// Looks at a process between two steps; `None` if it has ended, or is of another type.
    pub fn inspect<P: Process, R>(&self, pid: &Pid<P>, look: impl FnOnce(&P) -> R) -> Option<R> {
        let at = pid.address();
        let (slot, cell) = {
            let mut state = lock(&self.shared.state);
            let is_it = |slot: &CellSlot| slot.node == at.node && slot.process == at.id;
            let mut cells = state.cells.iter_mut().enumerate();
            let (number, slot) = cells.find(|(_, slot)| is_it(slot) && slot.cell.is_some())?;
            (number, slot.cell.take()?)
        };
        let seen = cell.as_any().downcast_ref::<Cell<P>>().map(|cell| look(cell.process()));
        self.put_back(slot, cell);
        seen
    }

    /// A cell is out of its slot while it is looked at: whoever looks may ask for the time.
    fn put_back(&self, slot: usize, cell: Box<dyn AnyCell>) {
        if let Some(entry) = lock(&self.shared.state).cells.get_mut(slot) {
            entry.cell = Some(cell);
        }
    }

    /// Whether a node was started on a machine, and neither was crashed nor is paused.
    pub fn is_up(&self, machine: Machine) -> bool {
        let state = lock(&self.shared.state);
        let entry = state.machines.get(machine.0);
        entry.is_some_and(|entry| entry.node.is_some() && entry.paused.is_none())
    }

    /// Whether what one machine sends reaches another: both are up, and the way is not cut. For
    /// models of services that are not processes.
    pub fn passes(&self, from: Machine, to: Machine) -> bool {
        let cut = lock(&self.shared.state).network.is_cut(from.0, to.0);
        !cut && self.is_up(from) && self.is_up(to)
    }

    /// What every process says of itself ([`Process::observe`]), one after another; and where its
    /// node records them ([`NodeConfig::recorder`]), on lines of their own, the last messages that
    /// it handled.
    pub fn states(&self) -> Vec<String> {
        let slots = lock(&self.shared.state).cells.len();
        (0..slots).filter_map(|slot| self.state_of(slot)).flatten().collect()
    }

    fn state_of(&self, slot: usize) -> Option<Vec<String>> {
        let (cell, place, node) = {
            let mut state = lock(&self.shared.state);
            let entry = state.cells.get_mut(slot)?;
            let (cell, machine) = (entry.cell.take()?, entry.machine);
            let process = entry.process.clone();
            let machine = state.machines.get(machine)?;
            (cell, Place { machine: machine.name.clone(), process }, machine.node.clone())
        };
        let seen = cell.observe();
        self.put_back(slot, cell);
        let metrics = seen.metrics.iter().map(|(name, value)| format!(" {name}={value}"));
        let mut lines = vec![format!("{place} {}{}", seen.state, metrics.collect::<String>())];
        let record = node.and_then(|node| node.flight_record(place.process.as_str()));
        lines.extend(
            record.into_iter().flat_map(|record| record.last).map(|one| format!("  {one}")),
        );
        Some(lines)
    }

    /// Virtual time since the start, on no machine's clock.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(lock(&self.shared.state).now)
    }

    /// A number in `0..bound` from the seed: for what a test decides.
    pub fn below(&mut self, bound: u64) -> u64 {
        lock(&self.shared.state).rng.below(bound)
    }

    /// Whether steps are kept for [`Sim::log`]; on at the start.
    pub fn keep_log(&mut self, keep: bool) {
        lock(&self.shared.state).log.off = !keep;
    }

    /// Everything that happened so far, one thing a line: who handled what, from whom, when, in
    /// which trace; which faults struck, and which messages were lost.
    pub fn log(&self) -> Vec<String> {
        lock(&self.shared.state).log.steps.iter().map(Step::to_string).collect()
    }

    /// As [`Sim::log`], as data.
    pub fn steps(&self) -> Vec<Step> {
        lock(&self.shared.state).log.steps.clone()
    }

    /// Puts a line of the program's own into the log.
    pub fn note(&mut self, what: impl Into<String>) {
        lock(&self.shared.state).note(what.into());
    }

    // ---- time

    /// Runs to the end of the next step, not past `until`: one message or signal handled by one
    /// process, or a fault that begins or ends. `None` when nothing is left to happen before then;
    /// the clock then shows `until`.
    pub fn step_until(&mut self, until: Instant) -> Option<Step> {
        loop {
            let event = {
                let mut state = lock(&self.shared.state);
                match state.heap.first_key_value() {
                    Some((&(at, sequence), _)) if at <= until.as_nanos() => {
                        state.reach(at);
                        let event = state.heap.remove(&(at, sequence));
                        event.and_then(|event| state.stall(event))
                    }
                    _ => {
                        state.now = state.now.max(until.as_nanos());
                        return None;
                    }
                }
            };
            let stepped = event.and_then(|event| self.carry_out(event));
            if stepped.is_some() {
                return stepped;
            }
        }
    }

    /// Runs everything that happens within `span`.
    pub fn run_for(&mut self, span: Duration) {
        let until = self.now() + span;
        while self.step_until(until).is_some() {}
    }

    /// Runs until `done` or until `within` has passed; true if done. Looked at after every step.
    pub fn run_until(&mut self, within: Duration, mut done: impl FnMut(&mut Sim) -> bool) -> bool {
        let until = self.now() + within;
        loop {
            if done(self) {
                return true;
            }
            if self.step_until(until).is_none() {
                return done(self);
            }
        }
    }

    /// Lets everything arrive that is under way (messages, dials, operations of disks) and
    /// everything that follows from it, while the clock stands still: no timer fires, however near
    /// it is, no fault begins or ends. False if there was no end to it after a million events.
    ///
    /// Time passes in [`Sim::run_for`] and its like alone, so that a clock need not be paused.
    pub fn settle(&mut self) -> bool {
        for _ in 0..SETTLED_WITHIN {
            let event = {
                let mut state = lock(&self.shared.state);
                let next = state.heap.iter().find(|(_, event)| !event.is_timer());
                let Some(key) = next.map(|(key, _)| *key) else {
                    return true;
                };
                let event = state.heap.remove(&key);
                event.and_then(|event| state.stall(event))
            };
            if let Some(event) = event {
                self.carry_out(event);
            }
        }
        false
    }

    /// Moves the clock ahead by `span`, with all timers due meanwhile, and settles: what was sent
    /// has arrived when this returns. False as [`Sim::settle`].
    pub fn advance(&mut self, span: Duration) -> bool {
        self.run_for(span);
        self.settle()
    }
}

impl Drop for Sim {
    /// Nodes, their processes and what is queued hold each other: they are taken apart, so that a
    /// suite of many simulations keeps none.
    fn drop(&mut self) {
        if self.watched {
            let look = std::panic::AssertUnwindSafe(|| self.states());
            let states = std::panic::catch_unwind(look).unwrap_or_default();
            lock(&self.shared.state).last_words = Some(states);
        }
        let mut state = lock(&self.shared.state);
        state.log.off = true;
        for machine in 0..state.machines.len() {
            state.machine_died(machine, "the simulation is over", false);
        }
        drop(state);
        // What is dropped may queue more: processes that end tell others.
        loop {
            let mut state = lock(&self.shared.state);
            let nodes: Vec<_> = state.machines.iter_mut().map(|m| m.node.take()).collect();
            let stalled: Vec<_> =
                state.machines.iter_mut().map(|m| std::mem::take(&mut m.stalled)).collect();
            let cells: Vec<_> = state.cells.iter_mut().map(|c| c.cell.take()).collect();
            let rest = (
                std::mem::take(&mut state.heap),
                std::mem::take(&mut state.tasks),
                std::mem::take(&mut state.network),
            );
            drop(state);
            drop((nodes, stalled, cells, rest));
            if lock(&self.shared.state).heap.is_empty() {
                return;
            }
        }
    }
}
