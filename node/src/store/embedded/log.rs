//! The file `log.<epoch>`: one record per transaction since the snapshot of that epoch.

use super::disk;
use super::error::{Damage, DiskError, OpenError};
use super::frame::{self, Read};
use crate::causes::with_causes;
use crate::pack;
use crate::store::txn::Txn;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The first record of a log: whoever opens a file of another format must say so, not guess.
const PREAMBLE: &[u8] = b"meseta log 1";

#[derive(Debug)]
pub(super) struct Log {
    file: File,
    path: PathBuf,
    /// Where the next record goes: behind everything that is acknowledged.
    end: u64,
}

/// A record was not appended.
#[derive(Debug)]
pub(super) enum AppendError {
    /// The log is as it was.
    NotDone(DiskError),
    /// The record may be on the disk. The log must not be used any more.
    MaybeDone(DiskError),
}

impl Log {
    pub(super) fn path(dir: &Path, epoch: u64) -> PathBuf {
        dir.join(format!("log.{epoch}"))
    }

    /// An empty log, durable except for its name: the caller syncs the directory.
    pub(super) fn create(path: PathBuf) -> Result<Self, DiskError> {
        let mut file = disk::create(&path)?;
        let preamble = frame::encode(PREAMBLE);
        file.write_all(&preamble).map_err(DiskError::at("write", &path))?;
        file.sync_all().map_err(DiskError::at("sync", &path))?;
        Ok(Log { file, path, end: preamble.len() as u64 })
    }

    /// Opens a log, feeds its transactions to `apply` in order, and cuts off a torn tail.
    pub(super) fn recover(path: PathBuf, mut apply: impl FnMut(Txn)) -> Result<Self, OpenError> {
        let bytes = disk::read(&path)?.ok_or_else(|| {
            Damage::new(&path, 0, "the snapshot names this log and it is missing")
        })?;
        let mut at = match frame::read(&bytes, 0) {
            Read::Record { payload, next } if payload == PREAMBLE => next,
            _ => return Err(Damage::new(&path, 0, "not a log of a known format").into()),
        };
        let torn = loop {
            match frame::read(&bytes, at) {
                Read::Record { payload, next } => {
                    let txn = pack::decode(payload)
                        .map_err(|err| Damage::new(&path, at, with_causes(&err)))?;
                    apply(txn);
                    at = next;
                }
                Read::End => break false,
                Read::Torn => break true,
                Read::Damaged(reason) => return Err(Damage::new(&path, at, reason).into()),
            }
        };
        let file = OpenOptions::new()
            .write(true)
            .open(&path)
            .map_err(DiskError::at("open for writing", &path))?;
        let mut log = Log { file, path, end: at as u64 };
        if torn {
            tracing::warn!(
                path = %log.path.display(),
                offset = log.end,
                bytes = bytes.len() - at,
                "the last write was cut short before it was acknowledged; removing it"
            );
            log.cut_back().map_err(DiskError::at("truncate", &log.path))?;
        }
        log.file.seek(SeekFrom::Start(log.end)).map_err(DiskError::at("seek in", &log.path))?;
        Ok(log)
    }

    /// A log on a disk that is full, and cannot be truncated either.
    #[cfg(test)]
    pub(super) fn on_broken_disk() -> Self {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        Log { file, path, end: 0 }
    }

    /// Bytes used.
    pub(super) fn len(&self) -> u64 {
        self.end
    }

    /// Appends `payload` as a record and syncs it.
    pub(super) fn append(&mut self, payload: &[u8]) -> Result<(), AppendError> {
        let record = frame::encode(payload);
        if let Err(err) = self.file.write_all(&record) {
            let failed = DiskError::at("append to", &self.path)(err);
            // Part of the record may be there; it must not precede the next one.
            return Err(match self.cut_back() {
                Ok(()) => AppendError::NotDone(failed),
                Err(_) => AppendError::MaybeDone(failed),
            });
        }
        // After a failed sync the kernel may have dropped the pages and would call the next sync
        // a success, so that this is never tried again.
        if let Err(err) = self.file.sync_data() {
            return Err(AppendError::MaybeDone(DiskError::at("sync", &self.path)(err)));
        }
        self.end += record.len() as u64;
        Ok(())
    }

    fn cut_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.file.sync_all()?;
        self.file.seek(SeekFrom::Start(self.end)).map(|_| ())
    }
}
