//! LP-07 in part: a process that is never out of messages, and a sender that never stops, keep
//! neither timers nor others waiting: not on their own node, not on the other, not between them.
mod common;
use common::*;
use libproc::{Context, Gate, NodeConfig, Overflow, Process, Receive, Remote, Sender};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Duration;

on_both!(a_flooded_process_yields, a_flooding_sender_keeps_nobody_waiting);

const SOON: Duration = Duration::from_millis(2);

/// What goes on beside a story, until it is over.
#[derive(Clone, Default)]
struct Flood {
    count: Arc<AtomicU64>,
    enough: Arc<AtomicBool>,
}

impl Flood {
    fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    fn end(&self) {
        self.enough.store(true, Relaxed);
    }
}

/// Sends itself the next message before it is done with one; and another process one, if it has
/// one to flood.
struct Tireless {
    flood: Flood,
    to: Option<Remote<Say>>,
}
struct Again;

impl Process for Tireless {
    const NAME: &'static str = "tireless";
}

impl Receive<Again> for Tireless {
    fn receive(&mut self, _: Again, _: &Sender, cx: &mut Context<Self>) {
        if self.flood.enough.load(Relaxed) {
            return;
        }
        match &self.to {
            Some(to) => cx.send(to, Say::Number(0)),
            None => drop(self.flood.count.fetch_add(1, Relaxed)),
        }
        let me = cx.me().clone();
        cx.tell(&me, Again);
    }
}

/// Counts what it is sent.
struct Sink(Flood);

impl Process for Sink {
    const NAME: &'static str = "sink";
    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<Say>(&[CLIENT]);
    }
}

impl Receive<Say> for Sink {
    fn receive(&mut self, _: Say, _: &Sender, _: &mut Context<Self>) {
        self.0.count.fetch_add(1, Relaxed);
    }
}

async fn a_flooded_process_yields(mut stage: Stage) {
    stage.keep_no_log();
    let pair = stage.pair().await;
    let flood = Flood::default();
    let flooded = Tireless { flood: flood.clone(), to: None };
    pair.client.spawn("flooded", flooded).unwrap().tell(Again);
    // A timer, a local message, and a whole trip over the network.
    act(&pair.asker, |_, cx| {
        cx.after(SOON, Say::Number(1));
    });
    pair.ask(Question::Double(4), WITHIN);
    stage
        .until("the others run", || pair.here.has("number 1") && pair.here.has("answer Ok(8)"))
        .await;
    let then = flood.count();
    stage.until("it is flooded still", || flood.count() > then + 1000).await;
    flood.end();
}

async fn a_flooding_sender_keeps_nobody_waiting(mut stage: Stage) {
    stage.keep_no_log();
    let pair = stage.pair().await;
    // A third node, for which the flooded one has to have time.
    let third = stage.node(NodeConfig::new("t", "c")).await;
    let heard = Journal::default();
    let asker = third.spawn("third", Probe::new(&heard)).unwrap();
    stage.connect(&third, &pair.server).await;
    let of_third: Remote<Question> = remote(&pair.server, &third, "server");
    pair.link();

    let flood = Flood::default();
    pair.server.spawn("sink", Sink(flood.clone())).unwrap();
    let to: Remote<Say> = remote(&pair.server, &pair.client, "sink").on_overflow(Overflow::Drop);
    let sender = Tireless { flood: flood.clone(), to: Some(to) };
    pair.client.spawn("sender", sender).unwrap().tell(Again);
    stage.until("it floods", || flood.count() > 1000).await;

    for probe in [&pair.asker, &pair.probe] {
        act(probe, |_, cx| {
            cx.after(SOON, Say::Number(1));
        });
    }
    pair.ask(Question::Double(4), WITHIN);
    act(&asker, move |_, cx| {
        cx.ask_remote(&of_third, Question::Double(5), WITHIN, |me: &mut Probe, got, _| {
            me.journal.note(format!("answer {:?}", got as Result<u64, _>));
        });
    });
    stage.until("timers", || pair.here.has("number 1") && pair.there.has("number 1")).await;
    stage.until("the same connection", || pair.here.has("answer Ok(8)")).await;
    stage.until("another connection", || heard.has("answer Ok(10)")).await;
    pair.probe.stop(libproc::Reason::Normal);
    stage.until("an exit", || pair.here.has("exited server: ended normally")).await;
    flood.end();
    assert_eq!(pair.here.count("exited"), 1);
}
