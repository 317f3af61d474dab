//! SUBSCRIBE: a framework comes in, comes back, or is taken over by a new scheduler (SCH-10, B3,
//! FW-01, FW-03, FW-05, FW-06).
//!
//! The newest scheduler always wins. What it subscribes with is written first; SUBSCRIBED is sent
//! when the write is done. A refusal here is an ERROR event on the new stream, except where B2
//! answers with a status.

use super::state::{FrameworkState, FrameworkStep, Subscriber};
use super::{Capabilities, Framework, History};
use crate::allocator::event::AllocatorEvent;
use crate::allocator::Wish;
use crate::core::effect::Effect;
use crate::core::event::{Caller, Channel, ConnectionId, Moment, TimerKey, WriteId};
use crate::core::offers::Return;
use crate::core::plan::{Plan, Rejection};
use crate::core::shelf::Kept;
use crate::core::writes::Write;
use crate::core::{say, send, validation, Core};
use crate::registrar::operation::RegistryOperation;
use crate::registrar::registry::FrameworkRecord;
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::internal::agent::Order;
use meseta_api::v1;
use meseta_api::v1::scheduler::call::Subscribe;
use std::collections::{BTreeMap, BTreeSet};

/// What a scheduler subscribes with, validated.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// With the framework's id, once it has one.
    pub info: v1::FrameworkInfo,
    /// Its roles.
    pub roles: BTreeSet<Role>,
    /// Roles for which it wants no offers; replaces the earlier set (B3.10).
    pub suppressed: BTreeSet<Role>,
    /// Which agents it wants offers of, as it said it.
    pub offer_constraints: Option<v1::scheduler::OfferConstraints>,
    /// What it wants offers of, in roles of which it says so.
    pub wishes: BTreeMap<Role, Wish>,
}

/// A subscription that is going to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscribePlan {
    /// `None`: it gets a new id.
    framework: Option<FrameworkId>,
    subscriber: Subscriber,
    subscription: Subscription,
    /// Kept from the earlier subscription although the scheduler sent something else (B3.5).
    kept: Vec<&'static str>,
}

impl Core {
    pub(in crate::core) fn check_subscribe(
        &self,
        caller: Caller,
        framework_id: Option<v1::FrameworkId>,
        subscribe: Subscribe,
    ) -> Result<Plan, Rejection> {
        let connection = caller
            .connection
            .ok_or_else(|| Rejection::bad_request("SUBSCRIBE without an event stream"))?;
        check_claims(framework_id.as_ref(), caller.principal.as_deref(), &subscribe)?;
        let mut info = subscribe.framework_info;
        let stream_id = match caller.channel {
            Channel::Process => None,
            Channel::Http { stream_id: Some(_), .. } => {
                return Err(Rejection::bad_request(
                    "Subscribe calls should not include the 'Mesos-Stream-Id' header",
                ))
            }
            Channel::Http { new_stream_id, .. } => Some(new_stream_id),
        };
        let id = match info.id.as_ref().filter(|id| !id.value.is_empty()) {
            None => None,
            Some(id) => match FrameworkId::try_from(id) {
                Ok(id) => Some(id),
                Err(error) => return Ok(refuse(connection, error.to_string())),
            },
        };
        let bound = self.subscribers.get(&connection);
        if bound.is_some_and(|bound| Some(bound) != id.as_ref()) {
            return Err(Rejection::conflict("this connection is subscribed already"));
        }
        if id.as_ref().is_some_and(|id| self.is_gone(id)) {
            return Ok(refuse(connection, "Framework has been removed".to_owned()));
        }
        let known = id.as_ref().and_then(|id| self.frameworks.get(id));
        if known.is_some_and(|known| known.state.is_leaving()) {
            return Err(Rejection::unavailable("framework is being removed; try again"));
        }
        if info.principal.is_none() {
            info.principal = caller.principal;
        }
        let mut kept = Vec::new();
        if let Some(known) = known {
            match keep_immutable(known, &mut info) {
                Ok(fields) => kept = fields,
                Err(message) => return Ok(refuse(connection, message)),
            }
        }
        let subscription = match validation::framework::subscription(
            info,
            &subscribe.suppressed_roles,
            subscribe.offer_constraints,
        ) {
            Ok(subscription) => subscription,
            Err(message) => return Ok(refuse(connection, message)),
        };
        Ok(Plan::Subscribe(Box::new(SubscribePlan {
            framework: id,
            subscriber: Subscriber { connection, stream_id },
            subscription,
            kept,
        })))
    }

    pub(in crate::core) fn commit_refuse(
        &mut self,
        connection: ConnectionId,
        message: String,
        out: &mut Vec<Effect>,
    ) {
        send::tell_on(connection, say::error(&message), out);
        out.push(Effect::CloseSubscriber { connection, reason: message });
    }

    pub(in crate::core) fn commit_subscribe(
        &mut self,
        plan: SubscribePlan,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let SubscribePlan { framework, subscriber, mut subscription, kept } = plan;
        let id = match framework {
            Some(id) => id,
            None => self.next_ids.framework(&self.identity.master_id),
        };
        subscription.info.id = Some((&id).into());
        for field in kept {
            send::warn(format!("framework {id} cannot change its '{field}': it is kept"), out);
        }
        self.leave_stream(&id, subscriber.connection, out);

        let registered = self.frameworks.get(&id).and_then(|known| known.registered);
        let record = Box::new(FrameworkRecord {
            info: subscription.info.clone(),
            registered: registered.unwrap_or(at.wall),
            time_left_ms: None,
        });
        let framework = id.clone();
        let operation = match registered {
            None => RegistryOperation::AddFramework { framework, record },
            Some(_) => RegistryOperation::UpdateFramework { framework, record },
        };
        let then = Write::Framework { id: id.clone() };
        let write = self.persist(operation, then, out);
        self.subscribers.insert(subscriber.connection, id.clone());
        let known = self.frameworks.contains_key(&id);
        if !known {
            let newcomer = newcomer(subscriber, write, subscription);
            self.frameworks.insert(id, Kept::new(newcomer));
            return;
        }
        let step =
            FrameworkStep::Subscribe { subscriber, write, subscription: Box::new(subscription) };
        self.step_framework(&id, step, out);
    }

    /// Ends an earlier subscription of the framework: its scheduler is told unless it is the one
    /// that subscribes again, and its offers return without a filter (B3.2).
    fn leave_stream(&mut self, id: &FrameworkId, next: ConnectionId, out: &mut Vec<Effect>) {
        let Some(known) = self.frameworks.get(id) else {
            return;
        };
        let was_connected = known.state.connected().is_some();
        if let Some(old) = known.state.subscriber().map(|old| old.connection) {
            self.subscribers.remove(&old);
            out.push(Effect::CancelTimer { key: TimerKey::HeartbeatDue(old) });
            if old != next {
                self.commit_refuse(old, "Framework failed over".to_owned(), out);
            }
        }
        self.forget_inverse_offers(id);
        for offer in self.offers.of_framework(id) {
            self.return_offer(&offer, Return::Freely, out);
        }
        if was_connected {
            out.push(Effect::Allocator(AllocatorEvent::FrameworkDeactivated { id: id.clone() }));
        }
        for key in [TimerKey::FrameworkFailoverDue(id.clone()), TimerKey::TimeLeftDue(id.clone())] {
            out.push(Effect::CancelTimer { key });
        }
    }

    /// The subscription is durable: it takes effect and its scheduler hears of it.
    pub(in crate::core) fn finish_subscription(
        &mut self,
        id: &FrameworkId,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        let FrameworkState::Subscribing { subscription, .. } = &framework.state else {
            return;
        };
        let subscription = subscription.clone();
        let first = framework.registered.is_none();
        let changed = framework.info != subscription.info;
        framework.take(*subscription);
        if first {
            framework.registered = Some(at.wall);
        } else {
            framework.reregistered = Some(at.wall);
        }
        let deadline = at.now + framework.failover_timeout();
        self.step_framework(id, FrameworkStep::Confirm { deadline }, out);

        let subscriber = self.frameworks.get(id).and_then(|f| f.state.connected());
        if let Some(connection) = subscriber {
            let interval = self.config.heartbeat_interval.as_secs_f64();
            let event = say::subscribed(id, &self.identity.info, interval);
            send::tell_on(connection, event, out);
            self.commit_heartbeat(connection, out);
            self.repeat_own_word(id, connection, at, out);
        }
        self.framework_changed(id, first, out);
        self.introduce(id, first, subscriber.is_some(), out);
        if changed && !first {
            self.inform_agents(id, out);
        }
        if subscriber.is_none() {
            self.await_framework(id, at, out);
        }
    }

    /// Tells the allocator of a framework that subscribed.
    fn introduce(&self, id: &FrameworkId, first: bool, active: bool, out: &mut Vec<Effect>) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let (roles, traits) = (framework.allocator_roles(), framework.allocator_traits());
        let id = id.clone();
        if first {
            let used = vec![];
            return out.push(Effect::Allocator(AllocatorEvent::FrameworkAdded {
                id,
                roles,
                traits,
                active,
                used,
            }));
        }
        let updated = AllocatorEvent::FrameworkUpdated { id: id.clone(), roles, traits };
        out.push(Effect::Allocator(updated));
        if active {
            out.push(Effect::Allocator(AllocatorEvent::FrameworkActivated { id }));
        }
    }

    /// Tells the agents that run something of a framework that its info changed.
    pub(in crate::core) fn inform_agents(&self, id: &FrameworkId, out: &mut Vec<Effect>) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        for agent in self.agents_of(id) {
            let order = Order::UpdateFramework { framework: Box::new(framework.info.clone()) };
            self.order(&agent, order, out);
        }
    }

    /// Agents that have a task or an executor of a framework.
    pub(in crate::core) fn agents_of(&self, id: &FrameworkId) -> BTreeSet<AgentId> {
        let of_tasks = self.tasks.of_framework(id).map(|(_, task)| task.agent.clone());
        let with_executor = self
            .agents
            .iter()
            .filter(|(_, agent)| agent.executors.keys().any(|(framework, _)| framework == id));
        of_tasks.chain(with_executor.map(|(agent, _)| agent.clone())).collect()
    }
}

impl Framework {
    /// Takes a subscription over.
    pub(in crate::core) fn take(&mut self, subscription: Subscription) {
        self.capabilities = Capabilities::of(&subscription.info);
        self.info = subscription.info;
        self.roles = subscription.roles;
        self.suppressed = subscription.suppressed;
        self.offer_constraints = subscription.offer_constraints;
        self.wishes = subscription.wishes;
    }
}

/// Whether a SUBSCRIBE says the same framework twice, and who subscribes is who the framework says
/// it is, where both are said (row 8 of B2). Over HTTP it comes before the response's codec is
/// chosen, which the core knows nothing of.
///
/// # Errors
/// 400.
pub(crate) fn check_claims(
    framework_id: Option<&v1::FrameworkId>,
    authenticated: Option<&str>,
    subscribe: &Subscribe,
) -> Result<(), Rejection> {
    let info = &subscribe.framework_info;
    let id = |id: Option<&v1::FrameworkId>| id.cloned().unwrap_or_default();
    if id(info.id.as_ref()) != id(framework_id) {
        return Err(Rejection::bad_request(
            "'framework_id' differs from 'subscribe.framework_info.id'",
        ));
    }
    match (authenticated, info.principal.as_deref()) {
        (Some(authenticated), Some(declared)) if authenticated != declared => {
            Err(Rejection::bad_request(format!(
                "authenticated principal '{}' does not match principal '{}' set in `FrameworkInfo`",
                authenticated.escape_debug(),
                declared.escape_debug()
            )))
        }
        _ => Ok(()),
    }
}

/// A framework that is not durable yet: nobody sees it.
fn newcomer(subscriber: Subscriber, write: WriteId, subscription: Subscription) -> Framework {
    Framework {
        info: subscription.info.clone(),
        roles: BTreeSet::new(),
        suppressed: BTreeSet::new(),
        offer_constraints: None,
        wishes: BTreeMap::new(),
        capabilities: Capabilities::default(),
        registered: None,
        reregistered: None,
        state: FrameworkState::Subscribing {
            subscriber: Some(subscriber),
            write,
            subscription: Box::new(subscription),
        },
        history: History::default(),
    }
}

/// Puts back what a framework cannot change and says what was put back; a change of its principal
/// is refused (B3.5). A framework that had no principal yet may get one.
fn keep_immutable(
    known: &Framework,
    info: &mut v1::FrameworkInfo,
) -> Result<Vec<&'static str>, String> {
    if known.info.principal.is_some() && known.info.principal != info.principal {
        return Err("Changing framework's principal is not allowed".to_owned());
    }
    let mut kept = Vec::new();
    if info.user != known.info.user {
        info.user = known.info.user.clone();
        kept.push("user");
    }
    if info.checkpoint.unwrap_or(false) != known.info.checkpoint.unwrap_or(false) {
        kept.push("checkpoint");
    }
    info.checkpoint = known.info.checkpoint;
    Ok(kept)
}

fn refuse(connection: ConnectionId, message: String) -> Plan {
    Plan::RefuseSubscriber { connection, message }
}
