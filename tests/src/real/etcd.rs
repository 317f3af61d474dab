//! One member of etcd on loopback, asked over its JSON gateway.

use super::daemon::Daemon;
use super::wait::until;
use super::{http, ports, PATIENCE};
use base64::prelude::{Engine, BASE64_STANDARD};
use serde_json::{json, Value};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A member; it is killed when it is dropped.
#[derive(Debug)]
pub struct Etcd {
    /// Its process.
    pub daemon: Daemon,
    port: u16,
    dir: PathBuf,
}

/// A key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its value.
    pub value: Value,
    /// The revision that made it.
    pub made: u64,
    /// The revision that last changed it.
    pub changed: u64,
    /// The lease it is bound to; 0 without one.
    pub lease: i64,
}

impl Etcd {
    /// Starts one with its data in `dir`, and returns when it answers.
    pub fn start(dir: &Path) -> Self {
        let port = ports::block(2);
        let daemon = Etcd::process(dir, port);
        let mut etcd = Etcd { daemon, port, dir: dir.to_owned() };
        etcd.answers();
        etcd
    }

    /// Starts it once more after it was killed, and returns when it answers.
    pub fn start_again(&mut self) {
        self.daemon = Etcd::process(&self.dir, self.port);
        self.answers();
    }

    fn process(dir: &Path, port: u16) -> Daemon {
        let client = format!("http://127.0.0.1:{port}");
        let peer = format!("http://127.0.0.1:{}", port + 1);
        let mut command = Command::new(program());
        command
            .args(["--name=m", "--logger=zap", "--log-level=error"])
            .arg(format!("--data-dir={}", dir.join("etcd").display()))
            .arg(format!("--listen-client-urls={client}"))
            .arg(format!("--advertise-client-urls={client}"))
            .arg(format!("--listen-peer-urls={peer}"))
            .arg(format!("--initial-advertise-peer-urls={peer}"))
            .arg(format!("--initial-cluster=m={peer}"));
        Daemon::start("etcd", command, dir)
    }

    fn answers(&mut self) {
        until("etcd answers", PATIENCE, || match self.daemon.ended() {
            Some(code) => panic!("etcd ended with {code}:\n{}", self.daemon.tail()),
            None => self.range("ready").map(|_| ()),
        });
    }

    /// `--store` and `--master` for it.
    pub fn url(&self) -> String {
        format!("etcd://127.0.0.1:{}", self.port)
    }

    /// The key of the default cluster, read linearizably; none if it is not there.
    pub fn read(&self, key: &str) -> Option<Stored> {
        let found = self.range(&format!("/meseta/meseta/{key}"));
        let found = found.unwrap_or_else(|error| panic!("etcd does not answer: {error}"));
        let number = |field: &str| found.get(field)?.as_str()?.parse().ok();
        let value = BASE64_STANDARD.decode(found.get("value")?.as_str()?).ok()?;
        Some(Stored {
            value: serde_json::from_slice(&value).expect("values are JSON"),
            made: number("create_revision")?,
            changed: number("mod_revision")?,
            lease: found.get("lease").and_then(|l| l.as_str()?.parse().ok()).unwrap_or_default(),
        })
    }

    /// The key's object in the answer; null if there is none.
    fn range(&self, key: &str) -> Result<Value, String> {
        let question = json!({ "key": BASE64_STANDARD.encode(key) });
        let answer = http::post(self.port, "/v3/kv/range", &question);
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("{answer:?}"));
        }
        Ok(answer.json()["kvs"][0].clone())
    }
}

/// Debian's, or the one that `make deps` got.
fn program() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin/etcd");
    let found = [PathBuf::from("/usr/bin/etcd"), ours].into_iter().find(|path| path.exists());
    found.expect("etcd is missing: run `make deps`, or `apt-get install etcd-server`")
}
