//! One executor against the agent.

use super::*;
use crate::core::bounds::STRANGERS;
use crate::core::effect::Level;
use crate::status_updates::pace::{BURST, PAUSE};

fn updates_of(bench: &mut Bench, task: &str) {
    bench.call(None, update("t", status(task, 1, TaskState::TaskRunning)));
}

#[test]
fn an_executor_that_invents_tasks_is_ended_loudly_and_no_more_is_kept() {
    let mut bench = Bench::registered();
    let container = bench.running("t");
    for n in 0..STRANGERS {
        updates_of(&mut bench, &format!("invented-{n}"));
        assert_eq!(bench.refused(), None);
    }
    updates_of(&mut bench, "one-more");
    assert_eq!((bench.refused(), bench.events()), (Some(400), vec![event::Type::Shutdown]));
    assert!(bench.has(|e| matches!(e, Effect::Note { level: Level::Error, text }
        if text.contains("1000 tasks"))));
    let kept = (bench.agent.streams.undelivered(), bench.operations.len());
    // It goes on regardless.
    for n in 0..10 {
        updates_of(&mut bench, &format!("regardless-{n}"));
        assert_eq!((bench.refused(), bench.events()), (Some(400), vec![]));
    }
    assert_eq!((bench.agent.streams.undelivered(), bench.operations.len()), kept);
    // Its own task may still end in its words.
    bench.update("t", 2, TaskState::TaskFinished);
    assert_eq!(bench.refused(), None);
    bench.ended(&container, 0);
}

#[test]
fn a_status_that_is_too_large_is_refused_and_said_to_be() {
    let mut bench = Bench::registered();
    bench.running("t");
    let data = Some(vec![0; (1 << 20) + 1].into());
    let large = v1::TaskStatus { data, ..status("t", 1, TaskState::TaskRunning) };
    bench.call(None, update("t", large));
    assert_eq!((bench.refused(), bench.states()), (Some(400), vec![]));
    assert!(bench.has(|e| matches!(e, Effect::RefuseCall { message, update, .. }
        if message.starts_with("status.data: 1048577 bytes")
            && update.map(UpdateId::to_bytes) == Some(uuid(1)))));
}

#[test]
fn a_report_has_no_data_of_statuses_and_the_update_has() {
    let mut bench = Bench::registered();
    bench.running("t");
    let data = Some(vec![7].into());
    let running = v1::TaskStatus { data, ..status("t", 1, TaskState::TaskRunning) };
    bench.call(None, update("t", running));
    bench.another_master();
    let tasks = bench.reported().0;
    assert_eq!(tasks[0].statuses.len(), 1);
    assert_eq!(tasks[0].statuses[0].data, None);
    bench.reregistered(vec![]);
    assert!(bench.has(|e| matches!(e, Effect::ToMaster { message, .. }
        if matches!(&**message, FromAgent::UpdateStatus(update)
            if update.status.data.as_deref() == Some(&[7])))));
}

const MIB: usize = 1 << 20;

/// A status of a mebibyte.
fn large(task: &str, n: u8) -> v1::TaskStatus {
    let data = Some(vec![0; MIB].into());
    v1::TaskStatus { data, ..status(task, n, TaskState::TaskRunning) }
}

/// What statuses were sent to the master in the last step: their tasks.
fn sent(bench: &Bench) -> Vec<String> {
    let updates = bench.effects.iter().filter_map(|effect| match effect {
        Effect::ToMaster { message, .. } => match &**message {
            FromAgent::UpdateStatus(update) => Some(update.status.task_id.value.clone()),
            _ => None,
        },
        _ => None,
    });
    updates.collect()
}

fn rests(bench: &Bench) -> bool {
    bench.has(|e| *e == Effect::SetTimer { key: TimerKey::UpdatesRested, after: PAUSE })
}

#[test]
fn a_new_master_is_not_flooded_with_what_nobody_acknowledged() {
    let mut bench = Bench::registered();
    bench.running("t");
    // More than may be under way at once; nobody acknowledges any of it.
    for n in 0..14 {
        bench.call(None, update("t", large(&format!("s{n:02}"), 1)));
        assert_eq!(bench.refused(), None);
    }
    bench.another_master();
    bench.reregistered(vec![]);
    let at_once = BURST / MIB;
    let mut all = sent(&bench);
    assert_eq!((all.len(), rests(&bench)), (at_once, true));
    // Acknowledged, one makes room for the next.
    bench.ack(&all[0], uuid(1));
    all.extend(sent(&bench));
    assert_eq!((all.len(), rests(&bench)), (at_once + 1, false));
    // Another framework's status is behind one of these, not behind all.
    let other = TaskKey { framework_id: "G".parse().unwrap(), task_id: "u".parse().unwrap() };
    bench.order(Order::KillTask { task: other, kill_policy: None });
    assert_eq!(sent(&bench), Vec::<String>::new());
    let mut pauses = 0;
    while all.len() < 15 && pauses < 15 {
        bench.on(Event::TimerDue(TimerKey::UpdatesRested));
        let now = sent(&bench);
        assert!(now.len() <= at_once + 1, "{now:?}");
        assert!(pauses > 0 || now[..2].contains(&"u".to_owned()), "{now:?}");
        all.extend(now);
        pauses += 1;
    }
    assert_eq!(pauses, 3);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 15, "each went, once");
    bench.on(Event::TimerDue(TimerKey::UpdatesRested));
    assert!(sent(&bench).is_empty() && !rests(&bench));
}

#[test]
fn updates_that_come_faster_than_acknowledgements_wait_too() {
    let mut bench = Bench::registered();
    bench.running("t");
    let mut all = 0;
    for n in 0..6 {
        bench.call(None, update("t", large(&format!("s{n:02}"), 1)));
        all += sent(&bench).len();
    }
    assert_eq!(all, BURST / MIB);
    // What waits is repeated by nothing before it was sent, and not sent once the master is gone.
    bench.on(Event::TimerDue(TimerKey::StatusRetry(key("s05"))));
    assert!(sent(&bench).is_empty());
    bench.on(Event::MasterLost { dial: bench.dial, reason: "x".into() });
    bench.on(Event::TimerDue(TimerKey::UpdatesRested));
    assert!(sent(&bench).is_empty());
}
