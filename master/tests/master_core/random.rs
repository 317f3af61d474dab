//! Random lives of a small cluster: after every event the invariants hold, the allocator has no
//! fault, and the same seed gives the same run (AL-01, promises 4 and 7, B23).

use crate::harness::*;
use crate::operations::{reserve, reserved, unreserve};
use crate::queries::reads_are_as_if_made_anew;
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::internal::master::FromAgent;
use meseta_api::internal::{OperationUpdate, OperationUuid, StatusUpdate};
use meseta_api::resources::{Conversion, Resources};
use meseta_api::v1::scheduler::call::Type;
use meseta_api::v1::{self, Offer, OperationState, TaskState};
use meseta_master::core::gauges::Gauges;
use meseta_master::core::{Effect, Event};
use meseta_master::reader::Kitchen;
use std::collections::{BTreeMap, BTreeSet};

const ALL: &str = "cpus:4;mem:1024;ports:[1-20]";

/// A small generator: the tests' randomness is theirs alone.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// One agent as the world has it.
#[derive(Default)]
struct Host {
    id: Option<AgentId>,
    connection: Option<u64>,
    tasks: BTreeMap<(FrameworkId, String), (v1::Task, Option<StatusUpdate>)>,
    /// All that it has, if operations made that another thing than it had.
    total: Option<Resources>,
    /// Operations whose end is not acknowledged.
    operations: BTreeMap<OperationUuid, v1::Operation>,
}

impl Host {
    fn total(&self) -> Resources {
        self.total.clone().unwrap_or_else(|| Resources::parse(ALL).unwrap())
    }

    /// What nothing that runs here holds.
    fn unused(&self) -> Resources {
        let live = self.tasks.values().filter(|(view, _)| !view.state().is_terminal());
        live.fold(self.total(), |rest, (view, _)| {
            let held = Resources::from_v1(&view.resources).unwrap().unallocate().unwrap();
            rest.checked_sub(&held).unwrap_or_default()
        })
    }

    /// Applies an operation if it can.
    fn apply(
        &mut self,
        operation: OperationUuid,
        framework: Option<&FrameworkId>,
        info: &v1::offer::Operation,
    ) {
        let conversion = Conversion::of(info).unwrap_or_default().unallocate().unwrap();
        let state = match conversion.apply(&self.total()) {
            Ok(total) if conversion != Conversion::default() => {
                self.total = Some(total);
                OperationState::OperationFinished
            }
            _ => OperationState::OperationDropped,
        };
        let latest_status = v1::OperationStatus {
            operation_id: info.id.clone(),
            state: state.into(),
            agent_id: self.id.as_ref().map(Into::into),
            uuid: Some(operation.to_v1()),
            ..Default::default()
        };
        let applied = v1::Operation {
            framework_id: framework.map(Into::into),
            agent_id: self.id.as_ref().map(Into::into),
            info: info.clone(),
            latest_status,
            statuses: vec![],
            uuid: operation.to_v1(),
        };
        self.operations.entry(operation).or_insert(applied);
    }
}

struct World {
    m: Master,
    dice: Dice,
    hosts: Vec<Host>,
    streams: BTreeMap<u64, Option<FrameworkId>>,
    known: BTreeSet<FrameworkId>,
    next: u64,
    log: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        World {
            m: Master::new(),
            dice: Dice(seed),
            hosts: (0..3).map(|_| Host::default()).collect(),
            streams: BTreeMap::new(),
            known: BTreeSet::new(),
            next: 1,
            log: vec![],
        }
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// An event that may be refused; what agents and schedulers are told reaches them.
    fn event(&mut self, event: Event) {
        match self.m.event(event) {
            Ok(gave) => self.hear(gave),
            Err(refused) => self.log.push(format!("refused {}", refused.code)),
        }
    }

    fn hear(&mut self, gave: Gave) {
        self.log.extend(gave.lines());
        for effect in &gave.effects {
            match effect {
                Effect::CloseSubscriber { connection, .. } => {
                    self.streams.remove(&connection.0);
                }
                Effect::ToSubscriber { connection, event } => {
                    if let Some(subscribed) = &event.subscribed {
                        let id = FrameworkId::try_from(&subscribed.framework_id).unwrap();
                        self.known.insert(id.clone());
                        self.streams.insert(connection.0, Some(id));
                    }
                }
                Effect::CloseAgent { connection } => {
                    for host in &mut self.hosts {
                        if host.connection == Some(connection.0) {
                            host.connection = None;
                        }
                    }
                }
                Effect::ToAgent { connection, message } => self.obey(connection.0, message),
                _ => {}
            }
        }
    }

    /// An agent obeys an order, now and then losing it.
    fn obey(&mut self, connection: u64, message: &meseta_api::internal::agent::FromMaster) {
        use meseta_api::internal::agent::{FromMaster, Order};
        let lost = self.dice.below(10) == 0;
        let host = self.hosts.iter_mut().find(|host| host.connection == Some(connection));
        let (Some(host), FromMaster::Order { order, .. }) = (host, message) else {
            return;
        };
        match &**order {
            Order::Registered { agent_id, .. } => host.id = Some(agent_id.clone()),
            Order::RunTask { framework, task, .. } if !lost => {
                let id = FrameworkId::try_from(framework.id.as_ref().unwrap()).unwrap();
                let mut view = reported(
                    &id,
                    host.id.as_ref().unwrap(),
                    &task.task_id.value,
                    TaskState::TaskRunning,
                );
                view.resources = task.resources.clone();
                let wanted = Resources::from_v1(&task.resources).unwrap().unallocate().unwrap();
                if !host.unused().contains(&wanted) {
                    view.state = TaskState::TaskDropped.into();
                }
                host.tasks.insert((id, task.task_id.value.clone()), (view, None));
            }
            Order::ApplyOperation { operation, framework_id, info } if !lost => {
                host.apply(*operation, framework_id.as_ref(), info);
            }
            Order::AcknowledgeOperation { operation, .. } => {
                host.operations.remove(operation);
            }
            Order::Reregistered { reconcile_operations, .. } => {
                for asked in reconcile_operations {
                    let id = asked.operation_id.clone();
                    let unknown = v1::offer::Operation { id, ..Default::default() };
                    host.apply(asked.operation, asked.framework_id.as_ref(), &unknown);
                }
            }
            Order::AcknowledgeStatus { task, uuid } => {
                let key = (task.framework_id.clone(), task.task_id.to_string());
                let acknowledged = host.tasks.get(&key).is_some_and(|(view, update)| {
                    let same = update
                        .as_ref()
                        .is_some_and(|u| u.status.uuid.as_deref() == Some(&uuid[..]));
                    same && view.state().is_terminal()
                });
                if acknowledged {
                    host.tasks.remove(&key);
                }
            }
            Order::ShutdownFramework { framework_id } => {
                host.tasks.retain(|(framework, _), _| framework != framework_id);
            }
            _ => {}
        }
    }

    fn step(&mut self) {
        match self.dice.below(16) {
            0 | 1 => self.agent_comes(),
            2 => self.agent_leaves(),
            3 | 4 => self.scheduler_comes(),
            5 => self.scheduler_leaves(),
            6..=8 => {
                let gave = self.m.allocate();
                self.hear(gave);
            }
            9 | 10 => self.offer_is_used(),
            11 | 12 => self.status(),
            13 => {
                let long = [1, 5, 15, 75, 130, 700][self.dice.below(6)];
                let gave = self.m.passes(long * SECOND);
                self.hear(gave);
            }
            14 => self.teardown(),
            _ => {
                let gave = self.m.durable();
                self.hear(gave);
            }
        }
    }

    fn agent_comes(&mut self) {
        let which = self.dice.below(self.hosts.len());
        let connection = self.fresh();
        let host = &mut self.hosts[which];
        host.connection = Some(connection);
        let report = Report {
            tasks: host.tasks.values().map(|(view, _)| view.clone()).collect(),
            frameworks: host.tasks.keys().map(|(id, _)| with_id(info("f"), id)).collect(),
            executors: vec![],
            total: host.total.as_ref().map(Resources::to_v1),
            operations: host.operations.values().cloned().collect(),
        };
        let id = host.id.clone();
        self.event(arrives(connection));
        self.event(match id {
            Some(id) => reregisters(connection, &id, ALL, report),
            None => registers(connection, ALL),
        });
    }

    fn agent_leaves(&mut self) {
        let which = self.dice.below(self.hosts.len());
        if let Some(connection) = self.hosts[which].connection.take() {
            self.event(lost_agent(connection));
        }
    }

    fn scheduler_comes(&mut self) {
        let connection = self.fresh();
        self.streams.insert(connection, None);
        let known: Vec<FrameworkId> = self.known.iter().cloned().collect();
        let mut of = if self.dice.below(2) == 0 { info("f") } else { unaware("f") };
        of.failover_timeout = Some([0.0, 600.0, 1e6][self.dice.below(3)]);
        let pick = self.dice.below(known.len() + 1);
        if let Some(id) = known.get(pick) {
            of.id = Some(id.into());
        }
        self.event(subscribes(connection, of));
    }

    fn stream(&mut self) -> Option<(u64, Option<FrameworkId>)> {
        let n = self.streams.len();
        if n == 0 {
            return None;
        }
        let pick = self.dice.below(n);
        self.streams.iter().nth(pick).map(|(stream, id)| (*stream, id.clone()))
    }

    fn scheduler_leaves(&mut self) {
        if let Some((stream, _)) = self.stream() {
            self.streams.remove(&stream);
            self.event(lost_stream(stream));
        }
    }

    fn teardown(&mut self) {
        if self.dice.below(4) == 0 {
            if let Some((stream, Some(id))) = self.stream() {
                self.event(call(stream, &(&id).into(), simple(Type::Teardown)));
            }
        }
    }

    fn offer_is_used(&mut self) {
        let Some((stream, Some(id))) = self.stream() else {
            return;
        };
        // Now and then also offers that are no more, and those of others.
        let any = self.dice.below(4) == 0;
        let wanted = |offer: &&Offer| any || offer.framework_id.value == id.as_str();
        let mut offers: Vec<Offer> = self.m.offers.values().filter(wanted).cloned().collect();
        offers.sort_by_key(|offer| (offer.id.value.len(), offer.id.value.clone()));
        let Some(last) = offers.len().checked_sub(1) else {
            return;
        };
        let offer = &offers[last - self.dice.below(offers.len().min(if any { 4 } else { 1 }))];
        let names = ["a", "b", "c", "d"];
        let count = self.dice.below(3);
        let reserved = || reserved("cpus:1");
        let mut operations = match self.dice.below(8) {
            0 => vec![reserve("", vec![reserved()])],
            1 => vec![reserve(names[self.dice.below(names.len())], vec![reserved()])],
            2..=4 => vec![unreserve("", vec![reserved()])],
            _ => vec![],
        };
        let sizes = ["cpus:1;mem:128", "cpus:3", "mem:64;ports:[3-4]", "cpus:9"];
        let tasks = (0..count).map(|_| {
            let name = names[self.dice.below(names.len())];
            let mut task = task(name, offer, sizes[self.dice.below(sizes.len())]);
            if self.dice.below(3) == 0 {
                task.resources.push(reserved());
            }
            task
        });
        operations.push(launch(tasks.collect()));
        let mut accept = accept_all(&[offer], operations);
        if let Some(accept) = &mut accept.accept {
            accept.filters = Some(v1::Filters { refuse_seconds: Some(0.0) });
        }
        self.event(call(stream, &(&id).into(), accept));
    }

    /// An operation's end is told, and its framework acknowledges it.
    fn operation_status(&mut self, which: usize) {
        let host = &self.hosts[which];
        let (Some(connection), Some((operation, one))) =
            (host.connection, host.operations.iter().next())
        else {
            return;
        };
        let framework_id = one.framework_id.as_ref().map(|id| FrameworkId::try_from(id).unwrap());
        let status = one.latest_status.clone();
        let (id, uuid) = (status.operation_id.clone(), operation.to_v1().value);
        let update =
            OperationUpdate { operation: *operation, framework_id: framework_id.clone(), status };
        self.event(says(connection, FromAgent::UpdateOperation(Box::new(update))));
        let stream = self.streams.iter().find(|(_, id)| **id == framework_id);
        if let (Some((stream, Some(framework))), Some(operation_id)) = (stream, id) {
            let acknowledge = v1::scheduler::call::AcknowledgeOperationStatus {
                agent_id: None,
                resource_provider_id: None,
                uuid,
                operation_id,
            };
            let acknowledge = v1::scheduler::Call {
                acknowledge_operation_status: Some(acknowledge),
                ..simple(Type::AcknowledgeOperationStatus)
            };
            let (stream, framework) = (*stream, framework.into());
            self.event(call(stream, &framework, acknowledge));
        }
    }

    fn status(&mut self) {
        let which = self.dice.below(self.hosts.len());
        if self.dice.below(3) == 0 {
            return self.operation_status(which);
        }
        let states = [TaskState::TaskRunning, TaskState::TaskFinished, TaskState::TaskFailed];
        let state = states[self.dice.below(states.len())];
        let host = &mut self.hosts[which];
        let (Some(connection), Some(agent)) = (host.connection, host.id.clone()) else {
            return;
        };
        let n = host.tasks.len();
        if n == 0 {
            return;
        }
        let pick = self.dice.below(n);
        let Some(((framework, name), (view, update))) = host.tasks.iter_mut().nth(pick) else {
            return;
        };
        let ended = view.state().is_terminal();
        if !ended || update.is_none() {
            let state = if ended { view.state() } else { state };
            view.state = state.into();
            let offer = Offer {
                framework_id: framework.into(),
                agent_id: (&agent).into(),
                ..Default::default()
            };
            *update = Some(self.m.status(&offer, name, state));
        }
        let framework = framework.clone();
        let sent = update.clone().unwrap();
        self.event(says(connection, FromAgent::UpdateStatus(Box::new(sent.clone()))));
        let stream = self.streams.iter().find(|(_, id)| **id == Some(framework.clone()));
        if let Some(stream) = stream.map(|(stream, _)| *stream) {
            self.event(acknowledges(stream, &sent));
        }
    }
}

fn life(seed: u64, steps: usize) -> Vec<String> {
    let mut world = World::new(seed);
    for _ in 0..steps {
        world.step();
    }
    world.log
}

#[test]
fn al_01_invariants_hold_in_random_lives() {
    let mut all = String::new();
    for seed in 0..60 {
        all.push_str(&life(seed, 400).join("\n"));
    }
    // The lives are worth living: what matters happened.
    for what in [
        "RunTask",
        "RESCIND",
        "Reregistered",
        "MarkReachable",
        "MarkUnreachable",
        "RemoveFramework",
        "Framework failed over",
        "TASK_UNREACHABLE",
        "TASK_DROPPED",
        "TASK_ERROR",
        "TASK_FINISHED",
        "REASON_AGENT_REREGISTERED",
        "reconcile [a",
        "ShutdownFramework",
        "AcknowledgeStatus",
        "ApplyOperation",
        "OPERATION_FINISHED to acknowledge",
        "OPERATION_DROPPED",
        "OPERATION_ERROR",
        "AcknowledgeOperation",
        "not connected",
    ] {
        assert!(all.contains(what), "never happened: {what}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(life(7, 500), life(7, 500));
    assert_ne!(life(7, 500), life(8, 500));
}

/// What a reader has kept of blocks is never taken for what changed.
#[test]
fn reads_put_together_of_kept_blocks_are_as_if_made_anew() {
    for seed in 100..112 {
        let mut world = World::new(seed);
        let (mut kitchen, mut gauges) = (Kitchen::default(), Gauges::default());
        for step in 0..300 {
            world.step();
            if step % 6 == 0 {
                reads_are_as_if_made_anew(&world.m.core, &mut kitchen);
                let anew = Gauges::default().of(&world.m.core);
                assert_eq!(gauges.of(&world.m.core), anew);
            }
        }
    }
}
