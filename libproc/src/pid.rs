//! Typed handles for processes of this OS process, and the untyped door that the node keeps.

use crate::frame::{Frame, Meta, Question, Signal, Tell};
use crate::gate::{Gate, Refusal};
use crate::host;
use crate::id::Address;
use crate::node::Node;
use crate::observe::Stats;
use crate::peer::Peer;
use crate::process::{Answer, Process, Reason, Receive};
use crate::reply::Reply;
use crate::trace::TraceContext;
use crate::wire::Header;
use bytes::Bytes;
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// A process in this OS process, by its type. Cheap to clone; telling a process that has ended is
/// allowed and reaches nobody.
pub struct Pid<P: Process> {
    mailbox: Mailbox<P>,
    shared: Arc<Shared>,
}

/// What all handles of one process share.
pub(crate) struct Shared {
    pub(crate) address: Address,
    pub(crate) stats: Stats,
    pub(crate) node: Node,
}

pub(crate) enum Mailbox<P: Process> {
    Actix(host::Mailbox<P>),
    #[cfg(feature = "sim")]
    Sim(crate::sim::Slot),
}

impl<P: Process> Clone for Mailbox<P> {
    fn clone(&self) -> Self {
        match self {
            Mailbox::Actix(mailbox) => Mailbox::Actix(mailbox.clone()),
            #[cfg(feature = "sim")]
            Mailbox::Sim(slot) => Mailbox::Sim(slot.clone()),
        }
    }
}

impl<P: Process> Clone for Pid<P> {
    fn clone(&self) -> Self {
        Pid { mailbox: self.mailbox.clone(), shared: self.shared.clone() }
    }
}

impl<P: Process> fmt::Debug for Pid<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pid({})", self.shared.address)
    }
}

impl<P: Process> Pid<P> {
    pub(crate) fn new(mailbox: Mailbox<P>, shared: Arc<Shared>) -> Self {
        Pid { mailbox, shared }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.shared.address
    }

    /// The node that it lives on.
    pub fn node(&self) -> &Node {
        &self.shared.node
    }

    /// Sends from outside of every process (a test, `main`); a process uses
    /// [`crate::Context::tell`], which says who sent.
    pub fn tell<M: Send + 'static>(&self, message: M)
    where
        P: Receive<M>,
    {
        self.tell_with(message, Meta::NONE);
    }

    /// Asks from outside of every process.
    pub fn ask<M: Send + 'static>(
        &self,
        request: M,
        answered: impl FnOnce(Result<P::Reply, crate::AskError>) + Send + 'static,
    ) where
        P: Answer<M>,
    {
        self.ask_with(request, Reply::new(answered), Meta::NONE);
    }

    /// Stops it after what is already in its mailbox.
    pub fn stop(&self, reason: Reason) {
        self.signal(Signal::Stop(reason));
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    fn count(&self) {
        self.shared.stats.enqueued(|| self.shared.node.coarse_now());
    }

    pub(crate) fn tell_with<M: Send + 'static>(&self, message: M, meta: Meta)
    where
        P: Receive<M>,
    {
        self.count();
        match &self.mailbox {
            Mailbox::Actix(mailbox) => mailbox.tell(Tell { message, meta }),
            #[cfg(feature = "sim")]
            Mailbox::Sim(slot) => slot.push(Frame::<P>::Run {
                label: crate::cell::short_type_name::<M>(),
                meta,
                step: Box::new(move |process, from, cx| process.receive(message, from, cx)),
            }),
        }
    }

    pub(crate) fn ask_with<M: Send + 'static>(&self, request: M, reply: Reply<P::Reply>, meta: Meta)
    where
        P: Answer<M>,
    {
        self.count();
        match &self.mailbox {
            Mailbox::Actix(mailbox) => mailbox.ask(Question { request, reply, meta }),
            #[cfg(feature = "sim")]
            Mailbox::Sim(slot) => slot.push(Frame::<P>::Run {
                label: crate::cell::short_type_name::<M>(),
                meta,
                step: Box::new(move |process, from, cx| process.answer(request, from, reply, cx)),
            }),
        }
    }

    pub(crate) fn push(&self, frame: Frame<P>) {
        self.count();
        match &self.mailbox {
            Mailbox::Actix(mailbox) => mailbox.push(frame),
            #[cfg(feature = "sim")]
            Mailbox::Sim(slot) => slot.push(frame),
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.push(Frame::Signal(signal));
    }

    /// A step with the process that is no message of another process.
    pub(crate) fn run(
        &self,
        label: &'static str,
        trace: Option<TraceContext>,
        step: impl FnOnce(&mut P, &mut crate::Context<P>) + Send + 'static,
    ) {
        self.push(Frame::Run {
            label,
            meta: Meta::within(trace),
            step: Box::new(move |process, _, cx| step(process, cx)),
        });
    }
}

/// A process as its node sees it: untyped.
pub(crate) trait Door: Send + Sync {
    fn signal(&self, signal: Signal);

    /// A message from another node: checked by role and name, decoded, and put in the mailbox.
    fn admit(
        &self,
        header: &Header,
        payload: &[u8],
        meta: Meta,
        peer: &Peer,
    ) -> Result<(), Refusal>;

    /// A request from another node; `reply` takes the encoded answer, or why there is none.
    fn admit_ask(
        &self,
        header: &Header,
        payload: &[u8],
        meta: Meta,
        peer: &Peer,
        reply: Reply<Bytes>,
    ) -> Result<(), Refusal>;

    /// A message of this very node, not serialized.
    fn admit_local(&self, wire: &'static str, message: Box<dyn Any + Send>, meta: Meta) -> bool;

    fn stats(&self) -> &Stats;
}

pub(crate) struct TypedDoor<P: Process> {
    pub(crate) pid: Pid<P>,
    pub(crate) gate: Gate<P>,
}

impl<P: Process> Door for TypedDoor<P> {
    fn signal(&self, signal: Signal) {
        self.pid.signal(signal);
    }

    fn admit(
        &self,
        header: &Header,
        payload: &[u8],
        meta: Meta,
        peer: &Peer,
    ) -> Result<(), Refusal> {
        self.gate.admit(&self.pid, header, payload, meta, peer)
    }

    fn admit_ask(
        &self,
        header: &Header,
        payload: &[u8],
        meta: Meta,
        peer: &Peer,
        reply: Reply<Bytes>,
    ) -> Result<(), Refusal> {
        self.gate.admit_ask(&self.pid, header, payload, meta, peer, reply)
    }

    fn admit_local(&self, wire: &'static str, message: Box<dyn Any + Send>, meta: Meta) -> bool {
        self.gate.admit_local(&self.pid, wire, message, meta)
    }

    fn stats(&self) -> &Stats {
        self.pid.stats()
    }
}
