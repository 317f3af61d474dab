//! T9b: messages of 100 bytes between two nodes on two threads over TCP loopback, beside a raw
//! length-prefixed MessagePack stream of tokio between two threads.

#![allow(clippy::disallowed_methods, reason = "a bench reads the real clock")]
#![allow(clippy::disallowed_types, reason = "the raw stream is tokio's")]

mod framed;
mod support;

use framed::RawPair;
use libproc::{
    Admission, Authenticator, Context, Gate, Node, NodeConfig, Pid, Process, ProcessId, Receive,
    Remote, Role, Sender, Target as Dialled,
};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::cluster::NodeThread;
use support::pace::settle;
use support::record::{Figure, Run, Target};
use support::stats::Samples;
use tokio::sync::oneshot;

const BURSTS: usize = 100;
const PAUSE: Duration = Duration::from_millis(5);
/// Messages of one burst: some milliseconds of work, far below what may wait for a peer.
const SENDS: u64 = 20_000;
const ROUND_TRIPS: u64 = 200;
pub(crate) const BYTES: usize = 100;
/// Messages sent before the node's other work has its turn, as an actor's handler would.
const HANDFUL: u64 = 256;
const ROLE: Role = Role::of("peer");

#[derive(Serialize, Deserialize)]
#[serde(rename = "bench.ToFar")]
enum ToFar {
    Data(#[serde(with = "serde_bytes")] Vec<u8>),
    /// After this many `Data`, say so.
    Expect(u64),
    Ping(#[serde(with = "serde_bytes")] Vec<u8>),
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "bench.ToNear")]
enum ToNear {
    AllHeard,
    Pong(#[serde(with = "serde_bytes")] Vec<u8>),
}

struct Keys;

impl Authenticator for Keys {
    fn admit(&self, _: &str) -> Option<Admission> {
        Some(Admission { secret: b"bench".to_vec(), role: ROLE })
    }

    fn presents(&self) -> (String, Role) {
        ("far".into(), ROLE)
    }
}

#[derive(Default)]
struct Far {
    left: u64,
    bytes: usize,
}

impl Process for Far {
    const NAME: &'static str = "far";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<ToFar>(&[ROLE]);
    }
}

impl Receive<ToFar> for Far {
    fn receive(&mut self, message: ToFar, from: &Sender, cx: &mut Context<Self>) {
        let answer = match message {
            ToFar::Expect(count) => {
                self.left = count;
                return;
            }
            ToFar::Data(data) => {
                self.bytes += data.len();
                self.left -= 1;
                if self.left > 0 {
                    return;
                }
                ToNear::AllHeard
            }
            ToFar::Ping(data) => ToNear::Pong(data),
        };
        if let Some(near) = from.remote() {
            cx.send(&near, answer);
        }
    }
}

struct Near {
    address: String,
    far: Option<Remote<ToFar>>,
    connected: Option<oneshot::Sender<()>>,
    done: Option<oneshot::Sender<()>>,
    left: u64,
}

struct Sends(u64, oneshot::Sender<()>);
struct RoundTrips(u64, oneshot::Sender<()>);
struct More(u64);

impl Process for Near {
    const NAME: &'static str = "near";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<ToNear>(&[ROLE]);
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        let target = Dialled {
            address: self.address.clone(),
            principal: "near".into(),
            secret: b"bench".to_vec(),
            role: ROLE,
        };
        cx.dial(target, |near, peer, _| {
            let id = ProcessId::new("far").expect("a good id");
            near.far = Some(peer.expect("loopback").remote(&id));
            finish(&mut near.connected);
        });
    }
}

fn finish(done: &mut Option<oneshot::Sender<()>>) {
    if let Some(done) = done.take() {
        let _ = done.send(());
    }
}

impl Near {
    fn send(&self, message: ToFar, cx: &mut Context<Self>) {
        if let Some(far) = &self.far {
            cx.send(far, message);
        }
    }
}

impl Receive<Sends> for Near {
    fn receive(&mut self, sends: Sends, _: &Sender, cx: &mut Context<Self>) {
        self.done = Some(sends.1);
        self.send(ToFar::Expect(sends.0), cx);
        let me = cx.me().clone();
        cx.tell(&me, More(sends.0));
    }
}

impl Receive<More> for Near {
    fn receive(&mut self, more: More, _: &Sender, cx: &mut Context<Self>) {
        let now = more.0.min(HANDFUL);
        for _ in 0..now {
            self.send(ToFar::Data(vec![7; BYTES]), cx);
        }
        if more.0 > now {
            let me = cx.me().clone();
            cx.tell(&me, More(more.0 - now));
        }
    }
}

impl Receive<RoundTrips> for Near {
    fn receive(&mut self, trips: RoundTrips, _: &Sender, cx: &mut Context<Self>) {
        (self.left, self.done) = (trips.0, Some(trips.1));
        self.send(ToFar::Ping(vec![7; BYTES]), cx);
    }
}

impl Receive<ToNear> for Near {
    fn receive(&mut self, message: ToNear, _: &Sender, cx: &mut Context<Self>) {
        match message {
            ToNear::AllHeard => finish(&mut self.done),
            ToNear::Pong(_) if self.left == 1 => finish(&mut self.done),
            ToNear::Pong(data) => {
                self.left -= 1;
                self.send(ToFar::Ping(data), cx);
            }
        }
    }
}

async fn own() -> (NodeThread, Pid<Near>) {
    let far = NodeThread::start(|| async {
        let config = NodeConfig {
            listen: Some("127.0.0.1:0".into()),
            admit: Arc::new(Keys),
            ..NodeConfig::new("bench", "far")
        };
        let node = Node::start(config).await.expect("loopback has free ports");
        node.spawn("far", Far::default()).expect("a fresh node");
        vec![node]
    });
    let (connected, waiting) = oneshot::channel();
    let near =
        Near { address: far.address(), far: None, connected: Some(connected), done: None, left: 0 };
    let node = Node::start(NodeConfig::new("bench", "near")).await.expect("no socket is needed");
    let near = node.spawn("near", near).expect("a fresh node");
    waiting.await.expect("the dial succeeds");
    (far, near)
}

/// Nanoseconds per operation of one burst, after a pause.
async fn burst(count: u64, work: impl Future<Output = ()>) -> f64 {
    settle(PAUSE).await;
    let began = Instant::now();
    work.await;
    began.elapsed().as_nanos() as f64 / count as f64
}

async fn measure(run: &mut Run) {
    let (_far, near) = own().await;
    let mut raw = RawPair::start().await;
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for _ in 0..BURSTS {
        let (done, waiting) = oneshot::channel();
        let work = async {
            near.tell(Sends(SENDS, done));
            let _ = waiting.await;
        };
        ours.add(burst(SENDS, work).await);
        theirs.add(burst(SENDS, raw.sends(SENDS)).await);
    }
    run.figure(Figure {
        id: "T9b/one_way",
        what: "100 B to another node",
        value: ours.p10() / 1000.0,
        unit: "us",
        peer: Some(("raw stream", theirs.p10() / 1000.0)),
        target: Target::AtMost(0.8),
        more: vec![
            ("median", ours.median() / 1000.0),
            ("raw_median", theirs.median() / 1000.0),
            ("million_per_second", 1000.0 / ours.p10()),
        ],
    });
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for _ in 0..BURSTS {
        let (done, waiting) = oneshot::channel();
        let work = async {
            near.tell(RoundTrips(ROUND_TRIPS, done));
            let _ = waiting.await;
        };
        ours.add(burst(ROUND_TRIPS, work).await);
        theirs.add(burst(ROUND_TRIPS, raw.round_trips(ROUND_TRIPS)).await);
    }
    run.figure(Figure {
        id: "T9b/round_trip",
        what: "100 B there and back",
        value: ours.median() / 1000.0,
        unit: "us",
        peer: Some(("raw stream", theirs.median() / 1000.0)),
        target: Target::TimesPeer(1.3),
        more: vec![("p10", ours.p10() / 1000.0), ("raw_p10", theirs.p10() / 1000.0)],
    });
}

fn main() -> ExitCode {
    let mut run = Run::begin("remote");
    libproc::run(measure(&mut run));
    run.end()
}
