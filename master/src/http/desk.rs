//! What the HTTP side needs of a master: [`Desk`]; and who is not served at it.

use crate::core::Rejection;
use libproc::http::{Request, Response};
use meseta_api::v1;
use meseta_node::http::auth::Guards;
use meseta_node::http::{redirect, RecordStream, Refusal};
use std::collections::BTreeMap;

/// Whether this master leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Another master leads, or none.
    Standby {
        /// `host:port` of the leader, if one is known.
        leader: Option<String>,
    },
    /// Elected; the registry is being read.
    Recovering,
    /// Leads.
    Serving {
        /// `host:port` of this master.
        address: String,
    },
}

/// A scheduler's call that is no SUBSCRIBE.
#[derive(Debug)]
pub(crate) struct Called {
    /// What.
    pub(crate) call: Box<v1::scheduler::Call>,
    /// Who; none where nobody is asked.
    pub(crate) principal: Option<String>,
    /// `Mesos-Stream-Id` as it came.
    pub(crate) stream_id: Option<String>,
    /// It came within a trace that its scheduler chose.
    pub(crate) traced: bool,
}

/// A scheduler that subscribes.
#[derive(Debug)]
pub(crate) struct Subscribing {
    /// SUBSCRIBE.
    pub(crate) call: Box<v1::scheduler::Call>,
    /// Who; none where nobody is asked.
    pub(crate) principal: Option<String>,
    /// `Mesos-Stream-Id` as it came: it must not.
    pub(crate) stream_id: Option<String>,
    /// What other calls will carry.
    pub(crate) new_stream_id: String,
    /// Where events go.
    pub(crate) stream: RecordStream,
}

/// A master as HTTP sees it.
pub(crate) trait Desk {
    /// Who is let in.
    fn guards(&self) -> &Guards;

    /// Whether it leads.
    fn standing(&self) -> Standing;

    /// 16 random bytes.
    fn uuid(&mut self) -> [u8; 16];

    /// Takes a call.
    fn call(&mut self, called: Called) -> Result<(), Rejection>;

    /// Takes a subscription. If it is refused with a status, the stream has been dropped, and
    /// nothing was sent on it.
    fn subscribe(&mut self, subscribing: Subscribing) -> Result<(), Rejection>;

    /// Answers a call that changes nothing.
    fn query(&self, call: &v1::master::Call) -> Result<v1::master::Response, Rejection>;

    /// Settings as `/flags` and `/state` show them.
    fn flags(&self) -> BTreeMap<String, String>;
}

/// The answer to a request that this master does not serve because it does not lead, or not yet
/// (B2, rows 2 and 3).
pub(crate) fn elsewhere(desk: &impl Desk, request: &Request) -> Option<Response> {
    match desk.standing() {
        Standing::Serving { .. } => None,
        Standing::Recovering => Some(Refusal::new(503, "Master has not finished recovery").into()),
        Standing::Standby { leader } => Some(redirect(leader.as_deref(), request)),
    }
}
