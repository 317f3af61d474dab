//! Resources on the wire: formats, round trips, and everything a client can get wrong.

use crate::common::*;
use meseta_api::resources::{Resources, ResourcesError, MAX_RANGES, MAX_SET_ITEMS};
use meseta_api::v1;
use meseta_api::v1::resource::disk_info::source::{Mount, Path, Type as SourceType};
use meseta_api::v1::resource::reservation_info::Type as ReservationType;
use meseta_api::v1::resource::{AllocationInfo, DiskInfo, ReservationInfo};
use meseta_api::v1::value::Type as WireType;
use proptest::prelude::*;

fn info(kind: ReservationType, role: &str) -> ReservationInfo {
    ReservationInfo { r#type: Some(kind.into()), role: Some(role.into()), ..Default::default() }
}

fn reserved(reservations: Vec<ReservationInfo>) -> v1::Resource {
    v1::Resource { reservations, ..scalar("cpus", 1.0) }
}

fn with_role(role: &str) -> v1::Resource {
    v1::Resource { role: Some(role.into()), ..scalar("cpus", 1.0) }
}

/// The text of the refusal.
fn refusal(messages: &[v1::Resource]) -> String {
    match Resources::from_v1(messages) {
        Ok(resources) => panic!("accepted as {resources}"),
        Err(error) => error.to_string(),
    }
}

fn assert_refused(message: v1::Resource, reason: &str) {
    let text = refusal(std::slice::from_ref(&message));
    assert!(text.ends_with(reason), "{text:?} does not end with {reason:?}");
}

#[test]
fn bad_scalars() {
    for (value, reason) in [
        (f64::NAN, "amount is NaN or infinite"),
        (f64::INFINITY, "amount is NaN or infinite"),
        (f64::NEG_INFINITY, "amount is NaN or infinite"),
        (-0.001, "amount is negative"),
        (1e308, "amount is too large to be exact to three decimals"),
    ] {
        assert_refused(scalar("cpus", value), reason);
    }
    for (value, expected) in
        [(-0.0, ""), (1e-9, ""), (0.0005, "cpus:0.001"), (1e12, "cpus:1000000000000")]
    {
        assert_eq!(read(&[scalar("cpus", value)]).to_string(), expected);
    }
    assert_refused(scalar("gpus", 0.5), "must be a whole number");
}

#[test]
fn sums_that_overflow() {
    let many = vec![scalar("mem", 1e12); 10_000];
    assert_eq!(refusal(&many), "sum of 'mem' overflows");
    // Two already have a sum, but not one that a double can carry to the agent and back.
    assert_eq!(refusal(&many[..2]), "sum of 'mem' overflows");
}

#[test]
fn bad_ranges() {
    assert_refused(ranges("ports", &[(5, 4)]), "range 5-4 is inverted");
    assert_refused(ranges("ports", &[(1, 5), (5, 9)]), "5-5 is in more than one range");
    assert_refused(ranges("ports", &[(1, 65_536)]), "port 65536 is above 65535");
    let million: Vec<_> = (0..1_000_000).map(|n| (n * 2, n * 2)).collect();
    assert_refused(ranges("slots", &million), &format!("more than {MAX_RANGES} ranges"));
    let top = read(&[ranges("slots", &[(u64::MAX, u64::MAX), (7, u64::MAX - 1)])]);
    assert_eq!(top.to_string(), "slots:[7-18446744073709551615]");
    let text = refusal(&[ranges("ports", &[(1, 5)]), ranges("ports", &[(5, 6)])]);
    assert_eq!(text, "resources 'ports': 5-5 is in more than one range");
    let reserved = v1::Resource { role: Some("eng".into()), ..ranges("ports", &[(5, 6)]) };
    let text = refusal(&[ranges("ports", &[(1, 5)]), reserved]);
    assert_eq!(text, "resources 'ports': 5-5 is in more than one range");
}

#[test]
fn many_resources_of_one_port_each() {
    // Quadratic sums would take minutes.
    let many = |count: u64| -> Vec<_> {
        (0..count).rev().map(|n| ranges("slots", &[(2 * n, 2 * n)])).collect()
    };
    let all = read(&many(MAX_RANGES as u64));
    assert_eq!(all.len(), 1);
    let text = refusal(&many(300_000));
    assert_eq!(text, format!("resources 'slots': more than {MAX_RANGES} ranges"));
    let items: Vec<_> = (0..MAX_SET_ITEMS).map(|n| set("d", &[&n.to_string()])).collect();
    assert_eq!(read(&items).len(), 1);
    let cpus = vec![scalar("cpus", 0.001); 300_000];
    assert_eq!(read(&cpus), res("cpus:300"));
}

#[test]
fn bad_sets() {
    assert_refused(set("d", &["a", "a"]), "item \"a\" is given twice");
    let text = refusal(&[set("d", &["a"]), set("d", &["a"])]);
    assert_eq!(text, "resources 'd': item \"a\" is given twice");
}

#[test]
fn bad_names() {
    assert_refused(scalar("", 1.0), "resource name must not be empty");
    assert_refused(scalar("cpus;mem", 1.0), "resource name holds ';' at byte 4");
    assert_refused(scalar("a\u{1b}[31m", 1.0), "resource name holds '\\u{1b}' at byte 1");
    assert_refused(
        scalar(&"x".repeat(10_240), 1.0),
        "resource name is 10240 bytes long, more than 255",
    );
    assert_eq!(
        refusal(&[scalar("mem", 1.0), scalar("a;b", 1.0)]),
        "resource 1 ('a;b'): resource name holds ';' at byte 1"
    );
}

#[test]
fn mixed_types() {
    assert_refused(scalar("ports", 1.0), "must be of type RANGES, not SCALAR");
    assert_refused(ranges("cpus", &[(1, 2)]), "must be of type SCALAR, not RANGES");
    assert_refused(set("mem", &["a"]), "must be of type SCALAR, not SET");
    let text = refusal(&[scalar("hats", 1.0), ranges("hats", &[(1, 2)])]);
    assert_eq!(text, "resource 1 ('hats'): is RANGES here and SCALAR before");
}

#[test]
fn type_and_field_must_agree() {
    let empty = v1::Resource { scalar: None, ..scalar("hats", 1.0) };
    assert_refused(empty, "type is SCALAR, but 'scalar' is not set");
    let both = v1::Resource { set: set("hats", &["a"]).set, ..scalar("hats", 1.0) };
    assert_refused(both, "type is SCALAR, but 'set' is set");
    for unsupported in [WireType::Text.into(), 7, -1] {
        let message = v1::Resource { r#type: unsupported, ..scalar("hats", 1.0) };
        assert_refused(message, "is not one of SCALAR, RANGES, SET");
    }
}

#[test]
fn bad_roles() {
    for bad in ["", ".", "..", "a//b", "a/", "-x", "a b", "*/a", &"a/".repeat(10_000)] {
        assert!(Resources::from_v1(&[with_role(bad)]).is_err(), "{bad:?}");
        let allocated = v1::Resource {
            allocation_info: Some(AllocationInfo { role: Some(bad.to_owned()) }),
            ..scalar("cpus", 1.0)
        };
        assert!(Resources::from_v1(&[allocated]).is_err(), "{bad:?}");
        let listed = reserved(vec![info(ReservationType::Dynamic, bad)]);
        assert!(Resources::from_v1(&[listed]).is_err(), "{bad:?}");
    }
}

#[test]
fn bad_reservations() {
    use ReservationType::{Dynamic, Static, Unknown};
    assert_refused(reserved(vec![info(Dynamic, "*")]), "resources cannot be reserved for role '*'");
    assert_refused(
        reserved(vec![info(Unknown, "eng")]),
        "reservation type 0 is not one of STATIC, DYNAMIC",
    );
    assert_refused(
        reserved(vec![info(Dynamic, "eng"), info(Static, "eng/web")]),
        "a static reservation cannot refine another",
    );
    for other in ["eng", "ops", "engine"] {
        assert_refused(
            reserved(vec![info(Static, "eng"), info(Dynamic, other)]),
            "does not refine that for 'eng'",
        );
    }
    let no_type = ReservationInfo { r#type: None, ..info(Dynamic, "eng") };
    assert_refused(reserved(vec![no_type]), "'reservations.type' must be set");
    let no_role = ReservationInfo { role: None, ..info(Dynamic, "eng") };
    assert_refused(reserved(vec![no_role]), "'reservations.role' must be set");
    let mixed = v1::Resource { role: Some("eng".into()), ..reserved(vec![info(Dynamic, "eng")]) };
    assert_refused(mixed, "'role' must not be set");
    let mixed = v1::Resource {
        reservation: Some(ReservationInfo::default()),
        ..reserved(vec![info(Dynamic, "eng")])
    };
    assert_refused(mixed, "'reservation' must not be set");
    let for_nobody =
        v1::Resource { reservation: Some(ReservationInfo::default()), ..with_role("*") };
    assert_refused(for_nobody, "resources cannot be reserved for role '*'");
    let typed = v1::Resource { reservation: Some(info(Dynamic, "eng")), ..with_role("eng") };
    assert_refused(typed, "'reservation.type' must not be set");
}

#[test]
fn bad_disks() {
    let base = || volume("eng", "v", "data", 1.0);
    let with_disk = |change: &dyn Fn(&mut DiskInfo)| {
        let mut message = base();
        message.disk.iter_mut().for_each(change);
        message
    };
    let unreserved = v1::Resource { role: None, ..base() };
    assert_refused(unreserved, "a persistent volume needs reserved resources");
    let lent = v1::Resource { revocable: Some(Default::default()), ..base() };
    assert_refused(lent, "cannot hold a persistent volume or a dynamic reservation");
    let named = v1::Resource { name: "space".into(), ..base() };
    assert_refused(named, "'disk' must not be set on a resource of another name");
    assert_refused(with_disk(&|disk| disk.volume = None), "'disk.volume' must be set");
    let host = with_disk(&|disk| {
        disk.volume.iter_mut().for_each(|v| v.host_path = Some("/".into()));
    });
    assert_refused(host, "'disk.volume.host_path' must not be set");
    for id in ["", ".", "..", "a/b", "a\\b", "a\n", " a", &"x".repeat(256)] {
        assert!(Resources::from_v1(&[volume("eng", id, "data", 1.0)]).is_err(), "{id:?}");
    }
    assert_refused(
        with_disk(&|disk| *disk = DiskInfo::default()),
        "'disk.source or disk.persistence' must be set",
    );
    let shared = v1::Resource { shared: Some(Default::default()), ..scalar("disk", 1.0) };
    assert_refused(shared, "only persistent volumes can be shared");
    assert_refused(
        source_disk(SourceType::Unknown, 1.0),
        "disk source type 0 is not one of PATH, MOUNT, BLOCK, RAW",
    );
    let mut wrong = source_disk(SourceType::Mount, 1.0);
    let source = wrong.disk.as_mut().and_then(|disk| disk.source.as_mut()).unwrap();
    source.path = Some(Path::default());
    assert_refused(wrong, "'disk.source.path' must not be set");
    let mut wrong = source_disk(SourceType::Raw, 1.0);
    let source = wrong.disk.as_mut().and_then(|disk| disk.source.as_mut()).unwrap();
    source.mount = Some(Mount::default());
    assert_refused(wrong, "'disk.source.mount' must not be set");
}

#[test]
fn before_refinement() {
    let unreserved = read(&[scalar("cpus", 1.0)]);
    assert_eq!(read(&[with_role("*")]), unreserved);
    let fixed = read(&[with_role("eng")]);
    assert_eq!(fixed, read(&[reserved(vec![info(ReservationType::Static, "eng")])]));
    let dynamic = read(&[v1::Resource {
        reservation: Some(ReservationInfo {
            principal: Some("alice".into()),
            ..Default::default()
        }),
        ..with_role("eng")
    }]);
    let listed = ReservationInfo {
        principal: Some("alice".into()),
        ..info(ReservationType::Dynamic, "eng")
    };
    assert_eq!(dynamic, read(&[reserved(vec![listed.clone()])]));
    assert_eq!(dynamic.to_v1(), [reserved(vec![listed.clone()])]);

    let old = dynamic.to_v1_pre_refinement().unwrap();
    assert_eq!(old[0].role.as_deref(), Some("eng"));
    let reservation = old[0].reservation.as_ref().unwrap();
    assert_eq!((reservation.r#type, &reservation.role), (None, &None));
    assert!(old[0].reservations.is_empty());
    assert_eq!(read(&old), dynamic);

    let endpoint = &dynamic.to_v1_endpoint()[0];
    assert_eq!(endpoint.role.as_deref(), Some("eng"));
    assert_eq!(endpoint.reservations, [listed]);

    let refined = dynamic.push_reservation(&crate::common::dynamic("eng/web")).unwrap();
    assert!(refined.to_v1_pre_refinement().is_err());
    assert_eq!(refined.to_v1_endpoint()[0].role, None);
}

/// CAP-04.
#[test]
fn an_offer_as_frameworks_without_refinement_see_it() {
    let offered = res("cpus:62;ports:[31000-32000]").allocate(&role("*")).unwrap();
    let messages = offered.to_v1_pre_refinement().unwrap();
    let json = serde_json::to_value(&messages).unwrap();
    assert_eq!(
        json,
        serde_json::json!([
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 62.0}, "role": "*",
             "allocation_info": {"role": "*"}},
            {"name": "ports", "type": "RANGES",
             "ranges": {"range": [{"begin": 31000, "end": 32000}]}, "role": "*",
             "allocation_info": {"role": "*"}},
        ])
    );
    let plain = serde_json::to_value(res("cpus:2").to_v1()).unwrap();
    let expected =
        serde_json::json!([{"name": "cpus", "type": "SCALAR", "scalar": {"value": 2.0}}]);
    assert_eq!(plain, expected);
}

#[test]
fn volumes_and_principals_are_carried() {
    let mut message = volume("eng", "v", "data", 1.0);
    let disk = message.disk.as_mut().unwrap();
    disk.persistence.as_mut().unwrap().principal = Some("alice".into());
    let written = read(&[message.clone()]).to_v1();
    assert_eq!(written[0].disk, message.disk);
}

#[test]
fn serde_refuses_what_the_border_refuses() {
    let text = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":-1}}]"#;
    let error = serde_json::from_str::<Resources>(text).map_err(|e| e.to_string());
    assert!(error.unwrap_err().starts_with("resource 0 ('cpus'): amount is negative"));
    let error = Resources::parse(text);
    assert!(matches!(error, Err(ResourcesError::Invalid { index: 0, .. })));
}

proptest! {
    #[test]
    fn messages_read_back_the_same(a in any_resources()) {
        // The generator may give a port to two roles, which the border refuses.
        if let Ok(again) = Resources::from_v1(&a.to_v1()) {
            prop_assert_eq!(&again, &a);
            let old = a.to_v1_pre_refinement();
            prop_assert_eq!(old.map(|old| read(&old)), Ok(a.clone()));
            let json = serde_json::to_string(&a).unwrap();
            prop_assert_eq!(serde_json::from_str::<Resources>(&json).unwrap(), a.clone());
            let named = rmp_serde::to_vec_named(&a).unwrap();
            prop_assert_eq!(rmp_serde::from_slice::<Resources>(&named).unwrap(), a);
        }
    }

    #[test]
    fn no_message_panics(
        name in ".{0,8}",
        number in any::<i32>(),
        value in any::<u64>().prop_map(f64::from_bits),
        pairs in prop::collection::vec(any::<(u64, u64)>(), 0..5),
        role in prop::option::of(".{0,8}"),
        fields in 0u8..8,
    ) {
        let message = v1::Resource {
            r#type: if fields & 4 == 0 { number.rem_euclid(4) } else { number },
            scalar: (fields & 1 != 0).then_some(v1::value::Scalar { value }),
            ranges: ranges("x", &pairs).ranges.filter(|_| fields & 2 != 0),
            role,
            ..scalar(&name, 0.0)
        };
        if let Ok(resources) = Resources::from_v1(&[message]) {
            prop_assert_eq!(read(&resources.to_v1()), resources);
        }
    }
}
