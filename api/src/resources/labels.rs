//! Labels as part of a reservation's or a disk's identity.

use std::fmt;
use std::sync::Arc;

/// Keys with optional values, compared without regard to order. Sorted; a clone shares the memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Option<Arc<[Label]>>);

/// One label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    pub key: Arc<str>,
    pub value: Option<Arc<str>>,
}

impl Labels {
    /// Labels in any order; repeated ones count.
    pub fn new(labels: impl IntoIterator<Item = Label>) -> Self {
        let mut sorted: Vec<Label> = labels.into_iter().collect();
        sorted.sort_unstable();
        Self((!sorted.is_empty()).then(|| sorted.into()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The labels, ascending.
    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter().flat_map(|labels| labels.iter())
    }
}

/// `{k: v, flag}`, escaped, since a client chose the bytes.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, label) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{}", label.key.escape_debug())?;
            if let Some(value) = &label.value {
                write!(f, ": {}", value.escape_debug())?;
            }
        }
        f.write_str("}")
    }
}
