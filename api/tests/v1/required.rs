//! Required fields in protobuf, which prost alone would fill with defaults.

use meseta_api::codec::{Codec, DecodeError};
use meseta_api::message::V1Message;
use meseta_api::v1::{self, scheduler};
use prost_reflect::prost::Message as _;
use prost_reflect::{Cardinality, DynamicMessage, Value};

/// One field with a length, as protobuf writes it.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
    bytes.extend(content);
    bytes
}

fn decode<M: V1Message>(bytes: &[u8]) -> Result<M, DecodeError> {
    Codec::Protobuf.decode(bytes)
}

fn missing<M>(path: &str) -> Result<M, DecodeError> {
    Err(DecodeError::Missing { path: path.to_owned() })
}

#[test]
fn absence_is_named_by_its_path() {
    assert_eq!(decode::<v1::TaskId>(b""), missing("value"));
    let offer = field(1, b"o");
    let accept = [field(1, &offer), field(1, &offer), field(1, b"")].concat();
    assert_eq!(decode::<scheduler::Call>(&field(4, &accept)), missing("accept.offer_ids[2].value"));
    // An entry of a map is a message in the wire's eyes, and has its place there.
    let groups = field(1, &field(1, &field(1, b"")));
    let entry = [field(1, b"role"), field(2, &groups)].concat();
    assert_eq!(
        decode::<scheduler::OfferConstraints>(&field(1, &entry)),
        missing("role_constraints[0].value.groups[0].attribute_constraints[0].predicate")
    );
}

#[test]
fn a_limit_of_zero_is_on_the_wire() {
    let scalar = v1::value::Scalar { value: 0.0 };
    let config = v1::quota::QuotaConfig {
        role: "r".to_owned(),
        limits: [("gpus".to_owned(), scalar), ("mem".to_owned(), v1::value::Scalar { value: 8.0 })]
            .into(),
        ..Default::default()
    };
    let update = v1::master::call::UpdateQuota { quota_configs: vec![config], force: None };
    let bytes = Codec::Protobuf.encode(&update);
    let zero = [field(1, b"gpus"), field(2, &[9, 0, 0, 0, 0, 0, 0, 0, 0])].concat();
    assert!(bytes.windows(zero.len()).any(|window| window == zero), "{bytes:?}");
    assert_eq!(decode(&bytes), Ok(update));
    // As prost leaves it, and as no other implementation would read it.
    let entry = field(3, &field(1, b"gpus"));
    assert_eq!(
        decode::<v1::quota::QuotaConfig>(&[field(1, b"r"), entry].concat()),
        missing("limits[0].value")
    );
}

#[test]
fn an_empty_value_is_present() {
    assert_eq!(decode(&field(1, b"")), Ok(v1::TaskId { value: String::new() }));
}

#[test]
fn a_required_enum_of_no_name_is_absent() {
    let task = field(1, &field(1, b"t"));
    let state = |number: &[u8]| [task.clone(), [&[2 << 3], number].concat()].concat();
    assert_eq!(decode::<v1::TaskStatus>(&state(&[2])).map(|status| status.state), Ok(2));
    assert_eq!(decode::<v1::TaskStatus>(&state(&[99])), missing("state"));
    // A negative number, sign-extended to ten bytes.
    let negative = [255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
    assert_eq!(decode::<v1::TaskStatus>(&state(&negative)), missing("state"));
    // The last one counts.
    assert_eq!(decode::<v1::TaskStatus>(&state(&[2, 2 << 3, 99])), missing("state"));
}

#[test]
fn an_optional_enum_of_no_name_reads_as_its_default() {
    let call: scheduler::Call = decode(&[2 << 3, 99]).unwrap();
    assert_eq!(call.r#type(), scheduler::call::Type::Unknown);
}

#[test]
fn unknown_fields_hide_and_give_nothing() {
    // Field 1000 in each framing, then a group that holds what looks like the required field.
    let unknown: &[u8] = &[
        0xc0, 0x3e, 1, // varint
        0xc1, 0x3e, 0, 0, 0, 0, 0, 0, 0, 0, // 64 bits
        0xc2, 0x3e, 1, 0, // length
        0xc5, 0x3e, 0, 0, 0, 0, // 32 bits
        0xc3, 0x3e, 0x0a, 0, 0xc4, 0x3e, // group
    ];
    assert_eq!(decode::<v1::TaskId>(unknown), missing("value"));
    let whole = [unknown, &field(1, b"t"), unknown].concat();
    assert_eq!(decode(&whole), Ok(v1::TaskId::from("t")));
}

/// With all required fields a message is whole; with any one of them gone it is not.
#[test]
fn every_required_field_is_required() {
    let pool = crate::support::pool();
    let check = |name: &str, decode: &dyn Fn(&[u8]) -> Result<(), DecodeError>| {
        let descriptor = pool.get_message_by_name(name).unwrap();
        let whole = whole(&descriptor);
        assert_eq!(decode(&whole.encode_to_vec()), Ok(()), "{name}");
        for field in descriptor.fields().filter(is_required) {
            let mut message = whole.clone();
            message.clear_field(&field);
            let path = field.name().to_owned();
            assert_eq!(decode(&message.encode_to_vec()), Err(DecodeError::Missing { path }));
        }
    };
    macro_rules! check {
        ($($name:literal: $message:ty),+) => {
            $(check($name, &|bytes| decode::<$message>(bytes).map(drop));)+
        };
    }
    check! {
        "mesos.v1.TaskInfo": v1::TaskInfo,
        "mesos.v1.Offer": v1::Offer,
        "mesos.v1.MasterInfo": v1::MasterInfo,
        "mesos.v1.Task": v1::Task,
        "mesos.v1.Volume": v1::Volume,
        "mesos.v1.DomainInfo.FaultDomain": v1::domain_info::FaultDomain,
        "mesos.v1.ResourceUsage": v1::ResourceUsage,
        "mesos.v1.scheduler.AttributeConstraint": scheduler::AttributeConstraint,
        "mesos.v1.scheduler.Call.Subscribe": scheduler::call::Subscribe,
        "mesos.v1.executor.Call": v1::executor::Call,
        "mesos.v1.agent.Response.GetContainers.Container": v1::agent::response::get_containers::Container,
        "mesos.v1.master.Response.GetAgents.Agent": v1::master::response::get_agents::Agent
    }
}

fn is_required(field: &prost_reflect::FieldDescriptor) -> bool {
    field.cardinality() == Cardinality::Required
}

/// The message with its required fields and no others.
fn whole(descriptor: &prost_reflect::MessageDescriptor) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields().filter(is_required) {
        let value = match field.kind().as_message() {
            Some(inner) => Value::Message(whole(inner)),
            None => Value::default_value_for_field(&field),
        };
        message.set_field(&field, value);
    }
    message
}
