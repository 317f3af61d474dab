//! `meseta master`.

use crate::daemon::http_auth::{self, FrameworkAuthArgs, HttpAuthArgs};
use crate::daemon::{domain, exit_code, guard, master};
use crate::environment;
use crate::signals::Interrupts;
use crate::tls::ServeTlsArgs;
use anyhow::{bail, Context};
use clap::ArgAction;
use meseta_api::v1::DomainInfo;
use meseta_master::allocator::{AllocatorConfig, MinAllocatable};
use meseta_master::core::{Config, RemovalRate};
use meseta_master::limits::RequestLimits;
use meseta_node::credentials;
use meseta_node::http::auth::Realm;
use meseta_node::store::etcd::{DEFAULT_TTL, MAX_TTL, MIN_TTL};
use meseta_node::store::StoreChoice;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

/// What a master asks credentials for.
pub(super) const REALMS: [Realm; 3] =
    [Realm::MasterReadOnly, Realm::MasterReadWrite, Realm::MasterScheduler];

/// Run a master.
#[derive(Debug, clap::Args)]
pub struct Master {
    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    ip: IpAddr,
    /// Port to listen on
    #[arg(long, default_value_t = 5050)]
    port: u16,
    /// Where the registry is: embedded, memory, or etcd://host:port[,…][/cluster]
    #[arg(long, default_value_t)]
    store: StoreChoice,
    /// The cluster's name
    #[arg(long, default_value = "meseta")]
    cluster: String,
    /// How long a leader may be silent before another is elected
    #[arg(long, value_name = "DURATION", value_parser = election_ttl, default_value = "10s")]
    election_ttl: Duration,
    /// Where the embedded store is; by default meseta/master in the user's state directory
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// Its name for people; by default this machine's
    #[arg(long)]
    hostname: Option<String>,
    /// Its fault domain, as region/zone or in Mesos' JSON; agents without one are in its region
    #[arg(long, value_name = "DOMAIN", value_parser = domain::parse)]
    domain: Option<DomainInfo>,
    /// Refuse agents that do not say which fault domain they are in
    #[arg(long)]
    require_agent_domain: bool,
    /// The address that others are told, if it is another than --ip
    #[arg(long, value_name = "HOST")]
    advertise_ip: Option<String>,
    /// The port that others are told, if it is another than --port
    #[arg(long, value_name = "PORT")]
    advertise_port: Option<u16>,
    /// File of the keys of everyone who is let in; over HTTP too, unless --http-credentials names
    /// others for that
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    #[command(flatten)]
    http: HttpAuthArgs,
    #[command(flatten)]
    frameworks: FrameworkAuthArgs,
    #[command(flatten)]
    tls: ServeTlsArgs,
    /// How long an offer lasts
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "2m")]
    offer_timeout: Duration,
    /// Between two rounds of allocation
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "1s")]
    allocation_interval: Duration,
    /// Less than this of an agent is not offered
    #[arg(long, value_name = "LIST", default_value = "cpus:0.01|mem:32")]
    min_allocatable_resources: MinAllocatable,
    /// Offer agents that have GPUs to frameworks with the capability GPU_RESOURCES only
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    filter_gpu_resources: bool,
    /// Between two pings of an agent
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "15s")]
    agent_ping_timeout: Duration,
    /// Pings without answer after which an agent is unreachable
    #[arg(long, value_name = "N", default_value_t = 5)]
    max_agent_ping_timeouts: u32,
    /// How long a disconnected agent may take to come back
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "10m")]
    agent_reregister_timeout: Duration,
    /// How fast agents that cannot be reached are given up; by default all at once
    #[arg(long, value_name = "N/DURATION", value_parser = removal_rate)]
    agent_removal_rate_limit: Option<RemovalRate>,
    /// With quotas to keep, a new leader offers nothing before this share of its agents is back …
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0.8")]
    allocator_agent_recovery_factor: f64,
    /// … or this long has passed
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "10m")]
    allocator_recovery_timeout: Duration,
    /// Between two looks for agents that need not be remembered any more
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "15m")]
    registry_gc_interval: Duration,
    /// How long unreachable and gone agents are remembered
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "2weeks")]
    registry_max_agent_age: Duration,
    /// How many unreachable, and how many gone agents are remembered at most
    #[arg(long, value_name = "N", default_value_t = 102_400)]
    registry_max_agent_count: usize,
    /// Limits of the requests of each principal: a file, or the JSON itself (docs/operating.md)
    #[arg(long, value_name = "FILE|JSON")]
    rate_limits: Option<String>,
    /// How many removed frameworks are shown
    #[arg(long, value_name = "N", default_value_t = 50)]
    max_completed_frameworks: usize,
    /// How many tasks that are over are shown of a framework
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_completed_tasks_per_framework: usize,
    /// How many tasks on unreachable agents are remembered of a framework
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_unreachable_tasks_per_framework: usize,
    /// How many event streams of operators there may be; past it the oldest ends
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    max_operator_event_stream_subscribers: u32,
    /// Whether each framework has metrics of its own
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, default_value_t = true)]
    publish_per_framework_metrics: bool,
    /// Listen anywhere and let everybody in
    #[arg(long)]
    insecure: bool,
}

impl Master {
    /// Runs it until a signal, or until its node ends.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("info");
        let scheme = self.tls.scheme();
        let setup = self.setup()?;
        libproc::run(async {
            let mut interrupts = Interrupts::new()?;
            let master = master::start(setup).await?;
            tracing::info!("listening on {scheme}://{}", master.node.advertised());
            let (reason, asked) = tokio::select! { biased;
                () = interrupts.next() => (master.stop().await, true),
                reason = master.node.finished() => (reason, false),
            };
            Ok(exit_code("master", &reason, asked))
        })
    }

    fn setup(self) -> anyhow::Result<master::Setup> {
        let keys = self.credentials.as_deref().map(credentials::read);
        let keys = keys.transpose().context("--credentials")?;
        let known = self.http.known()?.or_else(|| keys.clone());
        let guards = self.http.of_master(&self.frameworks, known.as_deref(), known.is_some())?;
        // With a certificate of everybody nothing is open.
        let mut open = Vec::new();
        if !self.tls.identifies() {
            open = http_auth::open(&guards, &REALMS);
            open.extend(keys.is_none().then(|| "there are no --credentials".to_owned()));
        }
        guard::bind(self.ip, &open, self.insecure)?;
        let limits = self.rate_limits.as_deref().map(rate_limits).transpose();
        let limits = limits.context("--rate-limits")?.unwrap_or_default();
        let work_dir = match self.work_dir {
            Some(dir) => dir,
            None => {
                environment::state_dir().context("HOME is not set: give --work-dir")?.join("master")
            }
        };
        Ok(master::Setup {
            cluster: self.cluster,
            ip: self.ip,
            port: self.port,
            advertise: advertised(self.ip, self.port, self.advertise_ip, self.advertise_port),
            hostname: self.hostname.unwrap_or_else(environment::hostname),
            domain: self.domain,
            store: self.store,
            election_ttl: self.election_ttl,
            work_dir,
            keys,
            guards,
            insecure: self.insecure,
            tls: self.tls.master(),
            core: Config {
                ping_interval: self.agent_ping_timeout,
                ping_attempts: self.max_agent_ping_timeouts,
                agent_reregister_timeout: self.agent_reregister_timeout,
                agent_removal_rate: self.agent_removal_rate_limit,
                recovery_hold_agents: self.allocator_agent_recovery_factor,
                recovery_hold: self.allocator_recovery_timeout,
                offer_timeout: Some(self.offer_timeout),
                require_agent_domain: self.require_agent_domain,
                registry_gc_interval: self.registry_gc_interval,
                registry_max_agent_age: self.registry_max_agent_age,
                registry_max_agent_count: self.registry_max_agent_count,
                max_completed_frameworks: self.max_completed_frameworks,
                max_completed_tasks_per_framework: self.max_completed_tasks_per_framework,
                max_unreachable_tasks_per_framework: self.max_unreachable_tasks_per_framework,
                publish_per_framework_metrics: self.publish_per_framework_metrics,
                max_event_streams: self.max_operator_event_stream_subscribers as usize,
                ..Config::default()
            },
            allocator: AllocatorConfig {
                allocation_interval: self.allocation_interval,
                min_allocatable: self.min_allocatable_resources,
                filter_gpus: self.filter_gpu_resources,
                ..AllocatorConfig::default()
            },
            limits,
        })
    }
}

/// What others are told, if it differs from what is bound.
pub(super) fn advertised(
    ip: IpAddr,
    port: u16,
    other_ip: Option<String>,
    other_port: Option<u16>,
) -> Option<String> {
    if other_ip.is_none() && other_port.is_none() {
        return None;
    }
    let port = other_port.unwrap_or(port);
    Some(match other_ip {
        Some(host) => format!("{host}:{port}"),
        None => guard::address(ip, port),
    })
}

/// `10/1min`.
fn removal_rate(text: &str) -> Result<RemovalRate, String> {
    let expected = || format!("`{text}` is no rate such as 10/1min");
    let (count, within) = text.split_once('/').ok_or_else(expected)?;
    let count = count.parse().ok().filter(|count| *count > 0).ok_or_else(expected)?;
    let within = humantime::parse_duration(within).map_err(|_| expected())?;
    let rate = RemovalRate { count, within };
    match rate.each().is_zero() {
        true => Err(format!("`{text}` limits nothing: the time is too short for as many")),
        false => Ok(rate),
    }
}

/// Limits as JSON, or as a file of it.
fn rate_limits(given: &str) -> anyhow::Result<RequestLimits> {
    if given.trim_start().starts_with('{') {
        return Ok(RequestLimits::parse(given)?);
    }
    let path = given.strip_prefix("file://").unwrap_or(given);
    let json = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    RequestLimits::parse(&json).with_context(|| path.to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    match (0.0..=1.0).contains(&share) {
        true => Ok(share),
        false => Err("expecting 0 to 1".to_owned()),
    }
}

fn election_ttl(text: &str) -> anyhow::Result<Duration> {
    let ttl = humantime::parse_duration(text)?;
    if !(MIN_TTL..=MAX_TTL).contains(&ttl) {
        let (least, most) = (MIN_TTL.as_secs(), MAX_TTL.as_secs());
        bail!("must be from {least}s to {most}s, such as {}s", DEFAULT_TTL.as_secs());
    }
    Ok(ttl)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// LIM-02.
    #[test]
    fn a_removal_rate_limits_something() {
        let rate = removal_rate("10/1min").unwrap();
        assert_eq!((rate.count, rate.within), (10, Duration::from_secs(60)));
        for nothing in ["10/0s", "10/5ns"] {
            assert!(removal_rate(nothing).unwrap_err().contains("limits nothing"), "{nothing}");
        }
        for no_rate in ["0/1min", "10", "x/1min", "10/soon"] {
            assert!(removal_rate(no_rate).unwrap_err().contains("is no rate"), "{no_rate}");
        }
    }

    /// LIM-01.
    #[test]
    fn limits_are_json_or_a_file_of_it_and_what_is_wrong_is_named_with_its_place() {
        let json = r#"{"limits": [{"principal": "a", "qps": 1}]}"#;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("limits.json");
        std::fs::write(&path, json).unwrap();
        let path = path.to_str().unwrap();
        let expected = rate_limits(json).unwrap();
        assert!(expected.limit_anything());
        for given in [path, &format!("file://{path}")] {
            assert_eq!(rate_limits(given).unwrap(), expected);
        }
        std::fs::write(path, "{\"limits\": [\n  {\"principal\": 7}]}").unwrap();
        let wrong = format!("{:#}", rate_limits(path).unwrap_err());
        assert!(wrong.starts_with(path) && wrong.contains("line 2 column 17"), "{wrong}");
        let wrong = format!("{:#}", rate_limits("nowhere").unwrap_err());
        assert!(wrong.starts_with("cannot read nowhere: "), "{wrong}");
        let wrong = format!("{:#}", rate_limits(r#"{"default_qps": -1}"#).unwrap_err());
        assert!(wrong.contains("'default_qps' is -1"), "{wrong}");
    }
}
