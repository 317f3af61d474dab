//! A machine's simulated disk: an operation takes a little time and happens at its completion; what
//! a crash interrupts is done, not done, or done in part. Read next: `platter.rs`.

use super::engine::{Shared, State};
use super::fault::DiskFault;
use super::machine::motion;
use super::platter::{Change, Platter};
use crate::node::lock;
use crate::world::Disk;
use futures_util::future::BoxFuture;
use std::collections::BTreeSet;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The files of a machine, and what is wrong with its disk.
#[derive(Default)]
pub(crate) struct Drive {
    pub(crate) platter: Platter,
    pub(crate) faults: BTreeSet<DiskFault>,
}

impl Drive {
    fn slowness(&self) -> Duration {
        let slow = |fault: &DiskFault| match fault {
            DiskFault::Slow(by) => Some(*by),
            _ => None,
        };
        self.faults.iter().filter_map(slow).max().unwrap_or_default()
    }

    fn has(&self, fault: DiskFault) -> bool {
        self.faults.contains(&fault)
    }
}

/// A node's way to the disk of its machine.
pub(crate) struct SimDisk {
    shared: Arc<Shared>,
    machine: usize,
}

fn failed(what: &str) -> Error {
    Error::other(format!("{what} (simulated)"))
}

impl State {
    fn drive(&mut self, machine: usize) -> Option<&mut Drive> {
        self.machines.get_mut(machine).map(|machine| &mut machine.drive)
    }

    /// How long an operation takes.
    fn seek(&mut self, machine: usize) -> Duration {
        let Some(entry) = self.machines.get_mut(machine) else {
            return Duration::ZERO;
        };
        Duration::from_micros(100 + entry.disk_rng.below(1900)) + entry.drive.slowness()
    }

    /// An operation is over; what the disk's faults make of it.
    fn finish(&mut self, machine: usize, id: u64) -> Result<()> {
        let Some(entry) = self.machines.get_mut(machine) else {
            return Ok(());
        };
        let (drive, rng) = (&mut entry.drive, &mut entry.disk_rng);
        // A future of an earlier life that is still polled changes nothing.
        let Some(change) = drive.platter.end(id) else {
            return Err(failed("the machine has stopped"));
        };
        let outcome = if drive.has(DiskFault::WritesFail) {
            Err(failed("input/output error"))
        } else if drive.has(DiskFault::Full) && !matches!(change, Change::Remove(_)) {
            drive.platter.tear(change, rng);
            Err(Error::new(ErrorKind::StorageFull, "no space left on device (simulated)"))
        } else if drive.has(DiskFault::SyncsFail) {
            // Failed before what is new became visible, or after it.
            if rng.below(2) == 0 || matches!(change, Change::Append(..)) {
                drive.platter.cache(change);
            }
            Err(failed("input/output error at fsync"))
        } else if drive.has(DiskFault::SyncsLie) {
            drive.platter.cache(change);
            Ok(())
        } else {
            drive.platter.apply(change);
            Ok(())
        };
        if let Err(error) = &outcome {
            let line = format!("disk of {}: {error}", entry.name);
            self.note(line);
        }
        outcome
    }
}

impl SimDisk {
    pub(crate) fn new(shared: Arc<Shared>, machine: usize) -> Self {
        SimDisk { shared, machine }
    }

    fn change(&self, change: Change) -> BoxFuture<'static, Result<()>> {
        let (shared, machine) = (self.shared.clone(), self.machine);
        Box::pin(async move {
            let (id, takes) = {
                let mut state = lock(&shared.state);
                let takes = state.seek(machine);
                let begun = state.drive(machine).map(|drive| drive.platter.begin(change));
                (begun.unwrap_or_default(), takes)
            };
            motion(&shared, machine, takes).await;
            lock(&shared.state).finish(machine, id)
        })
    }

    fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Platter) -> T + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let (shared, machine) = (self.shared.clone(), self.machine);
        Box::pin(async move {
            let takes = lock(&shared.state).seek(machine);
            motion(&shared, machine, takes).await;
            let mut state = lock(&shared.state);
            match state.drive(machine) {
                Some(drive) if drive.has(DiskFault::ReadsFail) => Err(failed("input/output error")),
                Some(drive) => Ok(look(&drive.platter)),
                None => Err(failed("no such machine")),
            }
        })
    }
}

impl Disk for SimDisk {
    fn read(&self, path: &Path) -> BoxFuture<'static, Result<Option<Vec<u8>>>> {
        let path = path.to_owned();
        self.look(move |platter| platter.read(&path).cloned())
    }

    fn write(&self, path: &Path, content: Vec<u8>) -> BoxFuture<'static, Result<()>> {
        self.change(Change::Write(path.to_owned(), content))
    }

    fn append(&self, path: &Path, content: Vec<u8>) -> BoxFuture<'static, Result<()>> {
        self.change(Change::Append(path.to_owned(), content))
    }

    fn remove(&self, path: &Path) -> BoxFuture<'static, Result<()>> {
        self.change(Change::Remove(path.to_owned()))
    }

    fn list(&self, directory: &Path) -> BoxFuture<'static, Result<Vec<String>>> {
        let directory = directory.to_owned();
        self.look(move |platter| {
            let mut names: Vec<String> = platter
                .paths()
                .filter_map(|file| file.strip_prefix(&directory).ok())
                .filter_map(|rest| rest.components().next())
                .map(|name| name.as_os_str().to_string_lossy().into_owned())
                .collect();
            names.dedup();
            names
        })
    }
}
