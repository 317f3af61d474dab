//! Who wants to know when whom ends. A link leaves the table when it fires: so it fires once.

use crate::id::{Address, NodeId, ProcessId};
use crate::pid::Door;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

type LocalWatchers = Vec<Arc<dyn Door>>;
type RemoteWatchers = BTreeSet<(NodeId, ProcessId)>;

#[derive(Default)]
pub(crate) struct Links {
    /// Processes of this node that watch anything: target → watcher.
    watching: BTreeMap<Address, BTreeMap<ProcessId, Arc<dyn Door>>>,
    /// Processes of other nodes that watch one of this node.
    watched: BTreeMap<ProcessId, RemoteWatchers>,
}

impl Links {
    /// Notes a link of a local watcher; true if it is the watcher's first to this target.
    pub(crate) fn watch(
        &mut self,
        target: &Address,
        watcher: ProcessId,
        door: Arc<dyn Door>,
    ) -> bool {
        self.watching
            .entry(target.clone())
            .or_default()
            .insert(watcher, door)
            .is_none()
    }

    pub(crate) fn unwatch(&mut self, target: &Address, watcher: &ProcessId) {
        if let Some(watchers) = self.watching.get_mut(target) {
            watchers.remove(watcher);
            if watchers.is_empty() {
                self.watching.remove(target);
            }
        }
    }

    /// Notes a link of a watcher on another node.
    pub(crate) fn watched_by(&mut self, target: ProcessId, node: NodeId, watcher: ProcessId) {
        self.watched
            .entry(target)
            .or_default()
            .insert((node, watcher));
    }

    /// A process of this node ended: takes out everyone who is to be told, and its own links.
    pub(crate) fn ended(&mut self, who: &Address) -> (LocalWatchers, RemoteWatchers) {
        self.watching.retain(|_, watchers| {
            watchers.remove(&who.id);
            !watchers.is_empty()
        });
        let local = self
            .watching
            .remove(who)
            .unwrap_or_default()
            .into_values()
            .collect();
        (local, self.watched.remove(&who.id).unwrap_or_default())
    }

    /// Another node says that one of its processes ended: the local watcher, unless it was told.
    pub(crate) fn exited(&mut self, who: &Address, watcher: &str) -> Option<Arc<dyn Door>> {
        let watchers = self.watching.get_mut(who)?;
        let door = watchers.remove(watcher);
        if watchers.is_empty() {
            self.watching.remove(who);
        }
        door
    }

    /// The connection to a node broke: takes out every link across it.
    pub(crate) fn disconnected(&mut self, node: NodeId) -> Vec<(Address, Arc<dyn Door>)> {
        self.watched.retain(|_, watchers| {
            watchers.retain(|(watcher, _)| *watcher != node);
            !watchers.is_empty()
        });
        let across: Vec<Address> = self
            .watching
            .keys()
            .filter(|target| target.node == node)
            .cloned()
            .collect();
        let mut broken = Vec::new();
        for target in across {
            for door in self
                .watching
                .remove(&target)
                .unwrap_or_default()
                .into_values()
            {
                broken.push((target.clone(), door));
            }
        }
        broken
    }
}
