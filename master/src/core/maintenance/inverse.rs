//! Inverse offers: who has something on a machine that is going away is asked to give it back
//! (SCH-14, SCH-33, ALL-15, DR-08).
//!
//! What a framework answers is recorded and shown, and changes nothing else: the machine goes down
//! when an operator says so (E15). One that declines is asked again when its filter is over; one
//! that accepts, or has not answered, is not asked twice. A new time is a new question.

use super::mode::Mode;
use super::show;
use crate::allocator::refuse_duration;
use crate::core::effect::Effect;
use crate::core::event::{Moment, TimerKey};
use crate::core::plan::Plan;
use crate::core::tasks::life::Life;
use crate::core::{say, Core};
use libproc::{Instant, Timestamp};
use meseta_api::ids::{AgentId, FrameworkId, OfferId};
use meseta_api::v1;
use meseta_api::v1::allocator::inverse_offer_status::Status;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Between two looks for whom there is to ask.
const INTERVAL: Duration = Duration::from_secs(1);

/// Questions that are open, and answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct InverseOffers {
    open: BTreeMap<OfferId, (AgentId, FrameworkId)>,
    /// Of each pair that was asked, what is known of its answer.
    asked: BTreeMap<(AgentId, FrameworkId), Asked>,
    /// A look is due.
    due: bool,
}

/// What one framework was asked of one agent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) status: Status,
    /// When it was asked, or answered.
    pub(super) at: Timestamp,
    /// The question that is open.
    offer: Option<OfferId>,
    /// When it may be asked again; never, unless it declined.
    again: Option<Instant>,
}

/// A scheduler's answer to inverse offers.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerInversePlan {
    /// Those that are open.
    offers: Vec<OfferId>,
    status: Status,
    refuse: Duration,
}

impl InverseOffers {
    /// What each framework answered of an agent.
    pub(super) fn of_agent<'a>(
        &'a self,
        agent: &'a AgentId,
    ) -> impl Iterator<Item = (&'a FrameworkId, &'a Asked)> {
        let of = self.asked.iter().filter(move |((of, _), _)| of == agent);
        of.map(|((_, framework), asked)| (framework, asked))
    }

    fn forget(
        &mut self,
        fits: impl Fn(&AgentId, &FrameworkId) -> bool,
    ) -> Vec<(OfferId, FrameworkId)> {
        self.asked.retain(|(agent, framework), _| !fits(agent, framework));
        let mut ended = Vec::new();
        self.open.retain(|id, (agent, framework)| {
            let ends = fits(agent, framework);
            if ends {
                ended.push((id.clone(), framework.clone()));
            }
            !ends
        });
        ended
    }
}

impl Core {
    /// An answer; ids that are not the framework's open inverse offers are passed over.
    pub(in crate::core) fn check_inverse(
        &self,
        framework: &FrameworkId,
        ids: &[v1::OfferId],
        filters: Option<&v1::Filters>,
        status: Status,
    ) -> Plan {
        let open = &self.maintenance.inverse.open;
        let ids = ids.iter().filter_map(|id| OfferId::try_from(id).ok());
        let ids: BTreeSet<OfferId> =
            ids.filter(|id| open.get(id).is_some_and(|(_, of)| of == framework)).collect();
        let refuse = refuse_duration(filters.and_then(|filters| filters.refuse_seconds));
        Plan::AnswerInverse(AnswerInversePlan { offers: ids.into_iter().collect(), status, refuse })
    }

    pub(in crate::core) fn commit_inverse(&mut self, plan: AnswerInversePlan, at: Moment) {
        let inverse = &mut self.maintenance.inverse;
        for offer in plan.offers {
            let Some(pair) = inverse.open.remove(&offer) else {
                continue;
            };
            let declined = plan.status == Status::Decline;
            let again = declined.then(|| at.now + plan.refuse);
            let asked = Asked { status: plan.status, at: at.wall, offer: None, again };
            inverse.asked.insert(pair, asked);
        }
    }

    /// Time to look for whom there is to ask.
    pub(in crate::core) fn commit_inverse_due(&mut self, at: Moment, out: &mut Vec<Effect>) {
        self.maintenance.inverse.due = false;
        self.offer_inverse(at, out);
    }

    /// An agent came into service: its machine may be going away.
    pub(in crate::core) fn note_draining(&mut self, id: &AgentId, out: &mut Vec<Effect>) {
        let agent = self.agents.get(id);
        let found = agent.and_then(|agent| self.maintenance.of(agent));
        if found.is_some_and(|(.., mode)| mode == Mode::Draining) {
            self.maintenance.agents.insert(id.clone());
            self.look_again(out);
        }
    }

    /// The agents in service on machines that are going away.
    pub(super) fn find_draining_agents(&mut self) {
        let maintenance = &self.maintenance;
        let draining = self.agents.iter().filter(|(_, agent)| {
            let found = maintenance.of(agent);
            agent.state.is_active() && found.is_some_and(|(.., mode)| mode == Mode::Draining)
        });
        self.maintenance.agents = draining.map(|(id, _)| id.clone()).collect();
    }

    /// Asks everybody who has something on a machine that is going away and is to be asked.
    pub(super) fn offer_inverse(&mut self, at: Moment, out: &mut Vec<Effect>) {
        let agents: Vec<AgentId> = self.maintenance.agents.iter().cloned().collect();
        let mut events: BTreeMap<FrameworkId, Vec<v1::InverseOffer>> = BTreeMap::new();
        for id in agents {
            let agent = self.agents.get(&id).filter(|agent| agent.state.is_active());
            let found = agent.and_then(|agent| {
                let (_, window, _) = self.maintenance.of(agent)?;
                Some((agent.url(self.config.tls), show::unavailability(window)))
            });
            let Some((url, unavailability)) = found else {
                self.maintenance.agents.remove(&id);
                continue;
            };
            for framework in self.to_be_asked(&id, at) {
                let offer = self.next_ids.offer(&self.identity.master_id);
                let question = v1::InverseOffer {
                    id: (&offer).into(),
                    url: url.clone(),
                    framework_id: (&framework).into(),
                    agent_id: Some((&id).into()),
                    unavailability,
                    resources: Vec::new(),
                };
                events.entry(framework.clone()).or_default().push(question);
                let pair = (id.clone(), framework);
                let inverse = &mut self.maintenance.inverse;
                inverse.open.insert(offer.clone(), pair.clone());
                // What was answered before stands until there is another answer.
                let before = inverse.asked.get(&pair).map(|asked| (asked.status, asked.at));
                let (status, since) = before.unwrap_or((Status::Unknown, at.wall));
                let asked = Asked { status, at: since, offer: Some(offer), again: None };
                inverse.asked.insert(pair, asked);
            }
        }
        for (framework, offers) in events {
            self.tell(&framework, say::inverse_offers(offers), out);
        }
        self.look_again(out);
    }

    /// The frameworks with a scheduler that have something on an agent and are to be asked.
    fn to_be_asked(&self, id: &AgentId, at: Moment) -> BTreeSet<FrameworkId> {
        let tasks = self.tasks.on_agent(id).filter(|(_, _, task)| task.life == Life::Live);
        let executors = self.agents.get(id).into_iter().flat_map(|agent| agent.executors.keys());
        let held = tasks.map(|(framework, ..)| framework).chain(executors.map(|(of, _)| of));
        let held: BTreeSet<&FrameworkId> = held.collect();
        let inverse = &self.maintenance.inverse;
        let wanted = |framework: &&&FrameworkId| {
            let connected = self.frameworks.get(**framework).and_then(|f| f.state.connected());
            let asked = inverse.asked.get(&(id.clone(), (**framework).clone()));
            let may_be = asked.is_none_or(|asked| {
                asked.offer.is_none() && asked.again.is_some_and(|again| again <= at.now)
            });
            connected.is_some() && may_be
        };
        held.iter().filter(wanted).map(|framework| (*framework).clone()).collect()
    }

    fn look_again(&mut self, out: &mut Vec<Effect>) {
        let maintenance = &mut self.maintenance;
        if !maintenance.agents.is_empty() && !maintenance.inverse.due {
            maintenance.inverse.due = true;
            out.push(Effect::SetTimer { key: TimerKey::InverseOffersDue, after: INTERVAL });
        }
    }

    /// An agent leaves, or another time holds for it: what was asked of it holds no more.
    pub(in crate::core) fn rescind_inverse_offers(&mut self, id: &AgentId, out: &mut Vec<Effect>) {
        let ended = self.maintenance.inverse.forget(|agent, _| agent == id);
        for (offer, framework) in ended {
            self.tell(&framework, say::rescind_inverse(&offer), out);
        }
    }

    /// A framework's scheduler is another one, or gone: what it was asked is asked anew.
    pub(in crate::core) fn forget_inverse_offers(&mut self, framework: &FrameworkId) {
        self.maintenance.inverse.forget(|_, of| of == framework);
    }
}
