//! What a rule says when it is broken.

use std::fmt;

/// One violation: where it stands, what it is, and why the rule exists.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) path: String,
    /// From 1.
    pub(crate) line: usize,
    pub(crate) what: String,
    pub(crate) why: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.what, self.why)
    }
}

/// Fails the calling test with every finding, one to a line.
///
/// # Panics
/// If there is a finding.
pub(crate) fn expect_none(mut findings: Vec<Finding>) {
    findings.sort();
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(lines.is_empty(), "{} finding(s):\n{}", lines.len(), lines.join("\n"));
}

/// Asserts that exactly one violation was found, at this line, and that its text names `needle`.
pub(crate) fn expect_one(findings: &[Finding], line: usize, needle: &str) {
    assert_eq!(findings.len(), 1, "expected one finding naming {needle:?}, got {findings:?}");
    let text = findings[0].to_string();
    assert_eq!(findings[0].line, line, "{text}");
    assert!(text.contains(needle), "{text:?} does not name {needle:?}");
}

#[test]
fn a_finding_reads_as_path_line_what_why() {
    let finding = Finding {
        path: "a/b.rs".into(),
        line: 7,
        what: "imports actix".into(),
        why: "it is hidden",
    };
    assert_eq!(finding.to_string(), "a/b.rs:7: imports actix: it is hidden");
}

#[test]
#[should_panic(expected = "a.rs:1: bad: reason\nb.rs:2: bad: reason")]
fn all_findings_are_reported_in_order() {
    let at =
        |path: &str, line| Finding { path: path.into(), line, what: "bad".into(), why: "reason" };
    expect_none(vec![at("b.rs", 2), at("a.rs", 1)]);
}
