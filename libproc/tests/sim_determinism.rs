//! The same seed gives the same run; crashes, partitions and the disk behave as the real ones do.
mod common;
use common::*;
use libproc::sim::{Machine, Sim};
use libproc::{Node, NodeConfig, Remote};
use std::path::PathBuf;
use std::time::Duration;

/// Machines `s` and `c` with a probe each, connected and linked.
struct World {
    sim: Sim,
    a: Machine,
    b: Machine,
    pair: Pair,
}

fn world(seed: u64) -> World {
    let mut sim = Sim::new(seed);
    let (a, b) = (sim.machine("s", "10.0.0.1:1"), sim.machine("c", "10.0.0.2:1"));
    let server: Node = sim.start(a, listening("s"));
    let client = sim.start(b, NodeConfig::new("t", "c"));
    let (here, there) = (Journal::default(), Journal::default());
    let probe = server.spawn("server", Probe::new(&there)).unwrap();
    let asker = client.spawn("client", Probe::new(&here)).unwrap();
    let (to, dial) = (probe.address().clone(), target(&server));
    act(&asker, move |_, cx| {
        cx.dial(dial, move |_, peer, cx| {
            peer.expect("dial");
            cx.link(&to);
        });
    });
    sim.run_for(Duration::from_secs(1));
    let pair = Pair { server, client, probe, asker, there, here };
    World { sim, a, b, pair }
}

fn log(seed: u64) -> Vec<String> {
    let mut world = world(seed);
    for n in 0..50 {
        world.pair.send(Say::Number(n));
        world.pair.ask(Question::Double(n), Duration::from_millis(2));
        let pause = world.sim.below(3);
        world.sim.run_for(Duration::from_millis(pause));
    }
    world.sim.reset(world.a, world.b);
    world.sim.run_for(Duration::from_secs(1));
    let mut log = world.sim.log();
    log.extend(world.pair.here.lines());
    log
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in [1, 2, 3, 99, u64::MAX] {
        assert_eq!(log(seed), log(seed), "seed {seed}");
    }
}

#[test]
fn two_seeds_differ() {
    assert_ne!(log(1), log(2));
}

#[test]
fn a_crash_loses_what_was_not_complete() {
    let mut world = world(4);
    let disk = world.pair.server.disk();
    let (first, second) = (PathBuf::from("/d/first"), PathBuf::from("/d/second"));
    let (one, two) = (disk.write(&first, b"1".to_vec()), disk.write(&second, b"2".to_vec()));
    world.pair.server.spawn_future(async move {
        one.await.unwrap();
        two.await.unwrap();
    });
    // Each takes at least 100 microseconds and at most two milliseconds, one after the other.
    world.sim.run_for(Duration::from_micros(50));
    world.sim.crash(world.a);
    let again = world.sim.start(world.a, listening("s"));
    let (disk, found) = (again.disk(), Journal::default());
    let noted = found.clone();
    again.spawn_future(async move {
        noted.note(format!("{:?}", disk.list("/d".as_ref()).await.unwrap()));
        disk.write("/d/third".as_ref(), b"3".to_vec()).await.unwrap();
        noted.note(format!("{:?}", disk.list("/d".as_ref()).await.unwrap()));
    });
    world.sim.run_for(Duration::from_secs(1));
    assert_eq!(found.lines(), ["[]", "[\"third\"]"]);
}

#[test]
fn a_lasting_partition_breaks_both_ends() {
    let mut world = world(5);
    let (to, back) = (world.pair.asker.address().clone(), world.pair.there.clone());
    act(&world.pair.probe, move |_, cx| cx.link(&to));
    world.sim.run_for(Duration::from_secs(1));
    world.sim.partition(world.a, world.b);
    world.sim.run_for(Duration::from_secs(19));
    assert_eq!((world.pair.here.count("exited"), back.count("exited")), (0, 0));
    world.sim.run_for(Duration::from_secs(2));
    assert_eq!((world.pair.here.count("exited"), back.count("exited")), (1, 1));
    world.sim.heal(world.a, world.b);
    world.sim.run_for(Duration::from_secs(60));
    assert_eq!((world.pair.here.count("exited"), back.count("exited")), (1, 1));
}

#[test]
fn two_short_partitions_are_no_long_one() {
    let mut world = world(6);
    for _ in 0..5 {
        world.sim.partition(world.a, world.b);
        world.sim.run_for(Duration::from_secs(15));
        world.sim.heal(world.a, world.b);
        world.sim.run_for(Duration::from_millis(100));
    }
    assert_eq!(world.pair.here.count("exited"), 0);
}

#[test]
fn a_healed_partition_keeps_order() {
    for seed in 0..50 {
        let mut world = world(seed);
        let to: Remote<Say> = remote(&world.pair.server, &world.pair.client, "server");
        let mut n = 0;
        let mut say = |world: &mut World| {
            let to = to.clone();
            act(&world.pair.asker, move |_, cx| cx.send(&to, Say::Number(n)));
            n += 1;
            world.sim.run_for(Duration::from_micros(300));
        };
        // Some are under way when it begins, some are sent meanwhile, some after it.
        (0..5).for_each(|_| say(&mut world));
        world.sim.partition(world.a, world.b);
        (0..5).for_each(|_| say(&mut world));
        world.sim.heal(world.a, world.b);
        (0..5).for_each(|_| say(&mut world));
        world.sim.run_for(Duration::from_secs(1));
        let expected: Vec<_> = (0..15).map(|n| format!("number {n}")).collect();
        assert_eq!(world.pair.there.lines(), expected, "seed {seed}");
    }
}

#[test]
fn a_dial_into_a_partition_takes_its_time() {
    let mut world = world(7);
    world.sim.reset(world.a, world.b);
    world.sim.run_for(Duration::from_secs(1));
    world.sim.partition(world.a, world.b);
    let dial = target(&world.pair.server);
    act(&world.pair.asker, move |_, cx| {
        cx.dial(dial, |me, peer, _| me.journal.note(format!("dialled {}", peer.is_ok())));
    });
    world.sim.run_for(Duration::from_secs(4));
    assert!(!world.pair.here.has("dialled"));
    world.sim.run_for(Duration::from_secs(2));
    assert!(world.pair.here.has("dialled false"));
}
