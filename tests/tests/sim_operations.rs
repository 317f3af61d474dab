//! A framework with state on the simulated cluster: reserve, create and launch in one ACCEPT, data
//! that outlives tasks and agents, destroy and unreserve (OP-01, OP-04, OP-09, RES-12).

use meseta_api::v1;
use meseta_api::v1::{OperationState, TaskState};
use meseta_scheduler::operations::{
    create, destroy, launch, named, reserve, reserved, unreserve, volume,
};
use meseta_scheduler::{Driver, Scheduler};
use meseta_tests::sim::guest::{ask_about, lock, scalar, Guest, Shared, ASK_AGAIN};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const ROLE: &str = "stateful";
/// Whose reservations and volumes they are: the framework's own.
const PRINCIPAL: &str = "framework";
const ROUNDS: usize = 3;

/// What a stateful framework knows, whatever becomes of its scheduler.
#[derive(Debug, Default)]
struct Record {
    accepts: usize,
    /// Launched and not known to have ended, with its agent.
    live: BTreeMap<String, v1::AgentId>,
    finished: usize,
    /// The last state of each operation that has a name.
    operations: BTreeMap<String, OperationState>,
    /// Agents of which a volume was offered.
    seen: BTreeSet<String>,
    /// How often one was.
    volume_offers: usize,
    destroyed: bool,
}

/// Runs one task after the other on one volume, then destroys it.
struct Stateful(Shared<Record>);

fn disk() -> v1::Resource {
    reserved(scalar("disk", 10.0), ROLE, Some(PRINCIPAL))
}

fn data() -> v1::Resource {
    volume(disk(), "data", "data", Some(PRINCIPAL))
}

fn task(id: &str, agent: &v1::AgentId) -> v1::TaskInfo {
    v1::TaskInfo {
        name: id.into(),
        task_id: id.into(),
        agent_id: agent.clone(),
        resources: vec![scalar("cpus", 0.5), scalar("mem", 32.0), data()],
        command: Some(v1::CommandInfo { value: Some("sleep 1".into()), ..Default::default() }),
        ..Default::default()
    }
}

impl Stateful {
    fn answer(&self, offer: &v1::Offer) -> Option<Vec<v1::offer::Operation>> {
        let mut record = lock(&self.0);
        let has_volume = offer.resources.iter().any(|resource| resource.disk.is_some());
        if has_volume {
            record.seen.insert(offer.agent_id.value.clone());
            record.volume_offers += 1;
        }
        let plain = |resource: &&v1::Resource| resource.reservations.is_empty();
        let plain: Vec<&str> =
            offer.resources.iter().filter(plain).map(|resource| resource.name.as_str()).collect();
        let room = ["cpus", "mem"].iter().all(|name| plain.contains(name));
        record.accepts += 1;
        let n = record.accepts;
        if record.finished >= ROUNDS {
            if !has_volume {
                return None;
            }
            return Some(vec![
                named(&format!("destroy-{n}"), destroy(vec![data()])),
                named(&format!("unreserve-{n}"), unreserve(vec![disk()])),
            ]);
        }
        if !record.live.is_empty() || !room {
            return None;
        }
        let id = format!("task-{n}");
        let launch = launch(vec![task(&id, &offer.agent_id)]);
        if has_volume {
            record.live.insert(id, offer.agent_id.clone());
            return Some(vec![launch]);
        }
        if !record.seen.is_empty() || !plain.contains(&"disk") {
            return None;
        }
        record.live.insert(id, offer.agent_id.clone());
        Some(vec![
            named(&format!("reserve-{n}"), reserve(vec![disk()])),
            named(&format!("create-{n}"), create(vec![data()])),
            launch,
        ])
    }
}

impl Scheduler for Stateful {
    fn subscribed(&mut self, _: &v1::FrameworkId, driver: &mut Driver<'_>) {
        driver.after(ASK_AGAIN, 0);
    }

    /// Asks about what was launched: the call or its answer may have been lost.
    fn timer(&mut self, token: u64, driver: &mut Driver<'_>) {
        ask_about(lock(&self.0).live.clone(), driver);
        driver.after(ASK_AGAIN, token);
    }

    fn offers(&mut self, offers: Vec<v1::Offer>, driver: &mut Driver<'_>) {
        for offer in offers {
            match self.answer(&offer) {
                Some(operations) => driver.accept(&[offer.id], operations, 1.0),
                None => driver.decline(&[offer.id], 1.0),
            }
        }
    }

    fn update(&mut self, status: v1::TaskStatus, _: &mut Driver<'_>) {
        let mut record = lock(&self.0);
        let state = status.state();
        let over = state.is_terminal() || state == TaskState::TaskUnknown;
        if over && record.live.remove(&status.task_id.value).is_some() {
            record.finished += usize::from(state == TaskState::TaskFinished);
        }
    }

    fn operation(&mut self, status: v1::OperationStatus, _: &mut Driver<'_>) {
        let mut record = lock(&self.0);
        let state = status.state();
        let id = status.operation_id.map(|id| id.value).unwrap_or_default();
        record.destroyed |= id.starts_with("destroy") && state == OperationState::OperationFinished;
        record.operations.insert(id, state);
    }
}

fn scene(seed: u64) -> Guest<Record, Stateful> {
    Guest::new(seed, ROLE, Stateful)
}

#[test]
fn op_09_a_framework_with_state_lives_its_whole_life() {
    let mut scene = scene(3);
    scene.until("the first task", |record| record.finished == 1);
    // Its agent restarts, whichever it is, and the master fails over: the volume is offered again.
    for at in 0..scene.cluster.agent_count() {
        scene.cluster.start_agent(at);
    }
    scene.cluster.depose_master();
    let before = scene.record().volume_offers;
    scene.until("the volume of before", |record| record.volume_offers > before);
    scene.until("all tasks", |record| record.finished == ROUNDS);
    scene.until("the end", |record| record.destroyed);
    scene.cluster.run_for(Duration::from_secs(30));
    let record = scene.record();
    let finished = |state: &OperationState| *state == OperationState::OperationFinished;
    assert_eq!(record.operations.len(), 4, "one volume: {record:#?}");
    assert!(record.operations.values().all(finished), "{record:#?}");
}

/// Whatever restarts in between, the framework gets to its end and the books balance.
#[test]
fn op_01_a_framework_with_state_outlives_restarts() {
    for seed in 20..32 {
        let mut scene = scene(seed);
        scene.disturb(500, 15_000, |record| record.destroyed);
        scene.until(&format!("seed {seed}: the end"), |record| record.destroyed);
    }
}
