//! A framework of the SDK that runs within the test: [`Framework`].
//!
//! Its scheduler is a real one, on a node of its own in a thread of its own; what it sees is
//! written down, and the test waits for that.

use super::wait::until;
use libproc::{Node, NodeConfig, Pid};
use meseta_api::resources::Resources;
use meseta_api::v1::scheduler::{call, Call};
use meseta_api::v1::{self, TaskState, TaskStatus};
use meseta_node::keys::{Credential, FRAMEWORK};
use meseta_scheduler::{Act, Driver, Scheduler, SchedulerConfig, SchedulerProcess, Stop};
use std::future::Future;
use std::path::Path;
use std::sync::{mpsc, Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A declined offer may come again after this long, in seconds: the test may want more soon.
const AGAIN: f64 = 0.5;

/// One task to run.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// For a shell.
    pub command: String,
    /// `cpus:…;mem:…`
    pub resources: String,
    /// The kill policy's grace period.
    pub grace: Option<Duration>,
    /// On this agent, or on any.
    pub agent: Option<String>,
}

impl Job {
    /// A small task.
    pub fn new(id: &str, command: &str) -> Self {
        Job {
            id: id.to_owned(),
            command: command.to_owned(),
            resources: "cpus:0.1;mem:64".to_owned(),
            grace: None,
            agent: None,
        }
    }

    fn task(&self, agent: &v1::AgentId) -> v1::TaskInfo {
        let grace = |grace: Duration| v1::KillPolicy {
            grace_period: Some(v1::DurationInfo {
                nanoseconds: i64::try_from(grace.as_nanos()).expect("a short one"),
            }),
        };
        v1::TaskInfo {
            name: self.id.clone(),
            task_id: self.id.as_str().into(),
            agent_id: agent.clone(),
            resources: Resources::parse(&self.resources).expect("resources").to_v1(),
            command: Some(v1::CommandInfo {
                value: Some(self.command.clone()),
                ..Default::default()
            }),
            kill_policy: self.grace.map(grace),
            ..Default::default()
        }
    }
}

/// What the scheduler has seen so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Each subscription: when, and under which id.
    pub subscribed: Vec<(Instant, String)>,
    /// How often the master was lost.
    pub disconnected: usize,
    /// Each status, and when.
    pub statuses: Vec<(Instant, TaskStatus)>,
    /// When offers came.
    pub offered: Vec<Instant>,
    /// Agents that made offers, in order of their first.
    pub agents: Vec<String>,
    /// Why it ended, if it has.
    pub stopped: Option<Stop>,
}

/// A framework; it is torn down when it is dropped.
pub struct Framework {
    seen: Arc<Mutex<Seen>>,
    scheduler: Pid<SchedulerProcess<Policy>>,
    thread: Option<JoinHandle<()>>,
}

struct Policy {
    seen: Arc<Mutex<Seen>>,
    waiting: Vec<Job>,
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    // A failed test still reports.
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scheduler for Policy {
    fn subscribed(&mut self, id: &v1::FrameworkId, _: &mut Driver<'_>) {
        lock(&self.seen).subscribed.push((Instant::now(), id.value.clone()));
    }

    fn offers(&mut self, offers: Vec<v1::Offer>, driver: &mut Driver<'_>) {
        lock(&self.seen).offered.push(Instant::now());
        for offer in offers {
            let agent = &offer.agent_id;
            let mut seen = lock(&self.seen);
            if !seen.agents.contains(&agent.value) {
                seen.agents.push(agent.value.clone());
            }
            drop(seen);
            let mut left = Resources::from_v1(&offer.resources).unwrap_or_default();
            let mut tasks = Vec::new();
            self.waiting.retain(|job| {
                let needs = Resources::parse(&job.resources).expect("resources");
                let elsewhere = job.agent.as_ref().is_some_and(|wanted| *wanted != agent.value);
                if elsewhere || left.cpus() < needs.cpus() || left.mem() < needs.mem() {
                    return true;
                }
                left = Resources::parse(&format!(
                    "cpus:{};mem:{}",
                    left.cpus().to_f64() - needs.cpus().to_f64(),
                    left.mem().to_f64() - needs.mem().to_f64()
                ))
                .expect("what is left");
                tasks.push(job.task(agent));
                false
            });
            if tasks.is_empty() {
                driver.decline(&[offer.id], AGAIN);
            } else {
                driver.launch(&[offer.id], tasks, AGAIN);
            }
        }
    }

    fn update(&mut self, status: TaskStatus, _: &mut Driver<'_>) {
        lock(&self.seen).statuses.push((Instant::now(), status));
    }

    fn disconnected(&mut self, _: &mut Driver<'_>) {
        lock(&self.seen).disconnected += 1;
    }

    fn stopped(&mut self, stop: &Stop) {
        lock(&self.seen).stopped = Some(stop.clone());
    }
}

impl Framework {
    /// Starts one that looks for the leader at `masters`, a value of `--master`. `credential` has a key of a framework;
    /// its id is kept at `id`, so that a later one of the same path is the same framework.
    pub fn start(masters: &str, credential: &Path, id: &Path) -> Self {
        let credential = meseta_scheduler::credential::read_as(credential, FRAMEWORK.as_str())
            .expect("a framework's credential");
        let config = config(masters, credential, id);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let policy = Policy { seen: seen.clone(), waiting: Vec::new() };
        let (scheduler, thread) = on_a_node(|node| async move {
            meseta_scheduler::spawn(&node, config, policy).expect("spawns")
        });
        Framework { seen, scheduler, thread: Some(thread) }
    }

    /// What it has seen so far.
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Launches as soon as an offer is large enough.
    pub fn launch(&self, job: Job) {
        self.act(|policy, driver| {
            policy.waiting.push(job);
            driver.revive();
        });
    }

    /// KILL.
    pub fn kill(&self, task: &str) {
        let task = v1::TaskId::from(task);
        self.act(move |_, driver| driver.kill(&task, None));
    }

    /// An explicit RECONCILE of these tasks.
    pub fn reconcile(&self, tasks: &[&str]) {
        let of = |id: &&str| call::reconcile::Task { task_id: (*id).into(), agent_id: None };
        let tasks = tasks.iter().map(of).collect();
        self.act(move |_, driver| {
            driver.call_raw(Call {
                r#type: Some(call::Type::Reconcile as i32),
                reconcile: Some(call::Reconcile { tasks }),
                ..Default::default()
            });
        });
    }

    fn act(&self, act: impl FnOnce(&mut Policy, &mut Driver<'_>) + Send + 'static) {
        self.scheduler.tell(Act::new(act));
    }

    /// Its id, once it is subscribed for the `times`-th time.
    #[track_caller]
    pub fn subscribed(&self, times: usize, within: Duration) -> String {
        until(&format!("{times} subscriptions"), within, || {
            let seen = self.seen();
            let id = seen.subscribed.get(times - 1).map(|(_, id)| id.clone());
            id.ok_or_else(|| format!("{:?}, {:?}", seen.subscribed, seen.stopped))
        })
    }

    /// The first status of `task` that `wanted` picks, and when it came.
    #[track_caller]
    pub fn status(
        &self,
        task: &str,
        within: Duration,
        wanted: impl Fn(&TaskStatus) -> bool,
    ) -> (Instant, TaskStatus) {
        until(&format!("the wanted status of {task}"), within, || {
            let seen = self.seen();
            let mut of_task = seen.statuses.iter().filter(|(_, s)| s.task_id.value == task);
            let found = of_task.find(|(_, status)| wanted(status)).cloned();
            found.ok_or_else(|| format!("{:#?}", seen.statuses.last()))
        })
    }

    /// Waits until a task runs.
    #[track_caller]
    pub fn runs(&self, task: &str, within: Duration) {
        self.status(task, within, |status| {
            assert!(!status.state().is_terminal(), "{task} has ended: {status:#?}");
            status.state() == TaskState::TaskRunning
        });
    }

    /// The status that ends a task.
    #[track_caller]
    pub fn end(&self, task: &str, within: Duration) -> TaskStatus {
        self.status(task, within, |status| status.state().is_terminal()).1
    }

    /// Ends the scheduler and leaves the framework: a later one of the same id finds its tasks.
    pub fn leave(mut self) {
        self.stop(false);
    }

    fn stop(&mut self, teardown: bool) {
        if let Some(thread) = self.thread.take() {
            self.act(move |_, driver| driver.stop(teardown));
            // A scheduler that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Framework {
    fn drop(&mut self) {
        self.stop(true);
    }
}

/// A node in a thread of its own, for as long as it lasts; `start` runs on it first.
pub(super) fn on_a_node<T, F>(start: impl FnOnce(Node) -> F + Send + 'static) -> (T, JoinHandle<()>)
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let (started, starts) = mpsc::channel();
    let run = move || {
        libproc::run(async move {
            let node = Node::start(NodeConfig::new("meseta", "test")).await.expect("a node");
            let value = start(node.clone()).await;
            started.send(value).unwrap_or_else(|_| panic!("the test waits"));
            node.finished().await;
        });
    };
    let thread = std::thread::spawn(run);
    (starts.recv().expect("the node starts"), thread)
}

fn config(masters: &str, credential: Credential, id: &Path) -> SchedulerConfig {
    let mut config = SchedulerConfig::new("real", "*", credential);
    config.masters = masters.parse().expect("masters");
    config.id_path = Some(id.to_owned());
    config
}
