//! Which process serves which path.
//!
//! A process's routes live under `/<id>/…`; one that speaks for its node may also claim paths at
//! the root. A request goes to the longest route that is a prefix of its path in whole segments;
//! empty segments (`//`, a trailing slash) are ignored.

use super::{percent_decode, Request, Response};
use crate::context::Context;
use crate::id::ProcessId;
use crate::node::{Entry, Node};
use crate::process::Process;
use crate::reply::Reply;

type Handler<P> = fn(&mut P, Request, Reply<Response>, &mut Context<P>);

/// The routes of one process, and what `/help` says of them.
pub struct Routes<P: Process> {
    id: ProcessId,
    infos: Vec<RouteInfo>,
    handlers: Vec<Handler<P>>,
}

/// One route as the node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteInfo {
    /// Absolute, without a trailing slash.
    pub path: String,
    /// One line for `/help`.
    pub help: &'static str,
}

impl<P: Process> Routes<P> {
    pub(crate) fn new(id: &ProcessId) -> Self {
        Routes { id: id.clone(), infos: Vec::new(), handlers: Vec::new() }
    }

    /// Serves `/<id><path>`; `path` begins with a slash.
    pub fn route(&mut self, path: &str, help: &'static str, handler: Handler<P>) {
        let path = format!("/{}{}", self.id, path);
        self.at_root(&path, help, handler);
    }

    /// Serves `path` itself: for the process that speaks for its node.
    pub fn at_root(&mut self, path: &str, help: &'static str, handler: Handler<P>) {
        let path = path.trim_end_matches('/').to_owned();
        self.infos.push(RouteInfo { path, help });
        self.handlers.push(handler);
    }

    pub(crate) fn infos(&self) -> &[RouteInfo] {
        &self.infos
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.infos.is_empty()
    }

    pub(crate) fn call(
        &self,
        route: usize,
        process: &mut P,
        request: Request,
        reply: Reply<Response>,
        cx: &mut Context<P>,
    ) {
        if let Some(handler) = self.handlers.get(route) {
            handler(process, request, reply, cx);
        }
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// How many segments `route` has if it is a prefix of `path`.
fn prefix(route: &str, path: &str) -> Option<usize> {
    let mut walked = segments(path);
    let mut count = 0;
    for segment in segments(route) {
        if !walked.next().is_some_and(|sent| names(sent, segment)) {
            return None;
        }
        count += 1;
    }
    Some(count)
}

/// Whether a segment as it was sent is this one: clients may escape what need not be, such as the
/// parentheses of `/slave(1)`.
fn names(sent: &str, segment: &str) -> bool {
    // In a path a plus sign is a plus sign.
    sent == segment
        || sent.contains('%')
            && percent_decode(&sent.replace('+', "%2B")).as_deref() == Some(segment)
}

/// The process and route for a path, and what of the path lies behind the route.
pub(crate) fn resolve(node: &Node, path: &str) -> Option<(Entry, usize, String)> {
    let mut best: Option<(usize, Entry, usize)> = None;
    for (_, entry) in node.processes() {
        for (at, info) in entry.door.routes().iter().enumerate() {
            if let Some(length) = prefix(&info.path, path) {
                if best.as_ref().is_none_or(|(longest, _, _)| length > *longest) {
                    best = Some((length, entry.clone(), at));
                }
            }
        }
    }
    let (length, entry, at) = best?;
    let rest: Vec<&str> = segments(path).skip(length).collect();
    Some((entry, at, rest.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_of_whole_segments() {
        assert_eq!(prefix("/api/v1", "/api/v1/operator"), Some(2));
        assert_eq!(prefix("/api/v1", "/api/v1/"), Some(2));
        assert_eq!(prefix("/api/v1", "//api//v1"), Some(2));
        assert_eq!(prefix("/api/v1", "/api/v10"), None);
        assert_eq!(prefix("/state", "/"), None);
        assert_eq!(prefix("/slave(1)/state", "/slave%281%29/state"), Some(2));
        assert_eq!(prefix("/state", "/st%61te"), Some(1));
        assert_eq!(prefix("/a b", "/a+b"), None);
        assert_eq!(prefix("/state", "/%zz"), None);
        assert_eq!(prefix("/a/b", "/a%2Fb"), None);
    }
}
