//! A panic ends one process, or its node where it is critical; never silently.
mod common;
use common::*;

// LP-06
on_both!(
    one_process_ends_and_others_live,
    a_critical_process_ends_its_node,
    a_panic_while_answering_abandons,
);

async fn one_process_ends_and_others_live(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.link();
    let other = pair.server.spawn("other", Probe::new(&pair.there)).unwrap();
    pair.send(Say::Boom);
    stage.until("the exit", || pair.here.has("exited server: panicked: boom")).await;
    act(&other, |me, _| me.journal.note("other lives"));
    stage.until("life", || pair.there.has("other lives")).await;
    assert_eq!(pair.server.exit_reason(), None);
    // Its id is free again.
    assert!(pair.server.spawn("server", Probe::new(&pair.there)).is_ok());
}

async fn a_critical_process_ends_its_node(mut stage: Stage) {
    let pair = stage.pair().await;
    let heart = pair.server.spawn_critical("heart", Probe::new(&pair.there)).unwrap();
    act(&heart, |_, _| panic!("no beat"));
    stage.until("the node's end", || pair.server.exit_reason().is_some()).await;
    let why = pair.server.exit_reason().unwrap().to_string();
    assert_eq!(why, "stopped: critical process heart: panicked: no beat");
    let gone = || pair.client.peers().is_empty();
    stage.until("its connections close", gone).await;
}

async fn a_panic_while_answering_abandons(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.ask(Question::Boom, WITHIN);
    stage.until("the answer", || pair.here.has("answer Err(Abandoned)")).await;
}
