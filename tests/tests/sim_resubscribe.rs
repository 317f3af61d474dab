//! A scheduler that subscribes twice on one connection of libproc: the second subscription takes
//! the first one's place, whoever's it was.

use libproc::{Context, Node, NodeConfig, Process, ProcessId, Receive, Remote, Sender};
use meseta_api::internal::master::FromFramework;
use meseta_api::internal::scheduler::FromMaster;
use meseta_api::v1;
use meseta_api::v1::scheduler::{call, event, Call};
use meseta_node::keys::MASTER;
use meseta_tests::sim::cluster::{credential, Shape, SimCluster};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// What the scheduler heard, in order.
type Heard = Arc<Mutex<Vec<FromMaster>>>;

/// A scheduler that says what it is told to.
struct Puppet {
    heard: Heard,
    master: Option<Remote<FromFramework>>,
}

/// Connect to the master there.
struct Dial(String);

/// Subscribe with this, on the connection that is there.
struct Subscribe(v1::FrameworkInfo);

impl Process for Puppet {
    const NAME: &'static str = "puppet";

    fn gate(gate: &mut libproc::Gate<Self>) {
        gate.receives::<FromMaster>(&[MASTER]);
    }
}

impl Receive<Dial> for Puppet {
    fn receive(&mut self, dial: Dial, _: &Sender, cx: &mut Context<Self>) {
        let key = credential("framework");
        cx.dial(key.target(&dial.0, MASTER), |puppet: &mut Self, peer, _| {
            let peer = peer.expect("the leader is reached");
            puppet.master = Some(peer.remote(&ProcessId::new("master").expect("a good name")));
        });
    }
}

impl Receive<Subscribe> for Puppet {
    fn receive(&mut self, subscribe: Subscribe, _: &Sender, cx: &mut Context<Self>) {
        let framework_id = subscribe.0.id.clone();
        let call = Call {
            framework_id,
            r#type: Some(call::Type::Subscribe.into()),
            subscribe: Some(call::Subscribe {
                framework_info: subscribe.0,
                suppressed_roles: vec![],
                offer_constraints: None,
            }),
            ..Default::default()
        };
        let master = self.master.clone().expect("it is connected");
        cx.send(&master, FromFramework::Call(Box::new(call)));
    }
}

impl Receive<FromMaster> for Puppet {
    fn receive(&mut self, said: FromMaster, _: &Sender, _: &mut Context<Self>) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(said);
    }
}

fn info(name: &str) -> v1::FrameworkInfo {
    v1::FrameworkInfo { user: "nobody".into(), name: name.into(), ..Default::default() }
}

/// The ids of the frameworks that were subscribed, in order.
fn subscribed(heard: &Heard) -> Vec<v1::FrameworkId> {
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    let events = heard.iter().filter_map(|said| match said {
        FromMaster::Event(event) => event.subscribed.as_ref(),
        _ => None,
    });
    events.map(|subscribed| subscribed.framework_id.clone()).collect()
}

/// Whether a framework is connected, and whether it is gone for ever, as the leader shows it.
fn stands(cluster: &SimCluster, id: &v1::FrameworkId) -> (bool, bool) {
    let call = v1::master::Call {
        r#type: Some(v1::master::call::Type::GetFrameworks.into()),
        ..Default::default()
    };
    let shown = cluster.query(&call).expect("a leader").get_frameworks.expect("frameworks");
    let of = |list: &[v1::master::response::get_frameworks::Framework]| {
        list.iter().find(|f| f.framework_info.id.as_ref() == Some(id)).cloned()
    };
    let present = of(&shown.frameworks).is_some_and(|framework| framework.connected);
    (present, of(&shown.completed_frameworks).is_some())
}

struct Scene {
    cluster: SimCluster,
    puppet: libproc::Pid<Puppet>,
    heard: Heard,
    _node: Node,
}

fn scene() -> Scene {
    scene_of(Shape { agents: 1, frameworks: 0, ..Shape::default() })
}

fn scene_of(shape: Shape) -> Scene {
    let mut cluster = SimCluster::new(11, shape);
    assert!(cluster.run_until(PATIENCE, |cluster| cluster.leader_address().is_some()));
    let machine = cluster.sim.machine("puppet", "10.0.9.1:1");
    let node = cluster.sim.start(machine, NodeConfig::new("sim", "puppet"));
    let heard = Heard::default();
    let puppet = Puppet { heard: heard.clone(), master: None };
    let puppet = node.spawn("scheduler", puppet).expect("a fresh node");
    puppet.tell(Dial(cluster.leader_address().expect("it leads").to_owned()));
    cluster.run_for(Duration::from_secs(1));
    Scene { cluster, puppet, heard, _node: node }
}

impl Scene {
    fn subscribe(&mut self, info: v1::FrameworkInfo) -> v1::FrameworkId {
        let before = subscribed(&self.heard).len();
        self.puppet.tell(Subscribe(info));
        let heard = self.heard.clone();
        let done = self.cluster.run_until(PATIENCE, |_| subscribed(&heard).len() > before);
        assert!(done, "{:?}", self.heard);
        subscribed(&self.heard).pop().expect("just heard")
    }
}

/// Its `failover_timeout` is zero: the framework whose connection another takes is gone with it.
#[test]
fn another_framework_on_a_connection_ends_the_first() {
    let mut scene = scene();
    let first = scene.subscribe(info("first"));
    assert_eq!(stands(&scene.cluster, &first), (true, false));
    let second = scene.subscribe(info("second"));
    assert_ne!(first, second);
    let gone = |cluster: &SimCluster| stands(cluster, &first) == (false, true);
    assert!(scene.cluster.run_until(PATIENCE, gone));
    assert_eq!(stands(&scene.cluster, &second), (true, false));
    assert_eq!(scene.cluster.breaches(), Vec::<String>::new());
}

/// It must not be taken for the end of the framework's own stream.
#[test]
fn the_same_framework_again_on_its_connection_stays() {
    let mut scene = scene();
    let first = scene.subscribe(info("first"));
    let again = scene.subscribe(v1::FrameworkInfo { id: Some(first.clone()), ..info("first") });
    assert_eq!(first, again);
    scene.cluster.run_for(Duration::from_secs(30));
    assert_eq!(stands(&scene.cluster, &first), (true, false));
    let heard = scene.heard.lock().unwrap_or_else(PoisonError::into_inner);
    let beats = heard.iter().filter(
        |said| matches!(said, FromMaster::Event(event) if event.r#type() == event::Type::Heartbeat),
    );
    assert!(beats.count() >= 2, "it is told on");
    assert_eq!(scene.cluster.breaches(), Vec::<String>::new());
}

/// LIM-01: what is too much over libproc is refused with the number that HTTP has for it, and the
/// subscription that is there stays.
#[test]
fn lim_01_a_call_too_many_is_refused_and_the_next_second_brings_another() {
    let limits = r#"{"limits": [{"principal": "framework", "qps": 1, "capacity": 1}]}"#;
    let mut scene = scene_of(Shape { agents: 1, frameworks: 0, limits, ..Shape::default() });
    let first = scene.subscribe(info("first"));
    let again = || Subscribe(v1::FrameworkInfo { id: Some(first.clone()), ..info("first") });
    scene.cluster.run_for(Duration::from_secs(2));
    scene.puppet.tell(again());
    scene.puppet.tell(again());
    scene.cluster.run_for(Duration::from_millis(500));
    let refused = |heard: &Heard| {
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = heard.iter().filter_map(|said| match said {
            FromMaster::Refused { code, message } => Some((*code, message.clone())),
            _ => None,
        });
        refused.collect::<Vec<_>>()
    };
    let said = "too many requests of principal 'framework': try again in 1 s";
    assert_eq!(refused(&scene.heard), [(429, said.to_owned())]);
    assert_eq!(subscribed(&scene.heard).len(), 2);
    assert_eq!(stands(&scene.cluster, &first), (true, false));
    scene.cluster.run_for(Duration::from_secs(2));
    scene.puppet.tell(again());
    scene.cluster.run_for(Duration::from_secs(1));
    assert_eq!(subscribed(&scene.heard).len(), 3);
    assert_eq!(scene.cluster.breaches(), Vec::<String>::new());
}
