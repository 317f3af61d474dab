//! Which agents suit a framework: offer constraints, fault domains, GPUs, what is revocable, and the
//! least that is worth an offer (ALL-10, ALL-16, ALL-17, ALL-18, ALL-22, CAP-08, DOM-01).

use crate::harness::*;
use meseta_api::attributes;
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::internal::master::FromAgent;
use meseta_api::resources::Resources;
use meseta_api::v1::framework_info::capability::Type as Capability;
use meseta_api::v1::scheduler::attribute_constraint::predicate::{Predicate, TextMatches};
use meseta_api::v1::scheduler::attribute_constraint::selector::{PseudoattributeType, Selector};
use meseta_api::v1::scheduler::call::{self, UpdateFramework};
use meseta_api::v1::scheduler::offer_constraints::role_constraints::Group;
use meseta_api::v1::scheduler::offer_constraints::RoleConstraints;
use meseta_api::v1::scheduler::{AttributeConstraint, Call, OfferConstraints};
use meseta_api::v1::{self, AgentInfo, FrameworkInfo};
use meseta_master::core::{Config, Event, Identity, RequestId};
use std::collections::BTreeMap;

const ALL: &str = "cpus:4;mem:1024";

fn registers_as(connection: u64, info: AgentInfo) -> Event {
    let version = "0.1.0".to_owned();
    says(connection, FromAgent::RegisterAgent { term: term(), info: Box::new(info), version })
}

fn comes(m: &mut Master, connection: u64, info: AgentInfo) {
    m.does(arrives(connection));
    m.does(registers_as(connection, info));
    m.durable();
}

fn of_rack(rack: &str) -> AgentInfo {
    let attributes = attributes::parse(&format!("rack:{rack}")).unwrap();
    AgentInfo { attributes, ..agent_info("host", ALL) }
}

/// Where `selector` matches `regex`, in role `r`.
fn matching(selector: Selector, regex: &str) -> OfferConstraints {
    let mut constraint = AttributeConstraint::default();
    constraint.selector.selector = Some(selector);
    let regex = regex.to_owned();
    constraint.predicate.predicate = Some(Predicate::TextMatches(TextMatches { regex }));
    let groups = vec![Group { attribute_constraints: vec![constraint] }];
    let role_constraints = BTreeMap::from([("r".to_owned(), RoleConstraints { groups })]);
    OfferConstraints { role_constraints }
}

fn racks(regex: &str) -> OfferConstraints {
    matching(Selector::AttributeName("rack".to_owned()), regex)
}

fn subscribe_with(info: FrameworkInfo, constraints: OfferConstraints) -> Call {
    let mut call = subscribe(info);
    call.subscribe.as_mut().unwrap().offer_constraints = Some(constraints);
    call
}

fn subscribes_with(connection: u64, call: Call) -> Event {
    Event::SchedulerCalled { caller: process(connection), call: Box::new(call) }
}

fn updates(framework: &FrameworkId, constraints: Option<OfferConstraints>) -> Event {
    let update = UpdateFramework {
        framework_info: with_id(info("f"), framework),
        suppressed_roles: vec![],
        offer_constraints: constraints,
    };
    let call = Call { update_framework: Some(update), ..simple(call::Type::UpdateFramework) };
    match crate::harness::call(10, &framework.into(), call) {
        Event::SchedulerCalled { mut caller, call } => {
            caller.answer = Some(RequestId(1));
            Event::SchedulerCalled { caller, call }
        }
        event => event,
    }
}

fn with(capability: Capability, name: &str) -> FrameworkInfo {
    let mut info = info(name);
    let capability = v1::framework_info::Capability { r#type: Some(capability.into()) };
    info.capabilities.push(capability);
    info
}

/// Why the framework on stream 10 is not offered the agent.
fn why(m: &Master, framework: &FrameworkId, agent: &str) -> String {
    let agent: AgentId = agent.parse().unwrap();
    let whys = m.allocator.why(framework, &agent, m.at.now).unwrap();
    whys.iter().map(|(_, why)| format!("{}: {}", why.cause(), why.detail(m.at.now))).collect()
}

#[test]
fn all_16_a_framework_is_offered_what_it_wants() {
    let mut m = Master::new();
    comes(&mut m, 1, of_rack("r1"));
    comes(&mut m, 2, of_rack("r2"));
    m.does(subscribes_with(10, subscribe_with(info("f"), racks("r[13]"))));
    m.durable();
    m.allocate().says("stream 10 <- OFFERS m-O0 m-S0 cpus:4;mem:1024");
    let framework: FrameworkId = "m-0000".parse().unwrap();
    assert_eq!(
        why(&m, &framework, "m-S1"),
        "constraint: constraint clause rack TextMatches \"r[13]\", and the agent has \"r2\""
    );
    // GET_FRAMEWORKS shows what it said.
    let query = v1::master::Call {
        r#type: Some(v1::master::call::Type::GetFrameworks.into()),
        ..Default::default()
    };
    let shown = m.core.query(&query).unwrap().get_frameworks.unwrap();
    assert_eq!(shown.frameworks[0].offer_constraints, Some(racks("r[13]")));
    // UPDATE_FRAMEWORK replaces it; without any, all agents are wanted.
    m.does(updates(&framework, Some(racks("r3"))));
    m.durable();
    m.allocate().says("");
    m.does(updates(&framework, None));
    m.durable();
    m.allocate().says("stream 10 <- OFFERS m-O1 m-S1 cpus:4;mem:1024");
}

#[test]
fn all_16_the_next_scheduler_says_them_anew() {
    let mut m = Master::new();
    comes(&mut m, 1, of_rack("r1"));
    m.does(subscribes_with(10, subscribe_with(info("f"), racks("r9"))));
    m.durable();
    m.allocate().says("");
    let framework: FrameworkId = "m-0000".parse().unwrap();
    m.does(subscribes(11, with_id(info("f"), &framework)));
    m.durable();
    m.allocate().says("stream 11 <- OFFERS m-O0 m-S0 cpus:4;mem:1024");
}

#[test]
fn all_16_an_agent_that_comes_back_with_other_attributes_is_looked_at_again() {
    let mut m = Master::new();
    comes(&mut m, 1, of_rack("r1"));
    m.does(subscribes_with(10, subscribe_with(info("f"), racks("r2"))));
    m.durable();
    m.allocate().says("");
    m.does(lost_agent(1));
    let id = Some("m-S0".into());
    let said = FromAgent::ReregisterAgent {
        term: term(),
        info: Box::new(AgentInfo { id, ..of_rack("r2") }),
        version: "0.1.0".to_owned(),
        tasks: vec![],
        executors: vec![],
        frameworks: vec![],
        total: None,
        operations: vec![],
    };
    m.does(says(2, said));
    m.durable();
    m.allocate().says("stream 10 <- OFFERS m-O0 m-S0 cpus:4;mem:1024");
}

#[test]
fn b3_11_constraints_that_cannot_be_read_are_refused_with_what_is_wrong() {
    let region = |kind: i32| matching(Selector::PseudoattributeType(kind), "x");
    let mut elsewhere = racks("r1");
    let of_r = elsewhere.role_constraints.remove("r").unwrap();
    elsewhere.role_constraints.insert("s".to_owned(), of_r);
    let mut empty = racks("r1");
    empty.role_constraints.insert("r".to_owned(), RoleConstraints::default());
    let mut long = racks("r1");
    let of_r = long.role_constraints.get_mut("r").unwrap();
    let clause = of_r.groups[0].attribute_constraints[0].clone();
    of_r.groups[0].attribute_constraints = vec![clause; 257];
    let mut many = racks("r1");
    let of_r = many.role_constraints.get_mut("r").unwrap();
    of_r.groups = vec![of_r.groups[0].clone(); 33];
    for (constraints, words) in [
        (racks("(r"), "'offer_constraints' for role 'r' attribute constraint 0 of group 0: regex"),
        (racks("(r{100}){100}"), "is too complex"),
        (region(PseudoattributeType::Unknown.into()), "Unknown pseudoattribute type"),
        (elsewhere, "names role 's', which is not one of the framework's"),
        (empty, "'offer_constraints' for role 'r' has no 'groups'"),
        (long, "more than 256 that are left of a framework's 256"),
        (many, "regex is one more than a framework's 32"),
        (racks(&"()".repeat(11)), "has 11 capture groups, more than 10"),
    ] {
        let mut m = Master::new();
        let refused = subscribe_with(info("f"), constraints.clone());
        let gave = m.does(subscribes_with(10, refused)).all();
        assert!(gave.starts_with("stream 10 <- ERROR ") && gave.contains(words), "{gave}");
        let framework = m.framework(10, info("f"));
        let (code, message) = m.refuses(updates(&framework, Some(constraints)));
        assert!(code == 400 && message.contains(words), "{code} {message}");
    }
}

fn domain(region: &str) -> Option<v1::DomainInfo> {
    use v1::domain_info::fault_domain::{RegionInfo, ZoneInfo};
    let fault_domain = v1::domain_info::FaultDomain {
        region: RegionInfo { name: region.to_owned() },
        zone: ZoneInfo { name: "z".to_owned() },
    };
    Some(v1::DomainInfo { fault_domain: Some(fault_domain) })
}

fn in_region(region: &str) -> AgentInfo {
    AgentInfo { domain: domain(region), ..agent_info("host", ALL) }
}

fn master_in(region: Option<&str>, config: Config) -> Master {
    let mut mine: Identity = identity("m");
    mine.info.domain = region.and_then(domain);
    Master::recovered_as(mine, Default::default(), config)
}

#[test]
fn all_17_agents_of_another_region_are_for_those_who_know_of_regions() {
    let mut m = master_in(Some("eu"), Config::default());
    comes(&mut m, 1, in_region("us"));
    comes(&mut m, 2, in_region("eu"));
    // It is taken for one of the master's region.
    comes(&mut m, 3, agent_info("host", ALL));
    let near = m.framework(10, info("near"));
    let gave = m.allocate();
    let offers: Vec<_> = gave.events().into_iter().flat_map(|e| e.offers.unwrap().offers).collect();
    let agents: Vec<&str> = offers.iter().map(|offer| offer.agent_id.value.as_str()).collect();
    assert!(agents.len() == 2 && !agents.contains(&"m-S0"), "{agents:?}");
    let here = offers.iter().find(|offer| offer.agent_id.value == "m-S1").unwrap();
    assert_eq!(here.domain, domain("eu"));
    assert!(why(&m, &near, "m-S0").starts_with("region: the agent is in region \"us\""));
    m.framework(11, with(Capability::RegionAware, "far"));
    m.allocate().says(&format!("stream 11 <- OFFERS m-O2 m-S0 {ALL}"));
}

#[test]
fn all_16_constraints_on_region_and_zone_are_on_the_agents_domain() {
    let mut m = master_in(Some("eu"), Config::default());
    comes(&mut m, 1, in_region("eu"));
    comes(&mut m, 2, agent_info("host", ALL));
    let regions = matching(Selector::PseudoattributeType(PseudoattributeType::Zone.into()), "z");
    m.does(subscribes_with(10, subscribe_with(info("f"), regions)));
    m.durable();
    m.allocate().says(&format!("stream 10 <- OFFERS m-O0 m-S0 {ALL}"));
}

#[test]
fn dom_01_an_agent_and_its_master_both_have_a_domain_or_neither_needs_one() {
    let required = Config { require_agent_domain: true, ..Config::default() };
    let nameless = in_region("");
    for (region, config, agent, refused) in [
        (None, Config::default(), agent_info("h", ALL), None),
        (None, Config::default(), in_region("eu"), Some("the master has none")),
        (Some("eu"), Config::default(), agent_info("h", ALL), None),
        (Some("eu"), Config::default(), in_region("us"), None),
        (Some("eu"), Config::default(), nameless, Some("1 to 255 bytes")),
        (Some("eu"), required.clone(), in_region("eu"), None),
        (Some("eu"), required, agent_info("h", ALL), Some("this master requires")),
    ] {
        let mut m = master_in(region, config);
        m.does(arrives(1));
        match refused {
            None => m.does(registers_as(1, agent)).gives("persist AdmitAgent m-S0"),
            Some(words) => {
                let (code, message) = m.refuses(registers_as(1, agent));
                assert!(code == 400 && message.contains(words), "{message}");
            }
        }
    }
}

/// CAP-05.
#[test]
fn all_18_agents_with_gpus_are_for_those_who_can_use_them() {
    let mut m = Master::new();
    m.agent(1, "cpus:4;mem:1024;gpus:2");
    let plain = m.framework(10, info("f"));
    m.allocate().says("");
    assert!(why(&m, &plain, "m-S0").starts_with("gpus: "));
    m.framework(11, with(Capability::GpuResources, "g"));
    m.allocate().says("stream 11 <- OFFERS m-O0 m-S0 cpus:4;gpus:2;mem:1024");
}

/// CAP-06.
#[test]
fn all_22_what_is_revocable_is_for_those_who_can_use_it() {
    let lent = |mut resource: v1::Resource| {
        resource.revocable = Some(Default::default());
        resource
    };
    let mut info_of_agent = agent_info("host", ALL);
    let more = Resources::parse("cpus:2").unwrap().to_v1();
    info_of_agent.resources.extend(more.into_iter().map(lent));
    let mut m = Master::new();
    comes(&mut m, 1, info_of_agent);
    m.framework(10, info("f"));
    m.allocate().says(&format!("stream 10 <- OFFERS m-O0 m-S0 {ALL}"));
    let framework = m.framework(11, with(Capability::RevocableResources, "g"));
    let offer = m.offer();
    let names: Vec<(&str, bool)> =
        offer.resources.iter().map(|r| (r.name.as_str(), r.revocable.is_some())).collect();
    assert_eq!(names, [("cpus", true)]);
    let mut task = task("t", &offer, "cpus:2");
    task.resources = task.resources.into_iter().map(lent).collect();
    m.does(call(11, &(&framework).into(), accept(&[&offer], vec![task])))
        .says("agent 1 <- RunTask t");
}

#[test]
fn all_10_a_framework_says_what_is_worth_an_offer() {
    use v1::offer_filters::{MinAllocatableResources, ResourceQuantities};
    let with_least = |name: &str, value: f64| {
        let scalar = v1::value::Scalar { value };
        let quantities =
            vec![ResourceQuantities { quantities: BTreeMap::from([(name.to_owned(), scalar)]) }];
        let least = Some(MinAllocatableResources { quantities });
        let filters = v1::OfferFilters { min_allocatable_resources: least };
        FrameworkInfo { offer_filters: BTreeMap::from([("r".to_owned(), filters)]), ..info("f") }
    };
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, with_least("cpus", 8.0));
    m.allocate().says("");
    m.agent(2, "cpus:8;mem:1024");
    m.allocate().says("stream 10 <- OFFERS m-O0 m-S1 cpus:8;mem:1024");
    let gave = m.does(subscribes(11, with_least("cpus", -1.0))).all();
    assert!(gave.contains("'offer_filters' for role 'r': 'cpus'"), "{gave}");
}
