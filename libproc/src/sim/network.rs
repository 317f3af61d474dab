//! The simulated network: connections that keep order, take time, stall under a partition and
//! break.

use super::engine::{Event, Shared, State};
use crate::node::{lock, Connection, Node, Outbox};
use crate::wire::{Envelope, Lane};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A connection over which nothing passes for this long breaks, as the TCP transport's does.
const SILENCE: Duration = Duration::from_secs(20);

/// A message between two nodes, as a judge sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passing {
    /// Name of the sending machine.
    pub from: String,
    /// Name of the receiving machine.
    pub to: String,
    /// Serde name of the message's type, such as `agent.FromMaster`.
    pub wire: String,
    /// Its variant.
    pub variant: String,
    /// Its payload, MessagePack.
    pub payload: Bytes,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It arrives.
    Pass,
    /// It is lost, alone: more than a real network does to a connection.
    Drop,
    /// It arrives twice: more than libproc allows.
    Twice,
    /// It and all behind it arrive later.
    Delay(Duration),
    /// It alone arrives later, so that others overtake it: more than libproc allows.
    Overtaken(Duration),
}

type Judge = Box<dyn FnMut(&Passing) -> Verdict + Send>;

#[derive(Default)]
pub(crate) struct Network {
    connections: BTreeMap<u64, Line>,
    next: u64,
    /// Pairs of machines between which nothing passes, and since when.
    cuts: BTreeMap<(usize, usize), u64>,
    dead: BTreeSet<usize>,
    pub(crate) judge: Option<Judge>,
}

/// One connection.
struct Line {
    ends: [End; 2],
    state: LineState,
    /// The side that ended it: the only one that knows while the other is cut off.
    by: Option<usize>,
    /// Ends that learnt that it ended; it is forgotten when both did.
    told: [bool; 2],
    /// What a partition holds up, in the order of departure.
    held: BTreeMap<u64, (usize, Bytes)>,
    departed: u64,
}

/// ```text
/// Open -> Finishing (one side said its last: it arrives) -> forgotten
///   \---------\----> Broken (what is under way is lost)  -> forgotten
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineState {
    Open,
    Finishing,
    Broken,
}

struct End {
    machine: usize,
    node: Node,
    connection: Arc<OnceLock<Arc<Connection>>>,
    /// When the last frame towards this end arrives: order is kept.
    last: u64,
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

impl Network {
    pub(crate) fn revive(&mut self, machine: usize) {
        self.dead.remove(&machine);
    }

    pub(super) fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cuts.contains_key(&pair(a, b))
    }

    /// When a connection between two machines has been silent for too long, if they are cut off.
    fn given_up(&self, a: usize, b: usize) -> Option<u64> {
        let since = self.cuts.get(&pair(a, b))?;
        Some(since + SILENCE.as_nanos() as u64)
    }

    fn between(&self, a: usize, b: Option<usize>) -> Vec<u64> {
        let has = |line: &Line, machine| line.ends.iter().any(|end| end.machine == machine);
        self.connections
            .iter()
            .filter(|(_, line)| has(line, a) && b.is_none_or(|b| has(line, b)))
            .map(|(id, _)| *id)
            .collect()
    }
}

impl State {
    pub(super) fn latency(&mut self) -> Duration {
        Duration::from_micros(100 + self.rng.below(1900))
    }

    /// Both ends learn, each after its own delay; what is under way is lost. `by` is the end that
    /// broke it; none if the network did.
    fn break_line(&mut self, id: u64, by: Option<usize>, why: &str) {
        match self.network.connections.get_mut(&id) {
            Some(line) if line.state != LineState::Broken => {
                line.state = LineState::Broken;
                line.by = by;
            }
            _ => return,
        }
        for side in 0..2 {
            let after = self.now + self.latency().as_nanos() as u64;
            self.tell_later(id, side, after, why);
        }
    }

    /// One end has said its last: the other learns behind it.
    fn finish_line(&mut self, id: u64, by: usize, why: &str) {
        match self.network.connections.get_mut(&id) {
            Some(line) if line.state == LineState::Open => {
                line.state = LineState::Finishing;
                line.by = Some(by);
            }
            _ => return,
        }
        for side in [by, 1 - by] {
            self.tell_behind(id, side, why);
        }
    }

    /// A line that no node took.
    pub(super) fn forget_line(&mut self, id: u64) {
        self.network.connections.remove(&id);
    }

    fn tell_behind(&mut self, id: u64, side: usize, why: &str) {
        let soon = self.now + self.latency().as_nanos() as u64;
        let last = self.network.connections.get(&id).map(|line| line.ends[side].last);
        self.tell_later(id, side, soon.max(last.unwrap_or(0)), why);
    }

    fn tell_later(&mut self, connection: u64, side: usize, at: u64, why: &str) {
        let why = why.to_owned();
        let event = Event::Break { connection, side, why };
        self.schedule_at(at, event);
    }

    /// The ends on a machine that died stay behind; those of others learn.
    pub(crate) fn machine_died(&mut self, machine: usize, why: &str) {
        self.network.dead.insert(machine);
        for id in self.network.between(machine, None) {
            let line = self.network.connections.get(&id);
            let side = line.and_then(|line| line.ends.iter().position(|e| e.machine == machine));
            self.break_line(id, side, why);
        }
    }

    pub(crate) fn break_connections(&mut self, a: usize, b: usize, why: &str) {
        for id in self.network.between(a, Some(b)) {
            self.break_line(id, None, why);
        }
    }

    /// Nothing passes; a partition that lasts breaks what it stalls.
    pub(crate) fn cut(&mut self, a: usize, b: usize) {
        let now = self.now;
        self.network.cuts.entry(pair(a, b)).or_insert(now);
        let given_up = self.network.given_up(a, b).unwrap_or(now);
        let stalled = self.network.between(a, Some(b));
        for (id, number, to, frame) in self.recall(&stalled) {
            if let Some(line) = self.network.connections.get_mut(&id) {
                line.held.insert(number, (to, frame));
            }
        }
        for id in stalled {
            for side in 0..2 {
                self.tell_later(id, side, given_up, &format!("silent for {SILENCE:?}"));
            }
        }
    }

    /// What was held up arrives in the order that it left; then an end that nobody could be told
    /// of is told.
    pub(crate) fn heal(&mut self, a: usize, b: usize) {
        self.network.cuts.remove(&pair(a, b));
        for id in self.network.between(a, Some(b)) {
            let Some(line) = self.network.connections.get_mut(&id) else {
                continue;
            };
            let held = std::mem::take(&mut line.held);
            let untold = (0..2).filter(|side| !line.told[*side]);
            let untold: Vec<usize> = match line.state {
                LineState::Open => Vec::new(),
                LineState::Finishing | LineState::Broken => untold.collect(),
            };
            for (number, (to, frame)) in held {
                self.carry(id, number, to, frame, Duration::ZERO, true);
            }
            for side in untold {
                self.tell_behind(id, side, "connection reset");
            }
        }
    }

    fn carry(
        &mut self,
        id: u64,
        number: u64,
        to: usize,
        frame: Bytes,
        extra: Duration,
        ordered: bool,
    ) {
        let latency = self.latency() + extra;
        let arrives = self.now + latency.as_nanos() as u64;
        let Some(line) = self.network.connections.get_mut(&id) else {
            return;
        };
        let end = &mut line.ends[to];
        let arrives = if ordered { arrives.max(end.last) } else { arrives };
        if ordered {
            end.last = arrives;
        }
        self.schedule_at(arrives, Event::Arrive { connection: id, number, to, frame });
    }

    /// One frame leaves one end.
    fn depart(&mut self, id: u64, from: usize, frame: Bytes) {
        let to = 1 - from;
        let Some(line) = self.network.connections.get_mut(&id) else {
            return;
        };
        let (here, there) = (line.ends[from].machine, line.ends[to].machine);
        if line.state != LineState::Open || self.network.dead.contains(&here) {
            return;
        }
        line.departed += 1;
        let number = line.departed;
        if self.network.cuts.contains_key(&pair(here, there)) {
            line.held.insert(number, (to, frame));
            return;
        }
        let verdict = self.verdict(here, there, &frame);
        match verdict {
            Verdict::Pass => self.carry(id, number, to, frame, Duration::ZERO, true),
            Verdict::Drop => {}
            Verdict::Twice => {
                self.carry(id, number, to, frame.clone(), Duration::ZERO, true);
                if let Some(line) = self.network.connections.get_mut(&id) {
                    line.departed += 1;
                }
                self.carry(id, number + 1, to, frame, Duration::ZERO, true);
            }
            Verdict::Delay(by) => self.carry(id, number, to, frame, by, true),
            Verdict::Overtaken(by) => self.carry(id, number, to, frame, by, false),
        }
    }

    fn verdict(&mut self, here: usize, there: usize, frame: &Bytes) -> Verdict {
        let Some(judge) = self.network.judge.as_mut() else {
            return Verdict::Pass;
        };
        let name =
            |machine: usize| self.machines.get(machine).map_or(String::new(), |m| m.name.clone());
        match Envelope::decode(frame.slice(4..)) {
            Ok(Envelope::Send { header, payload } | Envelope::Ask { header, payload, .. }) => {
                judge(&Passing {
                    from: name(here),
                    to: name(there),
                    wire: header.wire,
                    variant: header.variant,
                    payload,
                })
            }
            _ => Verdict::Pass,
        }
    }
}

impl Shared {
    pub(crate) fn arrive(self: &Arc<Self>, id: u64, to: usize, frame: Bytes) {
        let (node, connection) = {
            let mut state = lock(&self.state);
            let network = &mut state.network;
            let Some(line) = network.connections.get_mut(&id) else {
                return;
            };
            let deaf = line.told[to] || network.dead.contains(&line.ends[to].machine);
            if deaf || line.state == LineState::Broken {
                return;
            }
            let end = &line.ends[to];
            let Some(connection) = end.connection.get().cloned() else {
                return;
            };
            (end.node.clone(), connection)
        };
        // The prefix is of TCP's concern.
        if let Err(error) = node.received(&connection, frame.slice(4..)) {
            node.counters().broken_connections.fetch_add(1, Relaxed);
            lock(&self.state).break_line(id, Some(to), &format!("broken frame: {error}"));
        }
    }

    pub(crate) fn broken(self: &Arc<Self>, id: u64, side: usize, why: &str) {
        let told = {
            let mut state = lock(&self.state);
            let (now, silence) = (state.now, SILENCE.as_nanos() as u64);
            let network = &mut state.network;
            let Some(line) = network.connections.get_mut(&id) else {
                return;
            };
            if line.told[side] {
                return;
            }
            let (a, b) = (line.ends[0].machine, line.ends[1].machine);
            let given_up = network.cuts.get(&pair(a, b)).map(|since| since + silence);
            let silent = given_up.is_some_and(|at| now >= at);
            let knows = line.by.is_none_or(|by| by == side) || given_up.is_none();
            match line.state {
                // Told by a partition that healed in time, or by an earlier one.
                LineState::Open if !silent => return,
                LineState::Open => line.state = LineState::Broken,
                // Cut off from the side that ended it: told when the partition ends or lasted.
                LineState::Finishing | LineState::Broken if !knows && !silent => return,
                LineState::Finishing | LineState::Broken => {}
            }
            let end = &line.ends[side];
            let dead = network.dead.contains(&end.machine);
            let told =
                end.connection.get().cloned().map(|connection| (end.node.clone(), connection));
            line.told[side] = true;
            if line.told == [true; 2] {
                network.connections.remove(&id);
            }
            told.filter(|_| !dead)
        };
        if let Some((node, connection)) = told {
            node.disconnected(&connection, why);
        }
    }
}

/// One end's way out.
pub(super) struct SimOutbox {
    pub(super) shared: Arc<Shared>,
    pub(super) id: u64,
    pub(super) side: usize,
    pub(super) node: Node,
}

impl Outbox for SimOutbox {
    fn push(&self, _: Lane, frame: Bytes) {
        if self.node.may_write() {
            lock(&self.shared.state).depart(self.id, self.side, frame);
        }
    }

    fn close(&self, why: &str) {
        lock(&self.shared.state).break_line(self.id, Some(self.side), why);
    }

    fn finish(&self, why: &str) {
        lock(&self.shared.state).finish_line(self.id, self.side, why);
    }
}

pub(super) type LateConnection = Arc<OnceLock<Arc<Connection>>>;

pub(super) fn open_line(
    shared: &Arc<Shared>,
    ends: [(usize, Node); 2],
) -> (u64, [LateConnection; 2]) {
    let mut state = lock(&shared.state);
    let network = &mut state.network;
    network.next += 1;
    let id = network.next;
    let doors: [LateConnection; 2] = Default::default();
    let [(here, node), (there, other)] = ends;
    let end = |machine, node, connection| End { machine, node, connection, last: 0 };
    let ends = [end(here, node, doors[0].clone()), end(there, other, doors[1].clone())];
    network.connections.insert(
        id,
        Line {
            ends,
            state: LineState::Open,
            by: None,
            told: [false; 2],
            held: BTreeMap::new(),
            departed: 0,
        },
    );
    (id, doors)
}
