//! Masters fail over on a real etcd; agents and tasks do not notice more than they must.
//!
//! Fed by: three masters and two agents of this profile, each a process; one etcd. Needs etcd, and
//! fails without. Scenarios ME-01, ME-03, ME-05, ME-06. Read next: `src/real/cluster.rs`.

#![allow(clippy::disallowed_methods, reason = "the clock of the real machine")]

use meseta_api::internal::master::FromOperator;
use meseta_api::v1::TaskState;
use meseta_tests::real::cli::{Cli, Done};
use meseta_tests::real::cluster::{Cluster, Told, TTL};
use meseta_tests::real::etcd::Stored;
use meseta_tests::real::framework::{Framework, Job};
use meseta_tests::real::http;
use meseta_tests::real::machine::lives;
use meseta_tests::real::operator::Operator;
use meseta_tests::real::wait::{never, until};
use meseta_tests::real::PATIENCE;
use nix::sys::signal::Signal;
use serde_json::json;
use std::time::{Duration, Instant};

/// From the death of a leader until another one serves: the lease, the promised 1.5 s, and what a
/// loaded machine adds.
const FAILOVER_WITHIN: Duration = Duration::from_secs(15);

/// What every test begins with: a leader, two agents, and a task that sleeps on each.
struct Scene {
    cluster: Cluster,
    framework: Framework,
    leader: usize,
    sleepers: Vec<i32>,
}

impl Scene {
    fn set(framework: Told, agents: &[Told]) -> Self {
        let cluster = Cluster::start(3, agents);
        let id = cluster.dir().join("framework-id");
        let masters = cluster.told(framework);
        let framework = Framework::start(&masters, &cluster.credential(), &id);
        let offers_of_all = || match framework.seen().agents {
            known if known.len() == agents.len() => Ok(known),
            known => Err(format!("{known:?}")),
        };
        let known = until("every agent is offered", PATIENCE, offers_of_all);
        let sleepers = known.into_iter().enumerate().map(|(number, agent)| {
            let name = format!("sleeps-{number}");
            let path = cluster.dir().join(&name);
            let command = format!("echo $$ > {}; exec sleep 1000", path.display());
            framework.launch(Job { agent: Some(agent), ..Job::new(&name, &command) });
            framework.runs(&name, PATIENCE);
            std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
        });
        let sleepers = sleepers.collect();
        let leader = cluster.leader();
        Scene { cluster, framework, leader, sleepers }
    }

    fn leader_key(&self) -> Stored {
        self.cluster.etcd.read("leader").expect("a leader is named")
    }

    /// Whose the last commit is, and its number.
    fn commit(&self) -> (u64, u64) {
        let mark = self.cluster.etcd.read("commit").expect("something was committed").value;
        let number = |field: &str| mark[field].as_u64().expect("a mark");
        (number("counter"), number("sequence"))
    }

    /// Waits until a master other than `old` serves: when its predecessor's key was gone, and when
    /// it served.
    fn successor(&self, old: &Stored, since: Instant) -> (usize, Duration, Duration) {
        let mut expired = None;
        let successor = until("a standby serves", FAILOVER_WITHIN, || {
            let named = self.cluster.etcd.read("leader");
            if expired.is_none() && named.as_ref().map(|key| key.made) != Some(old.made) {
                expired = Some(since.elapsed());
            }
            let masters = 0..self.cluster.masters.len();
            let mut others = masters.filter(|master| *master != self.leader);
            others.find(|master| self.cluster.serves(*master)).ok_or_else(|| format!("{named:?}"))
        });
        (successor, expired.unwrap_or_default(), since.elapsed())
    }

    /// The tasks have not been touched, the cluster works, and agents are where they were.
    fn all_is_well(&self, since: Instant) {
        self.framework.subscribed(2, PATIENCE);
        println!("the framework is subscribed again after {:?}", since.elapsed());
        self.cluster.agents_are_registered();
        println!("both agents are registered again after {:?}", since.elapsed());
        self.framework.launch(Job::new("next", "true"));
        assert_eq!(self.framework.end("next", PATIENCE).state(), TaskState::TaskFinished);
        println!("another task has finished after {:?}", since.elapsed());
        self.tasks_are_untouched();
    }

    fn tasks_are_untouched(&self) {
        for (number, pid) in self.sleepers.iter().enumerate() {
            assert!(lives(*pid), "task {number} died");
            let told = self.cluster.dir().join(format!("sleeps-{number}"));
            assert_eq!(std::fs::read_to_string(told).unwrap().trim(), pid.to_string());
        }
        let tasks = self.cluster.cli(Told::List).list(&["tasks"]);
        let running = tasks.iter().filter(|task| task["state"] == "TASK_RUNNING").count();
        assert_eq!(running, self.sleepers.len(), "{tasks:#?}");
        let seen = self.framework.seen().statuses;
        let mut of_sleepers =
            seen.iter().filter(|(_, status)| status.task_id.value.starts_with("sleeps"));
        let ended = of_sleepers.find(|(_, status)| status.state().is_terminal());
        assert!(ended.is_none(), "{ended:#?}");
    }
}

#[test]
fn me_01_a_standby_takes_over_and_tasks_stay() {
    let mut scene = Scene::set(Told::List, &[Told::List, Told::Etcd]);
    let gap = scene.cluster.dir().join("gap");
    let waits = format!("while [ ! -e {} ]; do sleep 0.05; done", gap.display());
    scene.framework.launch(Job::new("ends-meanwhile", &waits));
    scene.framework.runs("ends-meanwhile", PATIENCE);
    let old = scene.leader_key();

    scene.cluster.masters[scene.leader].kill();
    let killed = Instant::now();
    std::fs::write(&gap, "").unwrap();
    let (successor, expired, serves) = scene.successor(&old, killed);
    println!(
        "master {successor} serves {serves:?} after the kill, {:?} after the lease of {TTL:?} was \
         gone ({expired:?} after the kill)",
        serves.saturating_sub(expired)
    );
    scene.all_is_well(killed);
    let end = scene.framework.end("ends-meanwhile", PATIENCE);
    assert_eq!(end.state(), TaskState::TaskFinished, "{end:#?}");
}

/// A rolling upgrade costs no lease: who is told to stop gives its lease back first.
#[test]
fn a_leader_that_is_told_to_stop_leaves_no_gap_of_a_lease() {
    let mut scene = Scene::set(Told::List, &[Told::List, Told::List]);
    let old = scene.leader_key();
    let stopped = Instant::now();
    scene.cluster.masters[scene.leader].signal(Signal::SIGTERM);
    let (successor, free, serves) = scene.successor(&old, stopped);
    println!("master {successor} serves {serves:?} after SIGTERM, the key was free after {free:?}");
    assert!(free < TTL, "the key was free only after {free:?}, as if the lease of {TTL:?} ended");
    assert_eq!(scene.cluster.masters[scene.leader].ends(PATIENCE), 0);
    scene.all_is_well(stopped);
}

#[test]
fn me_03_a_paused_leader_changes_nothing_when_it_goes_on() {
    // Who watches etcd leaves a leader that is silent and still holds the connection.
    let mut scene = Scene::set(Told::Etcd, &[Told::Etcd, Told::Etcd]);
    let address = scene.cluster.addresses()[scene.leader].clone();
    let operator = Operator::connect(&address, &scene.cluster.credential());
    let old = scene.leader_key();

    scene.cluster.masters[scene.leader].pause();
    let paused = Instant::now();
    let kill = FromOperator::KillTask {
        framework_id: scene.framework.subscribed(1, PATIENCE).parse().unwrap(),
        task_id: "sleeps-0".parse().unwrap(),
        by: "the test".into(),
    };
    // Lies in the old leader's socket until it goes on.
    operator.ask(kill.clone());
    // Who serves has the key: the old leader's lease is over, whatever it believes when it goes on.
    let (successor, expired, serves) = scene.successor(&old, paused);
    println!("master {successor} serves {serves:?} after the pause (lease gone: {expired:?})");
    scene.cluster.agents_are_registered();
    println!("both agents are with the new leader {:?} after the pause", paused.elapsed());
    let new_term = scene.leader_key().made;
    let before = scene.commit();
    assert!(before.0 <= new_term, "{before:?}");

    scene.cluster.masters[scene.leader].resume();
    let resumed = Instant::now();
    let code = scene.cluster.masters[scene.leader].ends(PATIENCE);
    println!("the old leader exits with {code} {:?} after it went on", resumed.elapsed());
    assert_eq!(code, 1, "it says that it failed");
    scene.all_is_well(paused);
    never("the old leader's order took effect", Duration::from_secs(2), || {
        scene.sleepers.iter().find(|pid| !lives(**pid))
    });
    let after = scene.commit();
    println!("commits (term, sequence): {before:?} before it went on, {after:?} now");
    assert!(after == before || after.0 == new_term, "the old leader has written: {after:?}");
    assert_eq!(scene.leader_key().made, new_term, "the new leader was disturbed");
    scene.tasks_are_untouched();

    // Of a leader that leads, the same order takes effect.
    let leader = &scene.cluster.addresses()[successor];
    let operator = Operator::connect(leader, &scene.cluster.credential());
    operator.ask(kill);
    let end = scene.framework.end("sleeps-0", PATIENCE);
    assert_eq!(end.state(), TaskState::TaskKilled, "{end:#?}");
}

#[test]
fn me_05_followers_lead_to_the_leader() {
    let cluster = Cluster::start(3, &[]);
    let leader = cluster.leader();
    let address = &cluster.addresses()[leader];
    let who = cluster.authorization();
    let followers = (0..3).filter(|master| *master != leader);
    for port in followers.map(|master| cluster.master_port(master)) {
        for path in ["/health", "/version", "/metrics/snapshot"] {
            let answer = http::get_as(&who, port, path).unwrap();
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
        }
        let call = json!({ "type": "GET_AGENTS" });
        let subscribe = json!({ "type": "SUBSCRIBE", "subscribe": { "framework_info": {
            "user": "root", "name": "redirected",
        } } });
        let answers = [
            ("/state", http::get_as(&who, port, "/state")),
            ("/master/slaves", http::get_as(&who, port, "/master/slaves")),
            ("/tasks?limit=1", http::get_as(&who, port, "/tasks?limit=1")),
            ("/api/v1", http::post_as(&who, port, "/api/v1", &call)),
            ("/api/v1/scheduler", http::post_as(&who, port, "/api/v1/scheduler", &subscribe)),
        ];
        for (path, answer) in answers {
            let answer = answer.unwrap();
            assert_eq!(answer.status, 307, "{path}: {answer:?}");
            let location = answer.header("location").unwrap_or_default();
            assert!(location.ends_with(&format!("//{address}{path}")), "{path}: {answer:?}");
        }
        let root = http::get_as(&who, port, "/redirect").unwrap();
        assert_eq!(root.status, 307, "{root:?}");
        assert!(root.header("location").unwrap_or_default().contains(address), "{root:?}");
    }
    let answer = http::get_as(&who, cluster.master_port(leader), "/state").unwrap();
    assert_eq!(answer.status, 200, "the leader answers itself: {answer:?}");
}

#[test]
fn me_06_a_leader_without_etcd_steps_down_and_tasks_stay() {
    let mut scene = Scene::set(Told::List, &[Told::List, Told::Etcd]);
    scene.cluster.etcd.daemon.pause();
    let cut = Instant::now();
    let code = scene.cluster.masters[scene.leader].ends(PATIENCE);
    let stepped_down = cut.elapsed();
    println!("cut off from etcd, the leader exits with {code} after {stepped_down:?} of {TTL:?}");
    assert_eq!(code, 1, "it says that it failed");
    assert!(stepped_down < TTL + Duration::from_secs(1), "after its lease: {stepped_down:?}");
    never("somebody leads without etcd, or a task died", Duration::from_secs(2), || {
        let dead = scene.sleepers.iter().find(|pid| !lives(**pid)).copied();
        let leads = (0..3).find(|master| scene.cluster.serves(*master));
        dead.map(|pid| format!("task {pid}")).or(leads.map(|master| format!("master {master}")))
    });
    scene.cluster.etcd.daemon.resume();
    let healed = Instant::now();
    let leader = scene.cluster.leader();
    println!("master {leader} serves {:?} after etcd is back", healed.elapsed());
    scene.all_is_well(healed);
}

/// `count` instances of a command that counts its starts and ends when the file `gap` is there.
fn run_until_gap<'a>(name: &'a str, count: &'a str, script: &'a str) -> Vec<&'a str> {
    let run = ["run", "--name", name, "--instances", count, "--cpus", "0.05", "--mem", "32"];
    [&run[..], &["--", "sh", "-c", script]].concat()
}

fn script(cluster: &Cluster) -> String {
    let dir = cluster.dir().display();
    format!(
        "echo started >> {dir}/starts; while [ ! -e {dir}/gap ]; do sleep 0.05; done; echo over"
    )
}

fn starts(cluster: &Cluster) -> usize {
    let text = std::fs::read_to_string(cluster.dir().join("starts")).unwrap_or_default();
    text.lines().count()
}

/// The instances of a run were started once each, and all of them finished.
fn finished(cluster: &Cluster, done: &Done, count: usize) {
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(starts(cluster), count, "{done:?}");
    let ends = done.stderr.matches("TASK_FINISHED").count();
    assert_eq!(ends, count, "{done:?}");
}

#[test]
fn a_run_over_etcd_follows_the_leader_and_keeps_its_tasks() {
    let mut cluster = Cluster::start(3, &[Told::Etcd]);
    let leader = cluster.leader();
    let cli = cluster.cli(Told::Etcd);
    let script = script(&cluster);
    let run = cli.start(&run_until_gap("follows", "2", &script));
    until("both instances run", PATIENCE, || {
        let tasks = cli.list(&["tasks"]);
        let running = tasks.iter().filter(|task| task["state"] == "TASK_RUNNING").count();
        (running == 2).then_some(()).ok_or_else(|| format!("{tasks:#?}"))
    });
    let frameworks = cli.list(&["frameworks"]);

    cluster.masters[leader].kill();
    let killed = Instant::now();
    // Nobody leads when they end.
    std::fs::write(cluster.dir().join("gap"), "").unwrap();
    let done = run.done();
    println!("the run has ended {:?} after the kill", killed.elapsed());
    finished(&cluster, &done, 2);
    assert!(done.stderr.contains("the master is gone"), "{done:?}");
    let after = cli.list(&["frameworks", "-a"]);
    assert_eq!(after[0]["id"], frameworks[0]["id"], "it kept its id: {after:#?}");
    verbs_find_the_leader(&cluster, leader);
}

/// Told a list that begins with the dead one, a standby alone, or etcd.
fn verbs_find_the_leader(cluster: &Cluster, dead: usize) {
    let leader = cluster.leader();
    let address = |master: usize| cluster.addresses()[master].clone();
    let standby = (0..3).find(|master| *master != dead && *master != leader).unwrap();
    let etcd = cluster.cli(Told::Etcd);
    let told = [
        [dead, standby, leader].map(address).join(","),
        address(standby),
        cluster.told(Told::Etcd),
    ];
    for (masters, name) in told.into_iter().zip(["first", "second", "third"]) {
        let cli = Cli { master: masters.clone(), ..etcd.clone() };
        let run = ["run", "--name", name, "--", "sh", "-c", "echo here; exec sleep 1000"];
        let run = cli.start(&run);
        until("it runs", PATIENCE, || {
            let done = cli.run(&["logs", name]);
            (done.stdout == "here\n").then_some(()).ok_or_else(|| format!("{masters}: {done:?}"))
        });
        assert_eq!(cli.list(&["agents"]).len(), 1, "{masters}");
        let tasks = cli.list(&["tasks"]);
        assert_eq!(tasks.len(), 1, "{masters}: {tasks:#?}");
        let frameworks = cli.list(&["frameworks"]);
        assert_eq!(frameworks.len(), 1, "{masters}: {frameworks:#?}");
        let killed = cli.run(&["kill", name, "--yes"]);
        assert_eq!(killed.code, 0, "{masters}: {killed:?}");
        assert_ne!(run.done().code, 0, "{masters}");
    }
}

/// Agent and framework come first; etcd is not there, then names nobody, then a leader.
#[test]
fn who_comes_before_the_leader_waits_for_it() {
    let mut cluster = Cluster::prepare(1, &[Told::Etcd]);
    cluster.etcd.daemon.kill();
    cluster.start_agents();
    let says = |cluster: &mut Cluster, words: &str| {
        until(&format!("the agent says {words:?}"), PATIENCE, || {
            assert_eq!(cluster.agents[0].ended(), None, "it waits");
            let log = cluster.agents[0].log();
            log.contains(words).then_some(()).ok_or(log)
        });
    };
    says(&mut cluster, "which does not answer");
    // It serves what it can meanwhile.
    let health = http::get(cluster.agent_port(0), "/health").unwrap();
    assert_eq!(health.status, 200, "{health:?}");
    cluster.etcd.start_again();
    says(&mut cluster, "waiting for a leader");
    let cli = cluster.cli(Told::Etcd);
    std::fs::write(cluster.dir().join("gap"), "").unwrap();
    let script = script(&cluster);
    let run = cli.start(&run_until_gap("early", "1", &script));
    until("the run waits", PATIENCE, || {
        let log = run.daemon.log();
        log.contains("not subscribed yet").then_some(()).ok_or(log)
    });

    cluster.start_masters();
    let started = Instant::now();
    finished(&cluster, &run.done(), 1);
    println!("the run has ended {:?} after the master was started", started.elapsed());
    let log = cluster.agents[0].log();
    for words in ["which does not answer", "waiting for a leader"] {
        assert_eq!(log.matches(words).count(), 1, "it says so once a minute:\n{log}");
    }
}
