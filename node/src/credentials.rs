//! Files of whom a daemon lets in: each principal with its secret, and what it may be.
//!
//! Three forms are read, told apart by their first character:
//!
//! - `[{"principal": "p", "secret": "s", "role": "operator"}, …]`, as `meseta local` writes it;
//! - `{"credentials": [{"principal": "p", "secret": "s"}, …]}`, as Mesos reads it;
//! - one `principal secret` a line, as Mesos reads it too.
//!
//! The role may be left out: such a principal is let in over HTTP, where the realm decides, and
//! not over libproc, where its role would. With a role the secret may be left out: a certificate
//! that has the principal among its names proves it. Every error names the file and the line.

use crate::keys::{KeyError, AGENT, FRAMEWORK, MASTER, OPERATOR};
use libproc::Role;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::Path;

/// Somebody whom a daemon knows.
#[derive(Clone, PartialEq, Eq)]
pub struct Known {
    /// Who; unique in its file. With a secret it has no colon, which HTTP Basic could not carry.
    pub principal: String,
    /// What proves it; empty: a certificate.
    pub secret: String,
    /// What it is; none for a file of the reference, which has no roles.
    pub role: Option<Role>,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Known({}, {:?})", self.principal, self.role)
    }
}

/// Reads a file.
///
/// # Errors
/// If it cannot be read, is of none of the forms, names nobody, or names somebody twice.
pub fn read(path: &Path) -> Result<Vec<Known>, KeyError> {
    let text = std::fs::read(path).map_err(|source| KeyError::Io { path: path.into(), source })?;
    parse(&text).map_err(|Wrong { line, why }| KeyError::Invalid { path: path.into(), line, why })
}

/// What is wrong with a text, and in which of its lines.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    line: usize,
    why: String,
}

fn parse(text: &[u8]) -> Result<Vec<Known>, Wrong> {
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    let known = match first {
        Some(b'{' | b'[') => json(text)?,
        _ => lines(text)?,
    };
    if known.is_empty() {
        return Err(Wrong { line: 1, why: "it names nobody".into() });
    }
    Ok(known)
}

fn json(text: &[u8]) -> Result<Vec<Known>, Wrong> {
    let read: Result<File, serde_json::Error> = serde_json::from_slice(text);
    read.map(|File(known)| known).map_err(|error| {
        let said = error.to_string();
        // The place is said once, by the line.
        let why = said.rsplit_once(" at line ").map_or(said.as_str(), |(why, _)| why);
        Wrong { line: error.line().max(1), why: why.to_owned() }
    })
}

fn lines(text: &[u8]) -> Result<Vec<Known>, Wrong> {
    let mut known = Vec::new();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let wrong = |why: &str| Wrong { line: at + 1, why: why.to_owned() };
        let line = std::str::from_utf8(line).map_err(|_| wrong("it is not UTF-8"))?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [principal, secret] => {
                let entry = Entry { principal, secret, role: None };
                add(&mut known, entry).map_err(|why| wrong(&why))?;
            }
            // The words may be secrets: they are not repeated.
            words => {
                let count = words.len();
                return Err(wrong(&format!(
                    "expected a principal and a secret, found {count} words"
                )));
            }
        }
    }
    Ok(known)
}

/// One entry as it is written.
struct Entry<'t> {
    principal: &'t str,
    secret: &'t str,
    role: Option<&'t str>,
}

fn add(known: &mut Vec<Known>, entry: Entry<'_>) -> Result<(), String> {
    let Entry { principal, secret, role } = entry;
    if principal.is_empty() {
        return Err("a principal is empty".into());
    }
    if principal.contains(|c: char| c == ':' && !secret.is_empty() || c.is_control()) {
        return Err(format!("principal {principal:?} holds a colon or a control character"));
    }
    if secret.is_empty() && role.is_none() {
        return Err(format!("principal {principal:?} has neither a secret nor a role"));
    }
    if known.iter().any(|other| other.principal == principal) {
        return Err(format!("principal {principal:?} is there twice"));
    }
    let role = match role {
        None => None,
        Some(name) => Some(
            [AGENT, FRAMEWORK, OPERATOR, MASTER]
                .into_iter()
                .find(|role| role.as_str() == name)
                .ok_or_else(|| {
                    format!(
                        "principal {principal:?} has the unknown role {name:?}; known are agent, \
                         framework, operator, master"
                    )
                })?,
        ),
    };
    known.push(Known { principal: principal.to_owned(), secret: secret.to_owned(), role });
    Ok(())
}

/// Either JSON form. Read by hand, so that each error is where it is: an untagged enum loses that.
struct File(Vec<Known>);

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = File;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of credentials, or an object with the list `credentials`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<File, A::Error> {
                entries(seq).map(File)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<File, A::Error> {
                let mut file = None;
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "credentials" if file.is_some() => {
                            return Err(A::Error::custom("`credentials` is there twice"))
                        }
                        "credentials" => file = Some(map.next_value::<List>()?),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                let List(known) =
                    file.ok_or_else(|| A::Error::custom("there is no list `credentials`"))?;
                Ok(File(known))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

struct List(Vec<Known>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = List;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of credentials")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<List, A::Error> {
                entries(seq).map(List)
            }
        }
        deserializer.deserialize_seq(Entries)
    }
}

fn entries<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<Vec<Known>, A::Error> {
    let mut known = Vec::new();
    while seq.next_element_seed(Adding(&mut known))?.is_some() {}
    Ok(known)
}

/// Reads one entry and adds it. What is wrong is found within the entry, for the sake of its line.
struct Adding<'k>(&'k mut Vec<Known>);

impl<'de> DeserializeSeed<'de> for Adding<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Adding<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a principal and a secret")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        #[derive(Deserialize)]
        struct Written {
            principal: String,
            #[serde(default)]
            secret: String,
            role: Option<String>,
        }
        let written = Written::deserialize(MapAccessDeserializer::new(map))?;
        let role = written.role.as_deref();
        let entry = Entry { principal: &written.principal, secret: &written.secret, role };
        add(self.0, entry).map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(principal: &str, secret: &str, role: Option<Role>) -> Known {
        Known { principal: principal.into(), secret: secret.into(), role }
    }

    #[test]
    fn sec_01_three_forms_say_the_same() {
        let expected = vec![known("p", "s", None), known("q q", "t", None)];
        for text in [
            r#"[{"principal":"p","secret":"s"},{"principal":"q q","secret":"t"}]"#,
            r#" {"credentials": [{"principal":"p","secret":"s"},{"principal":"q q","secret":"t"}]}"#,
            r#"{"other":[1],"credentials":[{"secret":"s","principal":"p","x":0},
                {"principal":"q q","secret":"t","role":null}]}"#,
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(expected.clone()), "{text}");
        }
        let plain = "p s\r\n\n \tq   t:u \n";
        let expected = vec![known("p", "s", None), known("q", "t:u", None)];
        assert_eq!(parse(plain.as_bytes()), Ok(expected));
        let roles = r#"[{"principal":"a","secret":"s","role":"agent"}]"#;
        assert_eq!(parse(roles.as_bytes()), Ok(vec![known("a", "s", Some(AGENT))]));
    }

    #[test]
    fn a_role_without_a_secret_is_a_certificates() {
        let text = r#"[{"principal":"spiffe://corp/ops","role":"operator"}]"#;
        let expected = vec![known("spiffe://corp/ops", "", Some(OPERATOR))];
        assert_eq!(parse(text.as_bytes()), Ok(expected));
    }

    #[test]
    fn bad_input_3_5_what_is_wrong_is_named_with_its_line() {
        for (text, line, words) in [
            ("", 1, "nobody"),
            ("\n\n", 1, "nobody"),
            ("[]", 1, "nobody"),
            ("p s\nq", 2, "found 1 words"),
            ("p s\n\nq t hunter2\n", 3, "found 3 words"),
            ("p s\np t", 2, "\"p\" is there twice"),
            ("p:q s", 1, "colon"),
            ("{}", 1, "no list `credentials`"),
            ("[\n{\"principal\":\"p\"}\n]", 2, "neither a secret nor a role"),
            ("[\n{\"secret\":\"s\"}\n]", 2, "missing field `principal`"),
            ("[\n{\"principal\":\"\",\"secret\":\"s\"}\n]", 2, "principal is empty"),
            ("[\n\n{\"principal\":\"p\",\"secret\":\"\"}\n]", 3, "neither a secret nor a role"),
            ("{\"credentials\":\n[{\"principal\":\"p\"\n,\"secret\":7}]}", 3, "integer `7`"),
            ("{\"credentials\":[],\n\"credentials\":[]}", 2, "twice"),
            ("{\"credentials\":\n{}}", 2, "a list of credentials"),
            (
                "[{\"principal\":\"p\",\"secret\":\"s\"},\n{\"principal\":\"p\",\"secret\":\"t\"}]",
                2,
                "twice",
            ),
            ("[\n{\"principal\":\"p\",\"secret\":\"s\",\"role\":\"king\"}]", 2, "\"king\""),
            ("[{\"principal\":\"p\",\n", 2, "EOF"),
            ("[7]", 1, "invalid type"),
        ] {
            let wrong = parse(text.as_bytes()).unwrap_err();
            assert!(wrong.why.contains(words), "{text:?}: {wrong:?}");
            assert_eq!(wrong.line, line, "{text:?}: {wrong:?}");
            assert!(!wrong.why.contains("hunter2"), "a secret is repeated");
        }
        let wrong = parse(b"p s\n\xff t").unwrap_err();
        assert_eq!((wrong.line, wrong.why.as_str()), (2, "it is not UTF-8"));
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert!(!format!("{:?}", known("p", "hunter2", None)).contains("hunter2"));
    }
}
