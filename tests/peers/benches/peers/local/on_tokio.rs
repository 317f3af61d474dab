//! On tokio: a task and an unbounded channel each, on the bench's thread.

use super::elsewhere::elsewhere;
use crate::support::done::finish;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::spawn_local;

enum ToSink {
    Expect(u64, oneshot::Sender<()>),
    Item(u64),
    Ping(u64),
    Question(u64, oneshot::Sender<u64>),
}

enum ToSource {
    Tells(u64),
    Pings(u64, oneshot::Sender<()>),
    Pong(u64),
    Asks(u64, oneshot::Sender<()>),
}

/// A source and a sink.
pub(crate) struct Pair {
    source: UnboundedSender<ToSource>,
    sink: UnboundedSender<ToSink>,
}

impl Pair {
    pub(crate) fn start() -> Self {
        let (source, told) = unbounded_channel();
        let sink = start_sink(source.clone());
        Pair::with(sink, source, told)
    }

    /// The sink lives on another thread.
    pub(crate) fn start_across() -> Self {
        let (source, told) = unbounded_channel();
        let back = source.clone();
        let sink = elsewhere(move || async move { start_sink(back) });
        Pair::with(sink, source, told)
    }

    fn with(
        sink: UnboundedSender<ToSink>,
        source: UnboundedSender<ToSource>,
        mut told: UnboundedReceiver<ToSource>,
    ) -> Self {
        let to = sink.clone();
        spawn_local(async move {
            let mut done = None;
            while let Some(message) = told.recv().await {
                match message {
                    ToSource::Tells(count) => (0..count).for_each(|item| {
                        let _ = to.send(ToSink::Item(item));
                    }),
                    ToSource::Pings(count, whom) => {
                        done = Some(whom);
                        let _ = to.send(ToSink::Ping(count));
                    }
                    ToSource::Pong(1) => finish(&mut done),
                    ToSource::Pong(left) => drop(to.send(ToSink::Ping(left - 1))),
                    ToSource::Asks(count, whom) => {
                        for left in 0..count {
                            let (answer, answered) = oneshot::channel();
                            let _ = to.send(ToSink::Question(left, answer));
                            assert_eq!(answered.await.ok(), Some(left + 1));
                        }
                        let _ = whom.send(());
                    }
                }
            }
        });
        Pair { source, sink }
    }

    pub(crate) async fn tells(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        let _ = self.sink.send(ToSink::Expect(count, done));
        let _ = self.source.send(ToSource::Tells(count));
        let _ = waiting.await;
    }

    pub(crate) async fn pings(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        let _ = self.source.send(ToSource::Pings(count, done));
        let _ = waiting.await;
    }

    pub(crate) async fn asks(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        let _ = self.source.send(ToSource::Asks(count, done));
        let _ = waiting.await;
    }
}

fn start_sink(back: UnboundedSender<ToSource>) -> UnboundedSender<ToSink> {
    let (sink, mut heard) = unbounded_channel();
    spawn_local(async move {
        let (mut sum, mut left, mut done) = (0u64, 0, None);
        while let Some(message) = heard.recv().await {
            match message {
                ToSink::Expect(count, whom) => (left, done) = (count, Some(whom)),
                ToSink::Item(item) => {
                    sum = sum.wrapping_add(item);
                    left -= 1;
                    if left == 0 {
                        finish(&mut done);
                    }
                }
                ToSink::Ping(left) => drop(back.send(ToSource::Pong(left))),
                ToSink::Question(asked, answer) => drop(answer.send(asked + 1)),
            }
        }
        std::hint::black_box(sum);
    });
    sink
}

/// Starts as many into `alive` and waits until they have started.
pub(crate) async fn spawn(count: usize, alive: &mut Vec<UnboundedSender<u64>>) {
    let started = Arc::<AtomicUsize>::default();
    alive.extend((0..count).map(|_| {
        let (sender, mut heard) = unbounded_channel();
        let started = started.clone();
        spawn_local(async move {
            let mut state = started.fetch_add(1, Relaxed) as u64;
            while let Some(message) = heard.recv().await {
                state = state.wrapping_add(message);
            }
            std::hint::black_box(state);
        });
        sender
    }));
    while started.load(Relaxed) < count {
        tokio::task::yield_now().await;
    }
}
