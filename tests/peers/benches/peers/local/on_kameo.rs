//! On kameo as it is: tasks of the bench's own thread, unbounded mailboxes.

use super::elsewhere::elsewhere;
use crate::support::done::finish;
use kameo::actor::{Actor, ActorRef, Spawn};
use kameo::error::Infallible;
use kameo::mailbox::unbounded;
use kameo::message::{Context, Message};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use tokio::sync::oneshot;

struct Item(u64);
struct Ping(ActorRef<Source>, u64);
struct Pong(u64);
struct Question(u64);
struct Expect(u64, oneshot::Sender<()>);
struct Tells(u64);
struct Pings(u64, oneshot::Sender<()>);
struct Asks(u64, oneshot::Sender<()>);

#[derive(Default)]
struct Sink {
    sum: u64,
    left: u64,
    done: Option<oneshot::Sender<()>>,
}

impl Actor for Sink {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(sink: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(sink)
    }
}

impl Message<Expect> for Sink {
    type Reply = ();

    async fn handle(&mut self, expect: Expect, _: &mut Context<Self, ()>) {
        self.left = expect.0;
        self.done = Some(expect.1);
    }
}

impl Message<Item> for Sink {
    type Reply = ();

    async fn handle(&mut self, item: Item, _: &mut Context<Self, ()>) {
        self.sum = self.sum.wrapping_add(item.0);
        self.left -= 1;
        if self.left == 0 {
            finish(&mut self.done);
        }
    }
}

impl Message<Ping> for Sink {
    type Reply = ();

    async fn handle(&mut self, ping: Ping, _: &mut Context<Self, ()>) {
        let _ = ping.0.tell(Pong(ping.1)).await;
    }
}

impl Message<Question> for Sink {
    type Reply = u64;

    async fn handle(&mut self, asked: Question, _: &mut Context<Self, u64>) -> u64 {
        asked.0 + 1
    }
}

struct Source {
    sink: ActorRef<Sink>,
    done: Option<oneshot::Sender<()>>,
}

impl Actor for Source {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(source: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(source)
    }
}

impl Message<Tells> for Source {
    type Reply = ();

    async fn handle(&mut self, tells: Tells, _: &mut Context<Self, ()>) {
        for item in 0..tells.0 {
            let _ = self.sink.tell(Item(item)).await;
        }
    }
}

impl Message<Pings> for Source {
    type Reply = ();

    async fn handle(&mut self, pings: Pings, context: &mut Context<Self, ()>) {
        self.done = Some(pings.1);
        let ping = Ping(context.actor_ref().clone(), pings.0);
        let _ = self.sink.tell(ping).await;
    }
}

impl Message<Pong> for Source {
    type Reply = ();

    async fn handle(&mut self, pong: Pong, context: &mut Context<Self, ()>) {
        match pong.0 - 1 {
            0 => finish(&mut self.done),
            left => drop(self.sink.tell(Ping(context.actor_ref().clone(), left)).await),
        }
    }
}

impl Message<Asks> for Source {
    type Reply = ();

    /// One after another, in one handler: kameo's way.
    async fn handle(&mut self, asks: Asks, _: &mut Context<Self, ()>) {
        for left in 0..asks.0 {
            assert_eq!(self.sink.ask(Question(left)).await.ok(), Some(left + 1));
        }
        let _ = asks.1.send(());
    }
}

/// A source and a sink.
pub(crate) struct Pair {
    source: ActorRef<Source>,
    sink: ActorRef<Sink>,
}

impl Pair {
    pub(crate) fn start() -> Self {
        Pair::with(Sink::spawn_with_mailbox(Sink::default(), unbounded()))
    }

    /// The sink lives on another thread.
    pub(crate) fn start_across() -> Self {
        let sink = || async { Sink::spawn_with_mailbox(Sink::default(), unbounded()) };
        Pair::with(elsewhere(sink))
    }

    fn with(sink: ActorRef<Sink>) -> Self {
        let source = Source { sink: sink.clone(), done: None };
        Pair { source: Source::spawn_with_mailbox(source, unbounded()), sink }
    }

    pub(crate) async fn tells(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        let _ = self.sink.tell(Expect(count, done)).await;
        let _ = self.source.tell(Tells(count)).await;
        let _ = waiting.await;
    }

    pub(crate) async fn pings(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        let _ = self.source.tell(Pings(count, done)).await;
        let _ = waiting.await;
    }

    pub(crate) async fn asks(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        let _ = self.source.tell(Asks(count, done)).await;
        let _ = waiting.await;
    }
}

/// Sixteen bytes of state, and a count of those that have started.
pub(crate) struct Idle {
    started: Arc<AtomicUsize>,
    state: u64,
}

impl Actor for Idle {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(mut idle: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        idle.state = idle.started.fetch_add(1, Relaxed) as u64;
        Ok(idle)
    }
}

/// Starts as many into `alive` and waits until they have started.
pub(crate) async fn spawn(count: usize, alive: &mut Vec<ActorRef<Idle>>) {
    let started = Arc::<AtomicUsize>::default();
    alive.extend((0..count).map(|_| {
        let idle = Idle { started: started.clone(), state: 0 };
        Idle::spawn_with_mailbox(idle, unbounded())
    }));
    while started.load(Relaxed) < count {
        tokio::task::yield_now().await;
    }
}
