//! What the HTTP side needs of a master: [`Desk`]; and who is not served at it.

use crate::core::Rejection;
use crate::limits::TooMany;
use libproc::http::{Request, Response};
use meseta_api::v1;
use meseta_node::http::auth::{Guards, Realm};
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

    /// Counts a request of this principal; refused if it is one too many.
    fn meter(&self, principal: Option<&str>) -> Result<(), TooMany>;

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

/// Who asks, if this master may work for them now: they are let in (B2, rows 0 and 1), this master
/// leads (rows 2 and 3), and they have not asked too much (LIM-01). None where nobody is asked.
pub(crate) fn admit(
    desk: &impl Desk,
    realm: Realm,
    request: &Request,
) -> Result<Option<String>, Box<Response>> {
    let refused = |refusal: Refusal| Box::new(Response::from(refusal));
    let principal = desk.guards().enter(realm, request).map_err(refused)?;
    if let Some(response) = elsewhere(desk, request) {
        return Err(Box::new(response));
    }
    spend(desk, principal.as_deref()).map_err(refused)?;
    Ok(principal)
}

/// Counts a request of this principal.
pub(crate) fn spend(desk: &impl Desk, principal: Option<&str>) -> Result<(), Refusal> {
    let refused = |why: TooMany| Refusal::too_many(why.retry_after, why.to_string());
    desk.meter(principal).map_err(refused)
}
