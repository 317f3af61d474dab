//! Who may speak to whom over libproc: roles, secrets, and the files they come from.
//!
//! Every libproc connection is authenticated both ways by a secret that the dialling side's
//! principal shares with the side it dials. A daemon keeps the secrets of those it lets in
//! ([`Keyring`]); whoever dials keeps its own ([`Credential`]). Both are small JSON files of mode
//! 0600; `meseta local` makes them itself.

use crate::certificates;
use crate::credentials::{self, Known};
use libproc::{Admission, Authenticator, Certificate, Certified, Role, Target};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// Leads the cluster, or stands by.
pub const MASTER: Role = Role::of("master");
/// Runs containers.
pub const AGENT: Role = Role::of("agent");
/// A framework's scheduler.
pub const FRAMEWORK: Role = Role::of("framework");
/// A person or tool that operates the cluster.
pub const OPERATOR: Role = Role::of("operator");
/// Runs one framework's tasks in one container.
pub const EXECUTOR: Role = Role::of("executor");

/// A principal and its secret: what a dialling side needs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The name under which the other side knows the secret.
    pub principal: String,
    /// Any text. Never sent over libproc; over HTTP Basic it is sent as it is. Empty: the
    /// connection's certificates prove both sides.
    pub secret: String,
}

impl Credential {
    /// No secret: this side's certificate says that it is of this role.
    pub fn certificate(role: &Role) -> Self {
        Credential { principal: role.as_str().to_owned(), secret: String::new() }
    }

    /// Where to connect with it, and what the other side must be.
    pub fn target(&self, address: &str, role: Role) -> Target {
        Target {
            address: address.to_owned(),
            principal: self.principal.clone(),
            secret: self.secret.as_bytes().to_vec(),
            role,
        }
    }

    /// Reads a credential file.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        read_json(path)
    }

    /// Writes a credential file of mode 0600, replacing one that is there.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        write_json(path, self)
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({})", self.principal)
    }
}

/// One entry of a keyring file, as it is written; [`credentials`] reads it, and other forms.
#[derive(Clone, Serialize, Deserialize)]
pub struct Key {
    /// Who.
    pub principal: String,
    /// What proves it; without one, a certificate that has the principal among its names.
    #[serde(default)]
    pub secret: String,
    /// `agent`, `framework`, `operator` or `master`.
    pub role: String,
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("key file {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no such JSON.
    #[error("key file {path} is not valid")]
    Json {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// What the file lists is not valid.
    #[error("key file {path}, line {line}: {why}")]
    Invalid {
        /// Which.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Without secrets.
        why: String,
    },
}

/// The secrets of everyone whom a daemon lets in; shared with its node, changeable while it runs.
#[derive(Clone)]
pub struct Keyring {
    presents: (String, Role),
    /// Whose certificates are read.
    cluster: Option<String>,
    keys: Arc<RwLock<BTreeMap<String, Admission>>>,
}

impl Keyring {
    /// An empty keyring of a daemon that presents itself as `principal` in `role`.
    pub fn new(principal: &str, role: Role) -> Self {
        Keyring { presents: (principal.to_owned(), role), cluster: None, keys: Arc::default() }
    }

    /// The same, and certificates of this cluster count: those that name a role in it
    /// ([`certificates`]), and those with a name that is the principal of a key without a secret.
    pub fn with_certificates(mut self, cluster: &str) -> Self {
        self.cluster = Some(cluster.to_owned());
        self
    }

    /// Lets a principal in, or replaces its secret.
    pub fn insert(&self, principal: &str, secret: &[u8], role: Role) {
        let admission = Admission { secret: secret.to_vec(), role };
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.insert(principal.to_owned(), admission);
    }

    /// Lets a principal in no longer; open connections stay.
    pub fn remove(&self, principal: &str) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).remove(principal);
    }

    /// Adds every key of a file ([`credentials`]) that has a role.
    pub fn read(&self, path: &Path) -> Result<(), KeyError> {
        self.let_in(&credentials::read(path)?);
        Ok(())
    }

    /// Adds everybody who has a role; how many those are.
    pub fn let_in(&self, known: &[Known]) -> usize {
        let roles = known.iter().filter_map(|known| Some((known, known.role.clone()?)));
        roles.map(|(k, role)| self.insert(&k.principal, k.secret.as_bytes(), role)).count()
    }
}

impl Authenticator for Keyring {
    fn admit(&self, principal: &str) -> Option<Admission> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(principal).cloned()
    }

    fn presents(&self) -> (String, Role) {
        self.presents.clone()
    }

    fn certified(&self, certificate: &Certificate) -> Vec<Certified> {
        let Some(cluster) = &self.cluster else {
            return Vec::new();
        };
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let listed = certificate.names().filter_map(|name| {
            let key = keys.get(name).filter(|key| key.secret.is_empty())?;
            Some(Certified { principal: name.to_owned(), role: key.role.clone() })
        });
        let mut all = certificates::certified(cluster, certificate);
        all.extend(listed);
        all
    }
}

/// Writes a keyring file of mode 0600.
pub fn write_keyring(path: &Path, keys: &[Key]) -> Result<(), KeyError> {
    write_json(path, &keys)
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, KeyError> {
    let text = std::fs::read(path).map_err(|source| KeyError::Io { path: path.into(), source })?;
    serde_json::from_slice(&text).map_err(|source| KeyError::Json { path: path.into(), source })
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), KeyError> {
    let text = serde_json::to_vec_pretty(value)
        .map_err(|source| KeyError::Json { path: path.into(), source })?;
    write_secret(path, &text)
}

/// Writes a file of mode 0600, whole or not at all, and makes the folder that it is in.
pub fn write_secret(path: &Path, text: &[u8]) -> Result<(), KeyError> {
    let io = |source| KeyError::Io { path: path.into(), source };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    let temporary = path.with_extension("new");
    let _ = std::fs::remove_file(&temporary);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(io)?;
    file.write_all(text).and_then(|()| file.sync_all()).map_err(io)?;
    std::fs::rename(&temporary, path).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyring_files_round_trip_and_refuse_unknown_roles() {
        let dir = std::env::temp_dir().join(format!("meseta-keys-{}", std::process::id()));
        let path = dir.join("keyring.json");
        let key = |role: &str| Key { principal: "p".into(), secret: "s".into(), role: role.into() };
        write_keyring(&path, &[key("agent")]).unwrap();
        let ring = Keyring::new("m", MASTER);
        ring.read(&path).unwrap();
        assert_eq!(ring.admit("p").unwrap().role, AGENT);
        assert!(ring.admit("q").is_none());
        let by_name = r#"[{"principal": "spiffe://corp/ops", "role": "operator"}]"#;
        std::fs::write(&path, by_name).unwrap();
        ring.read(&path).unwrap();
        let shown = Certificate::of(&["spiffe://corp/ops"], &["p"]);
        assert!(ring.certified(&shown).is_empty(), "certificates do not count here");
        let ring = ring.clone().with_certificates("prod");
        let roles: Vec<_> = ring.certified(&shown).into_iter().map(|one| one.role).collect();
        assert_eq!(roles, [OPERATOR], "a principal with a secret is not proven by a name");
        write_keyring(&path, &[key("king")]).unwrap();
        let error = ring.read(&path).unwrap_err().to_string();
        assert!(error.contains("\"king\""), "{error}");
        std::fs::remove_dir_all(dir).unwrap();
    }
}
