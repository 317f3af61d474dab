//! `run`'s scheduler against a scripted master, on virtual time.

use libproc::sim::Sim;
use libproc::{Context, Gate, NodeConfig, Process, Receive, Remote, Sender};
use meseta_api::internal::master::FromFramework;
use meseta_api::internal::scheduler::FromMaster;
use meseta_api::resources::Resources;
use meseta_api::v1::scheduler::{call, event, Call, Event};
use meseta_api::v1::{self, TaskState};
use meseta_cli::run::policy::{Notice, Policy};
use meseta_cli::run::Spec;
use meseta_node::keys::{Credential, Keyring, FRAMEWORK, MASTER};
use meseta_scheduler::{Act, SchedulerConfig};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// What the master does with the n-th launched task: the statuses that it sends.
type Script = fn(usize) -> Vec<(TaskState, &'static str)>;

const MASTER_AT: &str = "10.0.0.1:5050";

struct Master {
    script: Script,
    launched: usize,
    offers: usize,
    calls: Arc<Mutex<Vec<String>>>,
}

struct OfferDue(Remote<FromMaster>);

impl Process for Master {
    const NAME: &'static str = "master";
    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<FromFramework>(&[FRAMEWORK]);
    }
}

impl Receive<OfferDue> for Master {
    fn receive(&mut self, due: OfferDue, _: &Sender, cx: &mut Context<Self>) {
        self.offers += 1;
        let offer = v1::Offer {
            id: format!("O{}", self.offers).into(),
            agent_id: "A-S0".into(),
            hostname: "h".into(),
            resources: Resources::parse("cpus:0.25;mem:1000").unwrap().to_v1(),
            ..Default::default()
        };
        let offers = event::Offers { offers: vec![offer] };
        say(&due.0, event::Type::Offers, |e| e.offers = Some(offers), cx);
    }
}

impl Receive<FromFramework> for Master {
    fn receive(&mut self, message: FromFramework, from: &Sender, cx: &mut Context<Self>) {
        let FromFramework::Call(call) = message;
        let to: Remote<FromMaster> = from.remote().unwrap();
        self.calls.lock().unwrap().push(told(&call));
        match call.r#type() {
            call::Type::Subscribe => {
                let subscribed =
                    event::Subscribed { framework_id: "F-0".into(), ..Default::default() };
                say(&to, event::Type::Subscribed, |e| e.subscribed = Some(subscribed), cx);
                cx.after(Duration::from_secs(1), OfferDue(to));
            }
            call::Type::Accept => {
                let operations = call.accept.into_iter().flat_map(|accept| accept.operations);
                let launches = operations.filter_map(|operation| operation.launch);
                for task in launches.flat_map(|launch| launch.task_infos) {
                    for (state, message) in (self.script)(self.launched) {
                        update(&to, &task.task_id, state, message, cx);
                    }
                    self.launched += 1;
                }
                cx.after(Duration::from_secs(1), OfferDue(to));
            }
            call::Type::Kill => {
                let task = call.kill.unwrap().task_id;
                let message = "command terminated by signal SIGTERM";
                update(&to, &task, TaskState::TaskKilled, message, cx);
            }
            _ => {}
        }
    }
}

fn say(
    to: &Remote<FromMaster>,
    kind: event::Type,
    fill: impl FnOnce(&mut Event),
    cx: &mut Context<Master>,
) {
    let mut event = Event { r#type: Some(kind as i32), ..Default::default() };
    fill(&mut event);
    cx.send(to, FromMaster::Event(Box::new(event)));
}

fn update(
    to: &Remote<FromMaster>,
    task: &v1::TaskId,
    state: TaskState,
    message: &str,
    cx: &mut Context<Master>,
) {
    let status = v1::TaskStatus {
        task_id: task.clone(),
        state: state as i32,
        message: Some(message.into()),
        agent_id: Some("A-S0".into()),
        uuid: Some(cx.uuid().to_vec().into()),
        ..Default::default()
    };
    say(to, event::Type::Update, |e| e.update = Some(event::Update { status }), cx);
}

/// One word per call, with the tasks that it names.
fn told(call: &Call) -> String {
    let mut words = vec![call.r#type().as_str_name().to_owned()];
    let operations = call.accept.iter().flat_map(|accept| &accept.operations);
    let launches = operations.filter_map(|operation| operation.launch.as_ref());
    words.extend(launches.flat_map(|l| &l.task_infos).map(|t| t.task_id.to_string()));
    words.extend(call.kill.iter().map(|kill| kill.task_id.to_string()));
    words.join(" ")
}

struct Outcome {
    notices: Vec<Notice>,
    calls: Vec<String>,
}

impl Outcome {
    fn code(&self) -> Option<u8> {
        self.notices.iter().find_map(|notice| match notice {
            Notice::Ended(code) => Some(*code),
            _ => None,
        })
    }

    fn calls_of(&self, word: &str) -> Vec<&str> {
        let calls = self.calls.iter().map(String::as_str);
        calls.filter(|call| call.starts_with(word)).collect()
    }
}

fn run(instances: usize, cpus: f64, script: Script, interrupt: bool) -> Outcome {
    let mut sim = Sim::new(3);
    let (there, here) = (sim.machine("m", MASTER_AT), sim.machine("f", "10.0.0.2:1"));
    let keyring = Keyring::new("m", MASTER);
    keyring.insert("f", b"s", FRAMEWORK);
    let master = sim.start(
        there,
        NodeConfig {
            listen: Some(MASTER_AT.into()),
            admit: Arc::new(keyring),
            ..NodeConfig::new("c", "m")
        },
    );
    let calls = Arc::new(Mutex::new(Vec::new()));
    let process = Master { script, launched: 0, offers: 0, calls: calls.clone() };
    master.spawn("master", process).unwrap();
    let credential = Credential { principal: "f".into(), secret: "s".into() };
    let mut config = SchedulerConfig::new("web", "*", credential);
    config.masters = MASTER_AT.parse().unwrap();
    let spec = Spec {
        name: "web".into(),
        command: vec!["true".into()],
        cpus,
        mem: 32.0,
        instances,
        environment: Vec::new(),
    };
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let node = sim.start(here, NodeConfig::new("c", "f"));
    let policy = Policy::new(spec, sender).unwrap();
    let pid = meseta_scheduler::spawn(&node, config, policy).unwrap();
    sim.run_for(Duration::from_secs(20));
    if interrupt {
        pid.tell(Act::new(Policy::interrupt));
        sim.run_for(Duration::from_secs(5));
    }
    pid.tell(Act::new(|_: &mut Policy, driver| driver.stop(true)));
    sim.run_for(Duration::from_secs(5));
    let mut notices = Vec::new();
    while let Ok(notice) = receiver.try_recv() {
        notices.push(notice);
    }
    let calls = calls.lock().unwrap().clone();
    Outcome { notices, calls }
}

const FINISHES: [(TaskState, &str); 2] =
    [(TaskState::TaskRunning, ""), (TaskState::TaskFinished, "command exited with status 0")];

#[test]
fn instances_fill_offers_and_all_finish() {
    let done = run(5, 0.1, |_| FINISHES.to_vec(), false);
    assert_eq!(done.code(), Some(0));
    assert_eq!(
        done.calls_of("ACCEPT"),
        ["ACCEPT web.0 web.1", "ACCEPT web.2 web.3", "ACCEPT web.4"]
    );
    assert_eq!(done.calls_of("ACKNOWLEDGE").len(), 10);
    assert_eq!(done.calls_of("SUPPRESS").len(), 1);
    assert_eq!(done.calls.last().map(String::as_str), Some("TEARDOWN"));
    assert_eq!(done.notices[0], Notice::Subscribed("F-0".into()));
}

#[test]
fn the_first_failure_is_the_exit_code() {
    let script: Script = |n| match n {
        0 => FINISHES.to_vec(),
        1 => vec![(TaskState::TaskFailed, "command exited with status 7")],
        _ => vec![(TaskState::TaskFailed, "command exited with status 9")],
    };
    assert_eq!(run(3, 0.1, script, false).code(), Some(7));
}

#[test]
fn a_task_that_never_ran_is_launched_again_but_not_for_ever() {
    let once: Script = |n| match n {
        0 => vec![(TaskState::TaskDropped, "agent is gone")],
        _ => FINISHES.to_vec(),
    };
    let done = run(1, 0.1, once, false);
    assert_eq!(done.code(), Some(0));
    assert_eq!(done.calls_of("ACCEPT"), ["ACCEPT web.0", "ACCEPT web.0.2"]);
    let always: Script = |_| vec![(TaskState::TaskDropped, "no")];
    let done = run(1, 0.1, always, false);
    assert_eq!((done.code(), done.calls_of("ACCEPT").len()), (Some(125), 5));
}

#[test]
fn an_interrupt_kills_what_runs() {
    let runs: Script = |_| vec![(TaskState::TaskRunning, "")];
    assert_eq!(run(2, 0.1, runs, false).code(), None);
    let done = run(2, 0.1, runs, true);
    assert_eq!(done.calls_of("KILL"), ["KILL web.0", "KILL web.1"]);
    assert_eq!(done.code(), Some(130));
}

#[test]
fn what_is_too_large_is_told_and_waits() {
    let done = run(1, 0.5, |_| FINISHES.to_vec(), true);
    let small = Notice::TooSmall { cpus: 0.25, mem: 1000.0 };
    assert!(done.notices.contains(&small));
    assert!(done.calls_of("ACCEPT").is_empty());
    assert_eq!(done.code(), Some(130));
}
