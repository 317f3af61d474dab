//! A machine's simulated disk: an operation takes a little time and happens at its completion, so
//! that a crash loses exactly what was not complete.

use super::engine::Shared;
use super::machine::sleep;
use crate::node::lock;
use crate::world::Disk;
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) type Files = Arc<Mutex<BTreeMap<PathBuf, Vec<u8>>>>;

/// The files, and for a running node the world whose time operations take.
#[derive(Default)]
pub(crate) struct SimDisk {
    files: Files,
    shared: Option<Arc<Shared>>,
}

impl SimDisk {
    pub(crate) fn files(&self) -> Files {
        self.files.clone()
    }

    pub(crate) fn of(files: Files, shared: Arc<Shared>) -> Self {
        SimDisk { files, shared: Some(shared) }
    }

    fn operation<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut BTreeMap<PathBuf, Vec<u8>>) -> T + Send + 'static,
    ) -> BoxFuture<'static, io::Result<T>> {
        let (files, shared) = (self.files.clone(), self.shared.clone());
        Box::pin(async move {
            if let Some(shared) = shared {
                let micros = 100 + lock(&shared.state).rng.below(1900);
                sleep(&shared, Duration::from_micros(micros)).await;
            }
            Ok(work(&mut lock(&files)))
        })
    }
}

impl Disk for SimDisk {
    fn read(&self, path: &Path) -> BoxFuture<'static, io::Result<Option<Vec<u8>>>> {
        let path = path.to_owned();
        self.operation(move |files| files.get(&path).cloned())
    }

    fn write(&self, path: &Path, content: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        let path = path.to_owned();
        self.operation(move |files| {
            files.insert(path, content);
        })
    }

    fn append(&self, path: &Path, content: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        let path = path.to_owned();
        self.operation(move |files| files.entry(path).or_default().extend(content))
    }

    fn remove(&self, path: &Path) -> BoxFuture<'static, io::Result<()>> {
        let path = path.to_owned();
        self.operation(move |files| files.retain(|file, _| !file.starts_with(&path)))
    }

    fn list(&self, directory: &Path) -> BoxFuture<'static, io::Result<Vec<String>>> {
        let directory = directory.to_owned();
        self.operation(move |files| {
            let mut names: Vec<String> = files
                .keys()
                .filter_map(|file| file.strip_prefix(&directory).ok())
                .filter_map(|rest| rest.components().next())
                .map(|name| name.as_os_str().to_string_lossy().into_owned())
                .collect();
            names.dedup();
            names
        })
    }
}
