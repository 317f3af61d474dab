//! Named fault scenarios on the simulated cluster: each test's name begins with the id of what it
//! covers. All invariants are looked at after every step of each.

mod agents;
mod frameworks;
mod masters;
mod tasks;

use libproc::sim::Passing;
use meseta_api::v1::TaskState;
use meseta_tests::sim::cluster::{Shape, SimCluster};
use meseta_tests::sim::scenario::SOON;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// An agent and a framework.
fn one(seed: u64) -> SimCluster {
    SimCluster::idle(seed, small())
}

fn small() -> Shape {
    Shape { agents: 1, frameworks: 1, ..Shape::default() }
}

/// A task that its framework knows to run.
#[track_caller]
fn run(cluster: &mut SimCluster, task: &str, command: &str) {
    cluster.launch(0, task, command);
    cluster.until("the task runs", SOON, |cluster| cluster.is(0, task, TaskState::TaskRunning));
}

#[track_caller]
fn kill(cluster: &mut SimCluster, at: usize, task: &'static str) {
    cluster.act(at, move |_, driver| driver.kill(&task.into(), None));
    cluster.until("it is killed", SOON, |cluster| cluster.is(at, task, TaskState::TaskKilled));
}

/// Whether a message has a word in it: names of variants and enums travel as they are written.
fn says(passing: &Passing, word: &str) -> bool {
    let word = word.as_bytes();
    passing.payload.windows(word.len()).any(|window| window == word)
}
