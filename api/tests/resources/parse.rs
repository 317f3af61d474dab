//! The notations of the `--resources` flag.

use crate::common::*;
use meseta_api::resources::{parse_entries, ResourceName, Resources, Scalar, ScalarQuantities};
use proptest::prelude::*;

/// Resources of any name (RES-04), reserved ones too (RES-08).
#[test]
fn texts_and_what_they_mean() {
    let table = [
        ("", ""),
        (" ; ;\n", ""),
        ("cpus:4;mem:1024", "cpus:4;mem:1024"),
        ("mem:1024;cpus:4;", "cpus:4;mem:1024"),
        (" cpus : 4 ;\n mem:0.5", "cpus:4;mem:0.5"),
        ("cpus:1e1;mem:+2;disk:.5", "cpus:10;disk:0.5;mem:2"),
        (
            "ports:[31000-32000,33000-33010];disks:{b,a};cpus(prod):2",
            "cpus(prod):2;disks:{a,b};ports:[31000-32000,33000-33010]",
        ),
        ("ports:[ 5 - 6 , 1-2 ]", "ports:[1-2,5-6]"),
        ("ports:[1-5,3-8,9-9]", "ports:[1-9]"),
        ("cpus(*):1;cpus:1", "cpus:2"),
        ("cpus(eng/web):1;cpus ( eng ) :1", "cpus(eng):1;cpus(eng/web):1"),
        ("slots:[0-18446744073709551615]", "slots:[0-18446744073709551615]"),
        ("cpus:0;ports:[];d:{}", ""),
        ("nvidia.com/gpu:2", "nvidia.com/gpu:2"),
    ];
    for (text, expected) in table {
        assert_eq!(res(text).to_string(), expected, "{text:?}");
    }
}

#[test]
fn refusals_name_the_token_and_the_place() {
    let table = [
        ("cpus", "no ':' between name and value in 'cpus' at byte 0"),
        ("cpus:", "no value in 'cpus:' at byte 0"),
        ("mem:1; :4", "resource name must not be empty in '' at byte 7"),
        ("cpus:four", "value is neither a number nor [ranges] nor {a set} in 'four' at byte 5"),
        ("cpus:4:5", "value is neither a number nor [ranges] nor {a set} in '4:5' at byte 5"),
        ("cpus:nan", "value is neither a number nor [ranges] nor {a set} in 'nan' at byte 5"),
        ("cpus:0x10", "value is neither a number nor [ranges] nor {a set} in '0x10' at byte 5"),
        ("cpus:-1", "amount is negative in '-1' at byte 5"),
        ("mem:1;cpus:1e400", "amount is NaN or infinite in '1e400' at byte 11"),
        (
            "mem:1;cpus:1e30",
            "amount is too large to be exact to three decimals in '1e30' at byte 11",
        ),
        ("gpus:0.5", "must be a whole number in 'gpus:0.5' at byte 0"),
        ("ports:[1-2", "no ']' at the end in '[1-2' at byte 6"),
        ("ports:[", "no ']' at the end in '[' at byte 6"),
        ("ports:[1-2,5]", "no 'begin-end' range in '5' at byte 11"),
        ("ports:[1-2,,]", "no 'begin-end' range in '' at byte 11"),
        ("ports:[a-b]", "no 'begin-end' range in 'a-b' at byte 7"),
        ("ports:[1--2]", "no 'begin-end' range in '1--2' at byte 7"),
        ("ports:[9-1]", "range 9-1 is inverted in '[9-1]' at byte 6"),
        ("ports:[1-65536]", "port 65536 is above 65535 in 'ports:[1-65536]' at byte 0"),
        (
            "x:[1-18446744073709551616]",
            "no 'begin-end' range in '1-18446744073709551616' at byte 3",
        ),
        ("cpus:1;[x:2", "name starts with '[' in '[x' at byte 7"),
        ("d:{a", "no '}' at the end in '{a' at byte 2"),
        ("d:{a,,b}", "empty item in '{a,,b}' at byte 2"),
        ("d:{a,b,a}", "item \"a\" is given twice in '{a,b,a}' at byte 2"),
        ("cpus:[1-2]", "must be of type SCALAR, not RANGES in 'cpus:[1-2]' at byte 0"),
        ("cpus(eng:1", "no ')' after the role in 'cpus(eng' at byte 0"),
        ("cpus(eng)x:1", "text between the role and ':' in 'cpus(eng)x' at byte 0"),
        ("mem:1;cpus():1", "role must not be empty in '' at byte 11"),
        ("cpus(-x):1", "role has a component that starts with '-' at byte 0 in '-x' at byte 5"),
        ("é:1;cpus", "no ':' between name and value in 'cpus' at byte 5"),
        ("x:1;x:[1-2]", "resource 1 ('x'): is RANGES here and SCALAR before"),
        ("ports:[1-2];ports(eng):[2-3]", "resources 'ports': 2-2 is in more than one range"),
        ("d:{a};d:{a}", "resources 'd': item \"a\" is given twice"),
    ];
    for (text, expected) in table {
        let error = Resources::parse(text).map(|r| r.to_string()).map_err(|e| e.to_string());
        assert_eq!(error, Err(expected.to_owned()), "{text:?}");
    }
}

#[test]
fn long_and_dangerous_tokens_are_cut_and_escaped() {
    let error = Resources::parse(&format!("\u{1b}[31m{}", "x".repeat(1 << 20))).unwrap_err();
    let text = error.to_string();
    assert!(text.len() < 200 && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn amounts_of_zero_are_mentioned() {
    let entries = parse_entries("gpus:0;ports:[]").unwrap();
    let names: Vec<_> = entries.iter().map(|entry| entry.name().clone()).collect();
    assert_eq!(names, [ResourceName::GPUS, ResourceName::PORTS]);
}

#[test]
fn json_form() {
    let json = r#" [
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 4}},
        {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 2}]},
         "role": "eng"}
    ]"#;
    assert_eq!(res(json), res("cpus:4;ports(eng):[1-2]"));
    assert_eq!(res("[]"), Resources::new());
    for bad in ["[", "[{}", "[1]", "[{\"name\":\"cpus\",\"type\":\"NOPE\"}]", "[] x"] {
        assert!(Resources::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn quantities() {
    let min: ScalarQuantities = "mem:32;cpus:0.01".parse().unwrap();
    assert_eq!(min.to_string(), "cpus:0.01;mem:32");
    assert_eq!(min.get(&ResourceName::MEM), Scalar::from_units(32));
    assert!(res("cpus:1;mem:64").quantities().contains(&min));
    // The last: each amount could be read, their sum could not be read again.
    for bad in ["cpus(eng):1", "ports:[1-2]", "cpus", "mem:1000000000000;mem:1000000000000"] {
        assert!(bad.parse::<ScalarQuantities>().is_err(), "{bad}");
    }
    let json = serde_json::to_string(&min).unwrap();
    assert_eq!(json, r#"[["cpus",10],["mem",32000]]"#);
    assert_eq!(serde_json::from_str::<ScalarQuantities>(&json).unwrap(), min);
}

proptest! {
    #[test]
    fn what_the_notation_can_say_reads_back(a in any_resources()) {
        let plain = a.filter(|entry| {
            let descriptor = entry.descriptor();
            entry.allocated_to().is_none() && descriptor.disk.is_none() && !descriptor.revocable
        });
        if let Ok(again) = Resources::parse(&plain.to_string()) {
            prop_assert_eq!(again, plain);
        }
    }

    #[test]
    fn no_text_panics(text in "[a-z0-9:;\\[\\]{}(),. *\\-é]{0,40}") {
        if let Ok(resources) = Resources::parse(&text) {
            prop_assert_eq!(resources.to_string().parse(), Ok(resources));
        }
    }

    #[test]
    fn no_string_panics(text in any::<String>()) {
        let _ = Resources::parse(&text);
        let _ = meseta_api::attributes::parse(&text);
    }
}
