//! The three encodings against each other, and against prost-reflect, which shares no code with
//! ours: random messages of each type that stands at the top of a call, a response or an event.

use crate::support::{accept, subscribe};
use meseta_api::codec::Codec;
use meseta_api::message::V1Message;
use meseta_api::v1;
use proptest::prelude::*;
use prost_reflect::prost::Message as _;
use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage as _, Value,
};

/// Beyond this, random messages get no optional members.
const MAX_DEPTH: usize = 8;

#[test]
fn a_call_survives_each_encoding() {
    for call in [accept(), subscribe()] {
        let protobuf = Codec::Protobuf.encode(&call);
        assert_eq!(Codec::Protobuf.decode(&protobuf).as_ref(), Ok(&call));

        let named = rmp_serde::to_vec_named(&call).unwrap();
        let read: v1::scheduler::Call = rmp_serde::from_slice(&named).unwrap();
        assert_eq!(read, call);

        // JSON prints defaults, so the second round is the one that changes nothing.
        let json = Codec::Json.encode(&call);
        let read: v1::scheduler::Call = Codec::Json.decode(&json).unwrap();
        assert_eq!(Codec::Json.encode(&read), json);
    }
}

#[test]
fn message_pack_keeps_bytes_raw_and_defaults_unset() {
    let call = accept();
    let named = rmp_serde::to_vec_named(&call).unwrap();
    let raw = [0xc4, 4, 0, 255, 10, 128]; // bin of four bytes
    assert!(named.windows(raw.len()).any(|window| window == raw));
    let framework = v1::FrameworkInfo::default();
    let read: v1::FrameworkInfo =
        rmp_serde::from_slice(&rmp_serde::to_vec_named(&framework).unwrap()).unwrap();
    assert_eq!(read.checkpoint, None);
}

#[test]
fn message_pack_of_a_newer_version_is_read() {
    // {"type": "REVIVE", "newer": [1, {"a": nil}], "framework_id": {"value": "f"}}
    let mut named = vec![0x83];
    named.extend(b"\xa4type\xa6REVIVE");
    named.extend(b"\xa5newer\x92\x01\x81\xa1a\xc0");
    named.extend(b"\xacframework_id\x81\xa5value\xa1f");
    let call: v1::scheduler::Call = rmp_serde::from_slice(&named).unwrap();
    assert_eq!(call.r#type(), v1::scheduler::call::Type::Revive);
    assert_eq!(call.framework_id, Some("f".into()));
}

macro_rules! agrees {
    ($($test:ident: $message:ty = $name:literal),+ $(,)?) => {$(
        #[test]
        fn $test() {
            let descriptor = crate::support::pool().get_message_by_name($name).unwrap();
            let config = ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() };
            proptest!(config, |(tape in tape())| {
                agrees::<$message>(&descriptor, &tape);
            });
        }
    )+};
}

agrees! {
    scheduler_calls_agree: v1::scheduler::Call = "mesos.v1.scheduler.Call",
    scheduler_events_agree: v1::scheduler::Event = "mesos.v1.scheduler.Event",
    executor_calls_agree: v1::executor::Call = "mesos.v1.executor.Call",
    executor_events_agree: v1::executor::Event = "mesos.v1.executor.Event",
    master_calls_agree: v1::master::Call = "mesos.v1.master.Call",
    master_responses_agree: v1::master::Response = "mesos.v1.master.Response",
    master_events_agree: v1::master::Event = "mesos.v1.master.Event",
    agent_calls_agree: v1::agent::Call = "mesos.v1.agent.Call",
    agent_responses_agree: v1::agent::Response = "mesos.v1.agent.Response",
    process_io_agrees: v1::agent::ProcessIo = "mesos.v1.agent.ProcessIO",
    provider_calls_agree: v1::resource_provider::Call = "mesos.v1.resource_provider.Call",
    provider_events_agree: v1::resource_provider::Event = "mesos.v1.resource_provider.Event",
    usage_agrees: v1::ResourceUsage = "mesos.v1.ResourceUsage",
}

fn agrees<M: V1Message>(descriptor: &MessageDescriptor, tape: &[u8]) {
    let mut tape = tape.iter().copied();
    let dynamic = random_message(descriptor, &mut tape, 0);

    let ours: M = Codec::Protobuf.decode(&dynamic.encode_to_vec()).unwrap();
    let back = DynamicMessage::decode(descriptor.clone(), &*Codec::Protobuf.encode(&ours)).unwrap();
    // Bytes are compared, in which the order of fields and the single entries of maps are fixed.
    assert_eq!(back.encode_to_vec(), dynamic.encode_to_vec(), "protobuf");

    let named = rmp_serde::to_vec_named(&ours).unwrap();
    assert_eq!(rmp_serde::from_slice::<M>(&named).unwrap(), ours, "MessagePack");

    let json = Codec::Json.encode(&ours);
    let text = std::str::from_utf8(&json).unwrap();
    let mut deserializer = serde_json::Deserializer::from_slice(&json);
    let back = DynamicMessage::deserialize(descriptor.clone(), &mut deserializer).unwrap();
    let mut expected = dynamic;
    print_defaults(&mut expected);
    assert_eq!(back.encode_to_vec(), expected.encode_to_vec(), "JSON, read by others: {text}");
    let read: M = Codec::Json.decode(&json).unwrap();
    assert_eq!(Codec::Json.encode(&read), json, "JSON as we read it");
    assert!(!text.contains("null") && !text.contains('\n'), "{text}");
}

fn tape() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..600)
}

fn random_message(
    descriptor: &MessageDescriptor,
    tape: &mut impl Iterator<Item = u8>,
    depth: usize,
) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    // prost-reflect writes a Duration as proto3 does, `"1.5s"`; Mesos, as any other message.
    let has_own_json = |field: &FieldDescriptor| {
        field.kind().as_message().is_some_and(|kind| kind.full_name() == "google.protobuf.Duration")
    };
    for field in descriptor.fields().filter(|field| !has_own_json(field)) {
        let is_required = field.cardinality() == Cardinality::Required;
        let wanted = depth < MAX_DEPTH && tape.next().unwrap_or(0) % 3 == 1;
        if !is_required && !wanted {
            continue;
        }
        let value = if field.is_map() {
            let value_field = field.kind().as_message().unwrap().map_entry_value_field();
            let key = MapKey::String(random_text(tape));
            Value::Map([(key, random_value(&value_field, tape, depth))].into())
        } else if field.is_list() {
            let count = tape.next().unwrap_or(0) % 3;
            Value::List((0..count).map(|_| random_value(&field, tape, depth)).collect())
        } else {
            random_value(&field, tape, depth)
        };
        message.set_field(&field, value);
    }
    message
}

fn random_value(
    field: &FieldDescriptor,
    tape: &mut impl Iterator<Item = u8>,
    depth: usize,
) -> Value {
    let mut bits = || (0..8).fold(0_u64, |sum, _| sum << 8 | u64::from(tape.next().unwrap_or(0)));
    match field.kind() {
        Kind::Bool => Value::Bool(bits() % 2 == 1),
        Kind::Int32 => Value::I32(bits() as i32),
        Kind::Int64 => Value::I64(bits() as i64),
        Kind::Uint32 => Value::U32(bits() as u32),
        Kind::Uint64 => Value::U64(bits()),
        Kind::Double => {
            let value = f64::from_bits(bits());
            Value::F64(if value.is_nan() { f64::INFINITY } else { value })
        }
        Kind::String => Value::String(random_text(tape)),
        Kind::Bytes => Value::Bytes(bits().to_be_bytes().to_vec().into()),
        Kind::Enum(item) => {
            let values: Vec<_> = item.values().collect();
            Value::EnumNumber(values[bits() as usize % values.len()].number())
        }
        Kind::Message(message) => Value::Message(random_message(&message, tape, depth + 1)),
        other => panic!("no field of the v1 API is of {other:?}"),
    }
}

fn random_text(tape: &mut impl Iterator<Item = u8>) -> String {
    let alphabet = ['a', 'Z', '0', '"', '\\', '/', '\n', '\u{1}', 'ü', '\u{2028}', '😀', ' '];
    let mut next = || usize::from(tape.next().unwrap_or(0));
    (0..next() % 5).map(|_| alphabet[next() % alphabet.len()]).collect()
}

/// Sets what our JSON prints though it is unset.
fn print_defaults(message: &mut DynamicMessage) {
    for field in message.descriptor().fields() {
        if message.has_field(&field) {
            match message.get_field_mut(&field) {
                Value::Message(inner) => print_defaults(inner),
                Value::List(values) => {
                    values.iter_mut().filter_map(Value::as_message_mut).for_each(print_defaults);
                }
                Value::Map(values) => {
                    values.values_mut().filter_map(Value::as_message_mut).for_each(print_defaults);
                }
                _ => {}
            }
            continue;
        }
        let proto = field.field_descriptor_proto();
        let is_deprecated = proto.options.as_ref().is_some_and(|options| options.deprecated());
        if proto.default_value.is_some() && !is_deprecated {
            message.set_field(&field, field.default_value());
        }
    }
}

/// The pool is also what gives the types their names; all of them must be found there.
#[test]
fn tables_carry_the_descriptors_names() {
    let pool: DescriptorPool = crate::support::pool();
    for name in [v1::TaskInfo::table().name, v1::master::Response::table().name] {
        assert!(pool.get_message_by_name(name).is_some(), "{name}");
    }
}
