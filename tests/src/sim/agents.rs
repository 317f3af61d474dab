//! An agent's machine, and the machines of its executors.
//!
//! Containers are the fake containerizer's; each gets a machine of its own, on which a scripted
//! executor runs over the real executor SDK. Containers outlive their agent, as real ones do.

use super::cluster::credential;
use super::masters::MASTERS;
use libproc::sim::{Machine, Sim};
use libproc::{NodeConfig, Pid, Reason};
use meseta_agent::actor::AgentProcess;
use meseta_agent::config::AgentConfig;
use meseta_agent::containerizer::fake::{FakeContainerizer, LaunchedContainer, Script};
use meseta_agent::containerizer::ContainerExit;
use meseta_api::v1;
use meseta_executor::{Driver, Executor, ExecutorConfig};
use meseta_node::keys::{Keyring, AGENT};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A task, by its framework's id and its own.
pub type TaskName = (String, String);

/// What the executors of an agent did, whatever became of their agent.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// What they were told to launch, in order.
    pub launches: Vec<TaskName>,
    /// The same of what came as a group, in its order.
    pub groups: Vec<Vec<TaskName>>,
    /// What they said last of each task.
    pub said: BTreeMap<TaskName, Said>,
}

/// The last word of an executor on a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The word.
    pub state: v1::TaskState,
    /// The agent has told the executor that it has this word.
    pub acknowledged: bool,
}

impl Said {
    /// The end of the task that the executor reported and that its agent has promised to deliver.
    pub fn promised_end(self) -> Option<v1::TaskState> {
        (self.acknowledged && self.state.is_terminal()).then_some(self.state)
    }
}

type SharedRan = Arc<Mutex<Ran>>;
type Waiting = Arc<Mutex<Vec<LaunchedContainer>>>;

/// An agent's machine.
pub struct AgentSeat {
    pub(super) machine: Machine,
    name: String,
    ip: String,
    containerizer: FakeContainerizer,
    /// Launched since the last step: their machines are started between two steps.
    waiting: Waiting,
    ran: SharedRan,
    executors: usize,
    pid: Option<Pid<AgentProcess>>,
    /// How often it was started.
    lives: u32,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AgentSeat {
    pub(super) fn new(sim: &mut Sim, at: usize) -> Self {
        let (name, ip) = (format!("agent-{at}"), format!("10.0.1.{}", at + 1));
        let machine = sim.machine(&name, &format!("{ip}:5051"));
        let waiting = Waiting::default();
        let launched = waiting.clone();
        let containerizer =
            FakeContainerizer::new(Arc::new(move |container| lock(&launched).push(container)));
        AgentSeat {
            machine,
            name,
            ip,
            containerizer,
            waiting,
            ran: SharedRan::default(),
            executors: 0,
            pid: None,
            lives: 0,
        }
    }

    /// Its machine's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its executors did so far.
    pub fn ran(&self) -> MutexGuard<'_, Ran> {
        lock(&self.ran)
    }

    /// The process of its present life, or of its last.
    pub fn pid(&self) -> Option<&Pid<AgentProcess>> {
        self.pid.as_ref()
    }

    /// How often it was started.
    pub fn lives(&self) -> u32 {
        self.lives
    }

    /// Its containerizer, which outlives it.
    pub fn containerizer(&self) -> &FakeContainerizer {
        &self.containerizer
    }

    pub(super) fn start(&mut self, sim: &mut Sim) {
        let ring = Keyring::new("agent", AGENT);
        let config = NodeConfig {
            listen: Some(format!("{}:5051", self.ip)),
            admit: Arc::new(ring.clone()),
            ..NodeConfig::new("sim", "meseta-agent")
        };
        let node = sim.start(self.machine, config);
        let masters = MASTERS.join(",").parse().expect("addresses");
        let mut config = AgentConfig::new(masters, credential("agent"), PathBuf::from("/work"));
        config.cluster = "sim".into();
        config.hostname.clone_from(&self.name);
        config.ip.clone_from(&self.ip);
        config.resources = "cpus:4;mem:4096;disk:10240;ports:[31000-32000]".into();
        let containerizer = Arc::new(self.containerizer.clone());
        let pid = meseta_agent::spawn(&node, config, ring, containerizer);
        self.lives += 1;
        self.pid = Some(pid.expect("the configuration is right and the node is fresh"));
    }

    /// Starts the machines of containers that were launched in the last step.
    pub(super) fn start_executors(&mut self, sim: &mut Sim) {
        let launched = std::mem::take(&mut *lock(&self.waiting));
        for container in launched {
            self.executors += 1;
            let name = format!("{}-executor-{}", self.name, self.executors);
            let machine = sim.machine(&name, &format!("{name}:0"));
            let node = sim.start(machine, NodeConfig::new("sim", "meseta-executor"));
            let config = ExecutorConfig::from_environment(&container.spec.environment);
            let config = config.expect("the agent gives executors their environment");
            let framework = config.framework_id.clone();
            let executor = Scripted { framework, ran: self.ran.clone(), running: BTreeMap::new() };
            meseta_executor::spawn(&node, config, executor).expect("a fresh node has no processes");
            let (handle, there) = (container.handle.clone(), node.clone());
            node.spawn_future(async move {
                handle.ended().await;
                there.exit(Reason::Stopped("its container was destroyed".into()));
            });
            let (handle, there) = (container.handle, node.clone());
            node.spawn_future(async move {
                there.ended().await;
                handle.end(ContainerExit { status: Some(0), oom_killed: false });
            });
        }
    }
}

/// Runs what a task's command says, without running it.
struct Scripted {
    framework: String,
    ran: SharedRan,
    running: BTreeMap<String, bool>,
}

impl Scripted {
    fn end(&mut self, task: String, state: v1::TaskState, driver: &mut Driver<'_, Self>) {
        if self.running.remove(&task).is_some() {
            self.say(&task, state, driver);
        }
    }

    fn say(&mut self, task: &str, state: v1::TaskState, driver: &mut Driver<'_, Self>) {
        let name = (self.framework.clone(), task.to_owned());
        lock(&self.ran).said.insert(name, Said { state, acknowledged: false });
        driver.update(status(task, state));
    }
}

fn status(task: &str, state: v1::TaskState) -> v1::TaskStatus {
    v1::TaskStatus { task_id: task.into(), state: state as i32, ..Default::default() }
}

impl Executor for Scripted {
    fn launch_group(&mut self, tasks: Vec<v1::TaskInfo>, driver: &mut Driver<'_, Self>) {
        let names = tasks.iter().map(|task| (self.framework.clone(), task.task_id.value.clone()));
        lock(&self.ran).groups.push(names.collect());
        tasks.into_iter().for_each(|task| self.launch(task, driver));
    }

    fn launch(&mut self, task: v1::TaskInfo, driver: &mut Driver<'_, Self>) {
        let id = task.task_id.value.clone();
        lock(&self.ran).launches.push((self.framework.clone(), id.clone()));
        self.running.insert(id.clone(), true);
        self.say(&id, v1::TaskState::TaskStarting, driver);
        self.say(&id, v1::TaskState::TaskRunning, driver);
        match Script::of(&task) {
            Script::Exit { after, code } => {
                let state = match code {
                    0 => v1::TaskState::TaskFinished,
                    _ => v1::TaskState::TaskFailed,
                };
                driver.after(after, move |executor: &mut Self, driver| {
                    executor.end(id, state, driver)
                });
            }
            Script::Forever | Script::Stubborn | Script::Boast { .. } => {}
            // The executor dies without a word.
            Script::Crash | Script::OutOfMemory => driver.stop(),
        }
    }

    fn kill(&mut self, task: v1::TaskId, _: Option<v1::KillPolicy>, driver: &mut Driver<'_, Self>) {
        self.end(task.value, v1::TaskState::TaskKilled, driver);
    }

    fn acknowledged(&mut self, task: v1::TaskId, driver: &mut Driver<'_, Self>) {
        // A command's executor has one task.
        let name = (self.framework.clone(), task.value);
        if let Some(said) = lock(&self.ran).said.get_mut(&name) {
            said.acknowledged = driver.all_acknowledged();
        }
        if self.running.is_empty() && driver.all_acknowledged() {
            driver.stop();
        }
    }

    fn shutdown(&mut self, driver: &mut Driver<'_, Self>) {
        let running: Vec<String> = self.running.keys().cloned().collect();
        for task in running {
            self.end(task, v1::TaskState::TaskKilled, driver);
        }
        driver.after(Duration::from_secs(1), |_, driver| driver.stop());
    }
}
