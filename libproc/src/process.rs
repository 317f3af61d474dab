//! What an author writes: a [`Process`] and its handlers.

use crate::context::Context;
use crate::gate::Gate;
use crate::http::Routes;
use crate::id::Address;
use crate::mailbox::{Limit, Queue};
use crate::observe::Observation;
use crate::peer::Sender;
use crate::reply::Reply;
use std::fmt;
use std::time::Duration;

/// A process: private state, and handlers that run one at a time, each to its end.
///
/// A handler never waits. Slow work leaves through [`Context::defer`] and comes back as an
/// ordinary step. A panic in a handler ends this process (or its node, where it was spawned
/// critical) and is seen by everyone who is linked to it.
pub trait Process: Sized + Send + 'static {
    /// The type's name in metrics, traces and `/__processes__`: lower case, few distinct values.
    const NAME: &'static str;

    /// How much may wait for a process of this type. A message beyond it is counted and refused:
    /// [`Context::try_tell`] gives it back, [`Context::tell`] drops it, a request is
    /// [`crate::AskError::Abandoned`]. What is no message (timers, exits, answers, HTTP requests,
    /// the order to stop) is never refused. Without a limit the queue is counted, and an alarm is
    /// logged over [`crate::NodeConfig::queue_alarm`].
    ///
    /// ```
    /// use libproc::{Limit, Process};
    ///
    /// struct Log;
    ///
    /// impl Process for Log {
    ///     const NAME: &'static str = "log";
    ///     const LIMIT: Option<Limit> = Some(Limit { messages: 10_000, bytes: 16 << 20 });
    /// }
    /// ```
    const LIMIT: Option<Limit> = None;

    /// Declares who may say what from outside this node. Nothing is accepted by default.
    fn gate(gate: &mut Gate<Self>) {
        let _ = gate;
    }

    /// Declares the HTTP routes that the node serves for this process.
    fn routes(routes: &mut Routes<Self>) {
        let _ = routes;
    }

    /// First step, before any message.
    fn started(&mut self, cx: &mut Context<Self>) {
        let _ = cx;
    }

    /// A process that this one is linked to ended, or cannot be known to live any more. Once per
    /// link.
    fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
        let _ = (exit, cx);
    }

    /// Last step. Not called after a panic.
    fn stopped(&mut self, reason: &Reason, cx: &mut Context<Self>) {
        let _ = (reason, cx);
    }

    /// What an operator sees of this process: state for `/__processes__`, values for `/metrics`. It
    /// is shown to all who look within half a second, and asked for again after that.
    fn observe(&self, seen: &mut Observation) {
        let _ = seen;
    }
}

/// A process that handles the one-way message `M`.
pub trait Receive<M: Send + 'static>: Process {
    /// Handles one message. From one sender they arrive in the order sent, each at most once.
    fn receive(&mut self, message: M, from: &Sender, cx: &mut Context<Self>);

    /// Bytes that a message owns beyond its own size, such as the capacity of its buffers: how
    /// the queue counts what a sender in this OS process puts in. Called once per message, so it
    /// must be cheap. A message from another node counts with its payload.
    fn owned(message: &M) -> usize {
        let _ = message;
        0
    }
}

/// A process that answers the request `M`.
pub trait Answer<M: Send + 'static>: Process {
    /// What the asker gets.
    type Reply: Send + 'static;

    /// Takes one request. `reply` is answered now, kept for later, or handed on; dropped
    /// unanswered, the asker is told [`crate::AskError::Abandoned`].
    fn answer(
        &mut self,
        request: M,
        from: &Sender,
        reply: Reply<Self::Reply>,
        cx: &mut Context<Self>,
    );

    /// As [`Receive::owned`].
    fn owned(request: &M) -> usize {
        let _ = request;
        0
    }
}

/// Why a process, a node or a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was done.
    Normal,
    /// It was told to stop, or stopped itself, for the stated reason.
    Stopped(String),
    /// A handler panicked with this message.
    Panicked(String),
    /// The connection to its node broke, or there was none; or one of the two handles less than
    /// the other sends it ([`crate::Overflow::Exit`]). It may still live.
    Unreachable(String),
    /// There is no such process on its node.
    NoProcess,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Normal => f.write_str("ended normally"),
            Reason::Stopped(why) => write!(f, "stopped: {why}"),
            Reason::Panicked(what) => write!(f, "panicked: {what}"),
            Reason::Unreachable(why) => write!(f, "unreachable: {why}"),
            Reason::NoProcess => f.write_str("no such process"),
        }
    }
}

/// Processes of one type, together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kind {
    pub(crate) processes: u64,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Also by those that ended, as the next.
    pub(crate) handled: u64,
    pub(crate) rejected: u64,
    pub(crate) oldest: Duration,
}

impl Kind {
    pub(crate) fn add(&mut self, queue: &Queue) {
        self.ended(queue);
        self.processes += 1;
        self.messages += queue.messages;
        self.bytes += queue.bytes;
        self.oldest = self.oldest.max(queue.oldest);
    }

    pub(crate) fn ended(&mut self, queue: &Queue) {
        self.handled += queue.handled;
        self.rejected += queue.rejected;
    }
}

/// A link fired: told to [`Process::exited`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Who ended.
    pub who: Address,
    /// Why.
    pub reason: Reason,
}
