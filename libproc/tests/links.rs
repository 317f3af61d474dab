//! A link fires exactly once, whatever ends the other side.
mod common;
use common::*;
use libproc::sim::Sim;
use libproc::{NodeConfig, ProcessId, Reason};
use std::time::Duration;

// LP-03
on_both!(
    normal_exit,
    stopped,
    panicked,
    node_exit,
    reset,
    no_process,
    linked_twice_fires_once,
    unlinked_stays_silent,
    an_end_and_a_break_at_once,
    local_links,
);

/// Waits for the exit, lets everything else happen, and asserts that it came once.
async fn fires_once(stage: &mut Stage, pair: &Pair, start: &str) {
    stage.until(start, || pair.here.count("exited server") > 0).await;
    stage.settle().await;
    let lines = pair.here.lines();
    assert_eq!(pair.here.count("exited server"), 1, "{lines:?}");
    assert_eq!(pair.here.count(start), 1, "{lines:?}");
}

async fn linked(stage: &mut Stage) -> Pair {
    let pair = stage.pair().await;
    pair.link();
    // Behind the link on the same connection.
    pair.ask(Question::Double(1), WITHIN);
    stage.until("linked", || pair.here.has("answer Ok(2)")).await;
    pair
}

async fn normal_exit(mut stage: Stage) {
    let pair = linked(&mut stage).await;
    pair.send(Say::Stop);
    fires_once(&mut stage, &pair, "exited server: ended normally").await;
}

async fn stopped(mut stage: Stage) {
    let pair = linked(&mut stage).await;
    pair.probe.stop(Reason::Stopped("enough".into()));
    fires_once(&mut stage, &pair, "exited server: stopped: enough").await;
}

async fn panicked(mut stage: Stage) {
    let pair = linked(&mut stage).await;
    pair.send(Say::Boom);
    fires_once(&mut stage, &pair, "exited server: panicked: boom").await;
}

async fn node_exit(mut stage: Stage) {
    let pair = linked(&mut stage).await;
    pair.server.exit(Reason::Stopped("maintenance".into()));
    fires_once(&mut stage, &pair, "exited server: stopped: maintenance").await;
    let gone = || pair.client.peers().is_empty();
    stage.until("the connection is closed", gone).await;
}

async fn reset(mut stage: Stage) {
    let pair = linked(&mut stage).await;
    stage.reset(&pair.client, &pair.server);
    fires_once(&mut stage, &pair, "exited server: unreachable").await;
}

async fn no_process(mut stage: Stage) {
    let pair = stage.pair().await;
    let mut to = pair.probe.address().clone();
    to.id = ProcessId::new("nobody").unwrap();
    act(&pair.asker, move |_, cx| cx.link(&to));
    stage.until("the exit", || pair.here.has("exited nobody: no such process")).await;
    stage.settle().await;
    assert_eq!(pair.here.count("exited"), 1);
}

async fn linked_twice_fires_once(mut stage: Stage) {
    let pair = linked(&mut stage).await;
    pair.link();
    pair.send(Say::Stop);
    fires_once(&mut stage, &pair, "exited server: ended normally").await;
}

async fn unlinked_stays_silent(mut stage: Stage) {
    let pair = linked(&mut stage).await;
    let to = pair.probe.address().clone();
    act(&pair.asker, move |_, cx| cx.unlink(&to));
    pair.send(Say::Stop);
    stage.until("the end", || pair.there.has("stopped: ended normally")).await;
    stage.settle().await;
    assert_eq!(pair.here.count("exited"), 0);
}

async fn an_end_and_a_break_at_once(mut stage: Stage) {
    let pair = linked(&mut stage).await;
    pair.probe.stop(Reason::Normal);
    stage.reset(&pair.server, &pair.client);
    fires_once(&mut stage, &pair, "exited server").await;
}

async fn local_links(mut stage: Stage) {
    let pair = stage.pair().await;
    let other = pair.client.spawn("server", Probe::new(&pair.there)).unwrap();
    let to = other.address().clone();
    act(&pair.asker, move |_, cx| {
        cx.link(&to);
        act(&other, |_, _| panic!("oh"));
    });
    fires_once(&mut stage, &pair, "exited server: panicked: oh").await;
}

/// Two linked nodes on the simulator, for what only it can do to them.
fn simulated(strike: impl FnOnce(&mut Sim, libproc::sim::Machine, libproc::sim::Machine)) -> Pair {
    let mut sim = Sim::new(3);
    let (a, b) = (sim.machine("s", "10.0.0.1:1"), sim.machine("c", "10.0.0.2:1"));
    let server = sim.start(a, listening("s"));
    let client = sim.start(b, NodeConfig::new("t", "c"));
    let (here, there) = (Journal::default(), Journal::default());
    let probe = server.spawn("server", Probe::new(&there)).unwrap();
    let asker = client.spawn("client", Probe::new(&here)).unwrap();
    let to = probe.address().clone();
    let dial = target(&server);
    act(&asker, move |_, cx| {
        cx.dial(dial, move |_, peer, cx| {
            peer.expect("dial");
            cx.link(&to);
        });
    });
    sim.run_for(Duration::from_secs(1));
    strike(&mut sim, a, b);
    Pair { server, client, probe, asker, there, here }
}

/// LP-03.
#[test]
fn a_crash_fires_once_and_a_new_life_is_another_process() {
    let pair = simulated(|sim, a, _| {
        sim.crash(a);
        sim.run_for(Duration::from_millis(10));
        let again = sim.start(a, listening("s"));
        again.spawn("server", Probe::new(&Journal::default())).unwrap();
        sim.run_for(Duration::from_secs(60));
    });
    assert_eq!(pair.here.count("exited server: unreachable"), 1);
    assert_eq!(pair.here.count("exited"), 1);
}

/// LP-03.
#[test]
fn a_half_open_connection_is_noticed_and_fires_once() {
    let pair = simulated(|sim, a, b| {
        // The crash is behind the partition: no reset comes through.
        sim.partition(a, b);
        sim.crash(a);
        sim.run_for(Duration::from_secs(19));
    });
    assert_eq!(pair.here.count("exited"), 0, "known too early");
    let pair = simulated(|sim, a, b| {
        sim.partition(a, b);
        sim.crash(a);
        sim.run_for(Duration::from_secs(21));
        sim.heal(a, b);
        sim.run_for(Duration::from_secs(30));
    });
    assert_eq!(pair.here.count("exited server: unreachable"), 1);
    assert_eq!(pair.here.count("exited"), 1);
}
