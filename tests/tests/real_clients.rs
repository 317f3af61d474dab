//! Third-party clients of the v1 API against `meseta local`: pymesos and mesos-framework.
//!
//! Fed by: the programs in `clients/`, run by the tools that `make deps` puts into `.tools/`. A
//! missing tool is a failure. Each program prints one line per step; the lines are the report.

#![allow(clippy::disallowed_methods, reason = "real programs with a real environment")]

use meseta_tests::real::local::Local;
use meseta_tests::real::wait::until;
use meseta_tests::real::{folder, PATIENCE};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// What a program may take before it gives up by itself; the test's own patience is longer.
const WITHIN: Duration = Duration::from_secs(45);

fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("the workspace").to_owned()
}

/// A tool of `make deps`.
fn tool(path: &str) -> PathBuf {
    let tool = root().join(".tools").join(path);
    assert!(tool.exists(), "{} is missing: run `make deps`", tool.display());
    tool
}

/// A client's process. Its end is the test's end.
struct Client(Child);

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a client to its end and gives the lines that it printed.
fn run(name: &str, mut command: Command) -> Vec<String> {
    let dir = folder();
    let printed = dir.path().join("printed");
    let errors = dir.path().join("errors");
    // Files, not pipes: nothing waits for a reader.
    command.stdout(File::create(&printed).expect("a file"));
    command.stderr(File::create(&errors).expect("a file"));
    command.current_dir(dir.path());
    let started = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
    let mut client = Client(started);
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    let status = until(&format!("{name} ends"), PATIENCE, || match client.0.try_wait() {
        Ok(Some(status)) => Ok(status),
        Ok(None) => Err(read(&printed)),
        Err(error) => Err(error.to_string()),
    });
    let text = read(&printed);
    assert!(status.success(), "{name}: {status}\n{text}\n{}", read(&errors));
    text.lines().map(str::to_owned).collect()
}

fn seconds() -> String {
    WITHIN.as_secs().to_string()
}

const PYMESOS_STEPS: [&str; 14] = [
    "subscribed",
    "20 tasks TASK_FINISHED",
    "statuses in order, with what clients dereference",
    "an executor of pymesos runs a task",
    "it says a message back",
    "its task TASK_KILLED",
    "a group runs in an executor of pymesos",
    "which got it whole",
    "its tasks TASK_KILLED",
    "sleeper TASK_RUNNING",
    "reconciled: the sleeper runs",
    "reconciled: the unknown task is lost",
    "sleeper TASK_KILLED",
    "torn down",
];

#[test]
fn pymesos_lives_a_frameworks_life() {
    let python = tool("venv/bin/python");
    let local = Local::start(2);
    let mut command = Command::new(python);
    command.arg(root().join("tests/tests/clients/pymesos_flow.py"));
    command.args([local.master(), seconds()]);
    let steps = run("pymesos", command);
    assert_eq!(steps, PYMESOS_STEPS);
}

#[test]
fn pymesos_lives_it_with_its_principal_and_secret() {
    let python = tool("venv/bin/python");
    let dir = folder();
    let credentials = dir.path().join("credentials");
    // As the reference documents it.
    let text = r#"{"credentials": [{"principal": "py", "secret": "of:py"}]}"#;
    std::fs::write(&credentials, text).expect("a file");
    let flags = ["--http-credentials", credentials.to_str().expect("UTF-8")];
    let local = Local::start_with(2, &flags, None);
    let mut command = Command::new(python);
    command.arg(root().join("tests/tests/clients/pymesos_flow.py"));
    command.args([&local.master(), &seconds(), "py", "of:py"]);
    let mut steps = run("pymesos", command);
    assert_eq!(steps.remove(1), "it is its principal's");
    assert_eq!(steps, PYMESOS_STEPS);
}

#[test]
fn pymesos_follows_what_happens() {
    let python = tool("venv/bin/python");
    let local = Local::start(2);
    let mut command = Command::new(python);
    command.arg(root().join("tests/tests/clients/pymesos_events.py"));
    command.args([local.master(), seconds()]);
    let steps = run("pymesos", command);
    let expected = [
        "subscribed, 2 agents",
        "the framework from its first event to its last",
        "24 tasks added",
        "20 finished, 4 killed",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn mesos_framework_lives_a_frameworks_life() {
    let modules = tool("node_modules");
    tool("node_modules/mesos-framework");
    let local = Local::start(2);
    let logs = folder();
    let mut command = Command::new("node");
    command.env("NODE_PATH", modules);
    command.arg(root().join("tests/tests/clients/mesos_framework_flow.js"));
    command.args([local.master(), seconds()]).arg(logs.path());
    let steps = run("mesos-framework", command);
    let expected = [
        "subscribed",
        "20 tasks TASK_FINISHED",
        "sleeper TASK_RUNNING",
        "reconciled: the sleeper runs",
        "sleeper TASK_KILLED",
        "torn down",
    ];
    assert_eq!(steps, expected);
}
