//! UPDATE_FRAMEWORK (SCH-25, B3).

use crate::harness::*;
use meseta_api::ids::FrameworkId;
use meseta_api::v1::scheduler::call::{Type, UpdateFramework};
use meseta_api::v1::scheduler::OfferConstraints;
use meseta_api::v1::FrameworkInfo;
use meseta_master::core::{Event, RequestId};

const ALL: &str = "cpus:4;mem:1024";

fn update(info: FrameworkInfo, suppressed: &[&str]) -> UpdateFramework {
    UpdateFramework {
        framework_info: info,
        suppressed_roles: suppressed.iter().map(|role| (*role).to_owned()).collect(),
        offer_constraints: None,
    }
}

/// An answered call on stream 10.
fn updates(framework: &FrameworkId, update: UpdateFramework) -> Event {
    let call = meseta_api::v1::scheduler::Call {
        update_framework: Some(update),
        ..simple(Type::UpdateFramework)
    };
    match crate::harness::call(10, &framework.into(), call) {
        Event::SchedulerCalled { mut caller, call } => {
            caller.answer = Some(RequestId(1));
            Event::SchedulerCalled { caller, call }
        }
        event => event,
    }
}

fn two_roles(name: &str) -> FrameworkInfo {
    FrameworkInfo { roles: vec!["r".to_owned(), "s".to_owned()], ..info(name) }
}

#[test]
fn sch_25_an_update_takes_effect_and_is_answered_when_it_is_durable() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let framework = m.framework(10, two_roles("f"));
    m.running(10, 1, "t");
    let changed = with_id(two_roles("g"), &framework);
    m.does(updates(&framework, update(changed, &["s"]))).gives("persist UpdateFramework m-0000");
    m.durable().gives(
        "allocator FrameworkUpdated m-0000 r s suppressed
         agent 1 <- UpdateFramework g
         answer call Done",
    );
    assert_eq!(m.registry.frameworks[&framework].info.name, "g");
    // The next update replaces the suppressed roles (B3.10); the info is the same.
    let again = with_id(two_roles("g"), &framework);
    m.does(updates(&framework, update(again, &[])));
    m.durable().gives("allocator FrameworkUpdated m-0000 r s\nanswer call Done");
}

#[test]
fn b3_6_offers_in_a_role_that_is_left_are_rescinded_and_its_tasks_run_on() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    m.running(10, 1, "t");
    let offer = m.offer();
    let mut other = with_id(info("f"), &framework);
    other.roles = vec!["s".to_owned()];
    m.does(updates(&framework, update(other, &[])));
    m.durable().gives(&format!(
        "stream 10 <- RESCIND {}
         allocator Recovered m-0000 m-S0 cpus:3;mem:896
         allocator FrameworkUpdated m-0000 s
         agent 1 <- UpdateFramework f
         answer call Done",
        offer.id
    ));
    let offer = m.offer();
    let role = offer.allocation_info.and_then(|info| info.role);
    assert_eq!(role.as_deref(), Some("s"));
}

#[test]
fn offers_in_a_role_that_is_suppressed_stay() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    let offer = m.offer();
    let same = with_id(info("f"), &framework);
    m.does(updates(&framework, update(same, &["r"])));
    m.durable().gives("allocator FrameworkUpdated m-0000 r suppressed\nanswer call Done");
    let accepted = accept(&[&offer], vec![task("t", &offer, "cpus:1;mem:128")]);
    m.does(call(10, &offer.framework_id, accepted)).says("agent 1 <- RunTask t");
    m.allocate().gives("");
}

#[test]
fn b3_what_an_update_may_not_say() {
    type Change = fn(&mut UpdateFramework);
    let cases: [(&str, Change); 10] = [
        ("'framework_id' differs from", |u| u.framework_info.id = None),
        ("'framework_id' differs from", |u| u.framework_info.id = Some("m-0009".into())),
        ("Updating 'FrameworkInfo.principal' is unsupported", |u| {
            u.framework_info.principal = Some("bob".into());
        }),
        ("Updating 'FrameworkInfo.user' is unsupported", |u| u.framework_info.user = "x".into()),
        ("Updating 'FrameworkInfo.checkpoint' is unsupported", |u| {
            u.framework_info.checkpoint = Some(true);
        }),
        ("role", |u| u.framework_info.roles = vec!["a//b".into()]),
        ("'suppressed_roles' names role 's', which is not one of the framework's", |u| {
            u.suppressed_roles = vec!["s".into()];
        }),
        ("'offer_constraints' names role 's', which is not one of the framework's", |u| {
            let roles = [("s".to_owned(), Default::default())].into();
            u.offer_constraints = Some(OfferConstraints { role_constraints: roles });
        }),
        ("'failover_timeout' of NaN is not a duration", |u| {
            u.framework_info.failover_timeout = Some(f64::NAN);
        }),
        ("'FrameworkInfo' has ", |u| u.framework_info.name = "x".repeat(300 * 1024)),
    ];
    let mut m = Master::new();
    let mut owned = info("f");
    owned.principal = Some("alice".into());
    let framework = m.framework(10, owned.clone());
    for (words, change) in cases {
        let mut call = update(with_id(owned.clone(), &framework), &[]);
        change(&mut call);
        let (code, message) = m.refuses(updates(&framework, call));
        assert_eq!(code, 400, "{message}");
        assert!(message.contains(words), "{message} lacks {words}");
    }
    // Left out, the principal is who it was.
    let mut silent = with_id(owned, &framework);
    silent.principal = None;
    assert_eq!(m.refuses(updates(&framework, update(silent, &[]))).0, 400);
}

#[test]
fn b2_row_18_an_update_that_was_overtaken_is_a_conflict() {
    // By a new scheduler.
    let conflict = "answer call 409 the framework was removed or subscribed anew meanwhile";
    let mut m = Master::new();
    let framework = m.framework(10, info("f"));
    m.does(updates(&framework, update(with_id(info("g"), &framework), &[])));
    m.does(subscribes(11, with_id(info("h"), &framework)));
    m.durable().says(&format!(
        "{conflict}
         stream 11 <- SUBSCRIBED m-0000
         stream 11 <- HEARTBEAT"
    ));
    assert_eq!(m.registry.frameworks[&framework].info.name, "h");

    // By the end of its stream: what is stored of it is what it had.
    let mut m = Master::new();
    let framework = m.framework(10, info("f"));
    m.does(updates(&framework, update(with_id(info("g"), &framework), &[])));
    m.does(lost_stream(10));
    m.durable().says(conflict);
    assert_eq!(m.registry.frameworks[&framework].info.name, "f");

    // By its removal.
    let mut m = Master::new();
    let framework = m.framework(10, info("f"));
    m.does(updates(&framework, update(with_id(info("g"), &framework), &[])));
    m.does(call(10, &(&framework).into(), simple(Type::Teardown)));
    m.durable().says(&format!("{conflict}\nclose stream 10"));
}
