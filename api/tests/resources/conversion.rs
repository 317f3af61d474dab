//! What offer operations make of resources (OP-03 to OP-05, B18).

use crate::common::{read, res, role, scalar, shared_volume, source_disk, volume};
use meseta_api::resources::{Conversion, Resources};
use meseta_api::v1;
use meseta_api::v1::offer::operation::{self, Type};
use meseta_api::v1::offer::Operation;
use meseta_api::v1::resource::disk_info::source::Type as SourceType;
use meseta_api::v1::resource::ReservationInfo;

/// Boxed, because a message has room for every kind of operation.
fn of(kind: Type, fill: impl FnOnce(&mut Operation)) -> Box<Operation> {
    let mut operation = Box::new(Operation { r#type: Some(kind.into()), ..Default::default() });
    fill(&mut operation);
    operation
}

fn reserve(resources: Vec<v1::Resource>) -> Box<Operation> {
    let reserve = operation::Reserve { resources, source: vec![] };
    of(Type::Reserve, |operation| operation.reserve = Some(reserve))
}

fn unreserve(resources: Vec<v1::Resource>) -> Box<Operation> {
    of(Type::Unreserve, |o| o.unreserve = Some(operation::Unreserve { resources }))
}

fn create(volumes: Vec<v1::Resource>) -> Box<Operation> {
    of(Type::Create, |operation| operation.create = Some(operation::Create { volumes }))
}

fn destroy(volumes: Vec<v1::Resource>) -> Box<Operation> {
    of(Type::Destroy, |operation| operation.destroy = Some(operation::Destroy { volumes }))
}

fn grow(volume: v1::Resource, addition: v1::Resource) -> Box<Operation> {
    of(Type::GrowVolume, |o| o.grow_volume = Some(operation::GrowVolume { volume, addition }))
}

fn shrink(volume: v1::Resource, value: f64) -> Box<Operation> {
    let subtract = v1::value::Scalar { value };
    of(Type::ShrinkVolume, |o| {
        o.shrink_volume = Some(operation::ShrinkVolume { volume, subtract });
    })
}

/// Reserved at run time for `to`, beneath what is reserved already.
fn reserved(mut resource: v1::Resource, to: &str) -> v1::Resource {
    if let Some(fixed) = resource.role.take() {
        resource.reservations.push(ReservationInfo {
            r#type: Some(v1::resource::reservation_info::Type::Static.into()),
            role: Some(fixed),
            ..Default::default()
        });
    }
    resource.reservations.push(ReservationInfo {
        r#type: Some(v1::resource::reservation_info::Type::Dynamic.into()),
        role: Some(to.into()),
        principal: Some("alice".into()),
        labels: None,
    });
    resource
}

fn in_role(resource: v1::Resource, role: &str) -> v1::Resource {
    v1::Resource { role: Some(role.into()), ..resource }
}

fn apply(operation: &Operation, whole: &Resources) -> Result<Resources, String> {
    let conversion = Conversion::of(operation).map_err(|error| error.to_string())?;
    conversion.apply(whole).map_err(|error| error.to_string())
}

#[test]
fn each_operation_is_undone_by_its_opposite() {
    let whole = res("cpus:4;disk(eng):100");
    let part = vec![reserved(scalar("cpus", 1.5), "eng")];
    let some = apply(&reserve(part.clone()), &whole).unwrap();
    assert_eq!(some.reserved_for(&role("eng")).cpus().to_f64(), 1.5);
    assert_eq!(some.quantities(), whole.quantities());
    assert_eq!(apply(&unreserve(part), &some).unwrap(), whole);

    let volumes = vec![volume("eng", "v", "data", 64.0), volume("eng", "w", "more", 16.0)];
    let some = apply(&create(volumes.clone()), &whole).unwrap();
    assert_eq!(some.persistent_volumes().len(), 2);
    assert_eq!(some.quantities(), whole.quantities());
    assert_eq!(apply(&destroy(volumes), &some).unwrap(), whole);

    let with_volume = apply(&create(vec![volume("eng", "v", "data", 64.0)]), &whole).unwrap();
    let addition = in_role(scalar("disk", 10.0), "eng");
    let grown = apply(&grow(volume("eng", "v", "data", 64.0), addition), &with_volume).unwrap();
    assert_eq!(grown.persistent_volumes().disk().to_f64(), 74.0);
    let back = apply(&shrink(volume("eng", "v", "data", 74.0), 10.0), &grown).unwrap();
    assert_eq!(back, with_volume);
}

/// RES-10.
#[test]
fn a_reservation_refines_the_one_below() {
    let whole = res("cpus(eng):4");
    let refined = vec![reserved(in_role(scalar("cpus", 1.0), "eng"), "eng/web")];
    let some = apply(&reserve(refined.clone()), &whole).unwrap();
    assert_eq!(some.reserved_for(&role("eng/web")).cpus().to_f64(), 1.0);
    assert_eq!(apply(&unreserve(refined), &some).unwrap(), whole);
}

#[test]
fn what_is_allocated_stays_allocated() {
    let whole = res("cpus:4").allocate(&role("eng")).unwrap();
    let mut part = reserved(scalar("cpus", 1.0), "eng");
    part.allocation_info = Some(v1::resource::AllocationInfo { role: Some("eng".into()) });
    let conversion = Conversion::of(&reserve(vec![part])).unwrap();
    let some = conversion.apply(&whole).unwrap();
    assert!(some.iter().all(|entry| entry.allocated_to() == Some(&role("eng"))));
    let plain = conversion.unallocate().unwrap();
    assert_eq!(plain.apply(&res("cpus:4")).unwrap(), some.unallocate().unwrap());
}

#[test]
fn what_cannot_be_converted_says_why() {
    let whole = res("cpus:4;disk(eng):100");
    let with = |change: fn(&mut v1::Volume)| {
        let mut resource = volume("eng", "v", "data", 1.0);
        if let Some(volume) = resource.disk.as_mut().and_then(|disk| disk.volume.as_mut()) {
            change(volume);
        }
        create(vec![resource])
    };
    let mut provided = reserved(scalar("cpus", 1.0), "eng");
    provided.provider_id = Some("p".into());
    let mut on_mount = volume("eng", "v", "data", 1.0);
    let mount = source_disk(SourceType::Mount, 1.0).disk.and_then(|disk| disk.source);
    on_mount.disk.get_or_insert_default().source = mount;
    let long = vec!["a".repeat(100); 3].join("/");
    let eng_volume = || volume("eng", "v", "data", 1.0);
    let disk = |megabytes| in_role(scalar("disk", megabytes), "eng");
    let cases = [
        (of(Type::Launch, |_| {}), "operation 'LAUNCH' does not convert resources"),
        (of(Type::CreateDisk, |_| {}), "operation 'CREATE_DISK' does not convert resources"),
        (of(Type::Reserve, |_| {}), "Expecting 'reserve' to be present"),
        (of(Type::Unreserve, |_| {}), "Expecting 'unreserve' to be present"),
        (of(Type::Create, |_| {}), "Expecting 'create' to be present"),
        (of(Type::Destroy, |_| {}), "Expecting 'destroy' to be present"),
        (of(Type::GrowVolume, |_| {}), "Expecting 'grow_volume' to be present"),
        (of(Type::ShrinkVolume, |_| {}), "Expecting 'shrink_volume' to be present"),
        (reserve(vec![]), "names no resources"),
        (reserve(vec![scalar("cpus", -1.0)]), "amount is negative"),
        (reserve(vec![scalar("cpus", 1.0)]), "cpus:1 is not dynamically reserved"),
        (reserve(vec![in_role(scalar("cpus", 1.0), "eng")]), "is not dynamically reserved"),
        (unreserve(vec![in_role(scalar("cpus", 1.0), "eng")]), "is not dynamically reserved"),
        (reserve(vec![provided]), "a resource provider's resource"),
        (reserve(vec![reserved(scalar("cpus", 5.0), "eng")]), "cpus:5 is not available"),
        (unreserve(vec![reserved(scalar("cpus", 1.0), "eng")]), "is not available: there is none"),
        (
            unreserve(vec![reserved(eng_volume(), "eng/web")]),
            "a persistent volume cannot be reserved or unreserved",
        ),
        (create(vec![scalar("cpus", 1.0)]), "cpus:1 is not a persistent volume"),
        (create(vec![shared_volume("eng", "v")]), "shared persistent volume"),
        (create(vec![on_mount]), "this kind of disk"),
        (with(|volume| volume.mode = v1::volume::Mode::Ro.into()), "must have the mode RW"),
        (with(|volume| volume.container_path = "/data".into()), "must be relative"),
        (with(|volume| volume.container_path = "a/../../b".into()), "must be relative"),
        (with(|volume| volume.container_path = "./a".into()), "must be relative"),
        (with(|volume| volume.container_path = String::new()), "must be relative"),
        (create(vec![volume(&long, "v", "data", 1.0)]), "no directory has such a name"),
        (create(vec![volume("eng", "v", "data", 101.0)]), "disk(eng):101 is not available"),
        (create(vec![volume("ops", "v", "data", 1.0)]), "is not available: there is none"),
        (destroy(vec![eng_volume()]), "is not available: there is none"),
        (destroy(vec![disk(1.0)]), "is not a persistent volume"),
        (grow(eng_volume(), disk(0.0)), "cannot be added"),
        (grow(eng_volume(), scalar("disk", 1.0)), "cannot be added"),
        (grow(disk(1.0), disk(1.0)), "is not a persistent volume"),
        (shrink(eng_volume(), 1.0), "less than all of it"),
        (shrink(eng_volume(), 0.0), "more than nothing"),
        (shrink(eng_volume(), f64::NAN), "NaN"),
    ];
    for (operation, words) in cases {
        let why = apply(&operation, &whole).expect_err(words);
        assert!(why.contains(words), "{why} lacks {words}");
    }
}

#[test]
fn an_operator_reserves_anew_in_one_step() {
    let anew = |source, resources| {
        let reserve = operation::Reserve { source, resources };
        of(Type::Reserve, |operation| operation.reserve = Some(reserve))
    };
    let eng = reserved(scalar("cpus", 1.0), "eng");
    let ops = reserved(scalar("cpus", 1.0), "ops");
    let whole = apply(&reserve(vec![eng.clone()]), &res("cpus:2")).unwrap();
    let moved = apply(&anew(vec![eng.clone()], vec![ops.clone()]), &whole).unwrap();
    assert_eq!(moved.reserved_for(&role("ops")).cpus().to_f64(), 1.0);
    let freed = apply(&anew(vec![ops], vec![scalar("cpus", 1.0)]), &moved).unwrap();
    assert_eq!(freed, res("cpus:2"));
    let more = anew(vec![eng], vec![reserved(scalar("cpus", 2.0), "ops")]);
    assert!(apply(&more, &whole).unwrap_err().contains("is not what it is to be reserved from"));
}

#[test]
fn a_volume_is_destroyed_wherever_it_is_mounted() {
    let whole = read(&[volume("eng", "v", "data", 64.0)]);
    let elsewhere = destroy(vec![volume("eng", "v", "other/place", 64.0)]);
    assert_eq!(apply(&elsewhere, &whole).unwrap(), res("disk(eng):64"));
}
