//! `run -f`: what instances write, as they write it.
//!
//! One follower per instance reads its stdout through its agent until the instance has ended and
//! everything was read. All pass whole lines to one channel.

use super::lines::Lines;
use crate::client::files::{Read, RemoteFile};
use libproc::Node;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

/// Reads in a row that find nothing, after the task has ended, until its output is over: an
/// executor tells the end before the last bytes are surely on the disk.
const QUIET_READS: u32 = 2;
/// Reads in a row that may fail before a follower gives up.
const FAILURES: u32 = 10;

/// Follows one file until `ended` says true and nothing more comes.
pub async fn follow(
    node: Node,
    mut file: RemoteFile,
    mut lines: Lines,
    ended: watch::Receiver<bool>,
    out: UnboundedSender<String>,
) {
    let (mut quiet, mut failures) = (0, 0);
    while quiet < QUIET_READS && failures < FAILURES {
        let was_ended = *ended.borrow();
        match file.read(&node).await {
            Ok(Read::Data(text)) => {
                (quiet, failures) = (0, 0);
                let _ = out.send(lines.push(&text));
                continue;
            }
            Ok(Read::End | Read::Missing) => quiet += u32::from(was_ended),
            Err(error) => {
                failures += 1;
                tracing::debug!("cannot follow: {error:#}");
            }
        }
        file.pause(&node).await;
    }
    if failures >= FAILURES {
        tracing::warn!("output is incomplete: the agent cannot be read from");
    }
    let _ = out.send(lines.finish());
}
