//! Which credential a verb uses, and what to say when there is none.

use anyhow::{anyhow, Context};
use libproc::Role;
use meseta_node::election::Masters;
use meseta_node::keys::Credential;
use meseta_scheduler::credential::{default_path, read_as};
use std::path::{Path, PathBuf};

/// The file of a credential: the one that was given, else the one that `meseta local` wrote for
/// the first of the masters. Those in etcd have no default: `meseta local` needs no etcd.
pub fn path(given: Option<&Path>, masters: &Masters, state: Option<&Path>) -> Option<PathBuf> {
    match (given, masters) {
        (Some(path), _) => Some(path.to_owned()),
        (None, Masters::Listed(list) | Masters::Https(list)) => {
            Some(default_path(state?, &list.first()?.to_string()))
        }
        (None, Masters::Etcd(_)) => None,
    }
}

/// Reads the credential of `role`.
pub fn find(
    given: Option<&Path>,
    masters: &Masters,
    state: Option<&Path>,
    role: &Role,
) -> anyhow::Result<Credential> {
    let path = path(given, masters, state).ok_or_else(|| match masters {
        Masters::Etcd(_) => {
            anyhow!("no credential: give --credential FILE; masters in etcd have no default one")
        }
        Masters::Listed(_) | Masters::Https(_) => {
            anyhow!("no credential: give --credential FILE, or set HOME to find the default one")
        }
    })?;
    read_as(&path, role.as_str()).with_context(|| {
        let hint = match given {
            Some(_) => "as --credential says",
            None => "is `meseta local` running as this user? else give --credential FILE",
        };
        format!("cannot use credential file {} ({hint})", path.display())
    })
}
