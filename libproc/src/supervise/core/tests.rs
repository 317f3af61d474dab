use super::Effect::{End, Force, Start, Stop};
use super::*;
use proptest::prelude::{any, prop, prop_assert, prop_oneof, proptest, Just};
use proptest::strategy::Strategy as Generator;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u64) -> Instant {
    Instant::ZERO + SECOND * seconds as u32
}

fn boom() -> Reason {
    Reason::Panicked("boom".into())
}

/// Three children that are always restarted, without pauses, all up.
fn three(strategy: Strategy) -> Core {
    let mut core = Core::new(strategy);
    core.backoff = Backoff::NONE;
    for id in ["a", "b", "c"] {
        core.add(id, Restart::Always, SECOND);
    }
    assert_eq!(all(&mut core, at(0)), [Start(0), Start(1), Start(2)]);
    core
}

fn all(core: &mut Core, now: Instant) -> Vec<Effect> {
    std::iter::from_fn(|| core.next(now)).collect()
}

fn phases(core: &Core) -> Vec<&'static str> {
    core.rows().iter().map(|row| row.phase.name()).collect()
}

#[test]
fn one_for_one_restarts_the_one() {
    let mut core = three(Strategy::OneForOne);
    core.exited(1, boom(), at(1), 0);
    assert_eq!(all(&mut core, at(1)), [Start(1)]);
    let of_b = &core.rows()[1];
    assert_eq!((of_b.restarts, of_b.last.clone()), (1, Some(boom())));
    assert_eq!(core.rows()[0].restarts, 0);
}

#[test]
fn rest_for_one_stops_those_after_it_in_reverse_and_starts_them_in_order() {
    let mut core = three(Strategy::RestForOne);
    core.exited(0, boom(), at(1), 0);
    assert_eq!(all(&mut core, at(1)), [Stop(2)]);
    core.exited(2, Reason::Normal, at(1), 0);
    assert_eq!(all(&mut core, at(1)), [Stop(1)]);
    core.exited(1, Reason::Normal, at(1), 0);
    assert_eq!(all(&mut core, at(1)), [Start(0), Start(1), Start(2)]);
    core.exited(1, boom(), at(2), 0);
    assert_eq!(all(&mut core, at(2)), [Stop(2)]);
    core.exited(2, Reason::Normal, at(2), 0);
    assert_eq!(all(&mut core, at(2)), [Start(1), Start(2)]);
}

#[test]
fn one_for_all_stops_and_starts_all_and_waits_for_the_longest_pause() {
    let mut core = three(Strategy::OneForAll);
    core.backoff = Backoff { first: SECOND * 2, most: SECOND * 2 };
    core.exited(1, boom(), at(1), 0);
    assert_eq!(all(&mut core, at(1)), [Stop(2)]);
    core.exited(2, Reason::Normal, at(1), 0);
    assert_eq!(all(&mut core, at(1)), [Stop(0)]);
    core.exited(0, Reason::Normal, at(1), 0);
    assert_eq!(all(&mut core, at(1)), []);
    assert_eq!(core.wake_at(), Some(at(2)), "half of the pause, by this jitter");
    assert_eq!(all(&mut core, at(2)), [Start(0), Start(1), Start(2)]);
}

#[test]
fn a_start_that_fails_counts_and_holds_back_who_depends_on_it() {
    let mut core = Core::new(Strategy::RestForOne);
    core.backoff = Backoff { first: SECOND, most: SECOND };
    core.add("a", Restart::Always, SECOND);
    core.add("b", Restart::Always, SECOND);
    assert_eq!(core.next(at(0)), Some(Start(0)));
    core.exited(0, Reason::Stopped("no".into()), at(0), u64::MAX);
    assert_eq!(core.next(at(0)), None);
    assert_eq!(phases(&core), ["down", "down"]);
    let due = core.wake_at().unwrap();
    assert_eq!(all(&mut core, due), [Start(0), Start(1)]);
}

#[test]
fn what_cannot_start_is_not_tried_again_within_the_step() {
    let mut core = Core::new(Strategy::OneForOne);
    core.backoff = Backoff::NONE;
    core.limit.restarts = u32::MAX;
    core.add("a", Restart::Always, SECOND);
    let mut now = at(1);
    for _ in 0..1000 {
        assert_eq!(core.next(now), Some(Start(0)));
        core.exited(0, Reason::NoProcess, now, 0);
        assert_eq!(core.next(now), None);
        now = core.wake_at().unwrap();
    }
    assert_eq!(now, at(2));
}

#[test]
fn past_the_limit_all_end_and_the_reason_names_the_child_and_its_last_cause() {
    let mut core = three(Strategy::OneForOne);
    core.limit = Limit { restarts: 2, within: SECOND * 10 };
    for second in [1, 2] {
        core.exited(1, boom(), at(second), 0);
        assert_eq!(all(&mut core, at(second)), [Start(1)]);
    }
    core.exited(1, boom(), at(11), 0);
    assert_eq!(all(&mut core, at(11)), [Stop(2)]);
    core.exited(2, Reason::Normal, at(11), 0);
    assert_eq!(all(&mut core, at(11)), [Stop(0)]);
    core.exited(0, Reason::Normal, at(11), 0);
    let why = "more than 2 restarts within 10s; child b panicked: boom";
    assert_eq!(all(&mut core, at(11)), [End(Reason::Stopped(why.into()))]);
    assert_eq!(all(&mut core, at(99)), []);
    assert_eq!(core.wake_at(), None);
}

#[test]
fn restarts_that_are_further_apart_than_the_limit_go_on_for_ever() {
    let mut core = three(Strategy::OneForOne);
    core.limit = Limit { restarts: 1, within: SECOND };
    for second in 1..50 {
        core.exited(0, boom(), at(second * 2), 0);
        assert_eq!(all(&mut core, at(second * 2)), [Start(0)]);
    }
}

#[test]
fn a_long_life_makes_the_next_pause_short_again() {
    let mut core = three(Strategy::OneForOne);
    core.backoff = Backoff { first: SECOND, most: SECOND * 8 };
    core.limit.restarts = 99;
    let mut pause = |now: Instant| {
        core.exited(0, boom(), now, u64::MAX - 1);
        let due = core.wake_at().unwrap();
        assert_eq!(all(&mut core, due), [Start(0)]);
        (due.since(now), due)
    };
    let (first, up) = pause(at(1));
    let (second, up) = pause(up + SECOND);
    assert!(second > first, "{first:?} {second:?}");
    let (after_long, _) = pause(up + SECOND * 9);
    assert!(after_long <= SECOND, "{after_long:?}");
}

#[test]
fn shutdown_is_in_reverse_each_with_its_time_then_forced_then_given_up() {
    let mut core = three(Strategy::OneForOne);
    core.end(Reason::Normal);
    assert_eq!(all(&mut core, at(1)), [Stop(2)]);
    assert_eq!(core.wake_at(), Some(at(2)));
    assert_eq!(all(&mut core, at(2)), [Force(2)]);
    core.exited(2, Reason::Normal, at(2), 0);
    assert_eq!(all(&mut core, at(2)), [Stop(1)]);
    assert_eq!(all(&mut core, at(3)), [Force(1)]);
    // It does not end at all: the others still do, and so does the supervisor.
    assert_eq!(all(&mut core, at(4)), [Stop(0)]);
    core.exited(0, Reason::Normal, at(4), 0);
    assert_eq!(all(&mut core, at(4)), [End(Reason::Normal)]);
}

#[test]
fn a_child_that_cannot_be_ended_ends_the_supervisor_which_says_so() {
    let mut core = three(Strategy::OneForAll);
    core.exited(0, boom(), at(1), 0);
    assert_eq!(all(&mut core, at(1)), [Stop(2)]);
    assert_eq!(all(&mut core, at(2)), [Force(2)]);
    assert_eq!(all(&mut core, at(3)), [Stop(1)]);
    core.exited(1, Reason::Normal, at(3), 0);
    let why = "child c did not end within 1s after it was told";
    assert_eq!(all(&mut core, at(3)), [End(Reason::Stopped(why.into()))]);
}

/// Every phase meets every event; what is left is the phase and what is done at once.
#[test]
fn each_phase_and_each_event() {
    let make = |phase: &str, restart| {
        // `b` depends on `a`, and `c` only keeps it waiting for its turn to be stopped.
        let mut core = Core::new(Strategy::RestForOne);
        core.backoff = Backoff { first: SECOND * 4, most: SECOND * 4 };
        for (id, restart) in [("a", Restart::Always), ("b", restart), ("c", Restart::Always)] {
            core.add(id, restart, SECOND);
        }
        assert_eq!(core.next(at(0)), Some(Start(0)));
        if phase != "down" {
            assert_eq!(all(&mut core, at(0)), [Start(1), Start(2)]);
        }
        match phase {
            "down" | "up" => {}
            "doomed" => {
                core.exited(0, boom(), at(1), 0);
                assert_eq!(all(&mut core, at(1)), [Stop(2)]);
            }
            "leaving" => {
                core.exited(0, boom(), at(1), 0);
                assert_eq!(all(&mut core, at(1)), [Stop(2)]);
                core.exited(2, Reason::Normal, at(1), 0);
                assert_eq!(all(&mut core, at(1)), [Stop(1)]);
            }
            "over" => {
                core.rows[1].restart = Restart::Never;
                core.exited(1, Reason::Normal, at(1), 0);
                core.rows[1].restart = restart;
            }
            other => panic!("{other}"),
        }
        core
    };
    let after = |core: &Core| match core.rows()[1].phase {
        Phase::Doomed => "doomed",
        phase => phase.name(),
    };
    let all_three = [Restart::Never, Restart::OnFailure, Restart::Always];
    for (phase, event, expected) in [
        ("down", "normal", ["down", "down", "down"]),
        ("down", "failure", ["down", "down", "down"]),
        ("down", "end", ["down", "down", "down"]),
        ("up", "normal", ["over", "over", "down"]),
        ("up", "failure", ["over", "down", "down"]),
        ("up", "end", ["doomed", "doomed", "doomed"]),
        ("doomed", "normal", ["over", "over", "down"]),
        ("doomed", "failure", ["over", "down", "down"]),
        ("doomed", "end", ["doomed", "doomed", "doomed"]),
        ("leaving", "normal", ["over", "down", "down"]),
        ("leaving", "failure", ["over", "down", "down"]),
        ("leaving", "end", ["stopping", "stopping", "stopping"]),
        ("over", "normal", ["over", "over", "over"]),
        ("over", "failure", ["over", "over", "over"]),
        ("over", "end", ["over", "over", "over"]),
    ] {
        for (restart, expected) in all_three.into_iter().zip(expected) {
            let mut core = make(phase, restart);
            match event {
                "normal" => core.exited(1, Reason::Normal, at(1), 0),
                "failure" => core.exited(1, boom(), at(1), 0),
                _ => core.end(Reason::Normal),
            }
            assert_eq!(after(&core), expected, "{phase}, {event}, {restart:?}");
        }
    }
    // Once all is to end, whoever leaves is over whatever its policy.
    for restart in all_three {
        let mut core = make("leaving", restart);
        core.end(Reason::Normal);
        core.exited(1, boom(), at(1), 0);
        assert_eq!(after(&core), "over");
    }
}

#[derive(Debug, Clone)]
enum Happens {
    /// A child of those that run ends by itself.
    Ends(usize, bool),
    /// Whoever was told to end does, or does not until it is forced.
    Obeys(bool),
    Passes(u64),
    Shutdown,
}

fn happens() -> impl Generator<Value = Happens> {
    prop_oneof![
        6 => (0usize..5, any::<bool>()).prop_map(|(child, fails)| Happens::Ends(child, fails)),
        6 => any::<bool>().prop_map(Happens::Obeys),
        4 => (0u64..4_000).prop_map(Happens::Passes),
        1 => Just(Happens::Shutdown),
    ]
}

/// What the world outside knows: which children run, and who was told to end.
struct World {
    core: Core,
    strategy: Strategy,
    now: Instant,
    runs: [bool; 5],
    started: [u32; 5],
    told: Option<usize>,
    starts: Vec<Instant>,
    ended: bool,
}

impl World {
    fn carry_out(&mut self) {
        while let Some(effect) = self.core.next(self.now) {
            assert!(!self.ended, "{effect:?} after the end");
            // Whoever was told and did not end in time may have been given up.
            let given_up = |child: usize| self.core.rows()[child].phase == Phase::Over;
            self.told = self.told.filter(|child| !given_up(*child));
            match effect {
                Start(child) => {
                    assert!(!self.runs[child], "{child} runs twice");
                    assert!(self.told.is_none(), "started while somebody ends");
                    if self.strategy != Strategy::OneForOne {
                        let before = self.core.rows()[..child].iter();
                        let ready = |row: &Row| matches!(row.phase.name(), "up" | "over");
                        assert!(before.clone().all(ready), "{child} before who it depends on");
                        let after = &self.runs[child + 1..];
                        assert!(!after.contains(&true), "who depends on {child} was not stopped");
                    }
                    self.runs[child] = true;
                    self.started[child] += 1;
                    if self.started[child] > 1 {
                        self.starts.push(self.now);
                    }
                }
                Stop(child) => {
                    assert!(self.runs[child] && self.told.is_none());
                    let doomed = |row: &Row| row.phase == Phase::Doomed;
                    assert!(!self.core.rows()[child..].iter().any(doomed), "not in reverse");
                    self.told = Some(child);
                }
                Force(child) => assert_eq!(self.told, Some(child)),
                End(_) => {
                    assert!(self.core.rows().iter().all(|row| row.phase.name() != "up"));
                    self.ended = true;
                }
            }
        }
    }

    fn ends(&mut self, child: usize, reason: Reason, random: u64) {
        self.runs[child] = false;
        if self.told == Some(child) {
            self.told = None;
        }
        self.core.exited(child, reason, self.now, random);
    }
}

proptest! {
    #[test]
    fn whatever_happens(
        which in 0usize..3,
        policies in prop::array::uniform5(0usize..3),
        restarts in 0u32..6,
        story in prop::collection::vec((happens(), any::<u64>()), 0..120),
    ) {
        let strategy =
            [Strategy::OneForOne, Strategy::RestForOne, Strategy::OneForAll][which];
        let mut core = Core::new(strategy);
        core.limit = Limit { restarts, within: SECOND * 5 };
        core.backoff = Backoff { first: SECOND / 10, most: SECOND * 2 };
        for (child, policy) in policies.iter().enumerate() {
            let restart = [Restart::Never, Restart::OnFailure, Restart::Always][*policy];
            core.add(&child.to_string(), restart, SECOND);
        }
        let mut world = World {
            core, strategy, now: at(0), runs: [false; 5], started: [0; 5], told: None,
            starts: Vec::new(), ended: false,
        };
        world.carry_out();
        for (happens, random) in story {
            match happens {
                Happens::Ends(child, fails) if world.runs[child] => {
                    let reason = if fails { boom() } else { Reason::Normal };
                    world.ends(child, reason, random);
                }
                Happens::Obeys(true) => if let Some(child) = world.told {
                    world.ends(child, Reason::Normal, random);
                },
                Happens::Passes(millis) => world.now = world.now + Duration::from_millis(millis),
                Happens::Shutdown => world.core.end(Reason::Normal),
                Happens::Ends(..) | Happens::Obeys(false) => {}
            }
            world.carry_out();
            if world.ended { break; }
        }
        // Those that may only run once did.
        for (child, policy) in policies.iter().enumerate() {
            prop_assert!(*policy != 0 || world.started[child] <= 1);
        }
        // One for one, each restart is one failure: never more than the limit in any span. In the
        // other groups it holds of failures, which the core counts itself.
        if strategy == Strategy::OneForOne {
            for (first, from) in world.starts.iter().enumerate() {
                let within = world.starts[first..].iter().filter(|t| t.since(*from) < SECOND * 3);
                prop_assert!(within.count() <= restarts as usize);
            }
        }
        // Nothing is forgotten: with time and obedience, either all is over or all who may run do.
        for _ in 0..400 {
            if world.ended { break; }
            if let Some(child) = world.told {
                world.ends(child, Reason::Normal, 7);
            } else if let Some(due) = world.core.wake_at() {
                world.now = world.now.max(due);
            } else {
                break;
            }
            world.carry_out();
        }
        let settled = world.core.rows().iter().all(|row| matches!(row.phase, Phase::Up { .. } | Phase::Over));
        prop_assert!(world.ended || settled, "{:?}", world.core);
        if world.core.ending().is_some() {
            prop_assert!(world.ended);
        }
    }
}
