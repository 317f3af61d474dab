//! Who is let in, and which of two connections stays.
mod common;
use common::*;
use libproc::{DialError, Node, NodeConfig, Peer, Role, Target};
use std::sync::{Arc, Mutex};

on_both!(
    strangers_are_refused,
    dials_to_one_address_share_a_connection,
    two_dials_make_one_connection,
    a_node_id_belongs_to_its_first_principal,
    an_ended_node_takes_nobody,
);

type Outcome = Arc<Mutex<Vec<Result<Arc<Peer>, DialError>>>>;

fn dial(from: &Node, to: Target, outcome: &Outcome) {
    let (dialling, outcome) = (from.dial(to), outcome.clone());
    from.spawn_future(async move {
        let done = dialling.await;
        outcome.lock().unwrap().push(done);
    });
}

async fn refused(stage: &mut Stage, from: &Node, to: Target) -> DialError {
    let outcome = Outcome::default();
    dial(from, to, &outcome);
    stage.until("an outcome", || !outcome.lock().unwrap().is_empty()).await;
    let outcome = outcome.lock().unwrap().remove(0);
    outcome.expect_err("was let in")
}

async fn strangers_are_refused(mut stage: Stage) {
    let server = stage.node(listening("s")).await;
    let client = stage.node(NodeConfig::new("t", "c")).await;
    let elsewhere = stage.node(NodeConfig::new("another", "c")).await;
    let good = target(&server);

    let unknown = Target { principal: "x".into(), ..good.clone() };
    let error = refused(&mut stage, &client, unknown).await;
    assert!(matches!(error, DialError::Refused { .. }), "{error}");

    let wrong = Target { secret: b"other".to_vec(), ..good.clone() };
    let error = refused(&mut stage, &client, wrong).await;
    assert!(matches!(error, DialError::Untrusted { .. }), "{error}");

    let error = refused(&mut stage, &elsewhere, good.clone()).await;
    let said = "this node is of cluster \"t\", not of cluster \"another\"";
    assert!(matches!(&error, DialError::Refused { cause, .. } if cause.ends_with(said)), "{error}");

    let local = Target { role: Role::LOCAL, ..good.clone() };
    let error = refused(&mut stage, &client, local).await;
    assert!(matches!(error, DialError::Untrusted { .. }), "{error}");

    let error = refused(&mut stage, &server, good).await;
    assert!(error.to_string().contains("itself"), "{error}");
    assert!(server.peers().is_empty());
}

async fn dials_to_one_address_share_a_connection(mut stage: Stage) {
    let server = stage.node(listening("s")).await;
    let client = stage.node(NodeConfig::new("t", "c")).await;
    let outcome = Outcome::default();
    for _ in 0..3 {
        dial(&client, target(&server), &outcome);
    }
    stage.until("all", || outcome.lock().unwrap().len() == 3).await;
    let peers: Vec<_> = outcome.lock().unwrap().drain(..).map(Result::unwrap).collect();
    assert!(peers.iter().all(|peer| Arc::ptr_eq(peer, &peers[0])));
    dial(&client, target(&server), &outcome);
    stage.until("again", || !outcome.lock().unwrap().is_empty()).await;
    let again = outcome.lock().unwrap().remove(0).unwrap();
    assert!(Arc::ptr_eq(&again, &peers[0]), "an open connection is used again");
}

/// Both dial at once; both dials succeed, over one connection, and no link across it fires.
async fn two_dials_make_one_connection(mut stage: Stage) {
    for _ in 0..5 {
        let (a, b) = (stage.node(listening("a")).await, stage.node(listening("b")).await);
        let (here, there) = (Journal::default(), Journal::default());
        let left = a.spawn("left", Probe::new(&here)).unwrap();
        let right = b.spawn("right", Probe::new(&there)).unwrap();
        let (to_right, to_left) = (right.address().clone(), left.address().clone());
        let (to_b, to_a) = (target(&b), target(&a));
        act(&left, move |_, cx| {
            cx.dial(to_b, move |me, peer, cx| {
                me.journal.note(format!("dialled {}", peer.is_ok()));
                cx.link(&to_right);
            });
        });
        act(&right, move |_, cx| {
            cx.dial(to_a, move |me, peer, cx| {
                me.journal.note(format!("dialled {}", peer.is_ok()));
                cx.link(&to_left);
            });
        });
        stage.until("both dialled", || here.has("dialled true") && there.has("dialled true")).await;
        stage.settle().await;
        assert_eq!((a.peers().len(), b.peers().len()), (1, 1));
        assert_eq!((here.count("exited"), there.count("exited")), (0, 0));
        // One side dialled, the other was dialled.
        let mut roles = [a.peers()[0].role.clone(), b.peers()[0].role.clone()];
        roles.sort();
        assert_eq!(roles, [CLIENT, SERVER]);
    }
}

async fn a_node_id_belongs_to_its_first_principal(mut stage: Stage) {
    let server = stage.node(listening("s")).await;
    let other = stage.node(listening("s2")).await;
    let client = stage.node(NodeConfig::new("t", "c")).await;
    stage.connect(&client, &server).await;
    // Another way to the same node, with another credential.
    let elsewhere = Target {
        address: server.advertised().replace("127.0.0.1", "localhost"),
        principal: "c2".into(),
        ..target(&server)
    };
    drop(other);
    if elsewhere.address == server.advertised() {
        // A simulated machine has one address: there the open connection is used again.
        return;
    }
    let error = refused(&mut stage, &client, elsewhere).await;
    assert!(error.to_string().contains("another principal"), "{error}");
    assert_eq!(server.peers()[0].principal, "c", "the first connection stays");
}

async fn an_ended_node_takes_nobody(mut stage: Stage) {
    let server = stage.node(listening("s")).await;
    let client = stage.node(NodeConfig::new("t", "c")).await;
    server.exit(libproc::Reason::Normal);
    let error = refused(&mut stage, &client, target(&server)).await;
    assert!(matches!(error, DialError::Connect { .. } | DialError::Refused { .. }), "{error}");
}
