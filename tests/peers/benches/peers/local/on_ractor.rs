//! On ractor as it is, with its feature `cluster`, which the same program needs for the way to other
//! nodes: tasks of the bench's own thread.

use super::elsewhere::elsewhere;
use crate::support::done::finish;
use ractor::{Actor, ActorProcessingErr, ActorRef, Message, RpcReplyPort};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use tokio::sync::oneshot;

enum ToSink {
    Expect(u64, oneshot::Sender<()>),
    Item(u64),
    Ping(ActorRef<ToSource>, u64),
    Question(u64, RpcReplyPort<u64>),
}

enum ToSource {
    Tells(u64),
    Pings(u64, oneshot::Sender<()>),
    Pong(u64),
    Asks(u64, oneshot::Sender<()>),
}

impl Message for ToSink {}
impl Message for ToSource {}

struct Sink;

#[derive(Default)]
struct Heard {
    sum: u64,
    left: u64,
    done: Option<oneshot::Sender<()>>,
}

impl Actor for Sink {
    type Msg = ToSink;
    type State = Heard;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<ToSink>, _: ()) -> Result<Heard, ActorProcessingErr> {
        Ok(Heard::default())
    }

    async fn handle(
        &self,
        _: ActorRef<ToSink>,
        message: ToSink,
        heard: &mut Heard,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ToSink::Expect(count, done) => (heard.left, heard.done) = (count, Some(done)),
            ToSink::Item(item) => {
                heard.sum = heard.sum.wrapping_add(item);
                heard.left -= 1;
                if heard.left == 0 {
                    finish(&mut heard.done);
                }
            }
            ToSink::Ping(source, left) => source.cast(ToSource::Pong(left))?,
            ToSink::Question(asked, reply) => reply.send(asked + 1)?,
        }
        Ok(())
    }
}

struct Source {
    sink: ActorRef<ToSink>,
}

impl Actor for Source {
    type Msg = ToSource;
    type State = Option<oneshot::Sender<()>>;
    type Arguments = ();

    async fn pre_start(
        &self,
        _: ActorRef<ToSource>,
        _: (),
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(None)
    }

    async fn handle(
        &self,
        me: ActorRef<ToSource>,
        message: ToSource,
        done: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ToSource::Tells(count) => {
                for item in 0..count {
                    self.sink.cast(ToSink::Item(item))?;
                }
            }
            ToSource::Pings(count, whom) => {
                *done = Some(whom);
                self.sink.cast(ToSink::Ping(me, count))?;
            }
            ToSource::Pong(1) => finish(done),
            ToSource::Pong(left) => self.sink.cast(ToSink::Ping(me, left - 1))?,
            // One after another, in one handler: ractor's way.
            ToSource::Asks(count, whom) => {
                for left in 0..count {
                    assert_eq!(ractor::call!(self.sink, ToSink::Question, left)?, left + 1);
                }
                let _ = whom.send(());
            }
        }
        Ok(())
    }
}

/// A source and a sink.
pub(crate) struct Pair {
    source: ActorRef<ToSource>,
    sink: ActorRef<ToSink>,
}

async fn sink() -> ActorRef<ToSink> {
    Actor::spawn(None, Sink, ()).await.expect("it starts").0
}

impl Pair {
    pub(crate) async fn start() -> Self {
        Pair::with(sink().await).await
    }

    /// The sink lives on another thread.
    pub(crate) async fn start_across() -> Self {
        Pair::with(elsewhere(sink)).await
    }

    async fn with(sink: ActorRef<ToSink>) -> Self {
        let source = Source { sink: sink.clone() };
        let (source, _) = Actor::spawn(None, source, ()).await.expect("it starts");
        Pair { source, sink }
    }

    pub(crate) async fn tells(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        let _ = self.sink.cast(ToSink::Expect(count, done));
        let _ = self.source.cast(ToSource::Tells(count));
        let _ = waiting.await;
    }

    pub(crate) async fn pings(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        let _ = self.source.cast(ToSource::Pings(count, done));
        let _ = waiting.await;
    }

    pub(crate) async fn asks(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        let _ = self.source.cast(ToSource::Asks(count, done));
        let _ = waiting.await;
    }
}

/// Sixteen bytes of state.
struct Idle;

enum ToIdle {}

impl Message for ToIdle {}

impl Actor for Idle {
    type Msg = ToIdle;
    type State = (Arc<AtomicUsize>, u64);
    type Arguments = Arc<AtomicUsize>;

    async fn pre_start(
        &self,
        _: ActorRef<ToIdle>,
        started: Arc<AtomicUsize>,
    ) -> Result<Self::State, ActorProcessingErr> {
        let at = started.fetch_add(1, Relaxed) as u64;
        Ok((started, at))
    }
}

/// Those who live: they do so until they are told to stop.
pub(crate) struct Alive(ActorRef<ToIdle>);

/// Starts as many into `alive`; each has started when its spawn is done.
pub(crate) async fn spawn(count: usize, alive: &mut Vec<Alive>) {
    let started = Arc::<AtomicUsize>::default();
    for _ in 0..count {
        let (idle, _) = Actor::spawn(None, Idle, started.clone()).await.expect("it starts");
        alive.push(Alive(idle));
    }
    assert_eq!(started.load(Relaxed), count);
}

pub(crate) fn end(alive: Vec<Alive>) {
    for Alive(idle) in alive {
        idle.stop(None);
    }
}
