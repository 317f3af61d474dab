//! Reconciliation, case by case (B8, RC-01 to RC-08).

use crate::harness::*;
use meseta_api::ids::FrameworkId;
use meseta_api::v1;
use meseta_api::v1::task_status::{Reason, Source};
use meseta_master::core::calls::asked::{MOST, PAUSE, SLICE};
use meseta_master::core::Event;

const ALL: &str = "cpus:4;mem:1024";

fn running(info: v1::FrameworkInfo) -> (Master, v1::FrameworkId) {
    let mut m = Master::new();
    m.agent(1, ALL);
    let framework = m.framework(10, info);
    m.running(10, 1, "t");
    (m, (&framework).into())
}

fn asked(m: &mut Master, framework: &v1::FrameworkId, task: &str, agent: Option<&str>) -> String {
    let gave = m.does(call(10, framework, reconcile(&[(task, agent)])));
    let line = gave.all();
    line.trim_start_matches("stream 10 <- UPDATE ")
        .trim_end_matches(" REASON_RECONCILIATION")
        .to_owned()
}

#[test]
fn answers_come_from_the_master_and_are_not_acknowledged() {
    let (mut m, framework) = running(info("f"));
    let gave = m.does(call(10, &framework, reconcile(&[("t", None)])));
    let status = &gave.updates()[0];
    assert_eq!((status.source(), status.reason()), (Source::Master, Reason::Reconciliation));
    assert!(status.uuid.is_none() && status.data.is_none() && status.message.is_none());
    assert_eq!(status.agent_id, Some("m-S0".into()));
}

/// RECONCILE of named tasks (SCH-21).
#[test]
fn each_case_in_its_order() {
    for (info, gone, unknown, lost) in
        [(info("f"), "GONE", "UNKNOWN", "UNREACHABLE"), (unaware("f"), "LOST", "LOST", "LOST")]
    {
        let (mut m, framework) = running(info);
        // 1, RC-01
        assert_eq!(asked(&mut m, &framework, "t", None), "t TASK_RUNNING");
        // 3, RC-02
        assert_eq!(asked(&mut m, &framework, "x", Some("m-S0")), format!("x TASK_{gone}"));
        // 6, RC-03
        assert_eq!(asked(&mut m, &framework, "x", Some("m-S7")), format!("x TASK_{unknown}"));
        assert_eq!(asked(&mut m, &framework, "x", None), format!("x TASK_{unknown}"));
        // 4
        m.passes(75 * SECOND);
        m.durable();
        assert_eq!(asked(&mut m, &framework, "x", Some("m-S0")), format!("x TASK_{lost}"));
        assert_eq!(asked(&mut m, &framework, "t", None), format!("t TASK_{lost}"));
        let gave = m.does(call(10, &framework, reconcile(&[("t", None), ("x", Some("m-S0"))])));
        assert!(gave.updates().iter().all(|status| status.unreachable_time.is_some()));
    }
}

#[test]
fn rc_04_silence_until_recovered_agents_are_back_or_given_up() {
    let (mut m, framework) = running(info("f"));
    m.durable();
    let id = FrameworkId::try_from(&framework).unwrap();
    let mut m = m.fail_over();
    m.does(subscribes(10, with_id(info("f"), &id)));
    m.durable();
    assert_eq!(asked(&mut m, &framework, "t", Some("m-S0")), "");
    assert_eq!(asked(&mut m, &framework, "t", None), "");
    assert_eq!(asked(&mut m, &framework, "t", Some("m-S7")), "t TASK_UNKNOWN");
    // RC-08
    m.does(Event::TimerDue(meseta_master::core::TimerKey::RecoveredAgentsDue));
    m.durable();
    assert_eq!(asked(&mut m, &framework, "t", Some("m-S0")), "t TASK_UNREACHABLE");
}

#[test]
fn rc_05_implicit_tells_of_all_that_has_not_ended() {
    let (mut m, framework) = running(info("f"));
    let offer = m.running(10, 1, "u");
    let next = m.offer();
    m.does(call(10, &framework, accept(&[&next], vec![task("v", &next, "cpus:1")])));
    let ended = m.status(&offer, "u", v1::TaskState::TaskFinished);
    let ended = meseta_api::internal::master::FromAgent::UpdateStatus(Box::new(ended));
    m.does(says(1, ended));
    m.does(call(10, &framework, reconcile(&[]))).gives(
        "stream 10 <- UPDATE t TASK_RUNNING REASON_RECONCILIATION
         stream 10 <- UPDATE v TASK_STAGING REASON_RECONCILIATION",
    );
    // RC-06: asked about, it has its terminal state.
    assert_eq!(asked(&mut m, &framework, "u", None), "u TASK_FINISHED");
}

#[test]
fn implicit_tells_of_unreachable_tasks_too() {
    for (info, lost) in [(info("f"), "UNREACHABLE"), (unaware("f"), "LOST")] {
        let (mut m, framework) = running(info);
        m.passes(75 * SECOND);
        m.durable();
        m.does(call(10, &framework, reconcile(&[])))
            .gives(&format!("stream 10 <- UPDATE t TASK_{lost} REASON_RECONCILIATION"));
    }
}

#[test]
fn ids_that_are_none_are_refused() {
    let (mut m, framework) = running(info("f"));
    for (task, agent) in [("", None), ("a/b", None), ("t", Some("a/b"))] {
        assert_eq!(m.refuses(call(10, &framework, reconcile(&[(task, agent)]))).0, 400);
    }
}

/// A framework of so many tasks, and their names.
fn many(tasks: usize) -> (Master, v1::FrameworkId, Vec<String>) {
    let resources = format!("cpus:{tasks};mem:{}", 128 * tasks);
    let mut m = Master::new();
    let agent = m.agent(1, &resources);
    let framework = m.framework(10, info("f"));
    let names: Vec<String> = (0..tasks).map(|n| format!("t{n:05}")).collect();
    let running = |name: &String| reported(&framework, &agent, name, v1::TaskState::TaskRunning);
    let report = Report {
        tasks: names.iter().map(running).collect(),
        frameworks: vec![with_id(info("f"), &framework)],
        ..Report::default()
    };
    m.does(reregisters(1, &agent, &resources, report));
    (m, (&framework).into(), names)
}

fn told(gave: &Gave) -> Vec<String> {
    gave.updates().into_iter().map(|status| status.task_id.value).collect()
}

fn about(names: &[String]) -> v1::scheduler::Call {
    let asked: Vec<(&str, Option<&str>)> = names.iter().map(|name| (name.as_str(), None)).collect();
    reconcile(&asked)
}

/// All answers at once would be more than a connection holds.
#[test]
fn many_answers_go_out_in_slices() {
    let tasks = 2 * SLICE + SLICE / 2;
    let (mut m, framework, names) = many(tasks);
    for asked in [reconcile(&[]), about(&names)] {
        let mut heard = Vec::new();
        let mut gave = m.does(call(10, &framework, asked));
        for expected in [SLICE, SLICE, SLICE / 2] {
            assert_eq!(told(&gave).len(), expected);
            heard.extend(told(&gave));
            gave = m.passes(PAUSE);
        }
        assert_eq!(told(&gave).len(), 0);
        assert_eq!(heard, names);
    }
}

#[test]
fn asked_again_while_it_is_being_answered_a_scheduler_hears_all_once_more() {
    let (mut m, framework, names) = many(2 * SLICE);
    let mut heard = told(&m.does(call(10, &framework, reconcile(&[]))));
    // However often it asks.
    for _ in 0..3 {
        heard.extend(told(&m.does(call(10, &framework, reconcile(&[])))));
    }
    heard.extend(told(&m.does(call(10, &framework, about(&names[..1])))));
    assert_eq!(heard.len(), SLICE);
    heard.extend(told(&m.passes(MINUTE)));
    let one = &names[..1];
    assert_eq!(heard, [&names[..], one, &names[..]].concat());
}

#[test]
fn an_answer_is_what_is_known_when_it_is_given() {
    let (mut m, framework, _) = many(SLICE + 1);
    m.does(call(10, &framework, reconcile(&[])));
    // It has ended when its turn comes, and that it ended was told.
    m.does(lost_agent(1));
    let agent = "m-S0".parse().unwrap();
    let known = FrameworkId::try_from(&framework).unwrap();
    let last = format!("t{SLICE:05}");
    let ended = vec![reported(&known, &agent, &last, v1::TaskState::TaskFinished)];
    let frameworks = vec![with_id(info("f"), &known)];
    let report = Report { tasks: ended, frameworks, ..Report::default() };
    m.does(reregisters(1, &agent, "cpus:2000;mem:256000", report));
    m.durable();
    assert_eq!(told(&m.passes(PAUSE)), Vec::<String>::new());
}

#[test]
fn who_has_left_is_not_answered_on() {
    let (mut m, framework, names) = many(2 * SLICE);
    m.does(call(10, &framework, reconcile(&[])));
    m.does(lost_stream(10));
    let gave = m.passes(2 * PAUSE);
    assert_eq!(told(&gave).len(), 0, "{}", gave.all());
    let id = FrameworkId::try_from(&framework).unwrap();
    m.does(subscribes(11, with_id(info("f"), &id)));
    m.durable();
    let mut heard = told(&m.does(call(11, &framework, reconcile(&[]))));
    heard.extend(told(&m.passes(MINUTE)));
    assert_eq!(heard, names);
}

#[test]
fn questions_that_wait_are_bounded() {
    let (mut m, framework, _) = many(1);
    let names: Vec<String> = (0..MOST + 2 * SLICE).map(|n| format!("u{n}")).collect();
    // All that a scheduler has it may ask about.
    m.does(call(10, &framework, about(&names)));
    assert_eq!(m.refuses(call(10, &framework, about(&names[..1]))).0, 429);
    m.passes(2 * PAUSE);
    m.does(call(10, &framework, about(&names[..1])));
}
