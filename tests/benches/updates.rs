//! T8: how long a status takes from its agent to the framework's scheduler while nothing else
//! happens: agent's handler, wire, master, wire, SDK, policy.

#![allow(clippy::disallowed_methods, reason = "a bench reads the real clock")]

mod support;

use libproc::{Node, NodeConfig};
use meseta_api::ids::FrameworkId;
use meseta_api::resources::Resources;
use meseta_api::v1;
use meseta_scheduler::{Driver, Scheduler, SchedulerConfig};
use std::process::ExitCode;
use std::sync::{mpsc, Arc};
use std::time::{Duration, Instant};
use support::cluster::{self, credential, NodeThread, CLUSTER};
use support::pace::pace;
use support::record::{Figure, Run, Target};
use support::stats::Samples;
use support::wire_agent::{self, SayAgain};

const UPDATES: usize = 3000;
const WARM_UP: usize = 200;
/// Far more than one takes, so that each finds the cluster idle.
const PERIOD: Duration = Duration::from_millis(3);
const PATIENCE: Duration = Duration::from_secs(20);

/// What the policy tells the bench.
enum Told {
    Running(FrameworkId, v1::TaskId),
    /// A status that was sent so long ago, in nanoseconds.
    Heard(u64),
}

/// Launches one task, and times its statuses.
struct Listener {
    origin: Instant,
    launched: bool,
    to: mpsc::Sender<Told>,
}

impl Scheduler for Listener {
    fn offers(&mut self, offers: Vec<v1::Offer>, driver: &mut Driver<'_>) {
        for offer in offers {
            if std::mem::replace(&mut self.launched, true) {
                driver.decline(&[offer.id], 3600.0);
                continue;
            }
            let each = Resources::parse("cpus:1;mem:32").expect("the bench's resources are right");
            let task = v1::TaskInfo {
                name: "idle".into(),
                task_id: "idle".into(),
                agent_id: offer.agent_id,
                resources: each.to_v1(),
                command: Some(v1::CommandInfo { value: Some("true".into()), ..Default::default() }),
                ..Default::default()
            };
            driver.launch(&[offer.id], vec![task], 3600.0);
        }
    }

    fn update(&mut self, status: v1::TaskStatus, driver: &mut Driver<'_>) {
        let now = self.origin.elapsed().as_nanos() as u64;
        let sent = status.message.as_deref().and_then(|text| text.parse::<u64>().ok());
        let told = match (sent, driver.framework_id()) {
            (Some(sent), _) => Told::Heard(now.saturating_sub(sent)),
            (None, Some(framework)) => match FrameworkId::try_from(framework) {
                Ok(framework) => Told::Running(framework, status.task_id),
                Err(_) => return,
            },
            (None, None) => return,
        };
        let _ = self.to.send(told);
    }
}

fn framework(master: String, origin: Instant, to: mpsc::Sender<Told>) -> NodeThread {
    NodeThread::start(move || async move {
        let node = Node::start(NodeConfig::new(CLUSTER, "framework")).await;
        let node = node.expect("a node that does not listen starts");
        let mut config = SchedulerConfig::new("bench", "*", credential("framework"));
        config.masters = master.parse().expect("an address");
        let policy = Listener { origin, launched: false, to };
        meseta_scheduler::spawn(&node, config, policy).expect("a fresh node");
        vec![node]
    })
}

fn measure() -> Option<Samples> {
    let origin = Instant::now();
    let (to, told) = mpsc::channel();
    let master = cluster::master();
    let (_agents, pids) =
        wire_agent::start(&master.address(), 1, "cpus:4;mem:4096", Arc::default());
    let _framework = framework(master.address(), origin, to);
    let Ok(Told::Running(framework, task)) = told.recv_timeout(PATIENCE) else {
        eprintln!("no task ran within {PATIENCE:?}");
        return None;
    };
    let mut samples = Samples::default();
    for at in 0..WARM_UP + UPDATES {
        pace(PERIOD);
        pids[0].tell(SayAgain {
            framework: framework.clone(),
            task: task.clone(),
            message: Box::new(move || origin.elapsed().as_nanos().to_string()),
        });
        match told.recv_timeout(PATIENCE) {
            Ok(Told::Heard(nanos)) if at >= WARM_UP => samples.add(nanos as f64 / 1000.0),
            Ok(_) => {}
            Err(error) => {
                eprintln!("a status did not arrive: {error}");
                return None;
            }
        }
    }
    Some(samples)
}

fn main() -> ExitCode {
    let mut run = Run::begin("updates");
    let Some(samples) = measure() else {
        return ExitCode::FAILURE;
    };
    run.figure(Figure {
        id: "T8/p50",
        what: "status, agent to scheduler",
        value: samples.median(),
        unit: "us",
        peer: None,
        target: Target::AtMost(250.0),
        more: vec![("p10", samples.p10()), ("samples", samples.len() as f64)],
    });
    run.figure(Figure {
        id: "T8/p99",
        what: "the same",
        value: samples.p99(),
        unit: "us",
        peer: None,
        target: Target::AtMost(2000.0),
        more: vec![("p99_9", samples.quantile(0.999)), ("max", samples.max())],
    });
    run.end()
}
