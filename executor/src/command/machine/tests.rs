use super::*;

fn launched(task: v1::TaskInfo) -> Machine {
    let mut machine = Machine::new(Duration::from_secs(5));
    let framework = v1::FrameworkInfo {
        capabilities: vec![v1::framework_info::Capability {
            r#type: Some(v1::framework_info::capability::Type::TaskKillingState as i32),
        }],
        ..Default::default()
    };
    machine.handle(Event::Subscribed(Box::new(framework)));
    let effects = machine.handle(Event::Launch(Box::new(task)));
    assert_eq!(states(&effects), [TaskState::TaskStarting]);
    assert!(matches!(effects.last(), Some(Effect::Start(_))));
    machine
}

fn task() -> v1::TaskInfo {
    v1::TaskInfo {
        task_id: "t".into(),
        command: Some(v1::CommandInfo { value: Some("true".into()), ..Default::default() }),
        ..Default::default()
    }
}

fn running(task: v1::TaskInfo) -> Machine {
    let mut machine = launched(task);
    assert_eq!(states(&machine.handle(Event::Started)), [TaskState::TaskRunning]);
    machine
}

fn states(effects: &[Effect]) -> Vec<TaskState> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Update(status) => Some(status.state()),
            _ => None,
        })
        .collect()
}

fn message(effects: &[Effect]) -> String {
    effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Update(status) => status.message.clone(),
            _ => None,
        })
        .unwrap_or_default()
}

fn grace(effects: &[Effect]) -> Option<Duration> {
    effects.iter().find_map(|effect| match effect {
        Effect::Escalate(after) => Some(*after),
        _ => None,
    })
}

fn policy(seconds: i64) -> v1::KillPolicy {
    let nanoseconds = seconds * 1_000_000_000;
    v1::KillPolicy { grace_period: Some(v1::DurationInfo { nanoseconds }) }
}

#[test]
fn exit_status_becomes_state_and_message() {
    for (exit, state, words) in [
        (ChildExit::Code(0), TaskState::TaskFinished, "command exited with status 0"),
        (ChildExit::Code(3), TaskState::TaskFailed, "command exited with status 3"),
        (ChildExit::Signal(9), TaskState::TaskFailed, "command terminated by signal SIGKILL"),
        (ChildExit::Signal(99), TaskState::TaskFailed, "command terminated by signal 99"),
    ] {
        let effects = running(task()).handle(Event::Exited(exit));
        assert_eq!(states(&effects), [state]);
        assert_eq!(message(&effects), words);
        assert_eq!(effects.last(), Some(&Effect::End));
    }
}

/// B9: what was killed is TASK_KILLED, also when it exits 0; SIGKILL after the grace period.
/// CAP-03.
#[test]
fn a_kill_escalates_and_names_the_end() {
    let mut machine = running(task());
    let effects = machine.handle(Event::Kill("t".into(), None));
    assert_eq!(states(&effects), [TaskState::TaskKilling]);
    assert!(effects.contains(&Effect::Signal(Kill::Terminate)));
    assert_eq!(grace(&effects), Some(Duration::from_secs(3)));
    let effects = machine.handle(Event::GraceOver);
    assert_eq!(effects, [Effect::Signal(Kill::Now)]);
    let effects = machine.handle(Event::Exited(ChildExit::Code(0)));
    assert_eq!(states(&effects), [TaskState::TaskKilled]);
}

/// TSK-05, B9: the kill's policy goes before the task's, and a repeated kill shortens.
#[test]
fn policies_override_and_a_repeat_shortens() {
    let mut machine = running(v1::TaskInfo { kill_policy: Some(policy(30)), ..task() });
    assert_eq!(
        grace(&machine.handle(Event::Kill("t".into(), None))),
        Some(Duration::from_secs(30))
    );
    let again = machine.handle(Event::Kill("t".into(), Some(policy(1))));
    assert_eq!(grace(&again), Some(Duration::from_secs(1)));
    assert_eq!(states(&again), []);
    assert_eq!(machine.handle(Event::GraceOver), [Effect::Signal(Kill::Now)]);
}

/// B9: however often and with whatever grace a kill is repeated, SIGKILL comes no later than the
/// first one promised.
#[test]
fn a_repeated_kill_postpones_nothing() {
    for repeated in [None, Some(policy(30)), Some(policy(3600))] {
        let mut machine = running(v1::TaskInfo { kill_policy: Some(policy(30)), ..task() });
        machine.handle(Event::Kill("t".into(), None));
        for _ in 0..100 {
            let again = machine.handle(Event::Kill("t".into(), repeated));
            assert_eq!(again, [Effect::Signal(Kill::Terminate)]);
        }
        assert_eq!(machine.handle(Event::GraceOver), [Effect::Signal(Kill::Now)]);
    }
}

/// TSK-08.
#[test]
fn a_deadline_is_a_failure_with_its_reason() {
    let most = v1::DurationInfo { nanoseconds: 1_000_000_000 };
    let mut machine = launched(v1::TaskInfo { max_completion_time: Some(most), ..task() });
    let effects = machine.handle(Event::Started);
    assert_eq!(effects.last(), Some(&Effect::Deadline(Duration::from_secs(1))));
    machine.handle(Event::DeadlineOver);
    let effects = machine.handle(Event::Exited(ChildExit::Signal(15)));
    assert_eq!(states(&effects), [TaskState::TaskFailed]);
    let Some(Effect::Update(status)) = effects.first() else { panic!("no update") };
    assert_eq!(status.reason(), Reason::MaxCompletionTimeReached);
}

#[test]
fn a_kill_before_any_task_ends_the_executor() {
    let mut machine = Machine::new(Duration::from_secs(5));
    assert_eq!(machine.handle(Event::Shutdown), [Effect::End]);
    assert!(!machine.has_task());
}

#[test]
fn another_tasks_kill_is_ignored_and_a_second_task_fails() {
    let mut machine = running(task());
    assert_eq!(machine.handle(Event::Kill("other".into(), None)), []);
    let effects = machine.handle(Event::Launch(Box::new(task())));
    assert_eq!(states(&effects), [TaskState::TaskFailed]);
}

#[test]
fn what_cannot_start_fails_with_the_cause() {
    let effects = launched(task()).handle(Event::NotStarted("cannot start \"x\"".into()));
    assert_eq!(states(&effects), [TaskState::TaskFailed]);
    assert_eq!(message(&effects), "cannot start \"x\"");
}
