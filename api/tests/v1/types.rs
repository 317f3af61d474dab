//! What the types can do beside their encodings.

use meseta_api::codec::Codec;
use meseta_api::message::V1Enum;
use meseta_api::v1::{self, TaskState};

#[test]
fn eight_states_are_terminal() {
    let terminal: Vec<_> = (0..=13)
        .map(|number| TaskState::try_from(number).unwrap())
        .filter(|state| state.is_terminal())
        .map(|state| state.as_str_name())
        .collect();
    assert_eq!(
        terminal,
        [
            "TASK_FINISHED",
            "TASK_FAILED",
            "TASK_KILLED",
            "TASK_LOST",
            "TASK_ERROR",
            "TASK_DROPPED",
            "TASK_GONE",
            "TASK_GONE_BY_OPERATOR"
        ]
    );
    assert_eq!(TaskState::NAME, "mesos.v1.TaskState");
}

#[test]
fn ids_come_from_strings_and_print_as_them() {
    assert_eq!(v1::FrameworkId::from("f").to_string(), "f");
    let mut container = v1::ContainerId::from("inner");
    container.parent = Some(Box::new(v1::ContainerId::from("outer".to_owned())));
    assert_eq!(container.to_string(), "outer.inner");
}

#[test]
fn secrets_do_not_show_in_debug() {
    let credential =
        v1::Credential { principal: "p".to_owned(), secret: Some("hunter2".to_owned()) };
    let secret = v1::Secret {
        value: Some(v1::secret::Value { data: b"hunter2".to_vec().into() }),
        ..Default::default()
    };
    let text = format!("{credential:?} {secret:?}");
    assert!(text.contains("\"p\"") && !text.contains("hunter2"), "{text}");
}

#[test]
fn media_types_are_exact() {
    for codec in [Codec::Json, Codec::Protobuf] {
        assert_eq!(Codec::from_media_type(codec.media_type()), Some(codec));
    }
    assert_eq!(Codec::from_media_type("Application/JSON"), Some(Codec::Json));
    assert_eq!(Codec::from_media_type("application/json; charset=utf-8"), None);
    assert_eq!(Codec::from_media_type("text/html"), None);
}
