//! From what a person types to one agent: [`resolve`].
//!
//! Agents' ids are long and begin alike, so the end behind the last dash (`S3`) names one too, and
//! so does its host's name. An exact name comes before a longer one that begins with it.

use crate::naming::{by_stages, Named};
use crate::view::agents::AgentRow;

/// Why a text names no single agent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// None is called so.
    #[error("no agent matches {text:?}; `meseta agents` lists them")]
    NoMatch {
        /// What was looked for.
        text: String,
    },
    /// Several are.
    #[error("{text:?} names several agents: {}", candidates.join(", "))]
    Ambiguous {
        /// What was looked for.
        text: String,
        /// The ids of what it may mean, in order.
        candidates: Vec<String>,
    },
}

/// The place of the one agent that `text` names.
pub fn resolve(text: &str, agents: &[AgentRow]) -> Result<usize, NameError> {
    let end = |at: usize| agents[at].id.rsplit('-').next().unwrap_or_default();
    let exact = |at: usize| agents[at].id == text || end(at) == text;
    let host = |at: usize| agents[at].hostname == text;
    let begins = |at: usize| {
        !text.is_empty()
            && (agents[at].id.starts_with(text) || agents[at].hostname.starts_with(text))
    };
    match by_stages(agents.len(), &[&exact, &host, &begins]) {
        Named::One(at) => Ok(at),
        Named::Nothing => Err(NameError::NoMatch { text: text.to_owned() }),
        Named::Several(places) => {
            let mut candidates: Vec<String> =
                places.into_iter().map(|at| agents[at].id.clone()).collect();
            candidates.sort();
            Err(NameError::Ambiguous { text: text.to_owned(), candidates })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agents() -> Vec<AgentRow> {
        let row = |id: &str, hostname: &str| AgentRow {
            id: id.to_owned(),
            hostname: hostname.to_owned(),
            ..Default::default()
        };
        vec![row("m-1-S1", "db-1"), row("m-1-S10", "web-1"), row("m-1-S2", "web-10")]
    }

    #[test]
    fn what_names_one() {
        for (text, at) in
            [("m-1-S1", 0), ("S1", 0), ("S10", 1), ("web-1", 1), ("web-10", 2), ("db", 0)]
        {
            assert_eq!(resolve(text, &agents()), Ok(at), "{text}");
        }
    }

    #[test]
    fn what_names_none_or_several() {
        for text in ["", "S3", "m-2"] {
            let no = NameError::NoMatch { text: text.to_owned() };
            assert_eq!(resolve(text, &agents()), Err(no));
        }
        let Err(NameError::Ambiguous { candidates, .. }) = resolve("web", &agents()) else {
            panic!("not ambiguous");
        };
        assert_eq!(candidates, ["m-1-S10", "m-1-S2"]);
    }
}
