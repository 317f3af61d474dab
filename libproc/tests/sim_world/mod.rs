//! What the suites of the simulator play with: two connected machines, and a small program that
//! keeps what it is told.
#![allow(dead_code, unreachable_pub, reason = "no suite uses all of it")]

pub mod keeper;

use crate::common::*;
use libproc::sim::{Machine, Sim};
use libproc::{Node, NodeConfig};
use std::time::Duration;

pub const SECOND: Duration = Duration::from_secs(1);
pub const MILLI: Duration = Duration::from_millis(1);

/// Machines `s` and `c` with a probe each, connected, `c` linked to `s`.
pub struct World {
    pub sim: Sim,
    pub s: Machine,
    pub c: Machine,
    pub pair: Pair,
}

pub fn world(seed: u64) -> World {
    world_with(seed, |_, _, _| {})
}

/// As [`world`], with something done to the machines before their nodes start.
pub fn world_with(seed: u64, set: impl FnOnce(&mut Sim, Machine, Machine)) -> World {
    let mut sim = Sim::new(seed);
    let (s, c) = (sim.machine("s", "10.0.0.1:1"), sim.machine("c", "10.0.0.2:1"));
    set(&mut sim, s, c);
    let server: Node = sim.start(s, listening("s"));
    let client = sim.start(c, NodeConfig::new("t", "c"));
    let (here, there) = (Journal::default(), Journal::default());
    let probe = server.spawn("server", Probe::new(&there)).unwrap();
    let asker = client.spawn("client", Probe::new(&here)).unwrap();
    let pair = Pair { server, client, probe, asker, there, here };
    let mut world = World { sim, s, c, pair };
    world.dial();
    world.pair.link();
    world.sim.run_for(SECOND);
    world
}

impl World {
    /// Connects again, if it must.
    pub fn dial(&mut self) {
        let dial = target(&self.pair.server);
        act(&self.pair.asker, move |_, cx| {
            cx.dial(dial, |me, peer, _| me.journal.note(format!("dialled {}", peer.is_ok())));
        });
        self.sim.run_for(10 * SECOND);
    }

    /// How long one message takes from `c` to `s`.
    pub fn trip(&mut self) -> Duration {
        let (before, seen) = (self.sim.now(), self.pair.there.lines().len());
        self.pair.send(Say::Ping);
        let there = self.pair.there.clone();
        assert!(self.sim.run_until(60 * SECOND, |_| there.lines().len() > seen), "never arrived");
        self.sim.now().since(before)
    }
}
