//! Refusals: what a framework, in one role, does not want of one agent, and until when.
//!
//! A candidate is filtered if one refusal contains it: more or other resources pass. Refusals are
//! indexed by agent (asked in every round), by client (forgotten when it revives) and by expiry,
//! so that each of these costs in proportion to the refusals concerned.

use super::ordinals::{AgentOrd, ClientOrd};
use libproc::Instant;
use meseta_api::resources::Resources;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// `Filters.refuse_seconds` where a scheduler says nothing, or nothing that is a duration.
pub const DEFAULT_REFUSE: Duration = Duration::from_secs(5);

/// Longest refusal; the same cap as in Mesos, so that no scheduler loses an agent for good.
pub const MAX_REFUSE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Most refusals of one client on one agent. None implies another, so a scheduler reaches two by
/// refusing different resources for different times; this many only in order to fill our memory.
pub const MAX_REFUSALS_PER_PAIR: usize = 32;

/// The duration that `Filters.refuse_seconds` means: 5 s where missing, negative or NaN, at most
/// 365 days.
pub fn refuse_duration(refuse_seconds: Option<f64>) -> Duration {
    match refuse_seconds {
        Some(seconds) if seconds >= MAX_REFUSE.as_secs_f64() => MAX_REFUSE,
        Some(seconds) => Duration::try_from_secs_f64(seconds).unwrap_or(DEFAULT_REFUSE),
        None => DEFAULT_REFUSE,
    }
}

/// One refusal. Frameworks that decline the same offer of an agent in turn share `refused`.
#[derive(Clone, Debug)]
struct Refusal {
    refused: Arc<Resources>,
    until: Instant,
}

impl Refusal {
    fn implies(&self, other: &Refusal) -> bool {
        self.until >= other.until && self.refused.contains(&other.refused)
    }
}

/// All refusals.
#[derive(Debug, Default)]
pub(super) struct Filters {
    on_agent: BTreeMap<AgentOrd, BTreeMap<ClientOrd, Vec<Refusal>>>,
    of_client: BTreeMap<ClientOrd, BTreeSet<AgentOrd>>,
    /// What was refused last on an agent: likely to be refused again by the next framework.
    latest: BTreeMap<AgentOrd, Arc<Resources>>,
    expiries: BTreeSet<(Instant, AgentOrd, ClientOrd)>,
}

impl Filters {
    /// On how many agents each client that refused something still does.
    pub(super) fn counts(&self) -> impl Iterator<Item = (ClientOrd, usize)> + '_ {
        self.of_client.iter().map(|(client, agents)| (*client, agents.len()))
    }

    /// Remembers a refusal unless an earlier one implies it, and forgets those that it implies.
    /// One too many pushes out the one that would expire first.
    pub(super) fn refuse(
        &mut self,
        agent: AgentOrd,
        client: ClientOrd,
        refused: Resources,
        until: Instant,
    ) {
        let refused = match self.latest.get(&agent) {
            Some(latest) if **latest == refused => latest.clone(),
            _ => Arc::new(refused),
        };
        self.latest.insert(agent, refused.clone());
        let refusal = Refusal { refused, until };

        let on_agent = self.on_agent.entry(agent).or_default();
        let refusals = on_agent.entry(client).or_default();
        if refusals.iter().any(|earlier| earlier.implies(&refusal)) {
            return;
        }
        let before: Vec<Instant> = refusals.iter().map(|refusal| refusal.until).collect();
        refusals.retain(|earlier| !refusal.implies(earlier));
        refusals.push(refusal);
        refusals.sort_by_key(|refusal| refusal.until);
        if refusals.len() > MAX_REFUSALS_PER_PAIR {
            refusals.remove(0);
        }
        for until in before {
            self.expiries.remove(&(until, agent, client));
        }
        for refusal in refusals {
            self.expiries.insert((refusal.until, agent, client));
        }
        self.of_client.entry(client).or_default().insert(agent);
    }

    /// Until when `candidate` of this agent is filtered for this client, if it is.
    pub(super) fn filtered_until(
        &self,
        agent: AgentOrd,
        client: ClientOrd,
        candidate: &Resources,
    ) -> Option<Instant> {
        let refusals = self.on_agent.get(&agent)?.get(&client)?;
        let containing = refusals.iter().filter(|r| r.refused.contains(candidate));
        containing.map(|refusal| refusal.until).max()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.on_agent.is_empty()
            && self.of_client.is_empty()
            && self.latest.is_empty()
            && self.expiries.is_empty()
    }

    /// When the next refusal expires.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.expiries.first().map(|(until, _, _)| *until)
    }

    /// Forgets what has expired at `now`, and says between whom: each pair at least once.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<(AgentOrd, ClientOrd)> {
        let mut pairs = Vec::new();
        while let Some((until, agent, client)) = self.expiries.first().copied() {
            if until > now {
                break;
            }
            self.expiries.pop_first();
            self.forget(agent, client, |refusal| refusal.until <= now);
            pairs.push((agent, client));
        }
        pairs
    }

    /// Forgets a client's refusals, everywhere. True if there were any.
    pub(super) fn forget_client(&mut self, client: ClientOrd) -> bool {
        let agents = self.of_client.remove(&client).unwrap_or_default();
        for agent in &agents {
            self.forget(*agent, client, |_| true);
        }
        !agents.is_empty()
    }

    /// Forgets all refusals on an agent.
    pub(super) fn forget_agent(&mut self, agent: AgentOrd) {
        let on_agent = self.on_agent.get(&agent).into_iter().flatten();
        let clients: Vec<ClientOrd> = on_agent.map(|(client, _)| *client).collect();
        for client in clients {
            self.forget(agent, client, |_| true);
        }
    }

    /// Forgets those refusals of a pair that are `over`, in every index.
    fn forget(&mut self, agent: AgentOrd, client: ClientOrd, over: impl Fn(&Refusal) -> bool) {
        let Some(on_agent) = self.on_agent.get_mut(&agent) else {
            return;
        };
        let Some(refusals) = on_agent.get_mut(&client) else {
            return;
        };
        for refusal in refusals.iter().filter(|refusal| over(refusal)) {
            self.expiries.remove(&(refusal.until, agent, client));
        }
        refusals.retain(|refusal| !over(refusal));
        if !refusals.is_empty() {
            return;
        }
        on_agent.remove(&client);
        if on_agent.is_empty() {
            self.on_agent.remove(&agent);
            self.latest.remove(&agent);
        }
        if let Some(agents) = self.of_client.get_mut(&client) {
            agents.remove(&agent);
            if agents.is_empty() {
                self.of_client.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ordinals::Ordinal;
    use super::*;

    fn r(text: &str) -> Resources {
        Resources::parse(text).unwrap()
    }

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    const YEAR: u64 = 365 * 24 * 60 * 60;

    #[test]
    fn the_wire_number_means_a_duration() {
        let seconds = |number| refuse_duration(number).as_secs_f64();
        for other in [None, Some(-1.0), Some(f64::NAN), Some(f64::NEG_INFINITY)] {
            assert_eq!(seconds(other), 5.0, "{other:?}");
        }
        for long in [YEAR as f64 + 1.0, 1e300, f64::INFINITY] {
            assert_eq!(seconds(Some(long)), YEAR as f64);
        }
        assert_eq!(seconds(Some(0.0)), 0.0);
        assert_eq!(seconds(Some(0.25)), 0.25);
    }

    #[test]
    fn a_refusal_that_another_implies_is_not_kept() {
        let (agent, client) = (AgentOrd::at(0), ClientOrd::at(0));
        let mut filters = Filters::default();
        filters.refuse(agent, client, r("cpus:2"), at(10));
        filters.refuse(agent, client, r("cpus:1"), at(9));
        assert_eq!(filters.next_expiry(), Some(at(10)));

        filters.refuse(agent, client, r("cpus:3"), at(8));
        assert_eq!(filters.next_expiry(), Some(at(8)));
        assert_eq!(filters.filtered_until(agent, client, &r("cpus:3")), Some(at(8)));
        assert_eq!(filters.filtered_until(agent, client, &r("cpus:2")), Some(at(10)));
        assert_eq!(filters.filtered_until(agent, client, &r("cpus:4")), None);

        filters.refuse(agent, client, r("cpus:4"), at(11));
        assert_eq!(filters.expire(at(10)), vec![]);
        assert_eq!(filters.expire(at(11)), vec![(agent, client)]);
        assert!(filters.is_empty());
    }

    #[test]
    fn refusals_of_a_pair_are_bounded() {
        let (agent, client) = (AgentOrd::at(0), ClientOrd::at(0));
        let mut filters = Filters::default();
        // The more is refused, the sooner it expires: none implies another.
        let most = MAX_REFUSALS_PER_PAIR as u64;
        for n in 1..=most + 1 {
            filters.refuse(agent, client, r(&format!("cpus:{n}")), at(100 - n));
        }
        assert_eq!(filters.expiries.len(), MAX_REFUSALS_PER_PAIR);
        assert_eq!(filters.next_expiry(), Some(at(100 - most)));
        assert!(filters.forget_client(client));
        assert!(filters.is_empty());
    }

    #[test]
    fn equal_refusals_of_an_agent_share_their_resources() {
        let agent = AgentOrd::at(0);
        let mut filters = Filters::default();
        for n in 0..10 {
            filters.refuse(agent, ClientOrd::at(n), r("cpus:1"), at(1));
        }
        // One each, and the latest.
        assert_eq!(Arc::strong_count(&filters.latest[&agent]), 11);
        filters.forget_agent(agent);
        assert!(filters.is_empty());
    }
}
