//! The executor SDK's core, event by event.

use meseta_api::internal::executor::FromAgent;
use meseta_api::v1;
use meseta_api::v1::executor::{event, Event as Said};
use meseta_executor::core::{Core, Effect, Event, Notice, Timer};
use meseta_executor::ExecutorConfig;
use std::collections::BTreeMap;

fn config() -> ExecutorConfig {
    let environment: BTreeMap<String, String> = [
        ("MESOS_AGENT_ENDPOINT", "10.0.0.1:5051"),
        ("MESOS_FRAMEWORK_ID", "f"),
        ("MESOS_EXECUTOR_ID", "e"),
        ("MESETA_EXECUTOR_PRINCIPAL", "executor/c"),
        ("MESETA_EXECUTOR_SECRET", "s"),
        ("MESOS_RECOVERY_TIMEOUT", "15mins"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    ExecutorConfig::from_environment(&environment).expect("complete")
}

fn heard(said: Said) -> Event {
    Event::Heard(Box::new(FromAgent::Event(Box::new(said))))
}

fn said(kind: event::Type) -> Said {
    Said { r#type: Some(kind as i32), ..Default::default() }
}

fn launch(task: &str) -> Event {
    let task = v1::TaskInfo { task_id: task.into(), ..Default::default() };
    heard(Said { launch: Some(event::Launch { task }), ..said(event::Type::Launch) })
}

fn status(task: &str, uuid: &[u8]) -> Box<v1::TaskStatus> {
    let uuid = Some(uuid.to_vec().into());
    Box::new(v1::TaskStatus { task_id: task.into(), uuid, ..Default::default() })
}

fn acknowledged(task: &str, uuid: &[u8]) -> Event {
    let acknowledged = event::Acknowledged { task_id: task.into(), uuid: uuid.to_vec().into() };
    heard(Said { acknowledged: Some(acknowledged), ..said(event::Type::Acknowledged) })
}

fn up() -> Core {
    let mut core = Core::new(&config());
    core.handle(Event::Start, 0);
    core.handle(Event::Dialled(Ok(())), 0);
    core.handle(heard(said(event::Type::Subscribed)), 0);
    core
}

/// What a SUBSCRIBE says: tasks and updates that are not acknowledged.
fn subscribing(core: &mut Core) -> (Vec<String>, usize) {
    core.handle(Event::Lost("reset".into()), 0);
    core.handle(Event::Due(Timer::Retry), 0);
    let effects = core.handle(Event::Dialled(Ok(())), 0);
    let Some(Effect::Send(call)) = effects.first() else { panic!("nothing is sent: {effects:?}") };
    let subscribe = call.subscribe.as_ref().expect("a SUBSCRIBE");
    let tasks = subscribe.unacknowledged_tasks.iter().map(|task| task.task_id.value.clone());
    (tasks.collect(), subscribe.unacknowledged_updates.len())
}

/// EXE-02: what the agent has not acknowledged comes along with every SUBSCRIBE.
#[test]
fn what_is_not_acknowledged_is_said_again() {
    let mut core = up();
    core.handle(launch("t"), 0);
    assert_eq!(subscribing(&mut core), (vec!["t".into()], 0));
    core.handle(heard(said(event::Type::Subscribed)), 0);
    core.handle(Event::Update(status("t", b"1")), 0);
    core.handle(Event::Update(status("t", b"2")), 0);
    assert_eq!(subscribing(&mut core), (vec!["t".into()], 2));
    core.handle(heard(said(event::Type::Subscribed)), 0);
    core.handle(acknowledged("t", b"1"), 0);
    assert_eq!(subscribing(&mut core), (vec![], 1));
    assert_eq!(core.unacknowledged(), 1);
}

/// EXE-11: a group comes whole, and its tasks are kept as those that come alone.
#[test]
fn a_group_is_handed_on_whole() {
    let mut core = up();
    let task = |id: &str| v1::TaskInfo { task_id: id.into(), ..Default::default() };
    let tasks = vec![task("b"), task("a")];
    let task_group = v1::TaskGroupInfo { tasks: tasks.clone() };
    let launch_group = Some(event::LaunchGroup { task_group });
    let launched = heard(Said { launch_group, ..said(event::Type::LaunchGroup) });
    assert_eq!(core.handle(launched, 0), [Effect::Tell(Notice::LaunchGroup(tasks))]);
    assert_eq!(subscribing(&mut core), (vec!["a".into(), "b".into()], 0));
}

/// EXE-21: without its agent an executor gives up after the recovery timeout, and not before.
#[test]
fn gives_up_after_the_recovery_timeout() {
    let mut core = up();
    let effects = core.handle(Event::Lost("reset".into()), 0);
    let timeout = std::time::Duration::from_secs(15 * 60);
    assert!(effects.contains(&Effect::Set(Timer::GiveUp, timeout)), "{effects:?}");
    let effects = core.handle(Event::Due(Timer::GiveUp), 0);
    assert!(matches!(effects.as_slice(), [Effect::Abort(_)]), "{effects:?}");
    assert_eq!(up().handle(Event::Due(Timer::GiveUp), 0), []);
}

/// Updates made while the agent is away wait for it.
#[test]
fn updates_wait_for_the_agent() {
    let mut core = up();
    core.handle(Event::Lost("reset".into()), 0);
    assert_eq!(core.handle(Event::Update(status("t", b"1")), 0), []);
    assert_eq!(core.unacknowledged(), 1);
}

#[test]
fn a_refusal_ends_it_but_a_recovering_agent_is_asked_again() {
    let refused = |code| {
        let mut core = Core::new(&config());
        core.handle(Event::Start, 0);
        core.handle(Event::Dialled(Ok(())), 0);
        let message = "no".into();
        core.handle(Event::Heard(Box::new(FromAgent::Refused { code, message, update: None })), 0)
    };
    assert!(matches!(refused(403).as_slice(), [Effect::Abort(_)]));
    assert!(refused(503).iter().any(|effect| matches!(effect, Effect::Set(Timer::Retry, _))));
}

/// One status that the agent does not take is not the end of the executor's other tasks.
#[test]
fn a_refused_update_is_dropped_and_the_executor_told() {
    let refused = |uuid: Option<&[u8]>| {
        let update = uuid.map(|uuid| uuid.to_vec().into());
        let message = "too large".into();
        Event::Heard(Box::new(FromAgent::Refused { code: 400, message, update }))
    };
    let mut core = up();
    core.handle(Event::Update(status("a", b"1")), 0);
    core.handle(Event::Update(status("b", b"2")), 0);
    let told = core.handle(refused(Some(b"1")), 0);
    let notice = Notice::Refused(status("a", b"1"), "too large".into());
    assert_eq!((told, core.unacknowledged()), (vec![Effect::Tell(notice)], 1));
    // Of a message, or said twice.
    for again in [None, Some(&b"1"[..])] {
        assert_eq!((core.handle(refused(again), 0), core.unacknowledged()), (vec![], 1));
    }
    // It is up still, and what is left is said again.
    core.handle(launch("c"), 0);
    assert_eq!(subscribing(&mut core), (vec!["c".into()], 1));
}

#[test]
fn events_reach_the_executor() {
    let mut core = up();
    let effects = core.handle(heard(said(event::Type::Shutdown)), 0);
    assert_eq!(effects, [Effect::Tell(Notice::Shutdown)]);
    let kill = event::Kill { task_id: "t".into(), kill_policy: None };
    let effects = core.handle(heard(Said { kill: Some(kill), ..said(event::Type::Kill) }), 0);
    assert_eq!(effects, [Effect::Tell(Notice::Kill("t".into(), None))]);
}
