//! [`Certs`]: a certificate authority, a member's certificate and a client's, in fixed files.

use meseta_node::store::etcd::TlsFiles;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub(crate) struct Certs {
    dir: TempDir,
}

impl Certs {
    pub(crate) fn new() -> Self {
        let certs = Certs { dir: TempDir::with_prefix("meseta-certs-").unwrap() };
        certs.rotate();
        certs
    }

    /// Replaces every file, the authority included: what was signed before is worthless.
    pub(crate) fn rotate(&self) {
        openssl(self.dir.path(), "ca", &[]);
        let signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext"];
        let leaf = "basicConstraints=critical,CA:FALSE";
        let local = ["-addext", "subjectAltName=IP:127.0.0.1"];
        for name in ["member", "client"] {
            openssl(self.dir.path(), name, &[&signed[..], &[leaf], &local[..]].concat());
        }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    /// What our side needs.
    pub(crate) fn client_files(&self) -> TlsFiles {
        let client = Some((self.path("client.pem"), self.path("client.key")));
        TlsFiles { ca: self.path("ca.pem"), client }
    }
}

fn openssl(dir: &Path, name: &str, args: &[&str]) {
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", &format!("/CN={name}")])
        .args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")])
        .args(args)
        .current_dir(dir)
        .output()
        .expect("openssl is missing: install it with `apt-get install openssl`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
