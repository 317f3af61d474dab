//! The paths that a source names: `use` trees taken apart, and paths in expressions and types.
//!
//! A name brought in by `use` is put back in full (`use std::time; time::Instant` names
//! `std::time::Instant`), so that a ban cannot be passed by importing the parent. Not a compiler:
//! glob imports and macros that paste names are not seen.

use std::collections::BTreeMap;

use crate::source::Source;

/// A path and where it stands, from its first segment (`std`) to its last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) line: usize,
    pub(crate) segments: Vec<String>,
}

impl Named {
    /// Whether the path is `prefix` (`std::fs`) or below it.
    pub(crate) fn is_under(&self, prefix: &str) -> bool {
        let mut mine = self.segments.iter();
        prefix.split("::").all(|segment| mine.next().is_some_and(|s| s == segment))
    }
}

/// Every path of a source. A bare name is a path only inside a `use`.
pub(crate) fn paths(source: &Source) -> Vec<Named> {
    let tokens = tokens(source);
    let (mut found, mut aliases, mut inline) = (Vec::new(), BTreeMap::new(), Vec::new());
    let mut i = 0;
    while i < tokens.len() {
        let before = i.checked_sub(1).map(|at| tokens[at].1.as_str());
        match tokens[i].1.as_str() {
            "use" => i = use_tree(&tokens, i + 1, &[], &mut found, &mut aliases),
            word if is_name(word) && before != Some(".") => {
                let line = tokens[i].0;
                let mut segments = vec![word.to_owned()];
                while i + 2 < tokens.len() && tokens[i + 1].1 == "::" && is_name(&tokens[i + 2].1) {
                    segments.push(tokens[i + 2].1.clone());
                    i += 2;
                }
                if segments.len() > 1 {
                    inline.push(Named { line, segments });
                }
                i += 1;
            }
            _ => i += 1,
        }
    }
    for mut named in inline {
        if let Some(full) = aliases.get(&named.segments[0]) {
            named.segments.splice(..1, Vec::clone(full));
        }
        found.push(named);
    }
    found
}

/// Reads one `use` tree from `i`; returns where it ends.
fn use_tree(
    tokens: &[(usize, String)],
    mut i: usize,
    prefix: &[String],
    found: &mut Vec<Named>,
    aliases: &mut BTreeMap<String, Vec<String>>,
) -> usize {
    let mut segments = prefix.to_vec();
    let mut line = tokens.get(i).map_or(0, |t| t.0);
    while let Some((at, token)) = tokens.get(i) {
        match token.as_str() {
            "::" => i += 1,
            "{" => {
                i += 1;
                while tokens.get(i).is_some_and(|t| t.1 != "}") {
                    i = use_tree(tokens, i, &segments, found, aliases);
                    if tokens.get(i).is_some_and(|t| t.1 == ",") {
                        i += 1;
                    }
                }
                return i + 1;
            }
            "as" => {
                let name = tokens.get(i + 1).map(|t| t.1.clone()).unwrap_or_default();
                aliases.insert(name, segments.clone());
                found.push(Named { line, segments });
                return i + 2;
            }
            "self" if !segments.is_empty() => i += 1,
            word if is_name(word) || word == "*" => {
                line = *at;
                segments.push(word.to_owned());
                i += 1;
            }
            _ => break,
        }
    }
    if let Some(last) = segments.last() {
        aliases.insert(last.clone(), segments.clone());
        found.push(Named { line, segments });
    }
    // At a `,` or `}` of the enclosing tree, or past the `;` of the statement.
    match tokens.get(i).map(|t| t.1.as_str()) {
        Some("," | "}") => i,
        _ => i + 1,
    }
}

/// Names, `::` and single punctuation marks, with their lines.
pub(crate) fn tokens(source: &Source) -> Vec<(usize, String)> {
    let mut tokens = Vec::new();
    for (number, line) in source.numbered() {
        let chars: Vec<char> = line.chars().collect();
        let mut i = 0;
        while i < chars.len() {
            let len = match chars[i..] {
                [c, ..] if c.is_whitespace() => {
                    i += 1;
                    continue;
                }
                [c, ..] if is_word(c) => chars[i..].iter().take_while(|c| is_word(**c)).count(),
                [':', ':', ..] => 2,
                _ => 1,
            };
            tokens.push((number, chars[i..i + len].iter().collect()));
            i += len;
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn named(text: &str) -> Vec<String> {
    let source = Source::new("a/src/lib.rs", text);
    paths(&source).iter().map(|n| format!("{}:{}", n.line, n.segments.join("::"))).collect()
}

#[test]
fn use_trees_are_taken_apart() {
    let text = "use std::{fs, io::{self, Read},\n    net::IpAddr as Ip};\nuse ::tokio::time;\n";
    assert_eq!(
        named(text),
        ["1:std::fs", "1:std::io", "1:std::io::Read", "2:std::net::IpAddr", "3:tokio::time"]
    );
}

#[test]
fn names_brought_in_are_put_back_in_full() {
    let text = "use std::time;\nfn now() -> time::Instant { time::Instant::now() }\n";
    assert_eq!(named(text), ["1:std::time", "2:std::time::Instant", "2:std::time::Instant::now"]);
}

#[test]
fn fields_and_locals_are_not_paths() {
    assert_eq!(named("let rand = self.tokio; rand.next();\n"), Vec::<String>::new());
}
