//! A message arrives at most once, whatever happens to its connection.
mod common;
use common::*;
use std::collections::BTreeMap;

// LP-02
on_both!(
    resets_never_duplicate,
    without_a_connection_nothing_arrives_later,
    two_connections_at_once_never_duplicate,
);

async fn resets_never_duplicate(mut stage: Stage) {
    let pair = stage.pair().await;
    for round in 0..10u64 {
        for n in 0..100 {
            pair.send(Say::Number(round * 100 + n));
        }
        let before = pair.there.count("number");
        stage.until("one of the round", || pair.there.count("number") > before).await;
        stage.reset(&pair.client, &pair.server);
        stage
            .until("both know", || pair.server.peers().is_empty() && pair.client.peers().is_empty())
            .await;
        stage.connect(&pair.client, &pair.server).await;
    }
    pair.send(Say::Number(9999));
    stage.until("the last", || pair.there.has("number 9999")).await;
    let mut seen = BTreeMap::<String, usize>::new();
    for line in pair.there.lines() {
        *seen.entry(line).or_default() += 1;
    }
    assert!(seen.values().all(|count| *count == 1), "{seen:?}");
}

async fn without_a_connection_nothing_arrives_later(mut stage: Stage) {
    let pair = stage.pair().await;
    let to: libproc::Remote<Say> = remote(&pair.server, &pair.client, "server");
    stage.reset(&pair.client, &pair.server);
    stage
        .until("both know", || pair.server.peers().is_empty() && pair.client.peers().is_empty())
        .await;
    act(&pair.asker, move |me, cx| {
        cx.send(&to, Say::Number(1));
        me.journal.note("sent");
    });
    stage.until("sent", || pair.here.has("sent")).await;
    stage.connect(&pair.client, &pair.server).await;
    pair.send(Say::Number(2));
    stage.until("the second", || pair.there.has("number 2")).await;
    assert!(!pair.there.has("number 1"));
}

/// Both nodes dial each other and speak at once: whichever connection stays, nothing that was said
/// over the other is said again.
async fn two_connections_at_once_never_duplicate(mut stage: Stage) {
    for _ in 0..5 {
        let (a, b) = (stage.node(listening("a")).await, stage.node(listening("b")).await);
        let (at_a, at_b) = (Journal::default(), Journal::default());
        let left = a.spawn("left", Probe::new(&at_a)).unwrap();
        let right = b.spawn("right", Probe::new(&at_b)).unwrap();
        for (from, to) in [(&left, &right), (&right, &left)] {
            let (dial, id) = (target(to.node()), to.address().id.clone());
            act(from, move |_, cx| {
                cx.dial(dial, move |_, peer, cx| {
                    let to = peer.expect("dial").remote(&id);
                    (0..200).for_each(|n| cx.send(&to, Say::Number(n)));
                });
            });
        }
        let last = "number 199";
        stage.until("both are heard", || at_a.has(last) && at_b.has(last)).await;
        stage.settle().await;
        for journal in [&at_a, &at_b] {
            let expected: Vec<_> = (0..200).map(|n| format!("number {n}")).collect();
            assert_eq!(journal.lines(), expected);
        }
    }
}
