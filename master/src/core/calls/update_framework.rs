//! UPDATE_FRAMEWORK: a subscribed framework changes its info, its suppressed roles and its offer
//! constraints without a new subscription (SCH-25, B3).
//!
//! It is written first, and takes effect and is answered when the write is done; a framework that
//! left or subscribed anew meanwhile keeps what it subscribed with. Offers in roles that it leaves
//! are rescinded, those in roles that it suppresses are not.

use crate::allocator::event::AllocatorEvent;
use crate::core::effect::{CallAnswer, Effect};
use crate::core::event::{Caller, ConnectionId, RequestId};
use crate::core::frameworks::subscribe::Subscription;
use crate::core::frameworks::Framework;
use crate::core::plan::{Plan, Rejection};
use crate::core::writes::Write;
use crate::core::{validation, Core};
use crate::registrar::operation::RegistryOperation;
use crate::registrar::registry::FrameworkRecord;
use libproc::Timestamp;
use meseta_api::ids::FrameworkId;
use meseta_api::v1;
use meseta_api::v1::scheduler::call::UpdateFramework;

/// A change that is going to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateFrameworkPlan {
    framework: FrameworkId,
    /// The subscription that it is a change of.
    stream: ConnectionId,
    registered: Timestamp,
    update: Subscription,
    answer: Option<RequestId>,
}

impl Core {
    pub(super) fn check_update_framework(
        &self,
        id: FrameworkId,
        framework: &Framework,
        caller: Caller,
        call: Box<UpdateFramework>,
    ) -> Result<Plan, Rejection> {
        let (Some(stream), Some(registered)) = (framework.state.connected(), framework.registered)
        else {
            return Err(Rejection::forbidden("Framework is not subscribed"));
        };
        let UpdateFramework { framework_info: mut info, suppressed_roles, offer_constraints } =
            *call;
        if info.id.as_ref().is_none_or(|of| of.value != id.as_str()) {
            return Err(Rejection::bad_request(
                "'framework_id' differs from 'update_framework.framework_info.id'",
            ));
        }
        if info.principal.is_none() {
            info.principal = caller.principal;
        }
        check_immutable(&framework.info, &info).map_err(Rejection::bad_request)?;
        info.checkpoint = framework.info.checkpoint;
        let update =
            validation::framework::subscription(info, &suppressed_roles, offer_constraints)
                .map_err(Rejection::bad_request)?;
        Ok(Plan::UpdateFramework(Box::new(UpdateFrameworkPlan {
            framework: id,
            stream,
            registered,
            update,
            answer: caller.answer,
        })))
    }

    pub(in crate::core) fn commit_update_framework(
        &mut self,
        plan: UpdateFrameworkPlan,
        out: &mut Vec<Effect>,
    ) {
        let operation = RegistryOperation::UpdateFramework {
            framework: plan.framework.clone(),
            record: Box::new(FrameworkRecord {
                info: plan.update.info.clone(),
                registered: plan.registered,
                time_left_ms: None,
            }),
        };
        self.persist(operation, Write::FrameworkUpdate(Box::new(plan)), out);
    }

    /// The change is durable.
    pub(in crate::core) fn finish_update_framework(
        &mut self,
        plan: UpdateFrameworkPlan,
        out: &mut Vec<Effect>,
    ) {
        let UpdateFrameworkPlan { framework: id, stream, update, answer, .. } = plan;
        let known = self.frameworks.get_mut(&id);
        let answered = match known.filter(|known| known.state.connected() == Some(stream)) {
            // Whatever became of it wrote its own record behind this one.
            None => CallAnswer::Refused(Rejection::conflict(
                "the framework was removed or subscribed anew meanwhile",
            )),
            Some(framework) => {
                let changed = framework.info != update.info;
                let is_news = changed
                    || framework.suppressed != update.suppressed
                    || framework.offer_constraints != update.offer_constraints;
                framework.take(update);
                let (roles, traits) = (framework.allocator_roles(), framework.allocator_traits());
                self.rescind_left_roles(&id, out);
                let updated = AllocatorEvent::FrameworkUpdated { id: id.clone(), roles, traits };
                out.push(Effect::Allocator(updated));
                if changed {
                    self.inform_agents(&id, out);
                }
                if is_news {
                    self.framework_changed(&id, false, out);
                }
                CallAnswer::Done
            }
        };
        if let Some(request) = answer {
            out.push(Effect::AnswerCall { request, answer: answered });
        }
    }

    /// Takes back the offers in roles that a framework is not subscribed to any more.
    fn rescind_left_roles(&mut self, id: &FrameworkId, out: &mut Vec<Effect>) {
        for offer in self.offers.of_framework(id) {
            let role = self.offers.get(&offer).map(|offer| offer.role.clone());
            let roles = self.frameworks.get(id).map(|framework| &framework.roles);
            let left = role.zip(roles).is_some_and(|(role, roles)| !roles.contains(&role));
            if left {
                self.rescind(&offer, out);
            }
        }
    }
}

/// What a framework cannot change. One that had no principal yet may get one.
fn check_immutable(known: &v1::FrameworkInfo, info: &v1::FrameworkInfo) -> Result<(), String> {
    let fixed = |field: &str| Err(format!("Updating 'FrameworkInfo.{field}' is unsupported"));
    if known.principal.is_some() && known.principal != info.principal {
        return fixed("principal");
    }
    if known.user != info.user {
        return fixed("user");
    }
    if known.checkpoint.unwrap_or(false) != info.checkpoint.unwrap_or(false) {
        return fixed("checkpoint");
    }
    Ok(())
}
