//! What those who follow the cluster are told (EVT-02).

use crate::harness::*;
use meseta_api::internal::master::FromAgent;
use meseta_api::v1::master::Event;
use meseta_api::v1::scheduler::call::{Type, UpdateFramework};
use meseta_api::v1::TaskState;
use meseta_master::core::Effect;

const ALL: &str = "cpus:4;mem:1024";

fn line(event: &Event) -> String {
    let kind = event.r#type().as_str_name();
    let framework = |framework: &meseta_api::v1::FrameworkInfo| {
        framework.id.as_ref().map_or(String::new(), |id| id.value.clone())
    };
    let about = if let Some(added) = &event.task_added {
        format!("{} {}", added.task.task_id.value, added.task.state().as_str_name())
    } else if let Some(updated) = &event.task_updated {
        format!("{} {}", updated.status.task_id.value, updated.state().as_str_name())
    } else if let Some(added) = &event.agent_added {
        added.agent.agent_info.id.as_ref().map_or(String::new(), |id| id.value.clone())
    } else if let Some(removed) = &event.agent_removed {
        removed.agent_id.value.clone()
    } else if let Some(added) = &event.framework_added {
        framework(&added.framework.framework_info)
    } else if let Some(updated) = &event.framework_updated {
        let connected = updated.framework.connected;
        format!("{} {connected}", framework(&updated.framework.framework_info))
    } else if let Some(removed) = &event.framework_removed {
        framework(&removed.framework_info)
    } else {
        String::new()
    };
    format!("{kind} {about}")
}

fn told(gave: &Gave) -> Vec<String> {
    let facts = gave.effects.iter().filter_map(|effect| match effect {
        Effect::Happened(fact) => Some(fact.event().expect("it is of the state that it speaks of")),
        _ => None,
    });
    facts.map(|event| line(&event)).collect()
}

#[test]
fn evt_02_a_cluster_as_those_see_it_who_follow() {
    let mut m = Master::new();
    m.core.watch(true);
    m.does(arrives(1));
    m.does(registers(1, ALL));
    assert_eq!(told(&m.durable()), ["AGENT_ADDED m-S0"]);
    let info = meseta_api::v1::FrameworkInfo { failover_timeout: Some(1e6), ..info("f") };
    m.does(subscribes(10, info.clone()));
    assert_eq!(told(&m.durable()), ["FRAMEWORK_ADDED m-0000"]);
    let offer = m.offer();
    let tasks = vec![task("a", &offer, "cpus:1;mem:128"), task("b", &offer, "cpus:1;mem:128")];
    let gave = m.does(call(10, &offer.framework_id, accept(&[&offer], tasks)));
    assert_eq!(told(&gave), ["TASK_ADDED a TASK_STAGING", "TASK_ADDED b TASK_STAGING"]);
    let say = |m: &mut Master, task: &str, state: TaskState| {
        let update = m.status(&offer, task, state);
        told(&m.does(says(1, FromAgent::UpdateStatus(Box::new(update)))))
    };
    assert_eq!(say(&mut m, "a", TaskState::TaskRunning), ["TASK_UPDATED a TASK_RUNNING"]);
    assert_eq!(say(&mut m, "a", TaskState::TaskRunning), [""; 0], "it is in this state already");
    assert_eq!(say(&mut m, "b", TaskState::TaskFailed), ["TASK_UPDATED b TASK_FAILED"]);

    assert_eq!(told(&m.does(lost_stream(10))), ["FRAMEWORK_UPDATED m-0000 false"]);
    let again = with_id(info, &(offer.framework_id.value.parse().unwrap()));
    m.does(subscribes(11, again));
    assert_eq!(told(&m.durable()), ["FRAMEWORK_UPDATED m-0000 true"]);

    m.does(lost_agent(1));
    m.passes(601 * SECOND);
    let lost = ["TASK_UPDATED a TASK_UNREACHABLE", "AGENT_REMOVED m-S0"];
    assert_eq!(told(&m.durable()), lost);

    m.does(call(11, &offer.framework_id, simple(Type::Teardown)));
    let gone = ["TASK_UPDATED a TASK_KILLED", "FRAMEWORK_REMOVED m-0000"];
    assert_eq!(told(&m.durable()), gone);
}

#[test]
fn evt_02_nothing_is_made_for_nobody() {
    let mut m = Master::new();
    m.does(arrives(1));
    m.does(registers(1, ALL));
    assert_eq!(told(&m.durable()), [""; 0]);
}

#[test]
fn evt_02_an_update_of_a_framework_is_told_if_it_changes_anything() {
    let mut m = Master::new();
    m.core.watch(true);
    let framework = m.framework(10, info("f"));
    let update = |m: &mut Master, name: &str, suppressed: &[&str]| {
        let update_framework = Some(UpdateFramework {
            framework_info: with_id(info(name), &framework),
            suppressed_roles: suppressed.iter().map(|role| (*role).to_owned()).collect(),
            offer_constraints: None,
        });
        let update =
            meseta_api::v1::scheduler::Call { update_framework, ..simple(Type::UpdateFramework) };
        let written = m.does(call(10, &(&framework).into(), update));
        assert_eq!(told(&written), [""; 0], "nothing before it is durable");
        told(&m.durable())
    };
    assert_eq!(update(&mut m, "g", &[]), ["FRAMEWORK_UPDATED m-0000 true"]);
    assert_eq!(update(&mut m, "g", &["r"]), ["FRAMEWORK_UPDATED m-0000 true"]);
    assert_eq!(update(&mut m, "g", &["r"]), [""; 0], "it is so already");
}
