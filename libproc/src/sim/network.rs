//! The simulated network: connections that keep order, take time, stall under a partition and
//! break.

use super::engine::{Event, Shared, State};
use super::machine::sleep;
use crate::net::handshake::{self, Hello, PROTOCOL};
use crate::net::{DialError, Handshaken, Target};
use crate::node::{lock, Connection, Node, Outbox};
use crate::peer::Peer;
use crate::wire::{Envelope, Lane};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
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
    cuts: BTreeSet<(usize, usize)>,
    dead: BTreeSet<usize>,
    pub(crate) judge: Option<Judge>,
}

/// One connection: two ends, and when the last frame towards each arrives.
struct Line {
    ends: [End; 2],
    open: bool,
    /// Ends that learnt that it broke; it is forgotten when both did.
    told: [bool; 2],
    held: Vec<(usize, Bytes)>,
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
    pub(crate) fn kill(&mut self, machine: usize) {
        self.dead.insert(machine);
    }

    pub(crate) fn revive(&mut self, machine: usize) {
        self.dead.remove(&machine);
    }

    pub(crate) fn cut(&mut self, a: usize, b: usize) {
        self.cuts.insert(pair(a, b));
    }

    fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cuts.contains(&pair(a, b))
    }

    fn between(&self, a: usize, b: Option<usize>) -> Vec<u64> {
        let has = |line: &Line, machine| line.ends.iter().any(|end| end.machine == machine);
        self.connections
            .iter()
            .filter(|(_, line)| line.open && has(line, a) && b.is_none_or(|b| has(line, b)))
            .map(|(id, _)| *id)
            .collect()
    }
}

impl State {
    fn latency(&mut self) -> Duration {
        Duration::from_micros(100 + self.rng.below(1900))
    }

    /// Both ends learn, each after its own delay.
    fn break_line(&mut self, id: u64, why: &str) {
        match self.network.connections.get_mut(&id) {
            Some(line) if line.open => line.open = false,
            _ => return,
        }
        for side in 0..2 {
            let after = self.latency();
            self.schedule(
                after,
                Event::Break {
                    connection: id,
                    side,
                    why: why.to_owned(),
                },
            );
        }
    }

    pub(crate) fn break_connections(&mut self, a: usize, b: Option<usize>, why: &str) {
        for id in self.network.between(a, b) {
            self.break_line(id, why);
        }
    }

    /// A partition that lasts breaks what it stalls.
    pub(crate) fn break_later(&mut self, a: usize, b: usize) {
        for id in self.network.between(a, Some(b)) {
            for side in 0..2 {
                let why = format!("silent for {SILENCE:?}");
                self.schedule(
                    SILENCE,
                    Event::Break {
                        connection: id,
                        side,
                        why,
                    },
                );
            }
        }
    }

    pub(crate) fn heal(&mut self, a: usize, b: usize) {
        self.network.cuts.remove(&pair(a, b));
        for id in self.network.between(a, Some(b)) {
            let held = match self.network.connections.get_mut(&id) {
                Some(line) => std::mem::take(&mut line.held),
                None => continue,
            };
            for (to, frame) in held {
                self.carry(id, to, frame, Duration::ZERO, true);
            }
        }
    }

    fn carry(&mut self, id: u64, to: usize, frame: Bytes, extra: Duration, ordered: bool) {
        let latency = self.latency() + extra;
        let arrives = self.now + latency.as_nanos() as u64;
        let Some(line) = self.network.connections.get_mut(&id) else {
            return;
        };
        let end = &mut line.ends[to];
        let arrives = if ordered {
            arrives.max(end.last)
        } else {
            arrives
        };
        if ordered {
            end.last = arrives;
        }
        self.schedule_at(
            arrives,
            Event::Arrive {
                connection: id,
                to,
                frame,
            },
        );
    }

    /// One frame leaves one end.
    fn depart(&mut self, id: u64, from: usize, frame: Bytes) {
        let to = 1 - from;
        let Some(line) = self.network.connections.get_mut(&id) else {
            return;
        };
        let (here, there) = (line.ends[from].machine, line.ends[to].machine);
        if !line.open || self.network.dead.contains(&here) {
            return;
        }
        if self.network.cuts.contains(&pair(here, there)) {
            line.held.push((to, frame));
            return;
        }
        let verdict = self.verdict(here, there, &frame);
        match verdict {
            Verdict::Pass => self.carry(id, to, frame, Duration::ZERO, true),
            Verdict::Drop => {}
            Verdict::Twice => {
                self.carry(id, to, frame.clone(), Duration::ZERO, true);
                self.carry(id, to, frame, Duration::ZERO, true);
            }
            Verdict::Delay(by) => self.carry(id, to, frame, by, true),
            Verdict::Overtaken(by) => self.carry(id, to, frame, by, false),
        }
    }

    fn verdict(&mut self, here: usize, there: usize, frame: &Bytes) -> Verdict {
        let Some(judge) = self.network.judge.as_mut() else {
            return Verdict::Pass;
        };
        let name = |machine: usize| {
            self.machines
                .get(machine)
                .map_or(String::new(), |m| m.name.clone())
        };
        match Envelope::decode(frame.slice(4..)) {
            Ok(
                Envelope::Send { header, payload }
                | Envelope::Ask {
                    header, payload, ..
                },
            ) => judge(&Passing {
                from: name(here),
                to: name(there),
                wire: header.wire,
                variant: header.variant,
                payload,
            }),
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
            let (a, b) = (line.ends[0].machine, line.ends[1].machine);
            if !line.open || network.dead.contains(&line.ends[to].machine) {
                return;
            }
            if network.cuts.contains(&pair(a, b)) {
                line.held.push((to, frame));
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
            lock(&self.state).break_line(id, &format!("broken frame: {error}"));
        }
    }

    pub(crate) fn broken(self: &Arc<Self>, id: u64, side: usize, why: &str) {
        let told = {
            let mut state = lock(&self.state);
            let network = &mut state.network;
            let Some(line) = network.connections.get_mut(&id) else {
                return;
            };
            let (a, b) = (line.ends[0].machine, line.ends[1].machine);
            // Scheduled by a partition that healed in time.
            let healed = line.open && !network.cuts.contains(&pair(a, b));
            let end = &line.ends[side];
            let dead = network.dead.contains(&end.machine);
            if healed {
                return;
            }
            line.open = false;
            let told = end
                .connection
                .get()
                .cloned()
                .map(|connection| (end.node.clone(), connection));
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

struct SimOutbox {
    shared: Arc<Shared>,
    id: u64,
    side: usize,
    node: Node,
}

impl Outbox for SimOutbox {
    fn push(&self, _: Lane, frame: Bytes) {
        if self.node.may_write() {
            lock(&self.shared.state).depart(self.id, self.side, frame);
        }
    }

    fn close(&self, why: &str) {
        lock(&self.shared.state).break_line(self.id, why);
    }
}

/// As over TCP: two trips, both sides authenticated, then both nodes have the connection.
pub(crate) async fn dial(
    shared: Arc<Shared>,
    machine: usize,
    node: Node,
    target: Target,
) -> Result<Arc<Peer>, DialError> {
    if let Some(open) = node.connection_at(&target.address) {
        return Ok(open);
    }
    let trips = {
        let mut state = lock(&shared.state);
        state.latency() + state.latency()
    };
    sleep(&shared, trips).await;
    let unreachable = |cause: &str| DialError::Connect {
        address: target.address.clone(),
        cause: cause.into(),
    };
    let (there, other) = {
        let state = lock(&shared.state);
        let found = state
            .machines
            .iter()
            .position(|m| m.address == target.address);
        let Some(there) = found else {
            return Err(unreachable("no such host"));
        };
        if state.network.is_cut(machine, there) {
            return Err(unreachable("timed out"));
        }
        let Some(other) = state.machines.get(there).and_then(|m| m.node.clone()) else {
            return Err(unreachable("connection refused"));
        };
        (there, other)
    };
    if other.exit_reason().is_some() || other.config().listen.is_none() {
        return Err(unreachable("connection refused"));
    }
    let listens = node.config().listen.is_some();
    let hello = Hello {
        cluster: node.config().cluster.clone(),
        node: node.id(),
        principal: target.principal.clone(),
        nonce: node.uuid(),
        protocol: PROTOCOL,
        features: node.config().features.clone(),
        address: listens.then(|| node.advertised().to_owned()),
    };
    let refused = |cause: String| DialError::Refused {
        address: target.address.clone(),
        cause,
    };
    let pending = handshake::welcome(other.config(), other.id(), other.uuid(), &hello)
        .map_err(|rejection| refused(rejection.to_string()))?;
    let (peer, mac) = handshake::prove(&target, &hello, &pending.welcome)?;
    if !pending.proven(&mac) {
        return Err(refused("wrong proof".into()));
    }
    let ends = [(machine, node.clone()), (there, other.clone())];
    let (id, doors) = open_line(&shared, ends);
    let [mine, theirs] = doors;
    let outbox = |side, node| {
        Arc::new(SimOutbox {
            shared: shared.clone(),
            id,
            side,
            node,
        })
    };
    let ours = Handshaken {
        peer,
        ours: true,
        outbox: outbox(0, node.clone()),
    };
    let its = Handshaken {
        peer: pending.peer,
        ours: false,
        outbox: outbox(1, other.clone()),
    };
    let taken = other
        .connected(its)
        .map_err(|cause| refused(cause.to_string()))?;
    let _ = theirs.set(taken.clone());
    match node.connected(ours) {
        Ok(connection) => {
            let _ = mine.set(connection.clone());
            Ok(connection.peer.clone())
        }
        Err(cause) => {
            taken.close("not taken by the other side");
            Err(refused(cause.to_string()))
        }
    }
}

type LateConnection = Arc<OnceLock<Arc<Connection>>>;

fn open_line(shared: &Arc<Shared>, ends: [(usize, Node); 2]) -> (u64, [LateConnection; 2]) {
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
    };
    let ends = [
        end(here, node, doors[0].clone()),
        end(there, other, doors[1].clone()),
    ];
    network.connections.insert(
        id,
        Line {
            ends,
            open: true,
            told: [false; 2],
            held: Vec::new(),
        },
    );
    (id, doors)
}
