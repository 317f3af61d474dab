//! Weights of roles (MOP-14, ALL-05, B23.6).

use crate::harness::*;
use meseta_api::internal::master::OperatorAnswer;
use meseta_api::v1::master::call::{Type, UpdateWeights};
use meseta_api::v1::master::{Call, Response};
use meseta_api::v1::WeightInfo;
use meseta_master::core::Event;

const ALL: &str = "cpus:4;mem:1024";

fn update(weights: &[(&str, f64)]) -> Event {
    let info = |(role, weight): &(&str, f64)| WeightInfo {
        weight: *weight,
        role: (!role.is_empty()).then(|| (*role).to_owned()),
    };
    asks_for(Call {
        r#type: Some(Type::UpdateWeights.into()),
        update_weights: Some(UpdateWeights { weight_infos: weights.iter().map(info).collect() }),
        ..Default::default()
    })
}

fn ask(m: &mut Master, call: Type) -> Response {
    match m.does(asks(call)).answer() {
        OperatorAnswer::Response(response) => *response,
        other => panic!("{other:?}"),
    }
}

fn listed(m: &mut Master) -> Vec<(String, f64)> {
    let infos = ask(m, Type::GetWeights).get_weights.unwrap().weight_infos;
    infos.into_iter().map(|info| (info.role.unwrap(), info.weight)).collect()
}

#[test]
fn mop_14_an_update_is_durable_before_it_is_visible() {
    let mut m = Master::new();
    assert_eq!(listed(&mut m), []);
    m.does(update(&[("b/c", 2.5), ("a", 1.0)])).gives("persist SetWeights a=1 b/c=2.5");
    assert_eq!(listed(&mut m), []);
    m.durable().gives(
        "allocator WeightsUpdated a=1 b/c=2.5
         answer Accepted",
    );
    let both = [("a".to_owned(), 1.0), ("b/c".to_owned(), 2.5)];
    assert_eq!(listed(&mut m), both);
    let roles = ask(&mut m, Type::GetRoles).get_roles.unwrap().roles;
    let roles: Vec<_> = roles.iter().map(|role| (role.name.as_str(), role.weight)).collect();
    assert_eq!(roles, [("*", 1.0), ("a", 1.0), ("b/c", 2.5)]);

    // The next leader begins with them.
    let mut m = m.fail_over();
    m.first.gives("allocator WeightsUpdated a=1 b/c=2.5");
    assert_eq!(listed(&mut m), both);
}

#[test]
fn e14_offers_are_taken_back_when_a_role_in_use_weighs_differently() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    m.offer();
    let other = m.does(update(&[("q", 3.0)]));
    other.gives("persist SetWeights q=3");
    m.durable().gives("allocator WeightsUpdated q=3\nanswer Accepted");
    m.does(update(&[("r", 1.0)]));
    m.durable().gives("allocator WeightsUpdated r=1\nanswer Accepted");
    m.does(update(&[("r", 2.0)]));
    m.durable().gives(
        "allocator WeightsUpdated r=2
         stream 10 <- RESCIND m-O0
         allocator Recovered m-0000 m-S0 cpus:4;mem:1024
         answer Accepted",
    );
    m.offer();
}

#[test]
fn mop_14_weights_count_in_the_next_round() {
    let mut m = Master::new();
    m.agent(1, ALL);
    for (stream, role) in [(10, "a"), (11, "b")] {
        let mut info = info(role);
        info.roles = vec![role.to_owned()];
        m.framework(stream, info);
    }
    let next = |m: &mut Master| {
        let offer = m.offer();
        let role = offer.allocation_info.clone().unwrap().role.unwrap();
        let stream = if role == "a" { 10 } else { 11 };
        let name = format!("t{}", offer.id);
        m.does(call(
            stream,
            &offer.framework_id,
            accept(&[&offer], vec![task(&name, &offer, "cpus:1")]),
        ));
        role
    };
    assert_eq!([next(&mut m), next(&mut m)], ["a", "b"]);
    m.does(update(&[("b", 3.0)]));
    m.durable();
    // 1/4 against a third of 1/4, and then against two thirds.
    assert_eq!([next(&mut m), next(&mut m)], ["b", "b"]);
}

#[test]
fn mop_14_refusals_change_nothing() {
    let mut m = Master::new();
    let long = format!("{}/x", vec!["x".repeat(250); 4].join("/"));
    for (weights, words) in [
        (&[("a", 0.0)][..], "weight 0 of role 'a'"),
        (&[("a", -1.0)], "weight -1 of role 'a'"),
        (&[("a", f64::NAN)], "weight NaN"),
        (&[("a", f64::INFINITY)], "weight inf"),
        (&[("a", 0.0001)], "is not from 0.001"),
        (&[("a", 5e6)], "weight 5000000"),
        (&[], "no weight is given"),
        (&[("", 1.0)], "role must not be empty"),
        (&[("b", 2.0), ("a//b", 1.0)], "double slash"),
        (&[("a", 1.0), ("a", 2.0)], "two weights"),
        (&[(&long, 1.0)], "more than 1000"),
    ] {
        let (code, message) = m.refuses(update(weights));
        assert_eq!(code, 400, "{weights:?}");
        assert!(message.contains(words), "{message}");
    }
    let many: Vec<String> = (0..65).map(|n| format!("r{n}")).collect();
    let many: Vec<(&str, f64)> = many.iter().map(|role| (role.as_str(), 2.0)).collect();
    assert!(m.refuses(update(&many)).1.contains("at most 64"));
    assert_eq!(m.refuses(asks(Type::UpdateWeights)).0, 400);
    assert!(m.unwritten.is_empty());
    m.does(update(&many[1..])).gives(&{
        let sorted: std::collections::BTreeSet<_> =
            many[1..].iter().map(|(role, _)| *role).collect();
        let all: Vec<String> = sorted.iter().map(|role| format!("{role}=2")).collect();
        format!("persist SetWeights {}", all.join(" "))
    });
}
