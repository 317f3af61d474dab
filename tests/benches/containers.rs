//! T3b: real `true` processes per second on one agent: the released `meseta local` (embedded
//! store, real containerizer, command executor per task) and a framework over the SDK.
//!
//! Needs the release build of `meseta` beside the benches; `make bench` builds it.

#![allow(clippy::disallowed_methods, reason = "a bench reads the real clock")]

mod support;

use meseta_api::resources::Resources;
use meseta_node::keys::{Credential, Key, FRAMEWORK};
use meseta_tests::real::wait::within;
use nix::sys::signal::{kill, Signal::SIGTERM};
use nix::unistd::Pid;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::cluster;
use support::launcher::Workload;
use support::record::{Figure, Run, Target};

const TASKS: u64 = 1_000;
const BATCH: usize = 10;
const IN_FLIGHT: usize = 50;
const WITHIN: Duration = Duration::from_secs(90);
const STARTS_WITHIN: Duration = Duration::from_secs(20);
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// A cluster of the binary, which ends with this, and its tasks with it: executors of a cluster
/// that was killed would go on, and look for their agent at the next one's port.
struct Local {
    child: Child,
    master: String,
    key: Credential,
    _work_dir: tempfile::TempDir,
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            let _ = kill(Pid::from_raw(id), SIGTERM);
        }
        let ended = within(ENDS_WITHIN, || match self.child.try_wait() {
            Ok(Some(_)) => Ok(()),
            _ => Err(()),
        });
        if ended.is_ok() {
            return;
        }
        eprintln!("the cluster has not ended within {ENDS_WITHIN:?} and is killed");
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The release build, in the same target folder as this bench.
fn binary() -> PathBuf {
    let temporary = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let target = temporary.parent().map(PathBuf::from).unwrap_or(temporary);
    target.join("release/meseta")
}

/// Two ports that are free now, next to each other: the master's and its agent's. Below those that
/// the kernel gives to whoever asks for any, so that nobody gets them meanwhile.
fn port() -> std::io::Result<u16> {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let first = 20_000 + (std::process::id() % 5_000) as u16 * 2;
    let found = (first..32_000).step_by(2).find(|port| free(*port) && free(*port + 1));
    found.ok_or_else(|| std::io::Error::other("no two neighbouring ports are free"))
}

fn start(binary: &Path, isolation: &str) -> Result<Local, String> {
    let text = |error: std::io::Error| error.to_string();
    let work_dir = tempfile::tempdir().map_err(text)?;
    let port = port().map_err(text)?;
    let child = Command::new(binary)
        .args(["local", "--agents", "1", "--resources", "cpus:10000;mem:10000000"])
        .args(["--port", &port.to_string(), "--isolation", isolation, "--work-dir"])
        .arg(work_dir.path())
        .env("XDG_STATE_HOME", work_dir.path())
        .stdout(Stdio::null())
        .spawn()
        .map_err(text)?;
    let mut local = Local {
        child,
        master: format!("127.0.0.1:{port}"),
        key: Credential { principal: String::new(), secret: String::new() },
        _work_dir: work_dir,
    };
    let keys = local._work_dir.path().join("keys/keyring.json");
    local.key = within(STARTS_WITHIN, || framework_key(&keys).ok_or(()))
        .map_err(|()| format!("{} made no keys within {STARTS_WITHIN:?}", binary.display()))?;
    Ok(local)
}

/// What the cluster made for frameworks.
fn framework_key(path: &Path) -> Option<Credential> {
    let keys: Vec<Key> = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let key = keys.into_iter().find(|key| key.role == FRAMEWORK.as_str())?;
    Some(Credential { principal: key.principal, secret: key.secret })
}

/// Tasks that became TASK_RUNNING and TASK_FINISHED per second.
fn measure(binary: &Path, isolation: &str) -> Result<[f64; 2], String> {
    let mut local = start(binary, isolation)?;
    let work = Workload {
        each: Resources::parse("cpus:0.1;mem:32").map_err(|error| error.to_string())?,
        command: Some("true"),
        batch: BATCH,
        in_flight: IN_FLIGHT,
        counts: Arc::default(),
    };
    let counts = work.counts.clone();
    let _framework = cluster::framework(&local.master, local.key.clone(), "meseta", work);
    within(STARTS_WITHIN, || counts.any_running())?;
    let (began, first) = (Instant::now(), [counts.running(), counts.finished()]);
    let done = within(WITHIN, || match (counts.failed(), local.child.try_wait()) {
        (0, Ok(Some(status))) => Ok(Err(format!("the cluster ended: {status}"))),
        (0, _) if counts.finished() < first[1] + TASKS => Err(()),
        (0, _) => Ok(Ok(())),
        (failed, _) => Ok(Err(format!("{failed} tasks failed"))),
    });
    // What was done by then is the figure of a machine that is slower.
    done.unwrap_or(Ok(()))?;
    let lasted = began.elapsed().as_secs_f64();
    match counts.finished() {
        0 => Err("no task finished".into()),
        finished => {
            let running = counts.running();
            Ok([(running - first[0]) as f64 / lasted, (finished - first[1]) as f64 / lasted])
        }
    }
}

fn main() -> ExitCode {
    let mut run = Run::begin("containers");
    let binary = binary();
    if !binary.exists() {
        let needed = "build it first with `cargo build --release --bin meseta`";
        eprintln!("containers: {} is missing: {needed}", binary.display());
        return ExitCode::FAILURE;
    }
    let kinds = [
        ("T3b/process", "real `true`, process groups", "none", 300.0),
        ("T3b/cgroup", "real `true`, cgroups where usable", "auto", 100.0),
    ];
    for (id, what, isolation, least) in kinds {
        match measure(&binary, isolation) {
            Ok([running, finished]) => run.figure(Figure {
                id,
                what,
                value: running,
                unit: "tasks/s",
                peer: None,
                target: Target::AtLeast(least),
                more: vec![("finished_per_second", finished)],
            }),
            Err(error) => {
                eprintln!("containers: {id}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    run.end()
}
