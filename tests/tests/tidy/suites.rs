//! What tests may not do: be skipped, sleep, or stand in for code that is not there.

use crate::finding::{expect_none, expect_one, Finding};
use crate::paths::{paths, tokens};
use crate::source::{tree, Source};

const SLEEPS: &[&str] = &[
    "std::thread::sleep",
    "std::thread::sleep_ms",
    "std::thread::park_timeout",
    "std::thread::park_timeout_ms",
    "tokio::time::sleep",
    "tokio::time::sleep_until",
    "actix_rt::time::sleep",
];

/// The only files where time passes.
const MAY_SLEEP: &[(&str, &str)] = &[
    ("tests/src/real/wait.rs", "between two looks at a level, under a deadline"),
    ("tests/benches/support/pace.rs", "the span or the rate that a bench measures over"),
];

const IGNORED: &str = "a test that does not run proves nothing: repair it or remove it";
const SLEEP: &str = "a test or a bench waits on a level: by its World's clock, by real::wait, by \
    tokio::time::interval under a deadline, or, where something must stay pending, by a timeout on \
    it; a sleep is either too short or too long. A bench's span or rate is support::pace's";
const MISSING: &str =
    "what does not exist yet is refused with an error that says so, never a panic";

fn check(sources: &[Source]) -> Vec<Finding> {
    sources.iter().flat_map(|s| [ignored(s), sleeps(s), stubs(s)]).flatten().collect()
}

fn ignored(source: &Source) -> Vec<Finding> {
    let squeezed = |line: &str| line.split_whitespace().collect::<String>();
    let marks = ["#[ignore]", "#[ignore=", ",ignore)]"];
    source
        .numbered()
        .filter(|(_, line)| marks.iter().any(|mark| squeezed(line).contains(mark)))
        .map(|(line, _)| finding(source, line, "an ignored test".into(), IGNORED))
        .collect()
}

fn sleeps(source: &Source) -> Vec<Finding> {
    let may = MAY_SLEEP.iter().any(|(path, _)| *path == source.path);
    paths(source)
        .into_iter()
        .filter(|_| !may)
        .filter(|named| source.test[named.line - 1] && SLEEPS.iter().any(|s| named.is_under(s)))
        .map(|named| finding(source, named.line, named.segments.join("::"), SLEEP))
        .collect()
}

fn stubs(source: &Source) -> Vec<Finding> {
    let tokens = tokens(source);
    tokens
        .windows(2)
        .filter(|pair| matches!(pair[0].1.as_str(), "todo" | "unimplemented") && pair[1].1 == "!")
        .map(|pair| finding(source, pair[0].0, format!("{}!", pair[0].1), MISSING))
        .collect()
}

fn finding(source: &Source, line: usize, what: String, why: &'static str) -> Finding {
    Finding { path: source.path.clone(), line, what, why }
}

#[test]
fn tests_run_and_do_not_sleep_and_nothing_is_a_stub() {
    expect_none(check(&tree()));
}

#[test]
fn planted_idleness_is_named() {
    let cases = [
        ("a/tests/x.rs", "#[ignore]", "an ignored test"),
        ("a/tests/x.rs", "#[ignore = \"slow\"]", "an ignored test"),
        ("a/tests/x.rs", "#[cfg_attr(miri, ignore)]", "an ignored test"),
        ("a/tests/x.rs", "fn f() { std::thread::sleep(d); }", "std::thread::sleep"),
        ("tests/src/cluster.rs", "use tokio::time::{sleep, timeout};", "tokio::time::sleep"),
        ("a/src/lib.rs", "#[cfg(test)] mod t { use std::thread::sleep; }", "std::thread::sleep"),
        ("a/tests/x.rs", "fn f() { std::thread::park_timeout(d); }", "std::thread::park_timeout"),
        ("a/benches/x.rs", "fn f() { std::thread::sleep(d); }", "std::thread::sleep"),
        ("a/src/lib.rs", "fn f() { todo!() }", "todo!"),
        ("a/src/lib.rs", "fn f() { unimplemented !(\"later\") }", "unimplemented!"),
    ];
    for (path, line, needle) in cases {
        expect_one(&check(&[Source::new(path, &format!("//! x\n{line}\n"))]), 2, needle);
    }
}

#[test]
fn a_name_brought_in_and_called_is_named_where_it_is_called_too() {
    let text = "use std::thread;\nfn f() { thread::sleep(d); }\n";
    expect_one(&check(&[Source::new("a/tests/x.rs", text)]), 2, "std::thread::sleep");
}

#[test]
fn time_passes_in_the_named_files_which_are_there() {
    let tree = tree();
    for (path, why) in MAY_SLEEP {
        assert!(
            tree.iter().any(|source| source.path == *path),
            "no {path}, which may sleep: {why}"
        );
        expect_none(check(&[Source::new(path, "fn f() { std::thread::park_timeout(d); }\n")]));
    }
}

#[test]
fn words_about_it_are_free() {
    let text = "// #[ignore] todo!() std::thread::sleep\nlet c = \"sleep 5; todo!()\";\n";
    expect_none(check(&[Source::new("a/tests/x.rs", text)]));
}
