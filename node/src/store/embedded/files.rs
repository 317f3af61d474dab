//! [`EmbeddedFiles`]: the embedded store as blocking calls.

use super::disk;
use super::error::{Damage, DiskError, OpenError, Poisoned};
use super::identity::IdentityFile;
use super::lock::DirLock;
use super::log::{AppendError, Log};
use super::snapshot::{self, SnapshotFile};
use crate::store::error::{cause, CommitError, LoadError, NotDone};
use crate::store::key::Key;
use crate::store::txn::{CommitMark, Identity, Limits, Snapshot, Txn};
use bytes::Bytes;
use meseta_api::term::{RegistryId, Term};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A log smaller than this is never compacted: replaying it takes less than a tenth of a second.
pub const COMPACT_AFTER_BYTES: u64 = 4 << 20;

/// The same limits as etcd's, so that a registry can move there.
pub(super) const LIMITS: Limits = crate::store::etcd::LIMITS;

/// A directory with a registry in it, locked. Blocking: call it off the event loop.
///
/// ```text
/// lock          held while open; the holder's pid
/// identity      registry id, generation, count of starts
/// snapshot      entries as of the start of log.<n>, and that n (absent while n = 0)
/// log.<n>       transactions since
/// ```
/// Compaction writes `log.<n+1>`, then replaces `snapshot`, which is the moment it takes effect,
/// then removes `log.<n>`. A crash anywhere leaves one of the two states whole, and garbage that
/// the next opening removes.
#[derive(Debug)]
pub struct EmbeddedFiles {
    dir: PathBuf,
    identity: IdentityFile,
    entries: BTreeMap<Key, Bytes>,
    commit: CommitMark,
    epoch: u64,
    log: Log,
    compact_after: u64,
    snapshot_bytes: u64,
    poisoned: bool,
    _lock: DirLock,
}

impl EmbeddedFiles {
    /// Opens the store in `dir`, or makes one there whose registry is `fresh`, and counts one
    /// start. The count is on disk when this returns.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed then, except that a torn tail may be cut off.
    pub fn open(dir: &Path, fresh: RegistryId) -> Result<Self, OpenError> {
        disk::create_dir(dir)?;
        let lock = DirLock::acquire(dir)?;
        let identity_path = dir.join("identity");
        let mut identity = match IdentityFile::read(&identity_path)? {
            Some(identity) => identity,
            None => initialize(dir, fresh)?,
        };
        let SnapshotFile { epoch, mut commit, mut entries, bytes: snapshot_bytes } =
            SnapshotFile::read(&dir.join("snapshot"))?;
        let log = Log::recover(Log::path(dir, epoch), |txn| {
            txn.apply_to(&mut entries);
            commit = txn.mark;
        })?;
        remove_leftovers(dir, epoch)?;
        identity.starts += 1;
        identity.write(&identity_path)?;
        Ok(EmbeddedFiles {
            dir: dir.to_owned(),
            identity,
            entries,
            commit,
            epoch,
            log,
            compact_after: COMPACT_AFTER_BYTES,
            snapshot_bytes,
            poisoned: false,
            _lock: lock,
        })
    }

    /// Compacts once the log is longer than `bytes` and than the last snapshot, instead of
    /// [`COMPACT_AFTER_BYTES`].
    #[must_use]
    pub fn compacting_after(mut self, bytes: u64) -> Self {
        self.compact_after = bytes;
        self
    }

    /// The term of the master that opened this store.
    pub fn term(&self) -> Term {
        self.identity.identity.term(self.identity.starts)
    }

    /// Which registry this is.
    pub fn identity(&self) -> Identity {
        self.identity.identity
    }

    /// Raises the generation durably: part of restoring a backup, before any master starts on it.
    ///
    /// # Errors
    /// [`OpenError::Disk`]; the generation is the old one or the new one then.
    pub fn raise_generation(&mut self) -> Result<Identity, OpenError> {
        let mut raised = self.identity;
        raised.identity.generation += 1;
        raised.write(&self.dir.join("identity"))?;
        self.identity = raised;
        Ok(raised.identity)
    }

    /// See [`Store::load`](crate::store::Store::load).
    pub fn load(&self) -> Result<Snapshot, LoadError> {
        if self.poisoned {
            return Err(LoadError::Refused(cause(Poisoned)));
        }
        Ok(Snapshot {
            entries: self.entries.clone(),
            registry: self.identity.identity.registry,
            generation: self.identity.identity.generation,
            commit: self.commit,
        })
    }

    /// See [`Store::commit`](crate::store::Store::commit). Unlike other stores this one must be
    /// opened again, not only loaded, after `MaybeDone`.
    pub fn commit(&mut self, txn: &Txn) -> Result<(), CommitError> {
        let mark = txn.mark;
        let not_done = |reason| CommitError::NotDone { mark, reason };
        if self.poisoned {
            return Err(not_done(NotDone::Store(cause(Poisoned))));
        }
        txn.check(self.commit, LIMITS).map_err(not_done)?;
        let payload = rmp_serde::to_vec_named(txn).expect("a transaction is plain data");
        match self.log.append(&payload) {
            Ok(()) => {}
            Err(AppendError::NotDone(err)) => return Err(not_done(NotDone::Store(cause(err)))),
            Err(AppendError::MaybeDone(err)) => {
                self.poisoned = true;
                let waited = Duration::ZERO;
                return Err(CommitError::MaybeDone { mark, waited, cause: cause(err) });
            }
        }
        txn.apply_to(&mut self.entries);
        self.commit = mark;
        if self.log.len() > self.compact_after.max(self.snapshot_bytes) {
            self.compact();
        }
        Ok(())
    }

    /// The transaction that led here is durable already, so that a failure does not fail it.
    fn compact(&mut self) {
        match self.try_compact() {
            Ok(()) => {}
            Err(CompactError::Unchanged(err)) => {
                // Try again when the log has grown by as much again, not at each transaction.
                self.compact_after = self.log.len().saturating_mul(2);
                tracing::warn!(
                    err = &err as &dyn std::error::Error,
                    retry_after_bytes = self.compact_after,
                    "cannot compact the store's log; it stays in use"
                );
            }
            Err(CompactError::InDoubt(err)) => {
                self.poisoned = true;
                tracing::error!(
                    err = &err as &dyn std::error::Error,
                    "the store cannot tell which log is in effect; it takes no more transactions"
                );
            }
        }
    }

    fn try_compact(&mut self) -> Result<(), CompactError> {
        let epoch = self.epoch + 1;
        let path = Log::path(&self.dir, epoch);
        let log = Log::create(path).map_err(CompactError::Unchanged)?;
        disk::sync_dir(&self.dir).map_err(CompactError::Unchanged)?;
        let snapshot = self.dir.join("snapshot");
        let written = snapshot::write(&snapshot, epoch, self.commit, &self.entries);
        // The rename is the step after which the new log counts; a directory sync that fails
        // behind it leaves open which of the two a crash would bring back.
        self.snapshot_bytes = written.map_err(|err| match err.action {
            "sync directory" => CompactError::InDoubt(err),
            _ => CompactError::Unchanged(err),
        })?;
        disk::remove_garbage(&Log::path(&self.dir, self.epoch));
        tracing::debug!(
            epoch,
            log_bytes = self.log.len(),
            snapshot_bytes = self.snapshot_bytes,
            "compacted the store's log"
        );
        self.log = log;
        self.epoch = epoch;
        Ok(())
    }
}

enum CompactError {
    Unchanged(DiskError),
    InDoubt(DiskError),
}

/// A directory without `identity` is empty or was being initialized when a crash came; one that
/// holds a snapshot or transactions lost its identity, and guessing a new one would make every
/// agent refuse the cluster.
fn initialize(dir: &Path, fresh: RegistryId) -> Result<IdentityFile, OpenError> {
    let identity_path = dir.join("identity");
    let lost = || Damage::new(&identity_path, 0, "missing although the registry has contents");
    if dir.join("snapshot").exists() {
        return Err(lost().into());
    }
    let log = Log::path(dir, 0);
    let empty = Log::create(disk::beside(&log))?.len();
    disk::remove_garbage(&disk::beside(&log));
    if fs::metadata(&log).is_ok_and(|meta| meta.len() > empty) {
        return Err(lost().into());
    }
    Log::create(log)?;
    disk::sync_dir(dir)?;
    let identity = IdentityFile::fresh(fresh);
    identity.write(&identity_path)?;
    Ok(identity)
}

/// Removes logs of other epochs and unfinished replacements: what a crash during compaction left.
fn remove_leftovers(dir: &Path, epoch: u64) -> Result<(), DiskError> {
    let current = Log::path(dir, epoch);
    for entry in fs::read_dir(dir).map_err(DiskError::at("list", dir))? {
        let path = entry.map_err(DiskError::at("list", dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let obsolete_log = name.strip_prefix("log.").is_some_and(|n| n.parse::<u64>().is_ok());
        if (obsolete_log && path != current) || name.ends_with(".tmp") {
            disk::remove_garbage(&path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was acknowledged before stays; what failed is said to be unknown; nothing more is
    /// taken until the store is opened again.
    #[test]
    fn a_log_that_fails_stops_the_store() {
        let dir = tempfile::TempDir::new().unwrap();
        let mut files = EmbeddedFiles::open(dir.path(), RegistryId::from_bits(1)).unwrap();
        let term = files.term();
        let txn = |sequence| Txn::new(CommitMark::new(&term, sequence));
        files.commit(&txn(1)).unwrap();
        files.log = Log::on_broken_disk();
        let failed = files.commit(&txn(2)).unwrap_err();
        assert!(matches!(failed, CommitError::MaybeDone { .. }), "{failed:?}");
        let refused = files.commit(&txn(3)).unwrap_err();
        assert!(matches!(refused, CommitError::NotDone { .. }), "{refused:?}");
        assert!(matches!(files.load(), Err(LoadError::Refused(_))));
        drop(files);
        let files = EmbeddedFiles::open(dir.path(), RegistryId::from_bits(1)).unwrap();
        assert_eq!(files.load().unwrap().commit, CommitMark::new(&term, 1));
    }
}
