//! Who wants to know when whom ends. A link leaves the table when it fires: so it fires once.

use crate::id::{Address, NodeId, ProcessId};
use crate::pid::Door;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) type Watchers = BTreeMap<ProcessId, Arc<dyn Door>>;

#[derive(Default)]
pub(crate) struct Links {
    /// Processes of this node that watch anything: target → watcher.
    watching: BTreeMap<Address, Watchers>,
    /// The same turned round, so that a watcher's end costs no walk over all targets.
    targets: BTreeMap<ProcessId, BTreeSet<Address>>,
    /// Processes of other nodes that watch one of this node.
    watched: BTreeMap<ProcessId, BTreeSet<(NodeId, ProcessId)>>,
}

/// What a process's end leaves to do.
pub(crate) struct Ended {
    /// Watchers on this node.
    pub(crate) local: Vec<Arc<dyn Door>>,
    /// Watchers on other nodes.
    pub(crate) remote: BTreeSet<(NodeId, ProcessId)>,
    /// Whom it watched itself.
    pub(crate) watched: BTreeSet<Address>,
}

impl Links {
    /// Notes a link of a local watcher; true if it is the watcher's first to this target.
    pub(crate) fn watch(
        &mut self,
        target: &Address,
        watcher: ProcessId,
        door: Arc<dyn Door>,
    ) -> bool {
        let targets = self.targets.entry(watcher.clone()).or_default();
        targets.insert(target.clone());
        let watchers = self.watching.entry(target.clone()).or_default();
        watchers.insert(watcher, door).is_none()
    }

    /// Takes a link out; the watcher's door if it was there.
    pub(crate) fn unwatch(&mut self, target: &Address, watcher: &str) -> Option<Arc<dyn Door>> {
        let watchers = self.watching.get_mut(target)?;
        let door = watchers.remove(watcher);
        if watchers.is_empty() {
            self.watching.remove(target);
        }
        self.forget(watcher, target);
        door
    }

    /// Whom a process of this node watches, and who watches it.
    pub(crate) fn of(&self, who: &Address) -> (Vec<String>, Vec<String>) {
        let targets = self.targets.get(&who.id).into_iter().flatten();
        let local = self.watching.get(who).into_iter().flat_map(BTreeMap::keys);
        let remote = self.watched.get(&who.id).into_iter().flatten();
        let here = local.map(|id| format!("{id}@{}", who.node));
        let there = remote.map(|(node, id)| format!("{id}@{node}"));
        (targets.map(Address::to_string).collect(), here.chain(there).collect())
    }

    /// Takes every link to a target out.
    pub(crate) fn unwatch_all(&mut self, target: &Address) -> Watchers {
        let watchers = self.watching.remove(target).unwrap_or_default();
        for watcher in watchers.keys() {
            self.forget(watcher.as_str(), target);
        }
        watchers
    }

    fn forget(&mut self, watcher: &str, target: &Address) {
        if let Some(targets) = self.targets.get_mut(watcher) {
            targets.remove(target);
            if targets.is_empty() {
                self.targets.remove(watcher);
            }
        }
    }

    /// Notes a link of a watcher on another node.
    pub(crate) fn watched_by(&mut self, target: ProcessId, node: NodeId, watcher: ProcessId) {
        let watchers = self.watched.entry(target).or_default();
        watchers.insert((node, watcher));
    }

    /// A watcher on another node took its link back, or ended.
    pub(crate) fn unwatched_by(&mut self, target: &ProcessId, node: NodeId, watcher: ProcessId) {
        if let Some(watchers) = self.watched.get_mut(target) {
            watchers.remove(&(node, watcher));
            if watchers.is_empty() {
                self.watched.remove(target);
            }
        }
    }

    /// Takes out every link of a watcher on another node; whom it watched here.
    pub(crate) fn unwatched_all_by(&mut self, node: NodeId, watcher: &ProcessId) -> Vec<ProcessId> {
        let (one, mut targets) = ((node, watcher.clone()), Vec::new());
        self.watched.retain(|target, watchers| {
            if watchers.remove(&one) {
                targets.push(target.clone());
            }
            !watchers.is_empty()
        });
        targets
    }

    /// A process of this node ended: takes out everyone who is to be told, and its own links.
    pub(crate) fn ended(&mut self, who: &Address) -> Ended {
        let watched = self.targets.remove(&who.id).unwrap_or_default();
        for target in &watched {
            self.unwatch(target, who.id.as_str());
        }
        let local = self.unwatch_all(who);
        Ended {
            local: local.into_values().collect(),
            remote: self.watched.remove(&who.id).unwrap_or_default(),
            watched,
        }
    }

    /// The connection to a node broke: takes out every link across it.
    pub(crate) fn disconnected(&mut self, node: NodeId) -> Vec<(Address, Arc<dyn Door>)> {
        self.watched.retain(|_, watchers| {
            watchers.retain(|(watcher, _)| *watcher != node);
            !watchers.is_empty()
        });
        let across: Vec<Address> =
            self.watching.keys().filter(|target| target.node == node).cloned().collect();
        let mut broken = Vec::new();
        for target in across {
            let watchers = self.unwatch_all(&target);
            broken.extend(watchers.into_values().map(|door| (target.clone(), door)));
        }
        broken
    }
}
