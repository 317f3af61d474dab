//! Account names to numbers, resolved once in the agent, before anything is forked.

use std::ffi::CString;

use nix::unistd::{getegid, geteuid, getgrouplist, User};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An account as the kernel knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Supplementary groups, the primary one included.
    pub(crate) groups: Vec<u32>,
}

/// Why no container can run as that user.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UserError {
    #[error("unknown user {user:?}")]
    Unknown { user: String },
    #[error("cannot look up user {user:?}")]
    Lookup { user: String, source: nix::Error },
    #[error("cannot run as {user:?} (uid {uid}): the agent is not root but uid {own}")]
    NotRoot { user: String, uid: u32, own: u32 },
}

/// The identity to take on, or `None` when there is nothing to change.
pub(crate) fn resolve(user: Option<&str>) -> Result<Option<Identity>, UserError> {
    let Some(user) = user else { return Ok(None) };
    let unknown = || UserError::Unknown { user: user.to_owned() };
    let lookup = |source| UserError::Lookup { user: user.to_owned(), source };
    let name = CString::new(user).map_err(|_| unknown())?;
    let account = User::from_name(user).map_err(lookup)?.ok_or_else(unknown)?;
    let own = geteuid();
    if !own.is_root() {
        if account.uid == own && account.gid == getegid() {
            return Ok(None);
        }
        let (uid, own) = (account.uid.as_raw(), own.as_raw());
        return Err(UserError::NotRoot { user: user.to_owned(), uid, own });
    }
    let groups = getgrouplist(&name, account.gid).map_err(lookup)?;
    Ok(Some(Identity {
        uid: account.uid.as_raw(),
        gid: account.gid.as_raw(),
        groups: groups.into_iter().map(|group| group.as_raw()).collect(),
    }))
}
