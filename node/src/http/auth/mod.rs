//! Who asks over HTTP (B2, rows 0 and 1; SEC-01, SEC-02).
//!
//! - **State**: a daemon's [`Guards`]: for each [`Realm`] those who can tell who asks. Made at the
//!   start, and not read again: a credential that is changed wants a restart.
//! - **Fed by** requests; looked at before anything else of them.
//! - **Emits** the principal, nothing where the realm is open, or a [`Refusal`].
//! - **Read next**: [`basic`] for people, frameworks and tools, [`token`] for executors.

pub mod basic;
pub mod token;

pub use basic::Basic;
pub use token::{Claims, ExecutorTokens};

use super::refusal::Refusal;
use libproc::http::{header, HeaderValue, Request, Response};
use libproc::{BodyGuard, PageGuard};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What is asked for one credential, under the reference's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Realm {
    /// Documents of a master, its metrics and its processes.
    MasterReadOnly,
    /// A master's operator API.
    MasterReadWrite,
    /// The scheduler API.
    MasterScheduler,
    /// Documents of an agent, its metrics and processes, and the files of sandboxes.
    AgentReadOnly,
    /// An agent's operator API.
    AgentReadWrite,
    /// The executor API.
    AgentExecutor,
}

impl Realm {
    /// As it stands in a challenge.
    pub fn name(self) -> &'static str {
        match self {
            Realm::MasterReadOnly => "mesos-master-readonly",
            Realm::MasterReadWrite => "mesos-master-readwrite",
            Realm::MasterScheduler => "mesos-master-scheduler",
            Realm::AgentReadOnly => "mesos-agent-readonly",
            Realm::AgentReadWrite => "mesos-agent-readwrite",
            Realm::AgentExecutor => "mesos-agent-executor",
        }
    }

    /// The flag that says whether it asks, as the reference spells it.
    pub fn flag(self) -> &'static str {
        match self {
            Realm::MasterReadOnly | Realm::AgentReadOnly => "authenticate_http_readonly",
            Realm::MasterReadWrite | Realm::AgentReadWrite => "authenticate_http_readwrite",
            Realm::MasterScheduler => "authenticate_http_frameworks",
            Realm::AgentExecutor => "authenticate_http_executors",
        }
    }
}

/// Who was authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Somebody with a name.
    Named(String),
    /// The executor in a container. It has no name, so that what wants one refuses it.
    Executor(Claims),
}

/// Tells who asks by what follows one scheme in `Authorization`.
pub trait HttpAuthenticator: Send + Sync {
    /// Such as `Basic`; compared in any case.
    fn scheme(&self) -> &'static str;

    /// Who asks; none if that is not proven, for whichever reason. Must not block.
    fn authenticate(&self, credentials: &str) -> Option<Principal>;
}

/// Who stands at each realm of a daemon. A realm without anybody is open.
#[derive(Clone, Default)]
pub struct Guards(BTreeMap<Realm, Vec<Arc<dyn HttpAuthenticator>>>);

impl Guards {
    /// Every realm is open.
    pub fn open() -> Self {
        Guards::default()
    }

    /// The same with one more way into a realm. The first way is the one that is asked for.
    pub fn with(mut self, realm: Realm, authenticator: Arc<dyn HttpAuthenticator>) -> Self {
        self.0.entry(realm).or_default().push(authenticator);
        self
    }

    /// Whether a realm asks for credentials.
    pub fn asks(&self, realm: Realm) -> bool {
        self.0.contains_key(&realm)
    }

    /// Who asks; none where the realm is open (row 0).
    ///
    /// # Errors
    /// 401, in one form for every reason.
    pub fn pass(&self, realm: Realm, request: &Request) -> Result<Option<Principal>, Refusal> {
        let Some(authenticators) = self.0.get(&realm) else {
            return Ok(None);
        };
        let principal = presented(request).and_then(|(scheme, credentials)| {
            let mut fitting = authenticators.iter();
            let fitting = fitting.find(|a| a.scheme().eq_ignore_ascii_case(scheme))?;
            fitting.authenticate(credentials)
        });
        match principal {
            Some(principal) => Ok(Some(principal)),
            None => {
                let scheme = authenticators.first().map_or("Basic", |first| first.scheme());
                Err(Refusal::unauthorized(challenge(scheme, realm)))
            }
        }
    }

    /// The name of who asks; none where the realm is open (rows 0 and 1).
    ///
    /// # Errors
    /// 401, or 403 for an executor, which has no name.
    pub fn enter(&self, realm: Realm, request: &Request) -> Result<Option<String>, Refusal> {
        match self.pass(realm, request)? {
            None => Ok(None),
            Some(Principal::Named(name)) => Ok(Some(name)),
            Some(Principal::Executor(_)) => {
                Err(Refusal::new(403, "The authenticated principal has claims, but no value"))
            }
        }
    }
}

/// Asks for a realm's credentials before a node's own pages are shown.
pub fn pages(guards: &Guards, realm: Realm) -> PageGuard {
    let guards = guards.clone();
    Arc::new(move |request| guards.enter(realm, request).err().map(Response::from))
}

/// Asks for the credentials of the realm of a request's route before a long body of it is read.
pub fn bodies(guards: &Guards, realm_of: fn(&str) -> Realm) -> BodyGuard {
    let guards = guards.clone();
    Arc::new(move |route, request| guards.pass(realm_of(route), request).err().map(Response::from))
}

impl fmt::Debug for Guards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The scheme and what follows it. Of several lines none counts: which one was meant is not ours
/// to guess, and a proxy may have looked at another.
fn presented(request: &Request) -> Option<(&str, &str)> {
    let mut lines = request.headers.get_all(header::AUTHORIZATION).iter();
    let (line, None) = (lines.next()?, lines.next()) else {
        return None;
    };
    let (scheme, credentials) = line.to_str().ok()?.split_once(' ')?;
    Some((scheme, credentials.trim_matches(' ')))
}

fn challenge(scheme: &str, realm: Realm) -> HeaderValue {
    let text = format!("{scheme} realm=\"{}\"", realm.name());
    // Scheme and realm are names of ours, of plain characters.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Basic"))
}

#[cfg(test)]
mod tests;
