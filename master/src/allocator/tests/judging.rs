//! Whom agents suit is judged as rounds come to them, and no slice judges more than it may.

use super::super::testing::constraints;
use super::super::*;
use libproc::Instant;
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::resources::Resources;
use std::collections::BTreeMap;
use std::sync::Arc;

const AGENTS: usize = 6;

fn agent(at: usize) -> AgentId {
    AgentId::parse(&format!("a{at}")).unwrap()
}

fn total() -> Resources {
    Resources::parse("cpus:1;mem:64").unwrap()
}

/// Agents that nobody wanted.
fn cluster() -> Allocator {
    let mut allocator = Allocator::new(AllocatorConfig::default());
    for at in 0..AGENTS {
        let (id, traits) = (agent(at), Default::default());
        let event = AllocatorEvent::AgentAdded { id, total: total(), traits, used: vec![] };
        allocator.apply(event, Instant::ZERO).unwrap();
    }
    allocator.allocate(Instant::ZERO, 0);
    allocator
}

/// `count` frameworks that want agents of which this is so.
fn picky(allocator: &mut Allocator, count: usize, said: &str) {
    for at in 0..count {
        let said = constraints(said);
        let constraints = Constraints::parse(said, &mut Allowance::default()).unwrap();
        let wish = Wish { constraints: Some(Arc::new(constraints)), ..Wish::default() };
        let roles = BTreeMap::from([(Role::default(), wish)]);
        let event = AllocatorEvent::FrameworkAdded {
            id: FrameworkId::parse(&format!("f{at}")).unwrap(),
            roles: vec![(Role::default(), false)],
            traits: FrameworkTraits { roles, ..FrameworkTraits::default() },
            active: true,
            used: vec![],
        };
        allocator.apply(event, Instant::ZERO).unwrap();
    }
}

#[test]
fn all_16_agents_are_judged_as_a_round_comes_to_them_and_once() {
    let mut allocator = cluster();
    picky(&mut allocator, 2, "rack exists");
    assert_eq!(allocator.roster.verdicts(), 0);
    let all = (AGENTS * 2) as u32;
    assert_eq!(allocator.allocate(Instant::ZERO, 0), vec![]);
    assert_eq!(allocator.roster.verdicts(), all);
    // One that comes or changes is another, for both.
    let traits = AgentTraits { hostname: "h".to_owned(), ..AgentTraits::default() };
    let event = AllocatorEvent::AgentUpdated { id: agent(0), total: total(), traits };
    allocator.apply(event, Instant::ZERO).unwrap();
    assert_eq!(allocator.roster.verdicts(), all - 2);
    assert_eq!(allocator.allocate(Instant::ZERO, 0), vec![]);
    assert_eq!(allocator.roster.verdicts(), all);
}

/// Even at one agent.
#[test]
fn all_16_a_slice_is_bounded_in_constraints() {
    let mut allocator = cluster();
    picky(&mut allocator, 10, "@hostname matches a & rack exists");
    let mut judged = 0;
    while allocator.is_dirty() {
        assert_eq!(allocator.allocate_some(Instant::ZERO, 0, 34), vec![]);
        let now = allocator.roster.verdicts();
        // A pattern counts as 32.
        assert!(now <= judged + 2, "{now} after {judged}");
        assert!(now > judged || !allocator.is_dirty());
        judged = now;
    }
    assert_eq!(judged, (AGENTS * 10) as u32);
}
