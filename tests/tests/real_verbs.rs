//! Verbs that look at a cluster and change what roles may have, on a real one.
//!
//! Fed by: the `meseta` of this profile, started by each test on ports and in folders of its own.

use meseta_tests::real::cli::Cli;
use meseta_tests::real::local::Local;
use meseta_tests::real::wait::until;
use meseta_tests::real::PATIENCE;
use serde_json::Value;

/// Runs a verb that must succeed.
#[track_caller]
fn ok(cli: &Cli, arguments: &[&str]) -> String {
    let done = cli.run(arguments);
    assert_eq!(done.code, 0, "{arguments:?}: {done:?}");
    done.stdout
}

#[track_caller]
fn run_task(cli: &Cli, name: &str) {
    ok(cli, &["run", "--name", name, "--cpus", "0.05", "--mem", "32", "--", "true"]);
}

/// The events of `meseta events -o json`.
fn events(printed: &str) -> Vec<(u64, String)> {
    let event = |line| -> (u64, String) {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let kind = event["type"].as_str().expect("a type").to_owned();
        (event["meseta_sequence"].as_u64().expect("a number"), kind)
    };
    printed.lines().map(event).collect()
}

#[test]
fn evt_02_to_04_events_are_followed_and_read_again() {
    let mut local = Local::start(1);
    let cli = local.cli();
    assert_eq!(ok(&cli, &["events", "-o", "json"]), "", "nobody has followed yet");
    let mut follower = cli.start(&["events", "-f", "-o", "json"]);
    let says = |follower: &meseta_tests::real::cli::Verb, what: &str| {
        until(what, PATIENCE, || {
            let said = follower.stdout();
            said.contains(what).then_some(()).ok_or_else(|| {
                format!("{said}\n{}", follower.daemon.log())
            })
        });
    };
    // Told to one framework after the other until the stream stands.
    until("a framework is seen to come", PATIENCE, || {
        run_task(&cli, "one");
        let said = follower.stdout();
        said.contains("FRAMEWORK_ADDED").then_some(()).ok_or(said)
    });
    says(&follower, "TASK_FINISHED");
    says(&follower, "FRAMEWORK_REMOVED");
    let told = events(&follower.stdout());
    assert!(told.windows(2).all(|two| two[0].0 + 1 == two[1].0), "one after the other: {told:?}");

    // Read again, from the beginning and from an event on, and some only.
    let all = events(&ok(&cli, &["events", "-o", "json"]));
    assert!(told.iter().all(|event| all.contains(event)), "{told:?} in {all:?}");
    let from = all[1].0.to_string();
    assert_eq!(events(&ok(&cli, &["events", "--from", &from, "-o", "json"])), all[1..]);
    let added = ok(&cli, &["events", "--type", "framework-added,TASK_ADDED", "-o", "json"]);
    let wanted = |(_, kind): &&(u64, String)| kind == "FRAMEWORK_ADDED" || kind == "TASK_ADDED";
    assert_eq!(events(&added), all.iter().filter(wanted).cloned().collect::<Vec<_>>());
    let table = ok(&cli, &["events", "--type", "TASK_UPDATED"]);
    assert!(table.lines().any(|line| line.contains("TASK_FINISHED")), "{table}");
    let last = cli.list(&["frameworks", "-a"]).len() - 1;
    let framework = format!("{last:04}");
    let of_one = ok(&cli, &["events", "--framework", &framework]);
    assert_eq!(of_one.matches("FRAMEWORK_ADDED").count(), 1, "{of_one}");
    let missed = cli.run(&["events", "--from", "100000"]);
    assert_eq!(missed.code, 1, "{missed:?}");
    assert!(missed.stderr.contains("from event 100000 on is not remembered"), "{missed:?}");

    // A new leader's events come on the same command.
    local.crash();
    local.start_again();
    until("the new leader's stream stands", PATIENCE, || {
        let log = follower.daemon.log();
        log.contains("numbered anew").then_some(()).ok_or(log)
    });
    let log = follower.daemon.log();
    assert!(log.contains("the stream ended: ") && log.contains("going on behind event"), "{log}");
    let before = follower.stdout().len();
    until("its events are told", PATIENCE, || {
        run_task(&cli, "two");
        let said = follower.stdout();
        said[before..].contains("FRAMEWORK_ADDED").then_some(()).ok_or(said)
    });
    follower.daemon.kill();
}

#[test]
fn a_task_s_history_says_who_killed_it() {
    let local = Local::start(1);
    let cli = local.cli();
    let script = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
    let run = cli.start(&[
        "run", "--name", "victim", "--cpus", "0.05", "--mem", "32", "--", "sh", "-c", script,
    ]);
    until("the task runs", PATIENCE, || {
        let tasks = cli.list(&["tasks"]);
        let runs = tasks.iter().any(|task| task["state"] == "TASK_RUNNING");
        runs.then_some(()).ok_or_else(|| format!("{tasks:?}"))
    });
    ok(&cli, &["kill", "victim"]);
    assert_ne!(run.done().code, 0, "it was killed");
    let history: Value =
        serde_json::from_str(&ok(&cli, &["explain", "task", "victim", "-o", "json"])).unwrap();
    let entries = history["entries"].as_array().expect("entries");
    let find = |what: &str| {
        let found = entries.iter().find(|entry| entry["what"] == what);
        found.unwrap_or_else(|| panic!("no {what} in {history:#}"))
    };
    assert_eq!(find("launched")["call"], "ACCEPT");
    assert_eq!(find("TASK_RUNNING")["by"], "executor");
    let kill = find("kill");
    assert_eq!(kill["call"], "meseta kill");
    assert!(kill["by"].as_str().is_some_and(|by| by.starts_with("operator ")), "{kill}");
    let table = ok(&cli, &["explain", "task", "victim"]);
    assert!(table.contains("waits for nothing: it is over"), "{table}");
    let text = |name: &str| history[name].as_str().expect("an id").to_owned();
    let path = format!("/meseta/explain/task?framework={}&task={}", text("framework"), text("task"));
    let told = meseta_tests::real::http::get(local.port, &path).expect("an answer");
    assert_eq!((told.status, &told.json()["entries"]), (200, &history["entries"]));
}
