//! A program under test: machine `db` keeps numbers on its disk; `web-1` and `web-2` put numbers,
//! one after another, until each is acknowledged. What was acknowledged must never be gone.

use crate::common::{listening, CLIENT, SERVER};
use libproc::sim::{Machine, Sim};
use libproc::{
    Answer, AskError, Context, DialError, Exit, Gate, Node, NodeConfig, Observation, Peer, Pid,
    Process, ProcessId, Receive, Remote, Reply, Sender, Target,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const FILE: &str = "/kept";

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename = "keeper.ToDb")]
enum ToDb {
    Put(u64),
}

#[derive(Clone)]
struct Tick;

/// Keeps numbers. `hasty`, it acknowledges at once, and writes every second: the planted bug.
pub struct Db {
    hasty: bool,
    /// None until the file was read.
    kept: Option<BTreeSet<u64>>,
    waiting: Vec<Reply<()>>,
    writing: bool,
}

impl Process for Db {
    const NAME: &'static str = "db";
    fn gate(gate: &mut Gate<Self>) {
        gate.answers::<ToDb>(&[CLIENT]);
    }
    fn started(&mut self, cx: &mut Context<Self>) {
        cx.defer(cx.node().disk().read(Path::new(FILE)), Self::on_read);
    }
    fn observe(&self, seen: &mut Observation) {
        seen.metric("db/kept", self.kept.as_ref().map_or(-1.0, |kept| kept.len() as f64));
    }
}

impl Db {
    fn on_read(&mut self, read: io::Result<Option<Vec<u8>>>, cx: &mut Context<Self>) {
        match read {
            Ok(content) => {
                let text = String::from_utf8(content.unwrap_or_default()).unwrap();
                self.kept = Some(text.lines().map(|line| line.parse().unwrap()).collect());
                if self.hasty {
                    cx.every(Duration::from_secs(1), Tick);
                }
            }
            Err(_) => {
                cx.after(Duration::from_millis(100), Tick);
            }
        }
    }

    /// One write at a time, of all there is: whoever waited is answered when it is done.
    fn write(&mut self, cx: &mut Context<Self>) {
        if self.writing || self.waiting.is_empty() {
            return;
        }
        self.writing = true;
        let answered = std::mem::take(&mut self.waiting);
        let kept = self.kept.iter().flatten();
        let content: String = kept.map(|number| format!("{number}\n")).collect();
        let writing = cx.node().disk().write(Path::new(FILE), content.into_bytes());
        cx.defer(writing, move |me: &mut Self, written, cx| {
            me.writing = false;
            if written.is_ok() {
                answered.into_iter().for_each(|reply| reply.send(()));
            }
            if !me.hasty {
                me.write(cx);
            }
        });
    }
}

impl Receive<Tick> for Db {
    fn receive(&mut self, _: Tick, _: &Sender, cx: &mut Context<Self>) {
        match self.kept {
            None => self.started(cx),
            Some(_) => self.write(cx),
        }
    }
}

impl Answer<ToDb> for Db {
    type Reply = ();
    fn answer(&mut self, put: ToDb, _: &Sender, reply: Reply<()>, cx: &mut Context<Self>) {
        let ToDb::Put(number) = put;
        // Not read yet: abandoned, and asked again.
        let Some(kept) = &mut self.kept else { return };
        kept.insert(number);
        if self.hasty {
            reply.send(());
            self.waiting.push(Reply::new(|_| {}));
        } else {
            self.waiting.push(reply);
            self.write(cx);
        }
    }
}

/// What was acknowledged, whatever becomes of the machines.
pub type Acknowledged = Arc<Mutex<BTreeSet<u64>>>;

struct Web {
    next: u64,
    acknowledged: Acknowledged,
    db: Option<Remote<ToDb>>,
    dialling: bool,
    asking: bool,
    node: Option<Node>,
}

impl Process for Web {
    const NAME: &'static str = "web";
    fn started(&mut self, cx: &mut Context<Self>) {
        self.node = Some(cx.node().clone());
        cx.every(Duration::from_millis(400), Tick);
    }
    fn exited(&mut self, _: Exit, _: &mut Context<Self>) {
        self.db = None;
    }
    fn observe(&self, seen: &mut Observation) {
        seen.metric("web/next", self.next as f64);
        // As processes do that say how long they have been up.
        seen.metric("web/now", self.node.as_ref().map_or(0.0, |n| n.now().as_nanos() as f64));
    }
}

impl Web {
    fn on_dialled(&mut self, dialled: Result<Arc<Peer>, DialError>, cx: &mut Context<Self>) {
        self.dialling = false;
        if let Ok(peer) = dialled {
            let db: Remote<ToDb> = peer.remote(&ProcessId::new("db").unwrap());
            cx.link(db.address());
            self.db = Some(db);
        }
    }

    fn on_put(&mut self, answer: Result<(), AskError>, _: &mut Context<Self>) {
        self.asking = false;
        if answer.is_ok() {
            self.acknowledged.lock().unwrap().insert(self.next);
            self.next += 1;
        }
    }
}

impl Receive<Tick> for Web {
    fn receive(&mut self, _: Tick, _: &Sender, cx: &mut Context<Self>) {
        match self.db.clone() {
            None if self.dialling => {}
            None => {
                self.dialling = true;
                let target = Target {
                    address: "10.0.0.1:1".into(),
                    principal: "c".into(),
                    secret: b"k".to_vec(),
                    role: SERVER,
                };
                cx.dial(target, Self::on_dialled);
            }
            Some(_) if self.asking => {}
            Some(db) => {
                self.asking = true;
                let put = ToDb::Put(self.next);
                cx.ask_remote(&db, put, Duration::from_secs(2), Self::on_put);
            }
        }
    }
}

pub const MACHINES: [&str; 3] = ["db", "web-1", "web-2"];

type Running = Arc<Mutex<Option<Pid<Db>>>>;

/// The program on a simulation.
pub struct Keeper {
    pub sim: Sim,
    pub acknowledged: Acknowledged,
    db: Running,
}

impl Keeper {
    pub fn on(mut sim: Sim, hasty: bool) -> Self {
        let (db, acknowledged) = (Running::default(), Acknowledged::default());
        let running = db.clone();
        let machine = sim.machine("db", "10.0.0.1:1");
        sim.on_boot(machine, move |sim: &mut Sim, machine: Machine| {
            let config = NodeConfig { recorder: 4, ..listening("db") };
            let node = sim.start(machine, config);
            let process = Db { hasty, kept: None, waiting: Vec::new(), writing: false };
            *running.lock().unwrap() = node.spawn("db", process).ok();
        });
        sim.boot(machine);
        for (at, name) in ["web-1", "web-2"].into_iter().enumerate() {
            let first = (at as u64 + 1) * 1_000_000;
            let all = acknowledged.clone();
            let machine = sim.machine(name, &format!("10.0.1.{at}:1"));
            sim.on_boot(machine, move |sim: &mut Sim, machine: Machine| {
                let node = sim.start(machine, NodeConfig::new("t", "web"));
                let mine = first..first + 1_000_000;
                let next = all.lock().unwrap().range(mine).next_back().map_or(first, |n| n + 1);
                let acknowledged = all.clone();
                let web = Web {
                    next,
                    acknowledged,
                    db: None,
                    dialling: false,
                    asking: false,
                    node: None,
                };
                node.spawn("web", web).unwrap();
            });
            sim.boot(machine);
        }
        Keeper { sim, acknowledged, db }
    }

    /// An acknowledged number that the database, once it has read its file, does not know.
    pub fn lost(&self) -> Option<u64> {
        let running = self.db.lock().unwrap().clone()?;
        let kept = self.sim.inspect(&running, |db| db.kept.clone())??;
        self.acknowledged.lock().unwrap().iter().find(|number| !kept.contains(number)).copied()
    }

    /// Runs for a while; what it kept at its end, or what broke.
    pub fn run(mut self, span: Duration) -> Result<(Vec<String>, usize), String> {
        let until = self.sim.now() + span;
        while self.sim.step_until(until).is_some() {
            if let Some(number) = self.lost() {
                return Err(format!("lost: {number} was acknowledged and is gone"));
            }
        }
        // All has healed: whoever does not go on is stuck.
        let before = self.acknowledged.lock().unwrap().len();
        self.sim.run_for(Duration::from_secs(60));
        let after = self.acknowledged.lock().unwrap().len();
        match after > before {
            true => Ok((self.sim.log(), after)),
            false => Err(format!("stuck: {after} numbers, and no more within a minute")),
        }
    }
}
