//! Identifiers: who and what a message speaks of.
//!
//! Every id is a newtype over a shared string: a clone is one reference count, comparison is by
//! bytes, and a value that exists has passed [`check`]. Ids are parsed where a message enters
//! (`TryFrom` of the v1 messages, or serde) and trusted from there on.
//!
//! [`Role`] lives here as well: it names a place in the role tree under rules of its own.

mod role;

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{de, Deserialize, Deserializer, Serialize, Serializer};

use crate::v1;

pub use role::{Role, RoleError, MAX_ROLE_BYTES, MAX_ROLE_COMPONENT_BYTES, MAX_ROLE_DEPTH};

/// Longest id in bytes. Ids name directories, and 255 bytes is what file systems allow.
pub const MAX_ID_BYTES: usize = 255;

/// Why a string is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("{kind} must not be empty")]
    Empty { kind: &'static str },
    #[error("{kind} is {length} bytes long, more than {MAX_ID_BYTES}")]
    TooLong { kind: &'static str, length: usize },
    #[error("{kind} must not be '.' or '..'")]
    DotPath { kind: &'static str },
    #[error("{kind} holds {character:?} at byte {offset}")]
    ForbiddenCharacter { kind: &'static str, character: char, offset: usize },
    #[error("{kind} starts or ends with white space")]
    OuterWhitespace { kind: &'static str },
    /// A nested container's id was given where only a root container's fits.
    #[error("{kind} must not have a parent")]
    Nested { kind: &'static str },
}

/// Checks the rule that all ids share: 1 to [`MAX_ID_BYTES`] bytes, no `/` or `\`, no control
/// character, not `.` or `..`, no white space at either end. `kind` names the id in the error.
pub fn check(kind: &'static str, text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { kind });
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong { kind, length: text.len() });
    }
    if text == "." || text == ".." {
        return Err(IdError::DotPath { kind });
    }
    let forbidden = |c: &char| matches!(c, '/' | '\\') || c.is_control();
    if let Some((offset, character)) = text.char_indices().find(|(_, c)| forbidden(c)) {
        return Err(IdError::ForbiddenCharacter { kind, character, offset });
    }
    if text.trim().len() != text.len() {
        return Err(IdError::OuterWhitespace { kind });
    }
    Ok(())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Accepts `text` if it obeys [`check`].
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check($kind, text)?;
                Ok(Self(Arc::from(text)))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }
    };
}

/// Conversions from and to the v1 message that wraps one string.
macro_rules! v1_message {
    ($name:ident) => {
        impl TryFrom<&v1::$name> for $name {
            type Error = IdError;

            fn try_from(message: &v1::$name) -> Result<Self, IdError> {
                Self::parse(&message.value)
            }
        }

        impl From<&$name> for v1::$name {
            fn from(id: &$name) -> Self {
                v1::$name { value: id.as_str().to_owned() }
            }
        }

        impl From<$name> for v1::$name {
            fn from(id: $name) -> Self {
                (&id).into()
            }
        }
    };
}

id!(
    /// A framework, given by the master at its first subscription and kept over failovers.
    FrameworkId,
    "framework id"
);
id!(
    /// An agent, given by the master at registration and kept until its metadata is lost.
    AgentId,
    "agent id"
);
id!(
    /// A task, chosen by its framework and unique among that framework's live tasks.
    TaskId,
    "task id"
);
id!(
    /// An executor, chosen by its framework and unique per (agent, framework).
    ExecutorId,
    "executor id"
);
id!(
    /// One offer, given by the master; never used twice.
    OfferId,
    "offer id"
);
id!(
    /// One container, without its ancestry: an id within its parent, or of a root container.
    ContainerId,
    "container id"
);
id!(
    /// A resource provider, given by the resource provider manager of its agent.
    ResourceProviderId,
    "resource provider id"
);
id!(
    /// An offer operation whose outcome its framework asked to be told.
    OperationId,
    "operation id"
);
id!(
    /// One run of a master, as in `MasterInfo.id`.
    MasterId,
    "master id"
);
id!(
    /// A persistent volume, chosen by its creator and unique per (agent, role).
    PersistenceId,
    "persistence id"
);

v1_message!(FrameworkId);
v1_message!(AgentId);
v1_message!(TaskId);
v1_message!(ExecutorId);
v1_message!(OfferId);
v1_message!(ResourceProviderId);
v1_message!(OperationId);

impl TryFrom<&v1::ContainerId> for ContainerId {
    type Error = IdError;

    /// Refuses a nested container: its ancestry would be lost.
    fn try_from(message: &v1::ContainerId) -> Result<Self, IdError> {
        if message.parent.is_some() {
            return Err(IdError::Nested { kind: "container id" });
        }
        Self::parse(&message.value)
    }
}

impl From<&ContainerId> for v1::ContainerId {
    fn from(id: &ContainerId) -> Self {
        v1::ContainerId { value: id.as_str().to_owned(), parent: None }
    }
}

impl From<ContainerId> for v1::ContainerId {
    fn from(id: ContainerId) -> Self {
        (&id).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_ids() {
        let longest = "x".repeat(MAX_ID_BYTES);
        for good in ["a", "...", "a b", "-x", "*", ".hidden", "été", "a:b;c", &longest] {
            assert_eq!(TaskId::parse(good).map(|id| id.to_string()), Ok(good.into()));
        }
        let too_long = "x".repeat(MAX_ID_BYTES + 1);
        let too_long_in_bytes = "é".repeat(128);
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "/",
            "a\\b",
            "a\nb",
            "a\0",
            "\u{1b}[31m",
            "a\u{85}b",
            " a",
            "a ",
            "a\u{a0}",
            "\t",
            &too_long,
            &too_long_in_bytes,
        ] {
            assert!(TaskId::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn errors_name_the_id_and_the_place() {
        let error = AgentId::parse("a/b").map_err(|e| e.to_string());
        assert_eq!(error, Err("agent id holds '/' at byte 1".to_owned()));
    }

    #[test]
    fn serde_is_a_plain_string_and_checks() {
        let id = OfferId::parse("O-1").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"O-1\"");
        assert_eq!(serde_json::from_str::<OfferId>("\"O-1\"").unwrap(), id);
        assert!(serde_json::from_str::<OfferId>("\"a/b\"").is_err());
    }

    #[test]
    fn v1_messages() {
        let id = TaskId::parse("t").unwrap();
        let message = v1::TaskId::from(&id);
        assert_eq!(TaskId::try_from(&message), Ok(id));
        let nested = v1::ContainerId {
            value: "c".into(),
            parent: Some(Box::new(v1::ContainerId { value: "p".into(), parent: None })),
        };
        assert!(matches!(ContainerId::try_from(&nested), Err(IdError::Nested { .. })));
    }
}
