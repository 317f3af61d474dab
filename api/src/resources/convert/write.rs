//! From an entry to a `Resource` message.

use std::sync::Arc;

use v1::resource::disk_info::source::{self, Type as SourceType};
use v1::resource::disk_info::{self, Source};
use v1::resource::reservation_info::Type as ReservationType;
use v1::resource::{AllocationInfo, DiskInfo, ReservationInfo, RevocableInfo, SharedInfo};
use v1::value::Type as WireType;

use crate::ids::Role;
use crate::v1;

use super::super::disk::{Disk, DiskSource, DiskSourceKind};
use super::super::entry::Entry;
use super::super::labels::Labels;
use super::super::ranges::Ranges;
use super::super::reservation::{Reservation, ReservationKind};
use super::super::set::Set;
use super::super::value::Value;

/// With refinement: `reservations`, and no `role`.
pub(super) fn entry(entry: &Entry) -> v1::Resource {
    let descriptor = entry.descriptor();
    let mut message = v1::Resource {
        name: descriptor.name.to_string(),
        provider_id: descriptor.provider.as_ref().map(Into::into),
        allocation_info: entry.allocated_to().map(allocation),
        disk: descriptor.disk.as_ref().map(disk),
        revocable: descriptor.revocable.then(RevocableInfo::default),
        shared: descriptor.shared.then(SharedInfo::default),
        reservations: descriptor.reservations.as_slice().iter().map(reservation).collect(),
        ..Default::default()
    };
    set_value(&mut message, entry.value());
    message
}

/// Before refinement: `role`, and `reservation` if dynamic. The entry has at most one reservation.
pub(super) fn entry_pre_refinement(entry: &Entry) -> v1::Resource {
    let mut message = entry_endpoint(entry);
    message.reservations.clear();
    message
}

/// Both formats; a refined entry has only the one that can say it.
pub(super) fn entry_endpoint(entry: &Entry) -> v1::Resource {
    let mut message = self::entry(entry);
    match entry.descriptor().reservations.as_slice() {
        [] => message.role = Some(Role::default().to_string()),
        [only] => {
            message.role = Some(only.role.to_string());
            if only.kind == ReservationKind::Dynamic {
                message.reservation =
                    Some(ReservationInfo { r#type: None, role: None, ..reservation(only) });
            }
        }
        _ => {}
    }
    message
}

fn set_value(message: &mut v1::Resource, value: &Value) {
    let kind = match value {
        Value::Scalar(scalar) => {
            message.scalar = Some(v1::value::Scalar { value: scalar.to_f64() });
            WireType::Scalar
        }
        Value::Ranges(ranges) => {
            message.ranges = Some(self::ranges(ranges));
            WireType::Ranges
        }
        Value::Set(set) => {
            message.set = Some(self::set(set));
            WireType::Set
        }
    };
    message.r#type = kind.into();
}

fn ranges(ranges: &Ranges) -> v1::value::Ranges {
    let range =
        |range: &super::super::Range| v1::value::Range { begin: range.begin, end: range.end };
    v1::value::Ranges { range: ranges.as_slice().iter().map(range).collect() }
}

fn set(set: &Set) -> v1::value::Set {
    v1::value::Set { item: set.iter().map(str::to_owned).collect() }
}

fn allocation(role: &Role) -> AllocationInfo {
    AllocationInfo { role: Some(role.to_string()) }
}

fn reservation(reservation: &Reservation) -> ReservationInfo {
    let kind = match reservation.kind {
        ReservationKind::Static => ReservationType::Static,
        ReservationKind::Dynamic => ReservationType::Dynamic,
    };
    ReservationInfo {
        r#type: Some(kind.into()),
        role: Some(reservation.role.to_string()),
        principal: owned(&reservation.principal),
        labels: labels(&reservation.labels),
    }
}

fn disk(disk: &Disk) -> DiskInfo {
    let persistence = disk.persistence.as_ref();
    DiskInfo {
        persistence: persistence.map(|persistence| disk_info::Persistence {
            id: persistence.id.to_string(),
            principal: owned(&persistence.principal),
        }),
        volume: disk.volume.as_deref().cloned(),
        source: disk.source.as_ref().map(disk_source),
    }
}

fn disk_source(source: &DiskSource) -> Source {
    let root = owned(&source.root);
    let (kind, path, mount) = match source.kind {
        DiskSourceKind::Path => {
            let path = root.map(|root| source::Path { root: Some(root) });
            (SourceType::Path, path, None)
        }
        DiskSourceKind::Mount => {
            let mount = root.map(|root| source::Mount { root: Some(root) });
            (SourceType::Mount, None, mount)
        }
        DiskSourceKind::Block => (SourceType::Block, None, None),
        DiskSourceKind::Raw => (SourceType::Raw, None, None),
    };
    Source {
        r#type: kind.into(),
        path,
        mount,
        vendor: owned(&source.vendor),
        id: owned(&source.id),
        metadata: labels(&source.metadata),
        profile: owned(&source.profile),
    }
}

fn labels(labels: &Labels) -> Option<v1::Labels> {
    let label = |label: &super::super::Label| v1::Label {
        key: label.key.to_string(),
        value: owned(&label.value),
    };
    (!labels.is_empty()).then(|| v1::Labels { labels: labels.iter().map(label).collect() })
}

fn owned(text: &Option<Arc<str>>) -> Option<String> {
    text.as_deref().map(str::to_owned)
}
