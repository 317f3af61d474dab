//! The command line: what is taken, what is refused, and with which words.

use meseta_cli::args::{command, parse, Verb};
use std::ffi::OsString;

fn words(line: &str) -> impl Iterator<Item = OsString> + '_ {
    std::iter::once("meseta".into()).chain(line.split_whitespace().map(OsString::from))
}

fn refusal(line: &str) -> String {
    match parse(words(line)) {
        Ok(taken) => panic!("{line:?} was taken as {taken:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_definition_is_consistent() {
    command().debug_assert();
}

#[test]
fn what_is_taken() {
    for line in [
        "local",
        "local --agents 3 --port 6000 --work-dir /tmp/x --resources cpus:1;mem:64 --attributes a:b",
        "local --work_dir=/tmp/x_y --ip ::1",
        "master --store memory",
        "master --ip 10.0.0.1 --insecure --store etcd://a:2379,b/prod --election-ttl 3s",
        "master --election_ttl 60secs --agent_ping_timeout 1mins --max_agent_ping_timeouts 3",
        "agent --master etcd://a --insecure --isolation none --recovery_timeout 15mins",
        "agent --master a:1,b:2 --credential k.json --launcher_bin /bin/x --no-switch-user",
        "master --tls-cert c --tls-key k --tls_ca ca --tls-client-auth required",
        "agent --master https://a --tls-cert c --tls-key k --tls-ca ca --tls-server-name m,n",
        "local --tls-cert c --tls-key k --tls-ca ca --tls-client-auth optional",
        "agents --master https://a:1 --tls-ca ca",
        "master --credentials k.json --http_credentials h --authenticate_http_frameworks=false",
        "master --authenticate-http-readonly --authenticate-http-readwrite=true",
        "agent --http-credentials h --authenticate-http-executors --jwt_secret_key k --insecure",
        "local --http-credentials h --authenticate-http-executors=false",
        "logs x --http-credential h.json",
        "run --name n --cpus 0.5 --mem 32 --instances 9 --role r -f --env A=1 --env B= -- true",
        "run --name n -- sh -c exit",
        "agents -o json",
        "agents drain S3 --max-grace-period 30s --mark-gone --yes --no-wait --master m:1",
        "agents deactivate db-1 --credential k.json",
        "agents reactivate db-1",
        "agents gone S3 -y",
        "agents reserve S3 cpus:2;mem:64 --role eng --principal ops",
        "agents unreserve S3 cpus:2 --role eng",
        "agents create-volume S3 data 512 --role eng --container-path db",
        "agents destroy-volume S3 data --role eng -y",
        "frameworks -a -o table --master m:1",
        "tasks -a --cluster c",
        "logs x -f --stderr",
        "kill f/x --credential k.json",
        "explain offers --framework F --role eng/web --agent S1 -o json",
        "quota list",
        "maintenance list -o json",
        "maintenance plan db-1 db-2@10.0.0.2 --start 2030-01-31T06:00:00Z --duration 2h",
        "maintenance plan @10.0.0.9 --start 0s --master m:1",
        "maintenance cancel db-1",
        "maintenance start db-1 -y",
        "maintenance stop db-1",
        "master --allocator_agent_recovery_factor 0.5 --allocator_recovery_timeout 5mins",
        "quota set eng --guarantee cpus:1;mem:64 --limit cpus:2 --force",
        "quota remove eng ops --master m:1",
        "weights list -o json",
        "master --rate-limits {\"default_qps\":5} --max_completed_frameworks 5",
        "master --max-completed-tasks-per-framework 0 --max-unreachable-tasks-per-framework 9",
        "master --max-operator-event-stream-subscribers 10",
        "master --agent-removal-rate-limit 10/1mins --publish-per-framework-metrics false",
        "weights set eng/web=2.5 *=0.5 --master m:1",
        "events",
        "events -f --from 12 --type task-updated,AGENT_ADDED --framework web -o json",
        "explain task F/t -o yaml",
        "plan quota eng --guarantee cpus:1",
        "plan drain S0 --max-grace-period 30s --mark-gone",
        "plan weights eng=2 -o json",
        "frameworks list -a --watch",
        "frameworks teardown F --yes",
        "tasks list -o name",
        "tasks kill t -y",
        "tasks -a -o wide -w=10s",
        "agents list -o yaml",
        "offers",
        "roles",
        "reservations",
        "state -o json",
        "completion zsh",
        "demo --clean",
    ] {
        if let Err(error) = parse(words(line)) {
            panic!("{line:?}: {error}");
        }
    }
}

#[test]
fn what_is_refused_names_what_was_wrong() {
    for (line, named) in [
        ("", "Usage"),
        ("fly", "'fly'"),
        ("local --agents x", "'x'"),
        ("local --agents 1001", "1001"),
        ("local --port 0", "'0'"),
        ("local --ip here", "'here'"),
        ("master --tls-cert c", "--tls-key"),
        ("master --tls-client-auth maybe", "'maybe'"),
        ("agents --tls-key k", "--tls-cert"),
        ("agents --master http://a", "`http://`"),
        ("master --store zk://a", "`zk://a`"),
        ("master --election-ttl 1s", "from 2s to 60s"),
        ("master --allocator-agent-recovery-factor 1.1", "expecting 0 to 1"),
        ("master --allocator-agent-recovery-factor x", "`x` is no number"),
        ("master --offer-timeout soon", "'soon'"),
        ("master --max-operator-event-stream-subscribers 0", "'0'"),
        ("master --max-completed-frameworks many", "'many'"),
        ("master --agent-removal-rate-limit 10", "`10` is no rate such as 10/1min"),
        ("master --agent-removal-rate-limit 0/1s", "`0/1s` is no rate"),
        ("agent --master zk://a", "zk://"),
        ("agent --isolation perhaps", "'perhaps'"),
        ("master --authenticate-http-readonly=perhaps", "'perhaps'"),
        ("master --authenticate-http-readonly true", "'true'"),
        ("master --authenticate-http-executors", "--authenticate-http-executors"),
        ("explain offers", "--framework"),
        ("explain offers --framework F --role a//b", "double slash"),
        ("quota set eng", "--limit"),
        ("quota remove", "ROLE"),
        ("maintenance plan db-1", "--start"),
        ("maintenance plan db-1 --start soon", "expecting a time such as"),
        ("maintenance start", "MACHINE"),
        ("maintenance stop db-1@here", "'here' is no IP address"),
        ("maintenance stop @", "expecting HOST, HOST@IP or @IP"),
        ("weights", "Usage"),
        ("weights set", "ROLE=WEIGHT"),
        ("weights set a", "expecting ROLE=WEIGHT"),
        ("weights set a=b", "`b` is no number"),
        ("run -- true", "--name"),
        ("run --name n", "COMMAND"),
        ("run --name n true", "'true'"),
        ("run --name a/b -- true", "'/'"),
        ("run --name n --cpus 0 -- true", "at least 0.001"),
        ("run --name n --cpus NaN -- true", "at least 0.001"),
        ("run --name n --instances 0 -- true", "from 1"),
        ("run --name n --env X -- true", "NAME=VALUE"),
        ("logs", "TASK"),
        ("tasks -o xml", "'xml'"),
        ("tasks --watch=soon", "'soon'"),
        ("state -o wide", "'wide'"),
        ("events --type lunch", "TASK_ADDED"),
        ("frameworks teardown", "FRAMEWORK"),
        ("plan", "Usage"),
        ("plan quota eng", "--limit"),
        ("completion cmd", "'cmd'"),
    ] {
        let said = refusal(line);
        assert!(said.contains(named), "{line:?} → {said}");
    }
}

#[test]
fn a_command_keeps_its_own_flags_and_underscores() {
    let line = "run --name n --env A_B=c_d -- prog --its_flag -- x_y";
    let Verb::Run(run) = parse(words(line)).unwrap().verb else {
        panic!("another verb");
    };
    let spec = run.spec();
    assert_eq!(spec.command, ["prog", "--its_flag", "--", "x_y"]);
    assert_eq!(spec.environment, [("A_B".into(), "c_d".into())]);
}

#[test]
fn each_long_flag_has_its_variable() {
    let mut flags = 0;
    for verb in command().get_subcommands() {
        for flag in verb.get_arguments() {
            let Some(long) = flag.get_long().filter(|long| !["help", "version"].contains(long))
            else {
                continue;
            };
            let expected = format!("MESETA_{}", long.replace('-', "_").to_uppercase());
            let variable = flag.get_env().and_then(|name| name.to_str());
            assert_eq!(variable, Some(expected.as_str()), "{} --{long}", verb.get_name());
            flags += 1;
        }
    }
    assert!(flags > 40, "{flags} flags");
}

#[test]
fn help_tells_the_exit_codes() {
    let mut definition = command();
    assert!(definition.render_help().to_string().contains("Exit codes"));
    let run = definition.find_subcommand_mut("run").unwrap();
    let help = run.render_long_help().to_string();
    assert!(help.contains("128+N") && help.contains("125"), "{help}");
}
