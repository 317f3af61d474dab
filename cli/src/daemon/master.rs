//! A master's node: its store, its election, its process.

use super::{guard, insecure, system};
use crate::tls;
use anyhow::{bail, Context};
use libproc::{ClientAuth, Node, NodeConfig, Pid, Reason, TlsConfig};
use meseta_api::term::RegistryId;
use meseta_api::v1;
use meseta_master::allocator::AllocatorConfig;
use meseta_master::core::Config;
use meseta_master::limits::RequestLimits;
use meseta_master::{Master, MasterConfig, StepDown};
use meseta_node::credentials::Known;
use meseta_node::election::{Candidacy, Election, EtcdElection, LeaderInfo, StandaloneElection};
use meseta_node::http::auth::{bodies, pages, Guards, Realm};
use meseta_node::keys::MASTER;
use meseta_node::store::etcd::{Endpoints, EtcdConfig};
use meseta_node::store::{EmbeddedStore, EtcdStore, MemoryStore, Store, StoreChoice};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything that a master is told.
#[derive(Clone, Debug)]
pub struct Setup {
    /// `--cluster`.
    pub cluster: String,
    /// `--ip`.
    pub ip: IpAddr,
    /// `--port`; 0 takes any.
    pub port: u16,
    /// `host:port` that others are told, if not what it listens on.
    pub advertise: Option<String>,
    /// `--hostname`.
    pub hostname: String,
    /// `--domain`.
    pub domain: Option<v1::DomainInfo>,
    /// `--store`.
    pub store: StoreChoice,
    /// `--election-ttl`.
    pub election_ttl: Duration,
    /// `--work-dir`: where the embedded store is.
    pub work_dir: PathBuf,
    /// `--credentials`: who is let in over libproc.
    pub keys: Option<Vec<Known>>,
    /// Who is let in over HTTP.
    pub guards: Guards,
    /// `--insecure`.
    pub insecure: bool,
    /// `--tls-…`.
    pub tls: Option<TlsConfig>,
    /// Settings of decisions.
    pub core: Config,
    /// Settings of the allocator.
    pub allocator: AllocatorConfig,
    /// `--rate-limits`.
    pub limits: RequestLimits,
}

/// A master that runs.
pub struct Started {
    /// Its node.
    pub node: Node,
    process: Pid<Master>,
}

/// How long a resignation may take, before the node ends without it.
const RESIGN_WITHIN: Duration = Duration::from_secs(2);

impl Started {
    /// Ends it in an orderly way: it gives up its lease, so that another master leads at once
    /// rather than when the lease ends, and then its node.
    pub async fn stop(&self) -> Reason {
        self.process.tell(StepDown);
        tokio::select! { biased;
            reason = self.node.finished() => reason,
            () = self.node.sleep(RESIGN_WITHIN) => {
                self.node.exit(Reason::Stopped("told by a signal".into()));
                self.node.finished().await
            }
        }
    }
}

/// Starts it. Within `libproc::run`; it serves from its election on.
pub async fn start(setup: Setup) -> anyhow::Result<Started> {
    let keyring = tls::keyring(&setup.cluster, "meseta-master", MASTER);
    match &setup.keys {
        Some(keys) if keyring.let_in(keys) == 0 => {
            tracing::warn!("no key in --credentials has a role: nobody is let in but over HTTP");
        }
        Some(_) => {}
        None if setup.insecure => insecure::open(&keyring),
        None if setup.tls.as_ref().is_some_and(|tls| tls.client_auth != ClientAuth::None) => {}
        None => tracing::warn!("no --credentials: nobody is let in but over HTTP"),
    }
    let listen = guard::address(setup.ip, setup.port);
    let node = Node::start(NodeConfig {
        listen: Some(listen.clone()),
        advertise: setup.advertise.clone(),
        admit: Arc::new(keyring),
        tls: setup.tls.clone(),
        pages: pages(&setup.guards, Realm::MasterReadOnly),
        bodies: bodies(&setup.guards, meseta_master::http::realm_of),
        threads: vec![meseta_master::READS_THREAD.into()],
        ..NodeConfig::new(&setup.cluster, "meseta-master")
    })
    .await
    .with_context(|| format!("cannot serve on {listen}"))?;
    system::watch(&node)?;
    let (candidacy, store) = candidacy(&setup, &node).await?;
    let config = MasterConfig {
        hostname: setup.hostname,
        domain: setup.domain,
        core: Config { tls: setup.tls.is_some(), ..setup.core },
        allocator: setup.allocator,
        candidacy,
        store,
        guards: setup.guards,
        limits: setup.limits,
    };
    let process =
        meseta_master::spawn(&node, config).context("cannot start the master's process")?;
    Ok(Started { node, process })
}

/// The store, and the candidacy that its writes are fenced by.
async fn candidacy(setup: &Setup, node: &Node) -> anyhow::Result<(Candidacy, Arc<dyn Store>)> {
    let fresh = RegistryId::from_bits(u128::from_le_bytes(node.uuid()));
    let id = node.uuid().iter().map(|byte| format!("{byte:02x}")).collect();
    let candidate = LeaderInfo {
        id,
        address: node.advertised().to_owned(),
        hostname: Some(setup.hostname.clone()),
    };
    let standalone = |term| Box::new(StandaloneElection { term, candidate: candidate.clone() });
    Ok(match &setup.store {
        StoreChoice::Memory => {
            let store = MemoryStore::new(fresh);
            (standalone(store.begin_term()).start(), Arc::new(store))
        }
        StoreChoice::Embedded => {
            let dir = setup.work_dir.join("registry");
            let store = EmbeddedStore::open(dir, fresh).await.with_context(|| {
                format!("cannot open the registry in {}", setup.work_dir.display())
            })?;
            (standalone(store.term()).start(), Arc::new(store))
        }
        StoreChoice::Etcd(url) => {
            let cluster = match &url.cluster {
                Some(cluster) => cluster.clone(),
                None => setup.cluster.parse().context("--cluster")?,
            };
            if url.endpoints.is_empty() {
                bail!("--store names no member of etcd");
            }
            let config = EtcdConfig::new(url.endpoints.clone(), cluster, setup.election_ttl);
            let endpoints = Endpoints::new(config);
            let election = EtcdElection::new(endpoints.clone(), candidate, fresh);
            let candidacy = Box::new(election).start();
            let store = EtcdStore::new(endpoints, candidacy.gate.clone());
            (candidacy, Arc::new(store))
        }
    })
}
