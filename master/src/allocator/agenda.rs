//! [`Agenda`]: what a round has still to look at.
//!
//! A round may be cut between any two agents: what it has looked at needs no second look, unless it
//! is in doubt again, and then the next round takes it. What is in doubt again and has not been
//! looked at anyone may take ([`Agenda::next`]). It may also be cut before an agent is judged, and
//! then goes on with that one ([`Agenda::again`]).

use super::doubt::Doubt;
use super::ordinals::{AgentOrd, ClientOrd};
use super::shuffle::Shuffle;
use std::collections::BTreeSet;

/// Which clients a pass through the agents is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Those whose role lacks some of its guarantee, of agents that have some of what is lacking.
    Guaranteed,
    /// All.
    Fair,
}

/// Who may take something of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Takers {
    /// Anyone.
    All,
    /// Those whose refusal expired.
    Few(BTreeSet<ClientOrd>),
    /// Those who did not want offers before: [`Agenda::new_clients`].
    New,
}

/// The agents of a round, shuffled, those that anyone may take first and those that only new
/// clients may take last.
#[derive(Clone, Debug)]
pub(super) struct Agenda {
    stage: Stage,
    entries: Vec<(AgentOrd, Takers)>,
    /// The first entry that this stage has not looked at.
    next: usize,
    new_clients: BTreeSet<ClientOrd>,
}

impl Agenda {
    /// Of what is in doubt, and of `all` agents if there are new clients. With `lacking`, a
    /// guarantee that is unmet, it is gone through twice.
    pub(super) fn of(
        doubt: Doubt,
        lacking: bool,
        all: impl Iterator<Item = AgentOrd>,
        shuffle: &mut Shuffle,
    ) -> Self {
        let (for_all, few, new_clients) = doubt.into_takers();
        let rest: Vec<AgentOrd> = match new_clients.is_empty() {
            true => Vec::new(),
            false => all.filter(|agent| !for_all.contains(agent)).collect(),
        };
        let mut entries = Vec::with_capacity(for_all.len() + few.len() + rest.len());
        let few = few.into_iter().map(|(agent, clients)| (agent, Takers::Few(clients)));
        let groups: [Vec<(AgentOrd, Takers)>; 3] = [
            for_all.into_iter().map(|agent| (agent, Takers::All)).collect(),
            few.collect(),
            rest.into_iter().map(|agent| (agent, Takers::New)).collect(),
        ];
        for mut group in groups {
            shuffle.apply(&mut group);
            entries.append(&mut group);
        }
        let stage = if lacking { Stage::Guaranteed } else { Stage::Fair };
        Agenda { stage, entries, next: 0, new_clients }
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Who is meant by [`Takers::New`]: also those who began to want offers since.
    pub(super) fn new_clients<'a>(
        &'a self,
        doubt: &'a Doubt,
    ) -> impl Iterator<Item = ClientOrd> + 'a {
        self.new_clients.union(&doubt.clients).copied()
    }

    /// The next agent of this stage, and who may take something of it: with what is in `doubt`
    /// since the round began, others than were thought of then.
    pub(super) fn next(&mut self, doubt: &Doubt) -> Option<(AgentOrd, Takers)> {
        let (agent, takers) = self.entries.get(self.next)?;
        self.next += 1;
        let takers = match takers {
            _ if doubt.is_about(*agent) => Takers::All,
            // Two reasons would need an order of both, for this agent alone.
            Takers::Few(_) if !doubt.clients.is_empty() => Takers::All,
            takers => takers.clone(),
        };
        Some((*agent, takers))
    }

    /// The agent that was looked at last is the next once more.
    pub(super) fn again(&mut self) {
        self.next = self.next.saturating_sub(1);
    }

    /// Goes on to the next stage; false after the last.
    pub(super) fn next_stage(&mut self) -> bool {
        let more = self.stage == Stage::Guaranteed;
        self.stage = Stage::Fair;
        self.next = 0;
        more
    }
}
