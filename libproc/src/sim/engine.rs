//! The event heap: what is about to happen, and how each thing that happens is carried out.

use super::log::{Log, Place, Step};
use super::machine::{MachineState, SimNode};
use super::network::Network;
use super::strike::Struck;
use super::Rng;
use crate::cell::Cell;
use crate::frame::Frame;
use crate::id::{Address, NodeId, ProcessId};
use crate::node::lock;
use crate::observe::Observation;
use crate::process::Process;
use crate::recorder::FlightRecord;
use crate::time::Instant;
use crate::trace::TraceContext;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
}

/// So many events in one moment take [`CROWDED`]. More than a cluster has that comes to an end of
/// them, and about what a processor does in that time.
const CROWD: u32 = 100_000;
/// A millisecond.
const CROWDED: u64 = 1_000_000;

pub(crate) struct State {
    pub(crate) now: u64,
    /// Events since time has passed.
    crowd: u32,
    pub(crate) seed: u64,
    sequence: u64,
    pub(crate) rng: Rng,
    pub(crate) heap: BTreeMap<(u64, u64), Event>,
    pub(crate) cells: Vec<CellSlot>,
    pub(crate) tasks: BTreeMap<u64, Task>,
    next_task: u64,
    pub(crate) machines: Vec<MachineState>,
    /// The machine of every node that ever lived.
    pub(crate) lives: BTreeMap<NodeId, usize>,
    pub(crate) network: Network,
    pub(crate) struck: Struck,
    pub(crate) log: Log,
    /// Of whom a watched simulation was made when it was dropped.
    pub(crate) last_words: Option<Vec<String>>,
}

pub(crate) struct CellSlot {
    pub(crate) machine: usize,
    pub(crate) node: NodeId,
    pub(crate) process: ProcessId,
    /// Out while it runs, and after it ended.
    pub(crate) cell: Option<Box<dyn AnyCell>>,
}

pub(crate) struct Task {
    node: NodeId,
    machine: usize,
    /// Out while it is polled.
    future: Option<BoxFuture<'static, ()>>,
}

pub(crate) enum Event {
    Start {
        slot: usize,
    },
    Deliver {
        slot: usize,
        frame: Box<dyn Any + Send>,
        what: Cow<'static, str>,
        from: Option<Address>,
        trace: Option<TraceContext>,
    },
    Timer {
        machine: usize,
        bell: Arc<Bell>,
    },
    Motion {
        machine: usize,
        bell: Arc<Bell>,
    },
    Poll(u64),
    Arrive {
        connection: u64,
        number: u64,
        to: usize,
        frame: Bytes,
    },
    Break {
        connection: u64,
        side: usize,
        why: String,
    },
    Silence {
        connection: u64,
        side: usize,
    },
    Snap {
        connection: u64,
    },
    /// A fault of a plan, by its number, begins or ends.
    Fault {
        number: usize,
        begins: bool,
    },
}

impl Event {
    /// Whether it comes because time has passed, and not because something is under way.
    pub(crate) fn is_timer(&self) -> bool {
        matches!(
            self,
            Event::Timer { .. } | Event::Silence { .. } | Event::Snap { .. } | Event::Fault { .. }
        )
    }
}

/// Wakes whoever waits for a moment.
pub(crate) struct Bell {
    rung: AtomicBool,
    waker: Mutex<Waker>,
}

impl Bell {
    pub(crate) fn new(waker: &Waker) -> Arc<Self> {
        Arc::new(Bell { rung: AtomicBool::new(false), waker: Mutex::new(waker.clone()) })
    }

    /// A future that was handed on is polled for another task, which is the one to wake.
    pub(crate) fn is_for(&self, waker: &Waker) {
        lock(&self.waker).clone_from(waker);
    }

    pub(crate) fn has_rung(&self) -> bool {
        self.rung.load(Ordering::Relaxed)
    }

    pub(crate) fn ring(&self) {
        self.rung.store(true, Ordering::Relaxed);
        let waker = lock(&self.waker).clone();
        waker.wake();
    }
}

/// A cell of any process.
pub(crate) trait AnyCell: Send {
    fn start(&mut self);
    fn frame(&mut self, frame: Box<dyn Any + Send>);
    fn is_over(&self) -> bool;
    fn record(&self) -> Option<FlightRecord>;
    fn as_any(&self) -> &dyn Any;
    /// What the process says of itself.
    fn observe(&self) -> Observation;
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

    fn record(&self) -> Option<FlightRecord> {
        Cell::record(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn observe(&self) -> Observation {
        let mut seen = Observation::default();
        self.process().observe(&mut seen);
        seen
    }
}

/// The sending half of a simulated mailbox.
#[derive(Clone)]
pub(crate) struct Slot {
    shared: Arc<Shared>,
    at: usize,
}

impl Slot {
    /// None while it runs, and where nothing is recorded.
    pub(crate) fn record(&self) -> Option<FlightRecord> {
        lock(&self.shared.state).cells.get(self.at)?.cell.as_ref()?.record()
    }

    pub(crate) fn push<P: Process>(&self, mut frame: Frame<P>) {
        let mut state = lock(&self.shared.state);
        let (what, from, trace) = match &mut frame {
            Frame::Run { label, meta, .. } => {
                let what = match meta.name() {
                    "" => Cow::Borrowed(*label),
                    name if name == *label => Cow::Borrowed(*label),
                    name => Cow::Owned(format!("{label}.{name}")),
                };
                let trace = meta.trace_or_begin(|| Some(state.log.begin_trace()));
                (what, meta.from.address().cloned(), trace)
            }
            Frame::Signal(signal) => (Cow::Borrowed(signal.label()), None, None),
        };
        let (slot, frame) = (self.at, Box::new(frame));
        state.schedule(Duration::ZERO, Event::Deliver { slot, frame, what, from, trace });
    }
}

impl State {
    pub(crate) fn new(seed: u64) -> Self {
        State {
            now: 0,
            crowd: 0,
            seed,
            sequence: 0,
            rng: Rng::new(seed),
            heap: BTreeMap::new(),
            cells: Vec::new(),
            tasks: BTreeMap::new(),
            next_task: 0,
            machines: Vec::new(),
            lives: BTreeMap::new(),
            network: Network::new(seed),
            struck: Struck::default(),
            log: Log::default(),
            last_words: None,
        }
    }

    /// An event happens that was due `at`. What happens takes no time, unless there is no end to
    /// it: then the clock moves on, and timers and frames come in between.
    pub(crate) fn reach(&mut self, at: u64) {
        if at > self.now {
            (self.now, self.crowd) = (at, 0);
            return;
        }
        self.crowd += 1;
        if self.crowd == CROWD {
            (self.now, self.crowd) = (self.now.saturating_add(CROWDED), 0);
        }
    }

    pub(crate) fn schedule(&mut self, after: Duration, event: Event) {
        let nanos = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        let at = self.now.saturating_add(nanos);
        self.schedule_at(at, event);
    }

    pub(crate) fn schedule_at(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.heap.insert((at.max(self.now), self.sequence), event);
    }

    /// Puts into the log what happened to the world.
    pub(crate) fn note(&mut self, what: impl Into<Cow<'static, str>>) -> Step {
        let at = Instant::from_nanos(self.now);
        let step = Step { at, to: None, from: None, what: what.into(), trace: None };
        self.log.push(step.clone());
        step
    }

    /// Takes back what is under way towards some ends of connections:
    /// (connection, number, to, frame).
    pub(crate) fn recall(&mut self, ends: &[(u64, usize)]) -> Vec<(u64, u64, usize, Bytes)> {
        let is_towards = |event: &Event| match event {
            Event::Arrive { connection, to, .. } => ends.contains(&(*connection, *to)),
            _ => false,
        };
        let keys: Vec<_> =
            self.heap.iter().filter(|(_, event)| is_towards(event)).map(|(at, _)| *at).collect();
        let events = keys.iter().filter_map(|at| self.heap.remove(at));
        let frames = events.filter_map(|event| match event {
            Event::Arrive { connection, number, to, frame } => {
                Some((connection, number, to, frame))
            }
            _ => None,
        });
        frames.collect()
    }

    /// A machine's clock runs at another rate: who waits for it computes anew.
    pub(crate) fn ring_timers(&mut self, of: usize) {
        let is_of = |event: &Event| matches!(event, Event::Timer { machine, .. } if *machine == of);
        let keys: Vec<_> =
            self.heap.iter().filter(|(_, event)| is_of(event)).map(|(at, _)| *at).collect();
        for key in keys {
            if let Some(event) = self.heap.remove(&key) {
                self.schedule(Duration::ZERO, event);
            }
        }
    }

    /// Cells and futures of a node that is no more.
    pub(crate) fn forget(&mut self, node: NodeId) -> (Vec<Box<dyn AnyCell>>, Vec<Task>) {
        let mine = self.cells.iter_mut().filter(|slot| slot.node == node);
        let cells = mine.filter_map(|slot| slot.cell.take()).collect();
        let ids: Vec<u64> =
            self.tasks.iter().filter(|(_, task)| task.node == node).map(|(id, _)| *id).collect();
        let tasks = ids.into_iter().filter_map(|id| self.tasks.remove(&id)).collect();
        (cells, tasks)
    }

    /// The machine on which an event happens.
    fn machine_of(&self, event: &Event) -> Option<usize> {
        match event {
            Event::Start { slot } | Event::Deliver { slot, .. } => {
                self.cells.get(*slot).map(|slot| slot.machine)
            }
            Event::Timer { machine, .. } | Event::Motion { machine, .. } => Some(*machine),
            Event::Poll(task) => self.tasks.get(task).map(|task| task.machine),
            Event::Arrive { connection, to: side, .. }
            | Event::Break { connection, side, .. }
            | Event::Silence { connection, side } => {
                let line = self.network.lines.get(connection)?;
                Some(line.ends[*side].machine)
            }
            Event::Snap { .. } | Event::Fault { .. } => None,
        }
    }

    /// Puts aside what happens on a machine on which nothing runs.
    pub(crate) fn stall(&mut self, event: Event) -> Option<Event> {
        let machine = self.machine_of(&event).and_then(|at| self.machines.get_mut(at));
        match machine.filter(|machine| machine.paused.is_some()) {
            Some(machine) => {
                machine.stalled.push(event);
                None
            }
            None => Some(event),
        }
    }

    fn place(&self, address: &Address) -> Option<Place> {
        let machine = self.machines.get(*self.lives.get(&address.node)?)?;
        Some(Place { machine: machine.name.clone(), process: address.id.clone() })
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

/// What a step says beside its place and time.
type Said = (Cow<'static, str>, Option<Address>, Option<TraceContext>);

impl Shared {
    pub(crate) fn spawn(
        self: &Arc<Self>,
        node: NodeId,
        machine: usize,
        future: BoxFuture<'static, ()>,
    ) {
        let mut state = lock(&self.state);
        state.next_task += 1;
        let id = state.next_task;
        state.tasks.insert(id, Task { node, machine, future: Some(future) });
        state.schedule(Duration::ZERO, Event::Poll(id));
    }

    /// Carries out anything but a fault; gives back the step, if it was one.
    pub(crate) fn carry_out(self: &Arc<Self>, event: Event) -> Option<Step> {
        match event {
            Event::Start { slot } => {
                return self.run(slot, ("started".into(), None, None), |cell| cell.start());
            }
            Event::Deliver { slot, frame, what, from, trace } => {
                return self.run(slot, (what, from, trace), |cell| cell.frame(frame));
            }
            Event::Timer { bell, .. } | Event::Motion { bell, .. } => bell.ring(),
            Event::Poll(task) => self.poll(task),
            Event::Arrive { connection, to, frame, .. } => self.arrive(connection, to, frame),
            Event::Break { connection, side, why } => self.broken(connection, side, &why),
            Event::Silence { connection, side } => {
                self.silent(connection, side);
            }
            Event::Snap { connection } => {
                lock(&self.state).break_line(connection, None, "connection reset");
            }
            Event::Fault { .. } => {}
        }
        None
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
                let task = state.tasks.remove(&id);
                drop(state);
                drop((task, future));
            }
            Poll::Pending => {
                if let Some(task) = state.tasks.get_mut(&id) {
                    task.future = Some(future);
                }
            }
        }
    }

    /// Runs the cell in a slot outside of the lock; gives back what was done, if it lives.
    fn run(&self, slot: usize, said: Said, run: impl FnOnce(&mut dyn AnyCell)) -> Option<Step> {
        let (mut cell, step) = {
            let mut state = lock(&self.state);
            let at = Instant::from_nanos(state.now);
            let entry = state.cells.get_mut(slot)?;
            let cell = entry.cell.take()?;
            let (machine, process) = (entry.machine, entry.process.clone());
            let machine = state.machines.get(machine)?.name.clone();
            let (what, from, trace) = said;
            let from = from.and_then(|from| state.place(&from));
            (cell, Step { at, to: Some(Place { machine, process }), from, what, trace })
        };
        run(cell.as_mut());
        let mut state = lock(&self.state);
        state.log.push(step.clone());
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

/// For [`crate::Node::spawn`]: where a simulated process lives.
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
