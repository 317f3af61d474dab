//! What comes in from other nodes: connections, frames, and their end.

use super::{lock, Connection, Node, Refused};
use crate::frame::{Meta, Signal};
use crate::gate::Refusal;
use crate::id::{Address, ProcessId};
use crate::net::Handshaken;
use crate::peer::Sender;
use crate::pid::Door;
use crate::process::{Exit, Reason};
use crate::reply::{AskError, Reply};
use crate::time::Instant;
use crate::wire::{no_answer, Envelope, EnvelopeError, Header};
use bytes::Bytes;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

/// Why a frame ends its connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    #[error("a frame names a process by an impossible id")]
    Id(#[from] crate::id::IdError),
    #[error("payload of {wire}.{variant} for {to} is broken")]
    Payload {
        wire: String,
        variant: String,
        to: String,
        #[source]
        source: crate::wire::PayloadError,
    },
    #[error("role {role} may not say {wire} to {to}")]
    Forbidden { role: String, wire: String, to: String },
    #[error("a frame that belongs to the handshake came after it")]
    Handshake,
}

impl Node {
    /// A transport authenticated a peer. An older connection to the same node is broken first.
    pub(crate) fn connected(&self, made: Handshaken) -> Result<Arc<Connection>, Refused> {
        let connection = Arc::new(Connection::new(Arc::new(made.peer), made.ours, made.outbox));
        let mut peers = lock(&self.0.peers);
        // Under the lock that an exit takes to close every connection: so none slips through.
        if self.exit_reason().is_some() {
            return Err(Refused::NodeEnded);
        }
        if !made.ours && self.is_preferred_over(connection.peer.node) {
            return Err(Refused::Duplicate);
        }
        let replaced = peers.insert(self.id(), connection.clone())?;
        let severed = replaced.map(|old| (self.sever(&old), old));
        drop(peers);
        if let Some((links, old)) = severed {
            let why = "replaced by a newer connection";
            self.fire(links, &old, why);
            old.close(why);
        }
        self.0.exit.moved().notify_waiters();
        Ok(connection)
    }

    /// A transport's connection ended: links across it fire, requests over it fail.
    pub(crate) fn disconnected(&self, connection: &Arc<Connection>, why: &str) {
        let mut peers = lock(&self.0.peers);
        if !peers.remove(connection) {
            return;
        }
        let links = self.sever(connection);
        drop(peers);
        self.fire(links, connection, why);
        self.0.exit.moved().notify_waiters();
    }

    /// Takes out the links across a connection. Called while the connections are locked, so that
    /// no link over a newer one is taken for one of this.
    fn sever(&self, connection: &Connection) -> Vec<(Address, Arc<dyn Door>)> {
        connection.sever();
        lock(&self.0.links).disconnected(connection.peer.node)
    }

    fn fire(&self, links: Vec<(Address, Arc<dyn Door>)>, connection: &Connection, why: &str) {
        connection.abandon_asks();
        for (who, door) in links {
            let reason = Reason::Unreachable(why.to_owned());
            door.signal(Signal::Exited(Exit { who, reason }));
        }
    }

    /// One frame without its length prefix. An error breaks the connection.
    pub(crate) fn received(
        &self,
        connection: &Arc<Connection>,
        frame: Bytes,
    ) -> Result<(), Broken> {
        // What an old connection still holds must not mix with what a newer one brings.
        if connection.is_severed() {
            self.count_dropped();
            return Ok(());
        }
        self.counters().received.fetch_add(1, Relaxed);
        match Envelope::decode(frame)? {
            Envelope::Send { header, payload } => self.admit(connection, header, &payload, None),
            Envelope::Ask { id, within_ms, header, payload } => {
                let deadline = self.coarse_now() + Duration::from_millis(within_ms);
                self.admit(connection, header, &payload, Some((id, deadline)))
            }
            Envelope::Answer { id, payload } => {
                if let Some(answered) = connection.answered(id) {
                    answered(Ok(payload));
                }
                Ok(())
            }
            Envelope::NoAnswer { id, code } => {
                if let Some(answered) = connection.answered(id) {
                    answered(Err(match code {
                        no_answer::UNSUPPORTED => AskError::Unsupported,
                        _ => AskError::Abandoned,
                    }));
                }
                Ok(())
            }
            Envelope::Link { watcher, target } => {
                let (watcher, target) = (ProcessId::new(&watcher)?, ProcessId::new(&target)?);
                self.watched(connection.peer.node, watcher, target);
                Ok(())
            }
            Envelope::Unlink { watcher, target } => {
                let (watcher, target) = (ProcessId::new(&watcher)?, ProcessId::new(&target)?);
                let node = connection.peer.node;
                lock(&self.0.links).unwatched_by(&target, node, watcher);
                Ok(())
            }
            Envelope::Exited { watcher, target, code, detail } => {
                let who = Address { node: connection.peer.node, id: ProcessId::new(&target)? };
                let door = lock(&self.0.links).unwatch(&who, &watcher);
                if let Some(door) = door {
                    let reason = super::outbound::reason_of(code, detail);
                    door.signal(Signal::Exited(Exit { who, reason }));
                }
                Ok(())
            }
            Envelope::Unsupported { wire, variant } => {
                self.counters().unsupported.fetch_add(1, Relaxed);
                tracing::warn!(peer = %connection.peer.node, wire, variant, "the peer does not know this message");
                Ok(())
            }
            Envelope::Ping { sequence } => {
                connection.say(&Envelope::Pong { sequence });
                Ok(())
            }
            Envelope::Pong { .. } => Ok(()),
            Envelope::Proof { .. } | Envelope::Verdict { .. } => Err(Broken::Handshake),
        }
    }

    fn admit(
        &self,
        connection: &Arc<Connection>,
        header: Header,
        payload: &[u8],
        ask: Option<(u64, Instant)>,
    ) -> Result<(), Broken> {
        let Some(entry) = self.process(&header.to) else {
            self.count_dropped();
            if let Some((id, _)) = ask {
                let code = no_answer::ABANDONED;
                connection.say(&Envelope::NoAnswer { id, code });
            }
            return Ok(());
        };
        let peer = &connection.peer;
        let from = Address { node: peer.node, id: ProcessId::new(&header.from)? };
        let queued = self.telemetry().queued(|| self.now());
        let meta = Meta::new(Sender::new(from, peer.clone())).traced(header.trace, "", queued);
        let meta = match ask {
            Some((_, deadline)) => meta.until(deadline),
            None => meta,
        };
        let admitted = match ask {
            None => entry.door.admit(&header, payload, meta, peer),
            Some((id, _)) => {
                let reply = answering(connection.clone(), id);
                entry.door.admit_ask(&header, payload, meta, peer, reply)
            }
        };
        let Header { to, wire, variant, .. } = header;
        match admitted {
            Ok(()) => Ok(()),
            Err(Refusal::Unsupported) => {
                self.counters().unsupported.fetch_add(1, Relaxed);
                connection.say(&Envelope::Unsupported { wire, variant });
                Ok(())
            }
            Err(Refusal::Forbidden(role)) => {
                self.counters().forbidden.fetch_add(1, Relaxed);
                Err(Broken::Forbidden { role: role.to_string(), wire, to })
            }
            Err(Refusal::Malformed(source)) => Err(Broken::Payload { wire, variant, to, source }),
        }
    }
}

/// What carries the outcome of a request back to the node that asked.
fn answering(connection: Arc<Connection>, id: u64) -> Reply<Bytes> {
    Reply::new(move |outcome: Result<Bytes, AskError>| {
        let code = match outcome {
            Ok(payload) => match connection.send(&Envelope::Answer { id, payload }) {
                Ok(()) => return,
                Err(_) => no_answer::ABANDONED,
            },
            Err(AskError::Unsupported) => no_answer::UNSUPPORTED,
            Err(_) => no_answer::ABANDONED,
        };
        connection.say(&Envelope::NoAnswer { id, code });
    })
}
