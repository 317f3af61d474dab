//! Sandboxes' files: `/files/browse`, `/files/read`, `/files/download` (LEG-04).
//!
//! - **State**: none. Where sandboxes are follows from the ids in a virtual path ([`place`]), so
//!   that those of executors that ended, also in earlier lives, are found too.
//! - **Fed by** requests. All work is off the process's thread, on the blocking pool.
//! - **Emits** responses; a download goes on while its client reads.
//! - **Read next**: [`beneath`], for how a file is opened that a task may have replaced.

pub(crate) mod beneath;
mod browse;
mod download;
mod error;
pub(crate) mod place;
mod read;

use error::FileError;
use libproc::http::{Request, Response};
use meseta_api::ids::AgentId;
use meseta_node::http::{json_document, read_only, Query, Refusal};
use place::Place;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

/// Where an agent keeps sandboxes.
#[derive(Clone, Debug)]
pub(crate) struct Roots {
    /// The work directory; absolute.
    pub(crate) work_dir: PathBuf,
    /// The agent's id, once it has one: paths need not name it.
    pub(crate) agent: Option<AgentId>,
}

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The list of a directory.
    Browse,
    /// A piece of a file, as JSON.
    Read,
    /// A file.
    Download,
}

/// A response, and what still has to run for it.
pub(crate) struct Answer {
    /// To be sent at once.
    pub(crate) response: Response,
    /// Feeds the response's body; ends with it.
    pub(crate) pump: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Answer { response, pump: None }
    }
}

/// Answers a request. Never fails, and blocks nobody.
pub(crate) async fn answer(roots: Roots, wanted: Wanted, request: Request) -> Answer {
    match parse(&roots, &request) {
        Ok((query, path, place)) => {
            let answered = match wanted {
                Wanted::Browse => browse::answer(roots, query, path, place).await,
                Wanted::Read => read::answer(roots, query, place).await,
                Wanted::Download => download::answer(roots, place).await,
            };
            answered.unwrap_or_else(|refusal| Response::from(refusal).into())
        }
        Err(refusal) => Response::from(refusal).into(),
    }
}

/// The query, the virtual path, and what it names.
fn parse(roots: &Roots, request: &Request) -> Result<(Query, String, Place), Refusal> {
    read_only(request)?;
    let query = Query::of(request)?;
    let path = query
        .get("path")
        .filter(|path| !path.is_empty())
        .ok_or_else(|| Refusal::bad_request("Expecting 'path=value' in query."))?
        .to_owned();
    let place = Place::of(&path, &roots.work_dir)?;
    Ok((query, path, place))
}

fn json(query: &Query, document: &serde_json::Value) -> Result<Answer, Refusal> {
    json_document(query, document).map(Answer::from)
}

/// Runs what may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, Refusal> {
    #[allow(
        clippy::disallowed_methods,
        reason = "files of sandboxes are real, and never read under simulation"
    )]
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome.map_err(Refusal::from),
        Err(error) => Err(Refusal::new(500, error.to_string())),
    }
}

#[cfg(test)]
mod tests;
