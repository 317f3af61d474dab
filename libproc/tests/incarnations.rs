//! An earlier life: what is meant for it reaches nobody, though a later one has its address and
//! its processes' names; it is counted, and a link to it fires.
mod common;
use common::*;
use libproc::{Node, NodeConfig, Reason, Remote};

on_both!(nothing_for_an_earlier_life_reaches_a_later_one);

/// Another life at the address of `server`.
async fn reborn(stage: &mut Stage, server: &Node) -> Node {
    let config = NodeConfig { listen: Some(server.advertised().to_owned()), ..listening("s") };
    match stage {
        Stage::Tcp => {
            server.exit(Reason::Stopped("reborn".into()));
            server.finished().await;
            Node::start(config).await.expect("its port is free again")
        }
        Stage::Sim(sim, nodes) => {
            let entry = nodes.iter_mut().find(|(_, node)| node.id() == server.id()).unwrap();
            entry.1 = sim.start(entry.0, config);
            entry.1.clone()
        }
    }
}

async fn nothing_for_an_earlier_life_reaches_a_later_one(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.link();
    pair.ask(Question::Double(1), WITHIN);
    stage.until("linked", || pair.here.has("answer Ok(2)")).await;
    let say: Remote<Say> = remote(&pair.server, &pair.client, "server");
    let question: Remote<Question> = remote(&pair.server, &pair.client, "server");
    let later = reborn(&mut stage, &pair.server).await;
    stage.until("the exit", || pair.here.count("exited server") == 1).await;
    stage.until("the end", || pair.client.peers().is_empty()).await;
    let heard = Journal::default();
    later.spawn("server", Probe::new(&heard)).unwrap();
    stage.connect(&pair.client, &later).await;
    assert_eq!(later.advertised(), pair.server.advertised());
    assert_ne!(later.id(), pair.server.id());

    let (dropped, earlier) = (pair.client.counts().dropped, pair.probe.address().clone());
    act(&pair.asker, move |_, cx| {
        cx.send(&say, Say::Number(1));
        cx.ask_remote(&question, Question::Double(5), WITHIN, |me: &mut Probe, got, _| {
            me.journal.note(format!("late {:?}", got as Result<u64, _>));
        });
        cx.link(&earlier);
    });
    stage.until("the second exit", || pair.here.count("exited server: unreachable") > 0).await;
    stage.until("the outcome", || pair.here.has("late Err(Disconnected)")).await;
    assert_eq!(pair.client.counts().dropped, dropped + 1);
    // The same names, in the present life.
    let present: Remote<Say> = remote(&later, &pair.client, "server");
    act(&pair.asker, move |_, cx| cx.send(&present, Say::Number(2)));
    stage.until("the present one", || heard.has("number 2")).await;
    stage.settle().await;
    assert_eq!(heard.lines(), ["number 2"]);
    assert_eq!(pair.here.count("exited server"), 2);
}
