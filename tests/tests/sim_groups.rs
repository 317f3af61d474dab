//! Groups of tasks on the simulated cluster (OP-02): whatever is lost or starts again, an executor
//! gets all of a group or nothing of it, and each task of it is answered for.

use libproc::sim::{Filter, Passing, Verdict};
use meseta_api::v1;
use meseta_api::v1::TaskState;
use meseta_scheduler::operations::launch_group;
use meseta_scheduler::{Driver, Scheduler};
use meseta_tests::sim::guest::{ask_about, lock, scalar, Guest, Shared, ASK_AGAIN, LONG};
use std::collections::{BTreeMap, BTreeSet};

/// How many groups one after the other.
const GROUPS: usize = 6;
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

/// Runs one group after the other.
struct Groups(Shared<Record>);

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
        ask_about(lock(&self.0).live.clone(), driver);
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

type Scene = Guest<Record, Groups>;

fn scene(seed: u64) -> Scene {
    Guest::new(seed, "groups", Groups)
}

fn is_over(record: &Record) -> bool {
    record.launched == GROUPS && record.live.is_empty()
}

fn finish(scene: &mut Scene, what: &str) {
    scene.until(what, is_over);
    check(scene, what);
}

/// What executors were told to launch, by group.
fn check(scene: &Scene, what: &str) {
    let launched = scene.cluster.launched();
    let together = scene.cluster.launched_groups();
    let record = scene.record();
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

fn finished(scene: &Scene) -> usize {
    let record = scene.record();
    let states = record.told.values();
    states.filter(|states| states.contains(&TaskState::TaskFinished)).count()
}

#[test]
fn op_02_groups_run_one_after_the_other() {
    let mut scene = scene(4);
    finish(&mut scene, "undisturbed");
    assert_eq!(finished(&scene), GROUPS * MEMBERS.len());
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
    finish(&mut scene, "an order was lost");
    let record = scene.record();
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
        scene.disturb(300, 6_000, is_over);
        finish(&mut scene, &format!("seed {seed}"));
    }
}
