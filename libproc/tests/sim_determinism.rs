//! The same seed gives the same run, whatever strikes; partitions behave as real ones do.
mod common;
mod sim_world;
use common::*;
use libproc::sim::{replay, Conditions, DiskFault, Hazards, Latency, Sim, Strike};
use libproc::Remote;
use sim_world::keeper::{Keeper, MACHINES};
use sim_world::{world, World, MILLI, SECOND};
use std::collections::BTreeSet;
use std::time::Duration;

fn log(seed: u64) -> Vec<String> {
    let mut world = world(seed);
    for n in 0..50 {
        world.pair.send(Say::Number(n));
        world.pair.ask(Question::Double(n), Duration::from_millis(2));
        let pause = world.sim.below(3);
        world.sim.run_for(Duration::from_millis(pause));
    }
    world.sim.reset(world.s, world.c);
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

/// Everything that can strike, over a network that is at its worst: the whole log of 200 seeds,
/// each run twice, byte for byte; and each seed is a run of its own.
#[test]
fn two_hundred_seeds_give_two_hundred_runs_each_the_same_twice() {
    let mut hazards = Hazards::among(&MACHINES);
    hazards.may(Strike::Disk("db".into(), DiskFault::SyncsLie));
    hazards.may(Strike::Custom { name: "load".into(), what: "a reset of all".into() });
    hazards.count = hazards.kinds().len();
    hazards.within = 15 * SECOND;
    hazards.longest = 10 * SECOND;
    assert_eq!(hazards.kinds().len(), 12);
    let run = |mut sim: Sim| {
        let lifetime = Some(Latency::LongTail { least: SECOND, mean: 20 * SECOND });
        sim.set_conditions(Conditions {
            latency: Latency::LongTail { least: MILLI, mean: 10 * MILLI },
            bytes_per_second: Some(100_000),
            lifetime,
        });
        sim.on_fault("load", |sim, _, _| {
            let [db, web, _] = MACHINES.map(|name| sim.machine_named(name).unwrap());
            sim.reset(db, web);
        });
        let mut keeper = Keeper::on(sim, false);
        keeper.sim.run_for(30 * SECOND);
        Ok((keeper.sim.log().join("\n"), keeper.sim.states()))
    };
    let mut runs = BTreeSet::new();
    for seed in 0..200 {
        let plan = hazards.plan(seed);
        let (first, again) = (replay(seed, &plan, run).unwrap(), replay(seed, &plan, run).unwrap());
        assert!(first.0.lines().count() > 200, "seed {seed}: {}", first.0);
        assert!(first == again, "seed {seed}: {:?}", differing(&first.0, &again.0));
        runs.insert(first);
    }
    assert_eq!(runs.len(), 200);
}

/// The first line in which two logs differ.
fn differing(a: &str, b: &str) -> Option<(String, String)> {
    let mut lines = a.lines().zip(b.lines());
    lines.find(|(a, b)| a != b).map(|(a, b)| (a.to_owned(), b.to_owned()))
}

#[test]
fn a_lasting_partition_breaks_both_ends() {
    let mut world = world(5);
    let (to, back) = (world.pair.asker.address().clone(), world.pair.there.clone());
    act(&world.pair.probe, move |_, cx| cx.link(&to));
    world.sim.run_for(Duration::from_secs(1));
    world.sim.partition(world.s, world.c);
    world.sim.run_for(Duration::from_secs(19));
    assert_eq!((world.pair.here.count("exited"), back.count("exited")), (0, 0));
    world.sim.run_for(Duration::from_secs(2));
    assert_eq!((world.pair.here.count("exited"), back.count("exited")), (1, 1));
    world.sim.heal(world.s, world.c);
    world.sim.run_for(Duration::from_secs(60));
    assert_eq!((world.pair.here.count("exited"), back.count("exited")), (1, 1));
}

#[test]
fn two_short_partitions_are_no_long_one() {
    let mut world = world(6);
    for _ in 0..5 {
        world.sim.partition(world.s, world.c);
        world.sim.run_for(Duration::from_secs(15));
        world.sim.heal(world.s, world.c);
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
        world.sim.partition(world.s, world.c);
        (0..5).for_each(|_| say(&mut world));
        world.sim.heal(world.s, world.c);
        (0..5).for_each(|_| say(&mut world));
        world.sim.run_for(Duration::from_secs(1));
        let expected: Vec<_> = (0..15).map(|n| format!("number {n}")).collect();
        assert_eq!(world.pair.there.lines(), expected, "seed {seed}");
    }
}

#[test]
fn a_dial_into_a_partition_takes_its_time() {
    let mut world = world(7);
    world.sim.reset(world.s, world.c);
    world.sim.run_for(Duration::from_secs(1));
    world.sim.partition(world.s, world.c);
    let dial = target(&world.pair.server);
    act(&world.pair.asker, move |_, cx| {
        cx.dial(dial, |me, peer, _| me.journal.note(format!("reached {}", peer.is_ok())));
    });
    world.sim.run_for(Duration::from_secs(4));
    assert!(!world.pair.here.has("reached"));
    world.sim.run_for(Duration::from_secs(2));
    assert!(world.pair.here.has("reached false"));
}
