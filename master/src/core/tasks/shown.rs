//! [`Shown`]: what a task only has to show, as bytes.
//!
//! Nothing of it is ever decided upon, so it is decoded when somebody reads: `common` and
//! `label_keys` are shared by all tasks that are alike ([`Common`]), `own` is this task's.

use super::common::Common;
use super::statuses::Statuses;
use meseta_api::codec::Codec;
use meseta_api::resources::Resources;
use meseta_api::v1;
use std::mem::take;
use std::sync::Arc;

/// The parts of a [`v1::Task`] that the master does not look at, as protobuf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// User, container, discovery, health check, kill policy, limits: those of all instances.
    common: Arc<[u8]>,
    /// A `Labels` without values.
    label_keys: Arc<[u8]>,
    /// Name, labels without keys, and resources where they were written in another way than
    /// [`Resources::to_v1`] writes them.
    own: Box<[u8]>,
    pub(super) statuses: Statuses,
}

impl Shown {
    /// Of a task that holds `resources`. Ids, state and statuses of `view` are the caller's to
    /// keep.
    pub(super) fn new(mut view: v1::Task, resources: &Resources, statuses: Statuses) -> Self {
        let common = v1::Task {
            user: view.user.take(),
            container: view.container.take(),
            discovery: view.discovery.take(),
            health_check: view.health_check.take(),
            kill_policy: view.kill_policy.take(),
            limits: take(&mut view.limits),
            ..Default::default()
        };
        let mut keys = v1::Labels::default();
        for label in view.labels.iter_mut().flat_map(|labels| &mut labels.labels) {
            keys.labels.push(v1::Label { key: take(&mut label.key), value: None });
        }
        let canonical = resources.to_v1() == view.resources;
        let own = v1::Task {
            name: view.name,
            labels: view.labels,
            resources: if canonical { Vec::new() } else { view.resources },
            ..Default::default()
        };
        Shown {
            common: encode(&common).into(),
            label_keys: encode(&keys).into(),
            own: encode(&own).into(),
            statuses,
        }
    }

    /// What [`Shown::new`] was given, without what that does not keep.
    pub(super) fn view(&self, resources: &Resources) -> v1::Task {
        let common: v1::Task = decode(&self.common);
        let keys: v1::Labels = decode(&self.label_keys);
        let own: v1::Task = decode(&self.own);
        let mut labels = own.labels;
        let values = labels.iter_mut().flat_map(|labels| &mut labels.labels);
        for (label, key) in values.zip(keys.labels) {
            label.key = key.key;
        }
        // A task that was shown without resources has none.
        let canonical = own.resources.is_empty();
        let resources = if canonical { resources.to_v1() } else { own.resources };
        v1::Task { name: own.name, labels, resources, ..common }
    }

    /// Shares with the other tasks what they have in common.
    pub(super) fn share(&mut self, common: &mut Common) {
        common.share(&mut self.common);
        common.share(&mut self.label_keys);
    }

    /// Takes back [`Shown::share`]; what was shared stays readable.
    pub(super) fn release(&self, common: &mut Common) {
        common.release(&self.common);
        common.release(&self.label_keys);
    }
}

fn encode<T: meseta_api::message::V1Message>(message: &T) -> Vec<u8> {
    Codec::Protobuf.encode(message)
}

fn decode<T: meseta_api::message::V1Message>(bytes: &[u8]) -> T {
    // What this file encoded can be decoded.
    Codec::Protobuf.decode(bytes).unwrap_or_default()
}
