//! How a child is made, how it is told to end, and the handle of the life that it has now.

use super::policy::Restart;
use super::{Shutdown, Supervisor};
use crate::cell::panic_text;
use crate::id::Address;
use crate::node::Node;
use crate::pid::Pid;
use crate::process::{Process, Reason, Receive};
use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

/// How long a child has to end when it is told to, unless it says otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

type Ask<P> = Arc<dyn Fn(&Pid<P>) + Send + Sync>;

/// A process to be supervised: its id on this node, how to make it, and what to do when it ends.
///
/// The id is the same in each of its lives, so a [`crate::Remote`] or an [`Address`] stays valid
/// across restarts (a link does not: it fires, and may be made again). A [`Pid`] is of one life.
pub struct Child<P: Process> {
    id: String,
    make: Box<dyn FnMut() -> P + Send>,
    restart: Restart,
    patience: Duration,
    ask: Option<Ask<P>>,
}

impl<P: Process> Child<P> {
    /// A child that is always restarted, and stopped as [`Pid::stop`] does. `make` gives it its
    /// state for each life anew; if it panics, that life has failed.
    pub fn new(id: &str, make: impl FnMut() -> P + Send + 'static) -> Self {
        Child {
            id: id.to_owned(),
            make: Box::new(make),
            restart: Restart::Always,
            patience: PATIENCE,
            ask: None,
        }
    }

    /// When it is restarted.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// How long it may take to end when it is told to, 5 seconds by default. After that it is
    /// stopped as [`Pid::stop`] does, and after as long again the supervisor gives up.
    pub fn stop_within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// It is told to end by this message, so that it can finish what it has begun, and stops
    /// itself when that is done.
    pub fn stop_by<M: Send + 'static>(
        mut self,
        message: impl Fn() -> M + Send + Sync + 'static,
    ) -> Self
    where
        P: Receive<M>,
    {
        self.ask = Some(Arc::new(move |pid| pid.tell(message())));
        self
    }

    pub(super) fn split(self) -> (Told, Box<dyn Factory>) {
        let told = Told { id: self.id.clone(), restart: self.restart, patience: self.patience };
        (told, Box::new(self))
    }
}

impl Child<Supervisor> {
    /// A supervisor below a supervisor: its own children are ended in order before it is over.
    /// `stop_within` must leave time for all of them.
    pub fn group(id: &str, make: impl FnMut() -> Supervisor + Send + 'static) -> Self {
        Child::new(id, make).stop_by(|| Shutdown)
    }
}

/// What the core is told of a child.
pub(super) struct Told {
    pub(super) id: String,
    pub(super) restart: Restart,
    pub(super) patience: Duration,
}

/// Starts the lives of one child.
pub(super) trait Factory: Send {
    /// Starts one; or says why there is none.
    fn start(&mut self, node: &Node) -> Result<Box<dyn Life>, Reason>;
    /// The process type's name.
    fn kind(&self) -> &'static str;
    /// Whether handles are `Pid`s of this process type.
    fn makes(&self, handle: std::any::TypeId) -> bool;
}

/// One life of a child.
pub(super) trait Life: Send {
    fn address(&self) -> &Address;
    /// Asks it to end, in its own way.
    fn ask(&self);
    /// Ends it after what is in its mailbox.
    fn stop(&self);
    /// A `Pid` of its type.
    fn handle(&self) -> &dyn Any;
}

impl<P: Process> Factory for Child<P> {
    fn start(&mut self, node: &Node) -> Result<Box<dyn Life>, Reason> {
        let make = &mut self.make;
        let process = catch_unwind(AssertUnwindSafe(make))
            .map_err(|panic| Reason::Panicked(panic_text(panic.as_ref())))?;
        let pid = node
            .spawn(&self.id, process)
            .map_err(|error| Reason::Stopped(format!("cannot be started: {error}")))?;
        Ok(Box::new(Living { pid, ask: self.ask.clone() }))
    }

    fn kind(&self) -> &'static str {
        P::NAME
    }

    fn makes(&self, handle: std::any::TypeId) -> bool {
        handle == std::any::TypeId::of::<Pid<P>>()
    }
}

struct Living<P: Process> {
    pid: Pid<P>,
    ask: Option<Ask<P>>,
}

impl<P: Process> Life for Living<P> {
    fn address(&self) -> &Address {
        self.pid.address()
    }

    fn ask(&self) {
        match &self.ask {
            Some(ask) => ask(&self.pid),
            None => self.stop(),
        }
    }

    fn stop(&self) {
        self.pid.stop(Reason::Stopped("its supervisor stops it".into()));
    }

    fn handle(&self) -> &dyn Any {
        &self.pid
    }
}
