//! Launching: streams, status, environment, users, refusals.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use meseta_agent::container::*;

use super::fixture::{alive, is_root, until, Fixture, DEADLINE};
use super::Test;

pub(crate) const TESTS: &[Test] = &[
    ("output_and_exit_codes", output_and_exit_codes),
    ("output_is_appended", output_is_appended),
    ("deaths_by_signal", deaths_by_signal),
    ("the_environment_is_exact", the_environment_is_exact),
    ("a_program_starts_clean", a_program_starts_clean),
    ("a_missing_program_is_a_clear_error", a_missing_program_is_a_clear_error),
    ("a_program_that_may_not_run_is_a_clear_error", a_program_that_may_not_run),
    ("a_program_is_found_along_the_containers_path", a_program_is_found_along_path),
    ("bad_specs_are_refused_before_anything_exists", bad_specs_are_refused),
    ("another_user", another_user),
    ("no_new_privs", no_new_privs),
    ("log_files_are_never_followed_elsewhere", log_files_are_never_followed),
    ("an_id_is_used_once", an_id_is_used_once),
    ("a_dropped_preparation_leaves_nothing", a_dropped_preparation_leaves_nothing),
    ("launches_at_once_do_not_hold_each_other", launches_at_once),
    ("a_supervisor_that_cannot_start_is_a_clear_error", a_supervisor_that_cannot_start),
    ("the_helper_runs_from_a_sealed_copy", the_helper_runs_from_a_sealed_copy),
    ("a_helper_inside_is_as_if_executed", a_helper_inside_is_as_if_executed),
    ("a_helper_inside_that_panics_has_failed", a_helper_inside_that_panics),
];

fn output_and_exit_codes() {
    for code in [0, 3] {
        let fixture = Fixture::new();
        let script = format!("echo out; echo err >&2; exit {code}");
        let report = fixture.run(&fixture.shell("c", &script));
        assert_eq!(report.status, Some(code << 8), "raw, as wait(2)");
        assert_eq!((report.exit_code(), report.signal()), (Some(code), None));
        assert_eq!((fixture.output("stdout"), fixture.output("stderr")), line("out", "err"));
        assert!(report.released && !report.oom_killed && !report.kill_requested);
        assert!(report.left_behind.is_empty() && report.ended_at_ms >= report.forked_at_ms);
    }
}

fn line(out: &str, err: &str) -> (String, String) {
    (format!("{out}\n"), format!("{err}\n"))
}

fn output_is_appended() {
    let fixture = Fixture::new();
    std::fs::write(fixture.sandbox().join("stdout"), "before\n").unwrap();
    fixture.run(&fixture.shell("c", "echo after"));
    assert_eq!(fixture.output("stdout"), "before\nafter\n");
}

fn deaths_by_signal() {
    // 40 is a real-time signal, which has no name.
    for signal in [libc::SIGSEGV, 40] {
        let fixture = Fixture::new();
        let report = fixture.run(&fixture.shell("c", &format!("kill -{signal} $$")));
        assert_eq!((report.exit_code(), report.signal()), (None, Some(signal)));
        assert!(!report.kill_requested && !report.oom_killed);
    }
}

fn the_environment_is_exact() {
    let fixture = Fixture::new();
    let mut spec = fixture.shell("c", "");
    spec.command = exec("/usr/bin/env");
    spec.env = [("A".to_owned(), "x = y\nz".to_owned())].into();
    assert_eq!(fixture.run(&spec).exit_code(), Some(0));
    assert_eq!(fixture.output("stdout"), "A=x = y\nz\n");
}

fn exec(program: &str) -> Command {
    Command::Exec { program: program.to_owned(), argv: Vec::new() }
}

/// No descriptor, no blocked and no ignored signal comes from the agent; own session.
fn a_program_starts_clean() {
    let fixture = Fixture::new();
    let script = "ls /proc/self/fd; grep -E '^Sig(Blk|Ign)' /proc/self/status; \
                  readlink /proc/self/fd/0; pwd; umask; [ $(cut -d' ' -f6 /proc/$$/stat) = $$ ] && echo own";
    fixture.run(&fixture.shell("c", script));
    // 3 is ls' own.
    let clean = "0\n1\n2\n3\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n/dev/null\n";
    let sandbox = std::fs::canonicalize(fixture.sandbox()).unwrap();
    assert_eq!(fixture.output("stdout"), format!("{clean}{}\n0022\nown\n", sandbox.display()));
}

fn a_missing_program_is_a_clear_error() {
    let fixture = Fixture::new();
    for program in ["/no/such/program", "no-such-program-anywhere"] {
        let mut spec = fixture.shell("c", "");
        spec.command = exec(program);
        let prepared = fixture.launcher(None).prepare(&spec).unwrap();
        let child = prepared.forked().child.pid;
        let error = prepared.release().unwrap_err();
        let LaunchError::Exec { step: ExecStep::Exec, source, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(source.raw_os_error(), Some(libc::ENOENT));
        assert!(error.to_string().contains(program), "{error}");
        assert!(!alive(child) && !fixture.folder("c").exists());
    }
}

fn a_program_that_may_not_run() {
    let fixture = Fixture::new();
    std::fs::write(fixture.sandbox().join("plain"), "#!/bin/sh\n").unwrap();
    let mut spec = fixture.shell("c", "");
    spec.command = exec("./plain");
    let error = fixture.launcher(None).prepare(&spec).unwrap().release().unwrap_err();
    let LaunchError::Exec { source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.raw_os_error(), Some(libc::EACCES));
}

fn a_program_is_found_along_path() {
    let fixture = Fixture::new();
    let mut spec = fixture.shell("c", "");
    spec.env = [("PATH".to_owned(), "/no/where:/usr/bin:/bin".to_owned())].into();
    let argv = ["other-name", "-c", "echo $0 \"$1\"", "a", "b c"].map(str::to_owned).to_vec();
    spec.command = Command::Exec { program: "sh".to_owned(), argv };
    assert_eq!(fixture.run(&spec).exit_code(), Some(0));
    assert_eq!(fixture.output("stdout"), "a b c\n");
}

fn bad_specs_are_refused() {
    let fixture = Fixture::new();
    let launcher = fixture.launcher(None);
    let good = fixture.shell("c", "true");
    let with_env = |name: &str, value: &str| {
        let mut spec = good.clone();
        spec.env.insert(name.to_owned(), value.to_owned());
        spec
    };
    let with_user = |user: &str| ContainerSpec { user: Some(user.to_owned()), ..good.clone() };
    let with = |command: Command| ContainerSpec { command, ..good.clone() };
    for spec in [
        with_env("A=B", "x"),
        with_env("", "x"),
        with_env("A\0", "x"),
        with_env("A", "x\0"),
        with(exec("")),
        with(exec("a\0b")),
        with(Command::Shell("a\0b".to_owned())),
        ContainerSpec { sandbox: "relative".into(), ..good.clone() },
        ContainerSpec { sandbox: fixture.root().join("absent"), ..good.clone() },
    ] {
        let error = launcher.prepare(&spec).unwrap_err();
        assert!(matches!(error, LaunchError::Invalid(_)), "{spec:?}: {error:?}");
    }
    for user in ["no-such-user", "../", "-1", "", "root\0"] {
        let error = launcher.prepare(&with_user(user)).unwrap_err();
        let unknown = matches!(error, LaunchError::User(UserError::Unknown { .. }));
        assert!(unknown, "{user:?}: {error:?}");
    }
    assert!(!fixture.runtime().exists(), "nothing was made");
}

fn another_user() {
    let fixture = Fixture::new();
    let mut spec = fixture.shell("c", "id -u; id -G; touch mine");
    spec.user = Some("nobody".to_owned());
    if !is_root() {
        spec.user = Some("root".to_owned());
        let error = fixture.launcher(None).prepare(&spec).unwrap_err();
        assert!(matches!(error, LaunchError::User(UserError::NotRoot { .. })), "{error:?}");
        print!("(not root: asserted the refusal) ");
        return;
    }
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    assert_eq!(fixture.run(&spec).exit_code(), Some(0));
    let ids = format!("{}\n{}\n", nobody.uid, nobody.gid);
    assert_eq!(fixture.output("stdout"), ids);
    for file in ["stdout", "stderr", "mine"] {
        let owner = std::fs::metadata(fixture.sandbox().join(file)).unwrap().uid();
        assert_eq!(owner, nobody.uid.as_raw(), "{file}");
    }
    // A sandbox that its user may not enter is named as that.
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(fixture.sandbox(), closed).unwrap();
    let error = fixture
        .launcher(None)
        .prepare(&ContainerSpec { id: ContainerId::new("d").unwrap(), ..spec });
    let error = error.unwrap().release().unwrap_err();
    let step = matches!(error, LaunchError::Exec { step: ExecStep::EnterSandbox, .. });
    assert!(step, "{error:?}");
}

fn no_new_privs() {
    for wanted in [false, true] {
        let fixture = Fixture::new();
        let mut spec = fixture.shell("c", "grep NoNewPrivs /proc/self/status");
        spec.no_new_privs = wanted;
        let own = std::fs::read_to_string("/proc/self/status").unwrap();
        let inherited = own.contains("NoNewPrivs:\t1");
        fixture.run(&spec);
        let expected = u8::from(wanted || inherited);
        assert_eq!(fixture.output("stdout"), format!("NoNewPrivs:\t{expected}\n"));
    }
}

fn log_files_are_never_followed() {
    let fixture = Fixture::new();
    let target = fixture.root().join("target");
    std::fs::write(&target, "mine").unwrap();
    let stdout = fixture.sandbox().join("stdout");
    let make: [(&str, &dyn Fn()); 3] = [
        ("soft link", &|| std::os::unix::fs::symlink(&target, &stdout).unwrap()),
        ("hard link", &|| std::fs::hard_link(&target, &stdout).unwrap()),
        ("pipe", &|| {
            let mode = nix::sys::stat::Mode::from_bits_truncate(0o666);
            nix::unistd::mkfifo(&stdout, mode).unwrap();
        }),
    ];
    for (what, make) in make {
        make();
        let error = fixture.launcher(None).prepare(&fixture.shell("c", "echo evil")).unwrap_err();
        let named =
            matches!(&error, LaunchError::Setup { reason, .. } if reason.contains("stdout"));
        assert!(named, "{what}: {error:?}");
        assert!(!fixture.folder("c").exists(), "{what}");
        std::fs::remove_file(&stdout).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "mine");
}

fn an_id_is_used_once() {
    let fixture = Fixture::new();
    fixture.run(&fixture.shell("c", "true"));
    let error = fixture.launcher(None).prepare(&fixture.shell("c", "true")).unwrap_err();
    assert!(matches!(error, LaunchError::Exists { .. }), "{error:?}");
    let id = ContainerId::new("c").unwrap();
    handle::forget(&fixture.runtime(), &id).unwrap();
    handle::forget(&fixture.runtime(), &id).unwrap();
    fixture.run(&fixture.shell("c", "true"));
}

fn a_dropped_preparation_leaves_nothing() {
    let fixture = Fixture::new();
    let prepared = fixture.launcher(None).prepare(&fixture.shell("c", "touch ran")).unwrap();
    let forked = prepared.forked().clone();
    assert!(alive(forked.child.pid) && alive(forked.supervisor.pid));
    assert!(fixture.folder("c").join("forked.json").exists(), "recorded before the release");
    drop(prepared);
    assert!(!alive(forked.child.pid) && !alive(forked.supervisor.pid));
    assert!(!fixture.folder("c").exists() && !fixture.sandbox().join("ran").exists());
}

/// A descriptor of one launch that leaked into another would keep the first one's child alive.
fn launches_at_once() {
    let fixture = Fixture::new();
    let launcher = fixture.launcher(None);
    std::thread::scope(|scope| {
        for number in 0..12 {
            let (launcher, spec) = (&launcher, fixture.shell(&format!("c{number}"), "exit 2"));
            scope.spawn(move || {
                let prepared = launcher.prepare(&spec).unwrap();
                if number % 2 == 0 {
                    return drop(prepared);
                }
                let handle = prepared.release().unwrap();
                assert_eq!(handle.wait_for(DEADLINE).unwrap().unwrap().exit_code(), Some(2));
            });
        }
    });
    assert_eq!(handle::list(&fixture.runtime()).unwrap().len(), 6);
}

fn a_supervisor_that_cannot_start() {
    let fixture = Fixture::new();
    let config = |binary: &str| LauncherConfig {
        binary: LauncherBinary::Path(binary.into()),
        runtime_dir: fixture.runtime(),
        cgroups: None,
        setup_timeout: DEADLINE,
    };
    let spec = fixture.shell("c", "true");
    let error = Launcher::new(config("/no/such/binary")).prepare(&spec).unwrap_err();
    assert!(matches!(error, LaunchError::Spawn { .. }), "{error:?}");
    let error = Launcher::new(config("/bin/false")).prepare(&spec).unwrap_err();
    assert!(matches!(error, LaunchError::Supervisor { .. }), "{error:?}");
    assert!(!fixture.folder("c").exists());
}

fn the_helper_runs_from_a_sealed_copy() {
    let fixture = Fixture::new();
    let binary = LauncherBinary::Memfd(Arc::new(MemfdBinary::of_current_exe().unwrap()));
    let config = LauncherConfig {
        binary,
        runtime_dir: fixture.runtime(),
        cgroups: None,
        setup_timeout: DEADLINE,
    };
    let mut spec = fixture.shell("c", "");
    spec.command = Command::Helper { args: ["helper", "a b"].map(str::to_owned).to_vec() };
    let handle = Launcher::new(config.clone()).prepare(&spec).unwrap().release().unwrap();
    assert_eq!(handle.wait_for(DEADLINE).unwrap().unwrap().exit_code(), Some(0));
    assert_eq!(fixture.output("stdout"), "helper [\"a b\"]\n");
    // The supervisor's program cannot be written to, by root neither.
    let spec = fixture.shell("d", "while :; do sleep 0.05; done");
    let handle = Launcher::new(config).prepare(&spec).unwrap().release().unwrap();
    let exe = format!("/proc/{}/exe", handle.forked().supervisor.pid);
    assert!(std::fs::read_link(&exe).unwrap().to_string_lossy().contains("memfd:meseta"));
    assert!(std::fs::write(&exe, "evil").is_err());
    handle.destroy().unwrap();
    until("end of the supervisor", || !alive(handle.forked().supervisor.pid));
}

fn a_helper_inside_is_as_if_executed() {
    let users = if is_root() { vec![None, Some("nobody")] } else { vec![None] };
    for user in users {
        let fixture = Fixture::new();
        let mut spec = fixture.shell("c", "");
        spec.command = Command::Helper { args: vec!["inside".to_owned()] };
        spec.env.insert("A".to_owned(), "b=c".to_owned());
        spec.user = user.map(str::to_owned);
        let report = fixture.run(&spec);
        assert_eq!(report.exit_code(), Some(7), "{}", fixture.output("stderr"));
        let nobody = user.map(|user| nix::unistd::User::from_name(user).unwrap().unwrap().uid);
        let uid = nobody.unwrap_or_else(nix::unistd::geteuid);
        let sandbox = fixture.sandbox().canonicalize().unwrap();
        let expected = format!(
            "[(\"A\", \"b=c\"), (\"PATH\", \"/usr/bin:/bin\")]\n\
             0 1 2 3 of {uid}\n\
             {}\n\
             SigBlk:\t0000000000000000\n\
             SigIgn:\t0000000000001000\n\
             SigCgt:\t0000000000000000\n\
             exit status: 0\n",
            sandbox.display()
        );
        assert_eq!(fixture.output("stdout"), expected);
    }
}

fn a_helper_inside_that_panics() {
    let fixture = Fixture::new();
    let mut spec = fixture.shell("c", "");
    spec.command = Command::Helper { args: vec!["inside-panics".to_owned()] };
    assert_eq!(fixture.run(&spec).exit_code(), Some(101));
    assert!(fixture.output("stderr").contains("on purpose"));
}
