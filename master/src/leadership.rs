//! From standby to leader: what the election says, and the recovery of the registry.
//!
//! ```text
//!   Standby ──Elected──> Recovering ──registry loaded──> Serving
//!      any stage ──Lost, or the registry cannot be read──> the node ends
//! ```
//! A leader never becomes a standby again: its next life is a new candidate.

use crate::actor::Master;
use crate::allocator::actor::AllocatorProcess;
use crate::config::{API_VERSION, MESETA_VERSION};
use crate::core::{CallAnswer, Core, Identity, Moment, RequestId, TimerKey};
use crate::events::hub::Hub;
use crate::reader::actor::Reader;
use crate::registrar::actor::{Read, Registrar};
use crate::registrar::registry::Registry;
use bytes::Bytes;
use libproc::{Context, Pid, Reason, Reply, TimerId};
use meseta_api::ids::MasterId;
use meseta_api::internal::master::OperatorAnswer;
use meseta_api::term::Term;
use meseta_api::v1;
use meseta_node::causes::with_causes;
use meseta_node::election::ElectionEvent;
use meseta_node::store::{Key, LoadError, Snapshot};
use meseta_node::uuid::Hyphenated;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

/// Where a master stands.
pub(crate) enum Stage {
    /// Another master leads, or none.
    Standby,
    /// Elected; the registry is being read.
    Recovering,
    /// Leads.
    Serving(Box<Serving>),
}

/// What exists only while a master leads.
pub(crate) struct Serving {
    pub(crate) core: Core,
    pub(crate) registrar: Pid<Registrar>,
    pub(crate) allocator: Pid<AllocatorProcess>,
    pub(crate) reader: Pid<Reader>,
    pub(crate) events: Pid<Hub>,
    /// Event streams that were opened.
    pub(crate) streams: u64,
    pub(crate) timers: BTreeMap<TimerKey, TimerId>,
    pub(crate) asks: BTreeMap<RequestId, Reply<OperatorAnswer>>,
    /// Calls of schedulers that have an answer.
    pub(crate) calls: BTreeMap<RequestId, Reply<CallAnswer>>,
    pub(crate) next_ask: u64,
}

impl Master {
    /// Guards every byte that this node writes as a leader, then waits for what the election says.
    pub(crate) fn watch_election(&mut self, cx: &mut Context<Self>) {
        let gate = self.config.candidacy.gate.clone();
        // Before it leads a master speaks for nobody; from its election on it may speak only
        // until its lease ends, also if it said nothing while the lease lasted.
        cx.node().guard_writes(Arc::new(move || !gate.is_over()));
        self.next_election_event(cx);
    }

    fn next_election_event(&mut self, cx: &mut Context<Self>) {
        // The receiver travels with the future and comes back with the event.
        let (_, nothing) = tokio::sync::mpsc::unbounded_channel();
        let mut events = std::mem::replace(&mut self.config.candidacy.events, nothing);
        let receiving = async move {
            let event = events.recv().await;
            (events, event)
        };
        cx.defer(receiving, |master: &mut Self, (events, event), cx| {
            master.config.candidacy.events = events;
            match event {
                Some(event) => {
                    master.election(event, cx);
                    master.next_election_event(cx);
                }
                None => end(cx, "the election ended without a word"),
            }
        });
    }

    fn election(&mut self, event: ElectionEvent, cx: &mut Context<Self>) {
        match event {
            ElectionEvent::LeaderChanged(leader) => self.leader = leader,
            ElectionEvent::Lost { reason } => end(cx, &format!("leadership lost: {reason}")),
            ElectionEvent::Elected { term } => {
                tracing::info!(%term, "elected");
                self.stage = Stage::Recovering;
                let began = cx.now();
                let loading = self.config.store.load();
                cx.defer(loading, move |master: &mut Self, loaded, cx| {
                    let took = cx.now().since(began);
                    master.loaded(term, loaded, took, cx)
                });
            }
        }
    }

    fn loaded(
        &mut self,
        term: Term,
        loaded: Result<Snapshot, LoadError>,
        took: Duration,
        cx: &mut Context<Self>,
    ) {
        let serving = loaded
            .map_err(|error| format!("the registry cannot be read: {}", with_causes(&error)))
            .and_then(|snapshot| self.recover(term, snapshot, took, cx));
        if let Err(why) = serving {
            end(cx, &why);
        }
    }

    fn recover(
        &mut self,
        term: Term,
        snapshot: Snapshot,
        took: Duration,
        cx: &mut Context<Self>,
    ) -> Result<(), String> {
        let size =
            |(key, value): (&Key, &Bytes)| (key.clone(), (key.as_str().len() + value.len()) as u64);
        let sizes = snapshot.entries.iter().map(size).collect();
        let read = Read { last: snapshot.commit, sizes, took };
        let entries = snapshot.entries.into_iter();
        let entries = entries.map(|(key, value)| (key.as_str().to_owned(), value.to_vec()));
        let registry = Registry::load(entries).map_err(|error| {
            format!("the registry cannot be understood: {}", with_causes(&error))
        })?;
        let identity = self.identity(term, cx)?;
        let at = Moment { now: cx.now(), wall: cx.wall() };
        let (core, effects) = Core::recover(registry, identity, self.config.core.clone(), at)
            .map_err(|error| error.to_string())?;
        let me = cx.me().clone();
        let registrar = Registrar::new(me.clone(), self.config.store.clone(), term, read);
        let allocator = AllocatorProcess::new(me, self.config.allocator.clone());
        let spawned = |error: libproc::SpawnError| error.to_string();
        let registrar = cx.node().spawn_critical("registrar", registrar).map_err(spawned)?;
        let allocator = cx.node().spawn_critical("allocator", allocator).map_err(spawned)?;
        let reader = Reader::start(cx).map_err(spawned)?;
        let settings = &self.config.core;
        let streams = (settings.heartbeat_interval, settings.max_event_streams);
        let events = Hub::start(&reader, streams, cx).map_err(spawned)?;
        self.stage = Stage::Serving(Box::new(Serving {
            core,
            registrar,
            allocator,
            reader,
            events,
            streams: 0,
            timers: BTreeMap::new(),
            asks: BTreeMap::new(),
            calls: BTreeMap::new(),
            next_ask: 0,
        }));
        tracing::info!(%term, "serving");
        self.carry_out(effects, cx);
        Ok(())
    }

    fn identity(&self, term: Term, cx: &Context<Self>) -> Result<Identity, String> {
        let master_id = Hyphenated(cx.uuid()).to_string();
        let master_id = MasterId::parse(&master_id).map_err(|error| error.to_string())?;
        let upid = cx.upid();
        let (host, port) = upid.at.rsplit_once(':').unwrap_or((upid.at.as_str(), "0"));
        let port = port.parse().unwrap_or(0);
        let ip: Ipv4Addr = host.parse().unwrap_or(Ipv4Addr::UNSPECIFIED);
        use v1::master_info::{capability::Type, Capability};
        let capability = |kind: Type| Capability { r#type: Some(kind as i32) };
        let info = v1::MasterInfo {
            id: master_id.as_str().to_owned(),
            // Network byte order in a host integer, as the reference's clients read it.
            ip: u32::from_le_bytes(ip.octets()),
            port,
            pid: Some(upid.to_string()),
            hostname: Some(self.config.hostname.clone()),
            version: Some(API_VERSION.to_owned()),
            address: Some(v1::Address {
                hostname: Some(self.config.hostname.clone()),
                ip: Some(host.to_owned()),
                port: i32::try_from(port).unwrap_or(0),
            }),
            capabilities: vec![capability(Type::AgentUpdate)],
            domain: self.config.domain.clone(),
        };
        let version = v1::VersionInfo {
            version: API_VERSION.to_owned(),
            git_tag: Some(format!("meseta-{MESETA_VERSION}")),
            ..Default::default()
        };
        Ok(Identity { master_id, info, term, started: self.started, elected: cx.wall(), version })
    }
}

/// A master that cannot lead ends its node; it never limps.
fn end(cx: &mut Context<Master>, why: &str) {
    cx.exit_node(Reason::Stopped(why.to_owned()));
}
