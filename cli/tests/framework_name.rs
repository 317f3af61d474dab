//! From what a person types to one framework.

use meseta_api::v1::master::response::{get_frameworks::Framework, GetFrameworks};
use meseta_api::v1::FrameworkInfo;
use meseta_cli::framework_name::{resolve, NameError};
use meseta_cli::view::frameworks::rows;
use meseta_cli::view::frameworks::FrameworkRow;

fn frameworks() -> Vec<FrameworkRow> {
    let framework = |(id, name): (&str, &str)| Framework {
        framework_info: FrameworkInfo {
            id: Some(id.into()),
            name: name.to_owned(),
            ..Default::default()
        },
        ..Default::default()
    };
    let lives = [("m1-0000", "web"), ("m1-0001", "web-canary"), ("m1-0010", "db")];
    let ended = [("m0-0007", "web"), ("m0-0008", "cron"), ("m0-0009", "cron")];
    let response = GetFrameworks {
        frameworks: lives.map(framework).to_vec(),
        completed_frameworks: ended.map(framework).to_vec(),
        ..Default::default()
    };
    rows(&response, true)
}

#[test]
fn one_framework_is_found() {
    let all = frameworks();
    for (text, expected) in [
        ("m1-0000", "m1-0000"),
        ("0001", "m1-0001"),
        ("web", "m1-0000"),
        ("web-", "m1-0001"),
        ("d", "m1-0010"),
        ("m1-001", "m1-0010"),
        ("0007", "m0-0007"),
    ] {
        let found = resolve(text, &all).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(all[found].id, expected, "{text}");
    }
}

#[test]
fn nothing_is_guessed() {
    let all = frameworks();
    for text in ["", "x", "000"] {
        let error = resolve(text, &all).unwrap_err();
        assert_eq!(error, NameError::NoMatch { text: text.to_owned() });
    }
    let error = resolve("cron", &all).unwrap_err();
    assert_eq!(error.to_string(), r#""cron" names several frameworks: m0-0008, m0-0009"#);
}
