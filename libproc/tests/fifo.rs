//! Between two processes messages keep their order, also across a reconnect, where what was
//! lost shows as an exit.
mod common;
use common::*;

// LP-01
on_both!(
    order_is_kept,
    order_is_kept_by_as_many_routes_as_there_are_processes,
    a_reconnect_keeps_order_and_shows_its_gap,
);

fn numbers(journal: &Journal) -> Vec<u64> {
    let lines = journal.lines();
    let numbers = lines.iter().filter_map(|l| l.strip_prefix("number "));
    numbers.map(|n| n.parse().unwrap()).collect()
}

async fn order_is_kept(mut stage: Stage) {
    let pair = stage.pair().await;
    for n in 0..2000 {
        pair.send(Say::Number(n));
    }
    stage.until("all", || numbers(&pair.there).len() == 2000).await;
    assert_eq!(numbers(&pair.there), (0..2000).collect::<Vec<_>>());
}

async fn a_reconnect_keeps_order_and_shows_its_gap(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.link();
    for n in 0..500 {
        pair.send(Say::Number(n));
    }
    stage.until("some", || numbers(&pair.there).len() > 10).await;
    stage.reset(&pair.client, &pair.server);
    stage.until("the exit", || pair.here.has("exited server: unreachable")).await;
    stage.until("both know", || pair.server.peers().is_empty()).await;
    stage.connect(&pair.client, &pair.server).await;
    for n in 1000..1500 {
        pair.send(Say::Number(n));
    }
    stage.until("the last", || pair.there.has("number 1499")).await;
    let got = numbers(&pair.there);
    assert!(got.windows(2).all(|w| w[0] < w[1]), "out of order: {got:?}");
    assert!(got.ends_with(&(1000..1500).collect::<Vec<_>>()));
    assert_eq!(pair.here.count("exited"), 1);
}

/// More senders and receivers than a connection has numbers for.
async fn order_is_kept_by_as_many_routes_as_there_are_processes(mut stage: Stage) {
    let pair = stage.pair().await;
    let names: Vec<_> = (0..1500).map(|n| format!("p{n}")).collect();
    let journals: Vec<_> = names.iter().map(|_| Journal::default()).collect();
    for (name, journal) in names.iter().zip(&journals) {
        pair.server.spawn(name, Probe::new(journal)).unwrap();
    }
    let to: Vec<libproc::Remote<Say>> =
        names.iter().map(|name| remote(&pair.server, &pair.client, name)).collect();
    act(&pair.asker, move |_, cx| {
        for n in 0..4 {
            to.iter().for_each(|to| cx.send(to, Say::Number(n)));
        }
    });
    stage.until("all", || journals.iter().all(|journal| numbers(journal).len() == 4)).await;
    assert!(journals.iter().all(|journal| numbers(journal) == [0, 1, 2, 3]));
    assert_eq!(pair.server.counts().broken_connections, 0);
}
