//! Over the simulated network: a node whose machine sends what no node would. Frames are whole
//! there, so a stream that is no frames at all has no counterpart but a frame that is too long.

use super::{broken, harmless, listening, target, Victim};
use crate::net::next_frame;
use crate::node::Node;
use crate::sim::Sim;
use crate::wire::{MAX_FRAME, PREFIX};
use crate::NodeConfig;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(1);

/// The frames of a stream; of one whose length is too large, one that is.
fn frames(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Ok(Some(frame)) = next_frame(stream, MAX_FRAME) {
        frames.push(frame.to_vec());
        stream = &stream[PREFIX + frame.len()..];
    }
    if !stream.is_empty() {
        frames.push(vec![0; MAX_FRAME + 1]);
    }
    frames
}

/// A node on a machine of its own, connected to the server.
fn peer(sim: &mut Sim, name: &str, server: &Node) -> Node {
    let machine = sim.machine(name, &format!("{name}:1"));
    let node = sim.start(machine, NodeConfig::new("t", name));
    let dial = node.dial(target(server));
    node.spawn_future(async move {
        dial.await.expect("it listens");
    });
    sim.run_for(SOON);
    assert_eq!(node.peers().len(), 1, "{name}");
    node
}

/// LP-05 and its like, in the simulator.
#[test]
fn a_broken_frame_ends_its_connection_and_nothing_else() {
    let mut sim = Sim::new(5);
    let machine = sim.machine("s", "s:1");
    let server = sim.start(machine, listening());
    let victim = Victim::default();
    server.spawn("target", victim.clone()).unwrap();
    let other = peer(&mut sim, "other", &server);
    for (at, (what, bytes)) in broken().into_iter().enumerate() {
        let hostile = peer(&mut sim, &format!("m{at}"), &server);
        for frame in frames(&bytes) {
            sim.forge(&hostile, &server, &frame);
        }
        sim.run_for(SOON);
        assert!(hostile.peers().is_empty(), "{what}: it was not told");
        assert_eq!(server.counts().broken_connections, at as u64 + 1, "{what}");
        assert_eq!((server.peers().len(), other.peers().len()), (1, 1), "{what}");
        assert!(server.process("target").is_some(), "{what}");
    }
    for bytes in harmless() {
        frames(&bytes).iter().for_each(|frame| sim.forge(&other, &server, frame));
    }
    sim.run_for(SOON);
    assert_eq!((victim.heard(), server.peers().len()), (1, 1));
}
