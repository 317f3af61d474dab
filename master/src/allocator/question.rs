//! An operator's question why a framework is not offered agents, and its answer.

use super::{Allocator, Why};
use libproc::Instant;
use meseta_api::ids::{AgentId, Role};
use meseta_api::internal::master::{OfferExplanation, OfferQuestion, OperatorAnswer};

/// Most explanations in one answer; the rest is counted.
const MOST: usize = 1000;

/// The answer at `now`; 404 for what the allocator does not know.
pub(super) fn answer(
    allocator: &Allocator,
    question: &OfferQuestion,
    now: Instant,
) -> OperatorAnswer {
    let OfferQuestion { framework_id, role, agent_id } = question;
    let mut explanations = Vec::new();
    let mut left_out = 0;
    let mut knows_role = role.is_none();
    // Without an agent there is nothing that would show its roles.
    let nobody = agent_id.is_none() && allocator.agent_ids().next().is_none();
    let mut explain = |agent: &AgentId| -> bool {
        let Some(whys) = allocator.why(framework_id, agent, now) else {
            return false;
        };
        for (of, why) in whys {
            if role.as_ref().is_some_and(|role| *role != of) {
                continue;
            }
            knows_role = true;
            match explanations.len() < MOST {
                true => explanations.push(explanation(agent, of, &why, now)),
                false => left_out += 1,
            }
        }
        true
    };
    if !allocator.knows(framework_id) {
        return not_found(format!("framework {framework_id} is not known here"));
    }
    match agent_id {
        Some(agent) => {
            if !explain(agent) {
                return not_found(format!(
                    "agent {agent} is not in service: unreachable, gone, or not back yet"
                ));
            }
        }
        None => {
            let mut agents: Vec<&AgentId> = allocator.agent_ids().collect();
            agents.sort_unstable();
            for agent in agents {
                explain(agent);
            }
        }
    }
    if let Some(role) = role.as_ref().filter(|_| !knows_role && !nobody) {
        return not_found(format!("framework {framework_id} is not in role '{role}'"));
    }
    OperatorAnswer::OffersExplained { explanations, left_out }
}

fn explanation(agent: &AgentId, role: Role, why: &Why, now: Instant) -> OfferExplanation {
    OfferExplanation {
        agent_id: agent.clone(),
        role,
        cause: why.cause().to_owned(),
        detail: why.detail(now),
        change: why.change().to_owned(),
    }
}

fn not_found(message: String) -> OperatorAnswer {
    OperatorAnswer::Refused { code: 404, message }
}

#[cfg(test)]
mod tests {
    use super::super::{AllocatorConfig, AllocatorEvent};
    use super::*;
    use meseta_api::ids::FrameworkId;
    use meseta_api::resources::Resources;

    fn cluster(agents: usize) -> Allocator {
        let mut allocator = Allocator::new(AllocatorConfig::default());
        let mut apply = |event| allocator.apply(event, Instant::ZERO).unwrap();
        apply(AllocatorEvent::FrameworkAdded {
            id: FrameworkId::parse("f").unwrap(),
            roles: vec![(Role::parse("a").unwrap(), true), (Role::parse("b").unwrap(), false)],
            traits: Default::default(),
            active: true,
            used: vec![],
        });
        for n in 0..agents {
            apply(AllocatorEvent::AgentAdded {
                id: AgentId::parse(&format!("S{n}")).unwrap(),
                total: Resources::parse("cpus:1;mem:64").unwrap(),
                traits: Default::default(),
                used: vec![],
            });
        }
        allocator.allocate(Instant::ZERO, 1);
        allocator
    }

    fn ask(framework: &str, role: Option<&str>, agent: Option<&str>) -> OfferQuestion {
        OfferQuestion {
            framework_id: FrameworkId::parse(framework).unwrap(),
            role: role.map(|role| Role::parse(role).unwrap()),
            agent_id: agent.map(|agent| AgentId::parse(agent).unwrap()),
        }
    }

    fn causes(allocator: &Allocator, question: &OfferQuestion) -> Vec<String> {
        match answer(allocator, question, Instant::ZERO) {
            OperatorAnswer::OffersExplained { explanations, left_out: 0 } => {
                let line = |e: OfferExplanation| format!("{} {} {}", e.agent_id, e.role, e.cause);
                explanations.into_iter().map(line).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_line_per_agent_and_role() {
        let allocator = cluster(2);
        let all = causes(&allocator, &ask("f", None, None));
        assert_eq!(all, ["S0 a suppressed", "S0 b offered", "S1 a suppressed", "S1 b offered"]);
        let one = causes(&allocator, &ask("f", Some("b"), Some("S1")));
        assert_eq!(one, ["S1 b offered"]);
        assert!(causes(&cluster(0), &ask("f", Some("b"), None)).is_empty());
    }

    #[test]
    fn what_is_not_known_is_404() {
        let allocator = cluster(1);
        for question in
            [ask("g", None, None), ask("f", Some("c"), None), ask("f", None, Some("S9"))]
        {
            let refused = answer(&allocator, &question, Instant::ZERO);
            assert!(matches!(refused, OperatorAnswer::Refused { code: 404, .. }), "{refused:?}");
        }
    }

    #[test]
    fn an_answer_is_bounded() {
        let answered = answer(&cluster(600), &ask("f", None, None), Instant::ZERO);
        let OperatorAnswer::OffersExplained { explanations, left_out } = answered else {
            panic!("{answered:?}");
        };
        assert_eq!((explanations.len(), left_out), (1000, 200));
    }
}
