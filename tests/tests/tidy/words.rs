//! Words that mean a text is not finished, in any text file.

use crate::finding::{expect_none, expect_one, Finding};
use crate::source::{files, read, root};

// In halves, so that this file is not its own finding.
const NEVER: &[&str] = &[concat!("FIX", "ME"), concat!("XX", "X")];
const OWNED: &str = concat!("TO", "DO");

const WHY_NEVER: &str = "finish it, or file an issue and say in a plain sentence what is missing";
const WHY_OWNED: &str =
    "what is left to do names its owner or issue in brackets, or it is left forever";

const TEXTS: &[&str] =
    &["rs", "toml", "md", "yaml", "yml", "tpl", "json", "proto", "sh", "txt", "py", "js", "mjs"];
const NAMES: &[&str] = &["Makefile", "Dockerfile", "run"];

fn is_text(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    NAMES.contains(&name) || (TEXTS.contains(&ending) && name != "package-lock.json")
}

fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let mut say = |word: &str, why| {
            let what = format!("the word {word}");
            findings.push(Finding { path: path.to_owned(), line: at + 1, what, why });
        };
        for word in NEVER.iter().filter(|word| holds(line, word, "")) {
            say(word, WHY_NEVER);
        }
        if holds(line, OWNED, "(") {
            say(OWNED, WHY_OWNED);
        }
    }
    findings
}

/// Whether the line holds the word, standing alone, not followed by `unless`.
fn holds(line: &str, word: &str, unless: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        let joined = |c: char| c.is_alphanumeric() || c == '_';
        let alone = !before.ends_with(joined) && !after.starts_with(joined);
        alone && (unless.is_empty() || !after.starts_with(unless))
    })
}

#[test]
fn no_text_is_left_unfinished() {
    let texts: Vec<String> = files(&root()).into_iter().filter(|p| is_text(p)).collect();
    assert!(texts.iter().any(|p| p == "Makefile") && texts.iter().any(|p| p == "README.md"));
    expect_none(texts.iter().flat_map(|path| check(path, &read(path))).collect());
}

#[test]
fn a_planted_word_is_named() {
    for word in NEVER {
        expect_one(&check("a/src/lib.rs", &format!("\n// {word}: later\n")), 2, word);
    }
    expect_one(&check("Makefile", &format!("# {OWNED}: later\n")), 1, "names its owner");
    expect_one(&check("a.md", &format!("{OWNED} later\n")), 1, "names its owner");
}

#[test]
fn an_owned_task_and_a_longer_word_pass() {
    expect_none(check("a.rs", &format!("// {OWNED}(#12): drop after the next release\n")));
    expect_none(check("a.sh", &format!("mktemp -d /tmp/a.{}X\n", NEVER[1])));
}
