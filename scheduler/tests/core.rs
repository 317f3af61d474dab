//! The scheduler's core, event by event: no clock, no network.

use meseta_api::internal::scheduler::FromMaster;
use meseta_api::v1;
use meseta_api::v1::scheduler::{call, event, Call, Event as Said};
use meseta_scheduler::core::{Core, Effect, Event, Notice, Timer};
use meseta_scheduler::{operations, Stop};
use std::time::Duration;

fn core(masters: &[&str], id: Option<&str>) -> Core {
    let framework =
        v1::FrameworkInfo { name: "f".into(), id: id.map(Into::into), ..Default::default() };
    Core::new(framework, &masters.join(",").parse().expect("addresses"))
}

/// One line per effect.
fn lines(effects: &[Effect]) -> Vec<String> {
    effects.iter().map(line).collect()
}

fn line(effect: &Effect) -> String {
    match effect {
        Effect::Dial(address) => format!("dial {address}"),
        Effect::Send(call) => format!("send {}", call.r#type().as_str_name()),
        Effect::Hangup => "hang up".into(),
        Effect::StoreId(id) => format!("store {id}"),
        Effect::ForgetId => "forget".into(),
        Effect::Set(timer, _) => format!("set {timer:?}"),
        Effect::Cancel(timer) => format!("cancel {timer:?}"),
        Effect::Tell(Notice::Subscribed(id)) => format!("subscribed as {id}"),
        Effect::Tell(Notice::Disconnected) => "disconnected".into(),
        Effect::Tell(Notice::Update(status)) => format!("update {}", status.state().as_str_name()),
        Effect::Tell(Notice::Offers(offers)) => format!("{} offers", offers.len()),
        Effect::Tell(Notice::Operation(status)) => {
            format!("operation {}", status.state().as_str_name())
        }
        Effect::Tell(_) => "other notice".into(),
        Effect::Log(_) => "log".into(),
        Effect::Stop(stop) => format!("stop {stop:?}"),
    }
}

/// How long until the next attempt.
fn retry_of(effects: &[Effect]) -> Duration {
    let wait = effects.iter().find_map(|effect| match effect {
        Effect::Set(Timer::Retry, wait) => Some(*wait),
        _ => None,
    });
    wait.expect("a retry is set")
}

fn heard(said: Said) -> Event {
    Event::Heard(Box::new(FromMaster::Event(Box::new(said))))
}

fn subscribed() -> Event {
    heard(Said {
        r#type: Some(event::Type::Subscribed as i32),
        subscribed: Some(event::Subscribed {
            framework_id: "m-0000".into(),
            heartbeat_interval_seconds: Some(15.0),
            master_info: None,
        }),
        ..Default::default()
    })
}

fn update(task: &str, state: v1::TaskState, uuid: Option<&[u8]>) -> Event {
    let status = v1::TaskStatus {
        task_id: task.into(),
        state: state as i32,
        agent_id: Some("a".into()),
        uuid: uuid.map(|uuid| uuid.to_vec().into()),
        ..Default::default()
    };
    let update = Some(event::Update { status });
    heard(Said { r#type: Some(event::Type::Update as i32), update, ..Default::default() })
}

fn task(id: &str) -> v1::TaskInfo {
    v1::TaskInfo { task_id: id.into(), agent_id: "a".into(), ..Default::default() }
}

fn launch(id: &str) -> Event {
    accept(operations::launch(vec![task(id)]))
}

fn accept(operation: v1::offer::Operation) -> Event {
    Event::Call(Box::new(Call {
        r#type: Some(call::Type::Accept as i32),
        accept: Some(call::Accept { operations: vec![operation], ..Default::default() }),
        ..Default::default()
    }))
}

fn up(id: Option<&str>) -> Core {
    let mut core = core(&["m:1"], id);
    core.handle(Event::Start, 0);
    core.handle(Event::Dialled(Ok(())), 0);
    core.handle(subscribed(), 0);
    core
}

/// B3.1: the id is kept before the policy may act under it.
#[test]
fn a_new_framework_keeps_its_id_first() {
    let mut core = core(&["m:1"], None);
    assert_eq!(lines(&core.handle(Event::Start, 0)), ["dial m:1"]);
    let asked = core.handle(Event::Dialled(Ok(())), 0);
    assert_eq!(lines(&asked), ["send SUBSCRIBE", "set Subscribe"]);
    let told = lines(&core.handle(subscribed(), 0));
    assert_eq!(told, ["cancel Subscribe", "set Silence", "store m-0000", "subscribed as m-0000"]);
}

/// The tasks that each RECONCILE names.
fn asked(effects: &[Effect]) -> Vec<Vec<String>> {
    let calls = effects.iter().filter_map(|effect| match effect {
        Effect::Send(call) => call.reconcile.as_ref(),
        _ => None,
    });
    let names =
        |call: &call::Reconcile| call.tasks.iter().map(|task| task.task_id.value.clone()).collect();
    calls.map(names).collect()
}

/// B8: reconciliation on every subscription under a known id, implicit; explicit of those tasks
/// that it leaves in doubt.
#[test]
fn a_known_framework_reconciles() {
    let mut core = up(Some("m-0000"));
    core.handle(launch("t"), 0);
    let group = operations::launch_group(Default::default(), vec![task("u"), task("v")]);
    core.handle(accept(group), 0);
    core.handle(Event::Lost("reset".into()), 0);
    core.handle(Event::Due(Timer::Retry), 0);
    core.handle(Event::Dialled(Ok(())), 0);
    let effects = core.handle(subscribed(), 0);
    let said =
        ["subscribed as m-0000", "send RECONCILE", "send RECONCILE_OPERATIONS", "set Reconcile"];
    assert_eq!(lines(&effects)[2..], said);
    assert_eq!(asked(&effects), [Vec::<String>::new()]);
    // While answers come in, nothing more is asked.
    core.handle(update("t", v1::TaskState::TaskRunning, None), 0);
    assert_eq!(lines(&core.handle(Event::Due(Timer::Reconcile), 0)), ["set Reconcile"]);
    for _ in 0..2 {
        let again = core.handle(Event::Due(Timer::Reconcile), 0);
        assert_eq!(lines(&again), ["send RECONCILE", "set Reconcile"]);
        assert_eq!(asked(&again), [["u", "v"]]);
    }
    // Until every task is answered for.
    core.handle(update("u", v1::TaskState::TaskRunning, None), 0);
    core.handle(update("v", v1::TaskState::TaskGone, None), 0);
    assert_eq!(lines(&core.handle(Event::Due(Timer::Reconcile), 0)), Vec::<String>::new());
}

#[test]
fn a_framework_without_tasks_asks_once() {
    let mut core = core(&["m:1"], Some("m-0000"));
    core.handle(Event::Start, 0);
    core.handle(Event::Dialled(Ok(())), 0);
    let told = lines(&core.handle(subscribed(), 0));
    let once = ["subscribed as m-0000", "send RECONCILE", "send RECONCILE_OPERATIONS"];
    assert_eq!(told[2..], once);
}

/// SCH-19, B7: acknowledged after the policy has seen it, and only what has a uuid.
#[test]
fn acknowledgement_follows_the_policy() {
    let mut core = up(None);
    let told = lines(&core.handle(update("t", v1::TaskState::TaskRunning, Some(b"u")), 0));
    assert_eq!(told, ["set Silence", "update TASK_RUNNING", "send ACKNOWLEDGE"]);
    let told = lines(&core.handle(update("t", v1::TaskState::TaskLost, None), 0));
    assert_eq!(told, ["set Silence", "update TASK_LOST"]);
}

/// SCH-05: five heartbeats missed are a lost connection.
#[test]
fn silence_is_a_lost_connection() {
    let mut core = up(None);
    let told = lines(&core.handle(Event::Due(Timer::Silence), 0));
    assert!(told.contains(&"hang up".into()) && told.contains(&"disconnected".into()), "{told:?}");
    assert_eq!(lines(&core.handle(Event::Due(Timer::Retry), 0)), ["dial m:1"]);
}

#[test]
fn backoff_doubles_with_jitter_up_to_fifteen_seconds() {
    let mut core = core(&["m:1"], None);
    core.handle(Event::Start, 0);
    let mut waits = Vec::new();
    for _ in 0..12 {
        let effects = core.handle(Event::Dialled(Err("refused".into())), u64::MAX);
        waits.push(retry_of(&effects).as_secs_f64());
        core.handle(Event::Due(Timer::Retry), 0);
    }
    assert!((waits[0] - 0.1).abs() < 0.001 && (waits[1] - 0.2).abs() < 0.001, "{waits:?}");
    assert!((waits[11] - 15.0).abs() < 0.001, "{waits:?}");
    // The least of the jitter is half.
    let effects = core.handle(Event::Dialled(Err("refused".into())), 0);
    assert_eq!(retry_of(&effects), Duration::from_millis(7500));
}

#[test]
fn a_standby_leads_to_the_leader_and_masters_take_turns() {
    let mut core = core(&["a:1", "b:1"], None);
    assert_eq!(lines(&core.handle(Event::Start, 0)), ["dial a:1"]);
    core.handle(Event::Dialled(Err("refused".into())), 0);
    assert_eq!(lines(&core.handle(Event::Due(Timer::Retry), 0)), ["dial b:1"]);
    core.handle(Event::Dialled(Ok(())), 0);
    let leader = FromMaster::NotLeader { leader: Some("c:1".into()) };
    core.handle(Event::Heard(Box::new(leader)), 0);
    assert_eq!(lines(&core.handle(Event::Due(Timer::Retry), 0)), ["dial c:1"]);
}

/// Two standbys that name each other are not asked at full speed.
#[test]
fn only_the_first_hint_is_followed_at_once() {
    let mut core = core(&["a:1"], None);
    core.handle(Event::Start, 0);
    let waits = ["b:1", "a:1", "b:1"].map(|hint| {
        core.handle(Event::Dialled(Ok(())), 0);
        let leader = FromMaster::NotLeader { leader: Some(hint.into()) };
        let wait = retry_of(&core.handle(Event::Heard(Box::new(leader)), 0));
        assert_eq!(lines(&core.handle(Event::Due(Timer::Retry), 0)), [format!("dial {hint}")]);
        wait
    });
    assert_eq!(waits[0], Duration::ZERO);
    assert!(waits[1..].iter().all(|wait| !wait.is_zero()), "{waits:?}");
}

#[test]
fn without_a_named_leader_a_framework_waits() {
    let mut core = core(&["etcd://e"], None);
    assert_eq!(lines(&core.handle(Event::Start, 0)), Vec::<String>::new());
    assert_eq!(core.link_name(), "down");
    assert_eq!(lines(&core.handle(Event::LeaderNamed("a:1".into()), 0)), ["set Retry"]);
    assert_eq!(lines(&core.handle(Event::Due(Timer::Retry), 0)), ["dial a:1"]);
}

#[test]
fn a_named_leader_is_followed_from_every_state() {
    for steps in 0..4 {
        let mut core = core(&["etcd://e"], Some("m-0000"));
        core.handle(Event::Start, 0);
        core.handle(Event::LeaderNamed("a:1".into()), 0);
        let way = [Event::Due(Timer::Retry), Event::Dialled(Ok(())), subscribed()];
        for event in way.into_iter().take(steps) {
            core.handle(event, 0);
        }
        let from = core.link_name();
        let again = lines(&core.handle(Event::LeaderNamed("a:1".into()), 0));
        // Connected there already, or about to be: nothing to do.
        assert_eq!(again.is_empty(), from != "down", "{from}: {again:?}");
        let effects = core.handle(Event::LeaderNamed("b:1".into()), u64::MAX);
        let wait = retry_of(&effects);
        assert!(wait > Duration::from_millis(99) && wait <= Duration::from_millis(200), "{wait:?}");
        let told = lines(&effects);
        assert_eq!(told.contains(&"hang up".into()), from != "down", "{from}: {told:?}");
        assert_eq!(told.contains(&"disconnected".into()), from == "subscribed", "{from}: {told:?}");
        assert_eq!(core.link_name(), "down");
        assert_eq!(lines(&core.handle(Event::Due(Timer::Retry), 0)), ["dial b:1"], "{from}");
        // As the framework that it was.
        let asked = core.handle(Event::Dialled(Ok(())), 0);
        let Effect::Send(call) = &asked[0] else { panic!("{asked:?}") };
        assert_eq!(call.framework_id, Some("m-0000".into()), "{from}");
    }
}

/// SCH-38.
#[test]
fn an_error_ends_it_for_good() {
    let mut core = up(None);
    let error = Some(event::Error { message: "Framework failed over".into() });
    let said = Said { r#type: Some(event::Type::Error as i32), error, ..Default::default() };
    let stop = Stop::Refused("Framework failed over".into());
    assert_eq!(lines(&core.handle(heard(said), 0)), [format!("stop {stop:?}")]);
    assert_eq!(lines(&core.handle(Event::Start, 0)), Vec::<String>::new());
}

/// FW-09: what is launched while nobody can take it is answered at once.
#[test]
fn a_launch_without_a_master_is_dropped_aloud() {
    let mut core = core(&["m:1"], None);
    assert_eq!(lines(&core.handle(launch("t"), 0)), ["update TASK_DROPPED"]);
    let group = operations::launch_group(Default::default(), vec![task("a"), task("b")]);
    let told = lines(&core.handle(accept(group), 0));
    assert_eq!(told, ["update TASK_DROPPED", "update TASK_DROPPED"]);
}

/// A kill that may not have arrived is said again.
#[test]
fn kills_are_repeated_after_a_reconnection() {
    let mut core = up(None);
    core.handle(launch("t"), 0);
    let kill = call::Kill { task_id: "t".into(), ..Default::default() };
    let r#type = Some(call::Type::Kill as i32);
    core.handle(Event::Call(Box::new(Call { r#type, kill: Some(kill), ..Default::default() })), 0);
    core.handle(Event::Lost("reset".into()), 0);
    core.handle(Event::Due(Timer::Retry), 0);
    core.handle(Event::Dialled(Ok(())), 0);
    let told = lines(&core.handle(subscribed(), 0));
    assert_eq!(told.last().map(String::as_str), Some("send KILL"));
}

#[test]
fn stopping_with_teardown_ends_the_framework_too() {
    let told = lines(&up(None).handle(Event::Stop { teardown: true }, 0));
    assert_eq!(told, ["send TEARDOWN", "forget", "stop Asked"]);
    assert_eq!(lines(&up(None).handle(Event::Stop { teardown: false }, 0)), ["stop Asked"]);
}

/// Refusals: not subscribed any more means subscribe again; others are for the log.
#[test]
fn refusals() {
    let refuse = |code| {
        let refused = FromMaster::Refused { code, message: "no".into() };
        lines(&up(None).handle(Event::Heard(Box::new(refused)), 0))
    };
    assert!(refuse(403).contains(&"set Retry".to_owned()));
    assert_eq!(refuse(400), ["log"]);
}

fn too_many() -> Event {
    let message = "too many requests".into();
    Event::Heard(Box::new(FromMaster::Refused { code: 429, message }))
}

/// The tasks of each KILL.
fn killed(effects: &[Effect]) -> Vec<String> {
    let calls = effects.iter().filter_map(|effect| match effect {
        Effect::Send(call) => call.kill.as_ref(),
        _ => None,
    });
    calls.map(|kill| kill.task_id.value.clone()).collect()
}

fn kill(id: &str) -> Event {
    Event::Call(Box::new(Call {
        r#type: Some(call::Type::Kill as i32),
        kill: Some(call::Kill { task_id: id.into(), ..Default::default() }),
        ..Default::default()
    }))
}

/// LIM-01: a master says that a call was one too many, not which.
#[test]
fn lim_01_what_was_launched_and_never_heard_of_is_asked_about() {
    let mut core = up(None);
    core.handle(launch("heard"), 0);
    core.handle(update("heard", v1::TaskState::TaskRunning, None), 0);
    assert_eq!(lines(&core.handle(too_many(), 0)), ["log"], "nothing is in doubt");
    for id in ["t", "u"] {
        core.handle(launch(id), 0);
    }
    assert_eq!(lines(&core.handle(too_many(), 0)), ["log", "set Reconcile"]);
    // Refusals without end do not put it off.
    core.handle(launch("v"), 0);
    assert_eq!(lines(&core.handle(too_many(), 0)), ["log"]);
    let first = core.handle(Event::Due(Timer::Reconcile), 0);
    assert_eq!(asked(&first), [["t", "u", "v"]]);
    assert_eq!(lines(&first), ["send RECONCILE", "set Reconcile"]);
    // That was one too many itself: it is said again in its time, not at once.
    assert_eq!(lines(&core.handle(too_many(), 0)), ["log"]);
    assert_eq!(asked(&core.handle(Event::Due(Timer::Reconcile), 0)), [["t", "u", "v"]]);
    // One more launch is asked about soon.
    core.handle(launch("w"), 0);
    assert_eq!(lines(&core.handle(too_many(), 0)), ["log", "set Reconcile"]);
    for id in ["t", "u", "v"] {
        core.handle(update(id, v1::TaskState::TaskLost, None), 0);
    }
    core.handle(Event::Due(Timer::Reconcile), 0);
    assert_eq!(asked(&core.handle(Event::Due(Timer::Reconcile), 0)), [["w"]]);
    core.handle(update("w", v1::TaskState::TaskStaging, None), 0);
    assert_eq!(lines(&core.handle(Event::Due(Timer::Reconcile), 0)), [""; 0]);
    assert_eq!(lines(&core.handle(too_many(), 0)), ["log"], "all are known");
}

#[test]
fn lim_01_kills_are_sent_again_a_few_at_a_time_and_each_in_its_turn() {
    let mut core = up(None);
    let ids: Vec<String> = (0..7).map(|n| format!("t{n}")).collect();
    for id in &ids {
        core.handle(launch(id), 0);
        core.handle(update(id, v1::TaskState::TaskRunning, None), 0);
        core.handle(kill(id), 0);
    }
    assert_eq!(lines(&core.handle(too_many(), 0)), ["log", "set Kill"]);
    assert_eq!(lines(&core.handle(too_many(), 0)), ["log"], "it is set");
    let mut due = |refused: bool| {
        let told = core.handle(Event::Due(Timer::Kill), 0);
        if refused {
            core.handle(too_many(), 0);
        }
        (killed(&told), lines(&told).last().is_some_and(|last| last == "set Kill"))
    };
    assert_eq!(due(false), (vec!["t0".to_owned()], true));
    assert_eq!(due(true), (ids[1..3].to_vec(), true));
    // One at a time again, from where it was.
    assert_eq!(due(false), (vec!["t3".to_owned()], true));
    assert_eq!(due(false), (ids[4..6].to_vec(), true));
    let round = ["t6", "t0", "t1", "t2"].map(str::to_owned).to_vec();
    assert_eq!(due(false), (round, false));
    // A task that has ended is not killed any more.
    for id in &ids[1..] {
        core.handle(update(id, v1::TaskState::TaskKilled, None), 0);
    }
    assert_eq!(lines(&core.handle(too_many(), 0)), ["log", "set Kill"]);
    assert_eq!(killed(&core.handle(Event::Due(Timer::Kill), 0)), ["t0"]);
    // A new connection sends all of them, and this is over.
    core.handle(too_many(), 0);
    let down = lines(&core.handle(Event::Lost("reset".into()), 0));
    assert!(down.contains(&"cancel Kill".to_owned()), "{down:?}");
}

/// SCH-16, SCH-25: a master forgets them with the subscription; the SDK does not.
#[test]
fn what_a_framework_said_of_itself_is_said_again() {
    let subscribe = |core: &mut Core| {
        core.handle(Event::Lost("reset".into()), 0);
        core.handle(Event::Due(Timer::Retry), 0);
        let asked = core.handle(Event::Dialled(Ok(())), 0);
        core.handle(subscribed(), 0);
        let said = asked.into_iter().find_map(|effect| match effect {
            Effect::Send(call) => call.subscribe,
            _ => None,
        });
        said.expect("SUBSCRIBE")
    };
    let call = |kind: call::Type, fill: &dyn Fn(&mut Call)| {
        let mut call = Call { r#type: Some(kind as i32), ..Default::default() };
        fill(&mut call);
        Event::Call(Box::new(call))
    };
    let mut core = up(Some("m-0000"));
    core.handle(call(call::Type::Suppress, &|_| ()), 0);
    assert_eq!(subscribe(&mut core).suppressed_roles, ["*"]);

    let info = v1::FrameworkInfo {
        name: "g".into(),
        roles: ["r", "s", "t"].map(str::to_owned).to_vec(),
        ..Default::default()
    };
    let update = call(call::Type::UpdateFramework, &|call| {
        call.update_framework = Some(call::UpdateFramework {
            framework_info: info.clone(),
            suppressed_roles: vec!["s".into()],
            offer_constraints: Some(Default::default()),
        });
    });
    let sent = core.handle(update, 0);
    let [Effect::Send(sent)] = &sent[..] else { panic!("{sent:?}") };
    let info = &sent.update_framework.as_ref().unwrap().framework_info;
    assert_eq!(info.id, Some("m-0000".into()), "the SDK's business");
    let said = subscribe(&mut core);
    assert_eq!((said.framework_info.name.as_str(), said.suppressed_roles), ("g", vec!["s".into()]));
    assert!(said.offer_constraints.is_some());

    core.handle(call(call::Type::Suppress, &|_| ()), 0);
    let some = |call: &mut Call| call.revive = Some(call::Revive { roles: vec!["s".into()] });
    core.handle(call(call::Type::Revive, &some), 0);
    assert_eq!(subscribe(&mut core).suppressed_roles, ["r", "t"]);
    core.handle(call(call::Type::Revive, &|_| ()), 0);
    assert!(subscribe(&mut core).suppressed_roles.is_empty());
}

/// SCH-20: the policy sees a status before it is acknowledged; a name alone, or a uuid alone, is
/// not acknowledged.
#[test]
fn the_status_of_an_operation_is_told_and_acknowledged() {
    let status = |id: Option<&str>, uuid: Option<&[u8]>| v1::OperationStatus {
        operation_id: id.map(Into::into),
        state: v1::OperationState::OperationFinished as i32,
        uuid: uuid.map(|uuid| v1::Uuid { value: uuid.to_vec().into() }),
        agent_id: Some("a".into()),
        ..Default::default()
    };
    let said = |status: v1::OperationStatus| {
        heard(Said {
            r#type: Some(event::Type::UpdateOperationStatus as i32),
            update_operation_status: Some(event::UpdateOperationStatus { status }),
            ..Default::default()
        })
    };
    let mut core = up(None);
    let told = core.handle(said(status(Some("o"), Some(b"u"))), 0);
    let all = ["set Silence", "operation OPERATION_FINISHED", "send ACKNOWLEDGE_OPERATION_STATUS"];
    assert_eq!(lines(&told), all);
    let Some(Effect::Send(call)) = told.last() else { panic!("{told:?}") };
    let acknowledge = call.acknowledge_operation_status.as_ref().unwrap();
    assert_eq!((&*acknowledge.operation_id.value, &*acknowledge.uuid), ("o", &b"u"[..]));
    for quiet in [status(Some("o"), None), status(None, None)] {
        assert_eq!(lines(&core.handle(said(quiet), 0)), all[..2]);
    }
    // Asked for while there is no master.
    core.handle(Event::Lost("reset".into()), 0);
    let reserve = operations::reserve(vec![]);
    let operations = vec![operations::named("o", reserve)];
    let accept = call::Accept { operations, ..Default::default() };
    let call = Call {
        r#type: Some(call::Type::Accept as i32),
        accept: Some(accept),
        ..Default::default()
    };
    let told = core.handle(Event::Call(Box::new(call)), 0);
    assert_eq!(lines(&told), ["operation OPERATION_DROPPED"]);
}
