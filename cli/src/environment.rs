//! The environment, read here and nowhere else.

#![allow(
    clippy::disallowed_methods,
    reason = "the binary is where the environment enters; components get values"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

/// One variable, if it is set and is UTF-8.
pub fn get(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// All variables whose name and value are UTF-8.
pub fn all() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Meseta's folder of the user's state, if the user has a home.
pub fn state_dir() -> Option<PathBuf> {
    meseta_scheduler::credential::state_dir(get)
}

/// The user whom this program runs as, by name; by number if it has none.
pub fn user() -> String {
    let uid = nix::unistd::geteuid();
    match nix::unistd::User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}

/// This machine's name.
pub fn hostname() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "localhost".into())
}

/// Whether text may carry colours: the user has not said `NO_COLOR`.
pub fn colors() -> bool {
    get("NO_COLOR").is_none_or(|value| value.is_empty())
}
