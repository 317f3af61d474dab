//! The secrets of a local cluster: made once, kept in the work dir, mode 0600.
//!
//! `keys/keyring.json` is what the master lets in; `keys/agent.json` is the agents' credential;
//! `keys/client.json` is for the user's framework and operator verbs, and is copied to where they
//! look for it by default.

use anyhow::Context;
use meseta_node::keys::{
    write_keyring, Credential, Key, KeyError, Keyring, AGENT, FRAMEWORK, MASTER, OPERATOR,
};
use meseta_scheduler::credential::{default_path, read_as};
use std::fs::{DirBuilder, File};
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What a local cluster needs.
#[derive(Debug)]
pub struct LocalKeys {
    /// Whom the master lets in.
    pub keyring: PathBuf,
    /// What agents present.
    pub agent: Credential,
    /// For the user.
    pub client: PathBuf,
}

impl LocalKeys {
    /// Reads the secrets in `dir`, or makes them. Clients' files from before stay valid.
    pub fn open(dir: &Path) -> anyhow::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .with_context(|| format!("cannot make {}", dir.display()))?;
        let files = LocalKeys {
            keyring: dir.join("keyring.json"),
            agent: Credential { principal: "agent".into(), secret: String::new() },
            client: dir.join("client.json"),
        };
        let whole = Keyring::new("meseta", MASTER).read(&files.keyring).is_ok();
        if !whole {
            files.make()?;
        }
        let agent = read_as(&files.keyring, AGENT.as_str())?;
        Ok(LocalKeys { agent, ..files })
    }

    /// The keyring last: it is there only when the rest is.
    fn make(&self) -> anyhow::Result<()> {
        let key = |role: &libproc::Role| -> anyhow::Result<Key> {
            Ok(Key {
                principal: role.as_str().to_owned(),
                secret: secret()?,
                role: role.as_str().to_owned(),
            })
        };
        let client = [key(&OPERATOR)?, key(&FRAMEWORK)?];
        write_keyring(&self.client, &client)?;
        let [operator, framework] = client;
        write_keyring(&self.keyring, &[key(&AGENT)?, operator, framework])?;
        Ok(())
    }

    /// Copies the user's keys to the default place for the master at `address`.
    pub fn publish(&self, state: &Path, address: &str) -> Result<PathBuf, KeyError> {
        let path = default_path(state, address);
        let text = std::fs::read(&self.client)
            .map_err(|source| KeyError::Io { path: self.client.clone(), source })?;
        let keys: Vec<Key> = serde_json::from_slice(&text)
            .map_err(|source| KeyError::Json { path: self.client.clone(), source })?;
        write_keyring(&path, &keys)?;
        Ok(path)
    }
}

/// 256 random bits, in hex.
pub(crate) fn secret() -> anyhow::Result<String> {
    let mut bytes = [0u8; 32];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("cannot read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use libproc::Authenticator;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn secrets_are_made_once_and_fit_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let keys = LocalKeys::open(&dir.path().join("keys")).unwrap();
        let again = LocalKeys::open(&dir.path().join("keys")).unwrap();
        assert_eq!(keys.agent, again.agent);
        let ring = Keyring::new("meseta", MASTER);
        ring.read(&keys.keyring).unwrap();
        let path = keys.publish(dir.path(), "127.0.0.1:5050").unwrap();
        for role in ["operator", "framework"] {
            let credential = read_as(&path, role).unwrap();
            let admitted = ring.admit(&credential.principal).unwrap();
            assert_eq!(admitted.role.as_str(), role);
            assert_eq!(admitted.secret, credential.secret.as_bytes());
        }
        for file in [&keys.keyring, &keys.client, &path] {
            let mode = std::fs::metadata(file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", file.display());
        }
    }
}
