//! The file `snapshot`: all entries as of one transaction, and which log continues it.
//!
//! A header record, one record per entry, nothing else. It replaces its predecessor whole, so that
//! anything unsound in it is damage.

use super::disk;
use super::error::{Damage, DiskError, OpenError};
use super::frame::{self, Read};
use crate::causes::with_causes;
use crate::pack;
use crate::store::key::Key;
use crate::store::txn::CommitMark;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Clone, Debug, Default)]
pub(super) struct SnapshotFile {
    /// The number of the log that continues this snapshot; 0 before the first.
    pub(super) epoch: u64,
    pub(super) commit: CommitMark,
    pub(super) entries: BTreeMap<Key, Bytes>,
    /// Size on disk.
    pub(super) bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Header {
    epoch: u64,
    commit: CommitMark,
    entries: usize,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    key: Key,
    value: Bytes,
}

impl SnapshotFile {
    /// The empty one if there is no file.
    pub(super) fn read(path: &Path) -> Result<Self, OpenError> {
        let Some(bytes) = disk::read(path)? else {
            return Ok(SnapshotFile::default());
        };
        let (header, mut at): (Header, usize) = record(path, &bytes, 0)?;
        let mut entries = BTreeMap::new();
        while entries.len() < header.entries {
            let (entry, next): (Entry, usize) = record(path, &bytes, at)?;
            if entries.insert(entry.key, entry.value).is_some() {
                return Err(Damage::new(path, at, "a key occurs twice").into());
            }
            at = next;
        }
        if at != bytes.len() {
            return Err(Damage::new(path, at, "more records than announced").into());
        }
        let Header { epoch, commit, .. } = header;
        Ok(SnapshotFile { epoch, commit, entries, bytes: at as u64 })
    }
}

/// Replaces the snapshot at `path` durably and returns its size.
pub(super) fn write(
    path: &Path,
    epoch: u64,
    commit: CommitMark,
    entries: &BTreeMap<Key, Bytes>,
) -> Result<u64, DiskError> {
    let mut bytes = encode(&Header { epoch, commit, entries: entries.len() });
    for (key, value) in entries {
        bytes.extend(encode(&Entry { key: key.clone(), value: value.clone() }));
    }
    disk::replace(path, &bytes)?;
    Ok(bytes.len() as u64)
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    frame::encode(&rmp_serde::to_vec_named(value).expect("records are plain data"))
}

fn record<T: DeserializeOwned>(path: &Path, bytes: &[u8], at: usize) -> Result<(T, usize), Damage> {
    match frame::read(bytes, at) {
        Read::Record { payload, next } => {
            let value =
                pack::decode(payload).map_err(|err| Damage::new(path, at, with_causes(&err)))?;
            Ok((value, next))
        }
        Read::Damaged(reason) => Err(Damage::new(path, at, reason)),
        Read::End | Read::Torn => Err(Damage::new(path, at, "ends too early")),
    }
}
