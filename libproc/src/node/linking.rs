//! Links as processes use them: to take one, to take it back, and what an end sets off.
//!
//! Lock order: peers, then processes, then links. No door is told and no frame is sent under a
//! lock, since a closed write gate ends the node from within a send.

use super::{lock, Node};
use crate::frame::Signal;
use crate::id::{Address, NodeId, ProcessId};
use crate::pid::Door;
use crate::process::{Exit, Reason};
use std::sync::Arc;

impl Node {
    pub(crate) fn link(&self, watcher: ProcessId, door: Arc<dyn Door>, target: &Address) {
        if let Err(reason) = self.try_link(watcher, &door, target) {
            let who = target.clone();
            door.signal(Signal::Exited(Exit { who, reason }));
        }
    }

    /// The table that says whether the target lives stays locked until the link is noted, so that
    /// the target cannot end, nor the connection to it break, in between without firing it.
    fn try_link(
        &self,
        watcher: ProcessId,
        door: &Arc<dyn Door>,
        target: &Address,
    ) -> Result<(), Reason> {
        if target.node == self.id() {
            let processes = lock(&self.0.processes);
            if !processes.contains_key(&target.id) {
                return Err(Reason::NoProcess);
            }
            lock(&self.0.links).watch(target, watcher, door.clone());
            return Ok(());
        }
        let peers = lock(&self.0.peers);
        let Some(connection) = peers.get(target.node) else {
            return Err(Reason::Unreachable("no connection to its node".into()));
        };
        let first = lock(&self.0.links).watch(target, watcher.clone(), door.clone());
        drop(peers);
        if first {
            connection.link(&watcher, &target.id);
        }
        Ok(())
    }

    pub(crate) fn unlink(&self, watcher: &ProcessId, target: &Address) {
        let noted = lock(&self.0.links).unwatch(target, watcher.as_str());
        if noted.is_some() {
            self.tell_unlink(watcher, target);
        }
    }

    fn tell_unlink(&self, watcher: &ProcessId, target: &Address) {
        let connection = lock(&self.0.peers).get(target.node);
        if let Some(connection) = connection {
            connection.unlink(watcher, &target.id);
        }
    }

    pub(crate) fn process_ended(&self, id: &ProcessId, reason: Reason) {
        let entry = lock(&self.0.processes).remove(id);
        if let Some(entry) = entry {
            let mut ended = lock(&self.0.ended);
            ended.entry(entry.door.kind()).or_default().ended(&entry.door.queue());
        }
        self.processes_changed();
        let who = Address { node: self.id(), id: id.clone() };
        let ended = lock(&self.0.links).ended(&who);
        for door in ended.local {
            let (who, reason) = (who.clone(), reason.clone());
            door.signal(Signal::Exited(Exit { who, reason }));
        }
        for (node, watcher) in ended.remote {
            self.tell_exit(node, watcher, id, &reason);
        }
        for target in ended.watched.iter().filter(|t| t.node != self.id()) {
            self.tell_unlink(id, target);
        }
        self.process_gone();
    }

    /// A process of another node wants to know when one of this node ends.
    pub(super) fn watched(&self, node: NodeId, watcher: ProcessId, target: ProcessId) {
        let processes = lock(&self.0.processes);
        if processes.contains_key(&target) {
            lock(&self.0.links).watched_by(target, node, watcher);
            return;
        }
        drop(processes);
        self.tell_exit(node, watcher, &target, &Reason::NoProcess);
    }
}
