//! Names of nodes and processes.
//!
//! A [`NodeId`] is drawn when a node starts, so it *is* the node's incarnation: a message or link
//! for an earlier life cannot reach a later one. An [`Address`] names one process of one life; a
//! [`Upid`] (`master@10.0.0.1:5050`) is for people and configuration and names whoever answers
//! there.

use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// One life of one node: 64 random bits, printed as 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub(crate) u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for NodeId {
    type Err = IdError;

    fn from_str(s: &str) -> Result<Self, IdError> {
        let valid = s.len() == 16 && s.bytes().all(|b| b.is_ascii_hexdigit());
        u64::from_str_radix(s, 16)
            .ok()
            .filter(|_| valid)
            .map(NodeId)
            .ok_or_else(|| IdError::Node(s.into()))
    }
}

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 16 hex digits.
    #[error("node id {0:?} is not 16 hex digits")]
    Node(String),
    /// Empty, longer than 128 bytes, or with a character outside `A-Z a-z 0-9 - _ . ( ) :`.
    #[error("process id {0:?} is empty, longer than 128 bytes, or has a character outside A-Z a-z 0-9 - _ . ( ) :")]
    Process(String),
    /// Not `id@host:port`.
    #[error("upid {0:?} is not of the form id@host:port")]
    Upid(String),
}

/// A process's name within its node, cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ProcessId(Arc<str>);

impl ProcessId {
    /// Checks the rule stated at [`IdError::Process`].
    ///
    /// # Errors
    /// [`IdError::Process`], with the beginning of what was given.
    pub fn new(id: &str) -> Result<Self, IdError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.():".contains(&b);
        if id.is_empty() || id.len() > 128 || !id.bytes().all(allowed) {
            return Err(IdError::Process(id.chars().take(140).collect()));
        }
        Ok(ProcessId(id.into()))
    }

    /// The sender of what no process sent.
    pub(crate) fn nobody() -> Self {
        ProcessId("nobody".into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are clones of one id: quicker than to compare them, and not as often true.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Borrow<str> for ProcessId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One process in one life of one node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The node's life.
    pub node: NodeId,
    /// The process's name there.
    pub id: ProcessId,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.node)
    }
}

/// `id@host:port`: a process as people name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Upid {
    /// The process.
    pub id: ProcessId,
    /// `host:port` where its node listens.
    pub at: String,
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.at)
    }
}

impl FromStr for Upid {
    type Err = IdError;

    fn from_str(s: &str) -> Result<Self, IdError> {
        let bad = || IdError::Upid(s.chars().take(300).collect());
        let (id, at) = s.split_once('@').ok_or_else(bad)?;
        let (host, port) = at.rsplit_once(':').ok_or_else(bad)?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(bad());
        }
        Ok(Upid { id: ProcessId::new(id)?, at: at.into() })
    }
}

impl Serialize for Upid {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Upid {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upid_round_trips_and_refuses() {
        let upid: Upid = "slave(1)@10.0.0.1:5051".parse().unwrap();
        assert_eq!(upid.to_string(), "slave(1)@10.0.0.1:5051");
        for bad in ["", "master", "master@", "master@host", "@h:1", "a b@h:1", "m@h:70000"] {
            assert!(bad.parse::<Upid>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn node_id_is_sixteen_hex_digits() {
        let id = NodeId(0xab);
        assert_eq!(id.to_string().parse::<NodeId>().unwrap(), id);
        for bad in ["", "+0000000000000ab", "ab", "zzzzzzzzzzzzzzzz"] {
            assert!(bad.parse::<NodeId>().is_err(), "{bad:?} was taken");
        }
    }
}
