//! From what a person types to one framework: [`resolve`].
//!
//! Frameworks' ids are long and begin alike, so the end behind the last dash (`0003`) names one too,
//! and so does its name. Exactly comes before roughly.

use crate::naming::{by_stages, Named};
use crate::view::frameworks::FrameworkRow;

/// Why a text names no single framework.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// None is called so.
    #[error("no framework matches {text:?}; `meseta frameworks -a` lists them")]
    NoMatch {
        /// What was looked for.
        text: String,
    },
    /// Several are.
    #[error("{text:?} names several frameworks: {}", candidates.join(", "))]
    Ambiguous {
        /// What was looked for.
        text: String,
        /// The ids of what it may mean, in order.
        candidates: Vec<String>,
    },
}

/// The place of the one framework that `text` names. Of those of one name, the ones that have not
/// ended are meant.
pub fn resolve(text: &str, frameworks: &[FrameworkRow]) -> Result<usize, NameError> {
    let id = |at: usize| frameworks[at].id == text;
    let end = |at: usize| frameworks[at].id.rsplit('-').next() == Some(text);
    let lives = |at: usize| frameworks[at].name == text && frameworks[at].state != "completed";
    let name = |at: usize| frameworks[at].name == text;
    let begins = |at: usize| {
        !text.is_empty()
            && (frameworks[at].id.starts_with(text) || frameworks[at].name.starts_with(text))
    };
    match by_stages(frameworks.len(), &[&id, &end, &lives, &name, &begins]) {
        Named::One(at) => Ok(at),
        Named::Nothing => Err(NameError::NoMatch { text: text.to_owned() }),
        Named::Several(places) => {
            let mut candidates: Vec<String> =
                places.into_iter().map(|at| frameworks[at].id.clone()).collect();
            candidates.sort();
            Err(NameError::Ambiguous { text: text.to_owned(), candidates })
        }
    }
}
