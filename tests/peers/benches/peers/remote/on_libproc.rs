//! On libproc: two nodes, with all that a connection has: a proven secret, roles, names, credits.

use super::BYTES;
use crate::support::done::finish;
use libproc::{
    Admission, Authenticator, Context, Gate, Node, NodeConfig, Pid, Process, ProcessId, Receive,
    Remote, Role, Sender, Target,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::oneshot;

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

struct Asker {
    address: String,
    far: Option<Remote<ToFar>>,
    connected: Option<oneshot::Sender<()>>,
    done: Option<oneshot::Sender<()>>,
    left: u64,
}

struct Sends(u64, oneshot::Sender<()>);
struct RoundTrips(u64, oneshot::Sender<()>);
struct More(u64);

impl Process for Asker {
    const NAME: &'static str = "near";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<ToNear>(&[ROLE]);
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        let target = Target {
            address: self.address.clone(),
            principal: "near".into(),
            secret: b"bench".to_vec(),
            role: ROLE,
        };
        cx.dial(target, |asker, peer, _| {
            let id = ProcessId::new("far").expect("a good id");
            asker.far = Some(peer.expect("loopback").remote(&id));
            finish(&mut asker.connected);
        });
    }
}

impl Asker {
    fn send(&self, message: ToFar, cx: &mut Context<Self>) {
        if let Some(far) = &self.far {
            cx.send(far, message);
        }
    }
}

impl Receive<Sends> for Asker {
    fn receive(&mut self, sends: Sends, _: &Sender, cx: &mut Context<Self>) {
        self.done = Some(sends.1);
        self.send(ToFar::Expect(sends.0), cx);
        let me = cx.me().clone();
        cx.tell(&me, More(sends.0));
    }
}

impl Receive<More> for Asker {
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

impl Receive<RoundTrips> for Asker {
    fn receive(&mut self, trips: RoundTrips, _: &Sender, cx: &mut Context<Self>) {
        (self.left, self.done) = (trips.0, Some(trips.1));
        self.send(ToFar::Ping(vec![7; BYTES]), cx);
    }
}

impl Receive<ToNear> for Asker {
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

/// The far side: a node with one process.
pub(crate) async fn far() -> (String, Node) {
    let config = NodeConfig {
        listen: Some("127.0.0.1:0".into()),
        admit: Arc::new(Keys),
        ..NodeConfig::new("bench", "far")
    };
    let node = Node::start(config).await.expect("loopback has free ports");
    node.spawn("far", Far::default()).expect("a fresh node");
    (node.advertised().to_owned(), node)
}

/// The near side.
pub(crate) struct Near(Pid<Asker>);

impl Near {
    pub(crate) async fn connect(address: &str) -> Self {
        let (connected, waiting) = oneshot::channel();
        let asker = Asker {
            address: address.to_owned(),
            far: None,
            connected: Some(connected),
            done: None,
            left: 0,
        };
        let node =
            Node::start(NodeConfig::new("bench", "near")).await.expect("no socket is needed");
        let asker = node.spawn("near", asker).expect("a fresh node");
        waiting.await.expect("the dial succeeds");
        Near(asker)
    }

    pub(crate) async fn sends(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        self.0.tell(Sends(count, done));
        let _ = waiting.await;
    }

    pub(crate) async fn round_trips(&self, count: u64) {
        let (done, waiting) = oneshot::channel();
        self.0.tell(RoundTrips(count, done));
        let _ = waiting.await;
    }
}
