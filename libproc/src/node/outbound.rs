//! What goes out to other nodes.

use super::{lock, Node};
use crate::frame::Meta;
use crate::id::{NodeId, ProcessId};
use crate::process::Reason;
use crate::remote::Remote;
use crate::reply::{AskError, Reply};
use crate::wire::{self, Envelope, Header, Wire};
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
        match wire::encode(&message) {
            Ok(payload) => {
                self.counters().sent.fetch_add(1, Relaxed);
                let header = header(to.address().id.as_str(), name, variant, &meta);
                if connection.send(&Envelope::Send { header, payload }).is_err() {
                    self.count_dropped();
                }
            }
            Err(error) => {
                tracing::error!(%error, wire = name, variant, "message cannot be encoded")
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
        let payload = match wire::encode(&request) {
            Ok(payload) => payload,
            Err(error) => {
                reply.fail(AskError::Malformed(error.to_string()));
                return;
            }
        };
        let header = header(to.address().id.as_str(), name, variant, &meta);
        let decoded = reply.decoding();
        if to.address().node == self.id() {
            // Dropped with no process to take it, the reply is abandoned.
            let reply = Reply::new(decoded);
            if let Some(entry) = self.process(to.address().id.as_str()) {
                let asked = entry.door.admit_ask(&header, &payload, meta, self.local_peer(), reply);
                if let Err(error) = asked {
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
        let asked = connection.send(&Envelope::Ask { id, within_ms, header, payload });
        if let Err(error) = asked {
            if let Some(decoded) = connection.answered(id) {
                decoded(Err(AskError::Malformed(error.to_string())));
            }
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
        connection.say(&Envelope::Exited {
            watcher: watcher.to_string(),
            target: who.to_string(),
            code,
            detail,
        });
    }
}

fn header(to: &str, wire: &'static str, variant: &'static str, meta: &Meta) -> Header {
    Header {
        to: to.to_owned(),
        from: meta.from.address().map_or_else(|| "nobody".to_owned(), |a| a.id.to_string()),
        wire: wire.to_owned(),
        variant: variant.to_owned(),
        trace: meta.trace(),
    }
}

fn code_of(reason: &Reason) -> (u8, String) {
    match reason {
        Reason::Normal => (0, String::new()),
        Reason::Stopped(why) => (1, why.clone()),
        Reason::Panicked(what) => (2, what.clone()),
        Reason::Unreachable(why) => (3, why.clone()),
        Reason::NoProcess => (4, String::new()),
    }
}

/// A code of a newer version counts as stopped: the process is gone either way.
pub(super) fn reason_of(code: u8, detail: String) -> Reason {
    match code {
        0 => Reason::Normal,
        2 => Reason::Panicked(detail),
        3 => Reason::Unreachable(detail),
        4 => Reason::NoProcess,
        _ => Reason::Stopped(detail),
    }
}
