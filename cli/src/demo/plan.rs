//! What the demonstration runs, and what it promises of each task: [`Plan`]. Pure.

use meseta_api::v1::TaskState;
use std::path::Path;

/// The task that writes a file …
pub const WRITER: &str = "writer";
/// … and the one that reads it, launched when the file has been written.
pub const READER: &str = "reader";
/// The task that the framework kills while it runs.
pub const VICTIM: &str = "victim";
/// The task that fails.
pub const FAILING: &str = "failing";

/// How many sleep and how many compute.
const SLEEPERS: usize = 60;
const COMPUTERS: usize = 40;

/// All tasks, in the order in which they are launched.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The tasks.
    pub tasks: Vec<Planned>,
}

/// One task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its id.
    pub id: String,
    /// For a shell.
    pub script: String,
    /// Its variables.
    pub environment: Vec<(String, String)>,
    /// The task that must have finished before.
    pub after: Option<&'static str>,
    /// The state that it ends in.
    pub promised: TaskState,
    /// What its last message must contain.
    pub says: Option<&'static str>,
}

impl Plan {
    /// The plan, with `shared` for the file that two tasks share.
    pub fn new(shared: &Path) -> Self {
        let message = shared.join("message").display().to_string();
        let message = vec![("MESSAGE".to_owned(), message)];
        let mut tasks = vec![
            Planned {
                environment: message.clone(),
                ..task(WRITER, "echo \"written by $MESOS_TASK_ID\" > \"$MESSAGE\"")
            },
            Planned { promised: TaskState::TaskKilled, ..task(VICTIM, "sleep 600") },
            Planned {
                promised: TaskState::TaskFailed,
                says: Some("status 3"),
                ..task(FAILING, "echo about to fail >&2; exit 3")
            },
            Planned {
                environment: message,
                after: Some(WRITER),
                ..task(READER, "cat \"$MESSAGE\" && grep -q 'written by' \"$MESSAGE\"")
            },
        ];
        let each = (0..SLEEPERS.max(COMPUTERS)).flat_map(|n| {
            let tenths = n % 10;
            let sleeper = task(&format!("sleep-{n:02}"), &format!("sleep 0.{tenths}"));
            let sum = "i=0; s=0; while [ $i -lt 20000 ]; do i=$((i+1)); s=$((s+i)); done; \
                       echo $s; [ $s -eq 200010000 ]";
            let computer = task(&format!("compute-{n:02}"), sum);
            let sleeper = (n < SLEEPERS).then_some(sleeper);
            sleeper.into_iter().chain((n < COMPUTERS).then_some(computer))
        });
        tasks.extend(each);
        Plan { tasks }
    }
}

/// A task that finishes.
fn task(id: &str, script: &str) -> Planned {
    Planned {
        id: id.to_owned(),
        script: script.to_owned(),
        environment: Vec::new(),
        after: None,
        promised: TaskState::TaskFinished,
        says: None,
    }
}
