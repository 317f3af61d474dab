//! Typed handles for processes of this OS process, and the untyped door that the node keeps.

use crate::cell::Cell;
use crate::frame::{weight, Frame, Meta, Parcel, Plain, Question, Signal, Tell};
use crate::gate::{Gate, Refusal};
use crate::http::{RouteInfo, Routes};
use crate::id::Address;
use crate::mailbox::{Entry, Mailbox, Mark, Placed, Queue, Refused};
use crate::node::{lock, Node};
use crate::peer::{Peer, Sender};
use crate::process::{Answer, Process, Reason, Receive};
use crate::recorder::FlightRecord;
use crate::reply::Reply;
use crate::thread::{Place, Promises};
use crate::time::Instant;
use crate::trace::{TraceContext, TraceState};
use bytes::Bytes;
use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, TryLockError, Weak};

/// A process in this OS process, by its type. Cheap to clone; telling a process that has ended is
/// allowed and reaches nobody.
pub struct Pid<P: Process>(Arc<Shared<P>>);

/// What all handles of one process share, and the process itself.
///
/// In this order, so that senders on another thread write to other cache lines than who runs it.
#[repr(C)]
pub(crate) struct Shared<P: Process> {
    mailbox: Mailbox<Box<dyn Parcel<P>>>,
    me: Weak<Shared<P>>,
    address: Address,
    node: Node,
    engine: Engine,
    gate: Option<Box<Gate<P>>>,
    routes: Option<Box<Routes<P>>>,
    /// Locked while it runs; empty in the simulator, which keeps it itself, and after its end.
    cell: Mutex<Option<Box<Cell<P>>>>,
}

/// What runs a process.
pub(crate) enum Engine {
    Host(Arc<Place>),
    #[cfg(feature = "sim")]
    Sim(crate::sim::Slot),
}

/// A message over the limit that the author of its receiver has set, given back.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the process that was told has as many messages waiting as it may")]
pub struct Full<M>(pub M);

impl<M> fmt::Debug for Full<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

impl<P: Process> Clone for Pid<P> {
    fn clone(&self) -> Self {
        Pid(self.0.clone())
    }
}

impl<P: Process> fmt::Debug for Pid<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pid({})", self.0.address)
    }
}

impl<P: Process> Pid<P> {
    /// What traces call a message of this world; the simulator's log names them all.
    pub(crate) fn call(&self, meta: &mut Meta, name: &'static str) {
        #[cfg(feature = "sim")]
        if let Engine::Sim(_) = &self.0.engine {
            return meta.named(name);
        }
        meta.rename(name);
    }

    /// A process that has not begun: [`Pid::begin`].
    pub(crate) fn new(address: Address, node: Node, engine: Engine) -> Self {
        let mut routes = Routes::new(&address.id);
        P::routes(&mut routes);
        let gate = Gate::of();
        Pid(Arc::new_cyclic(|me| Shared {
            me: me.clone(),
            mailbox: Mailbox::new(),
            address,
            node,
            engine,
            gate: (!gate.is_empty()).then(|| Box::new(gate)),
            routes: (!routes.is_empty()).then(|| Box::new(routes)),
            cell: Mutex::default(),
        }))
    }

    /// Hands the process to its host; the simulator has it already.
    pub(crate) fn begin(&self, cell: Cell<P>) {
        if let Some(place) = self.0.place() {
            *lock(&self.0.cell) = Some(Box::new(cell));
            place.push(self.door());
        }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.0.address
    }

    /// The node that it lives on.
    pub fn node(&self) -> &Node {
        &self.0.node
    }

    pub(crate) fn door(&self) -> Arc<dyn Door> {
        self.0.clone()
    }

    pub(crate) fn routes(&self) -> Option<&Routes<P>> {
        self.0.routes.as_deref()
    }

    /// What waits for it, at this moment.
    pub fn queue(&self) -> Queue {
        Door::queue(&*self.0)
    }

    /// Sends from outside of every process (a test, `main`); a process uses
    /// [`crate::Context::tell`], which says who sent. What it does not take is dropped, as there.
    pub fn tell<M: Send + 'static>(&self, message: M)
    where
        P: Receive<M>,
    {
        self.tell_with(message, Meta::NONE);
    }

    /// As [`Pid::tell`]; where the author of the process has set a limit, and it is reached, the
    /// message comes back.
    ///
    /// # Errors
    /// [`Full`], with the message: more waits than the process's author allows. As
    /// [`crate::Context::try_tell`].
    pub fn try_tell<M: Send + 'static>(&self, message: M) -> Result<(), Full<M>>
    where
        P: Receive<M>,
    {
        self.try_tell_from(message, Meta::NONE, None)
    }

    /// Asks from outside of every process. `answered` is called once, on whatever thread answers,
    /// with the answer or [`crate::AskError::Abandoned`]; there is no deadline.
    pub fn ask<M: Send + 'static>(
        &self,
        request: M,
        answered: impl FnOnce(Result<P::Reply, crate::AskError>) + Send + 'static,
    ) where
        P: Answer<M>,
    {
        self.ask_with(request, Reply::new(answered), Meta::NONE, None);
    }

    /// Stops it after what is already in its mailbox.
    pub fn stop(&self, reason: Reason) {
        self.signal(Signal::Stop(reason));
    }

    /// How long the next message to be handled has waited, if there is one.
    pub(crate) fn oldest(&self, now: Instant) -> u64 {
        self.0.mailbox.oldest(now.as_nanos())
    }

    #[inline]
    pub(crate) fn began(&self, bytes: u32) {
        self.0.mailbox.began(u64::from(bytes));
    }

    pub(crate) fn tell_with<M: Send + 'static>(&self, message: M, meta: Meta)
    where
        P: Receive<M>,
    {
        // What is over a limit is dropped here, and was counted.
        let _ = self.try_tell_from(message, meta, None);
    }

    /// A message of another process's step, with which nothing goes but who sends it.
    #[inline]
    pub(crate) fn tell_plainly<M: Send + 'static>(
        &self,
        message: M,
        from: &Sender,
        promises: &mut Promises,
    ) -> Result<(), Full<M>>
    where
        P: Receive<M>,
    {
        match &self.0.engine {
            Engine::Host(place) => {
                let bytes = weight::<Plain<M>>(<P as Receive<M>>::owned(&message));
                let plain = Box::new(Plain { message, from: Sender::NOBODY, bytes });
                let entry = Entry { by: from.mark(), ..self.entry(bytes) };
                let wrap = |mut plain: Box<Plain<M>>, again: bool| {
                    if !again {
                        plain.from = from.clone();
                    }
                    plain as _
                };
                let put = self.0.mailbox.put(plain, wrap, &entry, || self.mark());
                self.placed(place, put, Some(promises)).map_err(|plain| Full(plain.message))
            }
            #[cfg(feature = "sim")]
            Engine::Sim(_) => self.try_tell_from(message, Meta::new(from.clone()), Some(promises)),
        }
    }

    /// Messages of steps come with the step's promises.
    pub(crate) fn try_tell_from<M: Send + 'static>(
        &self,
        message: M,
        mut meta: Meta,
        promises: Option<&mut Promises>,
    ) -> Result<(), Full<M>>
    where
        P: Receive<M>,
    {
        meta.weigh::<Tell<M>>(<P as Receive<M>>::owned(&message));
        let bytes = meta.bytes;
        match &self.0.engine {
            Engine::Host(place) => {
                let tell = Box::new(Tell { message, meta });
                let put = self.0.mailbox.put(
                    tell,
                    |tell, _| tell as _,
                    &self.entry(bytes),
                    || self.mark(),
                );
                self.placed(place, put, promises).map_err(|tell| Full(tell.message))
            }
            #[cfg(feature = "sim")]
            Engine::Sim(slot) => {
                let message = self.count(message, bytes).map_err(Full)?;
                let Some(message) = message else { return Ok(()) };
                slot.push(Frame::<P>::Run {
                    label: crate::cell::short_type_name::<M>(),
                    meta,
                    step: Box::new(move |process, from, cx| process.receive(message, from, cx)),
                });
                Ok(())
            }
        }
    }

    pub(crate) fn ask_with<M: Send + 'static>(
        &self,
        request: M,
        reply: Reply<P::Reply>,
        mut meta: Meta,
        promises: Option<&mut Promises>,
    ) where
        P: Answer<M>,
    {
        meta.weigh::<Question<M, P::Reply>>(<P as Answer<M>>::owned(&request));
        let bytes = meta.bytes;
        // What is over a limit is dropped: then the reply is abandoned.
        match &self.0.engine {
            Engine::Host(place) => {
                let question = Box::new(Question { request, reply, meta });
                let entry = self.entry(bytes);
                let put = self.0.mailbox.put(
                    question,
                    |question, _| question as _,
                    &entry,
                    || self.mark(),
                );
                let _ = self.placed(place, put, promises);
            }
            #[cfg(feature = "sim")]
            Engine::Sim(slot) => {
                let Ok(Some((request, reply))) = self.count((request, reply), bytes) else {
                    return;
                };
                slot.push(Frame::<P>::Run {
                    label: crate::cell::short_type_name::<M>(),
                    meta,
                    step: Box::new(move |process, from, cx| {
                        process.answer(request, from, reply, cx)
                    }),
                });
            }
        }
    }

    /// What is no message is never refused over a limit.
    pub(crate) fn push(&self, frame: Frame<P>) {
        let entry = Entry { limit: None, ..self.entry(frame.bytes()) };
        match &self.0.engine {
            Engine::Host(place) => {
                let put = self.0.mailbox.put(
                    Box::new(frame),
                    |frame, _| frame as _,
                    &entry,
                    || self.mark(),
                );
                let _ = self.placed(place, put, None);
            }
            #[cfg(feature = "sim")]
            Engine::Sim(slot) => {
                let counted = self.0.mailbox.count(frame, &entry, || self.mark());
                if let Ok((frame, placed)) = counted {
                    self.alarm(placed);
                    slot.push(frame);
                }
            }
        }
    }

    fn entry(&self, bytes: u32) -> Entry {
        Entry { bytes: u64::from(bytes), limit: P::LIMIT, by: 0 }
    }

    fn mark(&self) -> Mark {
        let now = self.0.node.coarse_now().as_nanos();
        Mark { now, alarm: self.0.node.config().queue_alarm }
    }

    /// Has the process run if it slept; gives back what its limit refused.
    #[inline]
    fn placed<M>(
        &self,
        place: &Arc<Place>,
        put: Result<Placed, Refused<M>>,
        promises: Option<&mut Promises>,
    ) -> Result<(), M> {
        let placed = match put {
            Ok(placed) => placed,
            Err(Refused::Closed(message)) => {
                drop(message);
                return Ok(());
            }
            Err(Refused::Full(message)) => {
                self.0.node.count_rejected();
                return Err(message);
            }
        };
        if placed.wakes {
            match promises {
                Some(promises) => promises.push(place, self.door()),
                None => place.push(self.door()),
            }
        } else if let Some(promises) = promises {
            promises.told(place);
        }
        self.alarm(placed);
        Ok(())
    }

    #[inline]
    fn alarm(&self, placed: Placed) {
        if placed.alarm {
            let load = self.0.queue();
            self.0.node.alarm_over(&self.0.address.id, P::NAME, load);
        }
    }

    /// `None` if it has ended.
    #[cfg(feature = "sim")]
    fn count<M>(&self, message: M, bytes: u32) -> Result<Option<M>, M> {
        match self.0.mailbox.count(message, &self.entry(bytes), || self.mark()) {
            Ok((message, placed)) => {
                self.alarm(placed);
                Ok(Some(message))
            }
            Err(Refused::Closed(_)) => Ok(None),
            Err(Refused::Full(message)) => {
                self.0.node.count_rejected();
                Err(message)
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.push(Frame::Signal(signal));
    }

    /// A step with the process that is no message of another process.
    pub(crate) fn run(
        &self,
        label: &'static str,
        (trace, state): (Option<TraceContext>, TraceState),
        step: impl FnOnce(&mut P, &mut crate::Context<P>) + Send + 'static,
    ) {
        self.push(Frame::Run {
            label,
            meta: Meta::within(trace, state),
            step: Box::new(move |process, _, cx| step(process, cx)),
        });
    }
}

/// What one peer may say to one process under one name: found once, and used for many messages.
pub(crate) trait Entrance: Send + Sync {
    /// Decodes a message and puts it in the mailbox, or says why not.
    fn say(&self, payload: &[u8], meta: Meta) -> Result<(), Refusal>;

    /// The same for a request; `reply` takes the encoded answer, or why there is none.
    fn ask(&self, payload: &[u8], meta: Meta, reply: Reply<Bytes>) -> Result<(), Refusal>;
}

/// The entrance of a process that takes nothing from outside its node.
struct Wall;

impl Entrance for Wall {
    fn say(&self, _: &[u8], _: Meta) -> Result<(), Refusal> {
        Err(Refusal::Unsupported)
    }

    fn ask(&self, _: &[u8], _: Meta, reply: Reply<Bytes>) -> Result<(), Refusal> {
        reply.fail(crate::AskError::Unsupported);
        Err(Refusal::Unsupported)
    }
}

/// What a turn came to.
pub(crate) struct Ran {
    pub(crate) steps: u32,
    /// More waits.
    pub(crate) more: bool,
}

/// A process as its node and its host see it: untyped.
pub(crate) trait Door: Send + Sync {
    fn signal(&self, signal: Signal);

    /// The way in for messages of a peer, checked by its role and by their names.
    fn entrance(&self, wire: &str, variant: &str, peer: &Peer) -> Box<dyn Entrance>;

    /// A message of this very node, not serialized.
    fn admit_local(&self, wire: &'static str, message: Box<dyn Any + Send>, meta: Meta) -> bool;

    /// The type's name, as metrics have it.
    fn kind(&self) -> &'static str;

    fn routes(&self) -> &[RouteInfo];

    fn queue(&self) -> Queue;

    /// None where nothing is recorded, and while a turn goes on.
    fn record(&self) -> Option<FlightRecord>;

    /// Where it runs; none in the simulator.
    fn place(&self) -> Option<&Arc<Place>>;

    /// Handles up to `quantum` messages. Called by its host alone. `clock` is the time if it was
    /// just read, and is set if it is read at the end.
    fn run(self: Arc<Self>, quantum: u32, clock: &mut Option<Instant>) -> Ran;

    /// Ends it because its thread does.
    fn abandon(&self);
}

impl<P: Process> Shared<P> {
    fn me(&self) -> Pid<P> {
        match self.me.upgrade() {
            Some(me) => Pid(me),
            None => unreachable!("who is asked is held by who asks"),
        }
    }

    /// The process is over: nothing enters any more, and what waited is dropped.
    fn close(&self) {
        drop(self.mailbox.close());
    }
}

impl<P: Process> Door for Shared<P> {
    fn signal(&self, signal: Signal) {
        self.me().signal(signal);
    }

    fn entrance(&self, wire: &str, variant: &str, peer: &Peer) -> Box<dyn Entrance> {
        match &self.gate {
            Some(gate) => gate.entrance(&self.me(), wire, variant, peer),
            None => Box::new(Wall),
        }
    }

    fn admit_local(&self, wire: &'static str, message: Box<dyn Any + Send>, meta: Meta) -> bool {
        let gate = self.gate.as_ref();
        gate.is_some_and(|gate| gate.admit_local(&self.me(), wire, message, meta))
    }

    fn kind(&self) -> &'static str {
        P::NAME
    }

    fn routes(&self) -> &[RouteInfo] {
        self.routes.as_ref().map_or(&[], |routes| routes.infos())
    }

    fn queue(&self) -> Queue {
        self.mailbox.queue(self.node.coarse_now().as_nanos())
    }

    fn record(&self) -> Option<FlightRecord> {
        match &self.engine {
            Engine::Host(_) => {
                let cell = match self.cell.try_lock() {
                    Ok(cell) => cell,
                    Err(TryLockError::Poisoned(cell)) => cell.into_inner(),
                    Err(TryLockError::WouldBlock) => return None,
                };
                cell.as_ref()?.record()
            }
            #[cfg(feature = "sim")]
            Engine::Sim(slot) => slot.record(),
        }
    }

    fn place(&self) -> Option<&Arc<Place>> {
        match &self.engine {
            Engine::Host(place) => Some(place),
            #[cfg(feature = "sim")]
            Engine::Sim(_) => None,
        }
    }

    fn run(self: Arc<Self>, quantum: u32, clock: &mut Option<Instant>) -> Ran {
        let mut slot = lock(&self.cell);
        let Some(cell) = slot.as_mut() else {
            return Ran { steps: 0, more: false };
        };
        let ran = cell.turn(&self.mailbox, quantum, clock);
        if cell.is_over() {
            let cell = slot.take();
            drop(slot);
            self.close();
            drop(cell);
        }
        ran
    }

    fn abandon(&self) {
        let cell = lock(&self.cell).take();
        // Tells whoever is linked.
        drop(cell);
        self.close();
    }
}
