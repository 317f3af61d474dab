//! A report that is too large for one message.

use super::*;

/// Tasks whose labels make a report of 5 MiB.
fn large(bench: &mut Bench) -> Vec<String> {
    let ids: Vec<String> = (0..20).map(|n| format!("t{n:02}")).collect();
    for id in &ids {
        let mut task = task(id);
        let label = v1::Label { key: "x".repeat(256 << 10), value: None };
        task.labels = Some(v1::Labels { labels: vec![label] });
        let container = bench.run(task).unwrap().container;
        bench.launched(&container);
    }
    ids
}

fn said(bench: &Bench) -> Vec<FromAgent> {
    let said = bench.effects.iter().filter_map(|effect| match effect {
        Effect::ToMaster { message, .. } => Some((**message).clone()),
        _ => None,
    });
    said.collect()
}

/// Asks another master, and answers parts until something else is said.
fn report(bench: &mut Bench) -> (Vec<FromAgent>, FromAgent) {
    bench.another_master();
    let mut parts = Vec::new();
    loop {
        let mut said = said(bench);
        assert_eq!(said.iter().filter(|m| **m != FromAgent::AgentArrived).count(), 1);
        let message = said.pop().unwrap();
        let FromAgent::ReportPart { number, .. } = message else {
            return (parts, message);
        };
        parts.push(message);
        bench.order(Order::ReportPartTaken { number });
    }
}

#[test]
fn a_large_report_goes_in_parts_one_after_the_other() {
    let mut bench = Bench::registered();
    let ids = large(&mut bench);
    let (parts, last) = report(&mut bench);
    assert!(
        matches!(last, FromAgent::ReregisterInParts { parts: n, .. } if n as usize == parts.len())
    );
    let (mut tasks, mut executors, mut frameworks) = (Vec::new(), 0, 0);
    for (due, part) in parts.iter().enumerate() {
        assert!(rmp_serde::to_vec_named(part).unwrap().len() < 4 << 20);
        let FromAgent::ReportPart { term, number, .. } = part else { panic!("{part:?}") };
        assert_eq!((*term, *number as usize), (TERM, due));
        let FromAgent::ReportPart { tasks: some, executors: e, frameworks: f, .. } = part else {
            panic!("{part:?}")
        };
        tasks.extend(some.iter().map(|task| task.task_id.value.clone()));
        executors += e.len();
        frameworks += f.len();
    }
    assert_eq!((tasks, executors, frameworks), (ids, 20, 1));
    // From here on it is as after any report.
    bench.reregistered(vec![]);
    assert!(bench.has(|e| matches!(e, Effect::SetTimer { key: TimerKey::PingOverdue, .. })));
}

#[test]
fn a_small_report_is_one_message_as_ever() {
    let mut bench = Bench::registered();
    bench.running("t");
    let (parts, last) = report(&mut bench);
    assert!(parts.is_empty() && matches!(last, FromAgent::ReregisterAgent { .. }));
}

#[test]
fn a_master_that_takes_no_parts_gets_none() {
    let mut bench = Bench::registered();
    large(&mut bench);
    bench.takes_parts = false;
    let (parts, last) = report(&mut bench);
    assert!(parts.is_empty() && matches!(last, FromAgent::ReregisterAgent { .. }));
}

#[test]
fn a_report_begins_anew_only_when_no_part_is_answered() {
    let mut bench = Bench::registered();
    large(&mut bench);
    bench.another_master();
    bench.order(Order::ReportPartTaken { number: 0 });
    let due = || Event::TimerDue(TimerKey::RegisterAgain);
    bench.on(due());
    assert_eq!(said(&bench), [], "a part was answered meanwhile");
    bench.on(due());
    let begun = said(&bench);
    assert!(matches!(begun[..], [FromAgent::ReportPart { number: 0, .. }]), "{begun:?}");
}

#[test]
fn an_answer_to_no_part_sends_nothing() {
    let mut bench = Bench::registered();
    large(&mut bench);
    bench.another_master();
    for number in [1, 7, u32::MAX] {
        bench.order(Order::ReportPartTaken { number });
        assert_eq!(said(&bench), []);
    }
    bench.order(Order::ReportPartTaken { number: 0 });
    assert!(matches!(said(&bench)[..], [FromAgent::ReportPart { number: 1, .. }]));
    // Said twice.
    bench.order(Order::ReportPartTaken { number: 0 });
    assert_eq!(said(&bench), []);
}

/// What ends while the report is under way was in it, and is told behind it.
#[test]
fn an_executor_that_ends_meanwhile_is_told_afterwards() {
    let mut bench = Bench::registered();
    large(&mut bench);
    let container = bench.run(task_of_x("y")).unwrap().container;
    bench.launched(&container);
    bench.another_master();
    bench.ended(&container, 3 << 8);
    assert_eq!(bench.exited(), []);
    bench.order(Order::ReportPartTaken { number: 0 });
    bench.reregistered(vec![]);
    assert_eq!(bench.exited(), [("X".to_owned(), 3 << 8)]);
}
