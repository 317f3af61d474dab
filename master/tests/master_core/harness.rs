//! Drives a core and its allocator; prints effects as lines.

use crate::strict::is_strict;
use libproc::{Instant, Timestamp};
use meseta_api::ids::{AgentId, FrameworkId, MasterId, Role, TaskId};
use meseta_api::internal::agent::{FromMaster, Order};
use meseta_api::internal::master::{FromAgent, FromOperator, OperatorAnswer};
use meseta_api::internal::{StatusUpdate, TaskKey};
use meseta_api::resources::Resources;
use meseta_api::term::{RegistryId, Term};
use meseta_api::v1::scheduler::{call, Call};
use meseta_api::v1::{self, TaskState};
use meseta_master::allocator::{Allocator, AllocatorConfig, AllocatorEvent, Quota};
use meseta_master::core::{
    CallAnswer, Caller, Channel, Config, ConnectionId, Core, Effect, Event, Identity, Moment,
    Rejection, RequestId, TimerKey, WriteId,
};
use meseta_master::registrar::operation::{Kept, RegistryOperation};
use meseta_master::registrar::registry::{MachineRecord, Registry, WindowRecord};
use std::collections::BTreeMap;
use std::time::Duration;

/// A master under test.
pub struct Master {
    pub core: Core,
    pub allocator: Allocator,
    pub registry: Registry,
    pub at: Moment,
    pub timers: BTreeMap<TimerKey, Instant>,
    pub unwritten: Vec<(WriteId, RegistryOperation)>,
    /// Effects of recovery.
    pub first: Gave,
    pub offers: BTreeMap<String, v1::Offer>,
    seed: u64,
    next_uuid: u8,
}

/// What one step gave.
pub struct Gave {
    pub effects: Vec<Effect>,
}

pub fn term() -> Term {
    Term { registry: RegistryId::from_bits(7), generation: 1, counter: 3 }
}

pub fn identity(master: &str) -> Identity {
    Identity {
        master_id: MasterId::parse(master).unwrap(),
        info: v1::MasterInfo { id: master.to_owned(), port: 5050, ..Default::default() },
        term: term(),
        started: Timestamp(1_000_000_000),
        elected: Timestamp(2_000_000_000),
        version: v1::VersionInfo { version: "1.12.0".to_owned(), ..Default::default() },
    }
}

impl Master {
    pub fn new() -> Self {
        Self::recovered(Registry::default(), Config::default())
    }

    pub fn recovered(registry: Registry, config: Config) -> Self {
        Self::recovered_as(identity("m"), registry, config)
    }

    pub fn recovered_as(identity: Identity, registry: Registry, config: Config) -> Self {
        let at = Moment {
            now: Instant::ZERO + Duration::from_secs(1000),
            wall: Timestamp(5_000_000_000_000),
        };
        let (core, first) =
            Core::recover(registry.clone(), identity, config, at).expect("a short id");
        let mut master = Master {
            core,
            allocator: Allocator::new(AllocatorConfig::default()),
            registry,
            at,
            timers: BTreeMap::new(),
            unwritten: vec![],
            first: Gave { effects: first.clone() },
            offers: BTreeMap::new(),
            seed: 1,
            next_uuid: 0,
        };
        master.carry_out(&first);
        master
    }

    /// The next leader, with what this one wrote.
    pub fn fail_over(&self) -> Self {
        Self::recovered(self.registry.clone(), Config::default())
    }

    /// One event through check and commit.
    pub fn event(&mut self, event: Event) -> Result<Gave, Rejection> {
        let plan = self.core.check(event, self.at)?;
        let effects = self.core.commit(plan, self.at);
        self.carry_out(&effects);
        effects.iter().for_each(tells_strictly);
        let broken = self.core.check_invariants();
        assert!(broken.is_empty(), "{broken:#?}");
        Ok(Gave { effects })
    }

    /// One event that is not refused.
    pub fn does(&mut self, event: Event) -> Gave {
        self.event(event).expect("not refused")
    }

    /// One event that is refused, and with what.
    pub fn refuses(&mut self, event: Event) -> (u16, String) {
        match self.event(event) {
            Err(rejection) => (rejection.code, rejection.message),
            Ok(gave) => panic!("not refused: {}", gave.all()),
        }
    }

    fn carry_out(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Allocator(event) => {
                    let applied = self.allocator.apply(event.clone(), self.at.now);
                    assert!(applied.is_ok(), "{event:?}: {applied:?}");
                }
                Effect::Persist { write, operation } => {
                    self.unwritten.push((*write, operation.clone()));
                }
                Effect::SetTimer { key, after } => {
                    self.timers.insert(key.clone(), self.at.now + *after);
                }
                Effect::CancelTimer { key } => {
                    self.timers.remove(key);
                }
                Effect::ToSubscriber { event, .. } => {
                    for offer in event.offers.iter().flat_map(|offers| &offers.offers) {
                        self.offers.insert(offer.id.value.clone(), offer.clone());
                    }
                }
                Effect::ExitNode { reason } => panic!("the node ends: {reason}"),
                _ => {}
            }
        }
    }

    /// The registry makes everything durable that it was given.
    pub fn durable(&mut self) -> Gave {
        let mut effects = vec![];
        for (write, operation) in std::mem::take(&mut self.unwritten) {
            operation.apply(&mut self.registry);
            effects.extend(self.does(Event::Persisted { write }).effects);
        }
        Gave { effects }
    }

    /// One round of the allocator.
    pub fn allocate(&mut self) -> Gave {
        self.seed += 1;
        let grants = self.allocator.allocate(self.at.now, self.seed);
        let applied = self.allocator.applied();
        self.does(Event::OffersGranted { grants, applied })
    }

    /// Time passes and timers fire on their way, the earliest first.
    pub fn passes(&mut self, long: Duration) -> Gave {
        let end = self.at.now + long;
        let mut effects = vec![];
        while let Some((key, due)) = self.next_timer().filter(|(_, due)| *due <= end) {
            self.advance(due);
            self.timers.remove(&key);
            effects.extend(self.does(Event::TimerDue(key)).effects);
        }
        self.advance(end);
        Gave { effects }
    }

    fn next_timer(&self) -> Option<(TimerKey, Instant)> {
        let next = self.timers.iter().min_by_key(|(key, due)| (**due, (*key).clone()));
        next.map(|(key, due)| (key.clone(), *due))
    }

    fn advance(&mut self, to: Instant) {
        let step = to.since(self.at.now);
        self.at.now = self.at.now + step;
        self.at.wall = Timestamp(self.at.wall.as_nanos() + step.as_nanos() as u64);
    }

    /// An agent registers on this connection and is in service.
    pub fn agent(&mut self, connection: u64, resources: &str) -> AgentId {
        self.does(arrives(connection));
        self.does(registers(connection, resources));
        let gave = self.durable();
        let registered = gave.effects.iter().find_map(|effect| match effect {
            Effect::ToAgent { message, .. } => match &**message {
                FromMaster::Order { order, .. } => match &**order {
                    Order::Registered { agent_id, .. } => Some(agent_id.clone()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        });
        registered.expect("an agent id")
    }

    /// A framework subscribes on this connection and is connected.
    pub fn framework(&mut self, connection: u64, info: v1::FrameworkInfo) -> FrameworkId {
        self.does(subscribes(connection, info));
        let gave = self.durable();
        let subscribed = gave.events().into_iter().find_map(|event| event.subscribed);
        FrameworkId::try_from(&subscribed.expect("SUBSCRIBED").framework_id).unwrap()
    }

    /// The one offer of this round.
    pub fn offer(&mut self) -> v1::Offer {
        let gave = self.allocate();
        let offers = gave.events().into_iter().filter_map(|event| event.offers);
        let offers: Vec<v1::Offer> = offers.flat_map(|offers| offers.offers).collect();
        assert_eq!(offers.len(), 1, "{}", gave.all());
        offers[0].clone()
    }

    /// A task that runs; the framework's stream and the agent's connection are given.
    pub fn running(&mut self, stream: u64, agent_connection: u64, task_id: &str) -> v1::Offer {
        let offer = self.offer();
        let info = task(task_id, &offer, "cpus:1;mem:128");
        self.does(call(stream, &offer.framework_id, accept(&[&offer], vec![info])));
        let update = self.status(&offer, task_id, TaskState::TaskRunning);
        self.does(says(agent_connection, FromAgent::UpdateStatus(Box::new(update.clone()))));
        self.does(acknowledges(stream, &update));
        offer
    }

    /// A status of a task, as its agent sends it.
    pub fn status(&mut self, offer: &v1::Offer, task_id: &str, state: TaskState) -> StatusUpdate {
        self.next_uuid += 1;
        StatusUpdate {
            framework_id: FrameworkId::try_from(&offer.framework_id).unwrap(),
            status: v1::TaskStatus {
                task_id: task_id.into(),
                state: state.into(),
                agent_id: Some(offer.agent_id.clone()),
                timestamp: Some(self.at.wall.as_secs_f64()),
                uuid: Some(vec![self.next_uuid; 16].into()),
                ..Default::default()
            },
            latest_state: state,
        }
    }
}

/// Fails if a scheduler or a follower is told what it could not read.
fn tells_strictly(effect: &Effect) {
    match effect {
        Effect::ToSubscriber { event, .. } => is_strict(&**event),
        Effect::Happened(fact) => {
            is_strict(&fact.event().expect("it is of the state that it speaks of"));
        }
        _ => {}
    }
}

impl Gave {
    /// Asserts all effects but log lines.
    #[track_caller]
    pub fn gives(&self, expected: &str) {
        assert_eq!(self.all(), tidy(expected));
    }

    /// Asserts what agents, schedulers, the registry and operators get.
    #[track_caller]
    pub fn says(&self, expected: &str) {
        let quiet = |line: &&String| !line.starts_with("timer") && !line.starts_with("allocator");
        let lines: Vec<String> = self.lines().iter().filter(quiet).cloned().collect();
        assert_eq!(lines.join("\n"), tidy(expected));
    }

    pub fn all(&self) -> String {
        self.lines().join("\n")
    }

    pub fn lines(&self) -> Vec<String> {
        self.effects.iter().filter_map(line).collect()
    }

    /// Scheduler events.
    pub fn events(&self) -> Vec<v1::scheduler::Event> {
        let events = self.effects.iter().filter_map(|effect| match effect {
            Effect::ToSubscriber { event, .. } => Some((**event).clone()),
            _ => None,
        });
        events.collect()
    }

    /// Statuses sent to schedulers.
    pub fn updates(&self) -> Vec<v1::TaskStatus> {
        let updates = self.events().into_iter().filter_map(|event| event.update);
        updates.map(|update| update.status).collect()
    }

    /// Orders sent to agents.
    pub fn orders(&self) -> Vec<Order> {
        let orders = self.effects.iter().filter_map(|effect| match effect {
            Effect::ToAgent { message, .. } => match &**message {
                FromMaster::Order { order, .. } => Some((**order).clone()),
                _ => None,
            },
            _ => None,
        });
        orders.collect()
    }

    pub fn answer(&self) -> OperatorAnswer {
        let mut answers = self.effects.iter().filter_map(|effect| match effect {
            Effect::Answer { answer, .. } => Some((**answer).clone()),
            _ => None,
        });
        answers.next().expect("an answer")
    }
}

fn tidy(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// One effect as a line; log lines are left out.
fn line(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::ToAgent { connection, message } => {
            format!("agent {} <- {}", connection.0, order(message))
        }
        Effect::CloseAgent { connection } => format!("close agent {}", connection.0),
        Effect::ToSubscriber { connection, event } => {
            format!("stream {} <- {}", connection.0, event_line(event))
        }
        Effect::CloseSubscriber { connection, .. } => format!("close stream {}", connection.0),
        Effect::Allocator(event) => format!("allocator {}", allocator(event)),
        Effect::Persist { operation, .. } => format!("persist {}", operation_line(operation)),
        // Of the master itself, whatever happens.
        Effect::SetTimer { key: TimerKey::RegistryPruneDue, .. } => return None,
        Effect::SetTimer { key, after } => format!("timer {} in {}s", timer(key), after.as_secs()),
        Effect::CancelTimer { key } => format!("timer {} off", timer(key)),
        Effect::Answer { answer, .. } => format!("answer {answer:?}"),
        Effect::AnswerCall { answer: CallAnswer::Refused(why), .. } => {
            format!("answer call {} {why}", why.code)
        }
        Effect::AnswerCall { answer, .. } => format!("answer call {answer:?}"),
        Effect::Happened(_) | Effect::Note(_) => return None,
        Effect::ExitNode { reason } => format!("exit: {reason}"),
    })
}

fn timer(key: &TimerKey) -> String {
    match key {
        TimerKey::PingDue(connection) => format!("ping {}", connection.0),
        TimerKey::AgentReregisterDue(agent) => format!("reregister {agent}"),
        TimerKey::AgentRemovalDue => "removal".to_owned(),
        TimerKey::RecoveredAgentsDue => "recovered-agents".to_owned(),
        TimerKey::HeartbeatDue(connection) => format!("heartbeat {}", connection.0),
        TimerKey::FrameworkFailoverDue(framework) => format!("failover {framework}"),
        TimerKey::TimeLeftDue(framework) => format!("time-left {framework}"),
        TimerKey::OfferExpiryDue => "offers".to_owned(),
        TimerKey::RegistryPruneDue => "prune".to_owned(),
        TimerKey::AnswersDue(framework) => format!("answers {framework}"),
        TimerKey::InverseOffersDue => "inverse-offers".to_owned(),
    }
}

fn order(message: &FromMaster) -> String {
    let order = match message {
        FromMaster::AnnounceTerm { .. } => return "AnnounceTerm".to_owned(),
        FromMaster::NotLeader { .. } => return "NotLeader".to_owned(),
        FromMaster::Refused { message, .. } => return format!("Refused {message}"),
        FromMaster::Order { term: of, order } => {
            assert_eq!(*of, term());
            order
        }
    };
    match &**order {
        Order::Registered { agent_id, .. } => format!("Registered {agent_id}"),
        Order::Reregistered { agent_id, reconcile, reconcile_operations, .. } => {
            let tasks: Vec<&str> = reconcile.iter().map(|key| key.task_id.as_str()).collect();
            let operations = reconcile_operations.iter().map(|asked| name(&asked.operation_id));
            let operations = operations.map(|id| format!(" operation {id}")).collect::<String>();
            format!("Reregistered {agent_id} reconcile [{}]{operations}", tasks.join(" "))
        }
        Order::ApplyOperation { info, .. } => {
            format!("ApplyOperation {} {}", name(&info.id), info.r#type().as_str_name())
        }
        Order::AcknowledgeOperation { operation, .. } => {
            let number = operation.to_string();
            format!("AcknowledgeOperation {}", &number[number.len() - 2..])
        }
        Order::ReportPartTaken { number } => format!("ReportPartTaken {number}"),
        Order::Ping { sequence, connected } => {
            format!("Ping {sequence}{}", if *connected { "" } else { " not connected" })
        }
        Order::RunTask { task, launch_executor, .. } => {
            let there = if *launch_executor { "" } else { " to its executor" };
            format!("RunTask {}{there}", task.task_id)
        }
        Order::RunTaskGroup { tasks, launch_executor, .. } => {
            let there = if *launch_executor { "" } else { " to its executor" };
            let ids: Vec<&str> = tasks.iter().map(|task| task.task_id.value.as_str()).collect();
            format!("RunTaskGroup {}{there}", ids.join(" "))
        }
        Order::KillTask { task, .. } => format!("KillTask {}", task.task_id),
        Order::AcknowledgeStatus { task, .. } => format!("AcknowledgeStatus {}", task.task_id),
        Order::ShutdownFramework { framework_id } => format!("ShutdownFramework {framework_id}"),
        Order::UpdateFramework { framework } => format!("UpdateFramework {}", framework.name),
        Order::DeliverMessage { executor_id, .. } => format!("DeliverMessage {executor_id}"),
        Order::DrainAgent { max_grace_period_ms, mark_gone } => {
            let most = max_grace_period_ms.map_or(String::new(), |ms| format!(" {}s", ms / 1000));
            format!("DrainAgent{most}{}", if *mark_gone { " gone" } else { "" })
        }
        Order::EndDrain => "EndDrain".to_owned(),
        Order::ShutdownAgent { message } => format!("ShutdownAgent {message}"),
    }
}

fn name(id: &Option<v1::OperationId>) -> String {
    id.as_ref().map_or_else(|| "unnamed".to_owned(), |id| id.value.clone())
}

fn event_line(event: &v1::scheduler::Event) -> String {
    let kind = event.r#type().as_str_name();
    if let Some(subscribed) = &event.subscribed {
        return format!("{kind} {}", subscribed.framework_id);
    }
    if let Some(offers) = &event.offers {
        let offers = offers.offers.iter().map(|offer| {
            let resources = Resources::from_v1(&offer.resources).unwrap();
            format!("{} {} {}", offer.id, offer.agent_id, resources.unallocate().unwrap())
        });
        return format!("{kind} {}", offers.collect::<Vec<_>>().join(", "));
    }
    if let Some(asked) = &event.inverse_offers {
        let asked = asked.inverse_offers.iter().map(|offer| {
            let agent = offer.agent_id.clone().unwrap_or_default();
            format!(
                "{} {agent} at {}s",
                offer.id,
                offer.unavailability.start.nanoseconds / 1_000_000_000
            )
        });
        return format!("{kind} {}", asked.collect::<Vec<_>>().join(", "));
    }
    if let Some(rescind) = &event.rescind_inverse_offer {
        return format!("{kind} {}", rescind.inverse_offer_id);
    }
    if let Some(rescind) = &event.rescind {
        return format!("{kind} {}", rescind.offer_id);
    }
    if let Some(update) = &event.update {
        let status = &update.status;
        let reason = status.reason.map_or("", |_| status.reason().as_str_name());
        return format!("{kind} {} {} {reason}", status.task_id, status.state().as_str_name())
            .trim_end()
            .to_owned();
    }
    if let Some(update) = &event.update_operation_status {
        let status = &update.status;
        let acknowledge = if status.uuid.is_some() { " to acknowledge" } else { "" };
        let id = name(&status.operation_id);
        return format!("{kind} {id} {}{acknowledge}", status.state().as_str_name());
    }
    if let Some(failure) = &event.failure {
        let agent = failure.agent_id.clone().unwrap_or_default();
        let executor = failure.executor_id.clone().map(|id| format!(" {id}"));
        return format!("{kind} {agent}{}", executor.unwrap_or_default());
    }
    if let Some(error) = &event.error {
        return format!("{kind} {}", error.message);
    }
    kind.to_owned()
}

fn allocator(event: &AllocatorEvent) -> String {
    use AllocatorEvent::*;
    match event {
        FrameworkAdded { id, active, .. } => format!("FrameworkAdded {id} active={active}"),
        FrameworkUpdated { id, roles, .. } => {
            let show = |(role, suppressed): &(Role, bool)| {
                format!(" {role}{}", if *suppressed { " suppressed" } else { "" })
            };
            format!("FrameworkUpdated {id}{}", roles.iter().map(show).collect::<String>())
        }
        FrameworkRemoved { id } => format!("FrameworkRemoved {id}"),
        FrameworkActivated { id } => format!("FrameworkActivated {id}"),
        FrameworkDeactivated { id } => format!("FrameworkDeactivated {id}"),
        AgentAdded { id, total, used, .. } => {
            let used = used.iter().map(|(f, r)| format!("{f} {}", r.unallocate().unwrap()));
            format!("AgentAdded {id} {total} used [{}]", used.collect::<Vec<_>>().join(", "))
        }
        AgentUpdated { id, total, .. } => format!("AgentUpdated {id} {total}"),
        AgentRemoved { id } => format!("AgentRemoved {id}"),
        AgentActivated { id } => format!("AgentActivated {id}"),
        AgentDeactivated { id } => format!("AgentDeactivated {id}"),
        Recovered { framework, agent, resources, refuse } => {
            let refuse =
                refuse.map_or(String::new(), |long| format!(" refuse {}s", long.as_secs()));
            format!("Recovered {framework} {agent} {}{refuse}", resources.unallocate().unwrap())
        }
        Allocated { framework, agent, resources } => {
            format!("Allocated {framework} {agent} {}", resources.unallocate().unwrap())
        }
        Converted { framework, agent, conversion } => {
            let plain = conversion.unallocate().unwrap();
            let (from, to) = (plain.consumed, plain.converted);
            format!("Converted {framework} {agent} {from} to {to}")
        }
        Suppressed { framework, roles } => format!("Suppressed {framework} {}", roles.len()),
        Revived { framework, roles } => format!("Revived {framework} {}", roles.len()),
        WeightsUpdated(weights) => {
            let weights = weights.iter().map(|(role, weight)| format!("{role}={weight}"));
            format!("WeightsUpdated {}", weights.collect::<Vec<_>>().join(" "))
        }
        QuotasUpdated(quotas) => {
            let quotas = quotas.iter().map(|(role, quota)| quota_text(role, quota));
            format!("QuotasUpdated {}", quotas.collect::<Vec<_>>().join(" "))
        }
        RecoveryHeld { agents, long } => format!("RecoveryHeld {agents} {}s", long.as_secs()),
    }
}

/// `r>=cpus:1<=cpus:2`
fn quota_text(role: &Role, quota: &Quota) -> String {
    format!("{role}>={}<={}", quota.guarantees, quota.limits)
}

fn operation_line(operation: &RegistryOperation) -> String {
    use RegistryOperation::*;
    match operation {
        AdmitAgent { agent, .. } => format!("AdmitAgent {agent}"),
        ReadmitAgent { agent, .. } => format!("ReadmitAgent {agent}"),
        MarkUnreachable { agent, .. } => format!("MarkUnreachable {agent}"),
        MarkReachable { agent, .. } => format!("MarkReachable {agent}"),
        SetDuty { agent, record } => {
            let (kept, duty) = match record {
                Kept::Admitted(record) => ("", &record.duty),
                Kept::Unreachable(record) => (" unreachable", &record.agent.duty),
            };
            let duty = format!("{duty:?}");
            let name = duty.split('(').next().unwrap_or_default();
            format!("SetDuty {agent}{kept} {name}")
        }
        RemoveAgent { agent } => format!("RemoveAgent {agent}"),
        MarkGone { agent, .. } => format!("MarkGone {agent}"),
        ForgetGone { agent } => format!("ForgetGone {agent}"),
        AddFramework { framework, .. } => format!("AddFramework {framework}"),
        UpdateFramework { framework, record } => match record.time_left_ms {
            Some(left) => format!("UpdateFramework {framework} left {}s", left / 1000),
            None => format!("UpdateFramework {framework}"),
        },
        RemoveFramework { framework, .. } => format!("RemoveFramework {framework}"),
        ForgetFramework { framework } => format!("ForgetFramework {framework}"),
        SetWeights { weights } => {
            let weights = weights.iter().map(|(r, record)| format!("{r}={}", record.thousandths));
            format!("SetWeights {}", weights.collect::<Vec<_>>().join(" "))
        }
        SetQuotas { quotas } => {
            let quotas = quotas.iter().map(|(role, record)| quota_text(role, &record.quota));
            format!("SetQuotas {}", quotas.collect::<Vec<_>>().join(" "))
        }
        SetMaintenance { windows, before } => {
            let machine = |one: &MachineRecord| format!(" {}={:?}", one.machine, one.mode);
            let window = |window: &WindowRecord| {
                format!(" [{}]", window.machines.iter().map(machine).collect::<String>().trim())
            };
            let windows = windows.iter().map(window).collect::<String>();
            format!("SetMaintenance{windows} before {before}")
        }
    }
}

// Events.

/// A master with one agent (connection 1) and one framework (stream 10), and its offer.
pub fn offered(resources: &str, info: v1::FrameworkInfo) -> (Master, v1::FrameworkId, v1::Offer) {
    let mut m = Master::new();
    m.agent(1, resources);
    let framework = m.framework(10, info);
    let offer = m.offer();
    (m, (&framework).into(), offer)
}

pub fn says(connection: u64, said: FromAgent) -> Event {
    Event::AgentSaid {
        connection: ConnectionId(connection),
        address: format!("10.0.0.{connection}:5051"),
        said,
    }
}

pub fn arrives(connection: u64) -> Event {
    says(connection, FromAgent::AgentArrived)
}

pub fn agent_info(host: &str, resources: &str) -> v1::AgentInfo {
    let resources: Resources = Resources::parse(resources).unwrap();
    v1::AgentInfo {
        hostname: host.to_owned(),
        port: Some(5051),
        resources: resources.to_v1(),
        ..Default::default()
    }
}

pub fn registers(connection: u64, resources: &str) -> Event {
    registers_at(&format!("10.0.0.{connection}:5051"), connection, resources)
}

/// Who registers says where it is.
pub fn registers_at(address: &str, connection: u64, resources: &str) -> Event {
    Event::AgentSaid {
        connection: ConnectionId(connection),
        address: address.to_owned(),
        said: FromAgent::RegisterAgent {
            term: term(),
            info: Box::new(agent_info("host", resources)),
            version: "0.1.0".to_owned(),
        },
    }
}

/// What an agent that comes back reports.
#[derive(Default, Clone)]
pub struct Report {
    pub tasks: Vec<v1::Task>,
    pub executors: Vec<v1::ExecutorInfo>,
    pub frameworks: Vec<v1::FrameworkInfo>,
    pub total: Option<Vec<v1::Resource>>,
    pub operations: Vec<v1::Operation>,
}

pub fn reregisters(connection: u64, id: &AgentId, resources: &str, report: Report) -> Event {
    let mut info = agent_info("host", resources);
    info.id = Some(id.into());
    says(
        connection,
        FromAgent::ReregisterAgent {
            term: term(),
            info: Box::new(info),
            version: "0.1.0".to_owned(),
            tasks: report.tasks,
            executors: report.executors,
            frameworks: report.frameworks,
            total: report.total,
            operations: report.operations,
        },
    )
}

pub fn reported(
    framework: &FrameworkId,
    agent: &AgentId,
    task: &str,
    state: TaskState,
) -> v1::Task {
    v1::Task {
        name: task.to_owned(),
        task_id: task.into(),
        framework_id: framework.into(),
        agent_id: agent.into(),
        state: state.into(),
        resources: Resources::parse("cpus:1;mem:128").unwrap().to_v1(),
        ..Default::default()
    }
}

/// A framework in role `r` that waits a week for its scheduler and knows UNREACHABLE.
pub fn info(name: &str) -> v1::FrameworkInfo {
    use v1::framework_info::capability::Type;
    let capability = |kind: Type| v1::framework_info::Capability { r#type: Some(kind.into()) };
    v1::FrameworkInfo {
        user: "nobody".to_owned(),
        name: name.to_owned(),
        roles: vec!["r".to_owned()],
        failover_timeout: Some(7.0 * 24.0 * 3600.0),
        capabilities: vec![capability(Type::MultiRole), capability(Type::PartitionAware)],
        ..Default::default()
    }
}

/// The same without PARTITION_AWARE.
pub fn unaware(name: &str) -> v1::FrameworkInfo {
    let mut info = info(name);
    info.capabilities.truncate(1);
    info
}

pub fn with_id(mut info: v1::FrameworkInfo, id: &FrameworkId) -> v1::FrameworkInfo {
    info.id = Some(id.into());
    info
}

pub fn process(connection: u64) -> Caller {
    Caller {
        connection: Some(ConnectionId(connection)),
        principal: None,
        channel: Channel::Process,
        answer: None,
    }
}

pub fn subscribe(info: v1::FrameworkInfo) -> Call {
    Call {
        framework_id: info.id.clone(),
        r#type: Some(call::Type::Subscribe.into()),
        subscribe: Some(call::Subscribe {
            framework_info: info,
            suppressed_roles: vec![],
            offer_constraints: None,
        }),
        ..Default::default()
    }
}

pub fn subscribes(connection: u64, info: v1::FrameworkInfo) -> Event {
    Event::SchedulerCalled { caller: process(connection), call: Box::new(subscribe(info)) }
}

/// A call of a subscribed framework over libproc.
pub fn call(connection: u64, framework: &v1::FrameworkId, call: Call) -> Event {
    Event::SchedulerCalled {
        caller: process(connection),
        call: Box::new(Call { framework_id: Some(framework.clone()), ..call }),
    }
}

pub fn task(id: &str, offer: &v1::Offer, resources: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        name: id.to_owned(),
        task_id: id.into(),
        agent_id: offer.agent_id.clone(),
        resources: Resources::parse(resources).unwrap().to_v1(),
        command: Some(v1::CommandInfo {
            value: Some("sleep 1000".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub fn launch(tasks: Vec<v1::TaskInfo>) -> v1::offer::Operation {
    v1::offer::Operation {
        r#type: Some(v1::offer::operation::Type::Launch.into()),
        launch: Some(v1::offer::operation::Launch { task_infos: tasks }),
        ..Default::default()
    }
}

pub fn launch_group(executor: v1::ExecutorInfo, tasks: Vec<v1::TaskInfo>) -> v1::offer::Operation {
    let task_group = v1::TaskGroupInfo { tasks };
    v1::offer::Operation {
        r#type: Some(v1::offer::operation::Type::LaunchGroup.into()),
        launch_group: Some(v1::offer::operation::LaunchGroup { executor, task_group }),
        ..Default::default()
    }
}

pub fn accept_all(offers: &[&v1::Offer], operations: Vec<v1::offer::Operation>) -> Call {
    Call {
        r#type: Some(call::Type::Accept.into()),
        accept: Some(call::Accept {
            offer_ids: offers.iter().map(|offer| offer.id.clone()).collect(),
            operations,
            filters: None,
        }),
        ..Default::default()
    }
}

/// ACCEPT with one LAUNCH; the rest is not refused.
pub fn accept(offers: &[&v1::Offer], tasks: Vec<v1::TaskInfo>) -> Call {
    let mut call = accept_all(offers, vec![launch(tasks)]);
    if let Some(accept) = &mut call.accept {
        accept.filters = Some(v1::Filters { refuse_seconds: Some(0.0) });
    }
    call
}

pub fn kill(task: &str, agent: Option<&v1::AgentId>) -> Call {
    Call {
        r#type: Some(call::Type::Kill.into()),
        kill: Some(call::Kill {
            task_id: task.into(),
            agent_id: agent.cloned(),
            kill_policy: None,
        }),
        ..Default::default()
    }
}

pub fn simple(kind: call::Type) -> Call {
    Call { r#type: Some(kind.into()), ..Default::default() }
}

pub fn acknowledges(stream: u64, update: &StatusUpdate) -> Event {
    let status = &update.status;
    let acknowledge = Call {
        r#type: Some(call::Type::Acknowledge.into()),
        acknowledge: Some(call::Acknowledge {
            agent_id: status.agent_id.clone().unwrap(),
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone().unwrap(),
        }),
        ..Default::default()
    };
    call(stream, &(&update.framework_id).into(), acknowledge)
}

pub fn reconcile(tasks: &[(&str, Option<&str>)]) -> Call {
    let tasks = tasks.iter().map(|(task, agent)| call::reconcile::Task {
        task_id: (*task).into(),
        agent_id: agent.map(Into::into),
    });
    Call {
        r#type: Some(call::Type::Reconcile.into()),
        reconcile: Some(call::Reconcile { tasks: tasks.collect() }),
        ..Default::default()
    }
}

pub fn asks(call: v1::master::call::Type) -> Event {
    asks_for(v1::master::Call { r#type: Some(call.into()), ..Default::default() })
}

pub fn asks_for(call: v1::master::Call) -> Event {
    Event::OperatorAsked { request: RequestId(1), asked: FromOperator::Call(Box::new(call)) }
}

pub fn key(framework: &FrameworkId, task: &str) -> TaskKey {
    TaskKey { framework_id: framework.clone(), task_id: TaskId::parse(task).unwrap() }
}

pub fn lost_agent(connection: u64) -> Event {
    Event::AgentDisconnected { connection: ConnectionId(connection) }
}

pub fn lost_stream(connection: u64) -> Event {
    Event::SubscriberDisconnected { connection: ConnectionId(connection) }
}

pub fn pong(connection: u64, sequence: u64) -> Event {
    says(connection, FromAgent::Pong { sequence })
}

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);
