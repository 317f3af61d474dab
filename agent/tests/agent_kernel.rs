//! The real containerizer on the real kernel.
//!
//! Its own main: this binary is also the program that supervises the containers. Needs no root:
//! without cgroups nothing is limited, and nobody's user is switched.

#![allow(clippy::disallowed_methods, reason = "the real kernel runs on real time")]

use meseta_agent::container::{init, LauncherBinary, LauncherConfig};
use meseta_agent::containerizer::real::LinuxContainerizer;
use meseta_agent::containerizer::{
    ContainerExit, ContainerLimits, Containerizer, LaunchSpec, Program, VolumeMount,
};
use meseta_api::ids::ContainerId;
use meseta_api::v1;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    // A runner that asks for the ignored ones is told that there are none.
    if args.iter().any(|arg| arg == "--ignored") {
        return ExitCode::SUCCESS;
    }
    match args.get(1).map(String::as_str) {
        Some(init::SUBCOMMAND) => return init::main(Path::new(&args[2]), |_| None),
        Some("--list") => {
            println!("containers_of_the_real_kernel: test");
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let done = Arc::new(Mutex::new(false));
    let there = done.clone();
    libproc::run(async move {
        containers_of_the_real_kernel().await;
        *there.lock().unwrap() = true;
    });
    let passed = *done.lock().unwrap();
    println!("test containers_of_the_real_kernel ... {}", if passed { "ok" } else { "FAILED" });
    ExitCode::from(u8::from(!passed))
}

fn containerizer(dir: &Path) -> LinuxContainerizer {
    LinuxContainerizer::new(LauncherConfig {
        binary: LauncherBinary::Path(std::env::current_exe().unwrap()),
        runtime_dir: dir.join("run"),
        cgroups: None,
        setup_timeout: Duration::from_secs(30),
    })
}

fn spec(dir: &Path, id: &str, command: &str) -> LaunchSpec {
    let command = v1::CommandInfo { value: Some(command.into()), ..Default::default() };
    LaunchSpec {
        container: ContainerId::parse(id).unwrap(),
        framework: "F".parse().unwrap(),
        executor: "E".parse().unwrap(),
        program: Program::Command(Box::new(command)),
        environment: BTreeMap::from([("PATH".into(), "/bin:/usr/bin".into())]),
        sandbox: dir.join("sandboxes/deep").join(id),
        user: None,
        volumes: vec![],
        limits: ContainerLimits::default(),
        kill_grace: Duration::from_secs(1),
    }
}

async fn containers_of_the_real_kernel() {
    let dir = tempfile::tempdir().unwrap();
    let containers = containerizer(dir.path());
    let id = |id: &str| ContainerId::parse(id).unwrap();

    // An end of its own, seen through the descriptor, in the sandbox that was made for it.
    let launched = containers.launch(spec(dir.path(), "a", "echo hi; exit 3")).await.unwrap();
    assert!(launched.pid.is_some() && !launched.limits_enforced);
    let exit = containers.wait(id("a")).await.unwrap();
    assert_eq!(exit, ContainerExit { status: Some(3 << 8), oom_killed: false });
    let said = std::fs::read_to_string(dir.path().join("sandboxes/deep/a/stdout")).unwrap();
    assert_eq!(said, "hi\n");
    assert_eq!(containers.recover().await.unwrap(), [id("a")]);
    containers.forget(id("a")).await.unwrap();
    assert_eq!(containers.recover().await.unwrap(), []);

    // A wait that is under way ends with the destroy.
    containers.launch(spec(dir.path(), "b", "sleep 1000")).await.unwrap();
    let waiting = containers.wait(id("b"));
    let exit = containers.destroy(id("b")).await.unwrap();
    assert_eq!(exit.status, Some(9));
    assert_eq!(waiting.await.unwrap(), exit);

    // The next life of the agent finds it, ends it, and is told how it ended.
    containers.launch(spec(dir.path(), "c", "sleep 1000")).await.unwrap();
    drop(containers);
    let containers = containerizer(dir.path());
    assert_eq!(containers.recover().await.unwrap(), [id("b"), id("c")]);
    assert_eq!(containers.destroy(id("c")).await.unwrap().status, Some(9));
    assert_eq!(containers.destroy(id("c")).await.unwrap().status, Some(9), "and again");

    // What was never there has ended; what cannot be launched says why and leaves nothing.
    assert_eq!(containers.destroy(id("never")).await.unwrap(), ContainerExit::default());
    let nobody = LaunchSpec { user: Some("no such user".into()), ..spec(dir.path(), "d", "true") };
    let error = containers.launch(nobody).await.unwrap_err().to_string();
    assert!(error.contains("no such user"), "{error}");
    // A persistent volume outlives who uses it, until it is removed (RES-12).
    let volume = dir.path().join("volumes/roles/r/v");
    containers.make_volume(volume.clone()).await.unwrap();
    for (name, command) in [("e", "echo one > data/deep/f"), ("f", "echo two >> data/deep/f")] {
        let container_path = "data/deep".into();
        let volumes = vec![VolumeMount { source: volume.clone(), container_path }];
        let spec = LaunchSpec { volumes, ..spec(dir.path(), name, command) };
        containers.launch(spec).await.unwrap();
        assert_eq!(containers.wait(id(name)).await.unwrap().status, Some(0), "{name}");
        containers.forget(id(name)).await.unwrap();
    }
    assert_eq!(std::fs::read_to_string(volume.join("f")).unwrap(), "one\ntwo\n");
    containers.remove_volume(volume.clone()).await.unwrap();
    assert!(!volume.exists());
    for left in ["b", "c"] {
        containers.forget(id(left)).await.unwrap();
    }
    assert_eq!(containers.recover().await.unwrap(), []);
}
