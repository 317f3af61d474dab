//! What the reader is asked, and what it asks the master.

use crate::actor::Master;
use crate::core::Snapshot;
use crate::http::{documents, Which};
use libproc::http::Response;
use libproc::{Answer, Context, Reply, Sender};
use meseta_api::codec::Codec;
use meseta_api::internal::master::OperatorAnswer;
use meseta_api::v1::master::call::Type;
use meseta_api::v1::master::response::GetMaster;
use meseta_node::http::Query;
use std::collections::BTreeMap;
use std::time::Duration;

/// What somebody wants to read over HTTP, checked but for its parameters' meaning.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// A v1 read for which [`is_long`] is true.
    V1 {
        /// Which.
        kind: Type,
        /// In which codec the response is.
        codec: Codec,
    },
    /// A document that is older.
    Document {
        /// Which.
        which: Which,
        /// Its parameters.
        query: Query,
    },
}

/// Whether the response to a call grows with the cluster.
pub(crate) fn is_long(kind: Type) -> bool {
    matches!(
        kind,
        Type::GetState
            | Type::GetAgents
            | Type::GetFrameworks
            | Type::GetExecutors
            | Type::GetTasks
            | Type::GetRoles
    )
}

/// A question, and where its answer goes. Nothing in it was looked up in the state yet.
pub(crate) enum Asked {
    /// Over HTTP.
    Http(Question, Reply<Response>),
    /// Over libproc: the response to a call for which [`is_long`] is true.
    Process(Type, Reply<OperatorAnswer>),
}

/// Write the SUBSCRIBED of an event stream.
pub(crate) struct Render {
    pub(crate) gathered: Box<Gathered>,
    pub(crate) codec: Codec,
    pub(crate) heartbeat: Duration,
}

/// Take a snapshot.
pub(crate) struct Gather;

/// A master's state at one moment.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// Agents, frameworks, tasks, offers.
    pub state: Snapshot,
    /// Who leads.
    pub master: GetMaster,
    /// Settings.
    pub flags: BTreeMap<String, String>,
}

impl Answer<Gather> for Master {
    /// None if it does not lead.
    type Reply = Option<Gathered>;

    fn answer(&mut self, _: Gather, _: &Sender, reply: Reply<Self::Reply>, _: &mut Context<Self>) {
        reply.send(self.gathered());
    }
}

impl Master {
    /// The state now; none unless this master leads.
    pub(crate) fn gathered(&self) -> Option<Gathered> {
        let config = &self.config;
        let core = self.core()?;
        Some(Gathered {
            state: core.snapshot(),
            master: core.identity().shown(),
            flags: documents::flags(&config.hostname, &config.core, &config.guards),
        })
    }
}
