//! Where in a message something is: `accept.offer_ids[0].value`.

use std::fmt;

/// Keys come from outside; more of one than this is not repeated in an error.
const SHOWN_KEY_CHARS: usize = 64;

/// The way to a place in a message. It is built on the way out of it, innermost first, so that
/// it costs nothing where nothing is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Field(&'static str),
    Index(usize),
    Key(String),
}

impl Path {
    pub(crate) fn in_field(&mut self, name: &'static str) {
        self.0.push(Segment::Field(name));
    }

    pub(crate) fn in_element(&mut self, index: usize) {
        self.0.push(Segment::Index(index));
    }

    pub(crate) fn in_entry(&mut self, key: &str) {
        self.0.push(Segment::Key(key.chars().take(SHOWN_KEY_CHARS).collect()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().rev().enumerate() {
            match segment {
                Segment::Field(name) if position == 0 => f.write_str(name)?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_outermost_first() {
        let mut path = Path::default();
        path.in_field("value");
        path.in_entry("a\n");
        path.in_field("limits");
        path.in_element(3);
        path.in_field("tasks");
        assert_eq!(path.to_string(), r#"tasks[3].limits["a\n"].value"#);
    }
}
