//! What the tests of this crate share: a call that uses every shape of field, and descriptors
//! compiled anew from `proto/`, for judging the generated code from outside.

use std::path::{Path, PathBuf};

use meseta_api::v1::scheduler::{
    attribute_constraint, call, AttributeConstraint, Call, OfferConstraints,
};
use meseta_api::v1::{self, offer, value};
use prost_reflect::prost_types::FileDescriptorSet;
use prost_reflect::DescriptorPool;

/// The descriptors of `proto/`.
pub(crate) fn descriptors() -> FileDescriptorSet {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let mut files = Vec::new();
    find(&root, &mut files);
    protox::compile(files, [root]).unwrap()
}

/// The same, for prost-reflect.
pub(crate) fn pool() -> DescriptorPool {
    DescriptorPool::from_file_descriptor_set(descriptors()).unwrap()
}

fn find(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

pub(crate) fn scalar(name: &str, amount: f64) -> v1::Resource {
    v1::Resource {
        name: name.to_owned(),
        r#type: value::Type::Scalar as i32,
        scalar: Some(value::Scalar { value: amount }),
        ..Default::default()
    }
}

pub(crate) fn ports(begin: u64, end: u64) -> v1::Resource {
    v1::Resource {
        name: "ports".to_owned(),
        r#type: value::Type::Ranges as i32,
        ranges: Some(value::Ranges { range: vec![value::Range { begin, end }] }),
        ..Default::default()
    }
}

/// An ACCEPT that launches one task with a command, ports, limits, labels and raw data.
pub(crate) fn accept() -> Call {
    let task = v1::TaskInfo {
        name: "säge".to_owned(),
        task_id: "t-1".into(),
        agent_id: "a-7".into(),
        resources: vec![scalar("cpus", 0.5), scalar("mem", 128.0), ports(31_000, u64::MAX)],
        command: Some(v1::CommandInfo {
            value: Some("echo \"/tmp\"".to_owned()),
            shell: Some(true),
            uris: vec![v1::command_info::Uri {
                value: "http://files.test/x.tgz".to_owned(),
                extract: Some(false),
                ..Default::default()
            }],
            ..Default::default()
        }),
        data: Some(vec![0, 255, 10, 128].into()),
        limits: [("mem".to_owned(), value::Scalar { value: f64::INFINITY })].into(),
        labels: Some(v1::Labels { labels: vec![v1::Label { key: "k".to_owned(), value: None }] }),
        kill_policy: Some(v1::KillPolicy {
            grace_period: Some(v1::DurationInfo { nanoseconds: i64::MIN }),
        }),
        ..Default::default()
    };
    Call {
        framework_id: Some("f-1".into()),
        r#type: Some(call::Type::Accept as i32),
        accept: Some(call::Accept {
            offer_ids: vec!["o-1".into(), "o-2".into()],
            operations: vec![offer::Operation {
                r#type: Some(offer::operation::Type::Launch as i32),
                launch: Some(offer::operation::Launch { task_infos: vec![task] }),
                ..Default::default()
            }],
            filters: Some(v1::Filters { refuse_seconds: Some(2.5) }),
        }),
        ..Default::default()
    }
}

/// A SUBSCRIBE with oneofs, an empty message and a map of messages.
pub(crate) fn subscribe() -> Call {
    use attribute_constraint::{predicate, selector, Predicate, Selector};

    let constraint = AttributeConstraint {
        selector: Selector {
            selector: Some(selector::Selector::PseudoattributeType(
                selector::PseudoattributeType::Zone as i32,
            )),
        },
        predicate: Predicate {
            predicate: Some(predicate::Predicate::NotExists(predicate::NotExists {})),
        },
    };
    let group = v1::scheduler::offer_constraints::role_constraints::Group {
        attribute_constraints: vec![constraint],
    };
    let constraints = v1::scheduler::offer_constraints::RoleConstraints { groups: vec![group] };
    Call {
        r#type: Some(call::Type::Subscribe as i32),
        subscribe: Some(call::Subscribe {
            framework_info: v1::FrameworkInfo {
                user: "root".to_owned(),
                name: "f".to_owned(),
                roles: vec!["dev".to_owned()],
                ..Default::default()
            },
            suppressed_roles: vec!["dev".to_owned()],
            offer_constraints: Some(OfferConstraints {
                role_constraints: [("dev".to_owned(), constraints)].into(),
            }),
        }),
        ..Default::default()
    }
}
