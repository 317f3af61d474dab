//! Where things lie in etcd.
//!
//! ```text
//! /meseta/<cluster>/identity         JSON: registry id and generation
//! /meseta/<cluster>/commit           JSON: mark of the last transaction
//! /meseta/<cluster>/leader           JSON: the leader's address; bound to its lease
//! /meseta/<cluster>/registry/<key>   one object
//! ```
//! There is one leader key, not one per candidate: its create revision *is* the term's counter,
//! so that a transaction can be fenced knowing nothing but its writer's term.

use crate::store::address::ClusterName;
use crate::store::key::Key;

/// The keys of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) identity: String,
    pub(crate) commit: String,
    pub(crate) leader: String,
    /// Ends with `/`.
    registry: String,
}

impl Layout {
    pub(crate) fn new(cluster: &ClusterName) -> Self {
        Layout {
            identity: format!("/meseta/{cluster}/identity"),
            commit: format!("/meseta/{cluster}/commit"),
            leader: format!("/meseta/{cluster}/leader"),
            registry: format!("/meseta/{cluster}/registry/"),
        }
    }

    pub(crate) fn object(&self, key: &Key) -> String {
        format!("{}{key}", self.registry)
    }

    /// The first key of all objects, and the first one behind them.
    pub(crate) fn objects(&self) -> (Vec<u8>, Vec<u8>) {
        let start = self.registry.clone().into_bytes();
        let mut end = start.clone();
        // `0` is the character behind `/`.
        *end.last_mut().expect("the prefix is not empty") = b'0';
        (start, end)
    }

    /// The store's name of what etcd calls `key`.
    pub(crate) fn object_key(&self, key: &[u8]) -> Option<Key> {
        let key = std::str::from_utf8(key).ok()?.strip_prefix(&self.registry)?;
        Key::new(key).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_one_cluster_are_one_range() {
        let layout = Layout::new(&"prod".parse().unwrap());
        let key = Key::new("agents/a1").unwrap();
        let (start, end) = layout.objects();
        let object = layout.object(&key);
        assert_eq!(object, "/meseta/prod/registry/agents/a1");
        assert!(start.as_slice() < object.as_bytes() && object.as_bytes() < end.as_slice());
        assert!(!(start.as_slice()..end.as_slice()).contains(&layout.leader.as_bytes()));
        assert_eq!(layout.object_key(object.as_bytes()), Some(key));
        assert_eq!(layout.object_key(b"/meseta/prod/leader"), None);
    }
}
