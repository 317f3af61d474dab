//! Runs `testdata/*.txt`. A script is its own expectation: each line that is not empty and not a
//! comment is a command, the lines under it that begin with `->` are what it answers, and running
//! the script must give back the file. Commands are listed in [`Script::run`].

use super::super::testing::{constraints, revocable};
use super::super::*;
use super::random::limits_of;
use libproc::Instant;
use meseta_api::attributes;
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::resources::Resources;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

macro_rules! scripts {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            let script = include_str!(concat!("../testdata/", stringify!($name), ".txt"));
            assert_eq!(transcript(script), script);
        }
    )*};
}

scripts! {
    coarse_grained // ALL-09, ALL-10
    fair_shares // ALL-02
    weights // ALL-05
    hierarchy // ALL-02: the tree of roles
    quota_limits // ALL-07
    quota_guarantees // ALL-06, ALL-08, AL-06
    recovery_hold // ALL-20
    refusals // ALL-11
    suppression // ALL-12
    activation
    reservations // RES-08, RES-11
    offer_constraints // ALL-16
    capabilities // ALL-17, ALL-18, ALL-22
    minimums // ALL-10
    accounts
    doubt
    why
}

/// The script's commands with the answers that they give now.
fn transcript(script: &str) -> String {
    let mut run =
        Script { allocator: Allocator::new(AllocatorConfig::default()), now: Instant::ZERO };
    let mut out = String::new();
    for line in script.lines().filter(|line| !line.starts_with("->")) {
        out += line;
        out += "\n";
        let words: Vec<&str> = line.split_whitespace().collect();
        if !words.is_empty() && words[0] != "#" {
            for answer in run.run(&words) {
                out += &format!("-> {answer}\n");
            }
        }
    }
    out
}

struct Script {
    allocator: Allocator,
    now: Instant,
}

impl Script {
    fn run(&mut self, words: &[&str]) -> Vec<String> {
        match *words {
            ["at", time] => {
                self.now = Instant::ZERO + duration(time);
                vec![]
            }
            ["round"] => self.round(),
            ["expiry"] => {
                let next = self.allocator.next_filter_expiry();
                vec![next.map_or("none".to_owned(), seconds)]
            }
            ["why", framework, agent] => {
                let whys = self.allocator.why(&fid(framework), &aid(agent), self.now);
                let line = |(role, why)| format!("{role}: {}", why_text(&why));
                whys.into_iter().flatten().map(line).collect()
            }
            ["account", agent] => self.account(agent),
            _ => match self.allocator.apply(event(words), self.now) {
                Ok(()) => vec![],
                Err(fault) => vec![fault.to_string()],
            },
        }
    }

    /// As the allocator's process does it: only if a round is due.
    fn round(&mut self) -> Vec<String> {
        if !self.allocator.is_due(self.now) {
            return vec!["nothing".to_owned()];
        }
        let grants = self.allocator.allocate(self.now, 0);
        assert!(!self.allocator.is_dirty());
        if grants.is_empty() {
            return vec!["nothing".to_owned()];
        }
        let line = |grant: OfferGrant| {
            let resources = grant.resources.unallocate().unwrap();
            assert_eq!(resources.allocate(&grant.role).unwrap(), grant.resources);
            format!("{} {} {} {resources}", grant.framework, grant.role, grant.agent)
        };
        grants.into_iter().map(line).collect()
    }

    fn account(&self, agent: &str) -> Vec<String> {
        let account = self.allocator.account(&aid(agent)).unwrap();
        let free = match account.free {
            Some(free) => format!("free {free}"),
            None => "overcommitted".to_owned(),
        };
        let held = account.held.into_iter();
        let held = held.map(|(framework, resources)| format!("{framework} {resources}"));
        [free].into_iter().chain(held).collect()
    }
}

/// The event that a line stands for.
fn event(words: &[&str]) -> AllocatorEvent {
    use AllocatorEvent::*;
    match *words {
        ["add-framework", id, presence, ref words @ ..] => FrameworkAdded {
            id: fid(id),
            roles: subscriptions(words),
            traits: framework_traits(words),
            active: presence == "active",
            used: vec![],
        },
        ["update-framework", id, ref words @ ..] => FrameworkUpdated {
            id: fid(id),
            roles: subscriptions(words),
            traits: framework_traits(words),
        },
        ["remove-framework", id] => FrameworkRemoved { id: fid(id) },
        ["activate-framework", id] => FrameworkActivated { id: fid(id) },
        ["deactivate-framework", id] => FrameworkDeactivated { id: fid(id) },
        ["add-agent", id, total, ref words @ ..] => {
            let (traits, used) = agent_traits(words);
            let used = used.chunks(3).map(|u| (fid(u[0]), held(u[1], u[2]))).collect();
            AgentAdded { id: aid(id), total: r(total), traits, used }
        }
        ["update-agent", id, total, ref words @ ..] => {
            let (traits, _) = agent_traits(words);
            AgentUpdated { id: aid(id), total: r(total), traits }
        }
        ["remove-agent", id] => AgentRemoved { id: aid(id) },
        ["activate-agent", id] => AgentActivated { id: aid(id) },
        ["deactivate-agent", id] => AgentDeactivated { id: aid(id) },
        ["recover", framework, role, agent, resources, ref refuse @ ..] => Recovered {
            framework: fid(framework),
            agent: aid(agent),
            resources: held(role, resources),
            refuse: refuse.first().map(|text| duration(text)),
        },
        ["allocated", framework, role, agent, resources] => Allocated {
            framework: fid(framework),
            agent: aid(agent),
            resources: held(role, resources),
        },
        ["suppress", id, ref names @ ..] => {
            Suppressed { framework: fid(id), roles: names.iter().map(|name| role(name)).collect() }
        }
        ["revive", id, ref names @ ..] => {
            Revived { framework: fid(id), roles: names.iter().map(|name| role(name)).collect() }
        }
        ["weight", name, weight] => {
            let weight = Weight::from_f64(weight.parse().unwrap()).unwrap();
            WeightsUpdated(vec![(role(name), weight)])
        }
        ["quota", name, ref sides @ ..] => {
            let side = |sign: &str| sides.iter().find_map(|side| side.strip_prefix(sign));
            let quota = Quota {
                guarantees: side(">=").unwrap_or("").parse().unwrap(),
                limits: limits_of(side("<=").unwrap_or("")),
            };
            QuotasUpdated(vec![(role(name), quota)])
        }
        ["hold", agents, long] => {
            RecoveryHeld { agents: agents.parse().unwrap(), long: duration(long) }
        }
        _ => panic!("what is {words:?}?"),
    }
}

fn why_text(why: &Why) -> String {
    match why {
        Why::TakenBy { framework, role, since, standing } => {
            let since = since.map_or("?".to_owned(), seconds);
            let within = standing.within.as_ref().map_or("top", Role::as_str);
            let shares = format!("{:.2} to {:.2}", standing.mine, standing.theirs);
            format!("taken by {framework} in {role} since {since}; {within}: {shares}")
        }
        Why::AtLimit { role, limits } => {
            let limits = limits.iter().map(|(name, limit, used)| format!(" {name} {used}/{limit}"));
            format!("{role} at limit{}", limits.collect::<String>())
        }
        Why::KeptFor { roles } => {
            let roles = roles.iter().map(|(name, role, lacks)| format!(" {name} {role} {lacks}"));
            format!("kept for{}", roles.collect::<String>())
        }
        Why::Recovering { agents, enough, until } => {
            format!("recovering {agents}/{enough} until {}", seconds(*until))
        }
        Why::Unwanted { clauses } => format!("unwanted: {}", clauses.join(", or ")),
        Why::OtherRegion { region } => format!("other region {region}"),
        Why::Refused { until } => format!("refused until {}", seconds(*until)),
        other => format!("{other:?}"),
    }
}

/// `eng` or `eng:suppressed`; what else is said of a framework is not for this.
fn subscriptions(words: &[&str]) -> Vec<(Role, bool)> {
    let one = |word: &&str| match word.strip_suffix(":suppressed") {
        Some(name) => (role(name), true),
        None => (role(word), false),
    };
    words.iter().filter(|word| !word.contains(['+', '?', '>'])).map(one).collect()
}

/// `+gpus`, `eng?rack_equals_r1`, where `_` is a blank, or `eng>cpus:1`, its own minimum.
fn framework_traits(words: &[&str]) -> FrameworkTraits {
    let mut traits = FrameworkTraits {
        gpus: words.contains(&"+gpus"),
        regions: words.contains(&"+regions"),
        revocable: words.contains(&"+revocable"),
        roles: BTreeMap::new(),
    };
    for word in words {
        if let Some((name, said)) = word.split_once('?') {
            let said = constraints(&said.replace('_', " "));
            let constraints = Constraints::parse(said, &mut Allowance::default()).unwrap();
            traits.roles.entry(role(name)).or_default().constraints = Some(Arc::new(constraints));
        }
        if let Some((name, minimum)) = word.split_once('>') {
            let minimum = Some(minimum.parse().unwrap());
            traits.roles.entry(role(name)).or_default().min_allocatable = minimum;
        }
    }
    traits
}

/// `@rack=r1`, `@hostname=h`, `@region=eu`, `@remote`; and what else is said of an agent.
fn agent_traits<'a>(words: &[&'a str]) -> (AgentTraits, Vec<&'a str>) {
    let (said, other): (Vec<&str>, Vec<&str>) =
        words.iter().copied().partition(|word| word.starts_with('@'));
    let mut traits = AgentTraits { remote: said.contains(&"@remote"), ..AgentTraits::default() };
    for (name, value) in said.iter().filter_map(|word| word[1..].split_once('=')) {
        match name {
            "hostname" => traits.hostname = value.to_owned(),
            "region" => traits.region = Some(value.to_owned()),
            "zone" => traits.zone = Some(value.to_owned()),
            _ => traits.attributes.extend(attributes::parse(&format!("{name}:{value}")).unwrap()),
        }
    }
    (traits, other)
}

fn held(name: &str, resources: &str) -> Resources {
    r(resources).allocate(&role(name)).unwrap()
}

/// What can be taken back at any time stands behind a `~`.
fn r(text: &str) -> Resources {
    let (firm, lent) = text.split_once('~').unwrap_or((text, ""));
    Resources::parse(firm).unwrap().checked_add(&revocable(lent)).unwrap()
}

fn role(text: &str) -> Role {
    Role::parse(text).unwrap()
}

fn fid(text: &str) -> FrameworkId {
    FrameworkId::parse(text).unwrap()
}

fn aid(text: &str) -> AgentId {
    AgentId::parse(text).unwrap()
}

fn duration(text: &str) -> Duration {
    let seconds = text.strip_suffix('s').unwrap().parse().unwrap();
    Duration::from_secs_f64(seconds)
}

fn seconds(instant: Instant) -> String {
    format!("{}s", instant.since(Instant::ZERO).as_secs_f64())
}
