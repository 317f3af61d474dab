//! The end of a node: what was sent before it arrives, and nothing passes a closed write gate.
mod common;
use common::*;
use libproc::{NodeConfig, Reason};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

on_both!(
    what_was_sent_before_an_exit_arrives,
    a_goodbye_of_a_stopping_process_arrives,
    a_closed_write_gate_lets_no_frame_out,
    exiting_ends_deferred_work,
);

async fn what_was_sent_before_an_exit_arrives(mut stage: Stage) {
    let pair = stage.pair().await;
    let to = remote::<Say>(&pair.server, &pair.client, "server");
    act(&pair.asker, move |_, cx| {
        for n in 0..5000 {
            cx.send(&to, Say::Number(n));
        }
        cx.exit_node(Reason::Normal);
    });
    stage.until("the last", || pair.there.has("number 4999")).await;
    assert_eq!(pair.there.count("number"), 5000);
    stage.until("the close", || pair.server.peers().is_empty()).await;
    stage.until("ours", || pair.client.peers().is_empty()).await;
}

async fn a_goodbye_of_a_stopping_process_arrives(mut stage: Stage) {
    let pair = stage.pair().await;
    let to = remote::<Say>(&pair.server, &pair.client, "server");
    // Still in the mailbox when the node is told to end.
    let node = pair.client.clone();
    act(&pair.asker, move |_, cx| {
        let me = cx.me().clone();
        act(&me, move |_, cx| cx.send(&to, Say::Number(1)));
        node.exit(Reason::Normal);
    });
    stage.until("the goodbye", || pair.there.has("number 1")).await;
}

async fn a_closed_write_gate_lets_no_frame_out(mut stage: Stage) {
    let (here, there) = (Journal::default(), Journal::default());
    let open = Arc::new(AtomicBool::new(true));
    let server = stage.node(listening("s")).await;
    let client = stage.node(NodeConfig::new("t", "c")).await;
    let gate = open.clone();
    client.guard_writes(Arc::new(move || gate.load(SeqCst)));
    server.spawn("server", Probe::new(&there)).unwrap();
    let asker = client.spawn("client", Probe::new(&here)).unwrap();
    stage.connect(&client, &server).await;
    let to = remote::<Say>(&server, &client, "server");
    act(&asker, move |_, cx| {
        open.store(false, SeqCst);
        cx.send(&to, Say::Number(1));
        // Whoever links while the gate is closed ends the node, and nothing hangs.
        cx.link(to.address());
    });
    stage.until("the node's end", || client.exit_reason().is_some()).await;
    stage.until("the close", || server.peers().is_empty()).await;
    assert_eq!(there.count("number"), 0);
}

async fn exiting_ends_deferred_work(mut stage: Stage) {
    let pair = stage.pair().await;
    let token = Arc::new(Mutex::new(()));
    let held = token.clone();
    let endless = std::future::pending::<()>();
    act(&pair.asker, move |me, cx| {
        cx.defer(
            async move {
                endless.await;
                drop(held);
            },
            |_, (), _| {},
        );
        me.journal.note("deferred");
    });
    stage.until("deferred", || pair.here.has("deferred")).await;
    pair.client.exit(Reason::Normal);
    stage.until("the work is dropped", || Arc::strong_count(&token) == 1).await;
}

/// `finished` is what a program waits for.
#[test]
fn finished_waits_until_all_is_written() {
    libproc::run(async {
        let mut stage = Stage::Tcp;
        let pair = stage.pair().await;
        let to = remote::<Say>(&pair.server, &pair.client, "server");
        act(&pair.asker, move |_, cx| {
            for n in 0..1000 {
                cx.send(&to, Say::Number(n));
            }
            cx.exit_node(Reason::Stopped("done".into()));
        });
        let reason = pair.client.finished().await;
        assert_eq!(reason, Reason::Stopped("done".into()));
        assert!(pair.client.peers().is_empty());
        stage.until("all", || pair.there.count("number") == 1000).await;
    });
}
