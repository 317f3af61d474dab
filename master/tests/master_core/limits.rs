//! What a master remembers is bounded (LIM-03): settled and unreachable tasks of a framework.
//! Removed frameworks are in `frameworks.rs`.

use crate::harness::*;
use meseta_api::internal::master::{FromAgent, OperatorAnswer};
use meseta_api::v1::master::call::Type;
use meseta_api::v1::master::response::GetTasks;
use meseta_api::v1::{Task, TaskState};
use meseta_master::core::Config;

const ALL: &str = "cpus:4;mem:1024";

fn tasks(m: &mut Master) -> GetTasks {
    match m.does(asks(Type::GetTasks)).answer() {
        OperatorAnswer::Response(response) => response.get_tasks.expect("tasks"),
        other => panic!("{other:?}"),
    }
}

fn ids(tasks: &[Task]) -> Vec<&str> {
    tasks.iter().map(|task| task.task_id.value.as_str()).collect()
}

#[test]
fn lim_03_the_latest_completed_tasks_are_kept() {
    let config = Config { max_completed_tasks_per_framework: 2, ..Config::default() };
    let mut m = Master::recovered(Default::default(), config);
    m.agent(1, ALL);
    m.framework(10, info("f"));
    for id in ["t", "u", "v"] {
        let offer = m.running(10, 1, id);
        let update = m.status(&offer, id, TaskState::TaskFinished);
        m.does(says(1, FromAgent::UpdateStatus(Box::new(update.clone()))));
        m.does(acknowledges(10, &update));
    }
    assert_eq!(ids(&tasks(&mut m).completed_tasks), ["u", "v"]);
}

#[test]
fn lim_03_the_latest_unreachable_tasks_are_kept_and_a_forgotten_one_comes_back() {
    let config = Config { max_unreachable_tasks_per_framework: 1, ..Config::default() };
    let mut m = Master::recovered(Default::default(), config);
    let agent = m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    let away = |m: &mut Master| {
        m.passes(75 * SECOND);
        m.durable();
    };
    let back = |m: &mut Master, ids: &[&str]| {
        let running = |id: &&str| reported(&framework, &agent, id, TaskState::TaskRunning);
        let report = Report {
            tasks: ids.iter().map(running).collect(),
            frameworks: vec![with_id(info("f"), &framework)],
            ..Report::default()
        };
        m.does(reregisters(1, &agent, ALL, report));
        m.durable()
    };
    m.running(10, 1, "t");
    away(&mut m);
    assert_eq!(ids(&tasks(&mut m).unreachable_tasks), ["t"]);
    // One that came back is not among them, and is once if it is given up again.
    back(&mut m, &["t"]);
    assert!(tasks(&mut m).unreachable_tasks.is_empty());
    away(&mut m);
    assert_eq!(ids(&tasks(&mut m).unreachable_tasks), ["t"]);
    back(&mut m, &["t"]);
    m.running(10, 1, "u");
    away(&mut m);
    assert_eq!(ids(&tasks(&mut m).unreachable_tasks), ["u"]);
    let gave = back(&mut m, &["t", "u"]);
    assert!(gave.all().contains("UPDATE u TASK_RUNNING"), "{}", gave.all());
    assert_eq!(ids(&tasks(&mut m).tasks), ["t", "u"], "what was forgotten is known again");
}
