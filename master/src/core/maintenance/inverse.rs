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
    /// Of each agent whom it was asked of, and what is known of the answer.
    asked: BTreeMap<AgentId, BTreeMap<FrameworkId, Asked>>,
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
        agent: &AgentId,
    ) -> impl Iterator<Item = (&'a FrameworkId, &'a Asked)> {
        self.asked.get(agent).into_iter().flatten()
    }

    fn record(&mut self, agent: AgentId, framework: FrameworkId, asked: Asked) {
        self.asked.entry(agent).or_default().insert(framework, asked);
    }

    /// Forgets an agent; the questions that were open.
    fn forget_agent(&mut self, agent: &AgentId) -> Vec<(OfferId, FrameworkId)> {
        let asked = self.asked.remove(agent).into_iter().flatten();
        let ended: Vec<_> =
            asked.filter_map(|(framework, asked)| Some((asked.offer?, framework))).collect();
        for (offer, _) in &ended {
            self.open.remove(offer);
        }
        ended
    }

    fn forget_framework(&mut self, framework: &FrameworkId) {
        self.asked.retain(|_, frameworks| {
            let asked = frameworks.remove(framework);
            if let Some(offer) = asked.and_then(|asked| asked.offer) {
                self.open.remove(&offer);
            }
            !frameworks.is_empty()
        });
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
            let Some((agent, framework)) = inverse.open.remove(&offer) else {
                continue;
            };
            let declined = plan.status == Status::Decline;
            let again = declined.then(|| at.now + plan.refuse);
            let asked = Asked { status: plan.status, at: at.wall, offer: None, again };
            inverse.record(agent, framework, asked);
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
            let wanted = self.to_be_asked(&id, at);
            if agent.is_some() && wanted.is_empty() {
                continue;
            }
            let found = agent.and_then(|agent| {
                let (_, window, _) = self.maintenance.of(agent)?;
                Some((agent.url(self.config.tls), show::unavailability(window)))
            });
            let Some((url, unavailability)) = found else {
                self.maintenance.agents.remove(&id);
                continue;
            };
            for framework in wanted {
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
                let inverse = &mut self.maintenance.inverse;
                inverse.open.insert(offer.clone(), (id.clone(), framework.clone()));
                // What was answered before stands until there is another answer.
                let before = inverse.asked.get(&id).and_then(|asked| asked.get(&framework));
                let before = before.map(|asked| (asked.status, asked.at));
                let (status, since) = before.unwrap_or((Status::Unknown, at.wall));
                let asked = Asked { status, at: since, offer: Some(offer), again: None };
                inverse.record(id.clone(), framework, asked);
            }
        }
        for (framework, offers) in events {
            self.tell(&framework, say::inverse_offers(offers), out);
        }
        self.look_again(out);
    }

    /// The frameworks with a scheduler that have something on an agent and are to be asked.
    fn to_be_asked(&self, id: &AgentId, at: Moment) -> BTreeSet<FrameworkId> {
        let asked = self.maintenance.inverse.asked.get(id);
        let wanted = |framework: &FrameworkId| {
            let asked = asked.and_then(|asked| asked.get(framework));
            let may_be = asked.is_none_or(|asked| {
                asked.offer.is_none() && asked.again.is_some_and(|again| again <= at.now)
            });
            let known = self.frameworks.get(framework).filter(|_| may_be);
            known.is_some_and(|framework| framework.state.connected().is_some())
        };
        // The tasks of who is not to be asked are not looked at: most have been asked.
        let with_tasks = self.tasks.by_framework_on(id).filter(|(framework, _)| wanted(framework));
        let live = with_tasks.filter_map(|(framework, mut tasks)| {
            tasks.any(|task| task.life == Life::Live).then_some(framework)
        });
        let executors = self.agents.get(id).into_iter().flat_map(|agent| agent.executors.keys());
        let executors = executors.map(|(framework, _)| framework);
        live.chain(executors.filter(|framework| wanted(framework))).cloned().collect()
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
        let ended = self.maintenance.inverse.forget_agent(id);
        for (offer, framework) in ended {
            self.tell(&framework, say::rescind_inverse(&offer), out);
        }
    }

    /// A framework's scheduler is another one, or gone: what it was asked is asked anew.
    pub(in crate::core) fn forget_inverse_offers(&mut self, framework: &FrameworkId) {
        self.maintenance.inverse.forget_framework(framework);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DR-08: with a scan of all questions for each agent it would not end within the time of a test.
    #[test]
    fn what_was_asked_of_an_agent_is_forgotten_without_a_look_at_the_others() {
        let framework = FrameworkId::parse("m-0000").unwrap();
        let idle = FrameworkId::parse("m-0001").unwrap();
        let mut inverse = InverseOffers::default();
        let agent = |n: u32| AgentId::parse(&format!("m-S{n}")).unwrap();
        let offer = |n: u32| OfferId::parse(&format!("m-O{n}")).unwrap();
        let asked = |offer| Asked { status: Status::Unknown, at: Timestamp(1), offer, again: None };
        let agents = 200_000;
        for n in 0..agents {
            inverse.open.insert(offer(n), (agent(n), framework.clone()));
            inverse.record(agent(n), framework.clone(), asked(Some(offer(n))));
            inverse.record(agent(n), idle.clone(), asked(None));
        }
        for n in 1..agents {
            assert_eq!(inverse.of_agent(&agent(n)).count(), 2);
            assert_eq!(inverse.forget_agent(&agent(n)), [(offer(n), framework.clone())]);
            assert_eq!(inverse.of_agent(&agent(n)).count(), 0);
        }
        assert_eq!(inverse.open.keys().collect::<Vec<_>>(), [&offer(0)]);
        inverse.forget_framework(&framework);
        assert!(inverse.open.is_empty());
        inverse.forget_framework(&idle);
        assert_eq!(inverse, InverseOffers::default());
    }
}
