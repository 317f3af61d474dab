//! One executor against the agent.

use super::*;
use crate::core::bounds::STRANGERS;
use crate::core::effect::Level;

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
    assert!(bench.has(|e| matches!(e, Effect::RefuseCall { message, .. }
        if message.starts_with("status.data: 1048577 bytes"))));
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
