//! Rounds that are cut, beside what the random logs show of them.

use super::super::*;
use libproc::Instant;
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::resources::Resources;
use std::collections::BTreeMap;

const AGENTS: usize = 6;

fn agent(at: usize) -> AgentId {
    AgentId::parse(&format!("a{at}")).unwrap()
}

fn total() -> Resources {
    Resources::parse("cpus:1;mem:64").unwrap()
}

/// Agents that nobody wanted, and then frameworks that want them.
fn cluster(frameworks: &[&str], roles: &[Role]) -> Allocator {
    let mut allocator = Allocator::new(AllocatorConfig::default());
    let mut apply = |event| allocator.apply(event, Instant::ZERO).unwrap();
    for at in 0..AGENTS {
        let (id, traits) = (agent(at), Default::default());
        apply(AllocatorEvent::AgentAdded { id, total: total(), traits, used: vec![] });
    }
    allocator.allocate(Instant::ZERO, 0);
    for name in frameworks {
        allocator
            .apply(
                AllocatorEvent::FrameworkAdded {
                    id: FrameworkId::parse(name).unwrap(),
                    roles: roles.iter().map(|role| (role.clone(), false)).collect(),
                    traits: Default::default(),
                    active: true,
                    used: vec![],
                },
                Instant::ZERO,
            )
            .unwrap();
    }
    allocator
}

/// What is granted of an agent that anyone may take counts for those who began to want offers.
#[test]
fn two_new_frameworks_share_alike_whatever_comes_between() {
    for seed in 0..20 {
        for changed in 0..AGENTS {
            let mut allocator = cluster(&["f1", "f2"], &[Role::default()]);
            let mut grants = allocator.allocate_some(Instant::ZERO, seed, 1);
            assert!(allocator.is_midway());
            if grants.iter().all(|grant| grant.agent != agent(changed)) {
                let (id, traits) = (agent(changed), Default::default());
                let total = Resources::parse("cpus:1;mem:65").unwrap();
                let event = AllocatorEvent::AgentUpdated { id, total, traits };
                allocator.apply(event, Instant::ZERO).unwrap();
            }
            while allocator.is_dirty() {
                grants.extend(allocator.allocate_some(Instant::ZERO, seed, usize::MAX));
            }
            let mut of = BTreeMap::new();
            grants.iter().for_each(|grant| *of.entry(&grant.framework).or_insert(0) += 1);
            assert_eq!(of.into_values().collect::<Vec<_>>(), [3, 3], "seed {seed}, a{changed}");
        }
    }
}

/// Roles that get nothing of an agent are looks as well: they are what a slice takes its time for.
#[test]
fn a_slice_is_bounded_in_roles_that_are_passed_over() {
    let roles: Vec<Role> = (0..50).map(|n| Role::parse(&format!("r{n}")).unwrap()).collect();
    let mut allocator = cluster(&["f1"], &roles);
    // Crumbs are nobody's.
    for at in 0..AGENTS {
        let (id, traits) = (agent(at), Default::default());
        let total = Resources::parse("cpus:0.001").unwrap();
        let event = AllocatorEvent::AgentUpdated { id, total, traits };
        allocator.apply(event, Instant::ZERO).unwrap();
    }
    let mut slices = 0;
    while allocator.is_dirty() {
        assert_eq!(allocator.allocate_some(Instant::ZERO, 0, 50), vec![]);
        slices += 1;
    }
    assert!(slices >= AGENTS, "{slices}");
}
