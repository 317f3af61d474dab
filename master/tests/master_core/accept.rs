//! Offers, ACCEPT and DECLINE: every row of B4 (SCH-12, SCH-13, SCH-31, OP-01).

use crate::harness::*;
use meseta_api::ids::FrameworkId;
use meseta_api::v1::offer::operation::Type as OperationType;
use meseta_api::v1::scheduler::{call, Call};
use meseta_api::v1::task_status::Source;
use meseta_api::v1::{self, Filters, Offer};
use meseta_master::core::{Config, Event};
use std::time::Duration;

const ALL: &str = "cpus:4;mem:1024";

fn filtered(call: Call, seconds: f64) -> Call {
    let mut call = call;
    let filters = Some(Filters { refuse_seconds: Some(seconds) });
    if let Some(accept) = &mut call.accept {
        accept.filters = filters;
    }
    if let Some(decline) = &mut call.decline {
        decline.filters = filters;
    }
    call
}

fn decline(offers: &[&str]) -> Call {
    Call {
        r#type: Some(call::Type::Decline.into()),
        decline: Some(call::Decline {
            offer_ids: offers.iter().map(|id| (*id).into()).collect(),
            filters: None,
        }),
        ..Default::default()
    }
}

/// The resources say for which role they are allocated (RES-16).
#[test]
fn sch_31_an_offer_carries_what_clients_dereference() {
    let (_, framework, offer) = offered(ALL, info("f"));
    assert_eq!(offer.framework_id, framework);
    assert_eq!((offer.id.value.as_str(), offer.agent_id.value.as_str()), ("m-O0", "m-S0"));
    assert_eq!(offer.hostname, "host");
    assert_eq!(offer.allocation_info.unwrap().role.as_deref(), Some("r"));
    let url = offer.url.unwrap();
    assert_eq!((url.scheme.as_str(), url.path.as_deref()), ("http", Some("/slave(1)")));
    assert_eq!((url.address.ip.as_deref(), url.address.port), (Some("10.0.0.1"), 5051));
}

/// LAUNCH (A4 OP-01).
#[test]
fn op_01_a_task_is_launched_and_the_rest_goes_back_with_a_filter() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let launch = launch(vec![task("t", &offer, "cpus:1;mem:128")]);
    m.does(call(10, &framework, accept_all(&[&offer], vec![launch]))).gives(
        "allocator Recovered m-0000 m-S0 cpus:3;mem:896 refuse 5s
         agent 1 <- RunTask t",
    );
    m.allocate().gives("");
    // The agent gets resources with their allocation role.
    let query = v1::master::Call {
        r#type: Some(v1::master::call::Type::GetTasks.into()),
        ..Default::default()
    };
    let tasks = m.core.query(&query).unwrap().get_tasks.unwrap().tasks;
    assert_eq!(tasks[0].state(), v1::TaskState::TaskStaging);
    let role = tasks[0].resources[0].allocation_info.clone().unwrap().role;
    assert_eq!(role.as_deref(), Some("r"));
}

#[test]
fn an_accept_without_operations_or_tasks_is_a_decline() {
    for operations in [vec![], vec![launch(vec![])]] {
        let (mut m, framework, offer) = offered(ALL, info("f"));
        m.does(call(10, &framework, accept_all(&[&offer], operations)))
            .gives("allocator Recovered m-0000 m-S0 cpus:4;mem:1024 refuse 5s");
    }
}

#[test]
fn no_offer_ids_is_invalid() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    m.does(call(10, &framework, accept(&[], vec![task("t", &offer, "cpus:1")])))
        .gives("stream 10 <- UPDATE t TASK_DROPPED REASON_INVALID_OFFERS");
}

#[test]
fn me_12_an_offer_that_is_not_valid_spoils_the_whole_accept() {
    for (aware, state) in [(true, "DROPPED"), (false, "LOST")] {
        let info = if aware { info("f") } else { unaware("f") };
        let (mut m, framework, offer) = offered(ALL, info);
        let mut stale = offer.clone();
        stale.id = "m-O77".into();
        let tasks = vec![task("t", &offer, "cpus:1"), task("u", &offer, "cpus:1")];
        // The valid one is used up all the same, and returned without a filter.
        m.does(call(10, &framework, accept(&[&offer, &stale], tasks.clone()))).gives(&format!(
            "allocator Recovered m-0000 m-S0 cpus:4;mem:1024
             stream 10 <- UPDATE t TASK_{state} REASON_INVALID_OFFERS
             stream 10 <- UPDATE u TASK_{state} REASON_INVALID_OFFERS"
        ));
        // B23.8: a used offer never launches.
        m.does(call(10, &framework, accept(&[&offer], tasks))).says(&format!(
            "stream 10 <- UPDATE t TASK_{state} REASON_INVALID_OFFERS
             stream 10 <- UPDATE u TASK_{state} REASON_INVALID_OFFERS"
        ));
    }
}

#[test]
fn an_offer_named_twice_spoils_the_accept() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let tasks = vec![task("t", &offer, "cpus:1")];
    m.does(call(10, &framework, accept(&[&offer, &offer], tasks))).gives(
        "allocator Recovered m-0000 m-S0 cpus:4;mem:1024
         stream 10 <- UPDATE t TASK_DROPPED REASON_INVALID_OFFERS",
    );
}

#[test]
fn offers_of_two_agents_spoil_the_accept() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.agent(2, ALL);
    let framework = m.framework(10, info("f"));
    m.allocate();
    let offers: Vec<Offer> = m.offers.values().cloned().collect();
    let tasks = vec![task("t", &offers[0], "cpus:1")];
    let both = accept(&[&offers[0], &offers[1]], tasks);
    let gave = m.does(call(10, &(&framework).into(), both));
    gave.says("stream 10 <- UPDATE t TASK_DROPPED REASON_INVALID_OFFERS");
    assert_eq!(gave.lines().iter().filter(|line| line.starts_with("allocator")).count(), 2);
}

#[test]
fn offers_for_two_roles_spoil_the_accept() {
    let mut m = Master::new();
    m.agent(1, "cpus:2;mem:256;cpus(s):2;mem(s):256");
    let mut two = info("f");
    two.roles = vec!["r".to_owned(), "s".to_owned()];
    let framework = m.framework(10, two);
    m.allocate();
    let offers: Vec<Offer> = m.offers.values().cloned().collect();
    if let [a, b] = &offers[..] {
        let tasks = vec![task("t", a, "cpus:1")];
        m.does(call(10, &(&framework).into(), accept(&[a, b], tasks)))
            .says("stream 10 <- UPDATE t TASK_DROPPED REASON_INVALID_OFFERS");
    } else {
        assert_eq!(offers.len(), 1, "one role took all");
    }
}

#[test]
fn an_offer_of_another_framework_is_not_valid_and_not_touched() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let other = m.framework(11, info("g"));
    let tasks = vec![task("t", &offer, "cpus:1")];
    m.does(call(11, &(&other).into(), accept(&[&offer], tasks.clone())))
        .gives("stream 11 <- UPDATE t TASK_DROPPED REASON_INVALID_OFFERS");
    m.does(call(11, &(&other).into(), decline(&["m-O0"]))).gives("");
    m.does(call(10, &framework, accept(&[&offer], tasks))).says("agent 1 <- RunTask t");
}

#[test]
fn fw_09_an_agent_that_is_being_given_up_takes_no_task() {
    let (mut m, framework, _) = offered(ALL, info("f"));
    m.passes(75 * SECOND);
    let offer = m.offers["m-O0"].clone();
    m.does(call(10, &framework, accept(&[&offer], vec![task("t", &offer, "cpus:1")])))
        .says("stream 10 <- UPDATE t TASK_DROPPED REASON_AGENT_DISCONNECTED");
}

#[test]
fn an_agent_that_is_being_removed_takes_no_task() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    m.does(says(1, meseta_api::internal::master::FromAgent::UnregisterAgent));
    m.does(call(10, &framework, accept(&[&offer], vec![task("t", &offer, "cpus:1")])))
        .says("stream 10 <- UPDATE t TASK_DROPPED REASON_AGENT_REMOVED");
}

/// Each task is validated for itself (A4 OP-01).
#[test]
fn an_invalid_task_does_not_stop_the_others() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let mut invalid = task("b", &offer, "cpus:1");
    invalid.command = None;
    let tasks = vec![task("a", &offer, "cpus:1"), invalid, task("c", &offer, "cpus:1")];
    let gave = m.does(call(10, &framework, accept(&[&offer], tasks)));
    gave.says(
        "agent 1 <- RunTask a
         agent 1 <- RunTask c
         stream 10 <- UPDATE b TASK_ERROR REASON_TASK_INVALID",
    );
    // Nobody can acknowledge it.
    let update = &gave.updates()[0];
    assert_eq!((update.source(), &update.uuid), (Source::Master, &None));
    assert!(update.timestamp.is_some() && update.agent_id.is_some());
    assert_eq!(m.core.counters().tasks_invalid, 1);
}

#[test]
fn tasks_share_what_remains_of_the_offers() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let tasks =
        vec![task("a", &offer, "cpus:3"), task("b", &offer, "cpus:2"), task("c", &offer, "cpus:1")];
    m.does(call(10, &framework, accept(&[&offer], tasks))).says(
        "agent 1 <- RunTask a
         agent 1 <- RunTask c
         stream 10 <- UPDATE b TASK_ERROR REASON_TASK_INVALID",
    );
}

#[test]
fn ts_04_a_task_id_is_used_once_while_the_task_is_known() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let twice = vec![task("t", &offer, "cpus:1"), task("t", &offer, "cpus:1")];
    m.does(call(10, &framework, accept(&[&offer], twice))).says(
        "agent 1 <- RunTask t
         stream 10 <- UPDATE t TASK_ERROR REASON_TASK_INVALID",
    );
    let next = m.offer();
    m.does(call(10, &framework, accept(&[&next], vec![task("t", &next, "cpus:1")])))
        .says("stream 10 <- UPDATE t TASK_ERROR REASON_TASK_INVALID");
}

#[test]
fn a_custom_executor_is_charged_once() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let executor = |value: &str| v1::ExecutorInfo {
        executor_id: "e".into(),
        command: Some(v1::CommandInfo { value: Some(value.to_owned()), ..Default::default() }),
        resources: agent_info("h", "cpus:1;mem:32").resources,
        ..Default::default()
    };
    let with = |id: &str, offer: &Offer, value: &str| {
        let mut task = task(id, offer, "cpus:1;mem:128");
        task.command = None;
        task.executor = Some(executor(value));
        task
    };
    let both = vec![with("a", &offer, "run"), with("b", &offer, "run")];
    m.does(call(10, &framework, accept(&[&offer], both))).gives(
        "allocator Recovered m-0000 m-S0 cpus:1;mem:736 refuse 0s
         agent 1 <- RunTask a
         agent 1 <- RunTask b to its executor",
    );
    // The same executor runs already; another one of its id cannot.
    let next = m.offer();
    assert_eq!(next.executor_ids.len(), 1);
    let tasks = vec![with("c", &next, "run"), with("d", &next, "other")];
    m.does(call(10, &framework, accept(&[&next], tasks))).says(
        "agent 1 <- RunTask c to its executor
         stream 10 <- UPDATE d TASK_ERROR REASON_TASK_INVALID",
    );
}

#[test]
fn operations_not_built_are_told_to_be() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let disk = v1::offer::Operation {
        r#type: Some(OperationType::CreateDisk.into()),
        id: Some("op".into()),
        ..Default::default()
    };
    // OP-07: LAUNCH has no id.
    let mut with_id = launch(vec![task("c", &offer, "cpus:1")]);
    with_id.id = Some("op".into());
    let fine = launch(vec![task("d", &offer, "cpus:1")]);
    let gave = m.does(call(10, &framework, accept_all(&[&offer], vec![disk, with_id, fine])));
    gave.says(
        "agent 1 <- RunTask d
         stream 10 <- UPDATE c TASK_ERROR REASON_TASK_INVALID
         stream 10 <- UPDATE_OPERATION_STATUS op OPERATION_ERROR",
    );
}

#[test]
fn b10_refusals_are_5_seconds_unless_they_are_durations() {
    for (seconds, expected) in [(-1.0, 5), (f64::NAN, 5), (60.0, 60), (1e12, 365 * 24 * 3600)] {
        let (mut m, framework, _) = offered(ALL, info("f"));
        m.does(call(10, &framework, filtered(decline(&["m-O0"]), seconds)))
            .gives(&format!("allocator Recovered m-0000 m-S0 cpus:4;mem:1024 refuse {expected}s"));
    }
    let (mut m, framework, _) = offered(ALL, info("f"));
    m.does(call(10, &framework, filtered(decline(&["m-O0"]), 0.0)));
    m.allocate().says("stream 10 <- OFFERS m-O1 m-S0 cpus:4;mem:1024");
}

#[test]
fn sch_13_a_decline_passes_over_what_is_not_there() {
    let (mut m, framework, _) = offered(ALL, info("f"));
    m.does(call(10, &framework, decline(&["m-O5", "a/b", "m-O0", "m-O0"])))
        .gives("allocator Recovered m-0000 m-S0 cpus:4;mem:1024 refuse 5s");
}

/// ALL-13, RESCIND (SCH-32).
#[test]
fn al_02_offers_expire_after_two_minutes() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    m.timers.retain(|key, _| *key == meseta_master::core::TimerKey::OfferExpiryDue);
    m.passes(119 * SECOND).gives("");
    m.passes(SECOND).gives(
        "stream 10 <- RESCIND m-O0
         allocator Recovered m-0000 m-S0 cpus:4;mem:1024",
    );
    m.does(call(10, &framework, accept(&[&offer], vec![task("t", &offer, "cpus:1")])))
        .says("stream 10 <- UPDATE t TASK_DROPPED REASON_INVALID_OFFERS");
}

#[test]
fn al_13_offers_last_for_ever_if_wanted() {
    let config = Config { offer_timeout: None, ..Config::default() };
    let mut m = Master::recovered(Default::default(), config);
    m.agent(1, ALL);
    m.framework(10, info("f"));
    m.allocate().says("stream 10 <- OFFERS m-O0 m-S0 cpus:4;mem:1024");
    m.timers.clear();
    m.passes(Duration::from_secs(1 << 30)).gives("");
}

#[test]
fn a_grant_that_crosses_with_a_loss_does_not_become_an_offer() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    let grants = m.allocator.allocate(m.at.now, 1);
    let applied = m.allocator.applied();
    // Suspended meanwhile: returned.
    m.does(lost_agent(1));
    m.does(Event::OffersGranted { grants: grants.clone(), applied })
        .gives("allocator Recovered m-0000 m-S0 cpus:4;mem:1024");
    // Removed meanwhile: freed by the removal, so dropped.
    let mut m = Master::new();
    m.agent(1, ALL);
    let framework: FrameworkId = m.framework(10, info("f"));
    let grants = m.allocator.allocate(m.at.now, 1);
    let applied = m.allocator.applied();
    m.does(call(10, &(&framework).into(), simple(call::Type::Teardown)));
    m.durable();
    m.does(Event::OffersGranted { grants, applied }).gives("");
}

#[test]
fn sch_31_an_offer_of_a_cluster_in_tls_leads_to_https() {
    let config = Config { tls: true, ..Config::default() };
    let mut m = Master::recovered(Default::default(), config);
    m.agent(1, ALL);
    m.framework(10, info("f"));
    assert_eq!(m.offer().url.unwrap().scheme, "https");
}
