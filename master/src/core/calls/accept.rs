//! ACCEPT: offers become tasks, and what is left goes back (SCH-12, OP-01, OP-02, B4, ME-12, FW-09).
//!
//! Decided whole in the check: which offers are used, which tasks are launched, what each of the
//! others is told, what is left. Operations apply in order to what earlier ones left.

use super::convert::Convert;
use super::launch::{Launch, NewTask, Remaining};
use crate::allocator::event::AllocatorEvent;
use crate::allocator::refuse_duration;
use crate::core::agents::state::{AgentState, Departure};
use crate::core::agents::Executor;
use crate::core::effect::Effect;
use crate::core::event::Moment;
use crate::core::frameworks::Framework;
use crate::core::offers::Offer;
use crate::core::operations;
use crate::core::plan::{Plan, Rejection};
use crate::core::tasks::causes::Act;
use crate::core::tasks::{self, status};
use crate::core::{say, Core};
use meseta_api::ids::{AgentId, FrameworkId, OfferId};
use meseta_api::internal::agent::Order;
use meseta_api::resources::Resources;
use meseta_api::v1::offer::operation::Type;
use meseta_api::v1::offer::Operation;
use meseta_api::v1::scheduler::call::Accept;
use meseta_api::v1::task_status::Reason;
use meseta_api::v1::{self, OperationState, TaskState};
use std::collections::BTreeSet;
use std::time::Duration;

/// Most offers that one ACCEPT may name; a scheduler has no use for more.
const MAX_OFFERS: usize = 10_000;

/// Most operations of one ACCEPT, and most tasks in all of them: each may have to be answered.
const MAX_OPERATIONS: usize = 10_000;
const MAX_TASKS: usize = 100_000;

/// A decided ACCEPT.
#[derive(Clone, Debug, PartialEq)]
pub struct AcceptPlan {
    framework: FrameworkId,
    /// All valid offers that were named: they end.
    offers: Vec<OfferId>,
    /// Tasks and groups to launch, in order.
    launches: Vec<Launch>,
    /// What is converted on which agent, each before the launch of that number.
    converts: Vec<(usize, AgentId, Convert)>,
    /// What goes back of each agent, and for how long the framework refuses the like of it.
    returned: Vec<(AgentId, Resources, Option<Duration>)>,
    /// Statuses of tasks that are not launched.
    statuses: Vec<v1::TaskStatus>,
    /// Statuses of operations that are not done.
    operations: Vec<v1::OperationStatus>,
    /// How many of `statuses` are TASK_ERROR.
    invalid: u64,
}

/// Why nothing of an ACCEPT can be done.
struct Void {
    reason: Reason,
    message: String,
}

impl Core {
    pub(super) fn check_accept(
        &self,
        id: &FrameworkId,
        framework: &Framework,
        call: Accept,
        at: Moment,
    ) -> Result<Plan, Rejection> {
        let tasks = call.operations.iter().map(task_count).sum();
        for (what, count, most) in [
            ("offers", call.offer_ids.len(), MAX_OFFERS),
            ("operations", call.operations.len(), MAX_OPERATIONS),
            ("tasks", tasks, MAX_TASKS),
        ] {
            if count > most {
                let message = format!("more than {most} {what} in one ACCEPT");
                return Err(Rejection::bad_request(message));
            }
        }
        let refuse = refuse_duration(call.filters.as_ref().and_then(|f| f.refuse_seconds));
        let mut plan = AcceptPlan {
            framework: id.clone(),
            offers: self.valid_offers(id, &call.offer_ids),
            launches: vec![],
            converts: vec![],
            returned: vec![],
            statuses: vec![],
            operations: vec![],
            invalid: 0,
        };
        match self.usable(id, &call.offer_ids) {
            Ok((agent, resources)) => {
                let mut remaining = Remaining::new(self, id, framework, &agent, resources);
                apply(&mut remaining, &agent, call.operations, at, &mut plan);
                let (untouched, made) = remaining.left();
                plan.returned.push((agent.clone(), untouched, Some(refuse)));
                // Nobody has refused that yet (B4).
                plan.returned.push((agent, made, None));
            }
            Err(void) => {
                plan.returned = self.all_of(&plan.offers);
                drop_all(framework, &void, call.operations, at, &mut plan);
            }
        }
        Ok(Plan::Accept(Box::new(plan)))
    }

    /// The offers that are the framework's; those end whatever else is wrong (B4).
    fn valid_offers(&self, framework: &FrameworkId, named: &[v1::OfferId]) -> Vec<OfferId> {
        let unique: BTreeSet<OfferId> = named.iter().filter_map(|id| id.try_into().ok()).collect();
        let owned = |id: &OfferId| {
            let offer = self.offers.get(id);
            offer.is_some_and(|offer| offer.framework == *framework)
        };
        unique.into_iter().filter(owned).collect()
    }

    /// All resources of the offers, if they can be used together.
    fn usable(
        &self,
        framework: &FrameworkId,
        named: &[v1::OfferId],
    ) -> Result<(AgentId, Resources), Void> {
        let invalid = |message: String| Void { reason: Reason::InvalidOffers, message };
        let mut seen = BTreeSet::new();
        let mut together: Option<(&Offer, Resources)> = None;
        for id in named {
            let offer = OfferId::try_from(id).ok().and_then(|id| self.offers.get(&id));
            let offer = offer
                .filter(|offer| offer.framework == *framework)
                .ok_or_else(|| invalid(format!("Offer {id} is no longer valid")))?;
            if !seen.insert(&id.value) {
                return Err(invalid(format!("Duplicate offer {id} in offer list")));
            }
            together = Some(match together {
                None => (offer, offer.resources.clone()),
                Some((first, _)) if first.agent != offer.agent => {
                    return Err(invalid("Offers are of different agents".to_owned()))
                }
                Some((first, _)) if first.role != offer.role => {
                    return Err(invalid("Offers are for different roles".to_owned()))
                }
                Some((first, sum)) => {
                    let sum = sum.checked_add(&offer.resources);
                    (first, sum.map_err(|error| invalid(error.to_string()))?)
                }
            });
        }
        let Some((offer, resources)) = together else {
            return Err(invalid("No offers specified".to_owned()));
        };
        match self.agents.get(&offer.agent).map(|agent| &agent.state) {
            Some(AgentState::Active { .. }) => Ok((offer.agent.clone(), resources)),
            Some(AgentState::Departing { departure: Departure::Unreachable, .. }) => Err(Void {
                reason: Reason::AgentDisconnected,
                message: format!("Agent {} is disconnected", offer.agent),
            }),
            _ => Err(Void {
                reason: Reason::AgentRemoved,
                message: format!("Agent {} was removed", offer.agent),
            }),
        }
    }

    fn all_of(&self, offers: &[OfferId]) -> Vec<(AgentId, Resources, Option<Duration>)> {
        let offers = offers.iter().filter_map(|id| self.offers.get(id));
        offers.map(|offer| (offer.agent.clone(), offer.resources.clone(), None)).collect()
    }

    pub(in crate::core) fn commit_accept(&mut self, plan: AcceptPlan, out: &mut Vec<Effect>) {
        let AcceptPlan {
            framework,
            offers,
            launches,
            converts,
            returned,
            statuses,
            operations,
            invalid,
        } = plan;
        for offer in offers {
            self.consume_offer(&offer);
        }
        for (_, agent, convert) in &converts {
            self.convert_held(&framework, agent, convert.conversion.clone(), out);
        }
        for (agent, resources, refuse) in returned {
            if !resources.is_empty() {
                out.push(Effect::Allocator(AllocatorEvent::Recovered {
                    framework: framework.clone(),
                    agent,
                    resources,
                    refuse,
                }));
            }
        }
        let mut converts = converts.into_iter().peekable();
        for (at, launch) in launches.into_iter().enumerate() {
            while let Some((_, agent, convert)) = converts.next_if(|(before, ..)| *before <= at) {
                self.order_operation(&framework, &agent, convert, out);
            }
            self.launch(&framework, launch, out);
        }
        for (_, agent, convert) in converts {
            self.order_operation(&framework, &agent, convert, out);
        }
        self.counters.tasks_invalid += invalid;
        for status in statuses {
            self.tell(&framework, say::update(status), out);
        }
        for status in operations {
            self.tell(&framework, say::update_operation(status), out);
        }
    }

    /// Sends an operation to its agent, which tells what became of it.
    fn order_operation(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        convert: Convert,
        out: &mut Vec<Effect>,
    ) {
        let Convert { id, info, .. } = convert;
        let operation = self.next_ids.operation(&self.identity.term);
        let pending = OperationState::OperationPending;
        let kept = operations::Operation {
            framework: Some(framework.clone()),
            status: operations::made(id.as_ref(), Some(agent), pending, ""),
            id,
            info: info.clone(),
            in_books: true,
        };
        self.operations.insert(agent, operation, kept);
        let (framework_id, info) = (Some(framework.clone()), Box::new(info));
        self.order(agent, Order::ApplyOperation { operation, framework_id, info }, out);
    }

    /// Enters tasks in the books and sends them to their agent.
    fn launch(&mut self, framework_id: &FrameworkId, launch: Launch, out: &mut Vec<Effect>) {
        let launch_executor = launch.launches_executor();
        let Launch { agent, tasks, is_group, executor } = launch;
        let mut infos = Vec::with_capacity(tasks.len());
        for NewTask { task_id, task, info } in tasks {
            self.charge(&agent, &task.resources, out);
            let key = tasks::key(framework_id, &task_id);
            self.tasks.insert(key.clone(), task);
            self.because(&key, Act::Launched, "");
            self.task_added(&key, out);
            self.counters.tasks_launched += 1;
            infos.push(info);
        }
        if let Some((id, executor)) = executor {
            self.charge(&agent, &executor.resources, out);
            if let Some(agent) = self.agents.get_mut(&agent) {
                agent.executors.insert((framework_id.clone(), id), executor);
            }
        }
        let Some(framework) = self.frameworks.get(framework_id) else {
            return;
        };
        let framework = Box::new(framework.info.clone());
        if is_group {
            let order = Order::RunTaskGroup { framework, tasks: infos, launch_executor };
            return self.order(&agent, order, out);
        }
        for info in infos {
            let (framework, task) = (framework.clone(), Box::new(info));
            self.order(&agent, Order::RunTask { framework, task, launch_executor }, out);
        }
    }
}

fn task_count(operation: &Operation) -> usize {
    let single = operation.launch.as_ref().map_or(0, |launch| launch.task_infos.len());
    let grouped = operation.launch_group.as_ref().map_or(0, |group| group.task_group.tasks.len());
    single + grouped
}

/// Applies the operations in order, each to what the earlier ones left.
fn apply(
    remaining: &mut Remaining<'_>,
    agent: &AgentId,
    operations: Vec<Operation>,
    at: Moment,
    plan: &mut AcceptPlan,
) {
    for mut operation in operations {
        let kind = operation.r#type();
        let has_id = operation.id.is_some();
        match (kind, operation.launch.take(), operation.launch_group.take()) {
            (Type::Launch, Some(launch), _) => {
                for task in launch.task_infos {
                    let id = task.task_id.clone();
                    let verdict = if has_id {
                        Err("Operation 'LAUNCH' must not have an id".to_owned())
                    } else {
                        remaining.take_task(task)
                    };
                    match verdict {
                        Ok(launch) => plan.launches.push(launch),
                        Err(why) => plan.refuse(&id, agent, Reason::TaskInvalid, &why, at),
                    }
                }
            }
            (Type::LaunchGroup, _, Some(group)) => {
                let tasks = group.task_group.tasks.iter();
                let ids: Vec<v1::TaskId> = tasks.map(|task| task.task_id.clone()).collect();
                // Of no tasks there is nothing to launch, nor anybody to tell of it.
                if ids.is_empty() {
                    continue;
                }
                let verdict = if has_id {
                    Err("Operation 'LAUNCH_GROUP' must not have an id".to_owned())
                } else {
                    remaining.take_group(group)
                };
                match verdict {
                    Ok(launch) => plan.launches.push(launch),
                    Err(why) => {
                        for id in &ids {
                            plan.refuse(id, agent, Reason::TaskGroupInvalid, &why, at);
                        }
                    }
                }
            }
            (Type::Unknown | Type::CreateDisk | Type::DestroyDisk, ..) => {
                let why = format!("Operation '{}' is not supported yet", kind.as_str_name());
                plan.fail(operation.id, Some(agent), why);
            }
            _ => {
                let id = operation.id.clone();
                match remaining.convert(operation) {
                    Ok(convert) => {
                        let before = plan.launches.len();
                        plan.converts.push((before, agent.clone(), convert));
                    }
                    Err(why) => plan.fail(id, Some(agent), why),
                }
            }
        }
    }
}

impl AcceptPlan {
    /// A task of this ACCEPT is not launched because of what it is.
    fn refuse(
        &mut self,
        task: &v1::TaskId,
        agent: &AgentId,
        reason: Reason,
        why: &str,
        at: Moment,
    ) {
        let state = TaskState::TaskError;
        self.statuses.push(status::made(task, Some(agent), state, reason, why, at));
        self.invalid += 1;
    }

    /// An operation of this ACCEPT is not done; its framework is told if it gave it an id, and
    /// also if not, so that no failure is silent (E20).
    fn fail(&mut self, id: Option<v1::OperationId>, agent: Option<&AgentId>, why: String) {
        self.operations.push(v1::OperationStatus {
            operation_id: id,
            state: OperationState::OperationError.into(),
            message: Some(why),
            agent_id: agent.map(Into::into),
            ..Default::default()
        });
    }
}

/// Nothing of an ACCEPT can be done: each task is DROPPED, or LOST for who does not know that
/// state, and each operation an error.
fn drop_all(
    framework: &Framework,
    void: &Void,
    operations: Vec<Operation>,
    at: Moment,
    plan: &mut AcceptPlan,
) {
    let state = status::as_seen_by(framework, TaskState::TaskDropped);
    for operation in operations {
        if !matches!(operation.r#type(), Type::Launch | Type::LaunchGroup) {
            plan.fail(operation.id, None, void.message.clone());
            continue;
        }
        for task in operation.launched() {
            // The agent that the scheduler named; which of the offers was meant is not known.
            let agent = AgentId::try_from(&task.agent_id).ok();
            let message = void.message.as_str();
            let made = status::made(&task.task_id, agent.as_ref(), state, void.reason, message, at);
            plan.statuses.push(made);
        }
    }
}

/// An executor that comes with a task.
pub(super) type NewExecutor = (meseta_api::ids::ExecutorId, Executor);
