//! One program over both transports: two nodes, messages, an ask, a link, HTTP.

use libproc::sim::Sim;
use libproc::{
    Admission, Answer, Authenticator, Context, Exit, Gate, Node, NodeConfig, Process, Reason,
    Receive, Remote, Reply, Role, Sender, Target,
};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename = "test.ToServer")]
enum ToServer {
    Hello(u64),
    Bye,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename = "test.Question")]
enum Question {
    Double(u64),
}

const CLIENT: Role = Role::of("client");
const SERVER: Role = Role::of("server");

struct Keys;
impl Authenticator for Keys {
    fn admit(&self, principal: &str) -> Option<Admission> {
        (principal == "c").then(|| Admission { secret: b"k".to_vec(), role: CLIENT })
    }
    fn presents(&self) -> (String, Role) {
        ("s".into(), SERVER)
    }
}

struct Server(Arc<Mutex<Vec<String>>>);
impl Process for Server {
    const NAME: &'static str = "server";
    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<ToServer>(&[CLIENT]);
        gate.answers::<Question>(&[CLIENT]);
    }
}
impl Receive<ToServer> for Server {
    fn receive(&mut self, message: ToServer, _: &Sender, cx: &mut Context<Self>) {
        self.0.lock().unwrap().push(format!("{message:?}"));
        if matches!(message, ToServer::Bye) {
            cx.stop(Reason::Normal);
        }
    }
}
impl Answer<Question> for Server {
    type Reply = u64;
    fn answer(&mut self, question: Question, _: &Sender, reply: Reply<u64>, _: &mut Context<Self>) {
        let Question::Double(n) = question;
        reply.send(n * 2);
    }
}

struct Client {
    address: String,
    seen: Arc<Mutex<Vec<String>>>,
}
impl Process for Client {
    const NAME: &'static str = "client";
    fn started(&mut self, cx: &mut Context<Self>) {
        let target = Target {
            address: self.address.clone(),
            principal: "c".into(),
            secret: b"k".to_vec(),
            role: SERVER,
        };
        cx.dial(target, |me, peer, cx| {
            let peer = peer.expect("dial");
            let id = libproc::ProcessId::new("server").unwrap();
            let server: Remote<ToServer> = peer.remote(&id);
            cx.link(server.address());
            for n in 0..3 {
                cx.send(&server, ToServer::Hello(n));
            }
            let asked: Remote<Question> = peer.remote(&id);
            cx.ask_remote(
                &asked,
                Question::Double(21),
                Duration::from_secs(5),
                move |me: &mut Self, answer: Result<u64, _>, cx| {
                    me.seen.lock().unwrap().push(format!("answer {answer:?}"));
                    cx.send(&server, ToServer::Bye);
                },
            );
            let _ = me;
        });
    }
    fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
        self.seen.lock().unwrap().push(format!("exited {}", exit.reason));
        cx.exit_node(Reason::Normal);
    }
}

const EXPECTED: [&str; 6] =
    ["Hello(0)", "Hello(1)", "Hello(2)", "answer Ok(42)", "Bye", "exited ended normally"];

fn server_config() -> NodeConfig {
    NodeConfig {
        listen: Some("127.0.0.1:0".into()),
        admit: Arc::new(Keys),
        ..NodeConfig::new("t", "s")
    }
}

#[test]
fn over_tcp() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let there = seen.clone();
    libproc::run(async move {
        let server = Node::start(server_config()).await.unwrap();
        server.spawn("server", Server(there.clone())).unwrap();
        let client = Node::start(NodeConfig::new("t", "c")).await.unwrap();
        let address = server.advertised().to_owned();
        client.spawn("client", Client { address, seen: there }).unwrap();
        client.ended().await;
    });
    assert_eq!(*seen.lock().unwrap(), EXPECTED);
}

#[test]
fn simulated() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut sim = Sim::new(1);
    let (a, b) = (sim.machine("s", "10.0.0.1:1"), sim.machine("c", "10.0.0.2:1"));
    let server = sim.start(a, server_config());
    server.spawn("server", Server(seen.clone())).unwrap();
    let client = sim.start(b, NodeConfig::new("t", "c"));
    client.spawn("client", Client { address: "10.0.0.1:1".into(), seen: seen.clone() }).unwrap();
    sim.run_for(Duration::from_secs(1));
    assert_eq!(*seen.lock().unwrap(), EXPECTED);
}
