//! The real binary over mutual TLS: a master, an agent, an executor and the verbs, with
//! certificates and no secret.

#![allow(clippy::disallowed_methods, reason = "real processes: their clock is the machine's")]

use libproc::{Identity, Node, NodeConfig, TlsConfig};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MESETA: &str = env!("CARGO_BIN_EXE_meseta");
/// Far beyond what a loaded machine takes; levels are waited for, this only ends a hang.
const WITHIN: Duration = Duration::from_secs(90);

/// An authority and what it signed, in files.
struct Certificates {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Certificates {
    fn new(dir: &Path) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        std::fs::write(dir.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Certificates { dir: dir.to_owned(), issuer: Issuer::new(params, key) }
    }

    fn issue(&self, name: &str, host: &str, roles: &[&str]) {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        for role in roles {
            let uri = format!("meseta://t/{role}/{name}");
            params.subject_alt_names.push(SanType::URI(uri.as_str().try_into().unwrap()));
        }
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.dir.join(format!("{name}.crt")), signed.pem()).unwrap();
        std::fs::write(self.dir.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    fn ca(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    fn identity(&self, name: &str) -> Identity {
        let at = |end: &str| self.dir.join(format!("{name}.{end}"));
        Identity { cert: at("crt"), key: at("key") }
    }

    /// Flags that show this certificate.
    fn show(&self, name: &str, command: &mut Command) {
        let Identity { cert, key } = self.identity(name);
        command.arg("--tls-ca").arg(self.ca());
        command.arg("--tls-cert").arg(cert).arg("--tls-key").arg(key);
    }
}

/// A master and an agent that ask everybody for a certificate.
struct Cluster {
    children: Vec<Child>,
    certificates: Certificates,
    master: String,
    agent: String,
    _dir: tempfile::TempDir,
}

impl Cluster {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let certificates = Certificates::new(dir.path());
        certificates.issue("m", "127.0.0.1", &["master"]);
        // No address of an agent is known when its certificate is made.
        certificates.issue("a", "agents.test", &["agent"]);
        certificates.issue("alice", "alice.test", &["operator", "framework"]);
        let ports = [free_port(), free_port()].map(|port| port.to_string());
        let daemon = |verb: &str, port: &str, name: &str| {
            let mut command = Command::new(MESETA);
            command.args([verb, "--port", port, "--cluster", "t", "--tls-client-auth", "required"]);
            command.arg("--work-dir").arg(dir.path().join(verb));
            certificates.show(name, &mut command);
            command.env("XDG_STATE_HOME", dir.path()).stdin(Stdio::null());
            command
        };
        let [master_port, agent_port] = ports;
        let master = format!("127.0.0.1:{master_port}");
        let mut children = vec![daemon("master", &master_port, "m").spawn().unwrap()];
        let mut agent = daemon("agent", &agent_port, "a");
        agent.args(["--master", &format!("https://{master}"), "--resources", "cpus:2;mem:1024"]);
        children.push(agent.spawn().unwrap());
        let agent = format!("127.0.0.1:{agent_port}");
        let cluster = Cluster { children, certificates, master, agent, _dir: dir };
        let deadline = Instant::now() + WITHIN;
        loop {
            let output = cluster.verb("alice", &["agents", "-o", "json"]);
            let list: Vec<serde_json::Value> =
                serde_json::from_slice(&output.stdout).unwrap_or_default();
            if list.iter().any(|agent| agent["state"] == "active") {
                return cluster;
            }
            assert!(Instant::now() < deadline, "no agent: {}", said(&output));
        }
    }

    /// A verb with somebody's certificate.
    fn verb(&self, name: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(MESETA);
        command.arg(arguments[0]);
        self.certificates.show(name, &mut command);
        self.finish(command, arguments)
    }

    fn finish(&self, mut command: Command, arguments: &[&str]) -> Output {
        command.args(["--cluster", "t", "--tls-server-name", "agents.test"]);
        command.args(["--master", &format!("https://{}", self.master)]).args(&arguments[1..]);
        command.env("XDG_STATE_HOME", &self.certificates.dir).stdin(Stdio::null());
        command.output().unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The agent leaves with its tasks.
        let agent = self.children[1].id().to_string();
        let _ = Command::new("kill").args(["-USR1", &agent]).status();
        let _ = self.children[1].wait();
        let _ = self.children[0].kill();
        let _ = self.children[0].wait();
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Of two free ports in a row, the first.
fn free_pair() -> u16 {
    let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let pair = |port: &u16| port.checked_add(1).is_some_and(free) && free(*port);
    (0..1000).map(|_| free_port()).find(pair).expect("two ports in a row are free")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What a client of HTTP is answered: the status line and all after it.
fn get(cluster: &Cluster, identity: Option<Identity>, address: &str, path: &str) -> String {
    let ca = Some(cluster.certificates.ca());
    let server_names = vec!["agents.test".to_owned()];
    let tls = TlsConfig { identity, ca, server_names, ..TlsConfig::default() };
    libproc::run(async {
        let config = NodeConfig { tls: Some(tls), ..NodeConfig::new("t", "http") };
        let node = Node::start(config).await.unwrap();
        let mut io = node.connect(address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
        io.write_all(head.as_bytes()).await.unwrap();
        io.flush().await.unwrap();
        let mut answer = String::new();
        io.read_to_string(&mut answer).await.unwrap();
        answer
    })
}

#[test]
fn a_cluster_runs_on_certificates_alone() {
    let cluster = Cluster::start();
    let script = "echo tls; [ -z \"$MESETA_TLS_CA\" ]";
    let run = ["run", "--name", "talk", "-f", "--", "sh", "-c", script];
    let output = cluster.verb("alice", &run);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "tls\n");
    let tasks = cluster.verb("alice", &["tasks", "-a", "-o", "json"]);
    let tasks: Vec<serde_json::Value> = serde_json::from_slice(&tasks.stdout).unwrap();
    assert_eq!((tasks.len(), &tasks[0]["state"]), (1, &"TASK_FINISHED".into()), "{tasks:?}");
    assert_eq!(cluster.verb("alice", &["logs", "talk"]).stdout, b"tls\n");

    // Another role's certificate, and none at all.
    let output = cluster.verb("a", &["agents"]);
    assert_eq!(output.status.code(), Some(1));
    let told = said(&output);
    assert!(told.contains("\"meseta://t/agent/a\" is not one of the role operator"), "{told}");
    let mut bare = Command::new(MESETA);
    bare.arg("agents").arg("--tls-ca").arg(cluster.certificates.ca()).arg("--insecure");
    let output = cluster.finish(bare, &["agents"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("401"), "{}", said(&output));

    let alice = cluster.certificates.identity("alice");
    for address in [&cluster.master, &cluster.agent] {
        let status = |identity, path: &str| get(&cluster, identity, address, path)[..12].to_owned();
        assert_eq!(status(None, "/health"), "HTTP/1.1 200");
        assert_eq!(status(None, "/metrics"), "HTTP/1.1 403");
        // Executors, which are on the same machine, are asked for their tokens; at a master there
        // are none.
        let executors = if *address == cluster.agent { "HTTP/1.1 401" } else { "HTTP/1.1 403" };
        assert_eq!(status(None, "/api/v1/executor"), executors);
        assert_eq!(status(Some(alice.clone()), "/metrics"), "HTTP/1.1 200");
        let agents = cluster.certificates.identity("a");
        assert_eq!(status(Some(agents), "/metrics"), "HTTP/1.1 403", "a daemon is no operator");
    }
}

#[test]
fn a_local_cluster_keeps_its_secrets_and_speaks_tls() {
    let dir = tempfile::tempdir().unwrap();
    let certificates = Certificates::new(dir.path());
    certificates.issue("local", "127.0.0.1", &[]);
    let port = free_pair();
    let mut local = Command::new(MESETA);
    local.args(["local", "--agents", "1", "--port", &port.to_string()]);
    local.args(["--resources", "cpus:1;mem:512", "--work-dir"]).arg(dir.path().join("w"));
    certificates.show("local", &mut local);
    local.env("XDG_STATE_HOME", dir.path()).stdin(Stdio::null()).stdout(Stdio::null());
    let mut local = local.spawn().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(MESETA);
        command.arg("run").arg("--tls-ca").arg(certificates.ca());
        command.args(["--master", &format!("127.0.0.1:{port}"), "--name", "n"]).args(arguments);
        command.env("XDG_STATE_HOME", dir.path()).stdin(Stdio::null()).output().unwrap()
    };
    let deadline = Instant::now() + WITHIN;
    let mut output = run(&["-f", "--", "echo", "hello"]);
    // Until it has made the credential that is found by the master's address.
    while !output.status.success() && Instant::now() < deadline {
        output = run(&["-f", "--", "echo", "hello"]);
    }
    let _ = Command::new("kill").arg(local.id().to_string()).status();
    local.wait().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n", "{}", said(&output));
}

#[test]
fn a_daemon_names_the_file_that_does_not_fit() {
    let dir = tempfile::tempdir().unwrap();
    let certificates = Certificates::new(dir.path());
    certificates.issue("m", "127.0.0.1", &["master"]);
    certificates.issue("other", "127.0.0.1", &["master"]);
    let mut command = Command::new(MESETA);
    command.args(["master", "--port", &free_port().to_string(), "--work-dir"]).arg(dir.path());
    command.arg("--tls-cert").arg(dir.path().join("m.crt"));
    command.arg("--tls-key").arg(dir.path().join("other.key"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = said(&output);
    assert!(told.contains("other.key does not belong to the certificate in"), "{told}");
    assert!(told.contains("m.crt"), "{told}");
}
