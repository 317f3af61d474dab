//! Processes that keep others alive: restarts by policy, on links.
//!
//! A panic ends a process, and whoever is linked to it learns why; a [`Supervisor`] is a process
//! that does something about it. It starts its children in order, each from a factory that gives
//! it fresh state, is linked to them, and starts them again when they end:
//!
//! - *whether* is said by each child's [`Restart`]: never, on failure, always;
//! - *with whom* by the group's [`Strategy`]: alone, with those after it, with all;
//! - *how fast* by [`Backoff`]: doubling, with jitter from the World's entropy, so that a seed
//!   repeats it;
//! - *how often* by a [limit](Supervisor::limit). Past it restarting is no remedy: the supervisor
//!   ends its children, then itself, with a reason that names the child and its last cause. What
//!   is linked to it, a supervisor above it perhaps, decides what that means.
//!
//! [`Shutdown`] ends the children one by one, the last started first, each with its time to end,
//! and then the supervisor. [`Find`] gives the handle of a child's present life, or of the next if
//! it is down just now. `/__processes__` shows the children of each, their restarts and their last
//! reasons.
//!
//! ```
//! use libproc::supervise::{Child, Find, Restart, Strategy, Supervisor};
//! use libproc::{Context, Exit, Node, NodeConfig, Pid, Process, Reason, Receive, Sender};
//! use std::time::Duration;
//!
//! const WITHIN: Duration = Duration::from_secs(5);
//!
//! struct Worker {
//!     done: u32,
//! }
//!
//! struct Work(u32);
//!
//! impl Process for Worker {
//!     const NAME: &'static str = "worker";
//! }
//!
//! impl Receive<Work> for Worker {
//!     fn receive(&mut self, work: Work, _: &Sender, _: &mut Context<Self>) {
//!         assert!(work.0 > 0, "no work");
//!         self.done += work.0;
//!     }
//! }
//!
//! struct Main {
//!     pool: Pid<Supervisor>,
//! }
//!
//! impl Process for Main {
//!     const NAME: &'static str = "main";
//!
//!     fn started(&mut self, cx: &mut Context<Self>) {
//!         cx.ask(&self.pool, Find::<Worker>::child("worker"), WITHIN, |_, found, cx| {
//!             let worker = found.unwrap().unwrap();
//!             cx.link(worker.address());
//!             cx.tell(&worker, Work(0)); // It panics; the pool starts another.
//!         });
//!     }
//!
//!     fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
//!         assert_eq!(exit.reason, Reason::Panicked("no work".into()));
//!         // Answered when the worker is up again.
//!         cx.ask(&self.pool, Find::<Worker>::child("worker"), WITHIN, |_, found, cx| {
//!             cx.tell(&found.unwrap().unwrap(), Work(1));
//!             cx.exit_node(Reason::Normal);
//!         });
//!     }
//! }
//!
//! libproc::run(async {
//!     let node = Node::start(NodeConfig::new("example", "pool")).await?;
//!     let worker = Child::new("worker", || Worker { done: 0 }).restart(Restart::OnFailure);
//!     let pool = Supervisor::new(Strategy::OneForOne).limit(3, WITHIN).child(worker);
//!     let pool = node.spawn("pool", pool).expect("the id is free");
//!     node.spawn_critical("main", Main { pool }).expect("the id is free");
//!     assert_eq!(node.finished().await, Reason::Normal);
//!     Ok::<_, std::io::Error>(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A child lives on its supervisor's node. A process of another node is linked to, not supervised:
//! whether it ended or only cannot be reached is not known here ([`Reason::Unreachable`]).
//!
//! Read next: `core.rs` for what is done when; `actor.rs` carries it out.

mod actor;
mod child;
mod core;
mod policy;

pub use actor::Supervisor;
pub use child::Child;
pub use policy::{Backoff, Limit, Restart, Strategy};

use crate::process::{Process, Reason};
use std::marker::PhantomData;

/// Ends a [`Supervisor`]: its children first, in the reverse of the order in which they were
/// started, then itself with [`Reason::Normal`]. Whoever wants to know when is linked to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown;

/// Asks a [`Supervisor`] for the handle of a child of type `P`. A child that is down and will be
/// started again is waited for, as long as the request's deadline allows. Who asks after its own
/// link to the child has fired is given the next life, never the one that ended.
pub struct Find<P> {
    id: String,
    of: PhantomData<fn() -> P>,
}

impl<P: Process> Find<P> {
    /// The child of this id.
    pub fn child(id: &str) -> Self {
        Find { id: id.to_owned(), of: PhantomData }
    }
}

/// Why a [`Supervisor`] has no handle to give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absent {
    /// None of its children is called so.
    #[error("no child is called {id:?}")]
    Unknown {
        /// What was asked for.
        id: String,
    },
    /// The child is a process of another type.
    #[error("child {id} is a {kind}")]
    OtherType {
        /// The child.
        id: String,
        /// Its type's [`Process::NAME`].
        kind: &'static str,
    },
    /// The child has ended and is not started again.
    #[error("child {id} is over")]
    Over {
        /// The child.
        id: String,
        /// Why it ended, if it ever ran.
        last: Option<Reason>,
    },
}
