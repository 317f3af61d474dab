//! A container whose supervisor is gone without a word: what is left of it, and its end.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use super::cgroups::ContainerCgroup;
use super::handle::DestroyError;
use super::records::{Forked, ProcessRecord};
use super::spec::ContainerId;
use super::{clock, proc};

/// Between two looks at what was killed.
const RETRY: Duration = Duration::from_millis(10);

/// Why there is no supervisor to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostReason {
    /// The launch did not get as far as a held child; nothing has run.
    NeverForked,
    /// The machine has restarted since.
    Rebooted,
    /// The supervisor was killed. The container may still run.
    SupervisorDied,
}

/// Such a container. How it ended cannot be known.
#[derive(Debug)]
pub struct LostContainer {
    pub id: ContainerId,
    pub reason: LostReason,
    pub(crate) forked: Option<Forked>,
    pub(crate) cgroup: Option<ContainerCgroup>,
}

impl LostContainer {
    /// Kills what is left, and returns when it is gone and the cgroup is removed, or at the latest
    /// after `patience`. Idempotent.
    ///
    /// With a cgroup that is everything. Without one it is the main process (matched by its start
    /// time), its descendants and its session, all only while the main process lives: what had
    /// left both cannot be told from a stranger.
    pub fn kill_leftovers(&self, patience: Duration) -> Result<(), DestroyError> {
        let until = clock::deadline(clock::now(), patience);
        let read = |source| DestroyError::Processes { id: self.id.clone(), source };
        let mut known: BTreeSet<(i32, u64)> = BTreeSet::new();
        loop {
            if let Some(cgroup) = &self.cgroup {
                cgroup
                    .kill()
                    .map_err(|source| DestroyError::Cgroup { id: self.id.clone(), source })?;
            }
            for found in self.tree().map_err(read)? {
                known.insert((found.pid, found.start_time));
            }
            let targets: Vec<_> =
                known.iter().map(|&(pid, start_time)| ProcessRecord { pid, start_time }).collect();
            proc::signal_each(&targets, libc::SIGKILL);
            let mut left = self.in_cgroup()?;
            for target in targets {
                if proc::find(target).map_err(read)?.is_some() {
                    left.push(target.pid);
                }
            }
            if left.is_empty() {
                break;
            }
            if clock::now() >= until {
                return Err(DestroyError::Survivors { id: self.id.clone(), pids: left });
            }
            clock::pause(RETRY);
        }
        self.remove_cgroup(until)
    }

    fn in_cgroup(&self) -> Result<Vec<i32>, DestroyError> {
        let Some(cgroup) = &self.cgroup else {
            return Ok(Vec::new());
        };
        cgroup.processes().map_err(|source| DestroyError::Cgroup { id: self.id.clone(), source })
    }

    fn remove_cgroup(&self, until: Instant) -> Result<(), DestroyError> {
        let Some(cgroup) = &self.cgroup else {
            return Ok(());
        };
        // The kernel may count the dead a moment longer, whatever patience is left.
        let until = until.max(clock::deadline(clock::now(), Duration::from_secs(1)));
        cgroup.remove(until).map_err(|source| DestroyError::Cgroup { id: self.id.clone(), source })
    }

    fn tree(&self) -> io::Result<Vec<ProcessRecord>> {
        let Some(forked) = &self.forked else {
            return Ok(Vec::new());
        };
        if self.reason == LostReason::Rebooted || proc::find(forked.child)?.is_none() {
            return Ok(Vec::new());
        }
        let main = forked.child;
        let all = proc::snapshot()?;
        let mut tree = proc::descendants(&all, main.pid);
        tree.push(main);
        for (&pid, stat) in all.iter().filter(|(_, stat)| stat.session == main.pid) {
            tree.push(ProcessRecord { pid, start_time: stat.start_time });
        }
        Ok(tree)
    }
}
