//! What can happen to a machine: crashes, pauses, clocks that are wrong.
mod common;
mod sim_world;
use common::*;
use libproc::sim::{Conditions, Latency};
use libproc::{Context, Process, Receive, Sender};
use sim_world::{world, World, MILLI, SECOND};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn exits(world: &World) -> usize {
    world.pair.here.count("exited server: unreachable")
}

#[test]
fn what_comes_to_a_paused_machine_waits_for_it_in_order() {
    let mut world = world(1);
    world.sim.pause(world.s);
    for number in 0..5 {
        world.pair.send(Say::Number(number));
        world.sim.run_for(SECOND);
    }
    assert_eq!(world.pair.there.lines(), Vec::<String>::new());
    world.sim.resume(world.s);
    world.sim.run_for(MILLI);
    let expected: Vec<_> = (0..5).map(|number| format!("number {number}")).collect();
    assert_eq!(world.pair.there.lines(), expected);
    world.sim.run_for(60 * SECOND);
    assert_eq!(exits(&world), 0);
}

#[test]
fn a_machine_that_is_paused_for_long_is_given_up_and_learns_it_when_it_wakes() {
    let mut world = world(2);
    let back = world.pair.asker.address().clone();
    act(&world.pair.probe, move |_, cx| cx.link(&back));
    world.sim.run_for(SECOND);
    world.sim.pause(world.s);
    world.sim.run_for(19 * SECOND);
    assert_eq!(exits(&world), 0);
    world.sim.run_for(2 * SECOND);
    assert_eq!((exits(&world), world.pair.there.count("exited")), (1, 0));
    // A handshake with it is not answered.
    let dial = target(&world.pair.server);
    act(&world.pair.asker, move |_, cx| {
        cx.dial(dial, |me, peer, _| me.journal.note(format!("again {}", peer.is_ok())));
    });
    world.sim.run_for(6 * SECOND);
    assert!(world.pair.here.has("again false"));
    world.sim.resume(world.s);
    world.sim.run_for(SECOND);
    assert_eq!((exits(&world), world.pair.there.count("exited")), (1, 1));
    world.dial();
    world.trip();
}

#[test]
fn a_crash_ends_a_pause() {
    let mut world = world(3);
    world.sim.pause(world.s);
    world.sim.run_for(SECOND);
    world.pair.server = world.sim.start(world.s, listening("s"));
    world.pair.server.spawn("server", Probe::new(&world.pair.there)).unwrap();
    // First the client learns of the crash.
    world.sim.run_for(SECOND);
    world.dial();
    world.trip();
    world.sim.resume(world.s);
    assert_eq!(world.pair.there.lines(), ["ping"]);
}

/// Counts its own seconds.
struct Clockwork(Arc<Mutex<u32>>);

#[derive(Clone)]
struct Second;

impl Process for Clockwork {
    const NAME: &'static str = "clockwork";
    fn started(&mut self, cx: &mut Context<Self>) {
        cx.every(SECOND, Second);
    }
}

impl Receive<Second> for Clockwork {
    fn receive(&mut self, _: Second, _: &Sender, _: &mut Context<Self>) {
        *self.0.lock().unwrap() += 1;
    }
}

#[test]
fn a_clock_that_drifts_takes_timers_and_now_with_it_at_once() {
    let mut world = world(4);
    let seconds = Arc::new(Mutex::new(0));
    world.pair.server.spawn("clockwork", Clockwork(seconds.clone())).unwrap();
    let count = |world: &mut World, span: Duration| {
        *seconds.lock().unwrap() = 0;
        let before = world.pair.server.now();
        world.sim.run_for(span);
        let local = world.pair.server.now().since(before);
        (*seconds.lock().unwrap(), local)
    };
    assert_eq!(count(&mut world, 100 * SECOND), (100, 100 * SECOND));
    // While a second is waited for, whose end is nearer now.
    world.sim.run_for(SECOND / 2);
    world.sim.drift(world.s, 100_000);
    assert_eq!(count(&mut world, 100 * SECOND), (110, 110 * SECOND));
    world.sim.drift(world.s, -100_000);
    assert_eq!(count(&mut world, 100 * SECOND), (90, 90 * SECOND));
    world.sim.drift(world.s, 0);
    assert_eq!(count(&mut world, 100 * SECOND), (100, 100 * SECOND));
    // The other machine never noticed.
    assert_eq!(world.pair.client.now(), world.sim.now());
}

#[test]
fn a_wall_clock_jumps_and_nothing_else_does() {
    let mut world = world(5);
    let seconds = Arc::new(Mutex::new(0));
    world.pair.server.spawn("clockwork", Clockwork(seconds.clone())).unwrap();
    let wall = |world: &World| Duration::from_nanos(world.pair.server.wall().as_nanos());
    let before = wall(&world);
    world.sim.jump(world.s, 3600 * SECOND, true);
    world.sim.run_for(10 * SECOND);
    assert_eq!(wall(&world), before - 3590 * SECOND);
    world.sim.jump(world.s, 7200 * SECOND, false);
    assert_eq!(wall(&world), before + 3610 * SECOND);
    assert_eq!(*seconds.lock().unwrap(), 10);
    assert_eq!(world.pair.server.now(), world.sim.now());
}

/// A fault that is left out moves nothing that it had no part in: each machine and each way between
/// two has a stream of randomness of its own.
#[test]
fn what_a_fault_did_not_touch_stays_as_it_was() {
    let run = |strike: bool| {
        let mut world = world(6);
        world.sim.set_conditions(Conditions::taking(Latency::Uniform(MILLI, 50 * MILLI)));
        let stranger = world.sim.machine("x", "10.0.0.3:1");
        let node = world.sim.start(stranger, listening("x"));
        if strike {
            node.spawn_future({
                let (node, disk) = (node.clone(), node.disk());
                async move {
                    for _ in 0..9 {
                        node.uuid();
                        disk.write("/f".as_ref(), vec![1]).await.unwrap();
                    }
                }
            });
            world.sim.run_for(SECOND);
            world.sim.crash(stranger);
        } else {
            world.sim.run_for(SECOND);
        }
        (0..20).map(|_| world.trip()).collect::<Vec<_>>()
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn who_turns_somebody_away_says_so_in_the_log() {
    let mut world = world(9);
    let elsewhere = world.sim.machine("e", "10.0.0.3:1");
    let elsewhere = world.sim.start(elsewhere, libproc::NodeConfig::new("another", "c"));
    let stranger = elsewhere.spawn("stranger", Probe::new(&world.pair.here)).unwrap();
    // Not over the connection that is open.
    world.sim.reset(world.s, world.c);
    world.sim.run_for(SECOND);
    let good = target(&world.pair.server);
    let unknown = libproc::Target { principal: "x".into(), ..good.clone() };
    let wrong = libproc::Target { secret: b"other".to_vec(), ..good.clone() };
    for (who, target) in
        [(&world.pair.asker, unknown), (&world.pair.asker, wrong), (&stranger, good)]
    {
        act(who, move |_, cx| {
            cx.dial(target, |me, peer, _| me.journal.note(format!("let in {}", peer.is_ok())));
        });
    }
    world.sim.run_for(10 * SECOND);
    assert_eq!(world.pair.here.count("let in false"), 3);
    let log = world.sim.log();
    let said = |what: &str| log.iter().filter(|line| line.contains(what)).count();
    assert_eq!(said("* refused c -> s: handshake of \"x\": "), 1, "{log:#?}");
    assert_eq!(said("* refused c -> s: handshake of \"c\": wrong proof"), 1, "{log:#?}");
    let other =
        "* refused e -> s: handshake of \"c\": this node is of cluster \"t\", not of cluster \
                 \"another\"";
    assert_eq!(said(other), 1, "{log:#?}");
}
