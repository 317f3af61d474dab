//! LP-07: a process that is sent more than it handles costs bounded memory on both sides, and
//! nobody else anything: not the other processes of its connection, nor the connection.
mod common;
use common::*;
use libproc::sim::Sim;
use libproc::{
    Address, Context, Exit, Gate, NodeConfig, Overflow, Pid, Process, Receive, Remote, Sender,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

on_both!(
    a_flood_ends_in_an_exit_and_touches_nobody_else,
    who_was_flooded_is_told_where_its_gap_is,
    a_flood_of_what_may_be_lost_loses_the_newest,
    signs_of_life_are_lost_and_end_nothing,
    what_is_sent_at_the_pace_of_its_receiver_arrives_whole,
);

/// As the crate states them.
const WINDOW: u64 = 1024 * 1024;
const BACKLOG: u64 = 16 * 1024 * 1024;
const LENGTH: usize = 50_000;

#[derive(Serialize, Deserialize)]
#[serde(rename = "test.Load")]
enum Load {
    Numbered(u64, String),
    Heartbeat(String),
}

fn load(n: u64) -> Load {
    Load::Numbered(n, "x".repeat(LENGTH))
}

struct Sink(Journal);

impl Process for Sink {
    const NAME: &'static str = "sink";
    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<Load>(&[CLIENT]);
    }
    fn exited(&mut self, exit: Exit, _: &mut Context<Self>) {
        self.0.note(format!("exited {}: {}", exit.who.id, exit.reason));
    }
}

struct Watch(Address);

impl Receive<Watch> for Sink {
    fn receive(&mut self, watch: Watch, _: &Sender, cx: &mut Context<Self>) {
        cx.link(&watch.0);
        self.0.note("watches");
    }
}

impl Receive<Load> for Sink {
    fn receive(&mut self, load: Load, _: &Sender, _: &mut Context<Self>) {
        match load {
            Load::Numbered(n, text) => {
                assert_eq!(text.len(), LENGTH);
                self.0.note(format!("{n}"));
            }
            Load::Heartbeat(_) => self.0.note("heartbeat"),
        }
    }
}

struct Flooding {
    pair: Pair,
    sink: Pid<Sink>,
    to: Remote<Load>,
    heard: Journal,
}

impl Flooding {
    async fn begin(stage: &mut Stage) -> Self {
        let pair = stage.pair().await;
        let heard = Journal::default();
        let sink = pair.server.spawn("sink", Sink(heard.clone())).unwrap();
        let (to, other) = (sink.address().clone(), pair.probe.address().clone());
        act(&pair.asker, move |_, cx| {
            cx.link(&to);
            cx.link(&other);
        });
        let to = remote(&pair.server, &pair.client, "sink");
        pair.ask(Question::Double(1), WITHIN);
        stage.until("linked", || pair.here.has("answer Ok(2)")).await;
        Flooding { pair, sink, to, heard }
    }

    /// Sends so many in one step of the sender, faster than anybody could take them.
    fn flood(&self, to: &Remote<Load>, numbers: std::ops::Range<u64>) {
        let to = to.clone();
        act(&self.pair.asker, move |me, cx| {
            for n in numbers {
                cx.send(&to, load(n));
                let waits = cx.node().counts().waiting_bytes;
                assert!(waits <= WINDOW + BACKLOG + 2 * LENGTH as u64, "{waits} bytes wait");
            }
            me.journal.note("flooded");
        });
    }

    fn numbers(&self) -> Vec<u64> {
        self.heard.lines().iter().filter_map(|line| line.parse().ok()).collect()
    }

    fn bounded(&self) -> bool {
        let held = self.pair.server.counts().held_bytes;
        assert!(held <= WINDOW + LENGTH as u64 + 1000, "{held} bytes are held");
        true
    }

    /// Those who had nothing to do with it: the connection, and the other process over it.
    async fn others_live(&self, stage: &mut Stage) {
        self.pair.ask(Question::Double(21), WITHIN);
        stage.until("an answer", || self.bounded() && self.pair.here.has("answer Ok(42)")).await;
        assert_eq!(self.pair.client.peers().len(), 1);
        assert_eq!(self.pair.here.count("exited server"), 0);
        assert_eq!(self.pair.server.counts().broken_connections, 0);
    }
}

async fn a_flood_ends_in_an_exit_and_touches_nobody_else(mut stage: Stage) {
    let flooding = Flooding::begin(&mut stage).await;
    flooding.flood(&flooding.to, 0..500);
    let here = &flooding.pair.here;
    stage.until("the exit", || flooding.bounded() && here.has("flooded")).await;
    stage.until("the exit", || flooding.bounded() && here.count("exited sink") > 0).await;
    flooding.others_live(&mut stage).await;
    assert_eq!(here.count("exited sink: unreachable: more than"), 1, "{:?}", here.lines());
    assert_eq!(here.count("exited"), 1);
    let counts = flooding.pair.client.counts();
    assert!(counts.overflowed >= 1, "{counts:?}");
    stage.until("the rest", || flooding.pair.client.counts().waiting_bytes == 0).await;
    // What came is in order and has a gap, of which the exit told; what comes later is heard.
    flooding.flood(&flooding.to, 1000..1001);
    stage.until("the next", || flooding.numbers().last() == Some(&1000)).await;
    let numbers = flooding.numbers();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    let counts = flooding.pair.client.counts();
    assert_eq!(numbers.len() as u64 + counts.dropped, 501, "{counts:?}");
}

/// Not by silence: its own links to the other node fire, once, between what arrived before the gap
/// and what is sent behind it; and it can link again.
async fn who_was_flooded_is_told_where_its_gap_is(mut stage: Stage) {
    let flooding = Flooding::begin(&mut stage).await;
    let (pair, heard) = (&flooding.pair, &flooding.heard);
    let watch = |sink: &Pid<Sink>| sink.tell(Watch(pair.asker.address().clone()));
    watch(&flooding.sink);
    // Another process of the same node, which nobody floods.
    let back = pair.asker.address().clone();
    act(&pair.probe, move |_, cx| cx.link(&back));
    stage.until("it watches", || heard.has("watches")).await;
    pair.ask(Question::Double(3), WITHIN);
    stage.until("the client knows", || pair.here.has("answer Ok(6)")).await;
    flooding.flood(&flooding.to, 0..500);
    stage.until("it is told", || flooding.bounded() && heard.count("exited client") > 0).await;
    flooding.flood(&flooding.to, 1000..1001);
    stage.until("the next", || heard.has("1000")).await;
    let lines = heard.lines();
    let told = lines.iter().position(|line| line.starts_with("exited")).unwrap();
    assert!(lines[told].starts_with("exited client: unreachable: more than"), "{lines:?}");
    let next = lines.iter().position(|line| line == "1000").unwrap();
    let numbers = flooding.numbers();
    assert!(told < next && numbers.len() < 501, "{lines:?}");
    assert_eq!(lines[..told].iter().filter(|line| line.parse::<u64>().is_ok()).count(), told - 1);
    flooding.others_live(&mut stage).await;
    assert_eq!((heard.count("exited"), pair.there.count("exited")), (1, 0));
    // What is linked again fires again.
    watch(&flooding.sink);
    stage.until("it watches again", || heard.count("watches") == 2).await;
    pair.ask(Question::Double(4), WITHIN);
    stage.until("the client knows again", || pair.here.has("answer Ok(8)")).await;
    act(&pair.asker, |_, cx| cx.stop(libproc::Reason::Normal));
    stage.until("its end", || heard.has("exited client: ended normally")).await;
}

async fn a_flood_of_what_may_be_lost_loses_the_newest(mut stage: Stage) {
    let flooding = Flooding::begin(&mut stage).await;
    let to = flooding.to.clone().on_overflow(Overflow::Drop);
    flooding.flood(&to, 0..500);
    stage.until("the flood", || flooding.bounded() && flooding.pair.here.has("flooded")).await;
    stage
        .until("what waited", || {
            flooding.bounded() && flooding.pair.client.counts().waiting_bytes == 0
        })
        .await;
    flooding.others_live(&mut stage).await;
    let counts = flooding.pair.client.counts();
    assert!(counts.overflowed > 100, "{counts:?}");
    assert_eq!(counts.dropped, counts.overflowed);
    stage.until("all", || flooding.numbers().len() as u64 == 500 - counts.dropped).await;
    assert_eq!(flooding.numbers(), (0..500 - counts.dropped).collect::<Vec<_>>());
    assert_eq!(flooding.pair.here.count("exited"), 0);
}

async fn signs_of_life_are_lost_and_end_nothing(mut stage: Stage) {
    let flooding = Flooding::begin(&mut stage).await;
    let to = flooding.to.clone();
    act(&flooding.pair.asker, move |me, cx| {
        for _ in 0..500 {
            cx.send(&to, Load::Heartbeat("x".repeat(LENGTH)));
        }
        me.journal.note("flooded");
    });
    stage.until("the flood", || flooding.pair.here.has("flooded")).await;
    flooding.others_live(&mut stage).await;
    assert!(flooding.pair.client.counts().overflowed > 100);
    assert_eq!(flooding.pair.here.count("exited"), 0);
}

async fn what_is_sent_at_the_pace_of_its_receiver_arrives_whole(mut stage: Stage) {
    let flooding = Flooding::begin(&mut stage).await;
    // Thirty windows, a few of them at once.
    for round in 0..10 {
        flooding.flood(&flooding.to, round * 60..(round + 1) * 60);
        let all = || flooding.bounded() && flooding.numbers().len() as u64 == (round + 1) * 60;
        stage.until("the round", all).await;
    }
    assert_eq!(flooding.numbers(), (0..600).collect::<Vec<_>>());
    assert_eq!(flooding.pair.client.counts().dropped, 0);
    assert_eq!(flooding.pair.here.count("exited"), 0);
}

/// Promise: a dead peer costs bounded memory, and none once it is known to be dead.
#[test]
fn a_dead_peer_costs_bounded_memory() {
    let mut sim = Sim::new(11);
    let (a, b) = (sim.machine("s", "10.0.0.1:1"), sim.machine("c", "10.0.0.2:1"));
    let server = sim.start(a, listening("s"));
    let client = sim.start(b, NodeConfig::new("t", "c"));
    let (here, heard) = (Journal::default(), Journal::default());
    server.spawn("sink", Sink(heard.clone())).unwrap();
    let asker = client.spawn("client", Probe::new(&here)).unwrap();
    let dial = target(&server);
    act(&asker, move |_, cx| cx.dial(dial, |_, peer, _| drop(peer.expect("dial"))));
    sim.run_for(Duration::from_secs(1));
    let to: Remote<Load> = remote(&server, &client, "sink");
    let at = to.address().clone();
    act(&asker, move |_, cx| cx.link(&at));
    sim.run_for(Duration::from_secs(1));
    sim.partition(a, b);
    sim.crash(a);
    for round in 0..10u64 {
        let to = to.clone().on_overflow(Overflow::Drop);
        act(&asker, move |_, cx| (0..100).for_each(|n| cx.send(&to, load(round * 100 + n))));
        sim.run_for(Duration::from_secs(1));
        let waits = client.counts().waiting_bytes;
        assert!(waits <= BACKLOG + 2 * LENGTH as u64, "{waits} bytes wait");
    }
    assert!(client.counts().waiting_bytes > BACKLOG / 2);
    assert_eq!(here.count("exited"), 0, "known too early");
    sim.run_for(Duration::from_secs(15));
    assert_eq!(here.count("exited sink: unreachable"), 1);
    assert_eq!((client.counts().waiting_bytes, client.peers().len()), (0, 0));
}
