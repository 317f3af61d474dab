//! The JSON that v1 clients send and expect, rule by rule.

use meseta_api::codec::{Codec, DecodeError};
use meseta_api::message::V1Message;
use meseta_api::v1::scheduler::attribute_constraint::selector;
use meseta_api::v1::{self, scheduler};

fn read<M: V1Message>(json: &str) -> Result<M, DecodeError> {
    Codec::Json.decode(json.as_bytes())
}

fn text<M: V1Message>(message: &M) -> String {
    String::from_utf8(Codec::Json.encode(message)).unwrap()
}

/// Each spelling reads as the same message as the first.
#[track_caller]
fn same<M: V1Message>(spellings: &[&str]) {
    let first: M = read(spellings[0]).unwrap();
    for spelling in &spellings[1..] {
        assert_eq!(read::<M>(spelling).as_ref(), Ok(&first), "{spelling}");
    }
}

#[track_caller]
fn refused<M: V1Message>(json: &str, error: &str) {
    let cause = read::<M>(json).unwrap_err().to_string();
    let cause = cause.split(" at line ").next().unwrap_or_default();
    assert_eq!(cause, error, "{json}");
}

#[test]
fn names_are_snake_case_and_unknown_ones_ignored() {
    same::<scheduler::Call>(&[
        r#"{"type":"REVIVE","framework_id":{"value":"f"}}"#,
        r#"{"type":"REVIVE","framework_id":{"value":"f"},"newer":[{"deep":[1,null]}]}"#,
        r#"{"type":"REVIVE","framework_id":{"value":"f","x":1},"frameworkId":{"value":"g"}}"#,
        " {\n \"framework_id\" : { \"value\" : \"f\" } , \"type\" : \"REVIVE\" } \n",
    ]);
}

#[test]
fn null_is_unset() {
    same::<scheduler::Call>(&[
        r#"{"type":"REVIVE"}"#,
        r#"{"type":"REVIVE","framework_id":null,"accept":null}"#,
        r#"{"type":"REVIVE","revive":null}"#,
    ]);
    same::<v1::TaskInfo>(&[
        r#"{"name":"n","task_id":{"value":"t"},"agent_id":{"value":"a"}}"#,
        r#"{"name":"n","task_id":{"value":"t"},"agent_id":{"value":"a"},
            "data":null,"resources":null,"limits":null}"#,
        r#"{"name":"n","task_id":{"value":"t"},"agent_id":{"value":"a"},"resources":[null]}"#,
        r#"{"name":"n","task_id":{"value":"t"},"agent_id":{"value":"a"},"limits":{"mem":null}}"#,
    ]);
    refused::<v1::TaskId>(r#"{"value":null}"#, "value: required field is missing");
    refused::<v1::TaskId>("null", "expected an object, found null");
}

#[test]
fn numbers_may_be_strings_and_integers_floats() {
    same::<v1::value::Range>(&[
        r#"{"begin":31000,"end":18446744073709551615}"#,
        r#"{"begin":"31000","end":"18446744073709551615"}"#,
        r#"{"begin":31000.0,"end":18446744073709551615}"#,
        r#"{"begin":3.1e4,"end":"18446744073709551615"}"#,
    ]);
    same::<v1::value::Scalar>(&[
        r#"{"value":2}"#,
        r#"{"value":2.0}"#,
        r#"{"value":"2"}"#,
        r#"{"value":"2.0"}"#,
        r#"{"value":"2e0"}"#,
    ]);
    same::<v1::Address>(&[r#"{"port":-5}"#, r#"{"port":"-5"}"#, r#"{"port":-5.0}"#]);
    let ports = ["5.5", "2147483648", "\"0x10\"", "\"\"", "\" 5\"", "\"+5\"", "1e300", "true"];
    for port in ports {
        let error = read::<v1::Address>(&format!(r#"{{"port":{port}}}"#)).unwrap_err().to_string();
        assert!(error.starts_with("port: expected a signed 32-bit integer, found "), "{error}");
    }
    refused::<v1::value::Range>(
        r#"{"begin":-1,"end":2}"#,
        "begin: expected an unsigned 64-bit integer, found another number",
    );
}

#[test]
fn doubles_may_be_infinite() {
    for (json, value) in [("\"Infinity\"", f64::INFINITY), ("\"-Infinity\"", f64::NEG_INFINITY)] {
        let json = format!(r#"{{"value":{json}}}"#);
        let scalar: v1::value::Scalar = read(&json).unwrap();
        assert_eq!(scalar.value, value);
        assert_eq!(text(&scalar), json);
    }
    for json in ["\"NaN\"", "\"inf\"", "\"infinity\"", "\"-inf\"", "\"x\""] {
        refused::<v1::value::Scalar>(
            &format!(r#"{{"value":{json}}}"#),
            "value: expected a number, found a string that is no number",
        );
    }
}

#[test]
fn booleans_may_be_strings() {
    same::<v1::CommandInfo>(&[r#"{"shell":false}"#, r#"{"shell":"false"}"#]);
    same::<v1::CommandInfo>(&[r#"{"shell":true}"#, r#"{"shell":"true"}"#]);
    for json in ["\"True\"", "\"1\"", "\"\""] {
        refused::<v1::CommandInfo>(
            &format!(r#"{{"shell":{json}}}"#),
            "shell: expected a boolean, found a string that is no boolean",
        );
    }
    refused::<v1::CommandInfo>(r#"{"shell":0}"#, "shell: expected a boolean, found a number");
}

#[test]
fn enums_are_names() {
    refused::<scheduler::Call>(
        r#"{"type":2}"#,
        "type: expected the name of an enum's value, found a number",
    );
    refused::<scheduler::Call>(
        r#"{"type":true}"#,
        "type: expected the name of an enum's value, found a boolean",
    );
}

#[test]
fn an_unknown_enum_name_is_dropped_unless_required() {
    same::<scheduler::Call>(&["{}", r#"{"type":"NEWER"}"#, r#"{"type":"revive"}"#]);
    let capabilities: v1::CapabilityInfo =
        read(r#"{"capabilities":["CHOWN","NEWER","KILL"]}"#).unwrap();
    assert_eq!(capabilities.capabilities.len(), 2);
    refused::<v1::TaskStatus>(
        r#"{"task_id":{"value":"t"},"state":"TASK_NEWER"}"#,
        "state: required field is missing",
    );
}

#[test]
fn bytes_are_standard_base64() {
    let uuid: v1::Uuid = read(r#"{"value":"+/8="}"#).unwrap();
    assert_eq!(&uuid.value[..], [0xfb, 0xff]);
    assert_eq!(text(&uuid), r#"{"value":"+/8="}"#);
    for value in ["-_8=", "+/8", "+/ 8=", "*"] {
        refused::<v1::Uuid>(
            &format!(r#"{{"value":"{value}"}}"#),
            "value: expected bytes in base64, found another string",
        );
    }
}

#[test]
fn a_lone_value_is_one_element() {
    same::<scheduler::call::Decline>(&[
        r#"{"offer_ids":[{"value":"o"}]}"#,
        r#"{"offer_ids":{"value":"o"}}"#,
    ]);
    same::<v1::FrameworkInfo>(&[
        r#"{"user":"u","name":"n","roles":["r"]}"#,
        r#"{"user":"u","name":"n","roles":"r"}"#,
    ]);
    same::<v1::CapabilityInfo>(&[r#"{"capabilities":["CHOWN"]}"#, r#"{"capabilities":"CHOWN"}"#]);
}

#[test]
fn an_array_for_a_singular_field_is_refused() {
    refused::<v1::TaskId>(r#"{"value":["t"]}"#, "value: expected a string, found an array");
    refused::<v1::Task>(r#"{"task_id":[]}"#, "task_id: expected an object, found an array");
    refused::<v1::TaskId>("[]", "expected an object, found an array");
    refused::<v1::FrameworkInfo>(
        r#"{"roles":["a",["b"]]}"#,
        "roles[1]: expected a string, found an array",
    );
}

#[test]
fn a_missing_required_field_is_named_by_its_path() {
    let cases = [
        (r#"{"type":"ACCEPT","accept":{"offer_ids":[{}]}}"#, "accept.offer_ids[0].value"),
        (
            r#"{"accept":{"offer_ids":[{"value":"a"},{"value":"b"},{"x":1}]}}"#,
            "accept.offer_ids[2].value",
        ),
        (r#"{"accept":{"offer_ids":{}}}"#, "accept.offer_ids.value"),
        (r#"{"subscribe":{}}"#, "subscribe.framework_info"),
        (r#"{"subscribe":{"framework_info":{"name":"n"}}}"#, "subscribe.framework_info.user"),
        (
            r#"{"subscribe":{"framework_info":{"user":"u","name":"n","offer_filters":
               {"r":{"min_allocatable_resources":{"quantities":[{"quantities":{"cpus":{}}}]}}}}}}"#,
            r#"subscribe.framework_info.offer_filters["r"].min_allocatable_resources.quantities[0].quantities["cpus"].value"#,
        ),
    ];
    for (json, path) in cases {
        let missing = DecodeError::Missing { path: path.to_owned() };
        assert_eq!(read::<scheduler::Call>(json), Err(missing), "{json}");
    }
}

#[test]
fn what_comes_twice_is_refused() {
    refused::<v1::TaskId>(r#"{"value":"a","value":"b"}"#, "value: the field is there twice");
    refused::<v1::TaskInfo>(
        r#"{"limits":{"mem":{"value":1},"mem":{"value":2}}}"#,
        r#"limits["mem"]: the key is there twice"#,
    );
    refused::<scheduler::attribute_constraint::Selector>(
        r#"{"attribute_name":"a","pseudoattribute_type":"ZONE"}"#,
        "pseudoattribute_type: another of its alternatives is set too",
    );
    same::<scheduler::attribute_constraint::Selector>(&[
        r#"{"pseudoattribute_type":"ZONE"}"#,
        r#"{"attribute_name":null,"pseudoattribute_type":"ZONE"}"#,
    ]);
}

#[test]
fn only_one_message_stands_in_the_input() {
    for json in ["", "{", r#"{"value":"t"} x"#, r#"{"value":"t"}{}"#, r#"{"value":"t",}"#, "{]"] {
        let error = read::<v1::TaskId>(json).unwrap_err();
        assert!(!matches!(error, DecodeError::Missing { .. }), "{json}: {error}");
    }
}

#[test]
fn errors_repeat_no_value() {
    let secret = "hunter2".repeat(1000);
    let cases = [
        format!(r#"{{"command":"{secret}"}}"#),
        format!(r#"{{"data":"{secret}*"}}"#),
        format!(r#"{{"resources":[{{"scalar":{{"value":"{secret}"}}}}]}}"#),
    ];
    for json in cases {
        let error = read::<v1::TaskInfo>(&json).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn output_holds_what_is_set_in_order_on_one_line() {
    let resource = v1::Resource {
        name: "ports".to_owned(),
        r#type: v1::value::Type::Ranges as i32,
        ranges: Some(v1::value::Ranges {
            range: vec![v1::value::Range { begin: 31_000, end: u64::MAX }],
        }),
        ..Default::default()
    };
    assert_eq!(
        text(&resource),
        r#"{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":31000,"end":18446744073709551615}]}}"#
    );
    let parameter = v1::Parameter { key: "ü/\n".to_owned(), value: "\"\u{1}😀".to_owned() };
    assert_eq!(text(&parameter), r#"{"key":"ü/\n","value":"\"\u0001😀"}"#);
    assert_eq!(text(&scheduler::Call::default()), "{}");
    assert_eq!(text(&v1::value::Scalar { value: 64.0 }), r#"{"value":64.0}"#);
}

#[test]
fn explicit_defaults_are_printed_unless_deprecated() {
    assert_eq!(
        text(&v1::FrameworkInfo::default()),
        r#"{"user":"","name":"","failover_timeout":0.0,"checkpoint":false}"#
    );
    assert_eq!(text(&v1::CommandInfo::default()), r#"{"shell":true}"#);
    assert_eq!(text(&v1::Filters::default()), r#"{"refuse_seconds":5.0}"#);
    assert_eq!(text(&v1::network_info::IpAddress::default()), r#"{"protocol":"IPv4"}"#);
    let framework = v1::FrameworkInfo { role: Some("*".to_owned()), ..Default::default() };
    assert!(text(&framework).contains(r#""role":"*""#), "set, it is printed");
}

#[test]
fn a_protobuf_duration_is_an_object() {
    let drain: v1::master::call::DrainAgent =
        read(r#"{"agent_id":{"value":"a"},"max_grace_period":{"seconds":600}}"#).unwrap();
    let expected = v1::Duration { seconds: Some(600), nanos: None };
    assert_eq!(drain.max_grace_period, Some(expected));
    assert_eq!(
        text(&drain),
        r#"{"agent_id":{"value":"a"},"max_grace_period":{"seconds":600},"mark_gone":false}"#
    );
}

#[test]
fn an_enum_number_of_no_name_is_left_out() {
    let capabilities =
        v1::CapabilityInfo { capabilities: vec![v1::capability_info::Capability::Kill as i32, 77] };
    assert_eq!(text(&capabilities), r#"{"capabilities":["KILL"]}"#);
    let call = scheduler::Call { r#type: Some(77), ..Default::default() };
    assert_eq!(text(&call), "{}");
    let selector = scheduler::attribute_constraint::Selector {
        selector: Some(selector::Selector::PseudoattributeType(77)),
    };
    assert_eq!(text(&selector), "{}");
}

#[test]
fn a_rust_enum_is_its_name() {
    assert_eq!(serde_json::to_string(&v1::TaskState::TaskLost).unwrap(), r#""TASK_LOST""#);
    assert_eq!(
        serde_json::from_str::<v1::TaskState>(r#""TASK_LOST""#).unwrap(),
        v1::TaskState::TaskLost
    );
    assert!(serde_json::from_str::<v1::TaskState>("5").is_err());
    assert!(serde_json::from_str::<v1::TaskState>(r#""LOST""#).is_err());
}

#[test]
fn serde_without_the_codec_names_the_path_too() {
    let error = serde_json::from_str::<scheduler::Call>(r#"{"kill":{"task_id":{}}}"#).unwrap_err();
    assert!(
        error.to_string().starts_with("kill.task_id.value: required field is missing"),
        "{error}"
    );
}
