//! From the first process to a traced, supervised, simulated pair of nodes, in six steps.
//!
//! Each step is a whole program that runs as a test of this page; some repeat what an earlier one
//! has shown, which is then left out of sight. Longer programs are in `libproc/examples/`:
//! `ping_pong`, `chat`, `worker_pool`, `pipeline`.
//!
//! 1. [Write a process](#1-write-a-process)
//! 2. [Ask it](#2-ask-it)
//! 3. [Link to it, and have it restarted](#3-link-to-it-and-have-it-restarted)
//! 4. [Put it on another node](#4-put-it-on-another-node)
//! 5. [Test it from a seed](#5-test-it-from-a-seed)
//! 6. [Trace it](#6-trace-it)
//!
//! # 1. Write a process
//!
//! A process is a struct. Its messages are types, each with a handler; handlers run one at a time,
//! so the state needs no lock. A handler takes what is said, changes the state, sends messages,
//! and returns: it never waits. Time, timers, random bits and everything else come from the
//! [`Context`](crate::Context), so that the same process runs in simulation.
//!
//! ```
//! use libproc::{Context, Node, NodeConfig, Observation, Process, Reason, Receive, Sender};
//! use std::collections::BTreeMap;
//!
//! #[derive(Default)]
//! struct Shelf {
//!     items: BTreeMap<String, u32>,
//! }
//!
//! /// Commands are imperatives; facts are in the past tense, as `ItemPut` would be.
//! struct Put(&'static str, u32);
//!
//! impl Process for Shelf {
//!     const NAME: &'static str = "shelf";
//!
//!     /// What operators see at `/__processes__` and `/metrics`.
//!     fn observe(&self, seen: &mut Observation) {
//!         seen.metric("shelf/items", self.items.len() as f64);
//!     }
//!
//!     fn stopped(&mut self, reason: &Reason, _: &mut Context<Self>) {
//!         assert_eq!(self.items["nails"], 55);
//!         assert_eq!(*reason, Reason::Normal);
//!     }
//! }
//!
//! impl Receive<Put> for Shelf {
//!     fn receive(&mut self, put: Put, _from: &Sender, _cx: &mut Context<Self>) {
//!         *self.items.entry(put.0.to_owned()).or_default() += put.1;
//!     }
//! }
//!
//! libproc::run(async {
//!     let node = Node::start(NodeConfig::new("workshop", "guide")).await?;
//!     let shelf = node.spawn_critical("shelf", Shelf::default()).expect("the id is free");
//!     // From one sender to one receiver messages keep their order.
//!     shelf.tell(Put("nails", 40));
//!     shelf.tell(Put("nails", 15));
//!     // Ends behind what is in the mailboxes. A panic above would have been the reason instead.
//!     node.exit(Reason::Normal);
//!     assert_eq!(node.finished().await, Reason::Normal);
//!     Ok::<_, std::io::Error>(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # 2. Ask it
//!
//! A request has a type, a deadline and exactly one outcome, which comes back as a later step. Who
//! is asked holds a [`Reply`](crate::Reply): a value, to be answered now, kept, or handed to
//! another process. Here it is kept until there is something to take. Dropped, by a panic too, it
//! tells the asker [`Abandoned`](crate::AskError::Abandoned); so nobody waits for ever.
//!
//! ```
//! # use libproc::{Context, Node, NodeConfig, Process, Reason, Receive, Sender};
//! use libproc::{Answer, AskError, Pid, Reply};
//! use std::collections::VecDeque;
//! use std::time::Duration;
//!
//! #[derive(Default)]
//! struct Shelf {
//!     items: VecDeque<String>,
//!     waiting: VecDeque<Reply<String>>,
//! }
//!
//! struct Put(&'static str);
//! struct Take;
//!
//! impl Answer<Take> for Shelf {
//!     type Reply = String;
//!
//!     fn answer(&mut self, _: Take, _: &Sender, reply: Reply<String>, _: &mut Context<Self>) {
//!         match self.items.pop_front() {
//!             Some(item) => reply.send(item),
//!             None => self.waiting.push_back(reply),
//!         }
//!     }
//! }
//!
//! impl Receive<Put> for Shelf {
//!     fn receive(&mut self, put: Put, _: &Sender, _: &mut Context<Self>) {
//!         match self.waiting.pop_front() {
//!             Some(reply) => reply.send(put.0.to_owned()),
//!             None => self.items.push_back(put.0.to_owned()),
//!         }
//!     }
//! }
//! # impl Process for Shelf {
//! #     const NAME: &'static str = "shelf";
//! # }
//!
//! struct Customer {
//!     shelf: Pid<Shelf>,
//! }
//!
//! impl Process for Customer {
//!     const NAME: &'static str = "customer";
//!
//!     fn started(&mut self, cx: &mut Context<Self>) {
//!         let within = Duration::from_secs(10);
//!         cx.ask(&self.shelf, Take, within, |me, taken, cx| {
//!             assert_eq!(taken, Ok("hammer".to_owned()));
//!             // Nobody puts a second one there.
//!             cx.ask(&me.shelf, Take, Duration::from_millis(10), |_, taken, cx| {
//!                 assert_eq!(taken, Err(AskError::Expired));
//!                 cx.exit_node(Reason::Normal);
//!             });
//!         });
//!         cx.tell(&self.shelf, Put("hammer"));
//!     }
//! }
//!
//! # libproc::run(async {
//! #     let node = Node::start(NodeConfig::new("workshop", "guide")).await?;
//! let shelf = node.spawn("shelf", Shelf::default()).expect("the id is free");
//! node.spawn_critical("customer", Customer { shelf }).expect("the id is free");
//! #     assert_eq!(node.finished().await, Reason::Normal);
//! #     Ok::<_, std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! What takes long and is no process (a file, a computation) leaves a handler by
//! [`Context::defer`](crate::Context::defer) and comes back in the same way.
//!
//! # 3. Link to it, and have it restarted
//!
//! A link tells you, once, that a process ended, and why: it was done, it stopped for a reason, it
//! panicked, its node cannot be reached. A [supervisor](crate::supervise) is linked to its children
//! and starts them again. State that must outlive a process does not live in it alone: the factory
//! is the place to read it from where it is kept.
//!
//! ```
//! # use libproc::{Context, Node, NodeConfig, Process, Reason, Receive, Sender};
//! use libproc::supervise::{Child, Find, Strategy, Supervisor};
//! use libproc::{Exit, Pid};
//! use std::time::Duration;
//!
//! struct Saw;
//! struct Cut(&'static str);
//!
//! impl Process for Saw {
//!     const NAME: &'static str = "saw";
//! }
//!
//! impl Receive<Cut> for Saw {
//!     fn receive(&mut self, cut: Cut, _: &Sender, cx: &mut Context<Self>) {
//!         assert_ne!(cut.0, "steel", "broken teeth");
//!         cx.exit_node(Reason::Stopped(format!("{} is cut", cut.0)));
//!     }
//! }
//!
//! struct Carpenter {
//!     tools: Pid<Supervisor>,
//! }
//!
//! impl Carpenter {
//!     fn cut(&mut self, what: &'static str, cx: &mut Context<Self>) {
//!         // The handle of the saw that there is now, or of the next one.
//!         let saw = Find::<Saw>::child("saw");
//!         cx.ask(&self.tools, saw, Duration::from_secs(10), move |_, saw, cx| {
//!             if let Ok(Ok(saw)) = saw {
//!                 cx.link(saw.address());
//!                 cx.tell(&saw, Cut(what));
//!             }
//!         });
//!     }
//! }
//!
//! impl Process for Carpenter {
//!     const NAME: &'static str = "carpenter";
//!
//!     fn started(&mut self, cx: &mut Context<Self>) {
//!         self.cut("steel", cx);
//!     }
//!
//!     fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
//!         assert!(matches!(exit.reason, Reason::Panicked(why) if why.contains("broken teeth")));
//!         self.cut("wood", cx);
//!     }
//! }
//!
//! # let ended = libproc::run(async {
//! #     let node = Node::start(NodeConfig::new("workshop", "guide")).await?;
//! let tools = Supervisor::new(Strategy::OneForOne).child(Child::new("saw", || Saw));
//! let tools = node.spawn("tools", tools).expect("the id is free");
//! node.spawn_critical("carpenter", Carpenter { tools }).expect("the id is free");
//! #     Ok::<_, std::io::Error>(node.finished().await)
//! # });
//! # assert_eq!(ended?, Reason::Stopped("wood is cut".into()));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # 4. Put it on another node
//!
//! What travels is a closed enum with a name that never changes, one for each role of peer that may
//! speak; a process says in [`Process::gate`](crate::Process::gate) what it takes, and from whom.
//! A node that listens says by an [`Authenticator`](crate::Authenticator) whom it lets in and as
//! what; both sides prove that they know the secret. A [`Remote`](crate::Remote) names a process
//! wherever it is.
//!
//! ```
//! # use libproc::{Context, Exit, Node, NodeConfig, Process, Reason, Receive, Sender};
//! use libproc::{Admission, Authenticator, Gate, ProcessId, Role, Target};
//! use serde::{Deserialize, Serialize};
//! use std::sync::Arc;
//!
//! const CUSTOMER: Role = Role::of("customer");
//! const WORKSHOP: Role = Role::of("workshop");
//!
//! #[derive(Serialize, Deserialize)]
//! #[serde(rename = "workshop.FromCustomer")]
//! enum FromCustomer {
//!     Order { what: String },
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! #[serde(rename = "workshop.FromWorkshop")]
//! enum FromWorkshop {
//!     Delivered { what: String },
//! }
//!
//! struct Workshop;
//!
//! impl Process for Workshop {
//!     const NAME: &'static str = "workshop";
//!     fn gate(gate: &mut Gate<Self>) {
//!         gate.receives::<FromCustomer>(&[CUSTOMER]);
//!     }
//! }
//!
//! impl Receive<FromCustomer> for Workshop {
//!     fn receive(&mut self, said: FromCustomer, from: &Sender, cx: &mut Context<Self>) {
//!         let FromCustomer::Order { what } = said;
//!         if let Some(customer) = from.remote::<FromWorkshop>() {
//!             cx.send(&customer, FromWorkshop::Delivered { what });
//!         }
//!     }
//! }
//!
//! struct Customer {
//!     workshop: Target,
//! }
//!
//! impl Process for Customer {
//!     const NAME: &'static str = "customer";
//!     fn gate(gate: &mut Gate<Self>) {
//!         gate.receives::<FromWorkshop>(&[WORKSHOP]);
//!     }
//!     fn started(&mut self, cx: &mut Context<Self>) {
//!         cx.dial(self.workshop.clone(), |_, peer, cx| {
//!             let peer = peer.expect("the workshop is open");
//!             let workshop = peer.remote(&ProcessId::new("workshop").expect("a good id"));
//!             // A message without a connection is dropped. Who must know is linked.
//!             cx.link(workshop.address());
//!             cx.send(&workshop, FromCustomer::Order { what: "chair".into() });
//!         });
//!     }
//! #     fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
//! #         cx.exit_node(exit.reason);
//! #     }
//! }
//!
//! impl Receive<FromWorkshop> for Customer {
//!     fn receive(&mut self, said: FromWorkshop, _: &Sender, cx: &mut Context<Self>) {
//!         let FromWorkshop::Delivered { what } = said;
//!         cx.exit_node(Reason::Stopped(format!("has a {what}")));
//!     }
//! }
//!
//! struct Door;
//!
//! impl Authenticator for Door {
//!     fn admit(&self, principal: &str) -> Option<Admission> {
//!         let secret = b"knock twice".to_vec();
//!         (principal == "anybody").then_some(Admission { secret, role: CUSTOMER })
//!     }
//!     fn presents(&self) -> (String, Role) {
//!         ("workshop".into(), WORKSHOP)
//!     }
//! }
//!
//! # let ended = libproc::run(async {
//! let there = Node::start(NodeConfig {
//!     listen: Some("127.0.0.1:0".into()),
//!     admit: Arc::new(Door),
//!     ..NodeConfig::new("town", "workshop")
//! })
//! .await?;
//! there.spawn_critical("workshop", Workshop).expect("the id is free");
//!
//! let here = Node::start(NodeConfig::new("town", "customer")).await?;
//! let workshop = Target {
//!     address: there.advertised().to_owned(),
//!     principal: "anybody".into(),
//!     secret: b"knock twice".to_vec(),
//!     role: WORKSHOP,
//! };
//! here.spawn_critical("customer", Customer { workshop }).expect("the id is free");
//! #     let ended = here.finished().await;
//! #     there.exit(Reason::Normal);
//! #     there.finished().await;
//! #     Ok::<_, std::io::Error>(ended)
//! # });
//! # assert_eq!(ended?, Reason::Stopped("has a chair".into()));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # 5. Test it from a seed
//!
//! Under `libproc::sim` (the feature `sim`) the same processes run in one thread on virtual time.
//! Machines crash, connections break, the network is cut; a minute passes in no time, and the same
//! seed gives the same run, step for step.
//!
//! ```
//! use libproc::sim::Sim;
//! use libproc::{Context, Exit, NodeConfig, Process, ProcessId, Reason, Target};
//! use std::time::Duration;
//! # use libproc::{Admission, Authenticator, Role};
//! # use std::sync::Arc;
//! # const ROLE: Role = Role::of("any");
//! # struct Open;
//! # impl Authenticator for Open {
//! #     fn admit(&self, _: &str) -> Option<Admission> {
//! #         Some(Admission { secret: b"s".to_vec(), role: ROLE })
//! #     }
//! #     fn presents(&self) -> (String, Role) {
//! #         ("any".into(), ROLE)
//! #     }
//! # }
//! # struct Idle;
//! # impl Process for Idle {
//! #     const NAME: &'static str = "idle";
//! # }
//!
//! struct Watchman {
//!     target: Target,
//!     seen: Option<Reason>,
//! }
//!
//! impl Process for Watchman {
//!     const NAME: &'static str = "watchman";
//!     fn started(&mut self, cx: &mut Context<Self>) {
//!         cx.dial(self.target.clone(), |_, peer, cx| {
//!             let id = ProcessId::new("shop").expect("a good id");
//!             cx.link(peer.expect("it listens").remote::<()>(&id).address());
//!         });
//!     }
//!     fn exited(&mut self, exit: Exit, _: &mut Context<Self>) {
//!         self.seen = Some(exit.reason);
//!     }
//! }
//!
//! /// How long it takes until the watchman knows that the other machine is gone.
//! fn noticed(seed: u64) -> Duration {
//!     let mut sim = Sim::new(seed);
//!     let (shop, tower) = (sim.machine("shop", "10.0.0.1:1"), sim.machine("tower", "10.0.0.2:1"));
//! #   let open = NodeConfig {
//! #       listen: Some("10.0.0.1:1".into()),
//! #       admit: Arc::new(Open),
//! #       ..NodeConfig::new("town", "shop")
//! #   };
//!     sim.start(shop, open).spawn("shop", Idle).expect("the id is free");
//! #   let target = Target {
//! #       address: "10.0.0.1:1".into(), principal: "any".into(), secret: b"s".to_vec(), role: ROLE,
//! #   };
//!     let watchman = Watchman { target, seen: None };
//!     let tower_node = sim.start(tower, NodeConfig::new("town", "tower"));
//!     let watchman = tower_node.spawn("watchman", watchman).expect("the id is free");
//!     sim.run_for(Duration::from_secs(1));
//!
//!     // It dies behind a cut cable: not even a reset comes through.
//!     sim.partition(shop, tower);
//!     sim.crash(shop);
//!     let cut = sim.now();
//!     let knows = |sim: &mut Sim| sim.inspect(&watchman, |it| it.seen.is_some()) == Some(true);
//!     assert!(sim.run_until(Duration::from_secs(60), knows), "it never learns of it");
//!     sim.now().since(cut)
//! }
//!
//! assert!(noticed(1) <= Duration::from_secs(20));
//! assert_eq!(noticed(1), noticed(1));
//! ```
//!
//! # 6. Trace it
//!
//! There is nothing to pass on by hand: what a handler sends belongs to the trace of what it
//! handles, across nodes, answers and deferred work. Set `OTEL_EXPORTER_OTLP_ENDPOINT`, and each
//! message is a span of its sender and one of its receiver, with the time that it waited;
//! [`Context::annotate`](crate::Context::annotate) makes a span findable,
//! [`Context::work`](crate::Context::work) gives what takes longer a span of its own, and
//! [`Context::linked`](crate::Context::linked) is for what stands for several. Where nothing is
//! exported none of it costs anything, and a context that came from elsewhere still travels on:
//!
//! ```
//! use libproc::{Context, Node, NodeConfig, Pid, Process, Reason, Receive, Sender, TraceContext};
//!
//! const CAME_WITH: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
//!
//! struct Order(u32);
//!
//! struct Shop {
//!     workshop: Pid<Workshop>,
//! }
//!
//! impl Process for Shop {
//!     const NAME: &'static str = "shop";
//! }
//!
//! impl Receive<Order> for Shop {
//!     fn receive(&mut self, order: Order, _: &Sender, cx: &mut Context<Self>) {
//!         // As from a header, or a record that was kept with what is to be done.
//!         cx.continue_trace(TraceContext::parse(CAME_WITH));
//!         cx.annotate("shop.order", &order.0);
//!         cx.tell(&self.workshop, order);
//!     }
//! }
//!
//! struct Workshop;
//!
//! impl Process for Workshop {
//!     const NAME: &'static str = "workshop";
//! }
//!
//! impl Receive<Order> for Workshop {
//!     fn receive(&mut self, _: Order, _: &Sender, cx: &mut Context<Self>) {
//!         let trace = cx.trace().map(|trace| trace.trace_id);
//!         let work = cx.work("saw and plane");
//!         cx.defer(async {}, move |_, (), cx| {
//!             drop(work); // It is done.
//!             assert_eq!(cx.trace().map(|trace| trace.trace_id), trace);
//!             let trace = trace.unwrap_or_default();
//!             cx.exit_node(Reason::Stopped(format!("made in {trace:032x}")));
//!         });
//!     }
//! }
//!
//! let ended = libproc::run(async {
//!     let node = Node::start(NodeConfig::new("town", "workshop")).await?;
//!     let workshop = node.spawn_critical("workshop", Workshop).expect("the id is free");
//!     let shop = node.spawn_critical("shop", Shop { workshop }).expect("the id is free");
//!     shop.tell(Order(7));
//!     Ok::<_, std::io::Error>(node.finished().await)
//! });
//! assert_eq!(ended?, Reason::Stopped("made in 0af7651916cd43dd8448eb211c80319c".into()));
//! # Ok::<(), std::io::Error>(())
//! ```
