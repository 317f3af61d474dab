//! [`EmbeddedStore`]: a registry in a directory of this machine, the default store.
//!
//! State: a log of checksummed transactions and now and then a snapshot ([`files`] draws the
//! directory). One opener at a time, enforced by a lock; each opening counts one start, which is
//! a standalone master's term. Nothing acknowledged is lost by a crash of the process or machine.
//!
//! Read next: [`files`] for the logic, `frame` for how damage is told from a cut-short write.

mod crc;
mod disk;
pub mod error;
pub mod files;
mod frame;
mod identity;
mod lock;
mod log;
mod snapshot;

pub use error::{Damage, DiskError, OpenError, Poisoned};
pub use files::EmbeddedFiles;

use super::error::{cause, CommitError, LoadError};
use super::real;
use super::txn::{Limits, Snapshot, Txn};
use super::Store;
use futures_util::future::BoxFuture;
use meseta_api::term::{RegistryId, Term};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// [`EmbeddedFiles`] on tokio's blocking threads, one call at a time, in order. The lock on the
/// directory ends with the last clone and the last call in progress.
#[derive(Clone, Debug)]
pub struct EmbeddedStore {
    files: Arc<Mutex<EmbeddedFiles>>,
    term: Term,
}

impl EmbeddedStore {
    /// See [`EmbeddedFiles::open`]. Must be called on a tokio runtime.
    pub async fn open(dir: PathBuf, fresh: RegistryId) -> Result<Self, OpenError> {
        let opened = real::blocking(move || EmbeddedFiles::open(&dir, fresh)).await;
        Ok(EmbeddedStore::new(opened.expect("opening the store panicked")?))
    }

    /// Serves files that are open already.
    pub fn new(files: EmbeddedFiles) -> Self {
        let term = files.term();
        EmbeddedStore { files: Arc::new(Mutex::new(files)), term }
    }

    /// The term of the master that opened this store.
    pub fn term(&self) -> Term {
        self.term
    }
}

impl Store for EmbeddedStore {
    fn load(&self) -> BoxFuture<'static, Result<Snapshot, LoadError>> {
        let files = self.files.clone();
        Box::pin(async move {
            let files = files.lock_owned().await;
            let loaded = real::blocking(move || files.load()).await;
            loaded.unwrap_or_else(|panicked| Err(LoadError::Refused(cause(panicked))))
        })
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'static, Result<(), CommitError>> {
        let files = self.files.clone();
        let mark = txn.mark;
        Box::pin(async move {
            // The guard moves into the call: if this future is dropped, the next one still waits.
            let mut files = files.lock_owned().await;
            let done = real::blocking(move || files.commit(&txn)).await;
            done.unwrap_or_else(|panicked| {
                let waited = Duration::ZERO;
                Err(CommitError::MaybeDone { mark, waited, cause: cause(panicked) })
            })
        })
    }

    fn limits(&self) -> Limits {
        files::LIMITS
    }
}

#[cfg(test)]
mod tests;
