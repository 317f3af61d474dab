//! Builders and generators that the tests of resources share.

use meseta_api::ids::Role;
use meseta_api::resources::{Labels, Reservation, Resources, ScalarQuantities};
use meseta_api::v1;
use meseta_api::v1::resource::disk_info::source::Type as SourceType;
use meseta_api::v1::resource::disk_info::{Persistence, Source};
use meseta_api::v1::resource::{AllocationInfo, DiskInfo, RevocableInfo, SharedInfo};
use meseta_api::v1::value::Type as WireType;
use proptest::prelude::*;

pub(crate) fn res(text: &str) -> Resources {
    Resources::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn role(text: &str) -> Role {
    Role::parse(text).unwrap()
}

pub(crate) fn quantities(text: &str) -> ScalarQuantities {
    text.parse().unwrap()
}

pub(crate) fn dynamic(name: &str) -> Reservation {
    Reservation::dynamic(role(name), Some("alice".into()), Labels::default())
}

pub(crate) fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.into(),
        r#type: WireType::Scalar.into(),
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    }
}

pub(crate) fn ranges(name: &str, pairs: &[(u64, u64)]) -> v1::Resource {
    let range = |&(begin, end): &(u64, u64)| v1::value::Range { begin, end };
    v1::Resource {
        name: name.into(),
        r#type: WireType::Ranges.into(),
        ranges: Some(v1::value::Ranges { range: pairs.iter().map(range).collect() }),
        ..Default::default()
    }
}

pub(crate) fn set(name: &str, items: &[&str]) -> v1::Resource {
    v1::Resource {
        name: name.into(),
        r#type: WireType::Set.into(),
        set: Some(v1::value::Set { item: items.iter().map(|&item| item.to_owned()).collect() }),
        ..Default::default()
    }
}

/// A persistent volume statically reserved for `role`, mounted at `path`.
pub(crate) fn volume(role: &str, id: &str, path: &str, megabytes: f64) -> v1::Resource {
    v1::Resource {
        role: Some(role.into()),
        disk: Some(DiskInfo {
            persistence: Some(Persistence { id: id.into(), principal: None }),
            volume: Some(v1::Volume {
                container_path: path.into(),
                mode: v1::volume::Mode::Rw.into(),
                ..Default::default()
            }),
            source: None,
        }),
        ..scalar("disk", megabytes)
    }
}

pub(crate) fn shared_volume(role: &str, id: &str) -> v1::Resource {
    v1::Resource { shared: Some(SharedInfo::default()), ..volume(role, id, "data", 64.0) }
}

pub(crate) fn source_disk(kind: SourceType, megabytes: f64) -> v1::Resource {
    v1::Resource {
        disk: Some(DiskInfo {
            source: Some(Source { r#type: kind.into(), ..Default::default() }),
            ..Default::default()
        }),
        ..scalar("disk", megabytes)
    }
}

pub(crate) fn read(messages: &[v1::Resource]) -> Resources {
    Resources::from_v1(messages).unwrap_or_else(|error| panic!("{error}"))
}

/// Any of the messages that a small cluster could see; many pairs of them share a key.
pub(crate) fn any_message() -> impl Strategy<Value = v1::Resource> {
    let amount = (0u32..20_000).prop_map(|millis| f64::from(millis) / 1000.0);
    let ports = prop::collection::vec((0u64..40, 0u64..6), 0..4).prop_map(|mut starts| {
        starts.sort_unstable();
        let mut next = 0;
        let mut pairs = Vec::new();
        for (gap, length) in starts {
            pairs.push((next + gap, next + gap + length));
            next += gap + length + 1;
        }
        ranges("ports", &pairs)
    });
    let items = prop::collection::btree_set("[a-f]", 0..4)
        .prop_map(|items| set("devices", &items.iter().map(|s| &**s).collect::<Vec<_>>()));
    let plain = prop_oneof![
        4 => (prop::sample::select(vec!["cpus", "mem", "disk", "hats"]), amount)
            .prop_map(|(name, amount)| scalar(name, amount)),
        2 => ports,
        1 => items,
    ];
    let roles = prop::sample::select(vec![None, Some("*"), Some("eng"), Some("eng/web")]);
    let allocations = prop::sample::select(vec![None, Some("*"), Some("eng")]);
    let decorated = (plain, roles, any::<bool>()).prop_map(|(message, role, revocable)| {
        let revocable = revocable && message.name == "cpus";
        v1::Resource {
            role: role.map(str::to_owned),
            revocable: revocable.then(RevocableInfo::default),
            ..message
        }
    });
    let kinds = vec![SourceType::Path, SourceType::Mount, SourceType::Raw];
    let disks = prop_oneof![
        prop::sample::select(vec!["v1", "v2"]).prop_map(|id| volume("eng", id, "data", 64.0)),
        prop::sample::select(vec!["s1", "s2"]).prop_map(|id| shared_volume("eng", id)),
        (prop::sample::select(kinds), prop::sample::select(vec![10.0, 20.0]))
            .prop_map(|(kind, amount)| source_disk(kind, amount)),
    ];
    (prop_oneof![3 => decorated, 1 => disks], allocations).prop_map(|(message, role)| {
        v1::Resource {
            allocation_info: role.map(|role| AllocationInfo { role: Some(role.to_owned()) }),
            ..message
        }
    })
}

/// A few resources that can be together on one agent.
pub(crate) fn any_resources() -> impl Strategy<Value = Resources> {
    prop::collection::vec(any_message(), 0..8).prop_map(|messages| {
        messages.iter().fold(Resources::new(), |sum, message| {
            let one = read(std::slice::from_ref(message));
            sum.checked_add(&one).unwrap_or(sum)
        })
    })
}
