//! `meseta local` and the operator's verbs, as a user at a terminal meets them.
//!
//! Fed by: the `meseta` of this profile, started by each test on ports and in folders of its own.
//! Needs root, to become another user. Read next: `src/real/local.rs`.

#![allow(clippy::disallowed_methods, reason = "the clock of the real machine")]

use meseta_api::v1::task_status::{Reason, Source};
use meseta_api::v1::{TaskState, TaskStatus};
use meseta_tests::real::cli::{Cli, Done};
use meseta_tests::real::framework::{Framework, Job};
use meseta_tests::real::local::Local;
use meseta_tests::real::wait::until;
use meseta_tests::real::{machine, ports, require_root, NOBODY, PATIENCE};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::time::{Duration, Instant};

/// After a restart an explicit reconciliation is promised within this long.
const RECONCILED_WITHIN: Duration = Duration::from_secs(5);

fn run<'a>(name: &'a str, command: &[&'a str]) -> Vec<&'a str> {
    [&["run", "--name", name, "--cpus", "0.05", "--mem", "32", "--"], command].concat()
}

/// The one task of a framework that runs, as the list has it.
fn running(cli: &Cli, prefix: &str) -> Value {
    until(&format!("a task {prefix} runs"), PATIENCE, || {
        let tasks = cli.list(&["tasks"]);
        let found = tasks
            .iter()
            .find(|task| task["state"] == "TASK_RUNNING" && text(task, "task").starts_with(prefix));
        found.cloned().ok_or_else(|| format!("{tasks:#?}"))
    })
}

fn text<'v>(row: &'v Value, field: &str) -> &'v str {
    row[field].as_str().unwrap_or_else(|| panic!("no text {field} in {row}"))
}

#[test]
fn run_exits_as_its_instances_did() {
    let local = Local::start(3);
    let cli = local.cli();
    let begun = Instant::now();
    let five =
        cli.run(&[&["run", "--name", "five", "--instances", "5", "--", "true"][..]].concat());
    assert_eq!(five.code, 0, "{five:?}");
    println!("run of five instances of true: {:?}", begun.elapsed());
    for (name, script, code) in [
        ("three", "exit 3", 3),
        ("term", "kill -TERM $$", 128 + 15),
        ("kill", "kill -9 $$", 128 + 9),
    ] {
        let begun = Instant::now();
        let done = cli.run(&run(name, &["sh", "-c", script]));
        assert_eq!(done.code, code, "{script}: {done:?}");
        println!("run of {script:?}: code {code} in {:?}", begun.elapsed());
    }
    // Eight of them see the given variable, and none the secret of its executor.
    let many = ["run", "--name", "many", "--instances", "8", "--env", "A=b c", "--"];
    let check = ["sh", "-c", "[ \"$A\" = 'b c' ] && [ -z \"$MESETA_EXECUTOR_SECRET\" ]"];
    let done = cli.run(&[&many[..], &check].concat());
    assert_eq!(done.code, 0, "{done:?}");
    let missing = cli.run(&run("missing", &["/nonexistent/program"]));
    assert_eq!(missing.code, 125, "what did not start has no code: {missing:?}");
    assert!(missing.stderr.contains("/nonexistent/program"), "it names the program: {missing:?}");
}

#[test]
fn a_followed_run_prints_what_each_instance_writes() {
    let local = Local::start(1);
    let cli = local.cli();
    let talk = ["run", "--name", "talk", "--instances", "2", "--cpus", "0.05", "-f", "--"];
    let script = ["sh", "-c", "echo one; echo err >&2; echo two"];
    let done = cli.run(&[&talk[..], &script].concat());
    assert_eq!(done.code, 0, "{done:?}");
    let mut lines: Vec<&str> = done.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["talk.0 | one", "talk.0 | two", "talk.1 | one", "talk.1 | two"]);
    // What a task wrote stays when it has ended.
    assert_eq!(cli.run(&["logs", "talk.1"]).stdout, "one\ntwo\n");
    assert_eq!(cli.run(&["logs", "talk.1", "-f", "--stderr"]).stdout, "err\n");
}

#[test]
fn run_without_a_cluster_is_125() {
    let dir = meseta_tests::real::folder();
    let nobody_listens = format!("127.0.0.1:{}", ports::block(1));
    let mut cli = Cli::new(&nobody_listens, dir.path());
    let done = cli.run(&run("away", &["true"]));
    assert_eq!(done.code, 125, "without a credential: {done:?}");
    assert!(done.stderr.contains("--credential"), "it says what to do: {done:?}");
    let credential = dir.path().join("credential.json");
    std::fs::write(&credential, r#"{"principal": "framework", "secret": "x"}"#).unwrap();
    cli.credential = Some(credential);
    let begun = Instant::now();
    let done = cli.run(&run("away", &["true"]));
    assert_eq!(done.code, 125, "without a master: {done:?}");
    assert!(done.stderr.contains(&nobody_listens), "it names the master: {done:?}");
    println!("run without a master: 125 after {:?}", begun.elapsed());
    // Nor is there an etcd.
    cli.master = format!("etcd://{nobody_listens}");
    let begun = Instant::now();
    let done = cli.run(&run("away", &["true"]));
    assert_eq!(done.code, 125, "without an etcd: {done:?}");
    assert!(done.stderr.contains(&cli.master), "it names the etcd: {done:?}");
    println!("run without an etcd: 125 after {:?}", begun.elapsed());
    cli.master.clone_from(&nobody_listens);
    for verb in [&["tasks"][..], &["agents"], &["frameworks"], &["kill", "x"], &["logs", "x"]] {
        let done = cli.run(verb);
        assert_eq!(done.code, 1, "{verb:?}: {done:?}");
        assert!(done.stderr.contains(&nobody_listens), "{verb:?}: {done:?}");
    }
}

/// Nothing is in doubt for minutes.
#[test]
fn after_a_crash_the_same_work_dir_is_the_same_cluster() {
    let mut local = Local::start(3);
    let masters = local.master();
    let kept = local.home().join("framework-id");
    let framework = Framework::start(&masters, &local.credential(), &kept);
    let id = framework.subscribed(1, PATIENCE);
    framework.launch(Job::new("sleeps", "sleep 1000"));
    framework.launch(Job::new("ends", "true"));
    framework.runs("sleeps", PATIENCE);
    assert_eq!(framework.end("ends", PATIENCE).state(), TaskState::TaskFinished);
    let agents = names(&local.cli().list(&["agents"]), "id");
    let mut second = local.second();
    assert_eq!(second.ends(PATIENCE), 1, "the work dir is in use: {}", second.tail());

    local.crash();
    let restarted = Instant::now();
    local.start_again();
    assert_eq!(framework.subscribed(2, PATIENCE), id, "the framework kept its id");
    let subscribed = restarted.elapsed();
    // Asked until it is answered: an agent that is not back yet is not answered for.
    let (reconciled, status) = until("the reconciliation is answered", PATIENCE, || {
        framework.reconcile(&["sleeps"]);
        let seen = framework.seen().statuses;
        let answer = seen.into_iter().find(|(at, status)| {
            *at > restarted
                && status.task_id.value == "sleeps"
                && status.reason == Some(Reason::Reconciliation as i32)
        });
        answer.ok_or_else(|| local.daemon.tail())
    });
    let reconciled = reconciled - restarted;
    println!(
        "after SIGKILL: subscribed again in {subscribed:?}, reconciled in {reconciled:?}: {:?}",
        status.state()
    );
    // What the agent says, beside any answer of the master.
    let said = |status: &TaskStatus| status.state().is_terminal() && status.uuid.is_some();
    let (_, end) = framework.status("sleeps", PATIENCE, said);
    assert_eq!(end.state(), TaskState::TaskFailed, "{end:?}");
    assert!(end.reason.is_some() && end.message.is_some(), "it ended without a reason: {end:?}");
    for (at, status) in framework.seen().statuses.iter().filter(|(at, _)| *at > restarted) {
        let (id, state, reason) = (&status.task_id.value, status.state(), status.reason());
        println!("{:?}: {id} {state:?} {reason:?} {:?}", *at - restarted, status.message());
    }
    local.is_ready();
    println!("every agent is back {:?} after the restart", restarted.elapsed());
    assert_eq!(names(&local.cli().list(&["agents"]), "id"), agents, "agents kept their ids");
    assert!(reconciled < RECONCILED_WITHIN, "{reconciled:?}");
    until("nothing of the task is left", PATIENCE, || {
        let left: Vec<_> = (1..=3).flat_map(|n| machine::containers(local.agent_port(n))).collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    });
    assert_eq!(local.cli().run(&run("again", &["true"])).code, 0);
    local.daemon.signal(Signal::SIGTERM);
    assert_eq!(local.daemon.ends(PATIENCE), 0, "asked to end, it has not failed");
}

fn names(rows: &[Value], field: &str) -> Vec<String> {
    let mut names: Vec<_> = rows.iter().map(|row| text(row, field).to_owned()).collect();
    names.sort();
    names
}

#[test]
fn lists_are_tables_or_json_and_prefixes_are_names() {
    let local = Local::start(2);
    let cli = local.cli();
    let web = cli.start(&run("web", &["sleep", "1000"]));
    let worker = cli.start(&run("worker", &["sleep", "1000"]));
    let (task, other) = (running(&cli, "web."), running(&cli, "worker."));

    let agents = cli.list(&["agents"]);
    assert_eq!(agents.len(), 2, "{agents:?}");
    let frameworks = names(&cli.list(&["frameworks"]), "name");
    assert_eq!(frameworks, ["web", "worker"]);
    assert!(names(&agents, "id").iter().any(|agent| agent == text(&task, "agent")));
    assert_eq!(task["resources"]["mem"], 32.0, "{task}");

    for (verb, titles, cells) in [
        ("tasks", "TASK", vec![text(&task, "task"), "TASK_RUNNING", text(&other, "task")]),
        ("frameworks", "FRAMEWORK", vec![text(&task, "framework"), "connected", "worker"]),
        ("agents", "AGENT", vec![text(&task, "agent"), "active"]),
    ] {
        let done = cli.run(&[verb]);
        assert!(done.code == 0 && done.stdout.starts_with(titles), "{verb}: {done:?}");
        for cell in cells {
            assert!(done.stdout.contains(cell), "{verb} without {cell}:\n{}", done.stdout);
        }
    }

    let ambiguous = cli.run(&["kill", "w"]);
    assert_eq!(ambiguous.code, 1, "{ambiguous:?}");
    for task in [&task, &other] {
        let full = format!("{}/{}", text(task, "framework"), text(task, "task"));
        assert!(ambiguous.stderr.contains(&full), "{full} is no candidate: {ambiguous:?}");
    }
    let unknown = cli.run(&["kill", "nothing"]);
    assert!(unknown.code == 1 && unknown.stderr.contains("nothing"), "{unknown:?}");
    let full = format!("{}/{}", text(&other, "framework"), text(&other, "task"));
    for (name, verb) in [("web", web), (full.as_str(), worker)] {
        let killed = cli.run(&["kill", name, "--yes"]);
        assert_eq!(killed.code, 0, "kill {name}: {killed:?}");
        assert_ne!(verb.done().code, 0, "{name} was killed");
    }
}

#[test]
fn kill_is_recorded_with_who_asked() {
    let local = Local::start(1);
    let cli = local.cli();
    let kept = local.home().join("framework-id");
    let framework = Framework::start(&local.master(), &local.credential(), &kept);
    framework.launch(Job::new("victim", "sleep 1000"));
    framework.runs("victim", PATIENCE);
    let asked = Instant::now();
    let killed = cli.run(&["kill", "victim", "--yes"]);
    assert_eq!(killed.code, 0, "{killed:?}");
    let end = framework.end("victim", PATIENCE);
    println!("kill to TASK_KILLED: {:?}", asked.elapsed());
    assert_eq!(end.state(), TaskState::TaskKilled, "{end:?}");
    assert_eq!(end.source, Some(Source::Executor as i32), "{end:?}");
    until("the master's log says who asked", PATIENCE, || {
        let log = local.daemon.log();
        let line =
            log.lines().find(|line| line.contains("asked to kill") && line.contains("victim"));
        line.map(|line| println!("{line}")).ok_or(log)
    });
    let again = cli.run(&["kill", "victim", "--yes"]);
    assert!(again.code == 1 && again.stderr.contains("has ended"), "{again:?}");
}

/// They are read through the agent: nothing else of the cluster is open to this user.
#[test]
fn logs_are_read_by_a_user_who_cannot_read_the_work_dir() {
    require_root();
    let local = Local::start(1);
    let kept = local.home().join("framework-id");
    let framework = Framework::start(&local.master(), &local.credential(), &kept);
    framework.launch(Job::new(
        "talks",
        "echo first; echo aside >&2; while [ ! -e go ]; do sleep 0.1; done; echo last",
    ));
    framework.runs("talks", PATIENCE);
    let theirs = stranger(&local);
    close(&local.work_dir());
    println!("as uid {NOBODY}: {}", refusal(&local.work_dir()));

    let first = until("the first line is there", PATIENCE, || {
        let done = theirs.run(&["logs", "talks"]);
        (done.code == 0 && !done.stdout.is_empty())
            .then_some(done.clone())
            .ok_or(format!("{done:?}"))
    });
    assert_eq!(first.stdout, "first\n", "{first:?}");
    let aside = theirs.run(&["logs", "talks", "--stderr"]);
    assert!(aside.stdout.contains("aside\n"), "{aside:?}");

    let follows = theirs.start(&["logs", "talks", "-f"]);
    until("the first line is followed", PATIENCE, || match follows.stdout() {
        text if text == "first\n" => Ok(()),
        text => Err(format!("{text:?} {:?}", follows.daemon.tail())),
    });
    std::fs::write(sandbox(&local).join("go"), "").unwrap();
    let followed = follows.done();
    assert_eq!((followed.code, followed.stdout.as_str()), (0, "first\nlast\n"), "{followed:?}");
}

/// Another user with a credential of its own.
fn stranger(local: &Local) -> Cli {
    let home = local.home().join("stranger");
    std::fs::create_dir(&home).unwrap();
    let credential = home.join("credential.json");
    std::fs::copy(local.credential(), &credential).unwrap();
    for path in [&home, &credential] {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    Cli {
        binary: meseta_tests::real::local::within_reach(&home, Some(NOBODY)),
        credential: Some(credential),
        user: Some(NOBODY),
        ..Cli::new(&local.master(), &home)
    }
}

fn close(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
}

/// What the kernel says to them.
fn refusal(folder: &std::path::Path) -> String {
    use std::os::unix::process::CommandExt;
    let mut list = std::process::Command::new("ls");
    let output = list.arg(folder).uid(NOBODY).gid(NOBODY).output().expect("ls starts");
    assert!(!output.status.success(), "the work dir is open to everybody");
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

/// Where the one task runs.
fn sandbox(local: &Local) -> std::path::PathBuf {
    let pid = machine::processes_of(local.home()).into_iter().find_map(|pid| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        let sandbox = variables.find_map(|variable| variable.strip_prefix(b"MESOS_SANDBOX="))?;
        Some(String::from_utf8_lossy(sandbox).into_owned())
    });
    pid.expect("a task runs").into()
}

#[test]
fn an_interrupted_run_kills_its_tasks_and_tears_its_framework_down() {
    let local = Local::start(2);
    let cli = local.cli();
    let arguments =
        ["run", "--name", "long", "--instances", "3", "--cpus", "0.05", "--mem", "32", "--"];
    let run = cli.start(&[&arguments[..], &["sleep", "1000"]].concat());
    until("three instances run", PATIENCE, || {
        let tasks = cli.list(&["tasks"]);
        let running = tasks.iter().filter(|task| task["state"] == "TASK_RUNNING").count();
        (running == 3).then_some(()).ok_or_else(|| format!("{tasks:#?}"))
    });
    let interrupted = Instant::now();
    run.daemon.signal(Signal::SIGINT);
    let done: Done = run.done();
    println!("SIGINT to the end of run: {:?}", interrupted.elapsed());
    assert_eq!(done.code, 130, "{done:?}");
    let tasks = cli.list(&["tasks", "-a"]);
    assert_eq!(tasks.len(), 3, "{tasks:#?}");
    assert!(tasks.iter().all(|task| task["state"] == "TASK_KILLED"), "{tasks:#?}");
    until("the framework is gone", PATIENCE, || {
        let frameworks = cli.list(&["frameworks"]);
        frameworks.is_empty().then_some(()).ok_or_else(|| format!("{frameworks:#?}"))
    });
    let all = cli.list(&["frameworks", "-a"]);
    assert_eq!(all[0]["state"], "completed", "{all:#?}");
    until("nothing of its containers is left", PATIENCE, || {
        let left: Vec<_> = (1..=2).flat_map(|n| machine::containers(local.agent_port(n))).collect();
        left.is_empty().then_some(()).ok_or_else(|| format!("{left:?}"))
    });
}

#[test]
fn without_root_tasks_run_in_process_groups() {
    require_root();
    let local = Local::start_with(2, &[], Some(NOBODY));
    let cli = local.cli();
    let said = local.daemon.log();
    let warning = said.lines().find(|line| line.contains("not limited"));
    println!("{}", warning.unwrap_or_else(|| panic!("it does not say so:\n{said}")));
    let done = cli.run(&[&["run", "--name", "plain", "-f", "--"][..], &["id", "-u"]].concat());
    assert_eq!((done.code, done.stdout.trim()), (0, "65534"), "{done:?}");
    let done = cli.run(&run("three", &["sh", "-c", "exit 3"]));
    assert_eq!(done.code, 3, "{done:?}");
    let sleeps = cli.start(&run("sleeps", &["sleep", "1000"]));
    running(&cli, "sleeps.");
    assert_eq!(cli.run(&["kill", "sleeps.", "--yes"]).code, 0);
    assert_ne!(sleeps.done().code, 0);
    assert_eq!(machine::containers(local.agent_port(1)), Vec::<String>::new());
}

#[test]
fn the_demonstration_keeps_its_promises() {
    let dir = meseta_tests::real::folder();
    let done = Cli::new("nowhere:1", dir.path()).run(&["demo", "--clean"]);
    assert_eq!(done.code, 0, "{done:?}");
    for needle in ["failing     TASK_FAILED", "104 tasks in", "1 TASK_KILLED"] {
        assert!(done.stdout.contains(needle), "no {needle:?}: {done:?}");
    }
}
