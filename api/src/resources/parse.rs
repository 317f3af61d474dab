//! The notation of `--resources`: `cpus:4;ports(eng):[31000-32000];disks:{a,b}`.
//!
//! Items are separated by `;` or newlines, empty ones are skipped, and spaces around tokens do not
//! count. Attributes use the same items and literals.

use std::str::FromStr;

use crate::ids::Role;
use crate::v1;

use super::convert;
use super::entry::{Descriptor, Entry};
use super::error::{InvalidResource, RangesError, ResourcesError, ScalarError, SetError};
use super::name::ResourceName;
use super::ranges::Ranges;
use super::reservation::Reservation;
use super::scalar::Scalar;
use super::set::Set;
use super::value::Value;
use super::Resources;

/// Longest piece of the text that an error repeats, in characters.
const MAX_QUOTED: usize = 40;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} in '{token}' at byte {position}")]
pub struct ParseError {
    /// Offset in the whole text, in bytes from 0.
    pub position: usize,
    /// The offending piece, escaped and shortened.
    pub token: String,
    pub kind: ParseErrorKind,
}

/// What is wrong with a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseErrorKind {
    #[error("no ':' between name and value")]
    NoColon,
    #[error("no value")]
    NoValue,
    /// Such an item, first in a text, would make it JSON.
    #[error("name starts with '['")]
    BracketName,
    #[error("no ')' after the role")]
    UnclosedRole,
    #[error("text between the role and ':'")]
    TextAfterRole,
    #[error("no '{0}' at the end")]
    Unclosed(char),
    #[error("no 'begin-end' range")]
    NotARange,
    #[error("empty item")]
    EmptyItem,
    #[error("value is neither a number nor [ranges] nor {{a set}}")]
    NotAResourceValue,
    #[error("attributes cannot be sets")]
    SetAttribute,
    #[error(transparent)]
    Scalar(ScalarError),
    #[error(transparent)]
    Ranges(RangesError),
    #[error(transparent)]
    Set(SetError),
    #[error(transparent)]
    Resource(InvalidResource),
}

impl ParseError {
    pub(crate) fn new(token: Token<'_>, kind: ParseErrorKind) -> Self {
        let mut quoted: String = token.text.chars().take(MAX_QUOTED).collect();
        if quoted.len() < token.text.len() {
            quoted.push_str("...");
        }
        Self { position: token.position, token: quoted.escape_debug().to_string(), kind }
    }
}

/// A piece of the text and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    position: usize,
}

impl<'a> Token<'a> {
    fn at(&self, begin: usize, text: &'a str) -> Self {
        let leading = text.len() - text.trim_start().len();
        Self { text: text.trim(), position: self.position + begin + leading }
    }

    /// The trimmed pieces between separators.
    fn split(self, separators: &'a [char]) -> impl Iterator<Item = Token<'a>> {
        let base = self.text.as_ptr() as usize;
        self.text.split(separators).map(move |piece| self.at(piece.as_ptr() as usize - base, piece))
    }

    fn split_once(self, separator: char) -> Option<(Token<'a>, Token<'a>)> {
        let (before, after) = self.text.split_once(separator)?;
        let begin = before.len() + separator.len_utf8();
        Some((self.at(0, before), self.at(begin, after)))
    }

    /// What is between the first character and `close`, the last.
    fn inner(self, close: char) -> Result<Token<'a>, ParseError> {
        match self.text.get(1..).and_then(|rest| rest.strip_suffix(close)) {
            Some(inner) => Ok(self.at(1, inner)),
            None => Err(ParseError::new(self, ParseErrorKind::Unclosed(close))),
        }
    }
}

/// `name:value`, not yet looked into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) whole: Token<'a>,
    pub(crate) name: Token<'a>,
    pub(crate) value: Token<'a>,
}

/// The items of `text`; a name ends at the first `:`.
pub(crate) fn split_items(text: &str) -> impl Iterator<Item = Result<Item<'_>, ParseError>> {
    let all = Token { text, position: 0 };
    all.split(&[';', '\n']).filter(|token| !token.text.is_empty()).map(|whole| {
        match whole.split_once(':') {
            Some((_, value)) if value.text.is_empty() => {
                Err(ParseError::new(whole, ParseErrorKind::NoValue))
            }
            Some((name, value)) => Ok(Item { whole, name, value }),
            None => Err(ParseError::new(whole, ParseErrorKind::NoColon)),
        }
    })
}

/// A value by its looks: `[` starts ranges, `{` a set, a sign or digit a number if it is one, and
/// the rest is text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal<'a> {
    Number(f64),
    Ranges(Ranges),
    Set(Set),
    Text(&'a str),
}

impl<'a> Literal<'a> {
    pub(crate) fn parse(token: Token<'a>) -> Result<Self, ParseError> {
        match token.text.chars().next() {
            Some('[') => Ok(Self::Ranges(parse_ranges(token)?)),
            Some('{') => Ok(Self::Set(parse_set(token)?)),
            // Excludes "inf" and "nan", which `f64` would read.
            Some('0'..='9' | '+' | '-' | '.') => {
                Ok(token.text.parse().map_or(Self::Text(token.text), Self::Number))
            }
            _ => Ok(Self::Text(token.text)),
        }
    }
}

fn parse_ranges(token: Token<'_>) -> Result<Ranges, ParseError> {
    let inner = token.inner(']')?;
    let mut pairs = Vec::new();
    for range in inner.split(&[',']).filter(|_| !inner.text.is_empty()) {
        let pair = range.split_once('-').and_then(|(begin, end)| {
            let number = |token: Token<'_>| u64::from_str(token.text).ok();
            Some((number(begin)?, number(end)?))
        });
        pairs.push(pair.ok_or_else(|| ParseError::new(range, ParseErrorKind::NotARange))?);
    }
    Ranges::new(pairs).map_err(|error| ParseError::new(token, ParseErrorKind::Ranges(error)))
}

fn parse_set(token: Token<'_>) -> Result<Set, ParseError> {
    let inner = token.inner('}')?;
    let mut items = Vec::new();
    for item in inner.split(&[',']).filter(|_| !inner.text.is_empty()) {
        if item.text.is_empty() {
            return Err(ParseError::new(token, ParseErrorKind::EmptyItem));
        }
        items.push(item.text);
    }
    Set::new(items).map_err(|error| ParseError::new(token, ParseErrorKind::Set(error)))
}

/// The entries of `text` in its order, those of amount zero included: `gpus:0` says that there are
/// none, which is not the same as to say nothing. A role makes a static reservation. Ranges may
/// overlap within one value.
pub fn parse_entries(text: &str) -> Result<Vec<Entry>, ParseError> {
    split_items(text).map(|item| parse_entry(item?)).collect()
}

fn parse_entry(item: Item<'_>) -> Result<Entry, ParseError> {
    let invalid =
        |token, error: InvalidResource| ParseError::new(token, ParseErrorKind::Resource(error));
    let (name, role) = split_role(item.name)?;
    if name.text.starts_with('[') {
        return Err(ParseError::new(name, ParseErrorKind::BracketName));
    }
    let parsed = ResourceName::parse(name.text).map_err(|e| invalid(name, e.into()))?;
    let mut descriptor = Descriptor::plain(parsed);
    if let Some(token) = role {
        let role = Role::parse(token.text).map_err(|e| invalid(token, e.into()))?;
        if !role.is_default() {
            let reserved = descriptor.reservations.push(Reservation::fixed(role));
            reserved.map_err(|e| invalid(token, e.into()))?;
        }
    }
    let value = match Literal::parse(item.value)? {
        Literal::Number(number) => Scalar::from_f64(number)
            .map(Value::Scalar)
            .map_err(|e| ParseError::new(item.value, ParseErrorKind::Scalar(e)))?,
        Literal::Ranges(ranges) => Value::Ranges(ranges),
        Literal::Set(set) => Value::Set(set),
        Literal::Text(_) => {
            return Err(ParseError::new(item.value, ParseErrorKind::NotAResourceValue))
        }
    };
    Entry::new(descriptor, value).map_err(|e| invalid(item.whole, e))
}

/// `name(role)` or `name`.
fn split_role(token: Token<'_>) -> Result<(Token<'_>, Option<Token<'_>>), ParseError> {
    let Some((name, rest)) = token.split_once('(') else {
        return Ok((token, None));
    };
    match rest.split_once(')') {
        Some((role, after)) if after.text.is_empty() => Ok((name, Some(role))),
        Some(_) => Err(ParseError::new(token, ParseErrorKind::TextAfterRole)),
        None => Err(ParseError::new(token, ParseErrorKind::UnclosedRole)),
    }
}

impl Resources {
    /// Reads either notation of `--resources`: the text one, or, if the first character is `[`, a
    /// JSON array of `Resource` messages. Within one text, a name has one type and no port or item
    /// is given twice.
    pub fn parse(text: &str) -> Result<Resources, ResourcesError> {
        if text.trim_start().starts_with('[') {
            let list: Vec<v1::Resource> =
                serde_json::from_str(text).map_err(|e| ResourcesError::Json(e.to_string()))?;
            return Resources::from_v1(&list);
        }
        convert::collect(parse_entries(text)?)
    }
}

impl FromStr for Resources {
    type Err = ResourcesError;

    fn from_str(text: &str) -> Result<Self, ResourcesError> {
        Self::parse(text)
    }
}
