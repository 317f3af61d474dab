//! What the documents name exists: a path in backticks is a file or folder of the tree.

use std::collections::BTreeSet;

use crate::finding::{expect_none, expect_one, Finding};
use crate::source::{files, read, root};

const WHY: &str =
    "a map of the code that names what is not there misleads: correct it with the move";

/// Documents about the tree as it is. The changelog speaks of the past.
fn is_document(path: &str) -> bool {
    path.ends_with(".md") && path != "CHANGELOG.md"
}

/// The paths that a line names in backticks: words with a slash that end in one, or in a file's
/// name. Relative to the root, or to the document's own folder.
fn named(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2).filter(|span| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '.');
        let name = span.rsplit('/').next().unwrap_or_default();
        let begins = span.starts_with(|c: char| c.is_ascii_lowercase() || c == '.');
        let made = ["target/", ".tools/"].iter().any(|folder| span.starts_with(folder));
        let ends = name.is_empty() || name.contains('.');
        begins && span.contains('/') && span.chars().all(plain) && ends && !made
    })
}

fn check(path: &str, text: &str, tree: &BTreeSet<String>) -> Vec<Finding> {
    let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let exists = |name: &str| {
        // A folder's name alone, as in "any `core/`", stands for all that are called so.
        if name.find('/') == Some(name.len() - 1) {
            let inner = format!("/{name}");
            return tree.iter().any(|p| p.starts_with(name) || p.contains(&inner));
        }
        let starts =
            |at: &str| tree.range(at.to_owned()..).next().is_some_and(|p| p.starts_with(at));
        let found = |at: &str| {
            if at.ends_with('/') {
                starts(at)
            } else {
                tree.contains(at)
            }
        };
        found(name) || found(&format!("{folder}{name}"))
    };
    let mut findings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for name in named(line).filter(|name| !exists(name)) {
            let what = format!("names {name}, which does not exist");
            findings.push(Finding { path: path.to_owned(), line: at + 1, what, why: WHY });
        }
    }
    findings
}

#[test]
fn documents_name_what_exists() {
    let tree: BTreeSet<String> = files(&root()).into_iter().collect();
    let documents: Vec<&String> = tree.iter().filter(|path| is_document(path)).collect();
    assert!(documents.iter().any(|p| *p == "ARCHITECTURE.md"), "{documents:?}");
    expect_none(documents.iter().flat_map(|path| check(path, &read(path), &tree)).collect());
}

#[test]
fn a_planted_stale_name_is_named() {
    let tree = ["master/src/core/mod.rs", "master/README.md", "Makefile"];
    let tree: BTreeSet<String> = tree.map(str::to_owned).into();
    let stale = "See `master/src/core/mod.rs`,\nand `master/src/gone.rs`.\n";
    expect_one(&check("README.md", stale, &tree), 2, "names master/src/gone.rs");
    expect_one(&check("README.md", "`agent/src/`\n", &tree), 1, "names agent/src/");
    let fine =
        "`master/src/` `core/` `src/core/mod.rs` `make test` `/api/v1` `a/b` `target/ci.log` `x.rs`\n";
    expect_none(check("master/README.md", fine, &tree));
}
