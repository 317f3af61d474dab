//! Offer operations at the agent (OP-01 to OP-04, OP-06, B17, RES-12, AGT-24).

use super::*;
use crate::checkpoint::records::{from_json, AccountRecord};
use meseta_api::internal::agent::AskedOperation;
use meseta_api::internal::OperationUuid;
use meseta_api::resources::Resources;
use meseta_api::v1::offer::operation::{self, Type};
use meseta_api::v1::offer::Operation;
use meseta_api::v1::resource::{disk_info, DiskInfo, ReservationInfo};
use meseta_api::v1::OperationState;
use std::path::PathBuf;

const ALL: &str = "cpus:4;disk:100";

fn resources(text: &str) -> Vec<v1::Resource> {
    Resources::parse(text).unwrap().to_v1()
}

/// Registered, with resources.
fn bench() -> Bench {
    let mut bench = Bench::new();
    let info = v1::AgentInfo { resources: resources(ALL), ..settings().info };
    let settings = Settings { info, ..settings() };
    bench.agent = Agent::new(settings, Instant::ZERO);
    bench.on(Event::Recovered(Box::default()));
    bench.register();
    let id = AgentId::parse("S0").unwrap();
    bench.order(Order::Registered { agent_id: id, ping_timeout_ms: 75_000 });
    bench
}

fn reserved(text: &str) -> v1::Resource {
    let mut resource = resources(text).remove(0);
    resource.reservations.push(ReservationInfo {
        r#type: Some(v1::resource::reservation_info::Type::Dynamic.into()),
        role: Some("r/s".into()),
        ..Default::default()
    });
    resource
}

fn volume() -> v1::Resource {
    let mut resource = reserved("disk:10");
    resource.disk = Some(DiskInfo {
        persistence: Some(disk_info::Persistence { id: "v".into(), principal: None }),
        volume: Some(v1::Volume {
            container_path: "data".into(),
            mode: v1::volume::Mode::Rw.into(),
            ..Default::default()
        }),
        source: None,
    });
    resource
}

fn directory() -> PathBuf {
    "/w/volumes/roles/r s/v".into()
}

fn of(kind: Type, fill: impl FnOnce(&mut Operation)) -> Operation {
    let mut operation = Operation { r#type: Some(kind.into()), ..Default::default() };
    operation.id = Some("o".into());
    fill(&mut operation);
    operation
}

fn reserve(resource: v1::Resource) -> Operation {
    let reserve = operation::Reserve { resources: vec![resource], source: vec![] };
    of(Type::Reserve, |operation| operation.reserve = Some(reserve))
}

fn create() -> Operation {
    let create = operation::Create { volumes: vec![volume()] };
    of(Type::Create, |operation| operation.create = Some(create))
}

fn destroy() -> Operation {
    let destroy = operation::Destroy { volumes: vec![volume()] };
    of(Type::Destroy, |operation| operation.destroy = Some(destroy))
}

fn name(n: u8) -> OperationUuid {
    OperationUuid::from_bytes([n; 16])
}

fn user(id: &str) -> v1::TaskInfo {
    v1::TaskInfo { resources: vec![volume()], ..task(id) }
}

impl Bench {
    fn apply(&mut self, n: u8, info: Operation) -> &[Effect] {
        let (operation, info) = (name(n), Box::new(info));
        let framework_id = Some("F".parse().unwrap());
        self.order(Order::ApplyOperation { operation, framework_id, info })
    }

    fn arranged(&mut self) -> &[Effect] {
        self.on(Event::VolumesArranged(Ok(())))
    }

    /// What the last step told of operations.
    fn told_operations(&self) -> Vec<(OperationUuid, OperationState, Vec<u8>)> {
        let told = self.effects.iter().filter_map(|effect| match effect {
            Effect::ToMaster { message, .. } => match &**message {
                FromAgent::UpdateOperation(update) => {
                    let status = &update.status;
                    assert_eq!(status.agent_id, Some("S0".into()));
                    let uuid = status.uuid.as_ref().unwrap().value.to_vec();
                    Some((update.operation, status.state(), uuid))
                }
                _ => None,
            },
            _ => None,
        });
        told.collect()
    }

    /// Directories that the last step wants made, and removed.
    fn arranges(&self) -> Option<(Vec<PathBuf>, Vec<PathBuf>)> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::ArrangeVolumes { make, remove } => Some((make.clone(), remove.clone())),
            _ => None,
        })
    }

    /// As the last write of it has it.
    fn account(&self) -> AccountRecord {
        let path = PathBuf::from("/w/meta/resources");
        let writes = self.operations.iter().rev().filter_map(|operation| match operation {
            DiskOperation::Write(to, content) if *to == path => Some(content),
            _ => None,
        });
        from_json(writes.into_iter().next().expect("a record")).unwrap()
    }

    fn acknowledge(&mut self, n: u8, uuid: Vec<u8>) -> &[Effect] {
        self.order(Order::AcknowledgeOperation { operation: name(n), uuid })
    }

    fn report(&self) -> (Option<Vec<v1::Resource>>, Vec<v1::Operation>) {
        let mut reports = self.effects.iter().filter_map(|effect| match effect {
            Effect::ToMaster { message, .. } => match &**message {
                FromAgent::ReregisterAgent { total, operations, .. } => {
                    Some((total.clone(), operations.clone()))
                }
                _ => None,
            },
            _ => None,
        });
        reports.next_back().expect("a report")
    }
}

/// With a volume, and nothing left to be told of.
fn with_volume() -> Bench {
    let mut bench = bench();
    for (n, info) in [(1, reserve(reserved("disk:10"))), (2, create())] {
        bench.apply(n, info);
        if n == 2 {
            bench.arranged();
        }
        let uuid = bench.told_operations()[0].2.clone();
        bench.acknowledge(n, uuid);
    }
    bench
}

#[test]
fn b17_an_operation_is_written_then_arranged_then_told() {
    let mut bench = bench();
    bench.apply(1, reserve(reserved("disk:10")));
    assert_eq!(bench.told_operations().len(), 1, "nothing to arrange");
    bench.hold_disk = true;
    bench.apply(2, create());
    assert_eq!((bench.arranges(), bench.told_operations()), (None, vec![]));
    assert_eq!(bench.account().total.persistent_volumes().len(), 1);
    bench.release_disk();
    assert_eq!(bench.arranges(), Some((vec![directory()], vec![])));
    assert_eq!(bench.told_operations(), []);
    bench.arranged();
    let told = bench.told_operations();
    assert_eq!((told[0].0, told[0].1), (name(2), OperationState::OperationFinished));

    bench.apply(3, destroy());
    assert_eq!(bench.account().doomed, [directory()]);
    assert_eq!(bench.arranges(), Some((vec![], vec![directory()])));
    bench.arranged();
    assert_eq!(bench.told_operations()[0].0, name(3));
}

#[test]
fn op_04_what_is_not_acknowledged_is_told_again_and_again() {
    let mut bench = bench();
    bench.apply(1, reserve(reserved("cpus:1")));
    let first = bench.told_operations();
    let retry = |bench: &Bench| {
        bench.effects.iter().find_map(|effect| match effect {
            Effect::SetTimer { key: TimerKey::OperationRetry(_), after } => Some(after.as_secs()),
            _ => None,
        })
    };
    assert_eq!(retry(&bench), Some(10));
    for seconds in [20, 40, 80, 160, 320, 600, 600] {
        bench.on(Event::TimerDue(TimerKey::OperationRetry(name(1))));
        assert_eq!((bench.told_operations(), retry(&bench)), (first.clone(), Some(seconds)));
    }
    // OP-03: ordered twice, applied once.
    bench.apply(1, reserve(reserved("cpus:1")));
    assert_eq!(bench.told_operations(), []);
    bench.acknowledge(1, vec![0; 16]);
    bench.another_master();
    let (total, operations) = bench.report();
    assert_eq!(total.map(|total| total.len()), Some(3));
    assert_eq!(operations[0].latest_status.state(), OperationState::OperationFinished);
    bench.reregistered(vec![]);
    assert_eq!((bench.told_operations(), retry(&bench)), (first.clone(), Some(10)));

    bench.acknowledge(1, first[0].2.clone());
    assert!(bench.has(|e| *e == Effect::CancelTimer { key: TimerKey::OperationRetry(name(1)) }));
    assert_eq!(bench.account().operations, []);
    bench.on(Event::TimerDue(TimerKey::OperationRetry(name(1))));
    assert_eq!(bench.told_operations(), []);
}

#[test]
fn b17_what_the_agent_does_not_have_is_dropped_and_changes_nothing() {
    let mut bench = bench();
    bench.apply(1, create());
    let told = bench.told_operations();
    assert_eq!(told[0].1, OperationState::OperationDropped);
    bench.another_master();
    assert_eq!(bench.report().0, None);
    bench.reregistered(vec![]);
    assert_eq!(bench.told_operations(), told);
    bench.acknowledge(1, told[0].2.clone());
    bench.on(Event::TimerDue(TimerKey::OperationRetry(name(1))));
    assert_eq!(bench.told_operations(), []);
}

#[test]
fn op_02_one_that_never_arrived_is_dropped_when_asked_about() {
    let mut bench = bench();
    bench.apply(1, reserve(reserved("cpus:1")));
    let asked = |n, id: &str| AskedOperation {
        operation: name(n),
        framework_id: Some("F".parse().unwrap()),
        operation_id: Some(id.into()),
    };
    bench.another_master();
    bench.order(Order::Reregistered {
        agent_id: AgentId::parse("S0").unwrap(),
        ping_timeout_ms: 75_000,
        reconcile: vec![],
        reconcile_operations: vec![asked(1, "here"), asked(2, "lost")],
    });
    let told = bench.told_operations();
    let states: Vec<_> = told.iter().map(|(operation, state, _)| (*operation, *state)).collect();
    let expected =
        [(name(1), OperationState::OperationFinished), (name(2), OperationState::OperationDropped)];
    assert_eq!(states, expected);
    bench.acknowledge(2, told[1].2.clone());
    assert_eq!(bench.account().operations.len(), 1);
}

#[test]
fn op_09_a_task_waits_for_the_operations_before_it() {
    let mut bench = bench();
    bench.apply(1, reserve(reserved("disk:10")));
    bench.hold_disk = true;
    bench.apply(2, create());
    assert_eq!(bench.run(user("t")), None);
    assert_eq!(bench.run(user("u")), None);
    bench.order(Order::KillTask { task: key("u"), kill_policy: None });
    bench.another_master();
    let (tasks, _) = bench.reported();
    assert_eq!(tasks, []);
    let (total, operations) = bench.report();
    assert!(total.is_some());
    assert_eq!(operations[1].latest_status.state(), OperationState::OperationPending);
    // Asked about meanwhile, nothing is said of it: it is about to be launched.
    bench.reregistered(vec![key("t")]);
    assert_eq!(bench.told(), []);
    bench.release_disk();
    assert_eq!(bench.launched_spec(), None);
    bench.arranged();
    let spec = bench.launched_spec().expect("launched");
    assert_eq!(spec.volumes.len(), 1);
    assert_eq!(
        (&spec.volumes[0].source, spec.volumes[0].container_path.to_str()),
        (&directory(), Some("data"))
    );
    assert_eq!(bench.states(), [TaskState::TaskKilled]);
}

#[test]
fn agt_24_a_task_of_what_is_not_there_is_dropped() {
    let mut bench = bench();
    assert_eq!(bench.run(user("t")), None);
    let told = bench.told();
    assert_eq!((told[0].0, told[0].1), (TaskState::TaskDropped, Some(Reason::ResourcesUnknown)));
}

#[test]
fn op_06_a_volume_in_use_is_not_destroyed() {
    let mut bench = with_volume();
    let container = bench.run(user("t")).unwrap().container;
    bench.launched(&container);
    bench.call(Some(&container), subscribe("t"));
    bench.apply(3, destroy());
    assert_eq!(bench.arranges(), None);
    assert_eq!(bench.told_operations()[0].1, OperationState::OperationDropped);
    bench.update("t", 1, TaskState::TaskFinished);
    bench.apply(4, destroy());
    assert_eq!(bench.arranges(), Some((vec![], vec![directory()])));
}

#[test]
fn where_a_task_may_find_a_volume() {
    for (words, path) in [("must stay", "../x"), ("must stay", "/x"), ("must stay", "")] {
        let mut bench = with_volume();
        let mut task = user("t");
        let disk = task.resources[0].disk.as_mut().unwrap();
        disk.volume.as_mut().unwrap().container_path = path.into();
        assert_eq!(bench.run(task), None, "{path}");
        assert_eq!(bench.told()[0].0, TaskState::TaskError);
        let said = bench.effects.iter().any(|effect| match effect {
            Effect::Note { text, .. } => text.contains(words),
            _ => false,
        });
        assert!(said, "{path}");
    }
    // A further task of an executor that was launched already.
    let mut bench = with_volume();
    let container = bench.run(task_of_x("first")).unwrap().container;
    bench.launched(&container);
    let mut second = task_of_x("second");
    second.resources = vec![volume()];
    bench.run_with(second, false);
    assert_eq!(bench.states(), [TaskState::TaskError]);
}

#[test]
fn op_01_the_next_life_has_what_was_written_and_finishes_what_was_begun() {
    let mut bench = with_volume();
    bench.hold_disk = true;
    bench.apply(3, reserve(reserved("cpus:1")));
    let account = bench.account();
    let mut next = Bench::new();
    let info = v1::AgentInfo { resources: resources(ALL), ..settings().info };
    next.agent = Agent::new(Settings { info: info.clone(), ..settings() }, Instant::ZERO);
    let doomed = vec![PathBuf::from("/w/volumes/roles/r/old")];
    let recovery = Recovery {
        agent: Some(v1::AgentInfo { id: Some("S0".into()), ..info }),
        account: Some(AccountRecord { doomed: doomed.clone(), ..account }),
        ..recovery()
    };
    next.on(Event::Recovered(Box::new(recovery)));
    assert_eq!(next.arranges(), Some((vec![directory()], doomed)));
    next.register();
    let (total, operations) = next.report();
    let total = Resources::from_v1(&total.unwrap()).unwrap();
    assert_eq!((total.persistent_volumes().len(), total.reserved().cpus().to_f64()), (1, 1.0));
    assert_eq!(operations.len(), 1);
    next.reregistered(vec![]);
    assert_eq!(next.told_operations()[0].0, name(3));
    // Whoever builds on the volumes waits until they are there.
    assert_eq!(next.run(user("t")), None);
    next.arranged();
    assert!(next.launched_spec().is_some());
}

#[test]
fn b17_an_agent_that_cannot_arrange_volumes_ends() {
    let mut bench = bench();
    bench.apply(1, reserve(reserved("disk:10")));
    bench.apply(2, create());
    bench.on(Event::VolumesArranged(Err("no space".into())));
    let ends = |e: &Effect| matches!(e, Effect::ExitNode { reason } if reason.contains("no space"));
    assert!(bench.has(ends));
    assert_eq!(bench.told_operations(), []);
}
