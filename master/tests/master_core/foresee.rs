//! What a call would do is what it does.

use crate::harness::*;
use meseta_api::internal::master::{DrainForeseen, Foreseen, QuotaForeseen, ShareForeseen};
use meseta_api::v1::master::call::{DrainAgent, Type, UpdateQuota, UpdateWeights};
use meseta_api::v1::master::Call;
use meseta_api::v1::quota::QuotaConfig;
use meseta_api::v1::value::Scalar;
use meseta_api::v1::{DurationInfo, FrameworkInfo, KillPolicy, WeightInfo};
use std::collections::BTreeMap;

const ALL: &str = "cpus:4;mem:1024";

fn in_role(name: &str, role: &str) -> FrameworkInfo {
    FrameworkInfo { roles: vec![role.to_owned()], ..info(name) }
}

fn quota(role: &str, guarantee: &[(&str, f64)], limit: &[(&str, f64)], force: bool) -> Call {
    let amounts = |of: &[(&str, f64)]| -> BTreeMap<String, Scalar> {
        of.iter().map(|(name, value)| ((*name).to_owned(), Scalar { value: *value })).collect()
    };
    let config = QuotaConfig {
        role: role.to_owned(),
        guarantees: amounts(guarantee),
        limits: amounts(limit),
    };
    Call {
        r#type: Some(Type::UpdateQuota.into()),
        update_quota: Some(UpdateQuota { force: Some(force), quota_configs: vec![config] }),
        ..Default::default()
    }
}

fn weight(role: &str, weight: f64) -> Call {
    let info = WeightInfo { weight, role: Some(role.to_owned()) };
    Call {
        r#type: Some(Type::UpdateWeights.into()),
        update_weights: Some(UpdateWeights { weight_infos: vec![info] }),
        ..Default::default()
    }
}

/// What is foreseen, with the allocator's part.
fn foresees(m: &Master, call: Call) -> (Foreseen, Vec<ShareForeseen>) {
    let outlook = m.core.foresee(call, m.at).expect("foreseen");
    let shares = m.allocator.foresee(outlook.events, m.at.now, 1).expect("it can be");
    (outlook.foreseen, shares)
}

fn quota_of(foreseen: Foreseen) -> QuotaForeseen {
    match foreseen {
        Foreseen::Quota(quota) => quota,
        other => panic!("{other:?}"),
    }
}

fn now(m: &Master) -> Vec<(String, f64)> {
    let shares = m.allocator.foresee(Vec::new(), m.at.now, 1).unwrap();
    shares.into_iter().map(|share| (share.role.to_string(), share.share_before)).collect()
}

fn then(shares: &[ShareForeseen]) -> Vec<(String, f64)> {
    shares.iter().map(|share| (share.role.to_string(), share.share_after)).collect()
}

#[test]
fn mop_24_a_quota_takes_back_the_offers_that_were_foreseen() {
    for call in [
        quota("r", &[], &[("cpus", 2.0)], false),
        quota("x", &[("cpus", 5.0), ("mem", 64.0)], &[], false),
    ] {
        let mut m = Master::new();
        m.agent(1, ALL);
        m.framework(10, in_role("f", "r"));
        m.running(10, 1, "t");
        m.allocate();
        m.agent(2, ALL);
        m.framework(11, in_role("g", "s"));
        m.allocate();
        let (foreseen, shares) = foresees(&m, call.clone());
        let foreseen = quota_of(foreseen);
        assert!(foreseen.needs_force.is_empty(), "{foreseen:?}");
        assert!(!foreseen.rescinded.is_empty(), "{foreseen:?}");
        m.does(asks_for(call));
        let gave = m.durable().all();
        let named = |line: &str, id: &str| line.ends_with(&format!("RESCIND {id}"));
        let told: Vec<&str> = gave.lines().filter(|line| line.contains("RESCIND")).collect();
        assert_eq!(told.len(), foreseen.rescinded.len(), "{gave}");
        for (line, offer) in told.iter().zip(&foreseen.rescinded) {
            assert!(named(line, offer.offer_id.as_str()), "{line}");
        }
        m.allocator.allocate(m.at.now, 1);
        assert_eq!(now(&m), then(&shares), "in the same order of agents");
    }
}

#[test]
fn mop_24_what_is_over_or_lacks_is_foreseen() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, in_role("f", "r"));
    m.running(10, 1, "t");
    let (foreseen, _) = foresees(&m, quota("r", &[], &[("cpus", 0.25)], false));
    let foreseen = quota_of(foreseen);
    assert_eq!(foreseen.roles[0].over, [("cpus".to_owned(), 0.75)].into());
    assert!(foreseen.needs_force[0].contains("exceeds the limits"), "{foreseen:?}");
    let refused = m.refuses(asks_for(quota("r", &[], &[("cpus", 0.25)], false))).1;
    assert_eq!(foreseen.needs_force, [refused]);
    // More than there is, and what the role lacks of it.
    let (foreseen, _) = foresees(&m, quota("r", &[("cpus", 6.0)], &[], false));
    let foreseen = quota_of(foreseen);
    assert_eq!(foreseen.guaranteed, [("cpus".to_owned(), 6.0)].into());
    assert_eq!(foreseen.capacity["cpus"], 4.0);
    assert!(foreseen.needs_force[0].contains("all guarantees together"), "{foreseen:?}");
    assert_eq!(foreseen.roles[0].lacks["cpus"], 5.0);
    // What is wrong is refused as it would be.
    let wrong = quota("r/s", &[], &[("cpus", 1.0)], true);
    let rejection = m.core.foresee(wrong, m.at).unwrap_err();
    assert!(rejection.message.contains("not a top-level role"), "{rejection}");
    let other = Call { r#type: Some(Type::GetState.into()), ..Default::default() };
    assert_eq!(m.core.foresee(other, m.at).unwrap_err().code, 501);
}

#[test]
fn mop_14_weights_lead_to_the_shares_that_were_foreseen() {
    let mut m = Master::new();
    for agent in 1..=6 {
        m.agent(agent, ALL);
    }
    m.framework(10, in_role("f", "r"));
    m.framework(11, in_role("g", "s"));
    m.allocate();
    let (foreseen, shares) = foresees(&m, weight("r", 2.0));
    let Foreseen::Weights(foreseen) = foreseen else { panic!("{foreseen:?}") };
    assert_eq!(foreseen.rescinded, 6);
    let r = shares.iter().find(|share| share.role.as_str() == "r").expect("role r");
    assert_eq!((r.weight_before, r.weight_after), (1.0, 2.0));
    assert!(r.share_after > r.share_before, "{r:?}");
    m.does(asks_for(weight("r", 2.0)));
    m.durable();
    m.allocator.allocate(m.at.now, 1);
    assert_eq!(now(&m), then(&shares));
    // A role that nobody is in.
    let (foreseen, _) = foresees(&m, weight("nobody", 3.0));
    let Foreseen::Weights(foreseen) = foreseen else { panic!("{foreseen:?}") };
    assert_eq!(foreseen.rescinded, 0);
}

#[test]
fn mnt_01_a_drain_kills_the_tasks_that_were_foreseen_in_their_time() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    let offer = m.offer();
    let policy = |seconds: i64| KillPolicy {
        grace_period: Some(DurationInfo { nanoseconds: seconds * 1_000_000_000 }),
    };
    let mut tasks: Vec<_> =
        ["long", "none", "short"].map(|id| task(id, &offer, "cpus:1;mem:128")).into();
    tasks[0].kill_policy = Some(policy(60));
    tasks[2].kill_policy = Some(policy(2));
    m.does(call(10, &offer.framework_id, accept(&[&offer], tasks)));
    m.allocate();
    m.does(asks_for(quota("r", &[("cpus", 1.0)], &[], false)));
    m.durable();
    let drain = |seconds: Option<i64>| -> DrainForeseen {
        let max_grace_period =
            seconds.map(|seconds| meseta_api::v1::Duration { seconds: Some(seconds), nanos: None });
        let agent_id = "m-S0".into();
        let call = Call {
            r#type: Some(Type::DrainAgent.into()),
            drain_agent: Some(DrainAgent { agent_id, max_grace_period, mark_gone: Some(true) }),
            ..Default::default()
        };
        match m.core.foresee(call, m.at).expect("foreseen").foreseen {
            Foreseen::Drain(drain) => drain,
            other => panic!("{other:?}"),
        }
    };
    let graces = |drain: &DrainForeseen| -> Vec<(String, Option<f64>)> {
        drain.killed.iter().map(|kill| (kill.task_id.to_string(), kill.grace)).collect()
    };
    let of = |long, none, short| {
        [("long".to_owned(), long), ("none".to_owned(), none), ("short".to_owned(), short)]
    };
    assert_eq!(graces(&drain(None)), of(Some(60.0), None, Some(2.0)));
    let drain = drain(Some(5));
    assert_eq!(graces(&drain), of(Some(5.0), Some(5.0), Some(2.0)));
    assert_eq!((drain.rescinded, drain.mark_gone, drain.left_out), (1, true, 0));
    assert_eq!(drain.short, [("cpus".to_owned(), 1.0)].into(), "no other agent is there");
}
