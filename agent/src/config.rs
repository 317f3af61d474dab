//! The agent's flags as a plain struct; the command line is the cli's.

use crate::checkpoint::Layout;
use crate::core::Settings;
use meseta_api::attributes;
use meseta_api::resources::{ParseError, Resources, ResourcesError};
use meseta_api::v1;
use meseta_node::election::{EtcdAccess, Masters};
use meseta_node::http::auth::{ExecutorTokens, Guards, Realm};
use meseta_node::keys::Credential;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything that an agent is told. Durations have the reference's defaults.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// `--master`: the masters, or the etcd that names the one which leads.
    pub masters: Masters,
    /// How that etcd lets the agent in.
    pub etcd: EtcdAccess,
    /// What the agent proves itself with to a master.
    pub credential: Credential,
    /// `--cluster`.
    pub cluster: String,
    /// `--work-dir`: checkpoints and sandboxes; absolute, survives reboots.
    pub work_dir: PathBuf,
    /// `--hostname`: what frameworks are told.
    pub hostname: String,
    /// The address of this machine that executors connect to, and that tasks are found at.
    pub ip: String,
    /// `--resources`, as `cpus:4;mem:1024`; see [`crate::detect`] for the default.
    pub resources: String,
    /// `--attributes`, as `rack:r1;level:10`.
    pub attributes: String,
    /// `--domain`.
    pub domain: Option<v1::DomainInfo>,
    /// Meseta's version.
    pub version: String,
    /// Arguments with which the helper binary is the command executor.
    pub command_executor: Vec<String>,
    /// `--switch-user`.
    pub switch_user: bool,
    /// `--cgroups-enable-cfs`: cpus are a ceiling too.
    pub cpu_quota: bool,
    /// `--registration-backoff-factor`.
    pub registration_backoff: Duration,
    /// `--executor-registration-timeout`.
    pub executor_registration_timeout: Duration,
    /// `--executor-reregistration-timeout`.
    pub executor_reregistration_timeout: Duration,
    /// `--executor-shutdown-grace-period`.
    pub executor_shutdown_grace: Duration,
    /// `--recovery-timeout`.
    pub recovery_timeout: Duration,
    /// `--executor-environment-variables`.
    pub executor_environment: BTreeMap<String, String>,
    /// The agent's own `OTEL_*` variables, for executors.
    pub telemetry_environment: BTreeMap<String, String>,
    /// Who is let in over HTTP.
    pub guards: Guards,
    /// Makes a token for each executor; none where the executor API does not ask for one.
    pub executor_tokens: Option<ExecutorTokens>,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No master is named.
    #[error("--master names no master")]
    NoMaster,
    /// The work directory is not absolute.
    #[error("--work-dir {} is not absolute", .0.display())]
    WorkDir(PathBuf),
    /// Resources cannot be read.
    #[error("--resources")]
    Resources(#[from] ResourcesError),
    /// Attributes cannot be read.
    #[error("--attributes")]
    Attributes(#[from] ParseError),
    /// The node does not listen.
    #[error("the agent's node does not listen, so that no executor could reach it")]
    NotListening,
}

impl AgentConfig {
    /// A configuration with every default of the reference.
    pub fn new(masters: Masters, credential: Credential, work_dir: PathBuf) -> Self {
        AgentConfig {
            masters,
            etcd: EtcdAccess::default(),
            credential,
            cluster: "meseta".to_owned(),
            work_dir,
            hostname: "localhost".to_owned(),
            ip: "127.0.0.1".to_owned(),
            resources: "cpus:1;mem:1024;disk:10240;ports:[31000-32000]".to_owned(),
            attributes: String::new(),
            domain: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command_executor: vec!["executor".to_owned()],
            switch_user: true,
            cpu_quota: false,
            registration_backoff: Duration::from_secs(1),
            executor_registration_timeout: Duration::from_secs(60),
            executor_reregistration_timeout: Duration::from_secs(2),
            executor_shutdown_grace: Duration::from_secs(5),
            recovery_timeout: Duration::from_secs(15 * 60),
            executor_environment: BTreeMap::new(),
            telemetry_environment: BTreeMap::new(),
            guards: Guards::open(),
            executor_tokens: None,
        }
    }

    /// Has executors prove themselves over HTTP by tokens of this key (EXE-22). Whoever reads or
    /// operates with one is told that it has no name, where somebody is asked at all.
    pub fn authenticate_executors(&mut self, tokens: ExecutorTokens) {
        let known = Arc::new(tokens.clone());
        let mut guards = std::mem::take(&mut self.guards);
        for realm in [Realm::AgentReadOnly, Realm::AgentReadWrite] {
            if guards.asks(realm) {
                guards = guards.with(realm, known.clone());
            }
        }
        self.guards = guards.with(Realm::AgentExecutor, known);
        self.executor_tokens = Some(tokens);
    }

    /// What the core needs of it. `advertised` is `host:port` of the agent's node.
    pub(crate) fn settings(&self, advertised: &str) -> Result<Settings, ConfigError> {
        if self.masters == Masters::Listed(Vec::new()) {
            return Err(ConfigError::NoMaster);
        }
        if !self.work_dir.is_absolute() {
            return Err(ConfigError::WorkDir(self.work_dir.clone()));
        }
        let port = port_of(advertised).filter(|&port| port > 0).ok_or(ConfigError::NotListening)?;
        let info = v1::AgentInfo {
            hostname: self.hostname.clone(),
            port: Some(port.into()),
            resources: Resources::parse(&self.resources)?.to_v1(),
            attributes: attributes::parse(&self.attributes)?,
            domain: self.domain.clone(),
            ..Default::default()
        };
        Ok(Settings {
            masters: self.masters.clone(),
            info,
            version: self.version.clone(),
            cluster: self.cluster.clone(),
            ip: self.ip.clone(),
            layout: Layout::new(&self.work_dir),
            command_executor: self.command_executor.clone(),
            switch_user: self.switch_user,
            cpu_quota: self.cpu_quota,
            registration_backoff: self.registration_backoff,
            executor_registration_timeout: self.executor_registration_timeout,
            executor_reregistration_timeout: self.executor_reregistration_timeout,
            executor_shutdown_grace: self.executor_shutdown_grace,
            recovery_timeout: self.recovery_timeout,
            executor_environment: self.executor_environment.clone(),
            telemetry_environment: self.telemetry_environment.clone(),
        })
    }
}

fn port_of(address: &str) -> Option<u16> {
    let (host, port) = address.rsplit_once(':')?;
    port.parse().ok().filter(|_| !host.is_empty())
}
