//! From what a person types to one task.

use meseta_cli::task_name::{resolve, NameError, TaskName};

fn tasks() -> Vec<TaskName> {
    ["F-0000/web.1", "F-0000/web.10", "F-0001/web.1", "F-0001/db", "G-0002/cron"]
        .map(|name| {
            let (framework, task) = name.split_once('/').unwrap();
            TaskName { framework: framework.into(), task: task.into() }
        })
        .to_vec()
}

#[test]
fn one_task_is_found() {
    for (text, expected) in [
        ("F-0000/web.1", "F-0000/web.1"),
        ("F-0001/web.1", "F-0001/web.1"),
        ("F-0000/web.10", "F-0000/web.10"),
        ("web.10", "F-0000/web.10"),
        ("d", "F-0001/db"),
        ("db", "F-0001/db"),
        ("G", "G-0002/cron"),
        ("G-0002/", "G-0002/cron"),
        ("F-0001/d", "F-0001/db"),
    ] {
        let tasks = tasks();
        let found = resolve(text, &tasks).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(tasks[found].to_string(), expected, "{text}");
    }
}

#[test]
fn ambiguity_lists_the_candidates_in_order() {
    for (text, expected) in [
        ("web.1", "F-0000/web.1 F-0001/web.1"),
        ("w", "F-0000/web.1 F-0000/web.10 F-0001/web.1"),
        ("F-0001", "F-0001/db F-0001/web.1"),
        ("F-0000/web", "F-0000/web.1 F-0000/web.10"),
    ] {
        match resolve(text, &tasks()) {
            Err(error @ NameError::Ambiguous { .. }) => {
                let said = error.to_string();
                let listed: Vec<&str> = said.lines().skip(1).map(str::trim).collect();
                assert_eq!(listed.join(" "), expected, "{text}: {said}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn nothing_is_an_error_that_names_what_was_looked_for() {
    for text in ["", "nope", "F-0000/db", "web.1/F-0000", "eb"] {
        let error = resolve(text, &tasks()).unwrap_err();
        assert_eq!(error, NameError::NoMatch { text: text.into() });
        assert!(error.to_string().contains(&format!("{text:?}")));
    }
}

#[test]
fn a_long_list_is_cut() {
    let name = |n: usize| TaskName { framework: "F".into(), task: format!("t{n:03}") };
    let tasks: Vec<TaskName> = (0..100).map(name).collect();
    let said = resolve("t", &tasks).unwrap_err().to_string();
    assert!(said.contains("names 100 tasks") && said.ends_with("… and 80 more"), "{said}");
}
