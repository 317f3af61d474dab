//! Every `select!` is biased: its branches are polled in the order written.
//!
//! Held wherever the simulator runs: in components and in `tests/src/`. Suites against real
//! servers draw no seed.

use crate::finding::{expect_none, expect_one, Finding};
use crate::paths::tokens;
use crate::source::{tree, Source};

const WHY: &str = "an unbiased select! polls its branches in random order, and the same seed must \
    give the same run: write `biased;` first";

fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let tokens = tokens(source);
        for (at, pair) in tokens.windows(2).enumerate() {
            let macro_call = pair[0].1 == "select" && pair[1].1 == "!";
            let simulated = !source.test[pair[0].0 - 1] || source.path.starts_with("tests/src/");
            if simulated && macro_call && tokens.get(at + 3).is_none_or(|t| t.1 != "biased") {
                let (path, line) = (source.path.clone(), pair[0].0);
                findings.push(Finding { path, line, what: "an unbiased select!".into(), why: WHY });
            }
        }
    }
    findings
}

#[test]
fn every_select_is_biased() {
    expect_none(check(&tree()));
}

#[test]
fn a_planted_unbiased_select_is_named() {
    let text = "async fn f() {\n    tokio::select! {\n        _ = a => {}\n    }\n}\n";
    expect_one(&check(&[Source::new("a/src/lib.rs", text)]), 2, "an unbiased select!");
    let text =
        "async fn f() {\n    tokio::select! {\n        biased;\n        _ = a => {}\n    }\n}\n";
    expect_none(check(&[Source::new("a/src/lib.rs", text)]));
}
