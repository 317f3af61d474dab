//! What an operator decides about agents, on a real cluster: `meseta agents drain`, `deactivate`,
//! `reactivate`, `gone` (MNT-01 to MNT-04, DR-*).
//!
//! Fed by: the `meseta` of this profile, started by each test on ports and in folders of its own.
//! The rules themselves are in `master/tests/master_core/marks.rs`.

use meseta_tests::real::cli::Cli;
use meseta_tests::real::local::Local;
use meseta_tests::real::wait::until;
use meseta_tests::real::PATIENCE;
use serde_json::Value;

fn text<'v>(row: &'v Value, field: &str) -> &'v str {
    row[field].as_str().unwrap_or_else(|| panic!("no text {field} in {row}"))
}

fn agents_in_state(cli: &Cli, state: &str) -> Vec<String> {
    let agents = cli.list(&["agents"]);
    let found = agents.iter().filter(|agent| text(agent, "state") == state);
    found.map(|agent| text(agent, "id").to_owned()).collect()
}

/// A framework whose one task runs, on which agent.
fn sleeper(cli: &Cli, name: &str) -> (meseta_tests::real::cli::Verb, String) {
    let script = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
    let run = cli
        .start(&["run", "--name", name, "--cpus", "0.05", "--mem", "32", "--", "sh", "-c", script]);
    let agent = until(&format!("{name} runs"), PATIENCE, || {
        let tasks = cli.list(&["tasks"]);
        let found = tasks
            .iter()
            .find(|t| text(t, "state") == "TASK_RUNNING" && text(t, "task").starts_with(name));
        found.map(|task| text(task, "agent").to_owned()).ok_or_else(|| format!("{tasks:#?}"))
    });
    (run, agent)
}

#[test]
fn dr_02_a_drained_agent_is_empty_and_takes_no_work_until_it_is_called_back() {
    let local = Local::start(2);
    let cli = local.cli();
    let (run, agent) = sleeper(&cli, "sleeper");
    let refused = cli.run(&["agents", "drain", &agent]);
    assert_eq!(refused.code, 1, "nobody was asked: {refused:?}");
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    let drained = cli.run(&["agents", "drain", &agent, "--max-grace-period", "10s", "--yes"]);
    assert_eq!(drained.code, 0, "{drained:?}");
    assert!(drained.stdout.contains("is drained"), "{drained:?}");
    assert!(drained.stderr.contains("1 tasks left: 1 of framework"), "{drained:?}");
    // The instance was killed, not finished: its framework says so.
    let ended = run.done();
    assert_ne!(ended.code, 0, "{ended:?}");
    assert_eq!(agents_in_state(&cli, "drained"), std::slice::from_ref(&agent));
    // What is launched now runs elsewhere.
    for name in ["one", "two", "three"] {
        let done = cli.run(&["run", "--name", name, "--cpus", "0.05", "--mem", "32", "--", "true"]);
        assert_eq!(done.code, 0, "{done:?}");
    }
    let tasks = cli.list(&["tasks", "-a"]);
    let here = tasks.iter().filter(|task| text(task, "agent") == agent);
    assert_eq!(here.count(), 1, "only the sleeper was there: {tasks:#?}");
    let back = cli.run(&["agents", "reactivate", &agent]);
    assert_eq!(back.code, 0, "{back:?}");
    assert_eq!(agents_in_state(&cli, "active").len(), 2);
    let twice = cli.run(&["agents", "reactivate", &agent]);
    assert_eq!(twice.code, 1, "{twice:?}");
    assert!(twice.stderr.contains("is not deactivated"), "{twice:?}");
}

#[test]
fn mnt_03_a_deactivation_outlives_the_master_and_keeps_tasks() {
    let mut local = Local::start(1);
    let cli = local.cli();
    let done = cli.run(&["agents", "deactivate", "S0"]);
    assert_eq!(done.code, 0, "an id's end names it: {done:?}");
    local.crash();
    local.start_again();
    until("the agent is back, deactivated", PATIENCE, || {
        let done = cli.run(&["agents", "-o", "json"]);
        let back = done.stdout.contains(r#""state": "deactivated""#);
        (done.code == 0 && back).then_some(()).ok_or_else(|| format!("{done:?}"))
    });
    assert_eq!(cli.run(&["agents", "reactivate", "S0"]).code, 0);
    let done = cli.run(&["run", "--name", "t", "--cpus", "0.05", "--mem", "32", "--", "true"]);
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn mnt_04_a_gone_agent_is_listed_no_longer() {
    let local = Local::start(2);
    let cli = local.cli();
    let (run, agent) = sleeper(&cli, "sleeper");
    let gone = cli.run(&["agents", "gone", &agent, "-y"]);
    assert_eq!(gone.code, 0, "{gone:?}");
    let ended = run.done();
    assert_ne!(ended.code, 0, "{ended:?}");
    let left = cli.list(&["agents"]);
    assert!(left.iter().all(|left| text(left, "id") != agent), "{left:#?}");
    // Again, by its whole id: it is as it was asked.
    assert_eq!(cli.run(&["agents", "gone", &agent, "-y"]).code, 0);
}

/// MOP-20, DR-08; what happens when a machine goes down is in `master/tests/master_core/maintenance.rs`:
/// here it would be the whole cluster.
#[test]
fn mop_20_maintenance_is_planned_listed_and_called_off() {
    let local = Local::start(1);
    let cli = local.cli();
    let (run, _) = sleeper(&cli, "sleeper");
    let plan = cli.run(&[
        "maintenance",
        "plan",
        "@127.0.0.1",
        "elsewhere",
        "--start",
        "2h",
        "--duration",
        "30m",
    ]);
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(plan.stdout.contains("@127.0.0.1 is scheduled"), "{plan:?}");
    // The framework of `run` does not answer, and is asked all the same.
    until("its framework is asked", PATIENCE, || {
        let rows = cli.list(&["maintenance", "list"]);
        let asked = rows.iter().find(|row| text(row, "machine") == "@127.0.0.1");
        let answers = asked.and_then(|row| row["answers"].as_object()).cloned();
        let unknown = answers.is_some_and(|all| all.values().any(|answer| answer == "UNKNOWN"));
        unknown.then_some(()).ok_or_else(|| format!("{rows:?}"))
    });
    let refused = cli.run(&["maintenance", "start", "@127.0.0.1"]);
    assert_eq!(refused.code, 1, "nobody was asked: {refused:?}");
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    let agent = &agents_in_state(&cli, "active")[0];
    let refused = cli.run(&["agents", "drain", agent, "--yes"]);
    assert!(refused.code == 1 && refused.stderr.contains("maintenance schedule"), "{refused:?}");

    let down = cli.run(&["maintenance", "start", "elsewhere", "--yes"]);
    assert_eq!(down.code, 0, "{down:?}");
    let refused = cli.run(&["maintenance", "cancel", "elsewhere"]);
    assert!(refused.code == 1 && refused.stderr.contains("is down"), "{refused:?}");
    for verb in [["stop", "elsewhere"], ["cancel", "@127.0.0.1"]] {
        let done = cli.run(&[&["maintenance"], &verb[..]].concat());
        assert_eq!(done.code, 0, "{done:?}");
    }
    assert!(cli.list(&["maintenance", "list"]).is_empty());
    let tasks = cli.list(&["tasks"]);
    assert_eq!(cli.run(&["kill", text(&tasks[0], "task"), "--yes"]).code, 0);
    run.done();
}
