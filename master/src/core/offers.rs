//! Outstanding offers: [`Offer`] and its index [`Offers`].
//!
//! Fed by the allocator's grants. An offer ends when it is accepted, declined, rescinded or
//! expires; then its resources are held by tasks, or go back to the allocator. Resources of an
//! offer are in no other offer and in no task.

use super::effect::Effect;
use super::event::{Moment, TimerKey};
use super::shelf::{Kept, Shelf};
use super::{say, Core};
use crate::allocator::event::{AllocatorEvent, OfferGrant};
use libproc::Instant;
use meseta_api::ids::{AgentId, FrameworkId, OfferId, Role};
use meseta_api::resources::Resources;
use meseta_api::v1;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One offer: resources of one agent for one framework in one of its roles.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// To whom.
    pub framework: FrameworkId,
    /// Of which agent.
    pub agent: AgentId,
    /// In which role.
    pub role: Role,
    /// What; allocated to `role`.
    pub resources: Resources,
    /// When it expires, if ever.
    pub expires: Option<Instant>,
    /// As the scheduler got it.
    pub view: v1::Offer,
}

/// The outstanding offers, by id, framework, agent and expiry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offers {
    by_id: Shelf<OfferId, Kept<Offer>>,
    by_framework: BTreeMap<FrameworkId, BTreeSet<OfferId>>,
    by_agent: BTreeMap<AgentId, BTreeSet<OfferId>>,
    by_expiry: BTreeSet<(Instant, OfferId)>,
}

impl Offers {
    /// The offer with this id, if it is outstanding.
    pub fn get(&self, id: &OfferId) -> Option<&Offer> {
        self.by_id.get(id).map(|offer| &**offer)
    }

    /// All offers.
    pub fn iter(&self) -> impl Iterator<Item = (&OfferId, &Offer)> {
        self.by_id.iter().map(|(id, offer)| (id, &**offer))
    }

    /// All offers, for readers.
    pub fn shelf(&self) -> &Shelf<OfferId, Kept<Offer>> {
        &self.by_id
    }

    /// Ids of a framework's offers.
    pub fn of_framework(&self, framework: &FrameworkId) -> Vec<OfferId> {
        let ids = self.by_framework.get(framework);
        ids.into_iter().flatten().cloned().collect()
    }

    /// Ids of the offers of an agent.
    pub fn of_agent(&self, agent: &AgentId) -> Vec<OfferId> {
        let ids = self.by_agent.get(agent);
        ids.into_iter().flatten().cloned().collect()
    }

    /// Ids of the offers that have expired, the oldest first.
    pub fn expired(&self, now: Instant) -> Vec<OfferId> {
        let due = self.by_expiry.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, id)| id.clone()).collect()
    }

    /// When the next offer expires.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.by_expiry.first().map(|(at, _)| *at)
    }

    fn insert(&mut self, id: OfferId, offer: Offer) {
        let of_framework = self.by_framework.entry(offer.framework.clone());
        of_framework.or_default().insert(id.clone());
        let of_agent = self.by_agent.entry(offer.agent.clone());
        of_agent.or_default().insert(id.clone());
        if let Some(at) = offer.expires {
            self.by_expiry.insert((at, id.clone()));
        }
        self.by_id.insert(id, Kept::new(offer));
    }

    fn remove(&mut self, id: &OfferId) -> Option<Offer> {
        let offer = self.by_id.remove(id)?.into_inner();
        drop_from(&mut self.by_framework, &offer.framework, id);
        drop_from(&mut self.by_agent, &offer.agent, id);
        if let Some(at) = offer.expires {
            self.by_expiry.remove(&(at, id.clone()));
        }
        Some(offer)
    }
}

fn drop_from<K: Ord>(index: &mut BTreeMap<K, BTreeSet<OfferId>>, key: &K, id: &OfferId) {
    if let Some(ids) = index.get_mut(key) {
        ids.remove(id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}

/// What becomes of an offer whose resources nobody took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// The framework did not refuse: no filter.
    Freely,
    /// The framework refuses the like of it for this long.
    Refused(Duration),
}

impl Return {
    /// As the allocator wants it.
    pub fn filter(self) -> Option<Duration> {
        match self {
            Return::Freely => None,
            Return::Refused(long) => Some(long),
        }
    }
}

impl Core {
    /// Makes an offer of each grant and tells each framework of all of its in one event (SCH-31).
    pub(super) fn commit_grants(
        &mut self,
        grants: Vec<OfferGrant>,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let mut events: BTreeMap<FrameworkId, Vec<v1::Offer>> = BTreeMap::new();
        for grant in grants {
            match self.offer(grant, at) {
                Ok((framework, view)) => events.entry(framework).or_default().push(view),
                Err(void) => out.push(Effect::Allocator(*void)),
            }
        }
        for (framework, offers) in events {
            self.tell(&framework, say::offers(offers), out);
        }
        self.schedule_expiry(at, out);
    }

    /// Makes an offer; a grant whose framework or agent cannot have one any more is returned.
    fn offer(
        &mut self,
        grant: OfferGrant,
        at: Moment,
    ) -> Result<(FrameworkId, v1::Offer), Box<AllocatorEvent>> {
        let Some(mut view) = self.draw_up(&grant) else {
            return Err(Box::new(AllocatorEvent::Recovered {
                framework: grant.framework,
                agent: grant.agent,
                resources: grant.resources,
                refuse: None,
            }));
        };
        let id = self.next_ids.offer(&self.identity.master_id);
        view.id = (&id).into();
        let framework = grant.framework.clone();
        let offer = Offer {
            framework: grant.framework,
            agent: grant.agent,
            role: grant.role,
            resources: grant.resources,
            expires: self.config.offer_timeout.map(|long| at.now + long),
            view: view.clone(),
        };
        self.offers.insert(id, offer);
        Ok((framework, view))
    }

    /// The offer that a grant becomes, but for its id, if both sides can have an offer now and
    /// the resources are free.
    fn draw_up(&self, grant: &OfferGrant) -> Option<v1::Offer> {
        let framework = self.frameworks.get(&grant.framework)?;
        let agent = self.agents.get(&grant.agent)?;
        let wanted = grant.resources.unallocate().ok()?;
        let able = framework.state.connected().is_some()
            && agent.is_offered()
            && self.free(&grant.agent)?.contains(&wanted);
        if !able {
            return None;
        }
        let executors = agent.executors.keys();
        let executors = executors.filter(|(framework, _)| *framework == grant.framework);
        Some(v1::Offer {
            framework_id: (&grant.framework).into(),
            agent_id: (&grant.agent).into(),
            hostname: agent.hostname().to_owned(),
            url: agent.url(self.config.tls),
            domain: agent.kept.rest.domain.clone(),
            resources: framework.show(&grant.resources),
            attributes: agent.kept.rest.attributes.clone(),
            executor_ids: executors.map(|(_, executor)| executor.into()).collect(),
            unavailability: self.maintenance.unavailability(agent),
            allocation_info: Some(v1::resource::AllocationInfo {
                role: Some(grant.role.as_str().to_owned()),
            }),
            ..Default::default()
        })
    }

    /// Ends an offer because its framework used it; its resources are the caller's to place.
    pub(super) fn consume_offer(&mut self, id: &OfferId) -> Option<Offer> {
        self.offers.remove(id)
    }

    /// Ends an offer that nobody took; its resources go back to the allocator.
    pub(super) fn return_offer(&mut self, id: &OfferId, how: Return, out: &mut Vec<Effect>) {
        if let Some(offer) = self.offers.remove(id) {
            out.push(Effect::Allocator(AllocatorEvent::Recovered {
                framework: offer.framework,
                agent: offer.agent,
                resources: offer.resources,
                refuse: how.filter(),
            }));
        }
    }

    /// Takes an offer back and tells its framework (SCH-32).
    pub(super) fn rescind(&mut self, id: &OfferId, out: &mut Vec<Effect>) {
        if let Some(offer) = self.offers.get(id) {
            self.tell(&offer.framework, say::rescind(id), out);
            self.return_offer(id, Return::Freely, out);
        }
    }

    /// Takes back what expired (ALL-13, AL-02).
    pub(super) fn commit_expiry(&mut self, at: Moment, out: &mut Vec<Effect>) {
        for id in self.offers.expired(at.now) {
            self.rescind(&id, out);
        }
        self.schedule_expiry(at, out);
    }

    /// One timer serves all offers: it is set for the oldest, and an early wake-up does no harm.
    fn schedule_expiry(&self, at: Moment, out: &mut Vec<Effect>) {
        if let Some(next) = self.offers.next_expiry() {
            out.push(Effect::SetTimer { key: TimerKey::OfferExpiryDue, after: next.since(at.now) });
        }
    }
}
