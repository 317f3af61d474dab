//! What operators do to an agent's resources: RESERVE_RESOURCES, UNRESERVE_RESOURCES,
//! CREATE_VOLUMES, DESTROY_VOLUMES, GROW_VOLUME, SHRINK_VOLUME (MOP-17 to MOP-19).
//!
//! They apply to what nobody uses. What is only offered is taken back for them, and refused by its
//! framework until the allocator has heard of the agent's new total: it is not offered once more in
//! between.

use super::{made, Operation};
use crate::allocator::event::AllocatorEvent;
use crate::allocator::DEFAULT_REFUSE;
use crate::core::effect::Effect;
use crate::core::event::RequestId;
use crate::core::offers::Return;
use crate::core::plan::{Plan, Rejection};
use crate::core::{say, Core};
use meseta_api::ids::{AgentId, OfferId};
use meseta_api::internal::agent::Order;
use meseta_api::internal::master::OperatorAnswer;
use meseta_api::resources::{Conversion, Entry, Resources};
use meseta_api::v1;
use meseta_api::v1::master::call::Type as CallType;
use meseta_api::v1::offer::operation::{self, Type};
use meseta_api::v1::offer::Operation as Info;
use meseta_api::v1::OperationState;

/// An operator's operation that is going to be ordered.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorOperationPlan {
    request: RequestId,
    agent: AgentId,
    info: Info,
    /// Allocated to nobody.
    conversion: Conversion,
    /// Offers that are taken back for it.
    rescinded: Vec<OfferId>,
}

/// Whether a call is one of these.
pub(crate) fn is_one(call: &v1::master::Call) -> bool {
    use CallType::*;
    let all = [
        ReserveResources,
        UnreserveResources,
        CreateVolumes,
        DestroyVolumes,
        GrowVolume,
        ShrinkVolume,
    ];
    call.r#type.is_some() && all.contains(&call.r#type())
}

/// The agent, and what is to be done to what it has.
fn asked(call: v1::master::Call) -> Result<(v1::AgentId, Info), Rejection> {
    let of = |kind: Type| Info { r#type: Some(kind.into()), ..Default::default() };
    let missing = |name: &str| Rejection::bad_request(format!("Expecting '{name}' to be present"));
    let agent = |id: Option<v1::AgentId>| id.ok_or_else(|| missing("agent_id"));
    match call.r#type() {
        CallType::ReserveResources => {
            call.reserve_resources.ok_or_else(|| missing("reserve_resources")).map(|asked| {
                let v1::master::call::ReserveResources { agent_id, source, resources } = asked;
                let reserve = operation::Reserve { source, resources };
                (agent_id, Info { reserve: Some(reserve), ..of(Type::Reserve) })
            })
        }
        CallType::UnreserveResources => {
            call.unreserve_resources.ok_or_else(|| missing("unreserve_resources")).map(|asked| {
                let unreserve = operation::Unreserve { resources: asked.resources };
                (asked.agent_id, Info { unreserve: Some(unreserve), ..of(Type::Unreserve) })
            })
        }
        CallType::CreateVolumes => {
            call.create_volumes.ok_or_else(|| missing("create_volumes")).map(|asked| {
                let create = operation::Create { volumes: asked.volumes };
                (asked.agent_id, Info { create: Some(create), ..of(Type::Create) })
            })
        }
        CallType::DestroyVolumes => {
            call.destroy_volumes.ok_or_else(|| missing("destroy_volumes")).map(|asked| {
                let destroy = operation::Destroy { volumes: asked.volumes };
                (asked.agent_id, Info { destroy: Some(destroy), ..of(Type::Destroy) })
            })
        }
        CallType::GrowVolume => {
            call.grow_volume.ok_or_else(|| missing("grow_volume")).and_then(|asked| {
                let v1::master::call::GrowVolume { agent_id, volume, addition } = asked;
                let grow = operation::GrowVolume { volume, addition };
                let info = Info { grow_volume: Some(grow), ..of(Type::GrowVolume) };
                Ok((agent(agent_id)?, info))
            })
        }
        CallType::ShrinkVolume => {
            call.shrink_volume.ok_or_else(|| missing("shrink_volume")).and_then(|asked| {
                let v1::master::call::ShrinkVolume { agent_id, volume, subtract } = asked;
                let shrink = operation::ShrinkVolume { volume, subtract };
                let info = Info { shrink_volume: Some(shrink), ..of(Type::ShrinkVolume) };
                Ok((agent(agent_id)?, info))
            })
        }
        other => Err(Rejection::not_implemented(format!(
            "call {} is not supported yet",
            other.as_str_name()
        ))),
    }
}

impl Core {
    pub(in crate::core) fn check_operator_operation(
        &self,
        request: RequestId,
        call: v1::master::Call,
    ) -> Result<Plan, Rejection> {
        let (agent, info) = asked(call)?;
        let agent = AgentId::try_from(&agent);
        let agent = agent.map_err(|error| Rejection::bad_request(error.to_string()))?;
        let plan = self.plan_operation(request, agent, info)?;
        Ok(Plan::OperatorOperation(Box::new(plan)))
    }

    fn plan_operation(
        &self,
        request: RequestId,
        id: AgentId,
        info: Info,
    ) -> Result<OperatorOperationPlan, Rejection> {
        let bad = |error: String| Rejection::bad_request(error);
        let conversion = Conversion::of(&info).map_err(|error| bad(error.to_string()))?;
        let conversion = conversion.unallocate().map_err(|error| bad(error.to_string()))?;
        let agent = self.agents.get(&id).filter(|agent| agent.state.is_active());
        let agent = agent
            .ok_or_else(|| bad(format!("No agent found with specified ID, or {id} is away")))?;
        if info.r#type() == Type::Create {
            for volume in &conversion.converted {
                let is = |other: &Entry| {
                    other.is_persistent_volume()
                        && other.persistence_id() == volume.persistence_id()
                        && other.reserved_for() == volume.reserved_for()
                };
                if agent.total.iter().any(is) {
                    return Err(bad(format!("persistent volume {volume} exists already")));
                }
            }
        }
        let mut free = self.free(&id).unwrap_or_default();
        let mut rescinded = Vec::new();
        for offer in self.offers.of_agent(&id) {
            if free.contains(&conversion.consumed) {
                break;
            }
            let offered = self.offers.get(&offer).map(|offer| offer.resources.unallocate());
            let offered: Resources = offered.and_then(Result::ok).unwrap_or_default();
            if offered.iter().any(|entry| serves(entry, &conversion.consumed)) {
                free = free.checked_add(&offered).unwrap_or(free);
                rescinded.push(offer);
            }
        }
        conversion.apply(&free).map_err(|error| {
            Rejection::conflict(format!("agent {id} does not have that free: {error}"))
        })?;
        Ok(OperatorOperationPlan { request, agent: id, info, conversion, rescinded })
    }

    pub(in crate::core) fn commit_operator_operation(
        &mut self,
        plan: OperatorOperationPlan,
        out: &mut Vec<Effect>,
    ) {
        let OperatorOperationPlan { request, agent: id, info, conversion, rescinded } = plan;
        for offer in rescinded {
            if let Some(framework) = self.offers.get(&offer).map(|offer| offer.framework.clone()) {
                self.tell(&framework, say::rescind(&offer), out);
                self.return_offer(&offer, Return::Refused(DEFAULT_REFUSE), out);
            }
        }
        self.convert_total(&id, &conversion, out);
        if let Some(agent) = self.agents.get(&id) {
            let (total, traits) = (agent.total.clone(), self.allocator_traits(agent));
            let updated = AllocatorEvent::AgentUpdated { id: id.clone(), total, traits };
            out.push(Effect::Allocator(updated));
        }
        let operation = self.next_ids.operation(&self.identity.term);
        let pending = OperationState::OperationPending;
        let kept = Operation {
            framework: None,
            id: None,
            info: info.clone(),
            status: made(None, Some(&id), pending, ""),
            in_books: true,
        };
        self.operations.insert(&id, operation, kept);
        let (framework_id, info) = (None, Box::new(info));
        self.order(&id, Order::ApplyOperation { operation, framework_id, info }, out);
        out.push(Effect::Answer { request, answer: Box::new(OperatorAnswer::Ordered) });
    }
}

/// Whether an offered entry is of the kind that is to be converted.
fn serves(entry: &Entry, consumed: &Resources) -> bool {
    consumed.iter().any(|wanted| wanted.descriptor() == entry.descriptor())
}
