//! Roles: who resources are reserved for, allocated to, and accounted under.
//!
//! A role is `*`, the default of everybody, or a path such as `eng/web` whose ancestors are roles
//! too.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use serde::{de, Deserialize, Deserializer, Serialize, Serializer};

/// Deepest role. The tree is walked per allocation, so a client must not choose its height.
pub const MAX_ROLE_DEPTH: usize = 100;

/// Longest role in bytes.
pub const MAX_ROLE_BYTES: usize = 1024;

/// Longest component in bytes: a component may name a directory.
pub const MAX_ROLE_COMPONENT_BYTES: usize = 255;

const DEFAULT: &str = "*";

/// Interned, since nearly every resource and framework of a small cluster names it.
static DEFAULT_ROLE: LazyLock<Role> = LazyLock::new(|| Role(Arc::from(DEFAULT)));

/// Why a string is not a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    #[error("role must not be empty")]
    Empty,
    #[error("role is {length} bytes long, more than {MAX_ROLE_BYTES}")]
    TooLong { length: usize },
    #[error("role has more than {MAX_ROLE_DEPTH} components")]
    TooDeep,
    #[error("role has an empty component at byte {offset}: no leading, trailing or double slash")]
    EmptyComponent { offset: usize },
    #[error("role has the component '{component}' at byte {offset}, which is reserved")]
    ReservedComponent { component: &'static str, offset: usize },
    #[error("role has a component that starts with '-' at byte {offset}")]
    LeadingDash { offset: usize },
    #[error("role has a component of more than {MAX_ROLE_COMPONENT_BYTES} bytes at byte {offset}")]
    ComponentTooLong { offset: usize },
    #[error("role holds {character:?} at byte {offset}")]
    ForbiddenCharacter { character: char, offset: usize },
}

/// A valid role. Clones share the string; the order is that of the bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(Arc<str>);

impl Role {
    /// Accepts `*`, or components joined by `/`: none empty, none `.`, `..` or `*`, none starting
    /// with `-`, no white space or control character; at most [`MAX_ROLE_DEPTH`] components and
    /// [`MAX_ROLE_BYTES`] bytes.
    pub fn parse(text: &str) -> Result<Self, RoleError> {
        if text == DEFAULT {
            return Ok(Self::default());
        }
        check(text)?;
        Ok(Self(Arc::from(text)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `*`. Nothing can be reserved for it, and it has no descendants.
    pub fn is_default(&self) -> bool {
        &*self.0 == DEFAULT
    }

    /// Number of components; 1 for a top-level role.
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// The components from the top: `eng`, `web` for `eng/web`.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The role one level up; none for a top-level role.
    pub fn parent(&self) -> Option<Role> {
        let (parent, _) = self.0.rsplit_once('/')?;
        Some(Role(Arc::from(parent)))
    }

    /// The top-level role of this one's tree, which is where quota is set.
    pub fn top_level(&self) -> Role {
        match self.0.split_once('/') {
            Some((top, _)) => Role(Arc::from(top)),
            None => self.clone(),
        }
    }

    /// Whether `self` is strictly above `other`: `eng` is an ancestor of `eng/web`, neither of
    /// itself nor of `engine`.
    pub fn is_ancestor_of(&self, other: &Role) -> bool {
        other.0.strip_prefix(&*self.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether `self` is `other` or an ancestor of it.
    pub fn covers(&self, other: &Role) -> bool {
        self == other || self.is_ancestor_of(other)
    }
}

fn check(text: &str) -> Result<(), RoleError> {
    if text.is_empty() {
        return Err(RoleError::Empty);
    }
    if text.len() > MAX_ROLE_BYTES {
        return Err(RoleError::TooLong { length: text.len() });
    }
    let forbidden = |c: &char| c.is_whitespace() || c.is_control();
    if let Some((offset, character)) = text.char_indices().find(|(_, c)| forbidden(c)) {
        return Err(RoleError::ForbiddenCharacter { character, offset });
    }
    let mut offset = 0;
    for (index, component) in text.split('/').enumerate() {
        if index >= MAX_ROLE_DEPTH {
            return Err(RoleError::TooDeep);
        }
        check_component(component, offset)?;
        offset += component.len() + 1;
    }
    Ok(())
}

fn check_component(component: &str, offset: usize) -> Result<(), RoleError> {
    let reserved = |component| Err(RoleError::ReservedComponent { component, offset });
    match component {
        "" => Err(RoleError::EmptyComponent { offset }),
        "." => reserved("."),
        ".." => reserved(".."),
        DEFAULT => reserved(DEFAULT),
        _ if component.starts_with('-') => Err(RoleError::LeadingDash { offset }),
        _ if component.len() > MAX_ROLE_COMPONENT_BYTES => {
            Err(RoleError::ComponentTooLong { offset })
        }
        _ => Ok(()),
    }
}

/// The default role, `*`.
impl Default for Role {
    fn default() -> Self {
        DEFAULT_ROLE.clone()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Role({})", self.0)
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        Self::parse(text)
    }
}

impl AsRef<str> for Role {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Role {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(text: &str) -> Role {
        Role::parse(text).unwrap()
    }

    #[test]
    fn the_rule_of_roles() {
        let deepest = vec!["a"; MAX_ROLE_DEPTH].join("/");
        for good in ["*", "eng", "eng/web", "a.b", "...", "a-b", "a*b", "été", &deepest] {
            assert_eq!(Role::parse(good).map(|r| r.to_string()), Ok(good.into()));
        }
        let too_deep = vec!["a"; MAX_ROLE_DEPTH + 1].join("/");
        let bottomless = vec!["a"; 10_000].join("/");
        let wide = "a".repeat(MAX_ROLE_COMPONENT_BYTES + 1);
        for bad in [
            "",
            ".",
            "..",
            "/",
            "/a",
            "a/",
            "a//b",
            "a/./b",
            "a/..",
            "*/a",
            "a/*",
            "-x",
            "a/-x",
            " ",
            "a b",
            "a\tb",
            "a\u{8}",
            "a\n",
            "a\u{7f}",
            &too_deep,
            &bottomless,
            &wide,
        ] {
            assert!(Role::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn errors_tell_the_place() {
        assert_eq!(Role::parse("a//b"), Err(RoleError::EmptyComponent { offset: 2 }));
        assert_eq!(Role::parse("a/-x"), Err(RoleError::LeadingDash { offset: 2 }));
    }

    #[test]
    fn the_tree() {
        let (eng, web) = (role("eng"), role("eng/web"));
        assert!(eng.is_ancestor_of(&web));
        assert!(!web.is_ancestor_of(&eng));
        assert!(!eng.is_ancestor_of(&eng));
        assert!(!eng.is_ancestor_of(&role("engine")));
        assert!(!eng.is_ancestor_of(&role("engine/web")));
        assert!(!Role::default().is_ancestor_of(&eng));
        assert!(eng.covers(&eng) && eng.covers(&web));
        assert_eq!(web.parent(), Some(eng.clone()));
        assert_eq!(eng.parent(), None);
        assert_eq!(role("a/b/c").top_level(), role("a"));
        assert_eq!(role("a/b/c").depth(), 3);
        assert!(Role::default().is_default() && !eng.is_default());
    }
}
