//! What comes in from other nodes: connections, frames, and their end.

use super::{lock, Connection, Node, Refused};
use crate::frame::Signal;
use crate::gate::Refusal;
use crate::id::{Address, ProcessId};
use crate::net::Handshaken;
use crate::peer::Sender;
use crate::process::{Exit, Reason};
use crate::reply::{AskError, Reply};
use crate::wire::{no_answer, Envelope, EnvelopeError, Header};
use bytes::Bytes;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

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
    Forbidden {
        role: String,
        wire: String,
        to: String,
    },
    #[error("a frame that belongs to the handshake came after it")]
    Proof,
}

impl Node {
    /// A transport authenticated a peer. An older connection to the same node is broken first.
    pub(crate) fn connected(&self, made: Handshaken) -> Result<Arc<Connection>, Refused> {
        if lock(&self.0.exit.reason).is_some() {
            return Err(Refused::NodeEnded);
        }
        let connection = Arc::new(Connection::new(Arc::new(made.peer), made.ours, made.outbox));
        let replaced = lock(&self.0.peers).insert(self.id(), connection.clone())?;
        if let Some(old) = replaced {
            self.broke(&old, "replaced by a newer connection");
            old.close("replaced by a newer connection");
        }
        Ok(connection)
    }

    /// A transport's connection ended: links across it fire, requests over it fail.
    pub(crate) fn disconnected(&self, connection: &Arc<Connection>, why: &str) {
        if lock(&self.0.peers).remove(connection) {
            self.broke(connection, why);
        }
    }

    fn broke(&self, connection: &Arc<Connection>, why: &str) {
        if !connection.closing() {
            return;
        }
        connection.abandon_asks();
        let broken = lock(&self.0.links).disconnected(connection.peer.node);
        for (who, door) in broken {
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
        self.counters().received.fetch_add(1, Relaxed);
        match Envelope::decode(frame)? {
            Envelope::Send { header, payload } => self.admit(connection, header, &payload, None),
            Envelope::Ask {
                id,
                within_ms: _,
                header,
                payload,
            } => self.admit(connection, header, &payload, Some(id)),
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
            Envelope::Link { watcher, target } => self.linked(connection, &watcher, &target),
            Envelope::Exited {
                watcher,
                target,
                code,
                detail,
            } => {
                let who = Address {
                    node: connection.peer.node,
                    id: ProcessId::new(&target)?,
                };
                let door = lock(&self.0.links).exited(&who, &watcher);
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
                connection.send(&Envelope::Pong { sequence });
                Ok(())
            }
            Envelope::Pong { .. } => Ok(()),
            Envelope::Proof { .. } => Err(Broken::Proof),
        }
    }

    fn admit(
        &self,
        connection: &Arc<Connection>,
        header: Header,
        payload: &[u8],
        ask: Option<u64>,
    ) -> Result<(), Broken> {
        let refuse = |code| {
            if let Some(id) = ask {
                connection.send(&Envelope::NoAnswer { id, code });
            }
        };
        let Some(entry) = self.process(&header.to) else {
            self.count_dropped();
            refuse(no_answer::ABANDONED);
            return Ok(());
        };
        let peer = &connection.peer;
        let from = Address {
            node: peer.node,
            id: ProcessId::new(&header.from)?,
        };
        let from = Sender::new(from, peer.clone());
        let admitted = match ask {
            None => entry.door.admit(&header, payload, from, peer),
            Some(id) => {
                let back = connection.clone();
                let reply = Reply::new(move |outcome: Result<Bytes, AskError>| {
                    back.send(&match outcome {
                        Ok(payload) => Envelope::Answer { id, payload },
                        Err(_) => Envelope::NoAnswer {
                            id,
                            code: no_answer::ABANDONED,
                        },
                    });
                });
                entry.door.admit_ask(&header, payload, from, peer, reply)
            }
        };
        let Header {
            to, wire, variant, ..
        } = header;
        match admitted {
            Ok(()) => Ok(()),
            Err(Refusal::Unsupported) => {
                self.counters().unsupported.fetch_add(1, Relaxed);
                refuse(no_answer::UNSUPPORTED);
                connection.send(&Envelope::Unsupported { wire, variant });
                Ok(())
            }
            Err(Refusal::Forbidden(role)) => {
                self.counters().forbidden.fetch_add(1, Relaxed);
                Err(Broken::Forbidden {
                    role: role.to_string(),
                    wire,
                    to,
                })
            }
            Err(Refusal::Malformed(source)) => Err(Broken::Payload {
                wire,
                variant,
                to,
                source,
            }),
        }
    }

    fn linked(
        &self,
        connection: &Arc<Connection>,
        watcher: &str,
        target: &str,
    ) -> Result<(), Broken> {
        let (watcher, target) = (ProcessId::new(watcher)?, ProcessId::new(target)?);
        // The process table stays locked until the link is noted, so that the process cannot end
        // in between without firing it.
        let processes = lock(&self.0.processes);
        if processes.contains_key(&target) {
            lock(&self.0.links).watched_by(target, connection.peer.node, watcher);
        } else {
            drop(processes);
            self.tell_exit(connection.peer.node, watcher, &target, &Reason::NoProcess);
        }
        Ok(())
    }
}
