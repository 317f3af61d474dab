//! [`Etcd`]: one member, started on loopback by the test and killed with it.

use super::Certs;
use meseta_node::store::address::HostPort;
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) struct Etcd {
    child: Child,
    command: Command,
    client_port: u16,
    speaks_tls: bool,
    dir: TempDir,
}

impl Etcd {
    /// A cluster of one member that answers.
    pub(crate) async fn start() -> Self {
        Etcd::start_cluster(1).await.remove(0)
    }

    /// One member that wants certificates of its clients.
    pub(crate) async fn start_tls(certs: &Certs) -> Self {
        Etcd::start_members(1, Some(certs)).await.remove(0)
    }

    /// A cluster of `size` members that all answer.
    pub(crate) async fn start_cluster(size: usize) -> Vec<Self> {
        Etcd::start_members(size, None).await
    }

    async fn start_members(size: usize, certs: Option<&Certs>) -> Vec<Self> {
        let mut told = String::new();
        // A port that was free may be taken before etcd binds it; then all is tried anew.
        for _ in 0..5 {
            let mut members = Etcd::spawn_cluster(size, certs);
            let mut ready = true;
            for member in &mut members {
                ready &= member.answers().await;
            }
            if ready {
                return members;
            }
            told.extend(members.iter().map(Etcd::output));
        }
        panic!("etcd does not start:\n{told}");
    }

    pub(crate) fn address(&self) -> HostPort {
        HostPort::parse("127.0.0.1", self.client_port).unwrap()
    }

    /// Stops the process in its tracks; its kernel still accepts connections.
    pub(crate) fn pause(&self) {
        self.signal(Signal::SIGSTOP);
        // The signal is sent, not yet obeyed: a thread on another CPU could still answer.
        while !self.is_stopped() {
            std::thread::yield_now();
        }
    }

    /// Whether the kernel has stopped every thread.
    fn is_stopped(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        threads.flatten().all(|thread| {
            // `pid (name) state …`; a thread that ended meanwhile is no hindrance.
            let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            stat.rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.starts_with(" T"))
        })
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Kills the process; its data stays.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts a killed process again, on the same data and ports.
    pub(crate) async fn restart(&mut self) {
        self.child = self.command.spawn().unwrap();
        assert!(self.answers().await, "etcd does not start again:\n{}", self.output());
    }

    fn output(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    fn spawn_cluster(size: usize, certs: Option<&Certs>) -> Vec<Self> {
        let ports: Vec<(u16, u16)> = (0..size).map(|_| (free_port(), free_port())).collect();
        let peers: Vec<String> = ports
            .iter()
            .enumerate()
            .map(|(i, (_, peer))| format!("m{i}=http://127.0.0.1:{peer}"))
            .collect();
        let peers = peers.join(",");
        ports.iter().enumerate().map(|(i, ports)| Etcd::spawn(i, *ports, &peers, certs)).collect()
    }

    fn spawn(
        index: usize,
        (client_port, peer_port): (u16, u16),
        peers: &str,
        certs: Option<&Certs>,
    ) -> Self {
        let dir = TempDir::with_prefix("meseta-etcd-").unwrap();
        let scheme = if certs.is_some() { "https" } else { "http" };
        let client = format!("{scheme}://127.0.0.1:{client_port}");
        let peer = format!("http://127.0.0.1:{peer_port}");
        let mut command = Command::new(program());
        command
            .arg(format!("--name=m{index}"))
            .arg(format!("--data-dir={}", dir.path().join("data").display()))
            .arg(format!("--listen-client-urls={client}"))
            .arg(format!("--advertise-client-urls={client}"))
            .arg(format!("--listen-peer-urls={peer}"))
            .arg(format!("--initial-advertise-peer-urls={peer}"))
            .arg(format!("--initial-cluster={peers}"))
            .args(["--initial-cluster-state=new", "--logger=zap", "--log-level=error"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(dir.path().join("log")).unwrap());
        if let Some(certs) = certs {
            command
                .arg("--client-cert-auth")
                .arg(format!("--trusted-ca-file={}", certs.path("ca.pem").display()))
                .arg(format!("--cert-file={}", certs.path("member.pem").display()))
                .arg(format!("--key-file={}", certs.path("member.key").display()));
        }
        let child = command.spawn().unwrap();
        Etcd { child, command, client_port, speaks_tls: certs.is_some(), dir }
    }

    /// Waits until a linearizable read succeeds; with TLS, until it listens, and its clients do the
    /// rest of the waiting. False if the process ended.
    async fn answers(&mut self) -> bool {
        let deadline = Instant::now() + super::PATIENCE;
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        while Instant::now() < deadline {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            let listens = TcpStream::connect(("127.0.0.1", self.client_port)).is_ok();
            if listens && (self.speaks_tls || self.reads().await) {
                return true;
            }
            looks.tick().await;
        }
        false
    }

    async fn reads(&self) -> bool {
        let read = async {
            let mut client =
                etcd_client::Client::connect([self.address().to_string()], None).await?;
            client.get("ready", None).await
        };
        match tokio::time::timeout(Duration::from_secs(1), read).await {
            Ok(Ok(_)) => true,
            // With authentication on, this is an answer too.
            Ok(Err(etcd_client::Error::GRpcStatus(status))) => {
                status.message().contains("user name is empty")
            }
            _ => false,
        }
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Debian's own, or the one that `make deps` unpacks.
fn program() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin/etcd");
    let found = [PathBuf::from("/usr/bin/etcd"), ours].into_iter().find(|path| path.exists());
    found.expect("etcd is missing: `make deps` unpacks it")
}
