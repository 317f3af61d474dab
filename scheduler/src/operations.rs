//! Operations for [`Driver::accept`](crate::Driver::accept), one function each. They apply in order,
//! each to what the earlier ones left: reserve, create a volume and launch on it in one ACCEPT.
//!
//! ```
//! use meseta_scheduler::operations::{create, launch, named, reserve};
//! # let (disk, volume, tasks) = (Default::default(), Default::default(), vec![]);
//! let operations = vec![
//!     reserve(vec![disk]),
//!     named("make-volume", create(vec![volume])),
//!     launch(tasks),
//! ];
//! # assert_eq!(operations.len(), 3);
//! ```

use meseta_api::v1;
use v1::offer::operation::{
    Create, Destroy, GrowVolume, Launch, LaunchGroup, Reserve, ShrinkVolume, Type, Unreserve,
};
use v1::offer::Operation;
use v1::resource::disk_info::Persistence;
use v1::resource::{DiskInfo, ReservationInfo};

fn of(kind: Type) -> Operation {
    Operation { r#type: Some(kind.into()), ..Default::default() }
}

/// Launches tasks. It cannot be [`named`]: tasks have statuses of their own.
pub fn launch(task_infos: Vec<v1::TaskInfo>) -> Operation {
    Operation { launch: Some(Launch { task_infos }), ..of(Type::Launch) }
}

/// Launches tasks together, all or none, for one executor, which hears of them in one event; on
/// agents where it runs already it is not started again. If one of the tasks is invalid, each is
/// TASK_ERROR. It cannot be [`named`].
pub fn launch_group(executor: v1::ExecutorInfo, tasks: Vec<v1::TaskInfo>) -> Operation {
    let launch_group = LaunchGroup { executor, task_group: v1::TaskGroupInfo { tasks } };
    Operation { launch_group: Some(launch_group), ..of(Type::LaunchGroup) }
}

/// Reserves resources: as they are to be, see [`reserved`].
pub fn reserve(resources: Vec<v1::Resource>) -> Operation {
    let reserve = Reserve { resources, source: Vec::new() };
    Operation { reserve: Some(reserve), ..of(Type::Reserve) }
}

/// Takes the most specific reservation off resources, which are given as they are.
pub fn unreserve(resources: Vec<v1::Resource>) -> Operation {
    Operation { unreserve: Some(Unreserve { resources }), ..of(Type::Unreserve) }
}

/// Makes persistent volumes of reserved disk space: as they are to be, see [`volume`].
pub fn create(volumes: Vec<v1::Resource>) -> Operation {
    Operation { create: Some(Create { volumes }), ..of(Type::Create) }
}

/// Destroys persistent volumes with all that is in them.
pub fn destroy(volumes: Vec<v1::Resource>) -> Operation {
    Operation { destroy: Some(Destroy { volumes }), ..of(Type::Destroy) }
}

/// Makes a volume larger by disk space that is reserved alike. It comes with the next offer.
pub fn grow(volume: v1::Resource, addition: v1::Resource) -> Operation {
    Operation { grow_volume: Some(GrowVolume { volume, addition }), ..of(Type::GrowVolume) }
}

/// Makes a volume smaller by this many megabytes. It comes with the next offer.
pub fn shrink(volume: v1::Resource, megabytes: f64) -> Operation {
    let subtract = v1::value::Scalar { value: megabytes };
    Operation { shrink_volume: Some(ShrinkVolume { volume, subtract }), ..of(Type::ShrinkVolume) }
}

/// The operation under a name of the framework's: what becomes of it is told to
/// [`Scheduler::operation`](crate::Scheduler::operation). A name is free again once its last
/// status was told.
pub fn named(id: &str, operation: Operation) -> Operation {
    Operation { id: Some(id.into()), ..operation }
}

/// A resource, reserved for `role` beneath what it is reserved for already. `principal` is the
/// framework's own.
pub fn reserved(mut resource: v1::Resource, role: &str, principal: Option<&str>) -> v1::Resource {
    // As a framework without RESERVATION_REFINEMENT is offered it.
    let before = resource.reservation.take();
    if let Some(of) = resource.role.take().filter(|of| of != "*") {
        use v1::resource::reservation_info::Type as Kind;
        let kind = if before.is_some() { Kind::Dynamic } else { Kind::Static };
        resource.reservations.push(ReservationInfo {
            r#type: Some(kind.into()),
            role: Some(of),
            ..before.unwrap_or_default()
        });
    }
    resource.reservations.push(ReservationInfo {
        r#type: Some(v1::resource::reservation_info::Type::Dynamic.into()),
        role: Some(role.to_owned()),
        principal: principal.map(str::to_owned),
        labels: None,
    });
    resource
}

/// Reserved disk space as the persistent volume `id`, which its tasks find at `container_path`
/// in their sandbox. `principal` is the framework's own.
pub fn volume(
    mut disk: v1::Resource,
    id: &str,
    container_path: &str,
    principal: Option<&str>,
) -> v1::Resource {
    let source = disk.disk.and_then(|disk| disk.source);
    disk.disk = Some(DiskInfo {
        persistence: Some(Persistence {
            id: id.to_owned(),
            principal: principal.map(str::to_owned),
        }),
        volume: Some(v1::Volume {
            container_path: container_path.to_owned(),
            mode: v1::volume::Mode::Rw.into(),
            ..Default::default()
        }),
        source,
    });
    disk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_in_the_older_notation_can_be_reserved() {
        let plain = v1::Resource { role: Some("*".into()), ..Default::default() };
        let own = reserved(plain, "r", Some("alice"));
        assert_eq!((own.role.as_deref(), own.reservations.len()), (None, 1));
        let below = v1::Resource {
            role: Some("q".into()),
            reservation: Some(ReservationInfo {
                principal: Some("bob".into()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let own = reserved(below, "q/r", None);
        let roles: Vec<_> = own.reservations.iter().map(|one| one.role.as_deref()).collect();
        assert_eq!(roles, [Some("q"), Some("q/r")]);
        assert_eq!(own.reservations[0].principal.as_deref(), Some("bob"));
        let kind = v1::resource::reservation_info::Type::Dynamic.into();
        assert!(own.reservations.iter().all(|one| one.r#type == Some(kind)));
    }
}
