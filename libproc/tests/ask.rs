//! A request has exactly one outcome: an answer, now, later or from elsewhere, or the reason that
//! there is none. Expired work is dropped and counted.
mod common;
use common::*;
use libproc::sim::Sim;
use libproc::{NodeConfig, Remote};
use serde::{Deserialize, Serialize};
use std::time::Duration;

on_both!(
    answered_later,
    handed_on,
    abandoned,
    abandoned_by_nobody,
    expired,
    disconnected,
    unsupported,
    expired_work_is_counted,
);

async fn outcome(stage: &mut Stage, pair: &Pair, expected: &str) {
    stage.until(expected, || pair.here.count("answer") > 0).await;
    stage.settle().await;
    let answers = pair.here.lines();
    let answers: Vec<_> = answers.iter().filter(|l| l.starts_with("answer")).collect();
    assert_eq!(answers, [expected]);
}

async fn answered_later(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.ask(Question::Hold, WITHIN * 4);
    stage.until("held", || pair.there.has("holds")).await;
    assert_eq!(pair.here.count("answer"), 0);
    act(&pair.probe, |me, _| me.held.remove(0).send(5));
    outcome(&mut stage, &pair, "answer Ok(5)").await;
}

async fn handed_on(mut stage: Stage) {
    let pair = stage.pair().await;
    let other = pair.server.spawn("other", Probe::new(&pair.there)).unwrap();
    act(&pair.probe, |me, _| me.next = Some(other));
    pair.ask(Question::HandOn, WITHIN);
    outcome(&mut stage, &pair, "answer Ok(77)").await;
}

async fn abandoned(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.ask(Question::Drop, WITHIN);
    outcome(&mut stage, &pair, "answer Err(Abandoned)").await;
}

async fn abandoned_by_nobody(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.probe.stop(libproc::Reason::Normal);
    stage.until("the end", || pair.there.has("stopped")).await;
    pair.ask(Question::Double(1), WITHIN);
    outcome(&mut stage, &pair, "answer Err(Abandoned)").await;
}

async fn expired(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.ask(Question::Hold, Duration::from_millis(20));
    outcome(&mut stage, &pair, "answer Err(Expired)").await;
    // An answer that comes too late reaches nobody.
    act(&pair.probe, |me, _| me.held.remove(0).send(5));
    outcome(&mut stage, &pair, "answer Err(Expired)").await;
}

async fn disconnected(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.ask(Question::Hold, WITHIN * 4);
    stage.until("held", || pair.there.has("holds")).await;
    stage.reset(&pair.client, &pair.server);
    outcome(&mut stage, &pair, "answer Err(Disconnected)").await;
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "test.Question")]
enum NewerQuestion {
    Triple,
}

async fn unsupported(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.ask(NewerQuestion::Triple, WITHIN);
    outcome(&mut stage, &pair, "answer Err(Unsupported)").await;
    assert_eq!(pair.client.peers().len(), 1, "the connection lives");
}

/// The deadline travels: who is asked does not begin what nobody waits for.
async fn expired_work_is_counted(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.ask(Question::Hold, Duration::ZERO);
    outcome(&mut stage, &pair, "answer Err(Expired)").await;
    stage.until("the count", || pair.server.counts().expired == 1).await;
    assert!(!pair.there.has("holds"), "work was begun that nobody waits for");
    assert_eq!(pair.client.counts().expired, 0);
    // An answer in time is not touched by it.
    pair.ask(Question::Double(4), WITHIN);
    stage.until("the next", || pair.here.has("answer Ok(8)")).await;
}

/// Work that waited past its deadline is not begun.
#[test]
fn expired_work_is_dropped() {
    let mut sim = Sim::new(5);
    let (a, b) = (sim.machine("s", "10.0.0.1:1"), sim.machine("c", "10.0.0.2:1"));
    let server = sim.start(a, listening("s"));
    let client = sim.start(b, NodeConfig::new("t", "c"));
    let (here, there) = (Journal::default(), Journal::default());
    server.spawn("server", Probe::new(&there)).unwrap();
    let asker = client.spawn("client", Probe::new(&here)).unwrap();
    let dial = target(&server);
    act(&asker, move |_, cx| cx.dial(dial, |_, peer, _| drop(peer.expect("dial"))));
    sim.run_for(Duration::from_secs(1));
    let to: Remote<Question> = remote(&server, &client, "server");
    // No simulated frame is under way for less than 100 microseconds; this asks for none at all.
    act(&asker, move |_, cx| {
        let noted = |me: &mut Probe, got: Result<u64, _>, _: &mut _| {
            me.journal.note(format!("answer {got:?}"));
        };
        cx.ask_remote(&to, Question::Hold, Duration::ZERO, noted);
    });
    sim.run_for(Duration::from_secs(1));
    assert!(here.has("answer Err(Expired)"));
    assert!(!there.has("holds"), "work was begun that nobody waits for");
}
