//! TaskInfo of a LAUNCH, row by row of B5: one valid task, and what spoils it.

use crate::harness::*;
use meseta_api::v1::environment::{variable, Variable};
use meseta_api::v1::{self, TaskInfo};

type Spoil = fn(&mut TaskInfo);

const CASES: &[(&str, Spoil)] = &[
    ("empty id", |task| task.task_id = "".into()),
    ("TSK-03 slash in id", |task| task.task_id = "a/b".into()),
    ("TSK-03 dots", |task| task.task_id = "..".into()),
    ("larger than a message", |task| task.data = Some(vec![0; 5 << 20].into())),
    ("agent of another offer", |task| task.agent_id = "m-S7".into()),
    ("negative grace period", |task| {
        task.kill_policy =
            Some(v1::KillPolicy { grace_period: Some(v1::DurationInfo { nanoseconds: -1 }) });
    }),
    ("negative completion time", |task| {
        task.max_completion_time = Some(v1::DurationInfo { nanoseconds: -1 });
    }),
    ("no resources", |task| task.resources.clear()),
    ("resources that are none", |task| task.resources[0].scalar = None),
    ("resources of another role", |task| {
        for resource in &mut task.resources {
            resource.allocation_info =
                Some(v1::resource::AllocationInfo { role: Some("s".into()) });
        }
    }),
    ("more than offered", |task| {
        task.resources = agent_info("h", "cpus:5").resources;
    }),
    ("what is not offered", |task| task.resources = agent_info("h", "gpus:1").resources),
    ("revocable and not", |task| {
        let mut revocable = task.resources[0].clone();
        revocable.revocable = Some(Default::default());
        task.resources.push(revocable);
    }),
    ("neither command nor executor", |task| task.command = None),
    ("both command and executor", |task| task.executor = Some(executor())),
    ("shell without value", |task| command(task).value = None),
    ("null character", |task| command(task).value = Some("a\0b".into())),
    ("URI without value", |task| command(task).uris.push(Default::default())),
    ("URI out of the sandbox", |task| {
        command(task).uris.push(v1::command_info::Uri {
            value: "http://x/y".into(),
            output_file: Some("../y".into()),
            ..Default::default()
        });
    }),
    ("variable without value", |task| {
        variables(task, Variable { name: "A".into(), ..Default::default() })
    }),
    ("variable without name", |task| {
        variables(task, Variable { value: Some("1".into()), ..Default::default() });
    }),
    ("variable with an equals sign", |task| {
        variables(
            task,
            Variable { name: "A=B".into(), value: Some("1".into()), ..Default::default() },
        );
    }),
    ("secret with value", |task| {
        variables(
            task,
            Variable {
                name: "A".into(),
                r#type: Some(variable::Type::Secret.into()),
                value: Some("1".into()),
                ..Default::default()
            },
        );
    }),
    ("secret without secret", |task| {
        variables(
            task,
            Variable {
                name: "A".into(),
                r#type: Some(variable::Type::Secret.into()),
                ..Default::default()
            },
        );
    }),
    ("check without type", |task| task.check = Some(Default::default())),
    ("check without its member", |task| {
        task.check = Some(v1::CheckInfo {
            r#type: Some(v1::check_info::Type::Tcp.into()),
            ..Default::default()
        });
    }),
    ("check with negative delay", |task| {
        task.check = Some(v1::CheckInfo {
            r#type: Some(v1::check_info::Type::Tcp.into()),
            tcp: Some(v1::check_info::Tcp { port: 80 }),
            delay_seconds: Some(-1.0),
            ..Default::default()
        });
    }),
    ("health check without type", |task| task.health_check = Some(Default::default())),
    ("health check with a relative path", |task| {
        task.health_check = Some(v1::HealthCheck {
            r#type: Some(v1::health_check::Type::Http.into()),
            http: Some(v1::health_check::HttpCheckInfo {
                port: 80,
                path: Some("health".into()),
                ..Default::default()
            }),
            ..Default::default()
        });
    }),
    ("health check of port 0", |task| {
        task.health_check = Some(v1::HealthCheck {
            r#type: Some(v1::health_check::Type::Tcp.into()),
            tcp: Some(v1::health_check::TcpCheckInfo { port: 0, ..Default::default() }),
            ..Default::default()
        });
    }),
    ("health check without command", |task| {
        task.health_check = Some(v1::HealthCheck {
            r#type: Some(v1::health_check::Type::Command.into()),
            ..Default::default()
        });
    }),
    ("TSK-09 limit of disk", |task| limit(task, "disk", 100.0)),
    ("TSK-09 limit below request", |task| limit(task, "cpus", 0.5)),
    ("TSK-09 limit NaN", |task| limit(task, "mem", f64::NAN)),
    ("executor DEFAULT", |task| {
        with_executor(task).r#type = Some(v1::executor_info::Type::Default.into());
    }),
    ("executor without command", |task| with_executor(task).command = None),
    ("executor of another framework", |task| {
        with_executor(task).framework_id = Some("other".into());
    }),
    ("executor with bad id", |task| with_executor(task).executor_id = "a/b".into()),
    ("executor that does not fit", |task| {
        with_executor(task).resources = agent_info("h", "cpus:4").resources;
    }),
    ("executor and task with one port", |task| {
        task.resources = agent_info("h", "cpus:1;ports:[1-2]").resources;
        with_executor(task).resources = agent_info("h", "ports:[2-3]").resources;
    }),
];

fn command(task: &mut TaskInfo) -> &mut v1::CommandInfo {
    task.command.get_or_insert_with(Default::default)
}

fn variables(task: &mut TaskInfo, variable: Variable) {
    command(task).environment = Some(v1::Environment { variables: vec![variable] });
}

fn limit(task: &mut TaskInfo, name: &str, value: f64) {
    task.limits.insert(name.to_owned(), v1::value::Scalar { value });
}

fn executor() -> v1::ExecutorInfo {
    v1::ExecutorInfo {
        executor_id: "e".into(),
        command: Some(v1::CommandInfo { value: Some("run".to_owned()), ..Default::default() }),
        ..Default::default()
    }
}

fn with_executor(task: &mut TaskInfo) -> &mut v1::ExecutorInfo {
    task.command = None;
    task.executor.get_or_insert_with(executor)
}

fn launched(spoil: Spoil) -> String {
    let mut m = Master::new();
    m.agent(1, "cpus:4;mem:1024;ports:[1-100]");
    let framework = m.framework(10, info("f"));
    let offer = m.offer();
    let mut info = task("t", &offer, "cpus:1;mem:128");
    spoil(&mut info);
    let gave = m.does(call(10, &(&framework).into(), accept(&[&offer], vec![info])));
    let told = gave.updates().first().map(|status| status.message().to_owned());
    let lines = gave.lines();
    let quiet = lines.iter().filter(|line| !line.starts_with("allocator"));
    let told = told.unwrap_or_default();
    assert!(told.is_empty() != gave.all().contains("TASK_ERROR"), "an error has a message");
    quiet.cloned().collect::<Vec<_>>().join("\n")
}

/// TSK-01, TSK-02, TSK-03, TSK-09, RES-14, RES-16.
#[test]
fn b5_each_row_is_a_task_error() {
    for (what, spoil) in CASES {
        let line = launched(*spoil);
        assert!(line.contains("TASK_ERROR REASON_TASK_INVALID"), "{what}: {line}");
        assert!(!line.contains("RunTask"), "{what}");
    }
}

#[test]
fn what_is_allowed() {
    let fine: &[(&str, Spoil)] = &[
        ("as it is", |_| {}),
        ("no shell, arguments only", |task| {
            *command(task) = v1::CommandInfo {
                shell: Some(false),
                value: Some("/bin/true".into()),
                ..Default::default()
            };
        }),
        ("a limit without end", |task| limit(task, "mem", f64::INFINITY)),
        ("a custom executor without type", |task| {
            with_executor(task);
        }),
        ("a custom executor", |task| {
            with_executor(task).r#type = Some(v1::executor_info::Type::Custom.into());
        }),
        ("a port", |task| task.resources = agent_info("h", "ports:[7-7]").resources),
        ("a TCP check", |task| {
            task.check = Some(v1::CheckInfo {
                r#type: Some(v1::check_info::Type::Tcp.into()),
                tcp: Some(v1::check_info::Tcp { port: 80 }),
                ..Default::default()
            });
        }),
    ];
    for (what, spoil) in fine {
        assert_eq!(launched(*spoil), "agent 1 <- RunTask t", "{what}");
    }
}
