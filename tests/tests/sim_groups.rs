//! Groups of tasks on the simulated cluster (OP-02): whatever is lost or starts again, an executor
//! gets all of a group or nothing of it, and each task of it is answered for.

use libproc::sim::{Filter, Machine, Passing, Verdict};
use libproc::NodeConfig;
use meseta_api::v1;
use meseta_api::v1::TaskState;
use meseta_node::keys::Credential;
use meseta_scheduler::operations::launch_group;
use meseta_scheduler::{Driver, Scheduler, SchedulerConfig};
use meseta_tests::sim::cluster::{Shape, SimCluster};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many groups one after the other.
const GROUPS: usize = 6;
/// Between two questions about tasks that are not known to have ended.
const ASK_AGAIN: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(3600);
const MEMBERS: [&str; 3] = ["b", "a", "c"];

/// What the framework knows, whatever becomes of its scheduler.
#[derive(Debug, Default)]
struct Record {
    launched: usize,
    /// Not known to have ended, with its agent.
    live: BTreeMap<String, v1::AgentId>,
    /// Every state that was told of a task.
    told: BTreeMap<String, BTreeSet<TaskState>>,
}

type Shared = Arc<Mutex<Record>>;

fn lock(shared: &Shared) -> MutexGuard<'_, Record> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs one group after the other.
struct Groups(Shared);

fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.into(),
        r#type: v1::value::Type::Scalar as i32,
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    }
}

fn executor() -> v1::ExecutorInfo {
    v1::ExecutorInfo {
        r#type: Some(v1::executor_info::Type::Custom as i32),
        executor_id: "together".into(),
        command: Some(v1::CommandInfo { value: Some("run".into()), ..Default::default() }),
        resources: vec![scalar("cpus", 0.1), scalar("mem", 32.0), scalar("disk", 1.0)],
        ..Default::default()
    }
}

fn task(group: usize, member: &str, agent: &v1::AgentId) -> v1::TaskInfo {
    let id = format!("{group}-{member}");
    v1::TaskInfo {
        name: id.clone(),
        task_id: id.as_str().into(),
        agent_id: agent.clone(),
        resources: vec![scalar("cpus", 0.5), scalar("mem", 32.0)],
        command: Some(v1::CommandInfo { value: Some("sleep 1".into()), ..Default::default() }),
        ..Default::default()
    }
}

impl Scheduler for Groups {
    fn subscribed(&mut self, _: &v1::FrameworkId, driver: &mut Driver<'_>) {
        driver.after(ASK_AGAIN, 0);
    }

    /// Asks about what was launched: the call or its answer may have been lost.
    fn timer(&mut self, token: u64, driver: &mut Driver<'_>) {
        let live = lock(&self.0).live.clone();
        let tasks = live.into_iter().map(|(id, agent)| v1::scheduler::call::reconcile::Task {
            task_id: id.as_str().into(),
            agent_id: Some(agent),
        });
        let tasks: Vec<_> = tasks.collect();
        if !tasks.is_empty() {
            driver.call_raw(v1::scheduler::Call {
                r#type: Some(v1::scheduler::call::Type::Reconcile as i32),
                reconcile: Some(v1::scheduler::call::Reconcile { tasks }),
                ..Default::default()
            });
        }
        driver.after(ASK_AGAIN, token);
    }

    fn offers(&mut self, offers: Vec<v1::Offer>, driver: &mut Driver<'_>) {
        for offer in offers {
            let mut record = lock(&self.0);
            let cpus = offer.resources.iter().filter(|resource| resource.name == "cpus");
            let cpus: f64 = cpus.filter_map(|resource| Some(resource.scalar.as_ref()?.value)).sum();
            if record.launched == GROUPS || !record.live.is_empty() || cpus < 2.0 {
                driver.decline(&[offer.id], 1.0);
                continue;
            }
            record.launched += 1;
            let group = record.launched;
            let tasks = MEMBERS.map(|member| task(group, member, &offer.agent_id)).to_vec();
            for task in &tasks {
                record.live.insert(task.task_id.value.clone(), offer.agent_id.clone());
            }
            driver.accept(&[offer.id], vec![launch_group(executor(), tasks)], 1.0);
        }
    }

    fn update(&mut self, status: v1::TaskStatus, _: &mut Driver<'_>) {
        let mut record = lock(&self.0);
        let (id, state) = (status.task_id.value.clone(), status.state());
        if state.is_terminal() || state == TaskState::TaskUnknown {
            record.live.remove(&id);
        }
        record.told.entry(id).or_default().insert(state);
    }
}

struct Scene {
    cluster: SimCluster,
    machine: Machine,
    record: Shared,
}

fn scene(seed: u64) -> Scene {
    let shape = Shape { agents: 2, frameworks: 1, tasks: 10, ..Shape::default() };
    let mut cluster = SimCluster::new(seed, shape);
    let machine = cluster.sim.machine("groups", "10.0.3.1:1");
    let mut scene = Scene { cluster, machine, record: Shared::default() };
    scene.start();
    scene
}

impl Scene {
    /// Starts the scheduler, crashing one that runs; its id and record are kept.
    fn start(&mut self) {
        let node = self.cluster.sim.start(self.machine, NodeConfig::new("sim", "framework"));
        let credential =
            Credential { principal: "framework".into(), secret: "simulated".to_owned() };
        let mut config = SchedulerConfig::new("groups", "groups", credential);
        config.masters = "10.0.0.1:5050,10.0.0.2:5050".parse().expect("addresses");
        config.id_path = Some(PathBuf::from("/framework-id"));
        let policy = Groups(self.record.clone());
        meseta_scheduler::spawn(&node, config, policy).expect("a fresh node has no processes");
    }

    fn is_over(&self) -> bool {
        let record = lock(&self.record);
        record.launched == GROUPS && record.live.is_empty()
    }

    fn finish(&mut self, what: &str) {
        let record = self.record.clone();
        let reached = self.cluster.run_until(LONG, |cluster| {
            let record = lock(&record);
            let over = record.launched == GROUPS && record.live.is_empty();
            !cluster.breaches().is_empty() || over
        });
        assert_eq!(self.cluster.breaches(), Vec::<String>::new(), "{what}");
        assert!(reached, "{what}: {:#?}", lock(&self.record));
        self.check(what);
    }

    /// What executors were told to launch, by group.
    fn check(&self, what: &str) {
        let launched = self.cluster.launched();
        let together = self.cluster.launched_groups();
        let record = lock(&self.record);
        for group in 1..=GROUPS {
            let names = MEMBERS.map(|member| format!("{group}-{member}"));
            let ran: Vec<&String> = launched.iter().filter(|task| names.contains(task)).collect();
            let whole = ran == names.iter().collect::<Vec<_>>();
            assert!(ran.is_empty() || whole, "{what}: of group {group} ran {ran:?}");
            let in_one = together.iter().filter(|came| came[..] == names).count();
            assert_eq!(in_one, usize::from(whole), "{what}: events of group {group}");
            for name in &names {
                assert!(record.told.contains_key(name), "{what}: nothing was told of {name}");
            }
        }
    }

    fn finished(&self) -> usize {
        let record = lock(&self.record);
        let states = record.told.values();
        states.filter(|states| states.contains(&TaskState::TaskFinished)).count()
    }
}

#[test]
fn op_02_groups_run_one_after_the_other() {
    let mut scene = scene(4);
    scene.finish("undisturbed");
    assert_eq!(scene.finished(), GROUPS * MEMBERS.len());
}

#[test]
fn op_02_a_group_that_is_lost_on_its_way_is_dropped_whole() {
    let mut scene = scene(5);
    let says = |passing: &Passing| {
        let word = b"RunTaskGroup";
        passing.payload.windows(word.len()).any(|window| window == word)
    };
    let order = Filter::all().of("agent.FromMaster").when(says).once();
    let lost = scene.cluster.sim.filter(order, Verdict::Drop);
    scene.cluster.run_until(LONG, |cluster| !cluster.sim.matched(lost).is_empty());
    // What the agent does not have when it registers again, it never got.
    for at in 0..scene.cluster.agent_count() {
        scene.cluster.start_agent(at);
    }
    scene.finish("an order was lost");
    let record = lock(&scene.record);
    for member in MEMBERS {
        let states = &record.told[&format!("1-{member}")];
        assert!(states.contains(&TaskState::TaskDropped), "{member}: {states:?}");
    }
}

/// Whatever starts again in between.
#[test]
fn op_02_groups_outlive_restarts() {
    for seed in 40..52 {
        let mut scene = scene(seed);
        let mut struck = 0;
        while !scene.is_over() && struck < 12 {
            struck += 1;
            let pause = Duration::from_millis(300 + scene.cluster.sim.below(6_000));
            scene.cluster.run_for(pause);
            match scene.cluster.sim.below(4) {
                0 => scene.cluster.start_agent(0),
                1 => scene.cluster.start_agent(1),
                2 => scene.cluster.depose_master(),
                _ => scene.start(),
            }
        }
        scene.finish(&format!("seed {seed}"));
    }
}
