//! Operations on the registry: in memory and as keys they say the same.

use crate::harness::*;
use libproc::Timestamp;
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::resources::{ResourceLimits, ResourceName, Scalar};
use meseta_api::v1;
use meseta_master::allocator::{Quota, Weight};
use meseta_master::core::agents::duty::{Drain, Duty};
use meseta_master::core::maintenance::{Machine, Mode};
use meseta_master::registrar::operation::{Kept, RegistryOperation};
use meseta_master::registrar::registry::{
    AgentRecord, CompletedFrameworkRecord, FrameworkRecord, GoneAgentRecord, LoadError,
    MachineRecord, QuotaRecord, Registry, UnreachableAgentRecord, WeightRecord, WindowRecord,
};
use std::collections::BTreeMap;
use std::time::Duration;

fn agent_record(resources: &str) -> Box<AgentRecord> {
    Box::new(AgentRecord {
        info: agent_info("host", resources),
        version: "0.1.0".to_owned(),
        registered: Timestamp(7),
        duty: Duty::InService,
    })
}

fn framework_record(left: Option<u64>) -> Box<FrameworkRecord> {
    Box::new(FrameworkRecord { info: info("f"), registered: Timestamp(7), time_left_ms: left })
}

fn gone() -> GoneAgentRecord {
    GoneAgentRecord { hostname: "host".to_owned(), since: Timestamp(10) }
}

fn weights(thousandths: &[(&str, u32)]) -> BTreeMap<Role, WeightRecord> {
    let record = |(role, thousandths): &(&str, u32)| {
        let thousandths = Weight::from_thousandths(*thousandths).unwrap();
        (Role::parse(role).unwrap(), WeightRecord { thousandths })
    };
    thousandths.iter().map(record).collect()
}

/// A window of each list of hostnames.
fn windows(names: &[&str]) -> Vec<WindowRecord> {
    let machine = |name: &str| {
        let id = v1::MachineId { hostname: Some(name.to_owned()), ip: None };
        MachineRecord { machine: Machine::parse(&id).unwrap(), mode: Mode::Draining }
    };
    let window = |names: &&str| WindowRecord {
        machines: names.split(' ').map(machine).collect(),
        start: 7,
        duration: Some(8),
    };
    names.iter().map(window).collect()
}

fn quotas(guarantees: &[(&str, &str)]) -> BTreeMap<Role, QuotaRecord> {
    let record = |(role, guarantees): &(&str, &str)| {
        let limits = match guarantees.is_empty() {
            true => Default::default(),
            false => ResourceLimits::from_pairs([(ResourceName::MEM, Scalar::ZERO)]),
        };
        let quota = Quota { guarantees: guarantees.parse().unwrap(), limits };
        (Role::parse(role).unwrap(), QuotaRecord { quota })
    };
    guarantees.iter().map(record).collect()
}

/// Every kind of operation, on two agents and two frameworks.
fn operations() -> Vec<RegistryOperation> {
    use RegistryOperation::*;
    let a = || AgentId::parse("m-S0").unwrap();
    let b = || AgentId::parse("m-S1").unwrap();
    let f = || FrameworkId::parse("m-0000").unwrap();
    let g = || FrameworkId::parse("m-0001").unwrap();
    vec![
        AdmitAgent { agent: a(), record: agent_record("cpus:1") },
        AdmitAgent { agent: b(), record: agent_record("cpus:2") },
        ReadmitAgent { agent: a(), record: agent_record("cpus:3;ports:[1-2,5-6]") },
        MarkUnreachable {
            agent: a(),
            record: Box::new(UnreachableAgentRecord {
                agent: *agent_record("cpus:3"),
                since: Timestamp(9),
            }),
        },
        MarkReachable { agent: a(), record: agent_record("cpus:3") },
        SetDuty {
            agent: a(),
            record: Kept::Admitted(Box::new(AgentRecord {
                duty: Duty::Draining(Drain {
                    max_grace_period: Some(Duration::from_millis(1500)),
                    mark_gone: true,
                    since: Timestamp(8),
                }),
                ..*agent_record("cpus:3")
            })),
        },
        MarkUnreachable {
            agent: b(),
            record: Box::new(UnreachableAgentRecord {
                agent: *agent_record("cpus:2"),
                since: Timestamp(9),
            }),
        },
        SetDuty {
            agent: b(),
            record: Kept::Unreachable(Box::new(UnreachableAgentRecord {
                agent: AgentRecord { duty: Duty::Deactivated, ..*agent_record("cpus:2") },
                since: Timestamp(9),
            })),
        },
        RemoveAgent { agent: b() },
        MarkGone { agent: a(), record: gone() },
        MarkGone { agent: b(), record: gone() },
        ForgetGone { agent: b() },
        AddFramework { framework: f(), record: framework_record(None) },
        AddFramework { framework: g(), record: framework_record(None) },
        UpdateFramework { framework: f(), record: framework_record(Some(3)) },
        RemoveFramework {
            framework: g(),
            record: CompletedFrameworkRecord { name: "g".to_owned(), removed: Timestamp(11) },
        },
        ForgetFramework { framework: g() },
        SetWeights { weights: weights(&[("eng/web", 2500), ("*", 1)]) },
        SetWeights { weights: weights(&[("eng/web", 1000)]) },
        SetQuotas { quotas: quotas(&[("eng", "cpus:3"), ("ops", "mem:64")]) },
        SetQuotas { quotas: quotas(&[("ops", "")]) },
        SetMaintenance { windows: windows(&["h1 h2", "h3", "h4"]), before: 0 },
        SetMaintenance { windows: windows(&["h2"]), before: 3 },
        SetMaintenance { windows: windows(&["h2", "h5"]), before: 1 },
    ]
}

/// Also of one that is unreachable and comes back (RG-06).
#[test]
fn rg_01_keys_and_memory_agree_after_each_operation() {
    let mut registry = Registry::default();
    let mut store: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for operation in operations() {
        // Twice: the identical transaction may be sent again.
        for _ in 0..2 {
            operation.apply(&mut registry);
            for (key, value) in operation.changes().unwrap() {
                match value {
                    Some(value) => drop(store.insert(key, value)),
                    None => drop(store.remove(&key)),
                }
            }
            assert_eq!(Registry::load(store.clone()).unwrap(), registry, "{operation:?}");
        }
    }
    let keys: Vec<&str> = store.keys().map(String::as_str).collect();
    let expected = [
        "frameworks/m-0000",
        "gone/m-S0",
        "quotas/eng",
        "weights/*",
        "weights/eng/web",
        "windows/0",
        "windows/1",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn records_are_maps_with_named_fields() {
    let (_, value) = operations()[0].changes().unwrap().remove(0);
    let value = value.unwrap();
    for name in ["info", "version", "registered", "hostname"] {
        let found = value.windows(name.len()).any(|window| window == name.as_bytes());
        assert!(found, "{name}");
    }
}

#[test]
fn me_08_a_registry_that_cannot_be_understood_is_not_led_with() {
    let load = |key: &str, value: &[u8]| Registry::load([(key.to_owned(), value.to_vec())]);
    assert!(matches!(load("quota/eng", b""), Err(LoadError::UnknownKind { .. })));
    assert!(matches!(load("nothing", b""), Err(LoadError::UnknownKind { .. })));
    assert!(matches!(load("agents/a/b", b""), Err(LoadError::BadId { .. })));
    assert!(matches!(load("agents/a", b"\xc1"), Err(LoadError::BadValue { .. })));
    assert!(matches!(load("frameworks/", b""), Err(LoadError::BadId { .. })));
    assert!(matches!(load("quotas/", b""), Err(LoadError::BadRole { .. })));
    assert!(matches!(load("quotas/a", b"\x80"), Err(LoadError::BadValue { .. })));
    assert!(matches!(load("windows/a", b""), Err(LoadError::BadPlace { .. })));
    assert!(matches!(load("weights/a//b", b""), Err(LoadError::BadRole { .. })));
    let zero = rmp_serde::to_vec_named(&BTreeMap::from([("thousandths", 0)])).unwrap();
    assert!(matches!(load("weights/a", &zero), Err(LoadError::BadValue { .. })));
}

#[test]
fn a_master_id_that_ids_cannot_be_made_of_is_refused() {
    let at = Master::new().at;
    let recovered = |id: &str| {
        let config = Default::default();
        meseta_master::core::Core::recover(Registry::default(), identity(id), config, at).is_ok()
    };
    assert!(recovered(&"x".repeat(200)));
    assert!(!recovered(&"x".repeat(201)));
}
