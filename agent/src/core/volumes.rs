//! Persistent volumes (RES-12): where their data is, which tasks use them, and where in a sandbox
//! a task finds them.

use super::executor::Phase;
use super::model::Executor;
use super::Agent;
use crate::checkpoint::Layout;
use crate::containerizer::VolumeMount;
use meseta_api::ids::TaskId;
use meseta_api::resources::{stays_beneath, Entry, Resources};
use meseta_api::v1;
use std::path::PathBuf;

/// Where the data of a volume is; none of what is no volume.
pub(super) fn directory(layout: &Layout, entry: &Entry) -> Option<PathBuf> {
    let (role, id) = (entry.reserved_for()?, entry.persistence_id()?);
    let source = entry.descriptor().disk.as_ref().and_then(|disk| disk.source.as_ref());
    let root = source.and_then(|source| source.root.as_deref());
    Some(layout.volume(root, role, id))
}

/// Those of all volumes.
pub(super) fn directories(layout: &Layout, resources: &Resources) -> Vec<PathBuf> {
    resources.iter().filter_map(|entry| directory(layout, entry)).collect()
}

/// What of these resources of a task or an executor is to be found where in its sandbox.
pub(super) fn mounts<'a>(
    layout: &Layout,
    resources: impl Iterator<Item = &'a v1::Resource>,
) -> Result<Vec<VolumeMount>, String> {
    let mut mounts: Vec<VolumeMount> = Vec::new();
    for resource in resources {
        let volume = resource.disk.as_ref().and_then(|disk| disk.volume.as_ref());
        let Some(volume) = volume else { continue };
        let entry = Entry::from_v1(resource).map_err(|error| error.to_string())?;
        let Some(source) = directory(layout, &entry) else { continue };
        let container_path = PathBuf::from(&volume.container_path);
        if !stays_beneath(&volume.container_path) {
            return Err(format!("the container path of {entry} must stay in the sandbox"));
        }
        let mount = VolumeMount { source, container_path };
        let meets = |other: &&VolumeMount| {
            let (a, b) = (&other.container_path, &mount.container_path);
            a.starts_with(b) || b.starts_with(a)
        };
        match mounts.iter().find(meets) {
            None => mounts.push(mount),
            // A task and its executor name the same one.
            Some(other) if *other == mount => {}
            Some(_) => return Err(format!("two volumes are to be at the path of {entry}")),
        }
    }
    Ok(mounts)
}

/// Whether a resource can be there only because an operation made it.
pub(super) fn is_made(entry: &Entry) -> bool {
    entry.is_persistent_volume() || entry.descriptor().reservations.is_dynamic()
}

impl Agent {
    /// A task that has not ended and uses this volume, itself or by its executor.
    pub(super) fn user_of_volume(&self, volume: &Entry) -> Option<TaskId> {
        let wanted = directory(&self.settings.layout, volume)?;
        let uses = |resources: &[v1::Resource]| {
            let entries = resources.iter().filter_map(|resource| Entry::from_v1(resource).ok());
            let mut used = entries.filter_map(|e| directory(&self.settings.layout, &e));
            used.any(|used| used == wanted)
        };
        let executors = self.frameworks.values().flat_map(|framework| framework.executors.values());
        for executor in executors.filter(|executor| executor.is_busy()) {
            let by_executor = uses(&executor.info.resources);
            for (id, task) in executor.tasks() {
                let info = task.info.as_ref().filter(|_| !task.state.is_terminal());
                if info.is_some_and(|info| by_executor || uses(&info.resources)) {
                    return Some(id.clone());
                }
            }
        }
        None
    }

    /// What an executor and its tasks find in their sandbox.
    pub(super) fn volume_mounts(&self, executor: &Executor) -> Vec<VolumeMount> {
        let infos = executor.tasks().values().filter_map(|task| task.info.as_deref());
        let of_tasks = infos.flat_map(|info| &info.resources);
        let all = executor.info.resources.iter().chain(of_tasks);
        // Each was looked at when its task was taken.
        mounts(&self.settings.layout, all).unwrap_or_default()
    }

    /// Whether tasks have room beside all that runs here, with the executor that they bring
    /// (AGT-24). Masters see to that; but where operations change what there is, one may believe
    /// what is not, and a task that was launched all the same would be more than there is, for ever.
    pub(super) fn check_room(
        &self,
        tasks: &[v1::TaskInfo],
        executor: Option<&v1::ExecutorInfo>,
    ) -> Result<(), String> {
        let text = |error: meseta_api::resources::ResourcesError| error.to_string();
        let mut wanted = Resources::new();
        let of_tasks = tasks.iter().map(|task| &task.resources);
        for held in of_tasks.chain(executor.map(|executor| &executor.resources)) {
            let held = Resources::from_v1(held).map_err(text)?;
            wanted = wanted.checked_add(&held).map_err(|error| error.to_string())?;
        }
        if !self.account.is_changed() && !wanted.iter().any(is_made) {
            return Ok(());
        }
        let mut room = self.account.total.clone();
        let executors = self.frameworks.values().flat_map(|framework| framework.executors.values());
        for executor in executors.filter(|executor| executor.phase != Phase::Terminated) {
            let infos = executor.tasks().values().filter(|task| !task.state.is_terminal());
            let of_tasks =
                infos.filter_map(|task| task.info.as_deref()).map(|info| &info.resources);
            for held in of_tasks.chain([&executor.info.resources]) {
                let held = Resources::from_v1(held).map_err(text)?;
                let held = held.unallocate().map_err(|error| error.to_string())?;
                room = room.checked_sub(&held).unwrap_or(room);
            }
        }
        let wanted = wanted.unallocate().map_err(|error| error.to_string())?;
        room.checked_sub(&wanted).map(|_| ()).map_err(|error| error.to_string())
    }
}
