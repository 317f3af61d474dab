//! On actix as it is.

use crate::support::done::finish;
use actix::{
    Actor, ActorFutureExt, Addr, Arbiter, AsyncContext, Context, Handler, Message, WrapFuture,
};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use tokio::sync::oneshot;

struct Item(u64);
struct Ping(Addr<Source>, u64);
struct Pong(u64);
struct Question(u64);
struct Expect(u64, oneshot::Sender<()>);
struct Tells(u64);
struct Pings(u64, oneshot::Sender<()>);
struct Asks(u64, oneshot::Sender<()>);

macro_rules! messages {
    ($result:ty: $($message:ty)*) => {
        $(impl Message for $message {
            type Result = $result;
        })*
    };
}

messages!((): Item Ping Pong Expect Tells Pings Asks);
messages!(u64: Question);

#[derive(Default)]
struct Sink {
    sum: u64,
    left: u64,
    done: Option<oneshot::Sender<()>>,
}

impl Actor for Sink {
    type Context = Context<Self>;
}

impl Handler<Expect> for Sink {
    type Result = ();

    fn handle(&mut self, expect: Expect, _: &mut Self::Context) {
        self.left = expect.0;
        self.done = Some(expect.1);
    }
}

impl Handler<Item> for Sink {
    type Result = ();

    fn handle(&mut self, item: Item, _: &mut Self::Context) {
        self.sum = self.sum.wrapping_add(item.0);
        self.left -= 1;
        if self.left == 0 {
            finish(&mut self.done);
        }
    }
}

impl Handler<Ping> for Sink {
    type Result = ();

    fn handle(&mut self, ping: Ping, _: &mut Self::Context) {
        ping.0.do_send(Pong(ping.1));
    }
}

impl Handler<Question> for Sink {
    type Result = u64;

    fn handle(&mut self, asked: Question, _: &mut Self::Context) -> u64 {
        asked.0 + 1
    }
}

struct Source {
    sink: Addr<Sink>,
    done: Option<oneshot::Sender<()>>,
}

impl Actor for Source {
    type Context = Context<Self>;
}

impl Handler<Tells> for Source {
    type Result = ();

    fn handle(&mut self, tells: Tells, _: &mut Self::Context) {
        for item in 0..tells.0 {
            self.sink.do_send(Item(item));
        }
    }
}

impl Handler<Pings> for Source {
    type Result = ();

    fn handle(&mut self, pings: Pings, context: &mut Self::Context) {
        self.done = Some(pings.1);
        self.sink.do_send(Ping(context.address(), pings.0));
    }
}

impl Handler<Pong> for Source {
    type Result = ();

    fn handle(&mut self, pong: Pong, context: &mut Self::Context) {
        match pong.0 - 1 {
            0 => finish(&mut self.done),
            left => self.sink.do_send(Ping(context.address(), left)),
        }
    }
}

impl Handler<Asks> for Source {
    type Result = ();

    fn handle(&mut self, asks: Asks, context: &mut Self::Context) {
        self.done = Some(asks.1);
        self.ask(asks.0, context);
    }
}

impl Source {
    fn ask(&mut self, left: u64, context: &mut Context<Self>) {
        let asking = self.sink.send(Question(left)).into_actor(self);
        context.spawn(asking.map(move |answer, source, context| {
            assert_eq!(answer.ok(), Some(left + 1));
            match left - 1 {
                0 => finish(&mut source.done),
                left => source.ask(left, context),
            }
        }));
    }
}

/// A source and a sink.
pub(crate) struct Pair {
    source: Addr<Source>,
    sink: Addr<Sink>,
}

impl Pair {
    pub(crate) fn start() -> Self {
        Pair::with(Sink::default().start())
    }

    /// The sink lives on another thread.
    pub(crate) fn start_across() -> Self {
        let arbiter = Arbiter::new();
        Pair::with(Sink::start_in_arbiter(&arbiter.handle(), |_| Sink::default()))
    }

    fn with(sink: Addr<Sink>) -> Self {
        let source = Source { sink: sink.clone(), done: None }.start();
        Pair { source, sink }
    }

    pub(crate) async fn tells(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        self.sink.do_send(Expect(count, done));
        self.source.do_send(Tells(count));
        let _ = waiting.await;
    }

    pub(crate) async fn pings(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        self.source.do_send(Pings(count, done));
        let _ = waiting.await;
    }

    pub(crate) async fn asks(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        self.source.do_send(Asks(count, done));
        let _ = waiting.await;
    }
}

/// Sixteen bytes of state, and a count of those that have started.
pub(crate) struct Idle {
    started: Arc<AtomicUsize>,
    state: u64,
}

impl Actor for Idle {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.state = self.started.fetch_add(1, Relaxed) as u64;
    }
}

/// Starts as many into `alive` and waits until they have started.
pub(crate) async fn spawn(count: usize, alive: &mut Vec<Addr<Idle>>) {
    let started = Arc::<AtomicUsize>::default();
    alive.extend((0..count).map(|_| Idle { started: started.clone(), state: 0 }.start()));
    while started.load(Relaxed) < count {
        tokio::task::yield_now().await;
    }
}
