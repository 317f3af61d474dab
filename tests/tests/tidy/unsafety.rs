//! Where `unsafe` may stand, and what must stand above it.

use crate::finding::{expect_none, expect_one, Finding};
use crate::paths::tokens;
use crate::source::{tree, Source};

/// The files that may hold `unsafe`, each with what needs it.
const FILES: &[(&str, &str)] = &[
    ("agent/src/container/init/child.rs", "fork, and the calls of a child before exec"),
    ("agent/src/container/init/sys.rs", "what the supervisor asks the kernel for beyond nix"),
];

const PLACE: &str =
    "unsafe lives only in two files of the container's init, where the kernel asks \
    for it; elsewhere use nix, or extend the list in tests/tests/tidy/unsafety.rs with a reason";
const COMMENT: &str = "each unsafe needs a SAFETY comment right above it that says why it is sound";

fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let allowed = FILES.iter().any(|(path, _)| source.path == *path);
        for (line, _) in tokens(source).iter().filter(|(_, token)| token == "unsafe") {
            let why = if !allowed {
                PLACE
            } else if !is_explained(source, *line) {
                COMMENT
            } else {
                continue;
            };
            findings.push(Finding {
                path: source.path.clone(),
                line: *line,
                what: "unsafe".into(),
                why,
            });
        }
    }
    findings
}

/// Whether a SAFETY comment stands on the line, or above it in the same statement.
fn is_explained(source: &Source, line: usize) -> bool {
    let says = |at: usize| {
        let comment = &source.comments[at];
        comment.contains("SAFETY:") || comment.contains("# Safety")
    };
    if says(line - 1) {
        return true;
    }
    for at in (0..line - 1).rev() {
        let (code, comment) = (source.code[at].trim(), source.comments[at].trim());
        if says(at) {
            return true;
        }
        let of_another_statement = code.ends_with([';', '}', '{', ',']);
        if of_another_statement || (code.is_empty() && comment.is_empty()) {
            return false;
        }
    }
    false
}

#[test]
fn unsafe_stands_where_it_may_and_is_explained() {
    expect_none(check(&tree()));
}

#[test]
fn a_planted_unsafe_is_named() {
    let block = "fn f() {\n    unsafe { g() };\n}\n";
    let elsewhere = check(&[Source::new("master/src/core/offers.rs", block)]);
    expect_one(&elsewhere, 2, "unsafe lives only in");
    let bare = check(&[Source::new("agent/src/container/init/child.rs", block)]);
    expect_one(&bare, 2, "needs a SAFETY comment");
    let far = "// SAFETY: of the first.\nunsafe { g() };\nunsafe { h() };\n";
    let second = check(&[Source::new("agent/src/container/init/sys.rs", far)]);
    expect_one(&second, 3, "needs a SAFETY comment");
    // A comment or a string that speaks of it is none.
    expect_none(check(&[Source::new("master/src/lib.rs", "// unsafe\nlet s = \"unsafe\";\n")]));
}

#[test]
fn an_explained_unsafe_passes() {
    let texts = [
        "// SAFETY: the child is single-threaded.\nunsafe { g() };\n",
        "// SAFETY: as above,\n// in two lines.\n#[allow(unsafe_code)]\nlet x =\n    unsafe { g() };\n",
        "/// Forks.\n///\n/// # Safety\n/// Before any thread.\nunsafe fn f();\n",
    ];
    for text in texts {
        expect_none(check(&[Source::new("agent/src/container/init/child.rs", text)]));
    }
}
