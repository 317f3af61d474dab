//! A runtime dir, a sandbox, and ways to look at processes.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use meseta_agent::container::*;

#[allow(dead_code, unreachable_pub, reason = "the whole workspace waits with this file")]
#[path = "../../../tests/src/real/wait.rs"]
mod wait;

/// Longer than anything here takes on a loaded machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// What the helpers that launch and leave call their container.
pub(crate) const LEFT: &str = "left";

pub(crate) struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let fixture = Fixture { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(fixture.sandbox()).unwrap();
        // Where another user may come in.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(fixture.dir.path(), Clone::clone(&open)).unwrap();
        std::fs::set_permissions(fixture.sandbox(), open).unwrap();
        fixture
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn runtime(&self) -> PathBuf {
        self.root().join("run")
    }

    pub(crate) fn sandbox(&self) -> PathBuf {
        self.root().join("sandbox")
    }

    pub(crate) fn launcher(&self, cgroups: Option<CgroupsConfig>) -> Launcher {
        launcher(self.root(), cgroups)
    }

    pub(crate) fn shell(&self, id: &str, script: &str) -> ContainerSpec {
        shell(self.root(), id, script)
    }

    /// Launches without cgroups and waits for the end.
    pub(crate) fn run(&self, spec: &ContainerSpec) -> ExitReport {
        let handle = self.launcher(None).prepare(spec).unwrap().release().unwrap();
        handle.wait_for(DEADLINE).unwrap().expect("ends in time")
    }

    pub(crate) fn output(&self, name: &str) -> String {
        std::fs::read_to_string(self.sandbox().join(name)).unwrap()
    }

    /// The number a script wrote to a file in the sandbox, once it is there whole.
    pub(crate) fn pid_in(&self, name: &str) -> i32 {
        let path = self.sandbox().join(name);
        let mut pid = None;
        until("a pid file", || {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            pid = text.strip_suffix('\n').and_then(|line| line.parse().ok());
            pid.is_some()
        });
        pid.unwrap()
    }

    pub(crate) fn folder(&self, id: &str) -> PathBuf {
        self.runtime().join("containers").join(id)
    }
}

fn launcher(root: &Path, cgroups: Option<CgroupsConfig>) -> Launcher {
    Launcher::new(LauncherConfig {
        binary: LauncherBinary::Path(std::env::current_exe().unwrap()),
        runtime_dir: root.join("run"),
        cgroups,
        setup_timeout: DEADLINE,
    })
}

fn shell(root: &Path, id: &str, script: &str) -> ContainerSpec {
    ContainerSpec {
        id: ContainerId::new(id).unwrap(),
        command: Command::Shell(script.to_owned()),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        sandbox: root.join("sandbox"),
        user: None,
        limits: CgroupLimits::default(),
        kill_grace: Duration::from_secs(3),
        no_new_privs: false,
    }
}

/// Looks until `level` holds.
#[track_caller]
pub(crate) fn until(what: &str, mut level: impl FnMut() -> bool) {
    wait::until(what, DEADLINE, || level().then_some(()).ok_or_else(|| "it does not hold".into()));
}

/// Whether the process runs; a zombie does not.
pub(crate) fn alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| !"ZX".contains(state))
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// As a helper that was not executed: prints what it finds of its process.
pub(crate) fn inside() -> u8 {
    let mut variables: Vec<_> = std::env::vars().collect();
    variables.sort();
    println!("{variables:?}");
    let mut open: Vec<String> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    open.sort();
    // The last one lists them.
    println!("{} of {}", open.join(" "), nix::unistd::geteuid());
    println!("{}", std::env::current_dir().unwrap().display());
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let signals = ["SigBlk", "SigIgn", "SigCgt"];
    status
        .lines()
        .filter(|l| signals.iter().any(|s| l.starts_with(s)))
        .for_each(|l| println!("{l}"));
    // Programs of its own run as ever.
    println!("{}", std::process::Command::new("true").status().unwrap());
    7
}

/// As an agent that stops after a launch: prints the child's pid and ends.
pub(crate) fn launch_and_leave(root: &Path) -> ExitCode {
    let spec = shell(root, LEFT, "trap 'exit 5' TERM; touch ready; while :; do sleep 0.05; done");
    let handle = launcher(root, None).prepare(&spec).unwrap().release().unwrap();
    println!("{}", handle.forked().child.pid);
    ExitCode::SUCCESS
}

/// As an agent that is killed between preparation and release: prints both pids first.
pub(crate) fn prepare_and_leave(root: &Path) -> ExitCode {
    let spec = shell(root, LEFT, "echo ran");
    let prepared = launcher(root, None).prepare(&spec).unwrap();
    let forked = prepared.forked();
    println!("{} {}", forked.child.pid, forked.supervisor.pid);
    std::io::stdout().flush().unwrap();
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).unwrap();
    unreachable!("killed");
}
