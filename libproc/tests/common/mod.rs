//! A stage for two or more nodes that plays the same story over TCP and on the simulator, and a
//! process that does what a story says and writes down what happens to it.
#![allow(dead_code, unreachable_pub, reason = "no suite uses all of it")]

use futures_util::FutureExt;
use libproc::sim::{Machine, Sim};
use libproc::{
    Admission, Answer, AskError, Authenticator, Context, Exit, Gate, Node, NodeConfig, Pid,
    Process, ProcessId, Reason, Receive, Remote, Reply, Role, Sender, Target,
};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const CLIENT: Role = Role::of("client");
pub const SERVER: Role = Role::of("server");
/// Nothing here takes longer, however loaded the machine is.
pub const WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "test.Say")]
pub enum Say {
    Number(u64),
    Ping,
    Boom,
    Stop,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "test.Question")]
pub enum Question {
    Double(u64),
    Hold,
    Drop,
    Boom,
    HandOn,
}

/// What happened, in order.
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    pub fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
    pub fn has(&self, line: &str) -> bool {
        self.count(line) > 0
    }
    pub fn count(&self, start: &str) -> usize {
        self.lines().iter().filter(|l| l.starts_with(start)).count()
    }
}

pub struct Probe {
    pub journal: Journal,
    pub held: Vec<Reply<u64>>,
    pub next: Option<Pid<Probe>>,
}

impl Probe {
    pub fn new(journal: &Journal) -> Self {
        Probe { journal: journal.clone(), held: Vec::new(), next: None }
    }
}

type Deed = Box<dyn FnOnce(&mut Probe, &mut Context<Probe>) + Send>;

/// Something for a probe to do.
pub struct Do(Deed);

pub fn act(pid: &Pid<Probe>, deed: impl FnOnce(&mut Probe, &mut Context<Probe>) + Send + 'static) {
    pid.tell(Do(Box::new(deed)));
}

impl Process for Probe {
    const NAME: &'static str = "probe";
    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<Say>(&[CLIENT, SERVER]);
        gate.answers::<Question>(&[CLIENT, SERVER]);
    }
    fn exited(&mut self, exit: Exit, _: &mut Context<Self>) {
        self.journal.note(format!("exited {}: {}", exit.who.id, exit.reason));
    }
    fn stopped(&mut self, reason: &Reason, _: &mut Context<Self>) {
        self.journal.note(format!("stopped: {reason}"));
    }
}

impl Receive<Do> for Probe {
    fn receive(&mut self, deed: Do, _: &Sender, cx: &mut Context<Self>) {
        deed.0(self, cx);
    }
}

impl Receive<Say> for Probe {
    fn receive(&mut self, said: Say, _: &Sender, cx: &mut Context<Self>) {
        match said {
            Say::Number(n) => self.journal.note(format!("number {n}")),
            Say::Ping => self.journal.note("ping"),
            Say::Boom => panic!("boom"),
            Say::Stop => cx.stop(Reason::Normal),
        }
    }
}

impl Answer<Question> for Probe {
    type Reply = u64;
    fn answer(&mut self, asked: Question, _: &Sender, reply: Reply<u64>, cx: &mut Context<Self>) {
        match asked {
            Question::Double(n) => reply.send(n * 2),
            Question::Hold => {
                self.journal.note("holds");
                self.held.push(reply);
            }
            Question::Drop => drop(reply),
            Question::Boom => panic!("boom"),
            Question::HandOn => {
                if let Some(next) = self.next.clone() {
                    cx.tell(&next, HandedOn(reply));
                }
            }
        }
    }
}

/// A reply that another process answers.
pub struct HandedOn(pub Reply<u64>);

impl Receive<HandedOn> for Probe {
    fn receive(&mut self, handed: HandedOn, _: &Sender, _: &mut Context<Self>) {
        handed.0.send(77);
    }
}

pub struct Keys;

impl Authenticator for Keys {
    fn admit(&self, principal: &str) -> Option<Admission> {
        principal.starts_with('c').then(|| Admission { secret: b"k".to_vec(), role: CLIENT })
    }
    fn presents(&self) -> (String, Role) {
        ("s".into(), SERVER)
    }
}

pub fn listening(name: &str) -> NodeConfig {
    NodeConfig {
        listen: Some("127.0.0.1:0".into()),
        admit: Arc::new(Keys),
        ..NodeConfig::new("t", name)
    }
}

pub fn target(node: &Node) -> Target {
    Target {
        address: node.advertised().to_owned(),
        principal: "c".into(),
        secret: b"k".to_vec(),
        role: SERVER,
    }
}

pub fn remote<W: libproc::Wire>(node: &Node, of: &Node, id: &str) -> Remote<W> {
    let peer = of.peers().into_iter().find(|peer| peer.node == node.id());
    peer.expect("no connection").remote(&ProcessId::new(id).unwrap())
}

/// Where a story plays.
pub enum Stage {
    Tcp,
    Sim(Box<Sim>, Vec<(Machine, Node)>),
}

impl Stage {
    pub async fn node(&mut self, config: NodeConfig) -> Node {
        match self {
            Stage::Tcp => Node::start(config).await.unwrap(),
            Stage::Sim(sim, nodes) => {
                let at = nodes.len() + 1;
                let machine = sim.machine(&format!("m{at}"), &format!("10.0.0.{at}:1"));
                let node = sim.start(machine, config);
                nodes.push((machine, node.clone()));
                node
            }
        }
    }

    /// Waits for a level.
    pub async fn until(&mut self, what: &str, mut done: impl FnMut() -> bool) {
        let came = match self {
            Stage::Tcp => wait(&mut done).await,
            Stage::Sim(sim, _) => sim.run_until(WITHIN, |_| done()),
        };
        assert!(came, "never came: {what}");
    }

    /// Waits for what processes have a part in.
    pub async fn complete<T>(&mut self, future: impl Future<Output = T>) -> T {
        match self {
            Stage::Tcp => future.await,
            Stage::Sim(sim, _) => {
                let (mut future, mut outcome) = (Box::pin(future), None);
                sim.run_until(WITHIN, |_| {
                    outcome = future.as_mut().now_or_never();
                    outcome.is_some()
                });
                outcome.expect("it completes")
            }
        }
    }

    /// Lets happen what is about to.
    pub async fn settle(&mut self) {
        match self {
            Stage::Tcp => {
                for _ in 0..500 {
                    tokio::task::yield_now().await;
                }
            }
            Stage::Sim(sim, _) => sim.run_for(Duration::from_secs(25)),
        }
    }

    /// For stories of more steps than a log should hold.
    pub fn keep_no_log(&mut self) {
        if let Stage::Sim(sim, _) = self {
            sim.keep_log(false);
        }
    }

    pub fn reset(&mut self, a: &Node, b: &Node) {
        match self {
            Stage::Tcp => a.disconnect(b.id(), "reset"),
            Stage::Sim(sim, nodes) => {
                let of = |node: &Node| nodes.iter().find(|(_, n)| n.id() == node.id()).unwrap().0;
                sim.reset(of(a), of(b));
            }
        }
    }

    pub async fn connect(&mut self, from: &Node, to: &Node) {
        let outcome = Arc::new(Mutex::new(None));
        let (dial, there) = (from.dial(target(to)), outcome.clone());
        from.spawn_future(async move {
            *there.lock().unwrap() = Some(dial.await);
        });
        self.until("a connection", || outcome.lock().unwrap().is_some()).await;
        outcome.lock().unwrap().take().unwrap().expect("dial");
    }

    /// A server with the process `server`, a client with `client`, connected.
    pub async fn pair(&mut self) -> Pair {
        let (here, there) = (Journal::default(), Journal::default());
        let server = self.node(listening("s")).await;
        let client = self.node(NodeConfig::new("t", "c")).await;
        let probe = server.spawn("server", Probe::new(&there)).unwrap();
        let asker = client.spawn("client", Probe::new(&here)).unwrap();
        self.connect(&client, &server).await;
        Pair { server, client, probe, asker, there, here }
    }
}

/// Two connected nodes; `here` is the client's journal, `there` the server's.
pub struct Pair {
    pub server: Node,
    pub client: Node,
    pub probe: Pid<Probe>,
    pub asker: Pid<Probe>,
    pub there: Journal,
    pub here: Journal,
}

impl Pair {
    pub fn send<W: libproc::Wire>(&self, message: W) {
        let to: Remote<W> = Remote::clone(&remote(&self.server, &self.client, "server"));
        act(&self.asker, move |_, cx| cx.send(&to, message));
    }

    pub fn link(&self) {
        let to = self.probe.address().clone();
        act(&self.asker, move |_, cx| cx.link(&to));
    }

    /// Asks and writes the outcome down.
    pub fn ask<W: libproc::Wire>(&self, question: W, within: Duration) {
        let to: Remote<W> = remote(&self.server, &self.client, "server");
        act(&self.asker, move |_, cx| {
            cx.ask_remote(&to, question, within, |me: &mut Probe, got: Answered, _| {
                me.journal.note(format!("answer {got:?}"));
            });
        });
    }
}

type Answered = Result<u64, AskError>;

#[allow(
    clippy::disallowed_methods,
    reason = "real nodes run in real time; a level is looked at again and again until it holds"
)]
pub async fn wait(done: &mut impl FnMut() -> bool) -> bool {
    let deadline = tokio::time::Instant::now() + WITHIN;
    let mut looks = tokio::time::interval(Duration::from_millis(1));
    while !done() {
        if tokio::time::Instant::now() > deadline {
            return false;
        }
        looks.tick().await;
    }
    true
}

pub fn over_tcp<F: Future<Output = ()>>(story: impl FnOnce(Stage) -> F) {
    libproc::run(story(Stage::Tcp));
}

pub fn over_sim<F: Future<Output = ()>>(story: impl FnOnce(Stage) -> F) {
    let stage = Stage::Sim(Box::new(Sim::new(7)), Vec::new());
    story(stage).now_or_never().expect("a simulated story waits for nothing");
}

#[macro_export]
macro_rules! on_both {
    ($($story:ident),* $(,)?) => {$(
        mod $story {
            #[test]
            fn tcp() { $crate::common::over_tcp(super::$story) }
            #[test]
            fn simulated() { $crate::common::over_sim(super::$story) }
        }
    )*};
}

/// The binary of an example, as cargo builds it together with the tests; of nobody's traces.
pub fn example(name: &str) -> std::process::Command {
    let test = std::env::current_exe().expect("where this test is");
    let target = test.ancestors().nth(2).expect("a test lies in target/PROFILE/deps");
    let binary = target.join("examples").join(name);
    assert!(binary.is_file(), "{} is not built: run `cargo test -p libproc`", binary.display());
    let mut command = std::process::Command::new(binary);
    for variable in ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] {
        command.env_remove(variable);
    }
    command
}

/// Runs an example to its good end; its standard output.
pub fn output(mut example: std::process::Command) -> String {
    let output = example.output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{:?}: {}", output.status, text(&output.stderr));
    text(&output.stdout)
}
