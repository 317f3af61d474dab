//! Faults are lists; a breach is made small, and the small list says what caused it.
mod common;
mod sim_world;

use libproc::sim::{replay, DiskFault, Failure, Hazards, Plan, Strike, Trial};
use sim_world::keeper::{Keeper, MACHINES};
use sim_world::SECOND;
use std::time::Duration;

/// Longer than any plan lasts.
const SPAN: Duration = Duration::from_secs(60);

fn hazards() -> Hazards {
    let (within, longest) = (30 * SECOND, 25 * SECOND);
    Hazards { count: 24, within, longest, ..Hazards::among(&MACHINES) }
}

fn kinds(plan: &Plan) -> Vec<&'static str> {
    plan.faults.iter().map(|fault| fault.strike.kind()).collect()
}

/// What the printed report says, beyond its numbers.
fn is_readable(failure: &Failure) {
    let text = failure.to_string();
    let last = failure.log.last().unwrap();
    assert!(text.trim_end().ends_with(last), "{text}");
    for part in [&failure.breach, "faults (", "db/db ", " -> db/db ToDb.Put trace ", "web/next="] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    // The database's node records: what it handled last, below what it says of itself.
    let db = failure.states.iter().position(|line| line.starts_with("db/db ")).unwrap();
    let handled = &failure.states[db + 1];
    assert!(handled.starts_with("  ") && handled.contains(" from "), "{handled}");
    for fault in &failure.plan.faults {
        let struck = format!("* fault {}: begins", fault.strike);
        assert!(failure.log.iter().any(|line| line.ends_with(&struck)), "{struck}\n{text}");
    }
}

#[test]
fn a_correct_program_bears_every_fault() {
    let trial = Trial::new(hazards()).seeds(0..40);
    let kept = trial.run(|sim| Keeper::on(sim, false).run(SPAN)).unwrap_or_else(|f| panic!("{f}"));
    assert!(kept.iter().all(|(_, kept)| *kept > 40), "the faults leave it time to work");
}

/// It acknowledges at once and writes every second: a crash meanwhile is the cause, and all of it.
#[test]
fn a_hasty_answer_shrinks_to_one_fault() {
    for first in [0, 100, 200, 300] {
        let trial = Trial::new(hazards()).seeds(first..first + 10);
        let failure = trial.run(|sim| Keeper::on(sim, true).run(SPAN)).unwrap_err();
        assert!(failure.breach.starts_with("lost: "), "{failure}");
        assert_eq!(failure.drawn.faults.len(), 24);
        let cause: Vec<_> = failure.plan.faults.iter().map(|f| f.strike.to_string()).collect();
        assert!(matches!(cause[0].as_str(), "crash db" | "power-off db"), "{failure}");
        assert_eq!(cause.len(), 1, "{failure}");
        is_readable(&failure);
    }
}

/// A disk that lies about fsync breaks the promise of a correct program, once it stops: two faults.
#[test]
fn a_lying_disk_shrinks_to_the_lie_and_the_crash() {
    let mut hazards = hazards();
    hazards.strikes.retain(|strike| !matches!(strike, Strike::Disk(..)));
    hazards.may(Strike::Disk("db".into(), DiskFault::SyncsLie));
    let trial = Trial::new(hazards).seeds(0..200);
    let failure = trial.run(|sim| Keeper::on(sim, false).run(SPAN)).unwrap_err();
    assert!(failure.breach.starts_with("lost: "), "{failure}");
    match kinds(&failure.plan).as_slice() {
        ["disk", "crash" | "power-off"] => {}
        other => panic!("{other:?}: {failure}"),
    }
    is_readable(&failure);
    // The printed list, read again, breaks the same run in the same way; an empty one does not.
    let plan: Plan = failure.plan.to_string().parse().unwrap();
    let again = replay(failure.seed, &plan, |sim| Keeper::on(sim, false).run(SPAN)).unwrap_err();
    assert_eq!((&again.breach, &again.log), (&failure.breach, &failure.log));
    replay(failure.seed, &Plan::default(), |sim| Keeper::on(sim, false).run(SPAN)).unwrap();
}

#[test]
fn a_panic_is_a_breach_of_its_own_kind() {
    let mut hazards = Hazards { count: 6, ..Hazards::default() };
    hazards.may(Strike::Custom { name: "store".into(), what: "is full".into() });
    hazards.may(Strike::Crash("a".into()));
    let trial = Trial::new(hazards);
    let failure = trial
        .run(|mut sim| {
            sim.on_fault("store", |sim, what, begins| {
                sim.note(format!("told {what} {begins}"));
                assert!(!begins, "the store {what}");
            });
            sim.run_for(100 * SECOND);
            Ok(())
        })
        .unwrap_err();
    assert_eq!(failure.breach, "panic: the store is full");
    assert_eq!(kinds(&failure.plan), ["custom"]);
    assert!(failure.log.last().unwrap().ends_with("* told is full true"), "{failure}");
}

#[test]
fn overlapping_faults_end_with_the_last_and_strangers_do_nothing() {
    let plan: Plan =
        "1s pause db for 4s\n2s pause db for 1s\n2s crash nobody for 1s".parse().unwrap();
    let run = |mut sim: libproc::sim::Sim| {
        let machine = sim.machine("db", "10.0.0.1:1");
        let node = sim.start(machine, common::listening("s"));
        let ticked = common::Journal::default();
        let (journal, clock) = (ticked.clone(), node.clone());
        node.spawn_future(async move {
            loop {
                clock.sleep(SECOND / 2).await;
                journal.note("tick");
            }
        });
        sim.run_for(4 * SECOND);
        let while_paused = ticked.lines().len();
        sim.run_for(6 * SECOND);
        Ok((while_paused, ticked.lines().len(), sim.log()))
    };
    let (while_paused, after, log) = replay(1, &plan, run).unwrap();
    assert!(while_paused <= 2 && after > 10, "{while_paused} {after}");
    let strangers = log.iter().filter(|line| line.contains("names no machine that there is"));
    assert_eq!(strangers.count(), 2, "{log:?}");
}
