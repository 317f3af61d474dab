//! What tests may not do: be skipped, sleep, or stand in for code that is not there.

use crate::finding::{expect_none, expect_one, Finding};
use crate::paths::{paths, tokens};
use crate::source::{tree, Source};

const SLEEPS: &[&str] = &[
    "std::thread::sleep",
    "std::thread::sleep_ms",
    "tokio::time::sleep",
    "tokio::time::sleep_until",
    "actix_rt::time::sleep",
];

const IGNORED: &str = "a test that does not run proves nothing: repair it or remove it";
const SLEEP: &str =
    "a test waits on a level: by its World's clock, by tokio::time::interval under a \
    deadline, or, where something must stay pending, by a timeout on it; a sleep is either too \
    short or too long";
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
    // A bench waits for a machine to settle, or for a time that it measures over.
    let bench = source.path.split('/').any(|folder| folder == "benches");
    paths(source)
        .into_iter()
        .filter(|_| !bench)
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
fn words_about_it_are_free() {
    let text = "// #[ignore] todo!() std::thread::sleep\nlet c = \"sleep 5; todo!()\";\n";
    expect_none(check(&[Source::new("a/tests/x.rs", text)]));
}
