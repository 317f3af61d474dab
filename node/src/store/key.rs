//! [`Key`]: the name of one durable object.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The longest key, in bytes. Ids that users choose are far shorter; etcd keys live in memory on
/// every member, so that a limit is kind to it.
pub const MAX_KEY_BYTES: usize = 1024;

/// A relative path such as `agents/<id>`: segments joined by `/`, none empty, `.` or `..`,
/// and no control characters, so that it is safe to print and to append to a prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

/// A text cannot be a [`Key`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a key: {reason}", .text.escape_debug())]
pub struct InvalidKey {
    /// What was given.
    pub text: String,
    /// Which rule it breaks.
    pub reason: &'static str,
}

impl Key {
    /// The key `text`.
    ///
    /// # Errors
    /// [`InvalidKey`] with the rule that `text` breaks.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        match broken_rule(&text) {
            Some(reason) => Err(InvalidKey { text, reason }),
            None => Ok(Key(text)),
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path below `folder`, if this key lies there: `agents/a1` under `agents` is `a1`.
    pub fn under(&self, folder: &str) -> Option<&str> {
        self.0.strip_prefix(folder)?.strip_prefix('/')
    }
}

fn broken_rule(text: &str) -> Option<&'static str> {
    if text.len() > MAX_KEY_BYTES {
        Some("longer than 1024 bytes")
    } else if text.chars().any(char::is_control) {
        Some("contains a control character")
    } else if text.split('/').any(str::is_empty) {
        Some("empty segment")
    } else if text.split('/').any(|segment| segment == "." || segment == "..") {
        Some("segment `.` or `..`")
    } else {
        None
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        Key::new(text)
    }
}

impl TryFrom<String> for Key {
    type Error = InvalidKey;

    fn try_from(text: String) -> Result<Self, InvalidKey> {
        Key::new(text)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> String {
        key.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        for good in ["meta", "agents/a-1", "frameworks/2026-01-01-0001/x", "quota/eng%2Fprod"] {
            assert_eq!(Key::new(good).unwrap().as_str(), good);
        }
        let long = "x".repeat(MAX_KEY_BYTES + 1);
        for bad in ["", "/a", "a/", "a//b", "a/../b", ".", "a/\n", "a\0", &long] {
            assert!(Key::new(bad).is_err(), "`{bad}` was accepted");
        }
    }

    #[test]
    fn under_wants_the_whole_folder_name() {
        let key = Key::new("agents/a1").unwrap();
        assert_eq!(key.under("agents"), Some("a1"));
        assert_eq!(key.under("agent"), None);
    }
}
