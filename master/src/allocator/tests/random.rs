//! Random event logs, applied to the allocator and to the naive [`Model`].

use super::super::testing::{constraints as constraints_of, revocable};
use super::super::*;
use super::model::Model;
use libproc::Instant;
use meseta_api::attributes;
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::resources::{ResourceLimits, ResourceName, Resources};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One line of a log. Small numbers choose from small worlds, so that things meet.
#[derive(Clone, Debug)]
enum Step {
    Event(AllocatorEvent),
    /// Give back what is held, counted through; of its entries those in the mask.
    GiveBack {
        which: usize,
        entries: u8,
        refuse: Option<Duration>,
    },
    Wait(Duration),
    Round {
        seed: u64,
    },
    /// A part of one.
    Slice {
        seed: u64,
        looks: usize,
    },
}

/// `c` is only above another; `a` has roles below and frameworks of its own.
const ROLES: [&str; 7] = ["*", "a", "a/x", "a/x/q", "a/y", "b", "c/d"];

const TOTALS: [&str; 6] = [
    "cpus:4;mem:100;ports:[1-10]",
    "cpus:2;mem:400",
    "cpus:1;mem:64;cpus(a):2;mem(a):100;disk(b):7",
    "cpus:0.005;mem:31;cpus(b):1",
    "disk:10;cpus(a/x):3",
    "cpus:8;mem:200;gpus:2",
];

/// Guarantees and limits.
const QUOTAS: [(&str, &str); 8] = [
    ("", ""),
    ("cpus:2", ""),
    ("cpus:3;mem:200", ""),
    ("", "cpus:2"),
    ("", "cpus:0;mem:0"),
    ("mem:100", "cpus:1.5;mem:300"),
    ("cpus:1;gpus:1", "gpus:1"),
    ("cpus:100", "cpus:100"),
];

fn agent() -> impl Strategy<Value = AgentId> {
    (0..4).prop_map(|n| AgentId::parse(&format!("a{n}")).unwrap())
}

fn framework() -> impl Strategy<Value = FrameworkId> {
    (0..4).prop_map(|n| FrameworkId::parse(&format!("f{n}")).unwrap())
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(ROLES.to_vec()).prop_map(|name| Role::parse(name).unwrap())
}

/// What an agent has, sometimes with something that can be taken back at any time.
fn total() -> impl Strategy<Value = Resources> {
    let firm = prop::sample::select(TOTALS.to_vec());
    let lent = prop::sample::select(vec!["", "", "cpus:2", "mem:64;cpus(a):1"]);
    (firm, lent).prop_map(|(firm, lent)| {
        let firm = Resources::parse(firm).unwrap();
        firm.checked_add(&revocable(lent)).unwrap()
    })
}

/// What an agent is.
fn agent_traits() -> impl Strategy<Value = AgentTraits> {
    let attributes = prop::sample::select(vec!["", "rack:r1", "rack:r2;rack:r1", "rack:7"]);
    (attributes, any::<bool>()).prop_map(|(text, remote)| AgentTraits {
        hostname: "h".to_owned(),
        region: remote.then(|| "far".to_owned()),
        attributes: attributes::parse(text).unwrap(),
        remote,
        ..AgentTraits::default()
    })
}

/// What a framework asks for in a role.
const CONSTRAINTS: [&str; 5] = [
    "rack exists",
    "rack not-exists",
    "rack equals r1 | @region exists",
    "rack matches r[12] & rack not-equals r2",
    "@hostname not-equals h",
];

fn wish() -> impl Strategy<Value = Wish> {
    let constraints = prop::option::of(prop::sample::select(CONSTRAINTS.to_vec()));
    let min = prop::option::of(prop::sample::select(vec!["cpus:2", "disk:1", ""]));
    (constraints, min).prop_map(|(said, min)| Wish {
        constraints: said.map(|said| {
            Arc::new(Constraints::parse(constraints_of(said), &mut Allowance::default()).unwrap())
        }),
        min_allocatable: min.map(|min| min.parse().unwrap()),
    })
}

/// What a framework can use, and wants; mostly anything.
fn framework_traits() -> impl Strategy<Value = FrameworkTraits> {
    let wishes = prop::collection::btree_map(role(), wish(), 0..3);
    (any::<[bool; 3]>(), prop_oneof![1 => Just(BTreeMap::new()), 1 => wishes]).prop_map(
        |([gpus, regions, revocable], roles)| FrameworkTraits { gpus, regions, revocable, roles },
    )
}

/// What a task uses.
fn used() -> impl Strategy<Value = Resources> {
    let texts = vec!["cpus:1;mem:32", "mem:10", "cpus:0.5"];
    let amounts = prop::sample::select(texts).prop_map(|text| Resources::parse(text).unwrap());
    (amounts, role()).prop_map(|(amounts, role)| amounts.allocate(&role).unwrap())
}

fn refuse() -> impl Strategy<Value = Option<Duration>> {
    prop::option::of((0..9u64).prop_map(|half_seconds| Duration::from_millis(500 * half_seconds)))
}

/// As `cpus:1;mem:0`: a zero is a limit.
pub(super) fn limits_of(text: &str) -> ResourceLimits {
    let pairs = text.split(';').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, limit) = pair.split_once(':').unwrap();
        (ResourceName::parse(name).unwrap(), limit.parse().unwrap())
    });
    ResourceLimits::from_pairs(pairs)
}

fn quota() -> impl Strategy<Value = (Role, Quota)> {
    let role = prop::sample::select(vec!["*", "a", "b", "c"]);
    let quota = prop::sample::select(QUOTAS.to_vec());
    (role, quota).prop_map(|(role, (guarantees, limits))| {
        let quota = Quota { guarantees: guarantees.parse().unwrap(), limits: limits_of(limits) };
        (Role::parse(role).unwrap(), quota)
    })
}

fn event() -> impl Strategy<Value = AllocatorEvent> {
    use AllocatorEvent::*;
    let roles = || vec((role(), any::<bool>()), 0..4);
    prop_oneof![
        3 => (framework(), roles(), framework_traits(), any::<bool>(), vec((agent(), used()), 0..2))
            .prop_map(|(id, roles, traits, active, used)| {
                FrameworkAdded { id, roles, traits, active, used }
            }),
        2 => (framework(), roles(), framework_traits())
            .prop_map(|(id, roles, traits)| FrameworkUpdated { id, roles, traits }),
        1 => framework().prop_map(|id| FrameworkRemoved { id }),
        2 => framework().prop_map(|id| FrameworkActivated { id }),
        1 => framework().prop_map(|id| FrameworkDeactivated { id }),
        3 => (agent(), total(), agent_traits(), vec((framework(), used()), 0..2))
            .prop_map(|(id, total, traits, used)| AgentAdded { id, total, traits, used }),
        2 => (agent(), total(), agent_traits())
            .prop_map(|(id, total, traits)| AgentUpdated { id, total, traits }),
        1 => agent().prop_map(|id| AgentRemoved { id }),
        1 => agent().prop_map(|id| AgentActivated { id }),
        1 => agent().prop_map(|id| AgentDeactivated { id }),
        1 => (framework(), agent(), used(), refuse()).prop_map(
            |(framework, agent, resources, refuse)| {
                Recovered { framework, agent, resources, refuse }
            }
        ),
        1 => (framework(), agent(), used())
            .prop_map(|(framework, agent, resources)| Allocated { framework, agent, resources }),
        1 => (framework(), vec(role(), 0..2))
            .prop_map(|(framework, roles)| Suppressed { framework, roles }),
        2 => (framework(), vec(role(), 0..2))
            .prop_map(|(framework, roles)| Revived { framework, roles }),
        1 => (role(), prop::sample::select(vec![500, 1000, 3000])).prop_map(|(role, weight)| {
            WeightsUpdated(vec![(role, Weight::from_thousandths(weight).unwrap())])
        }),
        2 => vec(quota(), 1..3).prop_map(QuotasUpdated),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => event().prop_map(Step::Event),
        4 => (any::<usize>(), any::<u8>(), refuse()).prop_map(|(which, entries, refuse)| {
            Step::GiveBack { which, entries, refuse }
        }),
        1 => (1..8u64).prop_map(|n| Step::Wait(Duration::from_millis(500 * n))),
        3 => any::<u64>().prop_map(|seed| Step::Round { seed }),
        4 => (any::<u64>(), 1..20_usize).prop_map(|(seed, looks)| Step::Slice { seed, looks }),
    ]
}

/// The allocator and the model side by side.
struct Bench {
    allocator: Allocator,
    model: Model,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Bench {
            allocator: Allocator::new(AllocatorConfig::default()),
            model: Model::default(),
            now: Instant::ZERO,
        }
    }

    fn run(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Event(event) => self.apply(event),
            Step::GiveBack { which, entries, refuse } => match self.give_back(which, entries) {
                Some((framework, agent, resources)) => {
                    let event = AllocatorEvent::Recovered { framework, agent, resources, refuse };
                    self.apply(event)
                }
                None => Ok(()),
            },
            Step::Wait(time) => {
                self.now = self.now + time;
                Ok(())
            }
            Step::Round { seed } => self.round(seed),
            Step::Slice { seed, looks } => self.slice(seed, looks),
        }
    }

    fn apply(&mut self, event: AllocatorEvent) -> Result<(), TestCaseError> {
        let contradicts = self.model.contradicts(&event);
        match self.allocator.apply(event.clone(), self.now) {
            Ok(()) => {
                prop_assert!(!contradicts, "{:?} was applied", event);
                self.model.apply(event, self.now);
            }
            Err(AllocatorFault::Overcommitted { agent }) => {
                prop_assert!(!contradicts, "{:?} was applied", event);
                self.model.apply(event, self.now);
                prop_assert_eq!(self.model.free(&agent), None);
            }
            // Nothing has changed, which the comparison below shows.
            Err(fault) => prop_assert!(contradicts, "{}", fault),
        }
        self.compare()
    }

    fn give_back(&self, which: usize, entries: u8) -> Option<(FrameworkId, AgentId, Resources)> {
        let count = self.model.held.len();
        let chosen = which.checked_rem(count)?;
        let ((agent, (framework, role)), held) = self.model.held.iter().nth(chosen)?;
        let kept = held.iter().enumerate().filter(|(n, _)| entries & (1 << n) != 0);
        let part = Resources::from_entries(kept.map(|(_, entry)| entry.clone())).unwrap();
        Some((framework.clone(), agent.clone(), part.allocate(role).unwrap()))
    }

    /// Each grant is allowed and goes to whoever the model says is next; afterwards nothing is
    /// left that anyone may have, and another round does nothing.
    fn round(&mut self, seed: u64) -> Result<(), TestCaseError> {
        if self.allocator.is_midway() {
            self.slice(seed, usize::MAX)?;
        }
        self.model.expire(self.now);
        let grants = self.allocator.allocate(self.now, seed);
        self.check_grants(grants, true)?;
        for agent in self.model.agents.keys() {
            prop_assert_eq!(self.model.allowed(agent), BTreeMap::new(), "{} is left", agent);
        }
        prop_assert!(!self.allocator.is_dirty());
        prop_assert_eq!(self.allocator.allocate(self.now, seed), vec![]);
        self.compare()
    }

    /// The same rules hold of each grant, whatever happened since the round began; but a guarantee
    /// that has come to lack something since then need not be first.
    fn slice(&mut self, seed: u64, looks: usize) -> Result<(), TestCaseError> {
        self.model.expire(self.now);
        let begins = !self.allocator.is_midway();
        let grants = self.allocator.allocate_some(self.now, seed, looks);
        self.check_grants(grants, begins)?;
        self.compare()
    }

    fn check_grants(
        &mut self,
        grants: Vec<OfferGrant>,
        guarantees_first: bool,
    ) -> Result<(), TestCaseError> {
        for grant in grants {
            let client = (grant.framework.clone(), grant.role.clone());
            let mut allowed = self.model.allowed(&grant.agent);
            let lot = allowed.get(&client).map(|lot| lot.allocate(&grant.role).unwrap());
            prop_assert_eq!(lot.as_ref(), Some(&grant.resources), "of {}", &grant.agent);
            let first_of_all = self.model.next(allowed.keys()).cloned();
            // As long as anybody can be given what their guarantee lacks, they are first.
            if self.someone_lacks() {
                allowed.retain(|(_, role), lot| self.model.helps(role, lot));
            }
            if guarantees_first || first_of_all.as_ref() != Some(&client) {
                prop_assert_eq!(self.model.next(allowed.keys()), Some(&client));
            }
            self.model.grant(&grant);
            self.keeps_limits(&grant)?;
        }
        Ok(())
    }

    /// Whether some agent has for somebody what their guarantee lacks.
    fn someone_lacks(&self) -> bool {
        let lacks = |agent| {
            let allowed = self.model.allowed(agent);
            allowed.iter().any(|((_, role), lot)| self.model.helps(role, lot))
        };
        !self.model.quotas.is_empty() && self.model.agents.keys().any(lacks)
    }

    /// Promise 5: what was granted of the unreserved leaves its role within its limits.
    fn keeps_limits(&self, grant: &OfferGrant) -> Result<(), TestCaseError> {
        let top = grant.role.top_level();
        let Some(quota) = self.model.quotas.get(&top) else {
            return Ok(());
        };
        let firm = grant.resources.non_revocable();
        for (name, _) in firm.unreserved().quantities().iter() {
            if let Some(limit) = quota.limits.get(name) {
                let consumed = self.model.consumed(&top, name);
                prop_assert!(consumed <= limit.millis(), "{} of {}", consumed, name);
            }
        }
        Ok(())
    }

    /// Once everybody is gone nothing is remembered of them.
    fn remove_everything(mut self) -> Result<(), TestCaseError> {
        use AllocatorEvent::*;
        let weight = |name| (Role::parse(name).unwrap(), Weight::DEFAULT);
        self.apply(WeightsUpdated(ROLES.map(weight).to_vec()))?;
        let no_quota = |name| (Role::parse(name).unwrap(), Quota::default());
        self.apply(QuotasUpdated(["*", "a", "b", "c"].map(no_quota).to_vec()))?;
        for n in 0..4 {
            let agent = AgentRemoved { id: AgentId::parse(&format!("a{n}")).unwrap() };
            let framework = FrameworkRemoved { id: FrameworkId::parse(&format!("f{n}")).unwrap() };
            self.apply(if n % 2 == 0 { agent.clone() } else { framework.clone() })?;
            self.apply(framework)?;
            self.apply(agent)?;
        }
        self.round(0)?;
        prop_assert!(self.allocator.roster.is_empty(), "{:?}", self.allocator.roster);
        prop_assert!(self.allocator.filters.is_empty(), "{:?}", self.allocator.filters);
        prop_assert_eq!(self.allocator.agents.count(), 0);
        Ok(())
    }

    /// Both hold the same, and it adds up.
    fn compare(&self) -> Result<(), TestCaseError> {
        for agent in self.model.agents.keys() {
            let account = self.allocator.account(agent).unwrap();
            prop_assert_eq!(&account.free, &self.model.free(agent));
            let held = self.model.held.iter().filter(|((on, _), _)| on == agent);
            let mut expected: Vec<(FrameworkId, Resources)> = held
                .map(|((_, (id, role)), held)| (id.clone(), held.allocate(role).unwrap()))
                .collect();
            let mut held = account.held.clone();
            let key = |h: &(FrameworkId, Resources)| (h.0.clone(), h.1.allocation_roles());
            held.sort_by_key(key);
            expected.sort_by_key(key);
            prop_assert_eq!(&held, &expected);

            if let Some(free) = account.free {
                let parts = held.iter().map(|(_, held)| held.unallocate().unwrap());
                let sum = parts.fold(free, |sum, part| sum.checked_add(&part).unwrap());
                prop_assert_eq!(sum, account.total);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_allocator_keeps_the_rules(steps in vec(step(), 1..80)) {
        let mut bench = Bench::new();
        for step in steps {
            bench.run(step)?;
        }
        bench.remove_everything()?;
    }

    #[test]
    fn the_same_log_gives_the_same_grants(events in vec(event(), 1..40), seed: u64) {
        let run = || {
            let mut allocator = Allocator::new(AllocatorConfig::default());
            for event in events.clone() {
                let _ = allocator.apply(event, Instant::ZERO);
            }
            allocator.allocate(Instant::ZERO, seed)
        };
        prop_assert_eq!(run(), run());
    }
}
