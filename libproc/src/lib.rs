//! Distributed message-passing processes: typed, linked, traced, and simulated from a seed.
//!
//! A *process* is private state and handlers that run one at a time, each to its end; it shares
//! nothing and waits for nothing. Slow work and answers come back as ordinary steps. Processes
//! live on a *node*; several nodes may live in one program. Within a node messages are plain Rust
//! values; between nodes they are closed serde enums, admitted by the role of the authenticated
//! peer that sends them. One port per node serves HTTP and peers alike.
//!
//! ```
//! use libproc::{Answer, Context, Node, NodeConfig, Process, Reason, Receive, Reply, Sender};
//! use std::time::Duration;
//!
//! #[derive(Default)]
//! struct Counter {
//!     count: u64,
//! }
//!
//! struct Add(u64);
//! struct Total;
//!
//! impl Process for Counter {
//!     const NAME: &'static str = "counter";
//! }
//!
//! impl Receive<Add> for Counter {
//!     fn receive(&mut self, add: Add, _from: &Sender, _cx: &mut Context<Self>) {
//!         self.count += add.0;
//!     }
//! }
//!
//! impl Answer<Total> for Counter {
//!     type Reply = u64;
//!     fn answer(&mut self, _: Total, _: &Sender, reply: Reply<u64>, _: &mut Context<Self>) {
//!         reply.send(self.count);
//!     }
//! }
//!
//! /// Starts a counter, is linked to it, and ends the node with what it counted.
//! struct Main;
//!
//! impl Process for Main {
//!     const NAME: &'static str = "main";
//!     fn started(&mut self, cx: &mut Context<Self>) {
//!         let counter = cx.spawn("counter", Counter::default()).expect("the id is free");
//!         cx.link(counter.address());
//!         cx.tell(&counter, Add(40));
//!         cx.tell(&counter, Add(2));
//!         // Nothing is awaited: the answer, or why there is none, is a later step.
//!         cx.ask(&counter, Total, Duration::from_secs(1), |_main, total, cx| {
//!             cx.exit_node(Reason::Stopped(format!("counted {}", total.unwrap())));
//!         });
//!     }
//! }
//!
//! let ended = libproc::run(async {
//!     let node = Node::start(NodeConfig::new("example", "counting")).await?;
//!     node.spawn_critical("main", Main).expect("the id is free");
//!     Ok::<_, std::io::Error>(node.finished().await)
//! });
//! assert_eq!(ended?, Reason::Stopped("counted 42".into()));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Guarantees
//!
//! | what holds | shown by |
//! |---|---|
//! | From one sender to one receiver messages keep their order, also across a reconnect, where an exit tells of what was lost | `tests/fifo.rs` |
//! | So they do across the threads of a node, and a thread is woken per step, not per message | `tests/placement.rs` |
//! | A message arrives at most once; without a connection it is dropped and counted | `tests/at_most_once.rs` |
//! | A link fires exactly once, whatever ends the other side, or nobody says so any more | `tests/links.rs`, `tests/half_open.rs` |
//! | What is meant for an earlier life of a node reaches nobody in a later one | `tests/incarnations.rs` |
//! | A panic ends one process, or its node where it is critical; never silently | `tests/panics.rs` |
//! | A supervisor restarts by its policy, and past its limit ends with the child's last cause | `tests/supervision.rs` |
//! | A request has one outcome; deadlines travel, and work past its own is dropped and counted | `tests/ask.rs` |
//! | A cancelled timer does not fire, even when it was due | `tests/timers.rs` |
//! | Another role's message is refused before it is decoded; an unknown one is answered and skipped | `tests/roles.rs` |
//! | Both sides of a connection prove a secret; of two dials one connection stays | `tests/handshake.rs` |
//! | Over TLS a certificate's role, name, dates and use count; files are renewed while connections stay | `tests/tls.rs` |
//! | A broken frame ends its connection and nothing else | `src/net/hostile/` |
//! | A flooded process, or a dead peer, costs bounded memory and keeps nobody else waiting | `tests/flood.rs`, `tests/fairness.rs` |
//! | What all requests of a node's port hold in bodies is bounded together | `tests/bodies.rs` |
//! | Long messages arrive in their place, and nobody waits for another's | `tests/long_messages.rs` |
//! | What was sent before an exit arrives, as far as its receivers handle it within a second; nothing passes a closed write gate | `tests/exit.rs`, `tests/http.rs` |
//! | The end of a node ends its processes on every thread, and its threads | `tests/placement.rs` |
//! | Neither mailbox nor wake-up loses anything, whatever the threads' interleaving | `tests/model.rs` |
//! | Queues are counted in messages and bytes; over its author's limit a message is refused visibly, control never | `tests/queues.rs` |
//! | A panic writes the last messages to the log, where they are recorded | `tests/recorder.rs` |
//! | What operators see is escaped, and its series are as many as types | `tests/inspection.rs` |
//! | Nothing that a peer sends panics a decoder, and what was read is written the same | `tests/corpus.rs`, and `make fuzz` |
//! | The same seed gives the same run | `tests/sim_determinism.rs` |
//! | Simulated networks, disks and machines fail as real ones do | `tests/sim_network.rs`, `tests/sim_disk.rs`, `tests/sim_nodes.rs` |
//! | A simulated run can be stopped, looked at and steered; a breach shrinks to the faults that it needs | `tests/sim_control.rs`, `tests/sim_trial.rs` |
//! | The same program runs over TCP and in simulation; the examples do what they say | `tests/smoke.rs`, `tests/examples.rs` |
//! | One chain of messages is one trace, each node under its own service; `tracestate` goes with it | `tests/telemetry.rs`, `tests/tracestate.rs` |
//!
//! # What a connection may hold
//!
//! Everything that waits is counted in bytes ([`Node::counts`], `/metrics`). A process of another
//! node may have 1 MiB of one peer's messages unhandled, and one message more: each sender has so
//! much credit per connection and process, which comes back as the process handles them. What has
//! no credit waits at the sender, up to 16 MiB per process (12 of what may be lost); then the
//! handle says what happens ([`Overflow`]): the links between that process and the sender's node
//! fire on both sides, or the newest message is lost. So a socket is never stopped for one process. Answers and exits need no credit: who asks bounds them. A peer
//! for which more than 64 MiB wait is disconnected. A message is at most 16 MiB; one of more than
//! 64 KiB travels in parts, between which others go. What a peer does beyond these bounds ends its
//! connection.
//!
//! # Threads
//!
//! A node runs on the thread that it was started on: hot processes stay together, and a message
//! between them costs no wake-up. [`NodeConfig::threads`] names further ones; a process is placed
//! there by [`Node::spawn_on`] or [`Context::spawn_on`], and its own children follow it. Blocking
//! calls belong on neither: they leave through [`Context::defer`].
//!
//! ```
//! use libproc::{Context, Node, NodeConfig, Process, Reason, Receive, Sender};
//!
//! struct Sum(u64);
//! struct Until(u64);
//!
//! impl Process for Sum {
//!     const NAME: &'static str = "sum";
//! }
//!
//! impl Receive<Until> for Sum {
//!     fn receive(&mut self, until: Until, _: &Sender, cx: &mut Context<Self>) {
//!         self.0 = (1..=until.0).sum();
//!         cx.exit_node(Reason::Stopped(format!("the sum is {}", self.0)));
//!     }
//! }
//!
//! let ended = libproc::run(async {
//!     let config = NodeConfig {
//!         threads: vec!["compute".into()],
//!         ..NodeConfig::new("example", "summing")
//!     };
//!     let node = Node::start(config).await?;
//!     let compute = node.thread("compute").expect("configured");
//!     node.spawn_on(&compute, "sum", Sum(0)).expect("the id is free").tell(Until(10));
//!     Ok::<_, std::io::Error>(node.finished().await)
//! });
//! assert_eq!(ended?, Reason::Stopped("the sum is 55".into()));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! New here? The [`guide`] goes from a first process to a supervised, simulated and traced pair of
//! nodes; `examples/` are programs to run. Restarts are in [`supervise`].
//!
//! Read next: [`Process`], [`Context`], [`Gate`], [`Node`]; then `node/` for connections and
//! links, `mailbox.rs`, `ready.rs` and `host.rs` for what runs a process, `net/` for TCP and HTTP, `sim` for the simulator.

#![deny(missing_docs)]
#![warn(clippy::missing_errors_doc)]

mod cell;
mod chain;
mod context;
mod frame;
mod gate;
pub mod guide;
mod host;
pub mod http;
mod id;
mod mailbox;
mod net;
mod node;
mod observe;
mod peer;
mod pid;
mod process;
mod ready;
mod recorder;
mod remote;
mod reply;
mod runtime;
#[cfg(feature = "sim")]
pub mod sim;
pub mod supervise;
mod sync;
pub mod telemetry;
mod thread;
mod time;
mod timers;
mod trace;
mod wire;
mod world;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use net::fuzzing;

pub use context::{Context, TimerId, Work};
pub use gate::Gate;
pub use id::{Address, IdError, NodeId, ProcessId, Upid};
pub use mailbox::{Limit, Queue};
pub use net::tls::{Certificate, ClientAuth, Identity, Open, TlsConfig, TlsError};
pub use net::{
    Admission, Authenticator, BodyGuard, Certified, DialError, Limits, NodeConfig, PageGuard,
    Target,
};
pub use node::{Counts, Node, SpawnError};
pub use observe::{Labelled, Observation};
pub use peer::{Peer, Role, Sender};
pub use pid::{Full, Pid};
pub use process::{Answer, Exit, Process, Reason, Receive};
pub use recorder::{FlightRecord, Record};
pub use remote::{Overflow, Remote};
pub use reply::{AskError, Reply};
pub use runtime::run;
pub use thread::Thread;
pub use time::{Instant, Timestamp};
pub use trace::{TraceContext, TraceState};
pub use wire::{variant_of, Wire};
pub use world::Disk;
