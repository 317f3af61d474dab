//! Which trace each step belongs to.

use super::*;
use crate::checkpoint::records::{parse_updates, RunRecord, UpdateRecord};
use crate::checkpoint::{RecoveredRun, RecoveredTask};
use meseta_api::internal::StatusUpdate;

fn trace(trace_id: u128, span_id: u64) -> Option<TraceContext> {
    Some(TraceContext { trace_id, span_id, flags: 1 })
}

/// The trace in which the first effect that is `wanted` is carried out.
fn trace_of(bench: &Bench, wanted: impl Fn(&Effect) -> bool) -> Option<TraceContext> {
    let mut trace = bench.trace;
    for effect in &bench.effects {
        match effect {
            Effect::ContinueTrace(other) => trace = *other,
            effect if wanted(effect) => return trace,
            _ => {}
        }
    }
    panic!("no such effect in {:?}", bench.effects)
}

fn is_update(effect: &Effect) -> bool {
    matches!(effect, Effect::ToMaster { message, .. }
        if matches!(**message, FromAgent::UpdateStatus(_)))
}

fn is_launch(effect: &Effect) -> bool {
    matches!(effect, Effect::ToExecutor { event, .. }
        if event.r#type() == event::Type::Launch)
}

#[test]
fn a_retry_goes_on_in_the_trace_of_its_update() {
    let mut bench = Bench::registered();
    bench.trace = trace(1, 1);
    bench.running("t");
    bench.trace = trace(1, 2);
    bench.update("t", 1, TaskState::TaskRunning);
    assert_eq!(trace_of(&bench, is_update), trace(1, 2));
    bench.trace = None;
    bench.on(Event::TimerDue(TimerKey::StatusRetry(key("t"))));
    assert_eq!(trace_of(&bench, is_update), trace(1, 2));
    // What follows in the same step is not part of it.
    let last = bench.effects.iter().rev().find(|e| matches!(e, Effect::ContinueTrace(_)));
    assert_eq!(last, Some(&Effect::ContinueTrace(None)));
}

#[test]
fn what_waited_for_an_acknowledgement_goes_on_in_its_own_trace() {
    let mut bench = Bench::registered();
    bench.running("t");
    bench.trace = trace(1, 1);
    bench.update("t", 1, TaskState::TaskRunning);
    bench.trace = trace(1, 2);
    bench.update("t", 2, TaskState::TaskFinished);
    bench.trace = trace(9, 9);
    bench.ack("t", uuid(1));
    assert_eq!(trace_of(&bench, is_update), trace(1, 2));
}

#[test]
fn an_executor_that_traces_nothing_is_within_the_launch_of_its_task() {
    let mut bench = Bench::registered();
    bench.trace = trace(1, 1);
    let container = bench.run(task("t")).unwrap().container;
    bench.launched(&container);
    // Its calls begin traces of their own.
    bench.trace = trace(2, 1);
    bench.call(Some(&container), subscribe("t"));
    assert_eq!(trace_of(&bench, is_launch), trace(1, 1));
    bench.trace = trace(3, 1);
    bench.update("t", 1, TaskState::TaskRunning);
    assert_eq!(trace_of(&bench, is_update), trace(1, 1));
}

#[test]
fn a_later_life_goes_on_in_the_trace_that_the_record_kept() {
    let update = |n, state| StatusUpdate {
        framework_id: "F".parse().unwrap(),
        status: status("t", n, state),
        latest_state: state,
    };
    for kept in [trace(1, 2), None] {
        let line = UpdateRecord::update(update(1, TaskState::TaskRunning), kept).to_line();
        // A record without a trace is what earlier versions wrote.
        let text = String::from_utf8(line.clone()).unwrap();
        assert_eq!(text.contains("trace"), kept.is_some(), "{text}");
        let updates = parse_updates(&line).unwrap().records;
        let executor = v1::ExecutorInfo { executor_id: "t".into(), ..Default::default() };
        let run = RecoveredRun {
            framework: "F".parse().unwrap(),
            executor: "t".parse().unwrap(),
            container: "c".parse().unwrap(),
            record: RunRecord { executor, framework: framework(), for_command: true },
            tasks: vec![RecoveredTask {
                task: "t".parse().unwrap(),
                info: None,
                group: vec![],
                updates,
            }],
        };
        let mut bench = Bench::new();
        let containers = vec!["c".parse().unwrap()];
        let recovery = Recovery { runs: vec![run], containers, ..recovery() };
        bench.on(Event::Recovered(Box::new(recovery)));
        bench.ended(&"c".parse().unwrap(), 9);
        bench.register();
        let agent_id = AgentId::parse("S0").unwrap();
        bench.order(Order::Reregistered {
            agent_id,
            ping_timeout_ms: 75_000,
            reconcile: vec![],
            reconcile_operations: vec![],
        });
        assert_eq!(trace_of(&bench, is_update), kept);
    }
}
