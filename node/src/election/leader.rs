//! [`LeaderInfo`]: how a leader, or a candidate, is reached.

use serde::{Deserialize, Serialize};

/// What a candidate publishes about itself: enough for a standby to redirect and for an agent to
/// connect. It carries no term; that is believed only from an authenticated master.
///
/// In etcd it is JSON. Fields that a version does not know are skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderInfo {
    /// The master's id, as in Mesos' `MasterInfo`: unique to this life of it.
    pub id: String,
    /// Where it is reached: `host:port`.
    pub address: String,
    /// Its host's name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
}

impl LeaderInfo {
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a leader's info is plain data")
    }

    /// `None`, with a warning, for what no candidate wrote.
    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        serde_json::from_slice(value)
            .inspect_err(|err| tracing::warn!(%err, "the leader key holds no leader's address"))
            .ok()
    }
}
