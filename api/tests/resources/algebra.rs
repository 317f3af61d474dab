//! The laws of resource arithmetic, and examples of each rule about what adds up.

use crate::common::*;
use meseta_api::resources::{AddError, ResourceLimits, ResourceName, Resources, Scalar};
use meseta_api::v1;
use meseta_api::v1::resource::disk_info::source::Type as SourceType;
use proptest::prelude::*;

fn add(a: &Resources, b: &Resources) -> Resources {
    a.checked_add(b).unwrap()
}

/// RES-01.
#[test]
fn fixed_point_sums_are_exact() {
    let tenth = res("cpus:0.1");
    let sum = (0..10).fold(Resources::new(), |sum, _| add(&sum, &tenth));
    assert_eq!(sum, res("cpus:1"));
    assert_eq!(sum.checked_sub(&res("cpus:1")), Ok(Resources::new()));
}

/// RES-01, RES-02, RES-03.
#[test]
fn addition_table() {
    let table = [
        ("", "", ""),
        ("cpus:1", "", "cpus:1"),
        ("cpus:1;mem:5", "mem:1;disk:2", "cpus:1;disk:2;mem:6"),
        ("ports:[1-5]", "ports:[6-9]", "ports:[1-9]"),
        ("ports:[1-2,8-9]", "ports:[4-5]", "ports:[1-2,4-5,8-9]"),
        ("d:{a}", "d:{b}", "d:{a,b}"),
        ("cpus(eng):1", "cpus:1", "cpus:1;cpus(eng):1"),
        ("cpus(eng):1", "cpus(eng):1", "cpus(eng):2"),
    ];
    for (a, b, sum) in table {
        assert_eq!(add(&res(a), &res(b)).to_string(), sum, "{a} + {b}");
    }
}

#[test]
fn subtraction_table() {
    let table = [
        ("cpus:2;mem:5", "cpus:2", Ok("mem:5")),
        ("cpus:2", "cpus:0.5", Ok("cpus:1.5")),
        ("ports:[1-9]", "ports:[4-5,9-9]", Ok("ports:[1-3,6-8]")),
        ("d:{a,b}", "d:{a}", Ok("d:{b}")),
        ("cpus:1", "cpus:2", Err("cpus:2 is not available: there is cpus:1")),
        ("cpus:1", "mem:2", Err("mem:2 is not available: there is none")),
        ("cpus:5;mem:2", "cpus(eng):1", Err("cpus(eng):1 is not available: there is none")),
        ("ports:[1-4]", "ports:[4-5]", Err("ports:[4-5] is not available: there is ports:[1-4]")),
        ("d:{a}", "d:{b}", Err("d:{b} is not available: there is d:{a}")),
        ("d:{a}", "d:3", Err("d:3 is not available: there is none")),
    ];
    for (a, b, expected) in table {
        let (a, b) = (res(a), res(b));
        let rest = a.checked_sub(&b).map(|r| r.to_string()).map_err(|e| e.to_string());
        assert_eq!(rest, expected.map(str::to_owned).map_err(str::to_owned));
        assert_eq!(a.contains(&b), expected.is_ok());
    }
}

#[test]
fn what_is_there_cannot_be_added_again() {
    for (a, b) in [("ports:[1-5]", "ports:[5-9]"), ("d:{a,b}", "d:{b,c}")] {
        let sum = res(a).checked_add(&res(b));
        assert!(matches!(sum, Err(AddError::Overlap { .. })), "{a} + {b}");
    }
    let merged = res("ports:[1-5];cpus:1").checked_merge(&res("ports:[5-9];cpus:1"));
    assert_eq!(merged, Ok(res("ports:[1-9];cpus:2")));
}

#[test]
fn sums_that_overflow_are_refused() {
    let huge = res("mem:1000000000000");
    let mut sum = huge.clone();
    let mut steps = 0;
    let error = loop {
        match sum.checked_add(&huge) {
            Ok(more) => sum = more,
            Err(error) => break error,
        }
        steps += 1;
    };
    assert_eq!(error, AddError::Overflow { name: ResourceName::MEM });
    assert!(steps > 1000);
    // Also over entries that do not merge, so that totals by name exist.
    let reserved = sum.push_reservation(&dynamic("eng")).unwrap();
    assert!(matches!(sum.checked_add(&reserved), Err(AddError::Overflow { .. })));
}

#[test]
fn reservations_are_identity() {
    let mine = res("cpus:2").push_reservation(&dynamic("eng")).unwrap();
    let fixed = res("cpus(eng):2");
    assert!(!mine.contains(&fixed) && !fixed.contains(&mine));
    let mut other = dynamic("eng");
    other.principal = Some("bob".into());
    let other = res("cpus:2").push_reservation(&other).unwrap();
    assert!(!mine.contains(&other));
    assert_eq!(add(&add(&mine, &fixed), &other).len(), 3);
}

/// RES-09.
#[test]
fn reserving_and_unreserving() {
    let all = res("cpus:4;mem:8");
    let reserved = all.push_reservation(&dynamic("eng")).unwrap();
    let refined = reserved.push_reservation(&dynamic("eng/web")).unwrap();
    assert_eq!(reserved.push_reservation(&dynamic("eng")).ok(), None);
    assert_eq!(refined.push_reservation(&dynamic("ops")).ok(), None);
    assert_eq!(refined.pop_reservation(), Ok(reserved.clone()));
    assert_eq!(reserved.pop_reservation(), Ok(all.clone()));
    let error = all.pop_reservation().map_err(|e| e.to_string());
    assert_eq!(error, Err("cpus:4: there is no reservation to take off".into()));

    let volume = read(&[volume("eng", "v", "data", 1.0)]);
    assert!(volume.push_reservation(&dynamic("eng/web")).is_err());
    assert!(volume.pop_reservation().is_err());
    let revocable =
        read(&[v1::Resource { revocable: Some(Default::default()), ..scalar("cpus", 1.0) }]);
    assert!(revocable.push_reservation(&dynamic("eng")).is_err());
}

#[test]
fn persistent_volumes_are_taken_whole() {
    let two = read(&[volume("eng", "v1", "data", 64.0), volume("eng", "v2", "data", 64.0)]);
    assert_eq!(two.len(), 2);
    assert!(two.contains(&read(&[volume("eng", "v1", "elsewhere", 64.0)])));
    assert!(!two.contains(&read(&[volume("eng", "v1", "data", 32.0)])));
    assert!(!two.contains(&read(&[volume("eng", "v3", "data", 64.0)])));
    assert!(!two.contains(&res("disk(eng):1")));
    let rest = two.checked_sub(&read(&[volume("eng", "v1", "data", 64.0)])).unwrap();
    assert_eq!(rest, read(&[volume("eng", "v2", "data", 64.0)]));
}

/// RES-15.
#[test]
fn mount_disks_are_taken_whole_and_path_disks_are_not() {
    let part = |kind| (source_disk(kind, 100.0), source_disk(kind, 40.0));
    for (kind, divisible) in [
        (SourceType::Path, true),
        (SourceType::Mount, false),
        (SourceType::Block, false),
        (SourceType::Raw, true),
    ] {
        let (whole, part) = part(kind);
        let (whole, part) = (read(&[whole]), read(&[part]));
        assert_eq!(whole.contains(&part), divisible, "{kind:?}");
        assert_eq!(add(&whole, &part).len() == 1, divisible, "{kind:?}");
        assert_eq!(
            add(&whole, &whole).disk(),
            Scalar::from_units(if divisible { 200 } else { 100 })
        );
    }
}

#[test]
fn shared_volumes_are_counted() {
    let one = read(&[shared_volume("eng", "v")]);
    let two = add(&one, &one);
    assert_eq!(two.len(), 1);
    assert_eq!(two.iter().next().map(|e| e.copies()), Some(2));
    assert_eq!(two.disk(), Scalar::from_units(64));
    assert!(two.contains(&one) && !one.contains(&two));
    assert_eq!(two.checked_sub(&one), Ok(one.clone()));
    assert_eq!(one.checked_sub(&one), Ok(Resources::new()));
    assert_eq!(read(&two.to_v1()), two);
}

/// RES-16.
#[test]
fn allocation_is_identity_until_taken_off() {
    let free = res("cpus:2;ports:[1-5]");
    let eng = free.allocate(&role("eng")).unwrap();
    assert!(!eng.contains(&free) && !free.contains(&eng));
    assert_eq!(eng.allocation_roles(), [role("eng")]);
    assert_eq!(eng.unallocate(), Ok(free.clone()));
    let both = add(&res("cpus:1").allocate(&role("a")).unwrap(), &res("cpus:1"));
    assert_eq!(both.allocate(&role("b")), res("cpus:2").allocate(&role("b")));
}

#[test]
fn views() {
    let all =
        res("cpus:1;cpus(eng):2;cpus(eng/web):4;cpus(ops):8;mem:5;ports:[1-2];ports(ops):[4-4]");
    assert_eq!(all.cpus(), Scalar::from_units(15));
    assert_eq!(all.gpus(), Scalar::ZERO);
    assert_eq!(all.ports().to_string(), "[1-2,4-4]");
    assert_eq!(all.unreserved(), res("cpus:1;mem:5;ports:[1-2]"));
    assert_eq!(all.reserved_for(&role("eng")), res("cpus(eng):2"));
    let web = all.available_to(&role("eng/web"));
    assert_eq!(web, res("cpus:1;cpus(eng):2;cpus(eng/web):4;mem:5;ports:[1-2]"));
    assert_eq!(all.quantities(), quantities("mem:5;cpus:15"));
    let names: Vec<_> = all.names().map(ResourceName::as_str).collect();
    assert_eq!(names, ["cpus", "mem", "ports"]);
    assert_eq!(add(&all.reserved(), &all.unreserved()), all);
}

/// RES-14.
#[test]
fn revocable_is_apart() {
    let lent = v1::Resource { revocable: Some(Default::default()), ..scalar("cpus", 1.0) };
    let both = read(&[lent, scalar("cpus", 2.0), scalar("mem", 1.0)]);
    assert_eq!(both.revocable().to_string(), "cpus{REV}:1");
    assert_eq!(both.non_revocable(), res("cpus:2;mem:1"));
    assert!(both.mixes_revocable());
    assert!(!both.revocable().mixes_revocable());
}

#[test]
fn shrinking_to_limits() {
    let limits =
        |pairs: &[(&str, u32)]| {
            ResourceLimits::from_pairs(pairs.iter().map(|&(name, units)| {
                (ResourceName::parse(name).unwrap(), Scalar::from_units(units))
            }))
        };
    let all = res("cpus:2;cpus(eng):3;gpus:2;mem:5;ports:[1-2]");
    let some = all.shrink(&limits(&[("cpus", 4), ("gpus", 0)]));
    assert_eq!(some, res("cpus:2;cpus(eng):2;mem:5;ports:[1-2]"));
    assert!(limits(&[("cpus", 4), ("gpus", 0)]).admit(&some.quantities()));
    let half = ResourceLimits::from_pairs([(ResourceName::GPUS, "1.5".parse().unwrap())]);
    assert_eq!(res("gpus:2").shrink(&half), res("gpus:1"));
    let volume = read(&[volume("eng", "v", "data", 64.0)]);
    assert!(volume.shrink(&limits(&[("disk", 63)])).is_empty());
    assert_eq!(volume.shrink(&limits(&[("disk", 64)])), volume);
}

proptest! {
    #[test]
    fn addition_commutes(a in any_resources(), b in any_resources()) {
        prop_assert_eq!(a.checked_add(&b).ok(), b.checked_add(&a).ok());
        prop_assert_eq!(a.checked_merge(&b), b.checked_merge(&a));
    }

    #[test]
    fn addition_associates(a in any_resources(), b in any_resources(), c in any_resources()) {
        let left = a.checked_add(&b).and_then(|ab| ab.checked_add(&c));
        let right = b.checked_add(&c).and_then(|bc| a.checked_add(&bc));
        prop_assert_eq!(left.ok(), right.ok());
    }

    #[test]
    fn subtraction_undoes_addition(a in any_resources(), b in any_resources()) {
        if let Ok(sum) = a.checked_add(&b) {
            prop_assert!(sum.contains(&a) && sum.contains(&b));
            prop_assert_eq!(sum.checked_sub(&b), Ok(a.clone()));
            prop_assert_eq!(sum.checked_sub(&a), Ok(b));
        }
    }

    #[test]
    fn addition_undoes_subtraction(a in any_resources(), b in any_resources()) {
        prop_assert_eq!(a.contains(&b), a.checked_sub(&b).is_ok());
        if let Ok(rest) = a.checked_sub(&b) {
            prop_assert_eq!(rest.checked_add(&b), Ok(a));
        }
    }

    #[test]
    fn nothing_is_neutral(a in any_resources()) {
        let none = Resources::new();
        prop_assert_eq!(a.checked_add(&none), Ok(a.clone()));
        prop_assert_eq!(a.checked_sub(&none), Ok(a.clone()));
        prop_assert_eq!(a.checked_sub(&a), Ok(none.clone()));
        prop_assert!(a.contains(&none) && a.contains(&a));
    }

    #[test]
    fn the_normal_form_is_unique(
        a in any_resources(),
        order in any::<prop::sample::Index>(),
    ) {
        let mut messages = a.to_v1();
        if !messages.is_empty() {
            let middle = order.index(messages.len());
            messages.rotate_left(middle);
            messages.reverse();
        }
        if let Ok(again) = Resources::from_v1(&messages) {
            prop_assert_eq!(again, a.clone());
        }
        let shuffled: Vec<_> = a.iter().rev().cloned().collect();
        prop_assert_eq!(Resources::from_entries(shuffled), Ok(a));
    }

    #[test]
    fn quantities_add_up(a in any_resources(), b in any_resources()) {
        let (a, b) = (a.non_shared(), b.non_shared());
        let indivisible = |r: &Resources| r.iter().any(|entry| entry.descriptor().is_indivisible());
        if let (Ok(sum), false) = (a.checked_add(&b), indivisible(&a) && indivisible(&b)) {
            let expected = a.quantities().checked_add(&b.quantities()).unwrap();
            prop_assert_eq!(sum.quantities(), expected.clone());
            prop_assert_eq!(expected.checked_sub(&b.quantities()), Some(a.quantities()));
            prop_assert!(expected.contains(&a.quantities()));
        }
    }

    #[test]
    fn parts_make_the_whole(a in any_resources()) {
        prop_assert_eq!(a.reserved().checked_add(&a.unreserved()), Ok(a.clone()));
        prop_assert_eq!(a.revocable().checked_add(&a.non_revocable()), Ok(a.clone()));
        for name in a.names() {
            prop_assert!(a.contains(&a.named(name)));
            prop_assert_eq!(a.scalar(name), a.quantities().get(name));
        }
    }
}
