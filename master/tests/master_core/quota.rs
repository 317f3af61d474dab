//! Quota of roles (MOP-24, ALL-06, ALL-07, ALL-20, B12, B23.6).

use crate::harness::*;
use meseta_api::internal::master::OperatorAnswer;
use meseta_api::v1;
use meseta_api::v1::master::call::{Type, UpdateQuota};
use meseta_api::v1::master::{Call, Response};
use meseta_api::v1::quota::QuotaConfig;
use meseta_api::v1::value::Scalar;
use meseta_master::core::Event;
use std::collections::BTreeMap;

const ALL: &str = "cpus:4;mem:1024";

fn amounts(text: &str) -> BTreeMap<String, Scalar> {
    let pairs = text.split(';').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once(':').unwrap();
        (name.to_owned(), Scalar { value: value.parse().unwrap() })
    };
    pairs.map(pair).collect()
}

fn config(role: &str, guarantees: &str, limits: &str) -> QuotaConfig {
    let (guarantees, limits) = (amounts(guarantees), amounts(limits));
    QuotaConfig { role: role.to_owned(), guarantees, limits }
}

fn update(quota_configs: Vec<QuotaConfig>, force: Option<bool>) -> Event {
    asks_for(Call {
        r#type: Some(Type::UpdateQuota.into()),
        update_quota: Some(UpdateQuota { force, quota_configs }),
        ..Default::default()
    })
}

fn set(role: &str, guarantees: &str, limits: &str) -> Event {
    update(vec![config(role, guarantees, limits)], None)
}

fn forced(role: &str, guarantees: &str, limits: &str) -> Event {
    update(vec![config(role, guarantees, limits)], Some(true))
}

fn listed(m: &mut Master) -> Vec<QuotaConfig> {
    let response: Response = match m.does(asks(Type::GetQuota)).answer() {
        OperatorAnswer::Response(response) => *response,
        other => panic!("{other:?}"),
    };
    response.get_quota.unwrap().status.configs
}

fn in_role(role: &str) -> v1::FrameworkInfo {
    let mut info = info(role);
    info.roles = vec![role.to_owned()];
    info
}

fn cpus(offer: &v1::Offer) -> f64 {
    let cpus = offer.resources.iter().filter(|resource| resource.name == "cpus");
    cpus.map(|resource| resource.scalar.as_ref().unwrap().value).sum()
}

#[test]
fn mop_24_an_update_is_durable_before_it_is_visible() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.does(set("b", "cpus:1", "cpus:2;mem:0")).gives("persist SetQuotas b>=cpus:1<=cpus:2;mem:0");
    assert_eq!(listed(&mut m), []);
    m.durable().gives("allocator QuotasUpdated b>=cpus:1<=cpus:2;mem:0\nanswer Accepted");
    assert_eq!(listed(&mut m), [config("b", "cpus:1", "cpus:2;mem:0")]);

    // The next leader begins with it, and waits for most of its agents.
    let mut next = m.fail_over();
    next.first.says("");
    let first = next.first.all();
    assert!(first.contains("allocator QuotasUpdated b>=cpus:1<=cpus:2;mem:0"), "{first}");
    assert!(first.contains("allocator RecoveryHeld 1 600s"), "{first}");
    assert_eq!(listed(&mut next), [config("b", "cpus:1", "cpus:2;mem:0")]);

    m.does(set("b", "", "")).gives("persist SetQuotas b>=<=");
    m.durable().gives("allocator QuotasUpdated b>=<=\nanswer Accepted");
    assert_eq!(listed(&mut m), []);
    let next = m.fail_over();
    assert!(!next.first.all().contains("allocator"));
}

#[test]
fn all_07_a_limit_holds_for_a_role_and_all_below() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.does(set("r", "", "cpus:3"));
    m.durable();
    m.framework(10, in_role("r"));
    m.framework(11, in_role("r/x"));
    let offer = m.offer();
    assert_eq!(cpus(&offer), 3.0);
    let two = task("t", &offer, "cpus:2;mem:512");
    m.does(call(10, &offer.framework_id, accept(&[&offer], vec![two])));
    assert_eq!(cpus(&m.offer()), 1.0);
    m.allocate().says("");
}

#[test]
fn mop_24_offers_beyond_a_limit_are_taken_back() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.agent(2, ALL);
    m.framework(10, info("f"));
    m.allocate();
    m.does(set("r", "", "cpus:4"));
    let taken = m.durable().lines();
    let rescinds = taken.iter().filter(|line| line.contains("RESCIND")).count();
    assert_eq!(rescinds, 1, "{taken:#?}");
    let offer = m.offer();
    assert_eq!(cpus(&offer), 0.0, "what has no limit comes again");
}

#[test]
fn mop_24_offers_that_keep_a_guarantee_away_are_taken_back() {
    let mut m = Master::new();
    for connection in 1..4 {
        m.agent(connection, ALL);
    }
    m.framework(10, info("f"));
    m.allocate();
    m.does(set("prod", "cpus:5", ""));
    let taken = m.durable().lines();
    let rescinds = taken.iter().filter(|line| line.contains("RESCIND")).count();
    assert_eq!(rescinds, 2, "{taken:#?}");
    // What is not guaranteed of them comes again.
    let again = m.allocate().events();
    let offers = again.iter().flat_map(|event| &event.offers.as_ref().unwrap().offers);
    assert_eq!(offers.map(cpus).sum::<f64>(), 3.0);
}

/// Promise 5: the allocator had given out more than the limit, and not heard of it yet.
#[test]
fn a_grant_that_crosses_with_a_limit_is_returned() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    let grants = m.allocator.allocate(m.at.now, 1);
    let applied = m.allocator.applied();
    assert_eq!(grants.len(), 1);
    m.does(set("r", "", "cpus:1"));
    m.durable();
    m.does(Event::OffersGranted { grants, applied })
        .gives("allocator Recovered m-0000 m-S0 cpus:4;mem:1024");
    assert_eq!(cpus(&m.offer()), 1.0);
}

/// RG-10.
#[test]
fn b12_what_is_below_consumption_or_beyond_the_cluster_wants_force() {
    let mut m = Master::new();
    m.agent(1, "cpus:4;mem:1024;cpus(r):2");
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    // A task with one cpu, and two that are reserved.
    let (code, message) = m.refuses(set("r", "", "cpus:2.5"));
    assert_eq!(code, 400);
    assert!(message.contains("consumes [cpus:3;mem:128]"), "{message}");
    m.does(set("r", "", "cpus:3")).gives("persist SetQuotas r>=<=cpus:3");
    m.does(forced("r", "", "cpus:0")).gives("persist SetQuotas r>=<=cpus:0");

    let (code, message) = m.refuses(set("r", "cpus:7", ""));
    assert_eq!(code, 400);
    assert!(message.contains("the cluster has [cpus:6;mem:1024]"), "{message}");
    // Also together with others, of which one is still being written.
    m.does(set("a", "cpus:4", "")).gives("persist SetQuotas a>=cpus:4<=");
    assert_eq!(m.refuses(set("b", "cpus:3", "")).0, 400);
    m.does(forced("b", "cpus:3", "")).gives("persist SetQuotas b>=cpus:3<=");
    m.durable();
    // To guarantee less is always right.
    m.does(set("b", "cpus:2.5", ""));
}

/// RG-10.
#[test]
fn mop_24_refusals_change_nothing() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let one = |config| vec![config];
    for (configs, words) in [
        (vec![], "no quota is given"),
        (one(config("a/b", "cpus:1", "")), "not a top-level role"),
        (one(config("", "cpus:1", "")), "must not be empty"),
        (one(config("a", "cpus:-1", "")), "guarantee of 'cpus'"),
        (one(config("a", "", "mem:NaN")), "limit of 'mem'"),
        (one(config("a", "", "mem:inf")), "limit of 'mem'"),
        (one(config("a", "gpus:0.5", "")), "whole number"),
        (one(config("a", ":1", "")), "guarantee of ''"),
        (one(config("a", "cpus:2", "cpus:1")), "more than its limits"),
        (vec![config("a", "", "cpus:1"), config("a", "", "cpus:2")], "two quotas"),
        (vec![config("a", "", "cpus:1"), config("b/c", "", "cpus:2")], "top-level"),
    ] {
        for force in [None, Some(true)] {
            let (code, message) = m.refuses(update(configs.clone(), force));
            assert_eq!(code, 400, "{configs:?}");
            assert!(message.contains(words), "{message}");
        }
    }
    let names: Vec<String> = (0..17).map(|n| format!("n{n}:1")).collect();
    assert!(m.refuses(set("a", "", &names.join(";"))).1.contains("more than 16"));
    let many = (0..65).map(|n| config(&format!("r{n}"), "", "cpus:1")).collect();
    assert!(m.refuses(update(many, None)).1.contains("at most 64"));
    assert_eq!(m.refuses(asks(Type::UpdateQuota)).0, 400);
    assert!(m.unwritten.is_empty());
}
