//! What every node serves itself: which path is which page.

use super::inspect::{process, processes};
use super::metrics::{prometheus, snapshot};
use super::{Request, Response, StatusCode};
use crate::node::Node;
use std::fmt::Write;

/// The node's own pages, as `/help` lists them.
const PAGES: [(&str, &str); 6] = [
    ("/__processes__", "the processes of this node, their queues and state (JSON, or HTML)"),
    ("/__processes__/<id>", "one process, and the last messages that it handled"),
    ("/health", "200 while the node answers"),
    ("/help", "this page"),
    ("/metrics", "metrics in the OpenMetrics text format, for Prometheus"),
    ("/metrics/snapshot", "metrics as one flat JSON object"),
];

/// Answers a path that no process claims; `None` if it is none of the node's own. What tells more
/// than that the node lives is told to those whom the configuration lets read it.
pub(crate) async fn builtin(node: &Node, request: &Request) -> Option<Response> {
    let path: Vec<&str> = request.path.split('/').filter(|segment| !segment.is_empty()).collect();
    match path.as_slice() {
        ["health"] => Some(Response::status(StatusCode::OK)),
        ["help"] => Some(help(node)),
        ["metrics"] | ["metrics", "snapshot"] | ["__processes__"] | ["__processes__", _] => {
            match (node.config().pages)(request) {
                Some(refused) => Some(refused),
                None => page(node, request, &path).await,
            }
        }
        _ => None,
    }
}

async fn page(node: &Node, request: &Request, path: &[&str]) -> Option<Response> {
    match path {
        ["metrics"] => Some(prometheus(node).await),
        ["metrics", "snapshot"] => Some(snapshot(node).await),
        ["__processes__"] => Some(processes(node, request).await),
        ["__processes__", id] => process(node, request, id).await,
        _ => None,
    }
}

/// The node's pages and the routes of its processes, each with its own line of documentation.
fn help(node: &Node) -> Response {
    let mut lines: Vec<_> =
        PAGES.iter().map(|(path, help)| ((*path).to_owned(), *help, String::new())).collect();
    for (id, entry) in node.processes() {
        let route = |route: &super::RouteInfo| {
            (route.path.clone(), route.help, format!(" [{id}, {}]", entry.door.kind()))
        };
        lines.extend(entry.door.routes().iter().map(route));
    }
    lines.sort();
    let mut text = String::from("Served here:\n\n");
    for (path, help, whose) in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{path:<32} {help}{whose}");
    }
    Response::text(StatusCode::OK, text)
}
