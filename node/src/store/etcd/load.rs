//! Reading the whole registry from etcd, in pages at one revision.

use super::endpoints::Endpoints;
use super::failure::Exhausted;
use super::identity;
use super::layout::Layout;
use super::mark::StoredMark;
use crate::store::error::{cause, LoadError};
use crate::store::key::Key;
use crate::store::real::Stopwatch;
use crate::store::txn::Snapshot;
use bytes::Bytes;
use etcd_client::{GetOptions, GetResponse};
use std::collections::BTreeMap;
use std::time::Duration;

/// Objects per page: half a megabyte of usual ones. A page over the client's 4 MiB is asked for
/// again at half the size.
const PAGE_KEYS: i64 = 500;

/// Everything as of one revision, and the commit mark as it is stored.
pub(super) async fn load(
    endpoints: &Endpoints,
    layout: &Layout,
) -> Result<(Snapshot, StoredMark), LoadError> {
    let mut reader = Reader {
        endpoints,
        layout,
        started: Stopwatch::start(),
        page_keys: PAGE_KEYS,
        revision: 0,
    };
    loop {
        match reader.read_all().await {
            // A load slower than etcd's compaction: what it has read is of no use.
            Err(ReadError::Exhausted(err))
                if err.last.is_compacted() && !reader.left().is_zero() => {}
            Err(ReadError::Exhausted(err)) => return Err(err.into()),
            Err(ReadError::Load(err)) => return Err(err),
            Ok(read) => return Ok(read),
        }
    }
}

struct Reader<'a> {
    endpoints: &'a Endpoints,
    layout: &'a Layout,
    started: Stopwatch,
    page_keys: i64,
    /// At which everything is read; 0 for the newest.
    revision: i64,
}

enum ReadError {
    Exhausted(Exhausted),
    Load(LoadError),
}

impl From<Exhausted> for ReadError {
    fn from(err: Exhausted) -> Self {
        ReadError::Exhausted(err)
    }
}

impl From<LoadError> for ReadError {
    fn from(err: LoadError) -> Self {
        ReadError::Load(err)
    }
}

impl Reader<'_> {
    async fn read_all(&mut self) -> Result<(Snapshot, StoredMark), ReadError> {
        // Linearizable, as are all reads here: it sees every transaction that was acknowledged.
        self.revision = 0;
        let commit = self.get(self.layout.commit.as_bytes(), GetOptions::new()).await?;
        self.revision = commit.header().map_or(0, |header| header.revision());
        let mark = StoredMark::decode(&self.layout.commit, commit.kvs().first())?;

        let identity_key = self.layout.identity.as_str();
        let identity = self.get(identity_key.as_bytes(), GetOptions::new()).await?;
        let identity = identity.kvs().first().ok_or(LoadError::Uninitialized)?;
        let identity = identity::decode(identity_key, identity.value())?;

        let entries = self.read_objects().await?;
        let snapshot = Snapshot {
            entries,
            registry: identity.registry,
            generation: identity.generation,
            commit: mark.mark,
        };
        Ok((snapshot, mark))
    }

    async fn read_objects(&mut self) -> Result<BTreeMap<Key, Bytes>, ReadError> {
        let (mut from, end) = self.layout.objects();
        let mut entries = BTreeMap::new();
        loop {
            let options = GetOptions::new().with_range(end.clone()).with_limit(self.page_keys);
            let mut page = match self.get(&from, options).await {
                Err(err) if err.last.is_answer_too_large() && self.page_keys > 1 => {
                    self.page_keys /= 2;
                    continue;
                }
                page => page?,
            };
            let more = page.more();
            for kv in page.take_kvs() {
                let (key, value) = kv.into_key_value();
                let Some(name) = self.layout.object_key(&key) else {
                    let key = String::from_utf8_lossy(&key).into_owned();
                    return Err(LoadError::Malformed { key, cause: cause(NotAnObject) }.into());
                };
                entries.insert(name, Bytes::from(value));
                from = key;
                from.push(0);
            }
            if !more {
                return Ok(entries);
            }
        }
    }

    async fn get(&self, key: &[u8], options: GetOptions) -> Result<GetResponse, Exhausted> {
        let options = options.with_revision(self.revision);
        self.endpoints
            .repeat(self.left(), |mut client| {
                let options = options.clone();
                async move { client.get(key, Some(options)).await }
            })
            .await
    }

    fn left(&self) -> Duration {
        self.endpoints.config().timeouts.load.saturating_sub(self.started.elapsed())
    }
}

/// A key below `registry/` is not one that a store writes.
#[derive(Debug, thiserror::Error)]
#[error("its name is not one of an object")]
struct NotAnObject;
