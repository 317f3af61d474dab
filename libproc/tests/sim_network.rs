//! The simulated network: how long things take, what is cut, and how each end learns of it.
mod common;
mod sim_world;
use common::*;
use libproc::sim::{Conditions, Latency};
use libproc::NodeConfig;
use sim_world::{world, world_with, World, MILLI, SECOND};

fn exits(world: &World) -> usize {
    world.pair.here.count("exited server: unreachable")
}

#[test]
fn each_direction_takes_its_own_time() {
    let mut world = world_with(1, |sim, s, c| {
        let taking = |time| Conditions::taking(Latency::Constant(time));
        sim.set_conditions(taking(MILLI));
        sim.set_conditions_between(c, s, taking(30 * MILLI));
        sim.set_conditions_between(s, c, taking(5 * MILLI));
    });
    assert_eq!(world.trip(), 30 * MILLI);
    let before = world.sim.now();
    world.pair.ask(Question::Double(1), SECOND);
    let here = world.pair.here.clone();
    assert!(world.sim.run_until(SECOND, |_| here.has("answer Ok(2)")));
    assert_eq!(world.sim.now().since(before), 35 * MILLI);
}

#[test]
fn a_narrow_way_makes_what_is_large_wait() {
    let mut world = world(2);
    let narrow =
        Conditions { bytes_per_second: Some(1000), ..Conditions::taking(Latency::Constant(MILLI)) };
    world.sim.set_conditions_between(world.c, world.s, narrow);
    let first = world.trip();
    // Some 60 bytes at a byte per millisecond.
    assert!(first > 40 * MILLI && first < 120 * MILLI, "{first:?}");
    let (before, there) = (world.sim.now(), world.pair.there.clone());
    (0..9).for_each(|_| world.pair.send(Say::Ping));
    assert!(world.sim.run_until(60 * SECOND, |_| there.count("ping") == 10));
    let all = world.sim.now().since(before);
    assert!(all > 8 * first && all < 10 * first, "they leave one after another: {all:?}");
}

#[test]
fn connections_live_as_long_as_they_are_given() {
    let mut world = world_with(3, |sim, s, c| {
        let lifetime = Some(Latency::Constant(60 * SECOND));
        sim.set_conditions_between(c, s, Conditions { lifetime, ..Conditions::default() });
    });
    world.sim.run_for(48 * SECOND);
    assert_eq!(exits(&world), 0);
    world.sim.run_for(2 * SECOND);
    assert_eq!(exits(&world), 1);
    assert!(world.pair.server.peers().is_empty());
}

#[test]
fn a_one_way_cut_lets_the_other_way_pass_until_the_deaf_side_gives_up() {
    let mut world = world(4);
    let back = world.pair.asker.address().clone();
    act(&world.pair.probe, move |_, cx| cx.link(&back));
    world.sim.run_for(SECOND);
    // The server hears nothing any more; the client still does.
    world.sim.cut(world.c, world.s);
    world.pair.send(Say::Ping);
    let to = remote::<Say>(&world.pair.client, &world.pair.server, "client");
    act(&world.pair.probe, move |_, cx| cx.send(&to, Say::Number(5)));
    world.sim.run_for(19 * SECOND);
    assert!(!world.pair.there.has("ping") && world.pair.here.has("number 5"));
    assert_eq!((exits(&world), world.pair.there.count("exited")), (0, 0));
    // The server gives up, and its news of it passes: both have had their exit.
    world.sim.run_for(2 * SECOND);
    assert_eq!((exits(&world), world.pair.there.count("exited")), (1, 1));
    // No new connection can be made: its proof does not arrive.
    world.dial();
    assert!(world.pair.here.has("dialled false"));
    world.sim.mend(world.c, world.s);
    world.dial();
    assert_eq!(world.pair.here.count("dialled true"), 2);
    assert_eq!((exits(&world), world.pair.there.count("exited")), (1, 1));
}

#[test]
fn a_half_open_connection_is_found_by_silence_and_another_can_be_made() {
    let mut world = world(5);
    world.sim.half_open(world.s, world.c);
    world.pair.send(Say::Ping);
    world.sim.run_for(19 * SECOND);
    assert!(!world.pair.there.has("ping"));
    assert_eq!(exits(&world), 0);
    world.sim.run_for(2 * SECOND);
    assert_eq!(exits(&world), 1);
    world.dial();
    world.trip();
    assert_eq!(exits(&world), 1);
    assert!(world.sim.log().iter().any(|line| line
        .ends_with("lost c -> s: test.Say.Ping of client to server: the connection is dead")));
}

#[test]
fn power_lost_is_silence_and_a_machine_that_is_back_resets() {
    let mut world = world(6);
    world.sim.power_off(world.s);
    world.sim.run_for(5 * SECOND);
    assert_eq!(exits(&world), 0);
    world.pair.server = world.sim.start(world.s, listening("s"));
    world.pair.server.spawn("server", Probe::new(&world.pair.there)).unwrap();
    world.sim.run_for(5 * SECOND);
    assert_eq!(exits(&world), 0, "nothing was sent that it could answer");
    // To the life that is gone: the machine knows of no such connection.
    let earlier = world.pair.probe.address().clone();
    act(&world.pair.asker, move |_, cx| {
        cx.unlink(&earlier);
        cx.link(&earlier);
    });
    world.sim.run_for(SECOND);
    assert_eq!(exits(&world), 1);
    // While it is dark, nothing refuses a connection: it takes the handshake's patience.
    world.sim.power_off(world.s);
    let dial = target(&world.pair.server);
    act(&world.pair.asker, move |_, cx| {
        cx.dial(dial, |me, peer, _| me.journal.note(format!("again {}", peer.is_ok())));
    });
    world.sim.run_for(4 * SECOND);
    assert!(!world.pair.here.has("again"));
    world.sim.run_for(2 * SECOND);
    assert!(world.pair.here.has("again false"));
}

#[test]
fn nobody_listens_where_nothing_runs() {
    let mut world = world(7);
    let stranger = world.sim.machine("x", "10.0.0.3:1");
    let node = world.sim.start(stranger, NodeConfig::new("t", "c"));
    let probe = node.spawn("client", Probe::new(&world.pair.here)).unwrap();
    world.sim.crash(world.s);
    let dial = target(&world.pair.server);
    act(&probe, move |_, cx| {
        cx.dial(dial, |me, peer, _| me.journal.note(format!("stranger {}", peer.is_ok())));
    });
    world.sim.run_for(SECOND);
    assert!(world.pair.here.has("stranger false"), "refused at once");
}
