//! What a virtual path names: [`Place`]. Pure.
//!
//! ```text
//! [/slaves/<agent>]/frameworks/<framework>/executors/<executor>/runs/<container or latest>[/…]
//! ```
//! The same behind the agent's work directory, as `/state` prints it. Ids are parsed, so that each
//! is one safe component; the rest of the path is not looked at, but opened beneath the sandbox.

use meseta_api::ids::{AgentId, ContainerId, ExecutorId, FrameworkId};
use meseta_node::http::Refusal;
use std::path::{Component, Path};

/// Longest path that the kernel takes.
const MAX_PATH_BYTES: usize = 4095;

/// A file of one sandbox, or the sandbox itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The agent's id at that time; the present one if it is not said.
    pub(crate) agent: Option<AgentId>,
    /// Whose executor.
    pub(crate) framework: FrameworkId,
    /// Which.
    pub(crate) executor: ExecutorId,
    /// Which of its containers; none for the latest.
    pub(crate) container: Option<ContainerId>,
    /// Within the sandbox; empty for the sandbox itself. Not to be trusted.
    pub(crate) rest: String,
}

impl Place {
    /// Of a decoded path.
    ///
    /// # Errors
    /// 400 for a NUL, 404 for what names no sandbox.
    pub(crate) fn of(path: &str, work_dir: &Path) -> Result<Place, Refusal> {
        if path.contains('\0') {
            return Err(Refusal::bad_request("'path' contains a NUL"));
        }
        let found = match path.len() <= MAX_PATH_BYTES {
            true => find(path, work_dir),
            false => None,
        };
        found.ok_or_else(|| Refusal::not_found("no such file"))
    }
}

fn find(path: &str, work_dir: &Path) -> Option<Place> {
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let mut walk = Walk(match beneath(&segments, work_dir) {
        Some(rest) => rest,
        None => &segments,
    });
    let mut agent = None;
    if walk.word("slaves").is_some() {
        agent = Some(AgentId::parse(walk.next()?).ok()?);
    }
    walk.word("frameworks")?;
    let framework = FrameworkId::parse(walk.next()?).ok()?;
    walk.word("executors")?;
    let executor = ExecutorId::parse(walk.next()?).ok()?;
    walk.word("runs")?;
    let container = match walk.next()? {
        "latest" => None,
        id => Some(ContainerId::parse(id).ok()?),
    };
    Some(Place { agent, framework, executor, container, rest: walk.0.join("/") })
}

/// What of a path lies behind the work directory, in whole segments.
fn beneath<'a, 'b>(segments: &'b [&'a str], work_dir: &Path) -> Option<&'b [&'a str]> {
    let mut rest = segments;
    for component in work_dir.components() {
        if let Component::Normal(name) = component {
            let (first, others) = rest.split_first()?;
            if name.to_str()? != *first {
                return None;
            }
            rest = others;
        }
    }
    Some(rest)
}

struct Walk<'a, 'b>(&'b [&'a str]);

impl<'a> Walk<'a, '_> {
    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// Takes the next segment if it is this one.
    fn word(&mut self, word: &str) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == word).then(|| self.0 = rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str) -> Result<String, u16> {
        let place = Place::of(path, Path::new("/var/lib/m")).map_err(|r| r.status.as_u16())?;
        let id = |id: Option<String>| id.unwrap_or_else(|| "-".into());
        Ok(format!(
            "{} {} {} {} {}",
            id(place.agent.map(|id| id.to_string())),
            place.framework,
            place.executor,
            id(place.container.map(|id| id.to_string())),
            place.rest
        ))
    }

    #[test]
    fn leg_04_virtual_paths() {
        let run = "/frameworks/f/executors/e/runs";
        let work = "/var/lib/m/slaves/s/frameworks/f/executors/e/runs/c";
        for (path, expected) in [
            (format!("{run}/latest/stdout"), Ok("- f e - stdout")),
            (format!("{run}/c1/a/b"), Ok("- f e c1 a/b")),
            (format!("{run}/c1"), Ok("- f e c1 ")),
            (format!("{run}/c1//a///b/"), Ok("- f e c1 a/b")),
            (format!("/slaves/s{run}/c1/x"), Ok("s f e c1 x")),
            (format!("{work}/x"), Ok("s f e c x")),
            // What leaves the sandbox is the kernel's to refuse.
            (format!("{run}/c1/../../x"), Ok("- f e c1 ../../x")),
            (format!("{run}/c1/%2e%2e"), Ok("- f e c1 %2e%2e")),
            (run.to_owned(), Err(404)),
            ("/".to_owned(), Err(404)),
            ("/etc/passwd".to_owned(), Err(404)),
            ("/frameworks/f/executors/e".to_owned(), Err(404)),
            ("/frameworks/../executors/e/runs/c/x".to_owned(), Err(404)),
            ("/frameworks/f/executors/../runs/c/x".to_owned(), Err(404)),
            (format!("{run}/../x"), Err(404)),
            (format!("{run}/./x"), Err(404)),
            ("/var/lib/mm/slaves/s/frameworks/f/executors/e/runs/c".to_owned(), Err(404)),
            ("/var/lib/m/meta/agent.info".to_owned(), Err(404)),
            ("/var/lib/m/../m/slaves/s".to_owned(), Err(404)),
            (format!("{run}/c1/a\0b"), Err(400)),
            (format!("{run}/c1/{}", "x/".repeat(3000)), Err(404)),
        ] {
            assert_eq!(shown(&path), expected.map(str::to_owned), "{path:?}");
        }
    }
}
