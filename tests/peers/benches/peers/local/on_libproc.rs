//! On libproc.

use crate::support::done::finish;
use libproc::{Answer, Context, Node, NodeConfig, Pid, Process, Reason, Receive, Reply, Sender};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

const DEADLINE: Duration = Duration::from_secs(5);

struct Item(u64);
struct Ping(Pid<Source>, u64);
struct Pong(u64);
struct Question(u64);

/// How many items to wait for, and whom to tell.
struct Expect(u64, oneshot::Sender<()>);

#[derive(Default)]
struct Sink {
    sum: u64,
    left: u64,
    done: Option<oneshot::Sender<()>>,
}

impl Process for Sink {
    const NAME: &'static str = "sink";
}

impl Receive<Expect> for Sink {
    fn receive(&mut self, expect: Expect, _: &Sender, _: &mut Context<Self>) {
        self.left = expect.0;
        self.done = Some(expect.1);
    }
}

impl Receive<Item> for Sink {
    fn receive(&mut self, item: Item, _: &Sender, _: &mut Context<Self>) {
        self.sum = self.sum.wrapping_add(item.0);
        self.left -= 1;
        if self.left == 0 {
            finish(&mut self.done);
        }
    }
}

impl Receive<Ping> for Sink {
    fn receive(&mut self, ping: Ping, _: &Sender, cx: &mut Context<Self>) {
        cx.tell(&ping.0, Pong(ping.1));
    }
}

impl Answer<Question> for Sink {
    type Reply = u64;

    fn answer(&mut self, asked: Question, _: &Sender, reply: Reply<u64>, _: &mut Context<Self>) {
        reply.send(asked.0 + 1);
    }
}

struct Tells(u64);
struct Pings(u64, oneshot::Sender<()>);
struct Asks(u64, oneshot::Sender<()>);

struct Source {
    sink: Pid<Sink>,
    done: Option<oneshot::Sender<()>>,
}

impl Process for Source {
    const NAME: &'static str = "source";
}

impl Receive<Tells> for Source {
    fn receive(&mut self, tells: Tells, _: &Sender, cx: &mut Context<Self>) {
        for item in 0..tells.0 {
            cx.tell(&self.sink, Item(item));
        }
    }
}

impl Receive<Pings> for Source {
    fn receive(&mut self, pings: Pings, _: &Sender, cx: &mut Context<Self>) {
        self.done = Some(pings.1);
        let me = cx.me().clone();
        cx.tell(&self.sink, Ping(me, pings.0));
    }
}

impl Receive<Pong> for Source {
    fn receive(&mut self, pong: Pong, _: &Sender, cx: &mut Context<Self>) {
        match pong.0 - 1 {
            0 => finish(&mut self.done),
            left => {
                let me = cx.me().clone();
                cx.tell(&self.sink, Ping(me, left));
            }
        }
    }
}

impl Receive<Asks> for Source {
    fn receive(&mut self, asks: Asks, _: &Sender, cx: &mut Context<Self>) {
        self.done = Some(asks.1);
        self.ask(asks.0, cx);
    }
}

impl Source {
    fn ask(&mut self, left: u64, cx: &mut Context<Self>) {
        let sink = self.sink.clone();
        cx.ask(&sink, Question(left), DEADLINE, move |source: &mut Self, answer, cx| {
            assert_eq!(answer, Ok(left + 1));
            match left - 1 {
                0 => finish(&mut source.done),
                left => source.ask(left, cx),
            }
        });
    }
}

fn config() -> NodeConfig {
    NodeConfig::new("bench", "bench")
}

async fn node() -> Node {
    let node = Node::start(config()).await;
    node.expect("a node that does not listen starts")
}

/// A source and a sink.
pub(crate) struct Pair {
    source: Pid<Source>,
    sink: Pid<Sink>,
}

impl Pair {
    pub(crate) async fn start() -> Self {
        Pair::start_recorded(0).await
    }

    /// With the flight recorder on, if it is to keep any.
    pub(crate) async fn start_recorded(last: usize) -> Self {
        let node = Node::start(NodeConfig { recorder: last, ..config() }).await;
        let node = node.expect("a node that does not listen starts");
        let sink = node.spawn("sink", Sink::default()).expect("a fresh node");
        Pair::with(&node, sink)
    }

    /// The sink lives on another thread.
    pub(crate) async fn start_across() -> Self {
        let config = NodeConfig { threads: vec!["io".into()], ..config() };
        let node = Node::start(config).await.expect("a node that does not listen starts");
        let thread = node.thread("io").expect("configured");
        let sink = node.spawn_on(&thread, "sink", Sink::default()).expect("a fresh node");
        Pair::with(&node, sink)
    }

    fn with(node: &Node, sink: Pid<Sink>) -> Self {
        let source = Source { sink: sink.clone(), done: None };
        let source = node.spawn("source", source).expect("a fresh node");
        Pair { source, sink }
    }

    pub(crate) async fn tells(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        self.sink.tell(Expect(count, done));
        self.source.tell(Tells(count));
        let _ = waiting.await;
    }

    pub(crate) async fn pings(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        self.source.tell(Pings(count, done));
        let _ = waiting.await;
    }

    pub(crate) async fn asks(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        self.source.tell(Asks(count, done));
        let _ = waiting.await;
    }
}

/// Sixteen bytes of state, and a count of those that have started.
struct Idle {
    started: Arc<AtomicUsize>,
    state: u64,
}

impl Process for Idle {
    const NAME: &'static str = "idle";

    fn started(&mut self, _: &mut Context<Self>) {
        self.state = self.started.fetch_add(1, Relaxed) as u64;
    }
}

/// A fresh node and the ids of those who will live there.
pub(crate) struct Nursery {
    node: Node,
    ids: Vec<String>,
}

/// Those who live there.
pub(crate) struct Alive {
    node: Node,
    _handles: Vec<Box<dyn std::any::Any>>,
}

impl Nursery {
    pub(crate) async fn new(count: usize) -> Self {
        let ids = (0..count).map(|at| format!("idle-{at}")).collect();
        Nursery { node: node().await, ids }
    }

    /// Starts them all and waits until they have started.
    pub(crate) async fn spawn(self) -> Alive {
        let started = Arc::<AtomicUsize>::default();
        let count = self.ids.len();
        let spawn = |id: &String| {
            let idle = Idle { started: started.clone(), state: 0 };
            self.node.spawn(id, idle).expect("ids differ")
        };
        let pids: Vec<_> = self.ids.iter().map(spawn).collect();
        while started.load(Relaxed) < count {
            tokio::task::yield_now().await;
        }
        Alive { node: self.node, _handles: vec![Box::new(pids)] }
    }
}

impl Alive {
    pub(crate) async fn end(self) {
        self.node.exit(Reason::Normal);
        self.node.ended().await;
    }
}
