//! The file `identity`: which registry this is, and how often it was opened.

use super::disk;
use super::error::{Damage, OpenError};
use super::frame::{self, Read};
use crate::store::txn::Identity;
use meseta_api::term::RegistryId;
use serde::{Deserialize, Serialize};
use std::path::Path;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct IdentityFile {
    #[serde(flatten)]
    pub(super) identity: Identity,
    /// Raised and synced at each opening: the term counter of a standalone master.
    pub(super) starts: u64,
}

impl IdentityFile {
    pub(super) fn fresh(registry: RegistryId) -> Self {
        IdentityFile { identity: Identity::fresh(registry), starts: 0 }
    }

    /// `None` if the store was never initialized.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, OpenError> {
        let Some(bytes) = disk::read(path)? else {
            return Ok(None);
        };
        let payload = match frame::read(&bytes, 0) {
            Read::Record { payload, next } if next == bytes.len() => payload,
            // Written by `replace`, so that a crash cannot have cut it short.
            _ => return Err(Damage::new(path, 0, "not one whole record").into()),
        };
        let file = serde_json::from_slice(payload)
            .map_err(|err| Damage::new(path, frame::HEADER_BYTES, err))?;
        Ok(Some(file))
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), OpenError> {
        let json = serde_json::to_vec(self).expect("an identity is plain data");
        Ok(disk::replace(path, &frame::encode(&json))?)
    }
}
