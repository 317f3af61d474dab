//! The real binary: a local cluster, and the verbs against it.

#![allow(clippy::disallowed_methods, reason = "real processes: their clock is the machine's")]

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const MESETA: &str = env!("CARGO_BIN_EXE_meseta");
/// Far beyond what a loaded machine takes; levels are waited for, this only ends a hang.
const WITHIN: Duration = Duration::from_secs(60);

/// A cluster of two agents in a work dir of its own.
struct Local {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Local {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let child = spawn(port, &dir);
        let local = Local { child, port, dir };
        local.until_agents_are_back();
        local
    }

    fn meseta(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(MESETA);
        command
            .args(arguments)
            .env("XDG_STATE_HOME", self.dir.path())
            .env("MESETA_MASTER", format!("127.0.0.1:{}", self.port))
            .stdin(Stdio::null());
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.meseta(arguments).output().unwrap()
    }

    fn code(&self, arguments: &[&str]) -> Option<i32> {
        let output = self.output(arguments);
        eprintln!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.status.code()
    }

    /// The list that a verb prints, once it is as it should be.
    fn until(&self, arguments: &[&str], what: &str, good: impl Fn(&[serde_json::Value]) -> bool) {
        let deadline = Instant::now() + WITHIN;
        loop {
            let output = self.output(arguments);
            let list: Vec<serde_json::Value> =
                serde_json::from_slice(&output.stdout).unwrap_or_default();
            if output.status.success() && good(&list) {
                return;
            }
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(Instant::now() < deadline, "{what}: {list:?} {said}");
        }
    }

    fn until_agents_are_back(&self) {
        self.until(&["agents", "-o", "json"], "two active agents", |agents| {
            agents.iter().filter(|agent| agent["state"] == "active").count() == 2
        });
    }

    fn until_running(&self, task: &str) {
        self.until(&["tasks", "-o", "json"], task, |tasks| {
            let mut found = tasks.iter().filter(|t| t["task"] == task);
            found.any(|t| t["state"] == "TASK_RUNNING")
        });
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let _ = signal(&self.child, "-TERM");
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, dir: &tempfile::TempDir) -> Child {
    Command::new(MESETA)
        .args(["local", "--agents", "2", "--port", &port.to_string()])
        .args(["--resources", "cpus:2;mem:1024"])
        .arg("--work-dir")
        .arg(dir.path().join("w"))
        .env("XDG_STATE_HOME", dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn free_port() -> u16 {
    let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    (0..1000)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port())
        .find(|port| port.checked_add(2).is_some() && (*port..port + 3).all(free))
        .expect("three ports in a row are free")
}

fn signal(child: &Child, signal: &str) -> std::io::Result<std::process::ExitStatus> {
    Command::new("kill").args([signal, &child.id().to_string()]).status()
}

#[test]
fn run_gives_the_code_of_the_first_instance_that_failed() {
    let local = Local::start();
    let run = |script: &str| local.code(&["run", "--name", "code", "--", "sh", "-c", script]);
    assert_eq!(run("exit 0"), Some(0));
    assert_eq!(run("exit 3"), Some(3));
    assert_eq!(run("kill -9 $$"), Some(137));
    assert_eq!(local.code(&["run", "--name", "none", "--", "/nonexistent"]), Some(125));
    let many = ["run", "--name", "many", "--instances", "8", "--env", "A=b c", "--"];
    let check = ["sh", "-c", "[ \"$A\" = 'b c' ] && [ -z \"$MESETA_EXECUTOR_SECRET\" ]"];
    assert_eq!(local.code(&[&many[..], &check[..]].concat()), Some(0));
}

#[test]
fn kill_and_interrupt_end_tasks() {
    let local = Local::start();
    let sleeping = ["run", "--name", "sleeper", "--instances", "2", "--", "sleep", "600"];
    let mut run = local.meseta(&sleeping).stderr(Stdio::null()).spawn().unwrap();
    local.until_running("sleeper.0");
    local.until_running("sleeper.1");

    let ambiguous = local.output(&["kill", "sleep"]);
    assert_eq!(ambiguous.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ambiguous.stderr).into_owned();
    assert!(said.contains("/sleeper.0") && said.contains("/sleeper.1"), "{said}");
    assert_eq!(local.code(&["kill", "nothing"]), Some(1));

    assert_eq!(local.code(&["kill", "sleeper.1"]), Some(0));
    local.until(&["tasks", "-a", "-o", "json"], "sleeper.1 is killed", |tasks| {
        let mut found = tasks.iter().filter(|t| t["task"] == "sleeper.1");
        found.any(|t| t["state"] == "TASK_KILLED")
    });
    signal(&run, "-INT").unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
    local.until(&["frameworks", "-o", "json"], "no framework", |list| list.is_empty());
    local.until(&["tasks", "-o", "json"], "no task", |list| list.is_empty());
}

#[test]
fn output_is_read_through_the_agents() {
    let local = Local::start();
    let script = "echo one; echo err >&2; echo two";
    let run = ["run", "--name", "talk", "--instances", "2", "-f", "--", "sh", "-c", script];
    let output = local.output(&run);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let expected = ["talk.0 | one", "talk.0 | two", "talk.1 | one", "talk.1 | two"];
    assert_eq!(lines, expected);

    let logs = |arguments: &[&str]| local.output(&[&["logs"], arguments].concat()).stdout;
    assert_eq!(logs(&["talk.1"]), b"one\ntwo\n");
    assert_eq!(logs(&["talk.1", "-f", "--stderr"]), b"err\n");
    stranger_reads(&local);
}

/// Somebody else, who has a credential but cannot enter the work dir. Only root can be him.
fn stranger_reads(local: &Local) {
    const NOBODY: u32 = 65534;
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let open = |path: &Path, mode| {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    let (program, keys) = (elsewhere.path().join("meseta"), elsewhere.path().join("keys"));
    std::fs::copy(MESETA, &program).unwrap();
    std::fs::copy(local.dir.path().join("w/keys/client.json"), &keys).unwrap();
    open(elsewhere.path(), 0o755);
    open(&keys, 0o644);
    open(local.dir.path(), 0o700);
    let read = Command::new(&program)
        .args(["logs", "talk.0"])
        .env("MESETA_MASTER", format!("127.0.0.1:{}", local.port))
        .env("MESETA_CREDENTIAL", &keys)
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    assert_eq!(read.stdout, b"one\ntwo\n", "{}", String::from_utf8_lossy(&read.stderr));
}

#[test]
fn a_killed_cluster_comes_back_with_its_agents() {
    let mut local = Local::start();
    let agents = |local: &Local| local.output(&["agents", "-o", "json"]).stdout;
    let ids = |json: Vec<u8>| -> Vec<String> {
        let list: Vec<serde_json::Value> = serde_json::from_slice(&json).unwrap();
        list.iter().map(|agent| agent["id"].to_string()).collect()
    };
    let before = ids(agents(&local));

    let mut second = spawn(local.port, &local.dir);
    assert_eq!(second.wait().unwrap().code(), Some(1), "the work dir is in use");

    local.child.kill().unwrap();
    local.child.wait().unwrap();
    local.child = spawn(local.port, &local.dir);
    local.until_agents_are_back();
    assert_eq!(ids(agents(&local)), before);
    assert_eq!(local.code(&["run", "--name", "again", "--", "true"]), Some(0));

    signal(&local.child, "-TERM").unwrap();
    assert_eq!(local.child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_demonstration_keeps_its_promises() {
    let output = Command::new(MESETA).args(["demo", "--clean"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for needle in ["failing     TASK_FAILED", "104 tasks in", "1 TASK_KILLED"] {
        assert!(said.contains(needle), "no {needle:?} in {said}");
    }
}
