//! One connection between two machines: its frames, and how each end learns of its end.

use super::engine::{Event, Shared, State};
use super::filter::{Passing, Verdict};
use super::network::SILENT_KEEPALIVES;
use crate::net::{next_frame, Outbox, Taken, Transport};
use crate::node::{lock, Connection, Incoming, Node};
use crate::wire::{cost, Envelope, Route, MAX_FRAME, PREFIX};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

pub(super) struct Line {
    pub(super) ends: [End; 2],
    pub(super) state: LineState,
    /// The side that ended it: the only one that knows while the other is cut off.
    by: Option<usize>,
    /// Ends that learnt that it ended; it is forgotten when both did.
    pub(super) told: [bool; 2],
    /// What a cut holds up, in the order of departure.
    pub(super) held: BTreeMap<u64, (usize, Bytes)>,
    departed: u64,
    /// Since when it carries nothing, without anybody having been told.
    pub(super) dead_since: Option<u64>,
    /// The side whose machine lost power: once it is back it knows of no such connection.
    pub(super) left_by: Option<usize>,
    /// Requests under way, so that a filter can tell an answer's type: type and variant.
    asked: BTreeMap<(usize, u64), (String, String)>,
}

/// ```text
/// Open -> Finishing (one side said its last: it arrives) -> forgotten
///   \---------\----> Broken (what is under way is lost)  -> forgotten
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineState {
    Open,
    Finishing,
    Broken,
}

pub(super) struct End {
    pub(super) machine: usize,
    node: Node,
    connection: LateConnection,
    /// When the last frame towards this end arrives: order is kept.
    last: u64,
    /// Until when the way towards this end is full.
    busy: u64,
    incoming: Arc<Mutex<Incoming>>,
}

impl End {
    /// For how long its node bears to hear nothing.
    pub(super) fn silence(&self) -> Duration {
        self.node.config().keepalive * SILENT_KEEPALIVES
    }
}

impl State {
    /// Both ends learn, each after its own delay; what is under way is lost. `by` is the end that
    /// broke it; none if the network did.
    pub(super) fn break_line(&mut self, id: u64, by: Option<usize>, why: &str) {
        match self.network.lines.get_mut(&id) {
            Some(line) if line.state != LineState::Broken => {
                line.state = LineState::Broken;
                line.by = by;
            }
            _ => return,
        }
        for side in 0..2 {
            let after = self.now + self.latency_to(id, side).as_nanos() as u64;
            self.tell_later(id, side, after, why);
        }
    }

    /// One end has said its last: the other learns behind it.
    fn finish_line(&mut self, id: u64, by: usize, why: &str) {
        match self.network.lines.get_mut(&id) {
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
        self.network.lines.remove(&id);
    }

    pub(super) fn tell_behind(&mut self, id: u64, side: usize, why: &str) {
        let soon = self.now + self.latency_to(id, side).as_nanos() as u64;
        let last = self.network.lines.get(&id).map(|line| line.ends[side].last);
        self.tell_later(id, side, soon.max(last.unwrap_or(0)), why);
    }

    fn tell_later(&mut self, connection: u64, side: usize, at: u64, why: &str) {
        let why = why.to_owned();
        self.schedule_at(at, Event::Break { connection, side, why });
    }

    fn latency_to(&mut self, id: u64, side: usize) -> Duration {
        let line = self.network.lines.get(&id);
        match line.map(|line| (line.ends[1 - side].machine, line.ends[side].machine)) {
            Some((from, to)) => self.network.latency(from, to),
            None => Duration::ZERO,
        }
    }

    pub(super) fn carry(
        &mut self,
        id: u64,
        number: u64,
        to: usize,
        frame: Bytes,
        extra: Duration,
        ordered: bool,
    ) {
        let latency = (self.latency_to(id, to) + extra).as_nanos() as u64;
        let now = self.now;
        let Some(line) = self.network.lines.get_mut(&id) else {
            return;
        };
        let (here, there) = (line.ends[1 - to].machine, line.ends[to].machine);
        let leaving = self.network.conditions(here, there).leaving(frame.len());
        let Some(line) = self.network.lines.get_mut(&id) else {
            return;
        };
        let end = &mut line.ends[to];
        end.busy = end.busy.max(now) + leaving.as_nanos() as u64;
        let mut arrives = end.busy + latency;
        if ordered {
            arrives = arrives.max(end.last);
            end.last = arrives;
        }
        self.schedule_at(arrives, Event::Arrive { connection: id, number, to, frame });
    }

    /// One frame leaves one end. Gives the credit that a lost message takes, and for whom.
    fn depart(&mut self, id: u64, from: usize, frame: Bytes) -> Option<(String, u64)> {
        let to = 1 - from;
        let line = self.network.lines.get_mut(&id)?;
        let (here, there) = (line.ends[from].machine, line.ends[to].machine);
        if line.state != LineState::Open || self.network.dead.contains(&here) {
            return None;
        }
        if line.dead_since.is_some() {
            // A machine that is back answers what it does not know with a reset.
            let left = line.left_by == Some(to) && !self.network.dead.contains(&there);
            if left && !self.network.is_cut(here, there) && !self.network.is_cut(there, here) {
                self.break_line(id, None, "connection reset");
            }
            self.note_lost(here, there, &frame, "the connection is dead");
            return None;
        }
        line.departed += 1;
        let number = line.departed;
        if self.network.cuts.contains_key(&(here, there)) {
            line.held.insert(number, (to, frame));
            return None;
        }
        match self.verdict(id, from, &frame) {
            Verdict::Pass => self.carry(id, number, to, frame, Duration::ZERO, true),
            Verdict::Drop => {
                self.note_lost(here, there, &frame, "a filter dropped it");
                return match Seen::of(&frame) {
                    Some(Seen::Message { receiver, passing, .. }) => {
                        Some((receiver, cost(passing.payload.len())))
                    }
                    _ => None,
                };
            }
            Verdict::Twice => {
                self.carry(id, number, to, frame.clone(), Duration::ZERO, true);
                if let Some(line) = self.network.lines.get_mut(&id) {
                    line.departed += 1;
                }
                self.carry(id, number + 1, to, frame, Duration::ZERO, true);
            }
            Verdict::Delay(by) => self.carry(id, number, to, frame, by, true),
            Verdict::Overtaken(by) => self.carry(id, number, to, frame, by, false),
        }
        None
    }

    fn verdict(&mut self, id: u64, from: usize, frame: &Bytes) -> Verdict {
        if self.network.filters.is_empty() {
            return Verdict::Pass;
        }
        let Some(line) = self.network.lines.get_mut(&id) else {
            return Verdict::Pass;
        };
        let machine =
            |side: usize| self.machines.get(line.ends[side].machine).map(|m| m.name.to_string());
        let (here, there) = (machine(from), machine(1 - from));
        let mut passing = match Seen::of(frame) {
            Some(Seen::Message { asked, passing, .. }) => {
                if let Some(request) = asked {
                    let name = (passing.wire.clone(), passing.variant.clone());
                    line.asked.insert((from, request), name);
                }
                passing
            }
            Some(Seen::Answer { to, payload }) => match line.asked.remove(&(1 - from, to)) {
                Some((wire, variant)) => {
                    Passing { answer: true, ..Passing::new(wire, variant, payload) }
                }
                None => return Verdict::Pass,
            },
            None => return Verdict::Pass,
        };
        passing.from = here.unwrap_or_default();
        passing.to = there.unwrap_or_default();
        self.network.filters.judge(&passing)
    }

    /// The log says what became of a message that does not arrive.
    pub(super) fn note_lost(&mut self, from: usize, to: usize, frame: &Bytes, why: &str) {
        let what = match Seen::of(frame) {
            Some(Seen::Message { passing, sender, receiver, .. }) => {
                format!("{}.{} of {sender} to {receiver}", passing.wire, passing.variant)
            }
            Some(Seen::Answer { .. }) => "an answer".to_owned(),
            None => return,
        };
        let name = |machine: usize| self.machines.get(machine).map_or("", |m| &*m.name);
        let line = format!("lost {} -> {}: {what}: {why}", name(from), name(to));
        self.note(line);
    }
}

#[cfg(test)]
impl super::Sim {
    /// A frame that no node wrote comes to one node over its connection with another.
    pub(crate) fn forge(&mut self, from: &Node, to: &Node, frame: &[u8]) {
        let mut state = lock(&self.shared.state);
        let is_it = |line: &Line, side: usize| {
            line.ends[side].node.id() == to.id() && line.ends[1 - side].node.id() == from.id()
        };
        let side = |line: &Line| (0..2).find(|side| is_it(line, *side));
        let found = state.network.lines.iter().find_map(|(id, line)| Some((*id, side(line)?)));
        if let Some((id, to)) = found {
            let frame = Bytes::copy_from_slice(frame);
            state.carry(id, 0, to, frame, Duration::ZERO, true);
        }
    }
}

/// What a frame is to filters and to the log: what processes say to each other, and nothing else.
enum Seen {
    Message { sender: String, receiver: String, asked: Option<u64>, passing: Passing },
    Answer { to: u64, payload: Bytes },
}

impl Seen {
    fn of(frame: &Bytes) -> Option<Self> {
        let (header, payload, asked) = match Envelope::decode(frame).ok()? {
            Envelope::Send { header, payload } => (header, payload, None),
            Envelope::Ask { id, header, payload, .. } => (header, payload, Some(id)),
            Envelope::Answer { id, payload } => {
                return Some(Seen::Answer { to: id, payload: frame.slice_ref(payload) })
            }
            _ => return None,
        };
        // Here each frame names its route itself.
        let Route::Named(_, names) = header.route else {
            return None;
        };
        let (wire, variant) = (names.wire.to_owned(), names.variant.to_owned());
        let passing = Passing::new(wire, variant, frame.slice_ref(payload));
        let (sender, receiver) = (names.from.to_owned(), names.to.to_owned());
        Some(Seen::Message { sender, receiver, asked, passing })
    }
}

impl Shared {
    pub(crate) fn arrive(self: &Arc<Self>, id: u64, to: usize, frame: Bytes) {
        let (node, connection, incoming) = {
            let mut state = lock(&self.state);
            let network = &mut state.network;
            let Some(line) = network.lines.get_mut(&id) else {
                return;
            };
            let end = &line.ends[to];
            let deaf = line.told[to] || network.dead.contains(&end.machine);
            let lost = deaf || line.state == LineState::Broken || line.dead_since.is_some();
            let (here, there) = (line.ends[1 - to].machine, end.machine);
            let taker = (end.node.clone(), end.connection.get().cloned(), end.incoming.clone());
            match taker {
                (node, Some(connection), incoming) if !lost => (node, connection, incoming),
                _ => return state.note_lost(here, there, &frame, "the connection broke"),
            }
        };
        let taken = node.received_whole(&connection, &mut lock(&incoming), &frame);
        if let Err(error) = taken {
            node.count_broken();
            lock(&self.state).break_line(id, Some(to), &format!("broken frame: {error}"));
        }
    }

    /// One end may have heard nothing for too long.
    pub(crate) fn silent(self: &Arc<Self>, id: u64, side: usize) {
        let silence =
            lock(&self.state).network.lines.get(&id).map(|line| line.ends[side].silence());
        if let Some(silence) = silence {
            self.broken(id, side, &format!("silent for {silence:?}"));
        }
    }

    /// One end may have a reason to think that the connection is no more: it is told, if it has.
    pub(crate) fn broken(self: &Arc<Self>, id: u64, side: usize, why: &str) {
        let told = {
            let mut state = lock(&self.state);
            let now = state.now;
            let Some(line) = state.network.lines.get(&id).filter(|line| !line.told[side]) else {
                return;
            };
            let limit = line.ends[side].silence().as_nanos() as u64;
            let silent = state.silent_since(line, side).is_some_and(|since| now >= since + limit);
            // News of an end travels from the side that ended it.
            let (here, there) = (line.ends[side].machine, line.ends[1 - side].machine);
            let reached = line.dead_since.is_none() && !state.network.is_cut(there, here);
            let knows = line.by.is_none_or(|by| by == side) || reached;
            let open = line.state == LineState::Open;
            // Told of a cut that was mended in time, of an earlier one, or by nobody yet.
            if !silent && (open || !knows) {
                return;
            }
            if open {
                state.break_line(id, Some(side), why);
            }
            let network = &mut state.network;
            let Some(line) = network.lines.get_mut(&id) else {
                return;
            };
            let end = &line.ends[side];
            let dead = network.dead.contains(&end.machine);
            let told =
                end.connection.get().cloned().map(|connection| (end.node.clone(), connection));
            line.told[side] = true;
            if line.told == [true; 2] {
                network.lines.remove(&id);
            }
            told.filter(|_| !dead)
        };
        if let Some((node, connection)) = told {
            node.disconnected(&connection, why);
        }
    }
}

/// One end's way out: each frame departs by itself, as soon as it is queued.
pub(super) struct SimTransport {
    pub(super) shared: Arc<Shared>,
    pub(super) id: u64,
    pub(super) side: usize,
    pub(super) node: Node,
}

impl SimTransport {
    fn depart(&self, mut frames: &[u8], outbox: &Outbox) {
        while let Ok(Some(frame)) = next_frame(frames, MAX_FRAME) {
            frames = &frames[PREFIX + frame.len()..];
            if !self.node.may_write() {
                return;
            }
            let frame = Bytes::copy_from_slice(frame);
            let lost = lock(&self.shared.state).depart(self.id, self.side, frame);
            if let Some((to, cost)) = lost {
                outbox.granted(&to, cost);
            }
        }
    }
}

impl Transport for SimTransport {
    fn wake(&self, outbox: &Outbox) {
        let mut frames = Vec::new();
        loop {
            match outbox.take(&mut frames) {
                Taken::Frames => self.depart(&frames, outbox),
                Taken::Closed(why) => return self.close(&why),
                Taken::Nothing | Taken::Unfinished(_) | Taken::Finished(_) => return,
            }
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

/// A new connection; the first end is the one that dialled.
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
    let end = |machine, node, connection| End {
        machine,
        node,
        connection,
        last: 0,
        busy: 0,
        incoming: Arc::default(),
    };
    let ends = [end(here, node, doors[0].clone()), end(there, other, doors[1].clone())];
    let line = Line {
        ends,
        state: LineState::Open,
        by: None,
        told: [false; 2],
        held: BTreeMap::new(),
        departed: 0,
        dead_since: None,
        left_by: None,
        asked: BTreeMap::new(),
    };
    network.lines.insert(id, line);
    if let Some(lives) = network.lifetime(here, there) {
        state.schedule(lives, Event::Snap { connection: id });
    }
    (id, doors)
}
