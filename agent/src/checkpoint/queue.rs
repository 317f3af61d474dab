//! In which order operations on the disk are carried out: as many at once as possible, and never
//! two that touch the same path, or one above the other, out of order.
//!
//! Pure: [`DiskQueue::push`] takes a write, [`DiskQueue::ready`] says what may start now, and
//! [`DiskQueue::done`] takes what is finished and says which write that completes.

use super::DiskOperation;
use crate::core::effect::Lane;
use crate::core::ids::WriteId;
use std::collections::{BTreeMap, VecDeque};

/// How many operations of a lane are looked at: enough to keep a disk busy, and a bound for the
/// search for conflicts.
const WINDOW: usize = 64;

/// One operation within the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperationId(u64);

#[derive(Debug)]
struct Waiting {
    id: OperationId,
    write: WriteId,
    operation: DiskOperation,
    started: bool,
}

/// Operations that are not done, by lane.
#[derive(Debug, Default)]
pub struct DiskQueue {
    lanes: BTreeMap<Lane, VecDeque<Waiting>>,
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
        let waiting = self.lanes.entry(lane).or_default();
        for operation in operations {
            self.next += 1;
            let id = OperationId(self.next);
            waiting.push_back(Waiting { id, write, operation, started: false });
        }
        false
    }

    /// What may start now in a lane; each operation is given out once.
    pub fn ready(&mut self, lane: &Lane) -> Vec<(OperationId, DiskOperation)> {
        let Some(waiting) = self.lanes.get_mut(lane) else {
            return Vec::new();
        };
        let mut ready = Vec::new();
        for at in 0..waiting.len().min(WINDOW) {
            let mut earlier = waiting.iter().take(at);
            let this = &waiting[at];
            if this.started || earlier.any(|other| conflict(&other.operation, &this.operation)) {
                continue;
            }
            ready.push((this.id, this.operation.clone()));
            waiting[at].started = true;
        }
        ready
    }

    /// An operation is durable; the write that is complete with it.
    pub fn done(&mut self, lane: &Lane, id: OperationId) -> Option<WriteId> {
        let waiting = self.lanes.get_mut(lane)?;
        let at = waiting.iter().position(|waiting| waiting.id == id)?;
        let write = waiting.remove(at)?.write;
        if waiting.is_empty() {
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

fn conflict(a: &DiskOperation, b: &DiskOperation) -> bool {
    a.path().starts_with(b.path()) || b.path().starts_with(a.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(path: &str) -> DiskOperation {
        DiskOperation::Append(path.into(), vec![1])
    }

    fn remove(path: &str) -> DiskOperation {
        DiskOperation::Remove(path.into())
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

    #[test]
    fn a_write_of_nothing_is_complete() {
        assert!(DiskQueue::default().push(WriteId(1), Lane::Agent, Vec::new()));
    }
}
