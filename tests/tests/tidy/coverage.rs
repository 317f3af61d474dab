//! Catalogues of ids that tests must name: each id has a test, or is on the catalogue's list of
//! those that have none yet, with the reason. That list can only shrink: an id on it that a test
//! names is a finding too.
//!
//! A test names `FW-03` in its own name (`fw_03_…`, `…_fw_03_…`) or in a comment right above it or
//! inside it, on its own or as one end of a range. It is a function under `#[test]`, or an entry of
//! a list of tests: what a file's header or a helper says proves nothing.
//! Read next: `scenarios.rs` and `features.rs`, the catalogues.

use crate::finding::Finding;
use crate::source::{item_end, Source};
use std::collections::{BTreeMap, BTreeSet};

/// Ids, and which of them have no test.
pub(crate) struct Catalogue {
    /// The file that it is in.
    pub(crate) file: &'static str,
    /// Each id as tests write it, and what a finding says of it beside.
    pub(crate) ids: Vec<(String, &'static str)>,
    /// Without a test: which, and why.
    pub(crate) uncovered: &'static [(&'static str, &'static str)],
    /// Why an id without a test is a finding.
    pub(crate) missing: &'static str,
}

/// Where the rules are.
const RULES: &str = "tests/tests/tidy/";

const COVERED: &str = "the list of what has no test can only shrink: take it off";

/// `FW-03`.
pub(crate) fn id(group: &str, number: u8) -> String {
    format!("{group}-{number:02}")
}

impl Catalogue {
    /// The ids that tests name.
    pub(crate) fn named(&self, sources: &[Source]) -> BTreeSet<String> {
        let forms: BTreeMap<String, &String> =
            self.ids.iter().map(|(id, _)| (form(id), id)).collect();
        let mut named = BTreeSet::new();
        // The rules themselves speak of ids, and test none of them.
        for source in sources.iter().filter(|source| !source.path.starts_with(RULES)) {
            let (proves, lines) = (tests(source), source.code.iter().zip(&source.comments));
            for (_, (code, comment)) in proves.iter().zip(lines).filter(|(proves, _)| **proves) {
                if let Some(name) = function(code) {
                    let here = forms.iter().filter(|(form, _)| name.contains(form.as_str()));
                    named.extend(here.map(|(_, id)| (*id).clone()));
                }
                if comment.contains('-') {
                    let here = self.ids.iter().filter(|(id, _)| says(comment, id));
                    named.extend(here.map(|(id, _)| id.clone()));
                }
            }
        }
        named
    }

    /// What is wrong with the catalogue, given the ids that tests name.
    pub(crate) fn check(&self, named: &BTreeSet<String>) -> Vec<Finding> {
        let finding =
            |what: String, why| Finding { path: self.file.to_owned(), line: 1, what, why };
        let listed = |id: &str| self.uncovered.iter().any(|(listed, _)| *listed == id);
        let known = |id: &str| self.ids.iter().any(|(known, _)| known == id);
        let missing = self.ids.iter().filter(|(id, _)| !named.contains(id) && !listed(id));
        let missing =
            missing.map(|(id, note)| finding(format!("no test names {id}{note}"), self.missing));
        let covered = self.uncovered.iter().filter(|(id, _)| named.contains(*id) || !known(id));
        let covered =
            covered.map(|(id, _)| finding(format!("{id} is listed without need"), COVERED));
        missing.chain(covered).collect()
    }
}

/// How a test or a list of tests begins.
const BEGINNINGS: &[&str] =
    &["#[test]", "#[tokio::test", "scripts! {", "on_both!(", "pub(crate) const TESTS: &[Test] ="];

/// Whether each line is one of a test, or of the comments and attributes right above it.
fn tests(source: &Source) -> Vec<bool> {
    let mut proves = vec![false; source.text.len()];
    for (number, code) in source.numbered() {
        let at = number - 1;
        let code = code.trim();
        if !source.test[at] || !BEGINNINGS.iter().any(|begins| code.starts_with(begins)) {
            continue;
        }
        let beside = |line: &usize| {
            let (code, comment) = (source.code[*line].trim(), source.comments[*line].trim());
            code.starts_with("#[") || code.is_empty() && !comment.is_empty()
        };
        let header = |line: &usize| source.comments[*line].trim().starts_with("//!");
        let above = (0..at).rev().take_while(|line| beside(line) && !header(line));
        let end = item_end(&source.code, at).min(proves.len() - 1);
        proves[at - above.count()..=end].fill(true);
    }
    proves
}

/// An id as a function's name has it, between other words: `_fw_03_`.
fn form(id: &str) -> String {
    format!("_{}_", id.to_lowercase().replace(['-', ' '], "_"))
}

/// The name of the function that a line begins, between underscores.
fn function(code: &str) -> Option<String> {
    let (before, rest) = code.split_once("fn ")?;
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    let word = before.chars().next_back().is_some_and(|c| !c.is_whitespace());
    (!word && !name.is_empty()).then(|| format!("_{name}_"))
}

/// Whether a comment has an id as a word: `RES-01` does not name `ES-01`, nor `FW-031` `FW-03`.
fn says(comment: &str, id: &str) -> bool {
    comment.match_indices(id).any(|(at, _)| {
        let before = comment[..at].chars().next_back();
        let after = comment[at + id.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(|c| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[(&str, &str)] = &[("FW-01", "a reason")];

    fn catalogue(uncovered: &'static [(&'static str, &'static str)]) -> Catalogue {
        let ids = ["FW-01", "FW-03", "ES-01", "A4 OP-02"].map(|id| (id.to_owned(), " (MUST)"));
        Catalogue { file: "catalogue.rs", ids: ids.into(), uncovered, missing: "test it" }
    }

    #[test]
    fn planted_gaps_are_named() {
        let all: BTreeSet<String> = catalogue(&[]).ids.into_iter().map(|(id, _)| id).collect();
        assert!(catalogue(&[]).check(&all).is_empty());
        let expect = |uncovered, named: &BTreeSet<String>, needle: &str| {
            let findings = catalogue(uncovered).check(named);
            assert!(findings.len() == 1 && findings[0].what.contains(needle), "{findings:?}");
        };
        expect(LIST, &all, "FW-01 is listed");
        expect(&[("FW-99", "a reason")], &all, "FW-99 is listed");
        let mut without = all.clone();
        without.remove("FW-01");
        expect(&[], &without, "no test names FW-01 (MUST)");
        assert!(catalogue(LIST).check(&without).is_empty());
    }

    #[test]
    fn only_tests_name_ids() {
        let cases = [
            ("a/tests/x.rs", "#[test]\nfn fw_03_who_is_gone() {}", true),
            ("a/tests/x.rs", "#[tokio::test]\nasync fn e12_fw_03_who_is_gone() {}", true),
            ("a/tests/x.rs", "#[test]\nfn fw_031_who_is_gone() {}", false),
            ("a/tests/x.rs", "/// After a teardown (FW-03).\n#[test]\nfn a() {}", true),
            ("a/tests/x.rs", "/// (FW-031, XFW-03).\n#[test]\nfn a() {}", false),
            ("a/tests/x.rs", "#[test]\nfn a() {\n    // FW-03\n}", true),
            ("a/tests/x.rs", "#[test]\nfn a() {\n    let id = \"FW-03\";\n}", false),
            ("a/tests/x.rs", "scripts! {\n    gone // FW-03\n}", true),
            ("a/tests/x.rs", "// FW-03\non_both!(\n    gone,\n);", true),
            ("a/tests/x.rs", "// FW-03\nother!(\n    gone,\n);", false),
            // What is not a test, and what stands beside one without being of it.
            ("a/tests/x.rs", "//! FW-03.\n#[test]\nfn a() {}", false),
            ("a/tests/x.rs", "//! FW-03.\n\n#[test]\nfn a() {}", false),
            ("a/tests/x.rs", "// FW-03\n\n#[test]\nfn a() {}", false),
            ("a/tests/x.rs", "#[test]\nfn a() {}\n// FW-03", false),
            ("a/tests/x.rs", "#[test]\nfn a() {}\nfn fw_03_helps() {}", false),
            ("a/tests/x.rs", "/// FW-03.\nfn a() {}\n#[test]\nfn b() {}", false),
            ("a/src/x.rs", "/// After a teardown (FW-03).\nfn a() {}", false),
            ("tests/tests/tidy/x.rs", "#[test]\nfn fw_03_who_is_gone() {}", false),
            ("a/src/x.rs", "#[cfg(test)]\nmod t {\n#[test]\nfn fw_03_a() {}\n}", true),
        ];
        for (path, line, is_named) in cases {
            let found = catalogue(&[]).named(&[Source::new(path, &format!("{line}\n"))]);
            assert_eq!(found.contains("FW-03"), is_named, "{path}: {line}");
        }
        let line = "// RES-01 is no scenario, and A4 OP-02 is an operation.\n#[test]\nfn a() {}\n";
        let found = catalogue(&[]).named(&[Source::new("a/tests/x.rs", line)]);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["A4 OP-02"]);
    }
}
