//! [`StoredMark`]: the commit mark as it lies in etcd, byte for byte.

use crate::store::error::{cause, LoadError};
use crate::store::txn::CommitMark;
use etcd_client::{Compare, CompareOp, KeyValue};

/// A transaction follows another by comparing its mark byte for byte, so that the bytes are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StoredMark {
    pub(super) mark: CommitMark,
    /// `None` before the first transaction.
    bytes: Option<Vec<u8>>,
}

impl StoredMark {
    pub(super) fn of(mark: CommitMark) -> Self {
        StoredMark { mark, bytes: Some(encode(mark)) }
    }

    pub(super) fn decode(key: &str, kv: Option<&KeyValue>) -> Result<Self, LoadError> {
        let Some(kv) = kv else {
            return Ok(StoredMark::default());
        };
        let mark = serde_json::from_slice(kv.value())
            .map_err(|err| LoadError::Malformed { key: key.to_owned(), cause: cause(err) })?;
        Ok(StoredMark { mark, bytes: Some(kv.value().to_vec()) })
    }

    /// Holds while this is the mark stored under `key`.
    pub(super) fn still(&self, key: &str) -> Compare {
        match &self.bytes {
            Some(bytes) => Compare::value(key, CompareOp::Equal, bytes.clone()),
            None => Compare::create_revision(key, CompareOp::Equal, 0),
        }
    }
}

pub(super) fn encode(mark: CommitMark) -> Vec<u8> {
    serde_json::to_vec(&mark).expect("a mark is plain data")
}
