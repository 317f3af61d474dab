//! What goes out to other nodes.

use super::peers::Connection;
use super::{lock, Node};
use crate::frame::{Meta, Signal};
use crate::id::{Address, NodeId, ProcessId};
use crate::net::{Message, NotSent, Way, BACKLOG, LOSSY_BACKLOG};
use crate::process::{Exit, Reason};
use crate::remote::{Overflow, Remote};
use crate::reply::{AskError, Reply};
use crate::telemetry;
use crate::trace::TraceState;
use crate::wire::{self, Envelope, Wire};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

impl Node {
    /// One way, at most once: to a process of this node without serialization, else over the
    /// connection to its node; without one it is dropped and counted.
    pub(crate) fn send<W: Wire>(
        &self,
        to: &Remote<W>,
        variant: &'static str,
        message: W,
        meta: Meta,
    ) {
        let name = wire::wire_type::<W>().name;
        if to.address().node == self.id() {
            let taken = match self.process(to.address().id.as_str()) {
                Some(entry) => entry.door.admit_local(name, Box::new(message), meta),
                None => false,
            };
            if !taken {
                self.count_dropped();
            }
            return;
        }
        let Some(connection) = lock(&self.0.peers).get(to.address().node) else {
            self.count_dropped();
            return;
        };
        let from = self.sender_of(&meta);
        let way = Way { to: &to.address().id, from, wire: name, variant };
        let outgoing =
            Message { way, ask: None, trace: meta.trace(), state: state_of(&meta), room: room(to) };
        let sent = connection.outbox.message(&outgoing, |out| wire::encode_into(&message, out));
        match sent {
            Ok(()) => {
                self.counters().sent.fetch_add(1, Relaxed);
            }
            Err(error) => {
                self.count_dropped();
                self.not_sent(&connection, to.address(), &error, (name, variant), to.overflow());
            }
        }
    }

    /// A request to another node, or, by the same way, to a process of this one.
    pub(crate) fn ask<W: Wire, T: Wire>(
        &self,
        to: &Remote<W>,
        variant: &'static str,
        request: W,
        within: Duration,
        meta: Meta,
        reply: Reply<T>,
    ) {
        let name = wire::wire_type::<W>().name;
        let decoded = reply.decoding();
        if to.address().node == self.id() {
            let payload = match wire::encode(&request) {
                Ok(payload) => payload,
                Err(error) => return decoded(Err(AskError::Malformed(error.to_string()))),
            };
            // Dropped with no process to take it, the reply is abandoned.
            let reply = Reply::new(|outcome: Result<bytes::Bytes, _>| {
                decoded(outcome.as_deref().map_err(AskError::clone));
            });
            if let Some(entry) = self.process(to.address().id.as_str()) {
                let entrance = entry.door.entrance(name, variant, self.local_peer());
                if let Err(error) = entrance.ask(&payload, meta.weighing(payload.len()), reply) {
                    tracing::warn!(%error, wire = name, variant, "request refused on this node");
                }
            }
            return;
        }
        let Some(connection) = lock(&self.0.peers).get(to.address().node) else {
            decoded(Err(AskError::Disconnected));
            return;
        };
        let id = match connection.expect(Box::new(decoded)) {
            Ok(id) => id,
            Err(decoded) => return decoded(Err(AskError::Disconnected)),
        };
        let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        let from = self.sender_of(&meta);
        let way = Way { to: &to.address().id, from, wire: name, variant };
        let ask = Some((id, within_ms));
        let outgoing =
            Message { way, ask, trace: meta.trace(), state: state_of(&meta), room: room(to) };
        let asked = connection.outbox.message(&outgoing, |out| wire::encode_into(&request, out));
        if let Err(error) = asked {
            if let Some(decoded) = connection.answered(id) {
                decoded(Err(match &error {
                    NotSent::Encode(cause) => AskError::Malformed(cause.to_string()),
                    NotSent::TooLarge(_) => AskError::Malformed(error.to_string()),
                    NotSent::Ended | NotSent::Full => AskError::Disconnected,
                }));
            }
            self.not_sent(&connection, to.address(), &error, (name, variant), to.overflow());
        }
    }

    fn sender_of<'a>(&'a self, meta: &'a Meta) -> &'a ProcessId {
        meta.from.address().map_or(&self.0.nobody, |address| &address.id)
    }

    fn not_sent(
        &self,
        connection: &Connection,
        to: &Address,
        error: &NotSent,
        (wire, variant): (&'static str, &'static str),
        overflow: Overflow,
    ) {
        match error {
            NotSent::Ended => {}
            NotSent::Encode(_) | NotSent::TooLarge(_) => {
                tracing::error!(%error, %to, wire, variant, "message not sent");
            }
            NotSent::Full => {
                self.counters().overflowed.fetch_add(1, Relaxed);
                let kept = overflow == Overflow::Drop || telemetry::is_sign_of_life(variant);
                tracing::debug!(%to, wire, variant, kept, "too much waits for a slow process");
                if !kept {
                    self.give_up(connection, to);
                }
            }
        }
    }

    /// A process takes too little of what it is sent: what waits for it is thrown away, and
    /// whoever is linked to it is told, as is the process itself where it is linked to any of this
    /// node: so that neither side takes what comes later for the whole.
    fn give_up(&self, connection: &Connection, to: &Address) {
        let discarded = connection.outbox.discard(to.id.as_str());
        self.counters().dropped.fetch_add(discarded.messages, Relaxed);
        for id in discarded.asks {
            if let Some(decoded) = connection.answered(id) {
                decoded(Err(AskError::Disconnected));
            }
        }
        let (watchers, watched) = {
            let mut links = lock(&self.0.links);
            (links.unwatch_all(to), links.unwatched_all_by(to.node, &to.id))
        };
        tracing::warn!(%to, messages = discarded.messages, "given up: it handles too little");
        for (watcher, door) in watchers {
            connection.unlink(&watcher, &to.id);
            let reason = Reason::Unreachable(format!("more than {BACKLOG} bytes wait for it"));
            door.signal(Signal::Exited(Exit { who: to.clone(), reason }));
        }
        // Behind what it was sent before, ahead of what comes later: where the gap is.
        let reason = Reason::Unreachable(format!("more than {BACKLOG} bytes waited for {}", to.id));
        for target in watched {
            self.tell_exit(to.node, to.id.clone(), &target, &reason);
        }
    }

    pub(crate) fn tell_exit(
        &self,
        node: NodeId,
        watcher: ProcessId,
        who: &ProcessId,
        reason: &Reason,
    ) {
        let Some(connection) = lock(&self.0.peers).get(node) else {
            return;
        };
        let (code, detail) = code_of(reason);
        let (to, target) = (watcher.as_str(), who.as_str());
        let exited = Envelope::Exited { watcher: to, target, code, detail };
        // Of a connection that has ended every link fires.
        let _ = connection.follow(&watcher, &exited);
    }
}

fn room<W: Wire>(to: &Remote<W>) -> usize {
    match to.overflow() {
        Overflow::Exit => BACKLOG,
        Overflow::Drop => LOSSY_BACKLOG,
    }
}

fn state_of(meta: &Meta) -> &TraceState {
    meta.state().unwrap_or(&TraceState::NONE)
}

fn code_of(reason: &Reason) -> (u8, &str) {
    match reason {
        Reason::Normal => (0, ""),
        Reason::Stopped(why) => (1, why),
        Reason::Panicked(what) => (2, what),
        Reason::Unreachable(why) => (3, why),
        Reason::NoProcess => (4, ""),
    }
}

/// A code of a newer version counts as stopped: the process is gone either way.
pub(super) fn reason_of(code: u8, detail: &str) -> Reason {
    let detail = detail.to_owned();
    match code {
        0 => Reason::Normal,
        2 => Reason::Panicked(detail),
        3 => Reason::Unreachable(detail),
        4 => Reason::NoProcess,
        _ => Reason::Stopped(detail),
    }
}
