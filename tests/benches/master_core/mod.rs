//! A master's pure core and its allocator, fed with events directly; effects are looked through
//! for what comes next and forgotten.

#![allow(dead_code, reason = "each bench uses its part")]

use libproc::{Instant, Timestamp};
use meseta_api::ids::{AgentId, FrameworkId, MasterId};
use meseta_api::internal::agent::{FromMaster, Order};
use meseta_api::internal::master::FromAgent;
use meseta_api::internal::StatusUpdate;
use meseta_api::resources::Resources;
use meseta_api::term::{RegistryId, Term};
use meseta_api::v1::scheduler::{call, Call};
use meseta_api::v1::{self, TaskState};
use meseta_master::allocator::{Allocator, AllocatorConfig};
use meseta_master::core::{
    Caller, Channel, Config, ConnectionId, Core, Effect, Event, Identity, Moment,
};
use meseta_master::registrar::registry::Registry;
use std::time::Duration;

/// The framework's stream; agents' connections are numbered from 1.
const STREAM: ConnectionId = ConnectionId(u64::MAX);
const LABELS: usize = 10;

pub(crate) struct MasterCore {
    core: Core,
    allocator: Allocator,
    at: Moment,
    uuids: u128,
}

pub(crate) fn term() -> Term {
    Term { registry: RegistryId::from_bits(7), generation: 1, counter: 1 }
}

fn identity() -> Identity {
    let id = "5e1d1f04-87b7-4c3c-a02b-2f65e1d1f048";
    Identity {
        master_id: MasterId::parse(id).expect("a good id"),
        info: v1::MasterInfo { id: id.to_owned(), port: 5050, ..Default::default() },
        term: term(),
        started: Timestamp(1),
        elected: Timestamp(2),
        version: v1::VersionInfo { version: "1.12.0".to_owned(), ..Default::default() },
    }
}

impl MasterCore {
    pub(crate) fn new() -> Self {
        MasterCore::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        MasterCore::recovered(Registry::default(), config)
    }

    /// A new leader.
    pub(crate) fn recovered(registry: Registry, config: Config) -> Self {
        let now = Instant::ZERO + Duration::from_secs(1000);
        let at = Moment { now, wall: Timestamp(5_000_000_000_000) };
        let recovered = Core::recover(registry, identity(), config, at);
        let (core, _) = recovered.expect("the registry is good");
        let allocator = Allocator::new(AllocatorConfig::default());
        MasterCore { core, allocator, at, uuids: 0 }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    pub(crate) fn into_core(self) -> Core {
        self.core
    }

    /// One event, and every write that follows from it; gives what was said to others.
    fn event(&mut self, event: Event) -> Vec<Effect> {
        let plan = self.core.check(event, self.at).expect("the event is good");
        let mut said = Vec::new();
        for effect in self.core.commit(plan, self.at) {
            match effect {
                Effect::Allocator(event) => {
                    self.allocator.apply(event, self.at.now).expect("the event is good");
                }
                Effect::Persist { write, .. } => {
                    said.extend(self.event(Event::Persisted { write }));
                }
                effect => said.push(effect),
            }
        }
        said
    }

    fn agent_says(&mut self, at: usize, said: FromAgent) -> Vec<Effect> {
        let connection = ConnectionId(at as u64 + 1);
        let address = format!("10.{}.{}.{}:5051", at >> 16, (at >> 8) & 255, at & 255);
        self.event(Event::AgentSaid { connection, address, said })
    }

    fn call(&mut self, framework: Option<v1::FrameworkId>, call: Call) -> Vec<Effect> {
        let caller = Caller {
            connection: Some(STREAM),
            principal: None,
            channel: Channel::Process,
            answer: None,
        };
        let call = Box::new(Call { framework_id: framework, ..call });
        self.event(Event::SchedulerCalled { caller, call })
    }

    /// Registers as many agents.
    pub(crate) fn agents(&mut self, count: usize) -> Vec<AgentId> {
        let mut ids = Vec::with_capacity(count);
        for at in 0..count {
            self.agent_says(at, FromAgent::AgentArrived);
            let (info, version) = (Box::new(agent_info(at)), "0.1.0".to_owned());
            let said = FromAgent::RegisterAgent { term: term(), info, version };
            let registered = orders(self.agent_says(at, said)).find_map(|order| match order {
                Order::Registered { agent_id, .. } => Some(agent_id),
                _ => None,
            });
            ids.push(registered.expect("the agent is admitted"));
        }
        ids
    }

    /// An agent that has this id connects and says what it has. True if it is in service again.
    pub(crate) fn comes_back(&mut self, at: usize, report: FromAgent) -> bool {
        self.agent_says(at, FromAgent::AgentArrived);
        let mut answers = orders(self.agent_says(at, report));
        answers.any(|order| matches!(order, Order::Reregistered { .. }))
    }

    /// Subscribes the framework.
    pub(crate) fn framework(&mut self) {
        let framework_info = framework_info();
        let subscribe =
            call::Subscribe { framework_info, suppressed_roles: vec![], offer_constraints: None };
        let call = Call {
            r#type: Some(call::Type::Subscribe.into()),
            subscribe: Some(subscribe),
            ..Default::default()
        };
        self.call(None, call);
    }

    /// One round of the allocator.
    pub(crate) fn offers(&mut self) -> Vec<v1::Offer> {
        let grants = self.allocator.allocate(self.at.now, 1);
        let applied = self.allocator.applied();
        let said = self.event(Event::OffersGranted { grants, applied });
        let events = said.into_iter().filter_map(|effect| match effect {
            Effect::ToSubscriber { event, .. } => event.offers,
            _ => None,
        });
        events.flat_map(|offers| offers.offers).collect()
    }

    /// Accepts an offer with `count` tasks; each becomes TASK_RUNNING and that is acknowledged.
    /// Gives how many did.
    pub(crate) fn run(&mut self, offer: &v1::Offer, count: usize) -> usize {
        let tasks = (0..count).map(|at| task(offer, at)).collect();
        let operation = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch.into()),
            launch: Some(v1::offer::operation::Launch { task_infos: tasks }),
            ..Default::default()
        };
        let accept = call::Accept {
            offer_ids: vec![offer.id.clone()],
            operations: vec![operation],
            filters: None,
        };
        let call = Call {
            r#type: Some(call::Type::Accept.into()),
            accept: Some(accept),
            ..Default::default()
        };
        let said = self.call(Some(offer.framework_id.clone()), call);
        let launched = said.into_iter().filter_map(|effect| match effect {
            Effect::ToAgent { message, .. } => Some(message),
            _ => None,
        });
        let mut running = 0;
        for message in launched.collect::<Vec<_>>() {
            let Some(Order::RunTask { task, .. }) = order(*message) else {
                continue;
            };
            self.status(offer, task.task_id, TaskState::TaskRunning);
            running += 1;
        }
        running
    }

    /// The agent of an offer that was accepted says that a task is in this state, and the scheduler
    /// acknowledges it.
    pub(crate) fn status(&mut self, offer: &v1::Offer, task_id: v1::TaskId, state: TaskState) {
        self.uuids += 1;
        let status = v1::TaskStatus {
            task_id,
            state: state.into(),
            agent_id: Some(offer.agent_id.clone()),
            source: Some(v1::task_status::Source::Executor.into()),
            timestamp: Some(5000.0),
            uuid: Some(self.uuids.to_le_bytes().to_vec().into()),
            ..Default::default()
        };
        let acknowledge = call::Acknowledge {
            agent_id: offer.agent_id.clone(),
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone().unwrap_or_default(),
        };
        let framework_id = FrameworkId::try_from(&offer.framework_id).expect("the master's own id");
        let update = StatusUpdate { framework_id, status, latest_state: state };
        self.agent_says(number_of(&offer.hostname), FromAgent::UpdateStatus(Box::new(update)));
        let call = Call {
            r#type: Some(call::Type::Acknowledge.into()),
            acknowledge: Some(acknowledge),
            ..Default::default()
        };
        self.call(Some(offer.framework_id.clone()), call);
    }
}

/// Agents are numbered from 0, and called so.
fn hostname(agent: usize) -> String {
    format!("agent-{agent}.example.org")
}

/// What an agent says of itself before it has an id.
pub(crate) fn agent_info(agent: usize) -> v1::AgentInfo {
    let resources = Resources::parse("cpus:64;mem:262144;disk:1000000;ports:[31000-32000]");
    v1::AgentInfo {
        hostname: hostname(agent),
        port: Some(5051),
        resources: resources.expect("the bench's resources are right").to_v1(),
        ..Default::default()
    }
}

fn number_of(hostname: &str) -> usize {
    let number = hostname.strip_prefix("agent-").and_then(|name| name.split('.').next());
    number.and_then(|number| number.parse().ok()).expect("one of the bench's agents")
}

pub(crate) fn framework_info() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        user: "nobody".to_owned(),
        name: "bench".to_owned(),
        roles: vec!["*".to_owned()],
        capabilities: vec![v1::framework_info::Capability {
            r#type: Some(v1::framework_info::capability::Type::MultiRole.into()),
        }],
        ..Default::default()
    }
}

fn order(message: FromMaster) -> Option<Order> {
    match message {
        FromMaster::Order { order, .. } => Some(*order),
        _ => None,
    }
}

fn orders(said: Vec<Effect>) -> impl Iterator<Item = Order> {
    said.into_iter().filter_map(|effect| match effect {
        Effect::ToAgent { message, .. } => order(*message),
        _ => None,
    })
}

/// The id of the task of this number that [`MasterCore::run`] launches on an offer.
pub(crate) fn task_id(offer: &v1::Offer, at: usize) -> String {
    format!("{}-task-{at}", offer.hostname)
}

fn task(offer: &v1::Offer, at: usize) -> v1::TaskInfo {
    let label = |of: usize| v1::Label {
        key: format!("example.org/label-{of}"),
        value: Some(format!("value-{of}")),
    };
    let id = task_id(offer, at);
    let each = Resources::parse("cpus:0.1;mem:128").expect("the bench's resources are right");
    v1::TaskInfo {
        name: "service".to_owned(),
        task_id: id.as_str().into(),
        agent_id: offer.agent_id.clone(),
        resources: each.to_v1(),
        command: Some(v1::CommandInfo {
            value: Some("sleep 1000".to_owned()),
            ..Default::default()
        }),
        labels: Some(v1::Labels { labels: (0..LABELS).map(label).collect() }),
        ..Default::default()
    }
}
