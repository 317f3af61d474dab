//! What the core is told once: its [`Config`] and its [`Identity`].

use super::ids::MAX_MASTER_ID_BYTES;
use libproc::Timestamp;
use meseta_api::ids::MasterId;
use meseta_api::term::Term;
use meseta_api::v1;
use std::time::Duration;

/// Settings that come from flags. The defaults are the reference's (B22) but for `offer_timeout`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Between two pings of an agent.
    pub ping_interval: Duration,
    /// Pings without answer after which an agent is unreachable.
    pub ping_attempts: u32,
    /// How long a disconnected or recovered agent may take to come back.
    pub agent_reregister_timeout: Duration,
    /// Greatest share of the admitted agents (0 to 1) that may be given up at once after a
    /// failover; beyond it nobody is given up and an operator must look (ME-11).
    pub recovery_agent_removal_limit: f64,
    /// How fast agents that cannot be reached are given up; `None` is at once (LIM-02).
    pub agent_removal_rate: Option<RemovalRate>,
    /// With quotas to keep, a new leader offers nothing before this share of the admitted agents
    /// (0 to 1) is back …
    pub recovery_hold_agents: f64,
    /// … or this long has passed (ALL-20).
    pub recovery_hold: Duration,
    /// Between two heartbeats of an event stream.
    pub heartbeat_interval: Duration,
    /// How long an offer lasts; `None` is for ever. Offers expire by default, because one
    /// scheduler that hoards them starves all others (AL-02).
    pub offer_timeout: Option<Duration>,
    /// Removed frameworks whose details are kept.
    pub max_completed_frameworks: usize,
    /// Agents must say which fault domain they are in.
    pub require_agent_domain: bool,
    /// The cluster speaks TLS: what an agent serves begins with `https`.
    pub tls: bool,
    /// Settled tasks kept per framework.
    pub max_completed_tasks_per_framework: usize,
    /// Tasks on unreachable agents that are remembered of a framework; past it the oldest is
    /// forgotten. It is told of again if its agent comes back with it (LIM-03).
    pub max_unreachable_tasks_per_framework: usize,
    /// Event streams of operators; past it the oldest is ended (EVT-03).
    pub max_event_streams: usize,
    /// Whether each framework has metrics of its own (MET-05).
    pub publish_per_framework_metrics: bool,
    /// Between two looks for what the registry need not remember any more.
    pub registry_gc_interval: Duration,
    /// How long unreachable and gone agents are remembered.
    pub registry_max_agent_age: Duration,
    /// How many unreachable, and how many gone agents are remembered at most.
    pub registry_max_agent_count: usize,
    /// How many tombstones of frameworks are remembered at most. They have no age: an id that is
    /// remembered is refused for ever.
    pub registry_max_framework_count: usize,
}

/// So many in a time, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovalRate {
    /// At least 1.
    pub count: u32,
    /// In this time.
    pub within: Duration,
}

impl RemovalRate {
    /// From one to the next.
    pub fn each(self) -> Duration {
        self.within / self.count.max(1)
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            ping_interval: Duration::from_secs(15),
            ping_attempts: 5,
            agent_reregister_timeout: Duration::from_secs(10 * 60),
            recovery_agent_removal_limit: 1.0,
            agent_removal_rate: None,
            recovery_hold_agents: 0.8,
            recovery_hold: Duration::from_secs(10 * 60),
            heartbeat_interval: Duration::from_secs(15),
            offer_timeout: Some(Duration::from_secs(2 * 60)),
            max_completed_frameworks: 50,
            require_agent_domain: false,
            tls: false,
            max_completed_tasks_per_framework: 1000,
            max_unreachable_tasks_per_framework: 1000,
            max_event_streams: 1000,
            publish_per_framework_metrics: true,
            registry_gc_interval: Duration::from_secs(15 * 60),
            registry_max_agent_age: Duration::from_secs(14 * 24 * 3600),
            registry_max_agent_count: 102_400,
            registry_max_framework_count: 102_400,
        }
    }
}

/// Who this master is, for one term.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// New at each election; ids of agents, frameworks and offers begin with it.
    pub master_id: MasterId,
    /// As schedulers and operators are told.
    pub info: v1::MasterInfo,
    /// The term of its leadership: on every message to an agent.
    pub term: Term,
    /// When the process started.
    pub started: Timestamp,
    /// When it was elected.
    pub elected: Timestamp,
    /// Answer to GET_VERSION.
    pub version: v1::VersionInfo,
}

/// A master's id is too long to make ids of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("master id is {length} bytes long, more than {MAX_MASTER_ID_BYTES}")]
pub struct MasterIdTooLong {
    /// Its length.
    pub length: usize,
}

impl Identity {
    /// As operators see it.
    pub fn shown(&self) -> v1::master::response::GetMaster {
        v1::master::response::GetMaster {
            master_info: Some(self.info.clone()),
            start_time: Some(self.started.as_secs_f64()),
            elected_time: Some(self.elected.as_secs_f64()),
        }
    }

    /// Whether ids can be made of the master's id.
    pub fn validate(&self) -> Result<(), MasterIdTooLong> {
        let length = self.master_id.as_str().len();
        if length > MAX_MASTER_ID_BYTES {
            return Err(MasterIdTooLong { length });
        }
        Ok(())
    }
}
