//! The simulated network: connections that keep order, take time, stall when something is cut, fall
//! silent and break. Where machines are and how ways between them are is here; one connection's
//! life is in `line.rs`.

use super::conditions::Conditions;
use super::engine::{Event, State};
use super::filter::Filters;
use super::line::{Line, LineState};
use super::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A connection over which nothing comes for so many times an end's keepalive breaks, as the TCP
/// transport's does.
pub(super) const SILENT_KEEPALIVES: u32 = 4;

/// From a machine to another.
pub(super) type Way = (usize, usize);

#[derive(Default)]
pub(crate) struct Network {
    seed: u64,
    pub(super) lines: BTreeMap<u64, Line>,
    pub(super) next: u64,
    /// Ways on which nothing passes, and since when.
    pub(super) cuts: BTreeMap<Way, u64>,
    pub(super) dead: BTreeSet<usize>,
    everywhere: Conditions,
    ways: BTreeMap<Way, Conditions>,
    /// What comes on top of a latency while a fault lasts.
    slowed: BTreeMap<Way, Duration>,
    streams: BTreeMap<Way, Rng>,
    pub(super) filters: Filters,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Network { seed, ..Network::default() }
    }

    pub(crate) fn revive(&mut self, machine: usize) {
        self.dead.remove(&machine);
    }

    pub(super) fn is_cut(&self, from: usize, to: usize) -> bool {
        self.cuts.contains_key(&(from, to))
    }

    pub(super) fn set_conditions(&mut self, way: Option<Way>, conditions: Conditions) {
        match way {
            None => {
                self.everywhere = conditions;
                self.ways.clear();
            }
            Some(way) => {
                self.ways.insert(way, conditions);
            }
        }
    }

    pub(super) fn conditions(&self, from: usize, to: usize) -> Conditions {
        self.ways.get(&(from, to)).copied().unwrap_or(self.everywhere)
    }

    pub(super) fn slow(&mut self, way: Way, by: Option<Duration>) {
        match by {
            Some(by) => self.slowed.insert(way, by),
            None => self.slowed.remove(&way),
        };
    }

    /// How long a frame takes, drawn from that way's own stream.
    pub(super) fn latency(&mut self, from: usize, to: usize) -> Duration {
        let conditions = self.conditions(from, to);
        let slowed = self.slowed.get(&(from, to)).copied().unwrap_or_default();
        slowed + conditions.latency.draw(self.stream(from, to))
    }

    fn stream(&mut self, from: usize, to: usize) -> &mut Rng {
        let number = ((from as u64) << 32) | to as u64;
        let seed = self.seed;
        self.streams.entry((from, to)).or_insert_with(|| Rng::stream(seed, 4, number))
    }

    /// When the network will break a new connection, if it will.
    pub(super) fn lifetime(&mut self, from: usize, to: usize) -> Option<Duration> {
        let lifetime = self.conditions(from, to).lifetime?;
        Some(lifetime.draw(self.stream(from, to)))
    }

    /// Connections of a machine, to one other or to any.
    pub(super) fn between(&self, a: usize, b: Option<usize>) -> Vec<u64> {
        let has = |line: &Line, machine| line.ends.iter().any(|end| end.machine == machine);
        self.lines
            .iter()
            .filter(|(_, line)| has(line, a) && b.is_none_or(|b| has(line, b)))
            .map(|(id, _)| *id)
            .collect()
    }
}

impl State {
    /// The ends on a machine that died stay behind; those of others learn, at once or by silence.
    pub(crate) fn machine_died(&mut self, machine: usize, why: &str, silently: bool) {
        self.network.dead.insert(machine);
        let now = self.now;
        for id in self.network.between(machine, None) {
            let Some(line) = self.network.lines.get_mut(&id) else {
                continue;
            };
            let side = line.ends.iter().position(|end| end.machine == machine);
            match side {
                Some(side) if silently && line.state == LineState::Open => {
                    line.dead_since.get_or_insert(now);
                    line.left_by = Some(side);
                    line.told[side] = true;
                    self.watch_silence(id, 1 - side);
                }
                _ => self.break_line(id, side, why),
            }
        }
    }

    pub(crate) fn break_connections(&mut self, a: usize, b: usize, why: &str) {
        for id in self.network.between(a, Some(b)) {
            self.break_line(id, None, why);
        }
    }

    /// The connections carry nothing more, and nobody is told.
    pub(crate) fn deaden(&mut self, a: usize, b: usize) {
        let now = self.now;
        for id in self.network.between(a, Some(b)) {
            if let Some(line) = self.network.lines.get_mut(&id) {
                line.dead_since.get_or_insert(now);
            }
            (0..2).for_each(|side| self.watch_silence(id, side));
        }
    }

    /// Nothing passes on a way; whoever hears nothing for too long gives up.
    pub(crate) fn cut(&mut self, from: usize, to: usize) {
        let now = self.now;
        self.network.cuts.entry((from, to)).or_insert(now);
        let ends: Vec<(u64, usize)> = self
            .network
            .between(from, Some(to))
            .into_iter()
            .flat_map(|id| self.sides_at(id, to).into_iter().map(move |side| (id, side)))
            .collect();
        for (id, number, side, frame) in self.recall(&ends) {
            if let Some(line) = self.network.lines.get_mut(&id) {
                line.held.insert(number, (side, frame));
            }
        }
        for (id, side) in ends {
            self.watch_silence(id, side);
        }
    }

    /// What was held up arrives in the order that it left; then an end that nobody could be told
    /// of is told.
    pub(crate) fn mend(&mut self, from: usize, to: usize) {
        self.network.cuts.remove(&(from, to));
        for id in self.network.between(from, Some(to)) {
            for side in self.sides_at(id, to) {
                let Some(line) = self.network.lines.get_mut(&id) else {
                    continue;
                };
                let held = std::mem::take(&mut line.held);
                let (free, held): (BTreeMap<_, _>, _) =
                    held.into_iter().partition(|(_, (to, _))| *to == side);
                line.held = held;
                let untold = line.state != LineState::Open && !line.told[side];
                for (number, (to, frame)) in free {
                    self.carry(id, number, to, frame, Duration::ZERO, true);
                }
                if untold {
                    self.tell_behind(id, side, "connection reset");
                }
            }
        }
    }

    /// Whoever has a connection to a machine that is paused hears nothing from it.
    pub(crate) fn watch_paused(&mut self, machine: usize) {
        for id in self.network.between(machine, None) {
            for side in self.sides_at(id, machine) {
                self.watch_silence(id, 1 - side);
            }
        }
    }

    fn sides_at(&self, id: u64, machine: usize) -> Vec<usize> {
        let line = self.network.lines.get(&id);
        let at = |side: &usize| line.is_some_and(|line| line.ends[*side].machine == machine);
        (0..2).filter(at).collect()
    }

    /// Since when nothing has come to one end of a connection, if something keeps it away.
    pub(super) fn silent_since(&self, line: &Line, side: usize) -> Option<u64> {
        let (here, there) = (line.ends[side].machine, line.ends[1 - side].machine);
        let cut = self.network.cuts.get(&(there, here)).copied();
        let paused = self.machines.get(there).and_then(|machine| machine.paused);
        [cut, paused, line.dead_since].into_iter().flatten().min()
    }

    /// Has one end look, once it has heard nothing for too long.
    pub(super) fn watch_silence(&mut self, id: u64, side: usize) {
        let Some(line) = self.network.lines.get(&id) else {
            return;
        };
        if let Some(since) = self.silent_since(line, side) {
            let at = since + line.ends[side].silence().as_nanos() as u64;
            self.schedule_at(at, Event::Silence { connection: id, side });
        }
    }
}
