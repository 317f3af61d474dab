//! Rust sources as the rules see them: code, comments and test regions, line by line.
//!
//! State: a `Source` holds one file's lines three times, at equal line numbers: as written, as
//! code (comments and the insides of literals blanked), and as comments alone.
//! Fed by: the working tree, or a string in a rule's own test.
//! Read next: `paths.rs`, which reads `use` trees and paths out of the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) struct Source {
    /// Relative to the workspace root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: Vec<String>,
    pub(crate) code: Vec<String>,
    pub(crate) comments: Vec<String>,
    /// Whether each line belongs to a test: a `#[cfg(test)]` item, or a file of tests.
    pub(crate) test: Vec<bool>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (code, comments) = split(text);
        let lines = |s: &str| s.split('\n').map(str::to_owned).collect::<Vec<_>>();
        let (code, comments, mut text) = (lines(&code), lines(&comments), lines(text));
        if text.last().is_some_and(String::is_empty) {
            text.pop();
        }
        let test =
            if is_test_path(path) { vec![true; text.len()] } else { test_lines(&code, text.len()) };
        Self { path: path.to_owned(), text, code, comments, test }
    }

    /// Lines of code outside tests, with their numbers (from 1).
    pub(crate) fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        self.numbered().filter(|(n, _)| !self.test[n - 1])
    }

    /// All lines of code, with their numbers (from 1).
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.iter().take(self.text.len()).enumerate().map(|(i, l)| (i + 1, l.as_str()))
    }

    /// Whether a tool wrote it: `@generated` within the first five lines.
    pub(crate) fn is_generated(&self) -> bool {
        // Split, so that this file does not claim it of itself.
        let mark = concat!("@", "generated");
        self.comments.iter().take(5).any(|l| l.contains(mark))
    }
}

/// A file all of whose lines are tests: an integration test, a bench, or anything of `tests/`.
fn is_test_path(path: &str) -> bool {
    let folders: Vec<&str> = path.split('/').collect();
    let name = folders.last().copied().unwrap_or_default();
    folders[..folders.len() - 1].iter().any(|f| matches!(*f, "tests" | "benches" | "fuzz"))
        || name == "tests.rs"
        || name.ends_with("_tests.rs")
}

/// The workspace root.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ stands in the workspace root").to_owned()
}

/// Every Rust source of the working tree, sorted by path.
///
/// # Panics
/// If the tree cannot be read, or is plainly not this workspace: a rule that sees no file would
/// pass.
pub(crate) fn tree() -> Vec<Source> {
    let mut sources: Vec<Source> = files(&root())
        .into_iter()
        .filter(|path| path.ends_with(".rs"))
        .map(|path| Source::new(&path, &read(&path)))
        .collect();
    assert!(
        sources.iter().any(|s| s.path == "libproc/src/lib.rs"),
        "not the workspace: {:?}",
        root()
    );
    mark_test_modules(&mut sources);
    sources
}

/// The text of a file named relative to the root; what is no text in it is replaced.
pub(crate) fn read(path: &str) -> String {
    let bytes = fs::read(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Paths of all files under `root`, relative to it, sorted; without what is built or fetched.
pub(crate) fn files(root: &Path) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for entry in entries.map(|e| e.expect("a directory entry")) {
            let (path, kind) = (entry.path(), entry.file_type().expect("a file type"));
            if kind.is_dir() {
                let name = entry.file_name();
                let skip = ["target", ".git", ".tools", "node_modules"];
                if !skip.iter().any(|s| name == *s) {
                    open.push(path);
                }
            } else if kind.is_file() {
                let relative = path.strip_prefix(root).expect("below the root");
                found.insert(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.into_iter().collect()
}

/// Marks the files that a `#[cfg(test)] mod name;` of their parent makes test-only.
fn mark_test_modules(sources: &mut [Source]) {
    let mut stems = Vec::new();
    for source in sources.iter() {
        let folder = module_folder(&source.path);
        for (number, line) in source.numbered() {
            let declared = line.trim().strip_suffix(';').and_then(|l| {
                l.strip_prefix("mod ").or_else(|| l.split_once(" mod ").map(|(_, name)| name))
            });
            if let (Some(name), true) = (declared, source.test[number - 1]) {
                stems.push(format!("{folder}/{}", name.trim()));
            }
        }
    }
    for source in sources.iter_mut() {
        let below = |stem: &String| {
            source.path == format!("{stem}.rs") || source.path.starts_with(&format!("{stem}/"))
        };
        if stems.iter().any(below) {
            source.test.fill(true);
        }
    }
}

/// The folder where a file's child modules live.
fn module_folder(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", name.trim_end_matches(".rs")),
    }
}

/// Marks each line of an item under `#[cfg(test)]` (also `all(test, …)` and `any(test, …)`).
fn test_lines(code: &[String], len: usize) -> Vec<bool> {
    let mut marks = vec![false; len];
    let mut line = 0;
    while line < len {
        let squeezed: String = code[line].split_whitespace().collect();
        let conditional =
            ["#[cfg(test)", "#[cfg(all(test"].iter().any(|start| squeezed.contains(start));
        if !conditional {
            line += 1;
            continue;
        }
        let end = item_end(code, line).min(len - 1);
        marks[line..=end].fill(true);
        line = end + 1;
    }
    marks
}

/// The last line of the item whose attribute stands on line `start`: its `;` or closing brace.
pub(crate) fn item_end(code: &[String], start: usize) -> usize {
    let (mut braces, mut others, mut entered) = (0usize, 0usize, false);
    for (number, line) in code.iter().enumerate().skip(start) {
        for c in line.chars() {
            match c {
                '{' => (braces, entered) = (braces + 1, true),
                '}' => braces = braces.saturating_sub(1),
                '(' | '[' => others += 1,
                ')' | ']' => others = others.saturating_sub(1),
                _ => {}
            }
            let closed = entered && c == '}' && braces == 0 && others == 0;
            if closed || (c == ';' && braces == 0 && others == 0) {
                return number;
            }
        }
    }
    code.len() - 1
}

/// Splits a text into code and comments of the same shape: what belongs to the other is blank.
/// Literals keep their quotes in the code and lose their insides.
fn split(text: &str) -> (String, String) {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Split { code: String::new(), comments: String::new() };
    let mut i = 0;
    while i < chars.len() {
        let rest = &chars[i..];
        i += match rest {
            ['/', '/', ..] => out.comment(rest, line_comment(rest)),
            ['/', '*', ..] => out.comment(rest, block_comment(rest)),
            ['"', ..] => out.literal(rest, string(rest)),
            ['r', '"' | '#', ..] if raw_string(rest).is_some() && !joined(&chars, i) => {
                out.literal(rest, raw_string(rest).unwrap_or(1))
            }
            ['\'', ..] => match char_literal(rest) {
                Some(len) => out.literal(rest, len),
                None => out.plain(rest[0]),
            },
            _ => out.plain(rest[0]),
        };
    }
    (out.code, out.comments)
}

struct Split {
    code: String,
    comments: String,
}

impl Split {
    fn plain(&mut self, c: char) -> usize {
        self.code.push(c);
        self.comments.push(if c == '\n' { '\n' } else { ' ' });
        1
    }

    fn comment(&mut self, rest: &[char], len: usize) -> usize {
        for &c in &rest[..len] {
            self.code.push(if c == '\n' { '\n' } else { ' ' });
            self.comments.push(c);
        }
        len
    }

    fn literal(&mut self, rest: &[char], len: usize) -> usize {
        for (at, &c) in rest[..len].iter().enumerate() {
            let edge = at == 0 || at == len - 1;
            self.code.push(if c == '\n' || edge { c } else { ' ' });
            self.comments.push(if c == '\n' { '\n' } else { ' ' });
        }
        len
    }
}

fn joined(chars: &[char], i: usize) -> bool {
    // The `b` and `c` of `br"…"` and `cr"…"` are part of the literal, not of a name before it.
    let before = |n: usize| i.checked_sub(n).map(|at| chars[at]);
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    match before(1) {
        Some('b' | 'c') => word(before(2)),
        other => word(other),
    }
}

fn line_comment(rest: &[char]) -> usize {
    rest.iter().position(|&c| c == '\n').unwrap_or(rest.len())
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut i) = (0usize, 0);
    while i < rest.len() {
        match rest[i..] {
            ['/', '*', ..] => (depth, i) = (depth + 1, i + 2),
            ['*', '/', ..] => {
                (depth, i) = (depth - 1, i + 2);
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    rest.len()
}

fn string(rest: &[char]) -> usize {
    let mut i = 1;
    while i < rest.len() {
        match rest[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    rest.len()
}

fn raw_string(rest: &[char]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|&&c| c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = 2 + hashes;
    let end = rest[body..].windows(close.len()).position(|w| w == close);
    Some(end.map_or(rest.len(), |at| body + at + close.len()))
}

/// The length of a character literal; `None` where the quote begins a lifetime.
fn char_literal(rest: &[char]) -> Option<usize> {
    match rest {
        ['\'', '\\', ..] => {
            let end = rest[3..].iter().position(|&c| c == '\'')?;
            Some(3 + end + 1)
        }
        ['\'', _, '\'', ..] => Some(3),
        _ => None,
    }
}

#[test]
fn comments_and_literals_are_not_code() {
    let text = "let a = \"tokio\"; // actix\nlet b = r#\"un\"safe\"#; /* std::fs\n rand */ let c = '\"';\nfn f<'a>(x: &'a str) {}\nlet d = br\"x\"; let e = \"\\\"tokio\";";
    let source = Source::new("a/src/lib.rs", text);
    let code = source.code.join("\n");
    for word in ["tokio", "actix", "safe", "fs", "rand"] {
        assert!(!code.contains(word), "{word} in {code}");
    }
    assert!(code.contains("let c =") && code.contains("fn f<'a>(x: &'a str) {}"), "{code}");
    assert!(source.comments[0].contains("actix") && source.comments[2].contains("rand"));
    assert!(code.contains("let e ="), "{code}");
}

#[test]
fn test_items_are_marked_and_what_follows_them_is_not() {
    let text = "fn a() {}\n#[cfg(test)]\nuse x::y;\nfn b() {}\n#[cfg(test)]\nmod tests {\n    fn c() {}\n}\nfn d() {}\n";
    let source = Source::new("a/src/lib.rs", text);
    assert_eq!(source.test, [false, true, true, false, true, true, true, true, false]);
}

#[test]
fn whole_files_of_tests_are_known_by_path_or_by_their_parent() {
    assert!(Source::new("libproc/tests/fifo.rs", "fn a() {}\n").test[0]);
    assert!(Source::new("master/src/core/tests.rs", "fn a() {}\n").test[0]);
    assert!(Source::new("agent/src/http/operator_tests.rs", "fn a() {}\n").test[0]);
    let mut sources = [
        Source::new("master/src/core/mod.rs", "#[cfg(test)]\nmod script;\nmod plan;\n"),
        Source::new("master/src/core/script.rs", "fn a() {}\n"),
        Source::new("master/src/core/plan.rs", "fn a() {}\n"),
    ];
    mark_test_modules(&mut sources);
    assert!(sources[1].test[0] && !sources[2].test[0]);
}
