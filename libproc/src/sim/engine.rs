//! The event heap and the loop.

use super::machine::{Machine, MachineState, SimNode};
use super::network::{Network, Passing, Verdict};
use super::Rng;
use crate::cell::Cell;
use crate::frame::Frame;
use crate::id::{NodeId, ProcessId};
use crate::net::NodeConfig;
use crate::node::{lock, Node};
use crate::pid::Pid;
use crate::process::Process;
use crate::time::Instant;
use futures_util::future::BoxFuture;
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// A simulated world; see the module's page.
pub struct Sim {
    shared: Arc<Shared>,
}

/// One step: what entered which process when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Virtual time.
    pub at: Instant,
    /// The machine's name.
    pub machine: String,
    /// The process.
    pub process: ProcessId,
    /// The message's type, or the kind of signal.
    pub what: &'static str,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.at.as_nanos() / 1000;
        write!(
            f,
            "{:>6}.{:06} {}/{} {}",
            micros / 1_000_000,
            micros % 1_000_000,
            self.machine,
            self.process,
            self.what
        )
    }
}

pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) now: u64,
    sequence: u64,
    pub(crate) rng: Rng,
    heap: BTreeMap<(u64, u64), Event>,
    cells: Vec<CellSlot>,
    tasks: BTreeMap<u64, Task>,
    next_task: u64,
    pub(crate) machines: Vec<MachineState>,
    pub(crate) network: Network,
    log: Vec<Step>,
    logging: bool,
}

struct CellSlot {
    machine: usize,
    node: NodeId,
    process: ProcessId,
    /// Out while it runs, and after it ended.
    cell: Option<Box<dyn AnyCell>>,
}

struct Task {
    node: NodeId,
    /// Out while it is polled.
    future: Option<BoxFuture<'static, ()>>,
}

pub(crate) enum Event {
    Start { slot: usize },
    Deliver { slot: usize, frame: Box<dyn Any + Send>, what: &'static str },
    Wake(Waker),
    Poll(u64),
    Arrive { connection: u64, number: u64, to: usize, frame: bytes::Bytes },
    Break { connection: u64, side: usize, why: String },
}

/// A cell of any process.
trait AnyCell: Send {
    fn start(&mut self);
    fn frame(&mut self, frame: Box<dyn Any + Send>);
    fn is_over(&self) -> bool;
    fn as_any(&self) -> &dyn Any;
}

impl<P: Process> AnyCell for Cell<P> {
    fn start(&mut self) {
        Cell::start(self);
    }

    fn frame(&mut self, frame: Box<dyn Any + Send>) {
        // Only the slot's own mailbox pushes here, with frames of this type.
        if let Ok(frame) = frame.downcast::<Frame<P>>() {
            Cell::frame(self, *frame);
        }
    }

    fn is_over(&self) -> bool {
        Cell::is_over(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The sending half of a simulated mailbox.
#[derive(Clone)]
pub(crate) struct Slot {
    shared: Arc<Shared>,
    at: usize,
}

impl Slot {
    pub(crate) fn push<P: Process>(&self, frame: Frame<P>) {
        let what = match &frame {
            Frame::Run { label, .. } => label,
            Frame::Signal(signal) => signal.label(),
        };
        lock(&self.shared.state).schedule(
            Duration::ZERO,
            Event::Deliver { slot: self.at, frame: Box::new(frame), what },
        );
    }
}

impl State {
    pub(crate) fn schedule(&mut self, after: Duration, event: Event) {
        let at = self.now.saturating_add(after.as_nanos() as u64);
        self.schedule_at(at, event);
    }

    pub(crate) fn schedule_at(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.heap.insert((at.max(self.now), self.sequence), event);
    }

    /// Takes back what is under way over some connections: (connection, number, to, frame).
    pub(crate) fn recall(&mut self, over: &[u64]) -> Vec<(u64, u64, usize, bytes::Bytes)> {
        let is_over = |event: &Event| match event {
            Event::Arrive { connection, .. } => over.contains(connection),
            _ => false,
        };
        let keys: Vec<_> =
            self.heap.iter().filter(|(_, event)| is_over(event)).map(|(at, _)| *at).collect();
        let events = keys.iter().filter_map(|at| self.heap.remove(at));
        let frames = events.filter_map(|event| match event {
            Event::Arrive { connection, number, to, frame } => {
                Some((connection, number, to, frame))
            }
            _ => None,
        });
        frames.collect()
    }

    /// Cells and futures of a node that is no more.
    fn forget(&mut self, node: NodeId) -> (Vec<Box<dyn AnyCell>>, Vec<Task>) {
        let mine = self.cells.iter_mut().filter(|slot| slot.node == node);
        let cells = mine.filter_map(|slot| slot.cell.take()).collect();
        let ids: Vec<u64> =
            self.tasks.iter().filter(|(_, task)| task.node == node).map(|(id, _)| *id).collect();
        let tasks = ids.into_iter().filter_map(|id| self.tasks.remove(&id)).collect();
        (cells, tasks)
    }
}

struct TaskWaker {
    shared: std::sync::Weak<Shared>,
    task: u64,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        if let Some(shared) = self.shared.upgrade() {
            lock(&shared.state).schedule(Duration::ZERO, Event::Poll(self.task));
        }
    }
}

impl Shared {
    pub(crate) fn spawn(self: &Arc<Self>, node: NodeId, future: BoxFuture<'static, ()>) {
        let mut state = lock(&self.state);
        state.next_task += 1;
        let id = state.next_task;
        state.tasks.insert(id, Task { node, future: Some(future) });
        state.schedule(Duration::ZERO, Event::Poll(id));
    }

    fn poll(self: &Arc<Self>, id: u64) {
        let Some(mut future) =
            lock(&self.state).tasks.get_mut(&id).and_then(|task| task.future.take())
        else {
            return;
        };
        let waker = Waker::from(Arc::new(TaskWaker { shared: Arc::downgrade(self), task: id }));
        let done = future.as_mut().poll(&mut Context::from_waker(&waker));
        let mut state = lock(&self.state);
        match done {
            Poll::Ready(()) => {
                state.tasks.remove(&id);
            }
            Poll::Pending => {
                if let Some(task) = state.tasks.get_mut(&id) {
                    task.future = Some(future);
                }
            }
        }
    }

    /// Runs the cell in a slot outside of the lock; gives back what was done, if it lives.
    fn run(
        &self,
        slot: usize,
        what: &'static str,
        run: impl FnOnce(&mut dyn AnyCell),
    ) -> Option<Step> {
        let (mut cell, step) = {
            let mut state = lock(&self.state);
            let at = Instant::from_nanos(state.now);
            let entry = state.cells.get_mut(slot)?;
            let cell = entry.cell.take()?;
            let (machine, process) = (entry.machine, entry.process.clone());
            let machine = state.machines.get(machine)?.name.clone();
            (cell, Step { at, machine, process, what })
        };
        run(cell.as_mut());
        let mut state = lock(&self.state);
        if state.logging {
            state.log.push(step.clone());
        }
        let over = cell.is_over();
        if let Some(entry) = state.cells.get_mut(slot).filter(|_| !over) {
            entry.cell = Some(cell);
            return Some(step);
        }
        drop(state);
        drop(cell);
        Some(step)
    }
}

impl Sim {
    /// An empty world; everything random in it comes from `seed`.
    pub fn new(seed: u64) -> Self {
        let state = State {
            now: 0,
            sequence: 0,
            rng: Rng::new(seed),
            heap: BTreeMap::new(),
            cells: Vec::new(),
            tasks: BTreeMap::new(),
            next_task: 0,
            machines: Vec::new(),
            network: Network::default(),
            log: Vec::new(),
            logging: true,
        };
        Sim { shared: Arc::new(Shared { state: Mutex::new(state) }) }
    }

    /// Adds a machine: an address and a disk that outlive the nodes started on it.
    pub fn machine(&mut self, name: &str, address: &str) -> Machine {
        let mut state = lock(&self.shared.state);
        state.machines.push(MachineState::new(name, address));
        Machine(state.machines.len() - 1)
    }

    /// Starts a node on a machine; one that ran there is crashed first.
    pub fn start(&mut self, machine: Machine, config: NodeConfig) -> Node {
        self.crash(machine);
        let node = SimNode::start(&self.shared, machine.0, config);
        let mut state = lock(&self.shared.state);
        if let Some(entry) = state.machines.get_mut(machine.0) {
            entry.node = Some(node.clone());
        }
        node
    }

    /// The node that runs on a machine.
    pub fn node(&self, machine: Machine) -> Option<Node> {
        lock(&self.shared.state).machines.get(machine.0)?.node.clone()
    }

    /// The machine stops dead: its processes and work are gone without a word, its disk keeps what
    /// was completed, and peers learn of it when their connections break.
    pub fn crash(&mut self, machine: Machine) {
        let dead = {
            let mut state = lock(&self.shared.state);
            let node = state.machines.get_mut(machine.0).and_then(|entry| entry.node.take());
            node.map(|node| {
                state.machine_died(machine.0, "the machine crashed");
                let forgotten = state.forget(node.id());
                (node, forgotten)
            })
        };
        // What they drop runs outside of the lock; nothing of it reaches the network.
        drop(dead);
    }

    /// Breaks the connections between two machines; both sides learn of it.
    pub fn reset(&mut self, a: Machine, b: Machine) {
        lock(&self.shared.state).break_connections(a.0, b.0, "connection reset");
    }

    /// Nothing passes between two machines until [`Sim::heal`]; a connection that is silent for
    /// too long breaks.
    pub fn partition(&mut self, a: Machine, b: Machine) {
        lock(&self.shared.state).cut(a.0, b.0);
    }

    /// Ends a partition; what was held up in connections that did not break arrives.
    pub fn heal(&mut self, a: Machine, b: Machine) {
        lock(&self.shared.state).heal(a.0, b.0);
    }

    /// Judges every message between nodes; replaces an earlier judge.
    pub fn judge(&mut self, judge: impl FnMut(&Passing) -> Verdict + Send + 'static) {
        lock(&self.shared.state).network.judge = Some(Box::new(judge));
    }

    /// Looks at a process between two steps; `None` if it has ended, or is of another type.
    pub fn inspect<P: Process, R>(&self, pid: &Pid<P>, look: impl FnOnce(&P) -> R) -> Option<R> {
        let state = lock(&self.shared.state);
        let at = pid.address();
        let mut cells = state.cells.iter();
        let slot = cells
            .find(|slot| slot.node == at.node && slot.process == at.id && slot.cell.is_some())?;
        let cell = slot.cell.as_ref()?.as_any().downcast_ref::<Cell<P>>()?;
        Some(look(cell.process()))
    }

    /// Virtual time since the start.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(lock(&self.shared.state).now)
    }

    /// A number in `0..bound` from the seed: for what a test decides.
    pub fn below(&mut self, bound: u64) -> u64 {
        lock(&self.shared.state).rng.below(bound)
    }

    /// Whether steps are kept for [`Sim::log`]; on at the start.
    pub fn keep_log(&mut self, keep: bool) {
        lock(&self.shared.state).logging = keep;
    }

    /// Every step so far, one a line.
    pub fn log(&self) -> Vec<String> {
        lock(&self.shared.state).log.iter().map(Step::to_string).collect()
    }

    /// Runs to the end of the next step, not past `until`: one message or signal handled by one
    /// process. `None` when nothing is left to happen before then; the clock then shows `until`.
    pub fn step_until(&mut self, until: Instant) -> Option<Step> {
        loop {
            let event = {
                let mut state = lock(&self.shared.state);
                match state.heap.first_key_value() {
                    Some((&(at, sequence), _)) if at <= until.as_nanos() => {
                        state.now = at;
                        state.heap.remove(&(at, sequence))
                    }
                    _ => {
                        state.now = state.now.max(until.as_nanos());
                        return None;
                    }
                }
            };
            let stepped = match event? {
                Event::Start { slot } => self.shared.run(slot, "started", |cell| cell.start()),
                Event::Deliver { slot, frame, what } => {
                    self.shared.run(slot, what, |cell| cell.frame(frame))
                }
                Event::Wake(waker) => {
                    waker.wake();
                    None
                }
                Event::Poll(task) => {
                    self.shared.poll(task);
                    None
                }
                Event::Arrive { connection, to, frame, .. } => {
                    self.shared.arrive(connection, to, frame);
                    None
                }
                Event::Break { connection, side, why } => {
                    self.shared.broken(connection, side, &why);
                    None
                }
            };
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
}

impl Drop for Sim {
    /// Nodes, their processes and what is queued hold each other: they are taken apart, so that a
    /// suite of many simulations keeps none.
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        for machine in 0..state.machines.len() {
            state.machine_died(machine, "the simulation is over");
        }
        drop(state);
        // What is dropped may queue more: processes that end tell others.
        loop {
            let mut state = lock(&self.shared.state);
            let nodes: Vec<_> = state.machines.iter_mut().map(|m| m.node.take()).collect();
            let cells: Vec<_> = state.cells.iter_mut().map(|c| c.cell.take()).collect();
            let rest = (
                std::mem::take(&mut state.heap),
                std::mem::take(&mut state.tasks),
                std::mem::take(&mut state.network),
            );
            drop(state);
            drop((nodes, cells, rest));
            if lock(&self.shared.state).heap.is_empty() {
                return;
            }
        }
    }
}

/// For [`Node::spawn`]: where a simulated process lives.
impl SimNode {
    pub(crate) fn reserve(&self, node: NodeId, process: &ProcessId) -> Slot {
        let mut state = lock(&self.shared.state);
        let process = process.clone();
        state.cells.push(CellSlot { machine: self.machine, node, process, cell: None });
        Slot { shared: self.shared.clone(), at: state.cells.len() - 1 }
    }

    pub(crate) fn install<P: Process>(&self, slot: &Slot, cell: Cell<P>) {
        let mut state = lock(&self.shared.state);
        if let Some(entry) = state.cells.get_mut(slot.at) {
            entry.cell = Some(Box::new(cell));
        }
        state.schedule(Duration::ZERO, Event::Start { slot: slot.at });
    }
}
