//! T2d: a leader is killed; how long until another serves, knows the agents again, and offers them.
//!
//! Three masters, agents and an etcd on loopback, each a process; a framework over the SDK. What is
//! promised counts from the end of the dead leader's lease, which is seen when its key is gone.
//! `make bench` builds the release binary first; otherwise the harness does.

#![allow(clippy::disallowed_methods, reason = "a bench reads the real clock")]

mod support;

use meseta_tests::real::cluster::{Cluster, Told, TTL};
use meseta_tests::real::framework::Framework;
use meseta_tests::real::http;
use meseta_tests::real::wait::{until, within};
use meseta_tests::real::PATIENCE;
use serde_json::json;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::pace::pace;
use support::record::{Figure, Run, Target};
use support::stats::Samples;

const KILLS: u32 = 20;
const AGENTS: usize = 4;
const WITHIN: Duration = Duration::from_secs(30);
/// Leases are renewed about so often; each kill comes at another phase of it.
const RENEWED: Duration = Duration::from_secs(TTL.as_secs() / 3);

/// When each thing was first seen after a kill.
#[derive(Debug, Default)]
struct Marks {
    lease_gone: Option<Instant>,
    leader_known: Option<Instant>,
    serves: Option<Instant>,
    subscribed: Option<Instant>,
    first_agent: Option<Instant>,
    last_agent: Option<Instant>,
    offered: Option<Instant>,
}

impl Marks {
    fn look(&mut self, killed: Instant, old: u64, cluster: &Cluster, framework: &Framework) {
        let named = cluster.etcd.read("leader").map(|key| key.made);
        if named != Some(old) {
            self.lease_gone.get_or_insert_with(Instant::now);
        }
        let Some(gone) = self.lease_gone.filter(|_| named.is_some_and(|made| made != old)) else {
            return;
        };
        let now = Instant::now();
        self.leader_known.get_or_insert(now);
        if let Some(active) = cluster.named().and_then(|leader| active_agents(cluster, leader)) {
            self.serves.get_or_insert(now);
            if active >= 1 {
                self.first_agent.get_or_insert(now);
            }
            if active == AGENTS {
                self.last_agent.get_or_insert(now);
            }
        }
        let seen = framework.seen();
        let subscribed = seen.subscribed.iter().map(|(at, _)| *at);
        self.subscribed = self.subscribed.or(subscribed.filter(|at| *at > killed).min());
        self.offered = self.offered.or(seen.offered.into_iter().filter(|at| *at > gone).min());
    }

    fn are_complete(&self) -> bool {
        let last = [self.subscribed, self.last_agent, self.offered];
        last.iter().all(Option::is_some)
    }
}

/// How many agents a master has in service; none while it does not serve.
fn active_agents(cluster: &Cluster, master: usize) -> Option<usize> {
    let question = json!({ "type": "GET_AGENTS" });
    let port = cluster.master_port(master);
    let answer = http::post_as(&cluster.authorization(), port, "/api/v1", &question).ok()?;
    if answer.status != 200 {
        return None;
    }
    let agents = answer.json()["get_agents"]["agents"].take();
    let agents = agents.as_array().cloned().unwrap_or_default();
    Some(agents.iter().filter(|agent| agent["active"] == true).count())
}

/// Seconds of each span, over all kills.
#[derive(Default)]
struct Spans {
    lease: Samples,
    known: Samples,
    serves: Samples,
    first_agent: Samples,
    last_agent: Samples,
    offer: Samples,
    whole: Samples,
}

impl Spans {
    fn add(&mut self, killed: Instant, marks: &Marks) {
        let span = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
            (Some(from), Some(to)) => to.saturating_duration_since(from).as_secs_f64(),
            _ => f64::NAN,
        };
        let (killed, gone) = (Some(killed), marks.lease_gone);
        self.lease.add(span(killed, gone));
        self.known.add(span(gone, marks.leader_known));
        self.serves.add(span(gone, marks.serves));
        self.first_agent.add(span(gone, marks.first_agent));
        self.last_agent.add(span(gone, marks.last_agent));
        // Before there is an agent and a framework there is nothing to offer, nor anybody.
        let ready = marks.first_agent.max(marks.subscribed);
        self.offer.add(span(ready, marks.offered));
        self.whole.add(span(killed, marks.offered));
    }

    fn figures(self, run: &mut Run) {
        let mut figure = |id, what, spans: &Samples, target| {
            run.figure(Figure {
                id,
                what,
                value: spans.max(),
                unit: "s",
                peer: None,
                target,
                more: vec![
                    ("kills", spans.len() as f64),
                    ("p10", spans.p10()),
                    ("median", spans.median()),
                    ("p90", spans.quantile(0.9)),
                ],
            });
        };
        let none = Target::None;
        figure("T2d/lease", "kill to lease gone, worst", &self.lease, none);
        figure("T2d/known", "lease gone to leader known, worst", &self.known, none);
        figure("T2d/serves", "lease gone to serving, worst", &self.serves, Target::AtMost(1.5));
        figure("T2d/agent", "lease gone to first agent, worst", &self.first_agent, none);
        figure("T2d/agents", "lease gone to last agent, worst", &self.last_agent, none);
        figure("T2d/offer", "ready to first offer, worst", &self.offer, Target::AtMost(1.0));
        figure("T2d/whole", "kill to first offer, worst", &self.whole, none);
    }
}

/// Kills the leader and waits until all is as it was under another.
fn fail_over(cluster: &mut Cluster, framework: &Framework) -> Result<(Instant, Marks), String> {
    let leader = cluster.leader();
    let old = cluster.etcd.read("leader").ok_or("no leader is named")?.made;
    let killed = Instant::now();
    cluster.masters[leader].kill();
    let mut marks = Marks::default();
    within(WITHIN, || {
        marks.look(killed, old, cluster, framework);
        if marks.are_complete() {
            Ok(())
        } else {
            Err(())
        }
    })
    .map_err(|()| format!("not all came back within {WITHIN:?}: {marks:?}"))?;
    cluster.start_master_again(leader);
    until("the killed master is a standby", PATIENCE, || {
        let health = http::get(cluster.master_port(leader), "/health");
        health.map(|_| ()).map_err(|error| error.to_string())
    });
    Ok((killed, marks))
}

fn main() -> ExitCode {
    let mut run = Run::begin("failover");
    let mut cluster = Cluster::start(3, &[Told::List; AGENTS]);
    let id = cluster.dir().join("framework-id");
    let framework = Framework::start(&cluster.told(Told::List), &cluster.credential(), &id);
    framework.subscribed(1, PATIENCE);
    let mut spans = Spans::default();
    for kill in 0..KILLS {
        pace(RENEWED * kill / KILLS);
        match fail_over(&mut cluster, &framework) {
            Ok((killed, marks)) => spans.add(killed, &marks),
            Err(error) => {
                eprintln!("failover: kill {kill}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    spans.figures(&mut run);
    run.end()
}
