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
            said.contains(what)
                .then_some(())
                .ok_or_else(|| format!("{said}\n{}", follower.daemon.log()))
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
    // More may have happened meanwhile.
    let later = events(&ok(&cli, &["events", "--from", &from, "-o", "json"]));
    assert!(later.starts_with(&all[1..]), "{later:?} after {all:?}");
    let added = ok(&cli, &["events", "--type", "framework-added,TASK_ADDED", "-o", "json"]);
    let wanted = |(_, kind): &&(u64, String)| kind == "FRAMEWORK_ADDED" || kind == "TASK_ADDED";
    let expected: Vec<_> = all.iter().filter(wanted).cloned().collect();
    assert!(events(&added).starts_with(&expected), "{added} after {expected:?}");
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
    ok(&cli, &["kill", "victim", "--yes"]);
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
    let path =
        format!("/meseta/explain/task?framework={}&task={}", text("framework"), text("task"));
    let told = meseta_tests::real::http::get(local.port, &path).expect("an answer");
    assert_eq!((told.status, &told.json()["entries"]), (200, &history["entries"]));
}

/// What an agent has reserved, as `meseta reservations` lists it.
fn reserved(cli: &Cli) -> Vec<(String, Option<String>, String)> {
    let rows = cli.list(&["reservations"]);
    let text = |row: &Value, name: &str| row[name].as_str().map(str::to_owned);
    let row = |row: &Value| {
        let (role, resources) = (text(row, "role"), text(row, "resources"));
        (role.expect("a role"), text(row, "volume"), resources.expect("resources"))
    };
    rows.iter().map(row).collect()
}

/// Waits until that is what is reserved.
#[track_caller]
fn comes_to(cli: &Cli, what: &str, wanted: &[(&str, Option<&str>, &str)]) {
    let wanted: Vec<_> = wanted
        .iter()
        .map(|(role, volume, resources)| {
            ((*role).to_owned(), volume.map(str::to_owned), (*resources).to_owned())
        })
        .collect();
    until(what, PATIENCE, || {
        let now = reserved(cli);
        (now == wanted).then_some(()).ok_or_else(|| format!("{now:?}"))
    });
}

#[test]
fn mop_17_and_18_resources_are_reserved_and_volumes_made_by_hand() {
    let local = Local::start(1);
    let cli = local.cli();
    assert!(reserved(&cli).is_empty());
    let said = ok(&cli, &["agents", "reserve", "S0", "cpus:0.5;disk:64", "--role", "eng"]);
    assert!(said.contains("is being reserved for eng"), "{said}");
    comes_to(&cli, "the reservation is there", &[("eng", None, "cpus:0.5;disk:64")]);
    ok(&cli, &["agents", "create-volume", "S0", "data", "32", "--role", "eng"]);
    let both = [("eng", None, "cpus:0.5;disk:32"), ("eng", Some("data"), "disk:32")];
    comes_to(&cli, "the volume is there", &both);
    // Reserved space that is a volume cannot be taken back.
    let refused = cli.run(&["agents", "unreserve", "S0", "disk:64", "--role", "eng"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let unasked = cli.run(&["agents", "destroy-volume", "S0", "data", "--role", "eng"]);
    assert_eq!(unasked.code, 1, "nobody was asked: {unasked:?}");
    assert!(unasked.stderr.contains("--yes"), "{unasked:?}");
    let unknown = cli.run(&["agents", "destroy-volume", "S0", "other", "--role", "eng", "--yes"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    ok(&cli, &["agents", "destroy-volume", "S0", "data", "--role", "eng", "--yes"]);
    comes_to(&cli, "the volume is gone", &[("eng", None, "cpus:0.5;disk:64")]);
    ok(&cli, &["agents", "unreserve", "S0", "cpus:0.5;disk:64", "--role", "eng"]);
    comes_to(&cli, "nothing is reserved", &[]);
}

#[test]
fn mop_14_and_24_weights_and_quotas_are_planned_and_set() {
    let local = Local::start(1);
    let cli = local.cli();
    let planned = ok(&cli, &["plan", "weights", "eng=2.5"]);
    assert!(planned.contains("0 offers would be taken back"), "{planned}");
    assert!(cli.list(&["weights", "list"]).is_empty(), "a plan changes nothing");
    ok(&cli, &["weights", "set", "eng=2.5", "ops=0.5"]);
    let weights = ok(&cli, &["weights", "list"]);
    assert_eq!(weights, "ROLE  WEIGHT\neng   2.5\nops   0.5\n");

    let planned = ok(&cli, &["plan", "quota", "eng", "--guarantee", "cpus:100000", "-o", "json"]);
    let planned: Value = serde_json::from_str(&planned).expect("JSON");
    let objection = planned["needs_force"][0].as_str().unwrap_or_default();
    assert!(objection.contains("all guarantees together are [cpus:100000]"), "{planned:#}");
    let refused = cli.run(&["quota", "set", "eng", "--guarantee", "cpus:100000"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains(objection), "as it was planned: {refused:?}");
    ok(&cli, &["quota", "set", "eng", "--guarantee", "cpus:0.1", "--limit", "cpus:0.2;mem:64"]);
    let quotas = ok(&cli, &["quota", "list"]);
    assert_eq!(quotas, "ROLE  GUARANTEES  LIMITS\neng   cpus:0.1    cpus:0.2;mem:64\n");
    let posted = serde_json::json!({ "type": "UPDATE_WEIGHTS", "update_weights": {
        "weight_infos": [{ "role": "eng", "weight": 7.0 }] } });
    let told = meseta_tests::real::http::post(local.port, "/meseta/plan", &posted).unwrap();
    assert_eq!(told.json()["weights"]["rescinded"], 0, "{told:?}");
    let roles = cli.list(&["roles"]);
    let eng = roles.iter().find(|role| role["role"] == "eng").expect("role eng");
    assert_eq!(eng["weight"], 2.5, "{roles:?}");
    ok(&cli, &["quota", "remove", "eng"]);
    assert!(cli.list(&["quota", "list"]).is_empty());
}

#[test]
fn why_an_agent_is_not_offered_and_whom_a_drain_would_hit() {
    let local = Local::start(1);
    let cli = local.cli();
    let script = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
    let run = cli.start(&[
        "run", "--name", "sleeper", "--cpus", "0.05", "--mem", "32", "--", "sh", "-c", script,
    ]);
    until("the task runs", PATIENCE, || {
        let tasks = cli.list(&["tasks"]);
        let runs = tasks.iter().any(|task| task["state"] == "TASK_RUNNING");
        runs.then_some(()).ok_or_else(|| format!("{tasks:?}"))
    });
    let explained = cli.list(&["explain", "offers", "--framework", "sleeper"]);
    assert_eq!(explained.len(), 1, "one agent, one role: {explained:?}");
    assert!(explained[0]["cause"].as_str().is_some_and(|cause| !cause.is_empty()));
    ok(&cli, &["agents", "deactivate", "S0"]);
    let of_agent = ["explain", "offers", "--framework", "sleeper", "--agent", "S0"];
    until("the deactivation is why", PATIENCE, || {
        let table = ok(&cli, &of_agent);
        table.contains("agent-inactive").then_some(()).ok_or(table)
    });
    let planned = ok(&cli, &["plan", "drain", "S0", "--max-grace-period", "30s"]);
    assert!(planned.contains("1 tasks would be killed"), "{planned}");
    assert!(planned.contains("30 s"), "{planned}");
    let tasks = cli.list(&["tasks"]);
    assert_eq!(tasks[0]["state"], "TASK_RUNNING", "a plan changes nothing: {tasks:?}");
    let drained = cli.run(&["agents", "drain", "S0", "--yes"]);
    assert_eq!(drained.code, 0, "{drained:?}");
    assert_ne!(run.done().code, 0, "it was killed");
    let history = ok(&cli, &["explain", "task", "sleeper"]);
    assert!(history.contains("DRAIN_AGENT"), "{history}");
}

#[test]
fn frameworks_are_listed_and_torn_down_and_lists_have_all_forms() {
    let local = Local::start(1);
    let cli = local.cli();
    let script = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
    let run = cli.start(&[
        "run", "--name", "mortal", "--cpus", "0.05", "--mem", "32", "--", "sh", "-c", script,
    ]);
    until("the task runs", PATIENCE, || {
        let tasks = cli.list(&["tasks"]);
        let runs = tasks.iter().any(|task| task["state"] == "TASK_RUNNING");
        runs.then_some(()).ok_or_else(|| format!("{tasks:?}"))
    });
    for list in [
        &["agents"][..],
        &["frameworks"],
        &["frameworks", "list"],
        &["tasks"],
        &["tasks", "list"],
        &["roles"],
        &["offers"],
        &["reservations"],
        &["weights", "list"],
        &["quota", "list"],
    ] {
        for form in ["table", "wide", "json", "yaml", "name"] {
            ok(&cli, &[list, &["-o", form]].concat());
        }
    }
    let id = ok(&cli, &["frameworks", "-o", "name"]);
    let state = ok(&cli, &["state"]);
    assert!(state.contains("TASK_RUNNING"), "{state}");
    let whole: Value = serde_json::from_str(&ok(&cli, &["state", "-o", "json"])).expect("JSON");
    assert_eq!(whole["get_tasks"]["tasks"].as_array().map(Vec::len), Some(1), "{whole:#}");
    let unasked = cli.run(&["frameworks", "teardown", id.trim()]);
    assert_eq!(unasked.code, 1, "nobody was asked: {unasked:?}");
    let said = ok(&cli, &["frameworks", "teardown", "mortal", "--yes"]);
    assert!(said.contains(id.trim()), "{said}");
    assert_ne!(run.done().code, 0, "it was torn down");
    assert!(cli.list(&["frameworks"]).is_empty());
    let script = ok(&cli, &["completion", "bash"]);
    assert!(script.contains("teardown"), "verbs are completed");
}
