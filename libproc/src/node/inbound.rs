//! What comes in from other nodes: connections, frames, and their end.

use super::incoming::{Incoming, RouteError};
use super::{lock, Connection, Entry, Node, Refused};
use crate::frame::{Meta, Signal};
use crate::gate::Refusal;
use crate::id::{Address, ProcessId};
use crate::net::{next_frame, Handshaken, NotSent};
use crate::pid::Door;
use crate::process::{Exit, Reason};
use crate::reply::{AskError, Reply};
use crate::time::Instant;
use crate::wire::{no_answer, ChunkError, Envelope, EnvelopeError, Header, MAX_PIECE, PREFIX};
use bytes::Bytes;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

/// Frames that a connection brings in one turn of its thread; a process handles as many.
const TURN: u64 = 256;

/// Why a frame ends its connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    #[error("a frame names a process by an impossible id")]
    Id(#[from] crate::id::IdError),
    #[error(transparent)]
    Route(#[from] RouteError),
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    #[error("a frame of {0} bytes is too large")]
    TooLarge(usize),
    #[error("more was sent to {0} than it has granted")]
    Credit(ProcessId),
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

    /// Takes whole frames out of what a connection brought, a turn's worth; true if none is left.
    /// An error breaks the connection.
    pub(crate) fn received(
        &self,
        connection: &Arc<Connection>,
        incoming: &mut Incoming,
        buffer: &mut Vec<u8>,
    ) -> Result<bool, Broken> {
        let (mut at, mut frames) = (0, 0);
        let taken = loop {
            if frames == TURN {
                break Ok(false);
            }
            match next_frame(&buffer[at..], MAX_PIECE) {
                Ok(Some(frame)) => {
                    (at, frames) = (at + PREFIX + frame.len(), frames + 1);
                    if let Err(broken) = self.take(connection, incoming, frame) {
                        break Err(broken);
                    }
                }
                Ok(None) => break Ok(true),
                Err(length) => break Err(Broken::TooLarge(length)),
            }
        };
        self.counters().received.fetch_add(frames, Relaxed);
        buffer.drain(..at);
        taken
    }

    /// As [`Node::received`], of one whole frame without its prefix.
    #[cfg(feature = "sim")]
    pub(crate) fn received_whole(
        &self,
        connection: &Arc<Connection>,
        incoming: &mut Incoming,
        frame: &[u8],
    ) -> Result<(), Broken> {
        self.counters().received.fetch_add(1, Relaxed);
        match frame.len() {
            length if length > crate::wire::MAX_FRAME => Err(Broken::TooLarge(length)),
            _ => self.take(connection, incoming, frame),
        }
    }

    fn take(
        &self,
        connection: &Arc<Connection>,
        incoming: &mut Incoming,
        frame: &[u8],
    ) -> Result<(), Broken> {
        // What an old connection still holds must not mix with what a newer one brings.
        if connection.is_severed() {
            self.count_dropped();
            return Ok(());
        }
        match Envelope::decode(frame)? {
            Envelope::Send { header, payload } => {
                self.admit(connection, incoming, header, payload, None)
            }
            Envelope::Ask { id, within_ms, header, payload } => {
                let deadline = self.coarse_now() + Duration::from_millis(within_ms);
                self.admit(connection, incoming, header, payload, Some((id, deadline)))
            }
            Envelope::Chunk { stream, last, part } => {
                let whole = incoming.assembly.add(stream, last, part)?;
                connection.assembles(incoming.assembly.bytes());
                match whole {
                    Some(whole) if is_chunk(&whole) => Err(ChunkError::Nested.into()),
                    Some(whole) => self.take(connection, incoming, &whole),
                    None => Ok(()),
                }
            }
            Envelope::Grant { process, bytes } => {
                connection.outbox.granted(process, bytes);
                Ok(())
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
                        no_answer::EXPIRED => AskError::Expired,
                        _ => AskError::Abandoned,
                    }));
                }
                Ok(())
            }
            Envelope::Link { watcher, target } => {
                let (watcher, target) = (ProcessId::new(watcher)?, ProcessId::new(target)?);
                self.watched(connection.peer.node, watcher, target);
                Ok(())
            }
            Envelope::Unlink { watcher, target } => {
                let (watcher, target) = (ProcessId::new(watcher)?, ProcessId::new(target)?);
                let node = connection.peer.node;
                lock(&self.0.links).unwatched_by(&target, node, watcher);
                Ok(())
            }
            Envelope::Exited { watcher, target, code, detail } => {
                let who = Address { node: connection.peer.node, id: ProcessId::new(target)? };
                let door = lock(&self.0.links).unwatch(&who, watcher);
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
        incoming: &mut Incoming,
        header: Header<'_>,
        payload: &[u8],
        ask: Option<(u64, Instant)>,
    ) -> Result<(), Broken> {
        let arrival = incoming.arrival(connection, &header.route)?;
        let Some(ledger) = arrival.book(payload.len()) else {
            return Err(Broken::Credit(arrival.to.clone()));
        };
        let queued = self.telemetry().queued(|| self.now());
        // Its credit goes back wherever it is dropped, also below.
        let meta = Meta::new(arrival.from.clone())
            .traced(header.trace, "", queued)
            .stated(header.state)
            .weighing(payload.len())
            .owing(ledger);
        let meta = match ask {
            Some((_, deadline)) => meta.until(deadline),
            None => meta,
        };
        let changes = self.process_changes();
        if arrival.as_of != changes {
            let entry = self.process(arrival.to.as_str());
            let open = |entry: Entry| {
                entry.door.entrance(&arrival.wire, &arrival.variant, &connection.peer)
            };
            (arrival.entrance, arrival.as_of) = (entry.map(open), changes);
        }
        let Some(entrance) = &arrival.entrance else {
            self.count_dropped();
            if let Some((id, _)) = ask {
                no_answer_to(connection, &arrival.asker, id, no_answer::ABANDONED);
            }
            return Ok(());
        };
        let admitted = match ask {
            None => entrance.say(payload, meta),
            Some((id, deadline)) => {
                let answering = Answering {
                    node: self.clone(),
                    connection: connection.clone(),
                    asker: arrival.asker.clone(),
                    id,
                    deadline,
                };
                entrance.ask(payload, meta, Reply::new(|outcome| answering.end(outcome)))
            }
        };
        let (wire, variant) = (&*arrival.wire, &*arrival.variant);
        match admitted {
            Ok(()) => Ok(()),
            Err(Refusal::Unsupported) => {
                self.counters().unsupported.fetch_add(1, Relaxed);
                connection.say(&Envelope::Unsupported { wire, variant });
                Ok(())
            }
            Err(Refusal::Forbidden(role)) => {
                self.counters().forbidden.fetch_add(1, Relaxed);
                let (role, wire, to) = (role.to_string(), wire.into(), arrival.to.to_string());
                Err(Broken::Forbidden { role, wire, to })
            }
            Err(Refusal::Malformed(source)) => {
                let (wire, variant) = (wire.into(), variant.into());
                Err(Broken::Payload { wire, variant, to: arrival.to.to_string(), source })
            }
        }
    }
}

fn is_chunk(frame: &[u8]) -> bool {
    matches!(Envelope::decode(frame), Ok(Envelope::Chunk { .. }))
}

fn no_answer_to(connection: &Connection, asker: &ProcessId, id: u64, code: u8) {
    // A connection that has ended has told the asker.
    let _ = connection.follow(asker, &Envelope::NoAnswer { id, code });
}

/// What carries the outcome of a request back to the process that asked.
struct Answering {
    node: Node,
    connection: Arc<Connection>,
    asker: ProcessId,
    id: u64,
    deadline: Instant,
}

impl Answering {
    fn end(self, outcome: Result<Bytes, AskError>) {
        let (connection, id) = (&self.connection, self.id);
        let code = match outcome {
            Ok(payload) => {
                let answer = Envelope::Answer { id, payload: &payload };
                match connection.follow(&self.asker, &answer) {
                    // Whoever asked over a connection that has ended was told.
                    Ok(()) | Err(NotSent::Ended) => return,
                    Err(error) => {
                        tracing::error!(peer = %connection.peer.node, %error, "answer not sent");
                        no_answer::ABANDONED
                    }
                }
            }
            Err(AskError::Unsupported) => no_answer::UNSUPPORTED,
            // It was not begun, since nobody waits for it any more; or might as well not have been.
            Err(_) if self.node.coarse_now() >= self.deadline => no_answer::EXPIRED,
            Err(_) => no_answer::ABANDONED,
        };
        no_answer_to(connection, &self.asker, id, code);
    }
}
