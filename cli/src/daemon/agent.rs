//! An agent's node: its keyring, its containers, its process.

use super::{executor_ca, guard, system};
use crate::tls;
use anyhow::Context;
use clap::ValueEnum;
use libproc::{Node, NodeConfig, Pid, TlsConfig};
use meseta_agent::actor::AgentProcess;
use meseta_agent::container::{
    CgroupsConfig, Detection, LauncherBinary, LauncherConfig, MemfdBinary,
};
use meseta_agent::containerizer::real::LinuxContainerizer;
use meseta_agent::{AgentConfig, AgentStop};
use meseta_node::causes::with_causes;
use meseta_node::http::auth::{bodies, pages, Realm};
use meseta_node::keys::AGENT;
use std::fs::DirBuilder;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a container's supervisor may take to set up; a loaded machine takes seconds.
const SETUP_TIMEOUT: Duration = Duration::from_secs(30);

/// `--isolation`: what bounds containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    /// Cgroups where they can be used, else none.
    #[default]
    Auto,
    /// Cgroups, or the agent does not start.
    Cgroups,
    /// Process groups only: nothing is limited.
    None,
}

/// Everything that an agent is told.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What its process is told; `ip` and `hostname` included.
    pub config: AgentConfig,
    /// Where it listens.
    pub ip: IpAddr,
    /// `--port`.
    pub port: u16,
    /// `host:port` that others are told, if not what it listens on.
    pub advertise: Option<String>,
    /// `--runtime-dir`.
    pub runtime_dir: PathBuf,
    /// What helpers are started from.
    pub binary: LauncherBinary,
    /// `--isolation`.
    pub isolation: Isolation,
    /// `--tls-…`.
    pub tls: Option<TlsConfig>,
}

/// The helper's program: the given one, or a sealed copy of the running one.
pub fn launcher_binary(given: Option<PathBuf>) -> anyhow::Result<LauncherBinary> {
    Ok(match given {
        Some(path) => LauncherBinary::Path(path),
        None => LauncherBinary::Memfd(Arc::new(MemfdBinary::of_current_exe()?)),
    })
}

/// A running agent.
pub struct Agent {
    /// Its node; it ends with the agent.
    pub node: Node,
    process: Pid<AgentProcess>,
}

impl Agent {
    /// Starts it. Within `libproc::run`; it registers by itself, however long that takes.
    pub async fn start(mut setup: Setup) -> anyhow::Result<Self> {
        let listen = guard::address(setup.ip, setup.port);
        // Executors are added one by one, each with a secret of its own.
        let keyring = tls::keyring(&setup.config.cluster, "meseta-agent", AGENT);
        let node = Node::start(NodeConfig {
            listen: Some(listen.clone()),
            advertise: setup.advertise.clone(),
            admit: Arc::new(keyring.clone()),
            tls: setup.tls.clone(),
            pages: pages(&setup.config.guards, Realm::AgentReadOnly),
            bodies: bodies(&setup.config.guards, meseta_agent::http::realm_of),
            ..NodeConfig::new(&setup.config.cluster, "meseta-agent")
        })
        .await
        .with_context(|| format!("cannot serve on {listen}"))?;
        system::watch(&node)?;
        passable(&setup.config.work_dir)?;
        if let Some(tls) = &setup.tls {
            let ca = executor_ca::publish(&node, tls, &setup.config.work_dir)?;
            let environment = &mut setup.config.executor_environment;
            environment.insert("MESETA_TLS_CA".into(), ca.display().to_string());
            if let Some(name) = node.certificate_name(&setup.config.ip) {
                environment.insert("MESETA_TLS_SERVER_NAME".into(), name);
            }
        }
        let containers = LinuxContainerizer::new(LauncherConfig {
            binary: setup.binary,
            runtime_dir: setup.runtime_dir,
            cgroups: cgroups(setup.isolation, &setup.config.cluster, setup.port)?,
            setup_timeout: SETUP_TIMEOUT,
        });
        let process = meseta_agent::spawn(&node, setup.config, keyring, Arc::new(containers))?;
        Ok(Agent { node, process })
    }

    /// Ends it: with its tasks, for good, or leaving them to the next life.
    pub fn stop(&self, kill_tasks: bool) {
        self.process.tell(AgentStop { kill_tasks });
    }
}

/// Makes the work dir, if it is not there: tasks of other users pass through it to their sandboxes,
/// though what the agent keeps in it for itself nobody else reads.
fn passable(work_dir: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(work_dir)
        .with_context(|| format!("cannot make work dir {}", work_dir.display()))
}

fn cgroups(
    isolation: Isolation,
    cluster: &str,
    port: u16,
) -> anyhow::Result<Option<CgroupsConfig>> {
    if isolation == Isolation::None {
        return Ok(None);
    }
    match CgroupsConfig::detect(format!("meseta/{cluster}-{port}")) {
        Detection::Usable(config) => Ok(Some(config)),
        Detection::Unusable { reason } if isolation == Isolation::Auto => {
            tracing::warn!("tasks are not limited: {}", with_causes(&reason));
            Ok(None)
        }
        Detection::Unusable { reason } => Err(reason).context("--isolation=cgroups"),
    }
}
