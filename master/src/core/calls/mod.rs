//! What schedulers ask for, one file per call family (SCH-10 to SCH-25).
//!
//! State: none of its own. Fed by [`Event::SchedulerCalled`](super::event::Event). The order of
//! the checks, and the status of each refusal, is that of the HTTP API (B2); over libproc the same
//! refusals travel in `Refused`.

pub mod accept;
pub mod acknowledge;
pub mod acknowledge_operation;
pub mod asked;
mod convert;
pub mod decline;
mod group;
pub mod kill;
mod launch;
pub mod message;
pub mod reconcile;
pub mod reconcile_operations;
pub mod roles;
pub mod update_framework;

use super::event::{Caller, Channel, Moment};
use super::frameworks::state::FrameworkState;
use super::frameworks::Framework;
use super::plan::{Ignored, Plan, Rejection};
use super::Core;
use meseta_api::ids::FrameworkId;
use meseta_api::v1;
use meseta_api::v1::allocator::inverse_offer_status::Status;
use meseta_api::v1::scheduler::call::Type;
use meseta_api::v1::scheduler::Call;

impl Core {
    /// Rows 8 and 10 to 20 of B2.
    pub(super) fn check_call(
        &self,
        caller: Caller,
        call: Call,
        at: Moment,
    ) -> Result<Plan, Rejection> {
        let kind = match call.r#type {
            None => return Err(Rejection::bad_request("Expecting 'type' to be present")),
            Some(_) => call.r#type(),
        };
        if kind == Type::Subscribe {
            let subscribe = required(call.subscribe, "subscribe")?;
            return self.check_subscribe(caller, call.framework_id, subscribe);
        }
        let Some(framework_id) = &call.framework_id else {
            return Err(Rejection::bad_request("Expecting 'framework_id' to be present"));
        };
        let id = FrameworkId::try_from(framework_id)
            .map_err(|error| Rejection::bad_request(error.to_string()))?;
        let arguments = Arguments::of(kind, call)?;
        let framework = self
            .frameworks
            .get(&id)
            .filter(|framework| framework.registered.is_some() && !framework.state.is_leaving())
            .ok_or_else(|| Rejection::bad_request("Framework cannot be found"))?;
        check_caller(framework, &caller)?;
        match arguments {
            Arguments::Teardown => Ok(Plan::RemoveFramework {
                framework: id,
                reason: "its scheduler tore it down".to_owned(),
                answer: None,
            }),
            Arguments::Accept(call) => self.check_accept(&id, framework, call, at),
            Arguments::Decline(call) => Ok(self.check_decline(&id, call)),
            Arguments::Revive(call) => roles::check_revive(id, framework, call),
            Arguments::Suppress(call) => roles::check_suppress(id, framework, call),
            Arguments::Kill(call) => self.check_kill(&id, call),
            Arguments::Acknowledge(call) => self.check_acknowledge(&id, call),
            Arguments::Reconcile(call) => self.check_reconcile(&id, call),
            Arguments::Message(call) => self.check_message(id, call),
            Arguments::Request => Ok(Plan::Ignore(Ignored::ResourceRequest)),
            Arguments::AcknowledgeOperation(call) => self.check_acknowledge_operation(&id, call),
            Arguments::ReconcileOperations(call) => {
                self.check_reconcile_operations(&id, call, caller.answer)
            }
            Arguments::UpdateFramework(call) => {
                self.check_update_framework(id, framework, caller, call)
            }
            Arguments::AcceptInverse(call) => {
                let (ids, filters) = (&call.inverse_offer_ids, call.filters.as_ref());
                Ok(self.check_inverse(&id, ids, filters, Status::Accept))
            }
            Arguments::DeclineInverse(call) => {
                let (ids, filters) = (&call.inverse_offer_ids, call.filters.as_ref());
                Ok(self.check_inverse(&id, ids, filters, Status::Decline))
            }
            Arguments::NotBuilt => Err(Rejection::not_implemented(format!(
                "call {} is not supported yet",
                kind.as_str_name()
            ))),
        }
    }
}

/// Rows 12, 13 and 15 of B2: the principal, the subscription, the stream.
fn check_caller(framework: &Framework, caller: &Caller) -> Result<(), Rejection> {
    // Who has proven a name may speak for frameworks of that name only, and a framework without a
    // name is not one of them. Where nobody is asked for one, any caller may speak for any framework.
    if caller.principal.is_some() && caller.principal != framework.info.principal {
        let principal = caller.principal.as_deref().unwrap_or_default().escape_debug();
        return Err(Rejection::bad_request(format!(
            "authenticated principal '{principal}' is not that of the framework"
        )));
    }
    let FrameworkState::Connected { subscriber } = &framework.state else {
        return Err(Rejection::forbidden("Framework is not subscribed"));
    };
    match (&caller.channel, &subscriber.stream_id) {
        (Channel::Process, None) if caller.connection == Some(subscriber.connection) => Ok(()),
        (Channel::Process, _) => Err(Rejection::forbidden(
            "Framework is subscribed on another connection",
        )),
        (Channel::Http { stream_id: None, .. }, _) => Err(Rejection::bad_request(
            "All non-subscribe calls should include the 'Mesos-Stream-Id' header",
        )),
        (Channel::Http { stream_id, .. }, subscribed) if stream_id == subscribed => Ok(()),
        (Channel::Http { .. }, _) => Err(Rejection::bad_request(
            "The stream ID included in this request didn't match the stream ID currently associated with framework",
        )),
    }
}

/// A call with the member that its type names.
enum Arguments {
    Teardown,
    Accept(v1::scheduler::call::Accept),
    Decline(v1::scheduler::call::Decline),
    Revive(v1::scheduler::call::Revive),
    Suppress(v1::scheduler::call::Suppress),
    Kill(v1::scheduler::call::Kill),
    Acknowledge(v1::scheduler::call::Acknowledge),
    Reconcile(v1::scheduler::call::Reconcile),
    Message(v1::scheduler::call::Message),
    Request,
    AcknowledgeOperation(v1::scheduler::call::AcknowledgeOperationStatus),
    ReconcileOperations(v1::scheduler::call::ReconcileOperations),
    UpdateFramework(Box<v1::scheduler::call::UpdateFramework>),
    AcceptInverse(v1::scheduler::call::AcceptInverseOffers),
    DeclineInverse(v1::scheduler::call::DeclineInverseOffers),
    NotBuilt,
}

impl Arguments {
    /// Row 8: a member that is missing is refused, except where none means all.
    fn of(kind: Type, call: Call) -> Result<Self, Rejection> {
        Ok(match kind {
            Type::Teardown => Self::Teardown,
            Type::Accept => Self::Accept(required(call.accept, "accept")?),
            Type::Decline => Self::Decline(required(call.decline, "decline")?),
            Type::Revive => Self::Revive(call.revive.unwrap_or_default()),
            Type::Suppress => Self::Suppress(call.suppress.unwrap_or_default()),
            Type::Kill => Self::Kill(required(call.kill, "kill")?),
            Type::Acknowledge => Self::Acknowledge(required(call.acknowledge, "acknowledge")?),
            Type::Reconcile => Self::Reconcile(required(call.reconcile, "reconcile")?),
            Type::Message => Self::Message(required(call.message, "message")?),
            Type::Request => {
                required(call.request, "request")?;
                Self::Request
            }
            Type::AcknowledgeOperationStatus => Self::AcknowledgeOperation(required(
                call.acknowledge_operation_status,
                "acknowledge_operation_status",
            )?),
            Type::ReconcileOperations => Self::ReconcileOperations(required(
                call.reconcile_operations,
                "reconcile_operations",
            )?),
            Type::UpdateFramework => Self::UpdateFramework(Box::new(required(
                call.update_framework,
                "update_framework",
            )?)),
            Type::AcceptInverseOffers => {
                Self::AcceptInverse(required(call.accept_inverse_offers, "accept_inverse_offers")?)
            }
            Type::DeclineInverseOffers => Self::DeclineInverse(required(
                call.decline_inverse_offers,
                "decline_inverse_offers",
            )?),
            Type::Unknown | Type::Subscribe | Type::Shutdown => Self::NotBuilt,
        })
    }
}

fn required<T>(member: Option<T>, name: &str) -> Result<T, Rejection> {
    member.ok_or_else(|| Rejection::bad_request(format!("Expecting '{name}' to be present")))
}
