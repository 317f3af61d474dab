//! In which order operations on the disk are carried out: as many at once as possible, and never
//! two that touch the same path, or one above the other, out of order.
//!
//! Pure: [`DiskQueue::push`] takes a write, [`DiskQueue::ready`] says what may start now, and
//! [`DiskQueue::done`] takes what is finished and says which write that completes.
//!
//! An operation waits for the last earlier one at each path that meets its own: those before wait
//! for one another. What is written is a file, and nothing is beneath it; only removals are of
//! folders too. Paths are found by what they are, not by looking through the queue, so that an
//! operation costs the same however many wait.

use super::DiskOperation;
use crate::core::effect::Lane;
use crate::core::ids::WriteId;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// How many operations of a lane are under way at once: enough to keep a disk busy.
const MOST_AT_ONCE: usize = 64;

/// One operation within the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperationId(u64);

#[derive(Debug)]
struct Waiting {
    write: WriteId,
    /// As in [`place`].
    place: Vec<u8>,
    removal: bool,
    /// Taken when it starts.
    operation: Option<DiskOperation>,
    /// How many it waits for.
    blockers: usize,
    /// Who waits for it.
    blocks: Vec<OperationId>,
}

/// Operations of one lane that are not done.
#[derive(Debug, Default)]
struct Pending {
    operations: BTreeMap<OperationId, Waiting>,
    /// The last operation at each place.
    last: BTreeMap<Vec<u8>, OperationId>,
    /// Those that wait for nothing and have not started.
    free: BTreeSet<OperationId>,
    /// How many have started.
    started: usize,
    /// How many are removals: of all operations they alone meet what is beneath their path.
    removals: usize,
}

/// Operations that are not done, by lane.
#[derive(Debug, Default)]
pub struct DiskQueue {
    lanes: BTreeMap<Lane, Pending>,
    /// Operations of a write that are not done.
    left: BTreeMap<WriteId, usize>,
    next: u64,
}

impl DiskQueue {
    /// Adds a write; true if it has no operations and so is complete at once.
    pub fn push(&mut self, write: WriteId, lane: Lane, operations: Vec<DiskOperation>) -> bool {
        if operations.is_empty() {
            return true;
        }
        self.left.insert(write, operations.len());
        let pending = self.lanes.entry(lane).or_default();
        for operation in operations {
            self.next += 1;
            pending.push(OperationId(self.next), write, operation);
        }
        false
    }

    /// What may start now in a lane; each operation is given out once.
    pub fn ready(&mut self, lane: &Lane) -> Vec<(OperationId, DiskOperation)> {
        self.lanes.get_mut(lane).map(Pending::ready).unwrap_or_default()
    }

    /// An operation is durable; the write that is complete with it.
    pub fn done(&mut self, lane: &Lane, id: OperationId) -> Option<WriteId> {
        let pending = self.lanes.get_mut(lane)?;
        let write = pending.done(id)?;
        if pending.operations.is_empty() {
            self.lanes.remove(lane);
        }
        let left = self.left.get_mut(&write)?;
        *left -= 1;
        if *left > 0 {
            return None;
        }
        self.left.remove(&write);
        Some(write)
    }

    /// Writes that are not complete.
    pub fn depth(&self) -> usize {
        self.left.len()
    }
}

impl Pending {
    fn push(&mut self, id: OperationId, write: WriteId, operation: DiskOperation) {
        let place = place(operation.path());
        let removal = matches!(operation, DiskOperation::Remove(_));
        let mut blockers = self.meeting(&place, removal);
        blockers.sort_unstable();
        blockers.dedup();
        for blocker in &blockers {
            if let Some(earlier) = self.operations.get_mut(blocker) {
                earlier.blocks.push(id);
            }
        }
        if blockers.is_empty() {
            self.free.insert(id);
        }
        self.last.insert(place.clone(), id);
        self.removals += usize::from(removal);
        let operation = Some(operation);
        let blockers = blockers.len();
        let waiting = Waiting { write, place, removal, operation, blockers, blocks: Vec::new() };
        self.operations.insert(id, waiting);
    }

    /// The last operations at this place; above it, where removals may be; beneath it, if this is
    /// one.
    fn meeting(&self, place: &[u8], removal: bool) -> Vec<OperationId> {
        if self.removals == 0 && !removal {
            return self.last.get(place).copied().into_iter().collect();
        }
        let above = (0..place.len()).filter(|at| place[*at] == b'/').map(|at| &place[..=at]);
        let above = above.filter_map(|above| self.last.get(above));
        let beneath = self.last.range::<[u8], _>((Bound::Included(place), Bound::Unbounded));
        let beneath = beneath.take_while(|(other, _)| other.starts_with(place));
        above.chain(beneath.map(|(_, id)| id)).copied().collect()
    }

    fn ready(&mut self) -> Vec<(OperationId, DiskOperation)> {
        let mut ready = Vec::new();
        while self.started < MOST_AT_ONCE {
            let Some(id) = self.free.pop_first() else {
                break;
            };
            let waiting = self.operations.get_mut(&id);
            if let Some(operation) = waiting.and_then(|waiting| waiting.operation.take()) {
                self.started += 1;
                ready.push((id, operation));
            }
        }
        ready
    }

    /// The write of an operation that had started.
    fn done(&mut self, id: OperationId) -> Option<WriteId> {
        let done = self.operations.remove(&id)?;
        self.started = self.started.saturating_sub(1);
        self.removals -= usize::from(done.removal);
        if self.last.get(&done.place) == Some(&id) {
            self.last.remove(&done.place);
        }
        for later in done.blocks {
            if let Some(waiting) = self.operations.get_mut(&later) {
                waiting.blockers -= 1;
                if waiting.blockers == 0 {
                    self.free.insert(later);
                }
            }
        }
        Some(done.write)
    }
}

/// A path with a slash behind each name, so that what is beneath it begins with it and nothing
/// else does.
fn place(path: &Path) -> Vec<u8> {
    let mut place = Vec::with_capacity(path.as_os_str().len() + 1);
    for name in path.components() {
        let name = name.as_os_str().as_bytes();
        place.extend_from_slice(name);
        if name != b"/" {
            place.push(b'/');
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn append(path: &str) -> DiskOperation {
        DiskOperation::Append(path.into(), vec![1])
    }

    fn remove(path: impl AsRef<Path>) -> DiskOperation {
        DiskOperation::Remove(path.as_ref().to_owned())
    }

    #[test]
    fn order_is_kept_where_paths_meet_and_nowhere_else() {
        let (mut queue, lane) = (DiskQueue::default(), Lane::Agent);
        queue.push(WriteId(1), lane.clone(), vec![append("/f/e/a"), append("/f/e/b")]);
        queue.push(WriteId(2), lane.clone(), vec![append("/f/e/a")]);
        queue.push(WriteId(3), lane.clone(), vec![remove("/f/e")]);
        queue.push(WriteId(4), lane.clone(), vec![append("/f/e/a"), append("/f/x")]);
        let mut order = Vec::new();
        let mut completed = Vec::new();
        loop {
            let ready = queue.ready(&lane);
            if ready.is_empty() {
                break;
            }
            order.push(ready.iter().map(|(id, _)| id.0).collect::<Vec<_>>());
            // Finished in the other order than started.
            for (id, _) in ready.into_iter().rev() {
                completed.extend(queue.done(&lane, id).map(|write| write.0));
            }
        }
        assert_eq!(order, [vec![1, 2, 6], vec![3], vec![4], vec![5]]);
        assert_eq!(completed, [1, 2, 3, 4]);
        assert_eq!(queue.depth(), 0);
    }

    /// The rule itself, on random files and folders: whatever is under way, nothing that has started
    /// meets an earlier operation that is not done; and all is done in the end.
    #[test]
    fn what_is_under_way_meets_nothing_earlier() {
        let mut draw = 1u64;
        let mut random = |most: u64| {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (draw >> 33) % most
        };
        let lane = Lane::Framework(meseta_api::ids::FrameworkId::parse("f").unwrap());
        for _ in 0..200 {
            let mut queue = DiskQueue::default();
            let mut paths: Vec<PathBuf> = Vec::new();
            let (mut open, mut under_way) = (BTreeSet::new(), Vec::new());
            let mut pushed = 0;
            while pushed < 60 || !open.is_empty() {
                if pushed < 60 && random(3) > 0 {
                    let names = (0..1 + random(3)).map(|_| ["a", "ab", "b"][random(3) as usize]);
                    let path: PathBuf = ["/"].into_iter().chain(names).collect();
                    let operation = match random(2) {
                        0 => remove(&path),
                        _ => DiskOperation::Append(path.join("file"), vec![1]),
                    };
                    pushed += 1;
                    paths.push(operation.path().to_owned());
                    queue.push(WriteId(pushed), lane.clone(), vec![operation]);
                    open.insert(pushed);
                }
                for (id, operation) in queue.ready(&lane) {
                    assert_eq!(operation.path(), paths[id.0 as usize - 1]);
                    under_way.push(id);
                }
                for id in &under_way {
                    let path = &paths[id.0 as usize - 1];
                    for earlier in open.iter().filter(|earlier| **earlier < id.0) {
                        let other = &paths[*earlier as usize - 1];
                        assert!(!path.starts_with(other) && !other.starts_with(path));
                    }
                }
                assert!(open.is_empty() || !under_way.is_empty(), "nothing goes on");
                if !under_way.is_empty() && random(2) == 0 {
                    let id = under_way.swap_remove(random(under_way.len() as u64) as usize);
                    assert_eq!(queue.done(&lane, id), Some(WriteId(id.0)));
                    open.remove(&id.0);
                }
            }
            assert_eq!(queue.depth(), 0);
            assert!(queue.lanes.is_empty());
        }
    }

    #[test]
    fn no_more_than_the_disk_takes_at_once() {
        let (mut queue, lane) = (DiskQueue::default(), Lane::Agent);
        for n in 0..100 {
            queue.push(WriteId(n), lane.clone(), vec![append(&format!("/{n}"))]);
        }
        let first = queue.ready(&lane);
        assert_eq!((first.len(), queue.ready(&lane).len()), (MOST_AT_ONCE, 0));
        queue.done(&lane, first[0].0);
        assert_eq!(queue.ready(&lane).len(), 1);
    }

    #[test]
    fn a_write_of_nothing_is_complete() {
        assert!(DiskQueue::default().push(WriteId(1), Lane::Agent, Vec::new()));
    }
}
