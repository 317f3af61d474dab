// A counter on one machine, a visitor on another, and every fault that a network, a machine, a
// clock and a disk are capable of. The counter keeps its number in memory alone, so that some fault
// makes a visitor's number go back. Which one? The simulator tells:
//
//     cargo run -p libproc --example simulated --features sim

use libproc::sim::{Hazards, Machine, Sim, Trial};
use libproc::{
    Admission, Answer, AskError, Authenticator, Context, Exit, Gate, NodeConfig, Observation,
    Process, ProcessId, Receive, Remote, Reply, Role, Sender, Target,
};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const VISITOR: Role = Role::of("visitor");
const COUNTER: Role = Role::of("counter");

/// What a visitor may ask a counter.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename = "example.Visit")]
enum Visit {
    CountMe,
}

#[derive(Default)]
struct Counter {
    visits: u64,
}

impl Process for Counter {
    const NAME: &'static str = "counter";

    fn gate(gate: &mut Gate<Self>) {
        gate.answers::<Visit>(&[VISITOR]);
    }

    fn observe(&self, seen: &mut Observation) {
        seen.metric("counter/visits", self.visits as f64);
    }
}

impl Answer<Visit> for Counter {
    type Reply = u64;

    fn answer(&mut self, _: Visit, _: &Sender, reply: Reply<u64>, _: &mut Context<Self>) {
        self.visits += 1;
        reply.send(self.visits);
    }
}

/// Visits every second, and reports a number that is not larger than the one before.
struct Visitor {
    counter: Option<Remote<Visit>>,
    last: u64,
    report: Arc<Mutex<Option<String>>>,
}

#[derive(Clone)]
struct VisitDue;

impl Process for Visitor {
    const NAME: &'static str = "visitor";

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.every(Duration::from_secs(1), VisitDue);
    }

    fn exited(&mut self, _: Exit, _: &mut Context<Self>) {
        self.counter = None;
    }
}

impl Receive<VisitDue> for Visitor {
    fn receive(&mut self, _: VisitDue, _: &Sender, cx: &mut Context<Self>) {
        if let Some(counter) = &self.counter {
            let within = Duration::from_secs(5);
            cx.ask_remote(&counter.clone(), Visit::CountMe, within, Self::on_counted);
            return;
        }
        let target = Target {
            address: "10.0.0.1:5050".into(),
            principal: "visitor".into(),
            secret: b"secret".to_vec(),
            role: COUNTER,
        };
        cx.dial(target, |me, peer, cx| {
            if let Ok(peer) = peer {
                let counter = peer.remote(&ProcessId::new("counter").expect("a fine id"));
                cx.link(counter.address());
                me.counter = Some(counter);
            }
        });
    }
}

impl Visitor {
    fn on_counted(&mut self, counted: Result<u64, AskError>, _: &mut Context<Self>) {
        // Lost with its connection, or late: the next visit will tell.
        let Ok(number) = counted else { return };
        if number <= self.last {
            let breach = format!("went-back: from {} to {number}", self.last);
            self.report.lock().expect("nobody panics").get_or_insert(breach);
        }
        self.last = number;
    }
}

struct Keys;

impl Authenticator for Keys {
    fn admit(&self, principal: &str) -> Option<Admission> {
        let known = principal == "visitor";
        known.then(|| Admission { secret: b"secret".to_vec(), role: VISITOR })
    }

    fn presents(&self) -> (String, Role) {
        ("counter".into(), COUNTER)
    }
}

/// One run: builds the two machines on a fresh simulation and says what broke.
fn run(mut sim: Sim) -> Result<(), String> {
    let report = Arc::new(Mutex::new(None));
    let machine = sim.machine("counter", "10.0.0.1:5050");
    // Called again whenever a fault has taken the machine down and is over.
    sim.on_boot(machine, |sim: &mut Sim, machine: Machine| {
        let config = NodeConfig {
            listen: Some("10.0.0.1:5050".into()),
            admit: Arc::new(Keys),
            ..NodeConfig::new("example", "counter")
        };
        let node = sim.start(machine, config);
        node.spawn("counter", Counter::default()).expect("a fresh node has no processes");
    });
    sim.boot(machine);

    let machine = sim.machine("visitor", "10.0.0.2:5050");
    let reports = report.clone();
    sim.on_boot(machine, move |sim: &mut Sim, machine: Machine| {
        let node = sim.start(machine, NodeConfig::new("example", "visitor"));
        let visitor = Visitor { counter: None, last: 0, report: reports.clone() };
        node.spawn("visitor", visitor).expect("a fresh node has no processes");
    });
    sim.boot(machine);

    sim.run_until(Duration::from_secs(120), |_| report.lock().expect("nobody panics").is_some());
    let breach = report.lock().expect("nobody panics").take();
    breach.map_or(Ok(()), Err)
}

fn main() {
    // Eight random faults from each of 50 seeds, until one of them breaks it.
    let trial = Trial::new(Hazards::among(&["counter", "visitor"])).seeds(0..50);
    let failure = trial.run(run).expect_err("what is in memory does not outlive a crash");
    println!("{failure}");

    // Of the eight, one has caused it, and the log ends where it shows.
    assert_eq!(failure.plan.faults.len(), 1);
    let cause = failure.plan.faults[0].strike.to_string();
    assert!(cause == "crash counter" || cause == "power-off counter", "{cause}");
    assert!(failure.log.iter().any(|line| line.contains(&format!("fault {cause}: begins"))));
}
