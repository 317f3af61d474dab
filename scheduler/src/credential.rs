//! Credential files: what a framework or an operator proves itself with.
//!
//! A file holds either one credential, `{"principal": …, "secret": …}`, or a list of keys, `[{…,
//! "role": "framework"}, …]`, of which the first of the wanted role is taken; one file can so
//! serve a framework and an operator. `meseta local` writes such a list for its user at
//! [`default_path`].

use meseta_node::election::Masters;
pub use meseta_node::keys::Credential;
use meseta_node::keys::{Key, KeyError, FRAMEWORK};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Why a file gives no credential.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// It cannot be read, or is no such JSON.
    #[error(transparent)]
    File(#[from] KeyError),
    /// There is no place to look for one.
    #[error("HOME is not set, so that a credential file must be named")]
    NoHome,
    /// There is no default one.
    #[error("masters in etcd have no default credential, so that a file must be named")]
    InEtcd,
    /// It is a list without a key of the wanted role.
    #[error("credential file {path} has no key of the role {role}")]
    NoSuchRole {
        /// Which.
        path: PathBuf,
        /// Which role was wanted.
        role: String,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Keys(Vec<Key>),
    One(Credential),
}

/// A framework's credential: of the file that is named, else of the one that `meseta local` left
/// ([`local`]).
pub fn find(named: Option<&Path>, masters: &Masters) -> Result<Credential, CredentialError> {
    match named {
        Some(path) => read(path),
        None => read(&local(masters)?),
    }
}

/// Reads a framework's credential.
pub fn read(path: &Path) -> Result<Credential, CredentialError> {
    read_as(path, FRAMEWORK.as_str())
}

/// Reads the credential of a role: `framework`, `operator`, …
pub fn read_as(path: &Path, role: &str) -> Result<Credential, CredentialError> {
    let text = std::fs::read(path).map_err(|source| KeyError::Io { path: path.into(), source })?;
    let content = serde_json::from_slice(&text)
        .map_err(|source| KeyError::Json { path: path.into(), source })?;
    match content {
        Content::One(credential) => Ok(credential),
        Content::Keys(keys) => keys
            .into_iter()
            .find(|key| key.role == role)
            .map(|key| Credential { principal: key.principal, secret: key.secret })
            .ok_or_else(|| CredentialError::NoSuchRole { path: path.into(), role: role.into() }),
    }
}

/// Where `meseta local` leaves the credentials for a master at `host:port`: a file named after
/// the master under `state`, the user's state directory ([`state_dir`]). A port has one master at
/// a time, so that several local clusters do not mix theirs.
pub fn default_path(state: &Path, master: &str) -> PathBuf {
    let master = match master.split_once(':') {
        Some(("localhost", port)) => format!("127.0.0.1:{port}"),
        Some(_) => master.to_owned(),
        None => format!("{master}:5050"),
    };
    let plain = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => c,
        _ => '_',
    };
    let name: String = master.chars().map(plain).collect();
    state.join("credentials").join(format!("{name}.json"))
}

/// [`default_path`] of the first of these masters, for the user whom this program runs as; reads
/// the environment. Masters in etcd have none: `meseta local` needs no etcd.
pub fn local(masters: &Masters) -> Result<PathBuf, CredentialError> {
    let (Masters::Listed(list) | Masters::Https(list)) = masters else {
        return Err(CredentialError::InEtcd);
    };
    let master = list.first().map_or_else(String::new, ToString::to_string);
    #[allow(clippy::disallowed_methods, reason = "for a program's main, as the name says")]
    let state = state_dir(|name| std::env::var(name).ok());
    state.map(|state| default_path(&state, &master)).ok_or(CredentialError::NoHome)
}

/// Meseta's folder of the user's state: `$XDG_STATE_HOME/meseta`, else
/// `$HOME/.local/state/meseta`. `get` reads a variable of the environment; a relative
/// `XDG_STATE_HOME` does not count, as its specification says.
pub fn state_dir(get: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |name| get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("meseta"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> PathBuf {
        let path =
            std::env::temp_dir().join(format!("meseta-credential-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn one_credential_or_a_list_of_keys() {
        let one = file("one", r#"{"principal": "p", "secret": "s"}"#);
        assert_eq!(read(&one).unwrap().principal, "p");
        let keys = r#"[{"principal": "o", "secret": "s", "role": "operator"},
                       {"principal": "f", "secret": "s", "role": "framework"}]"#;
        let keys = file("keys", keys);
        assert_eq!(read(&keys).unwrap().principal, "f");
        assert_eq!(read_as(&keys, "operator").unwrap().principal, "o");
        let error = read_as(&keys, "agent").unwrap_err().to_string();
        assert!(error.ends_with("has no key of the role agent"), "{error}");
        let bad = file("bad", "{}");
        assert!(read(&bad).unwrap_err().to_string().contains("not valid"));
        for path in [one, keys, bad] {
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn the_default_is_named_after_the_master() {
        let path = |master| default_path(Path::new("/s"), master).display().to_string();
        assert_eq!(path("127.0.0.1:5050"), "/s/credentials/127.0.0.1_5050.json");
        assert_eq!(path("localhost:5050"), path("127.0.0.1:5050"));
        assert_eq!(path("127.0.0.1"), path("127.0.0.1:5050"));
        assert_eq!(path("../x:1"), "/s/credentials/.._x_1.json");
    }

    #[test]
    fn state_is_where_the_user_keeps_it() {
        let dir = |xdg: Option<&str>, home: Option<&str>| {
            state_dir(|name| match name {
                "XDG_STATE_HOME" => xdg.map(str::to_owned),
                _ => home.map(str::to_owned),
            })
        };
        assert_eq!(dir(Some("/x"), Some("/h")), Some("/x/meseta".into()));
        assert_eq!(dir(Some("x"), Some("/h")), Some("/h/.local/state/meseta".into()));
        assert_eq!(dir(None, None), None);
    }
}
