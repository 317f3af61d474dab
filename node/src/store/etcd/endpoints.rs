//! [`Endpoints`]: one connection per etcd member, and which of them is in use.
//!
//! The client's own balancer keeps choosing a paused member, whose kernel still accepts
//! connections. So there is one client per member here, each request has a time limit, and the
//! member that broke it is left for the next one; it is connected to anew when its turn comes
//! again, with TLS files and tokens read afresh.

use super::config::{EtcdConfig, TlsFiles};
use super::failure::{Exhausted, Failure};
use crate::store::real::{self, Stopwatch};
use etcd_client::{Certificate, Client, ConnectOptions, Identity, TlsOptions};
use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Between two attempts, so that a cluster that refuses connections is not hammered.
pub(crate) const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// After a refusal, which only a person's work at etcd ends: permissions, quota of space.
pub(crate) const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// How often a connection with a request in progress is pinged. etcd closes connections that ping
/// more often than every 5 s, or while idle.
const PING_EVERY: Duration = Duration::from_secs(10);

/// Shared by everything in a process that talks to one etcd cluster; clones are the same.
#[derive(Clone)]
pub struct Endpoints {
    shared: Arc<Shared>,
}

struct Shared {
    config: EtcdConfig,
    slots: Mutex<Slots>,
    /// Whether the last request got an answer: to tell of an outage once, not at each attempt.
    answering: AtomicBool,
}

struct Slots {
    clients: Vec<Option<Client>>,
    current: usize,
}

impl Endpoints {
    /// Connects when the first request is made.
    ///
    /// # Panics
    /// If there is no endpoint in `config`, which parsing excludes.
    pub fn new(config: EtcdConfig) -> Self {
        assert!(!config.endpoints.is_empty(), "an etcd cluster has at least one endpoint");
        let slots = Slots { clients: vec![None; config.endpoints.len()], current: 0 };
        Endpoints {
            shared: Arc::new(Shared {
                config,
                slots: Mutex::new(slots),
                answering: AtomicBool::new(true),
            }),
        }
    }

    /// What these were made of.
    pub fn config(&self) -> &EtcdConfig {
        &self.shared.config
    }

    /// One request to the current endpoint, of at most `limit`. Without an answer, the next
    /// endpoint becomes current.
    pub(crate) async fn attempt<T, F>(
        &self,
        limit: Duration,
        call: impl FnOnce(Client) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        let index = self.current();
        let endpoint = || self.shared.config.endpoints[index].clone();
        let work = async {
            let client = self.client(index).await?;
            call(client).await.map_err(|err| Failure::new(endpoint(), err))
        };
        let outcome = real::within(limit, work)
            .await
            .unwrap_or_else(|| Err(Failure::Timeout { endpoint: endpoint(), after: limit }));
        match &outcome {
            Err(failure) if !failure.is_refusal() && !failure.is_lease_gone() => {
                self.leave(index, failure);
            }
            _ => self.note_answer(),
        }
        outcome
    }

    /// Repeats an idempotent request, each time at most the attempt limit and `within` altogether,
    /// until it is answered or refused.
    pub(crate) async fn repeat<T, F>(
        &self,
        within: Duration,
        call: impl Fn(Client) -> F,
    ) -> Result<T, Exhausted>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        let started = Stopwatch::start();
        loop {
            let left = within.saturating_sub(started.elapsed());
            let limit = self.shared.config.timeouts.attempt.min(left);
            match self.attempt(limit, &call).await {
                Ok(value) => return Ok(value),
                Err(last) if last.is_refusal() || started.elapsed() + RETRY_PAUSE >= within => {
                    return Err(Exhausted { waited: started.elapsed(), last })
                }
                Err(_) => real::sleep(RETRY_PAUSE).await,
            }
        }
    }

    /// Which endpoint the next attempt asks.
    pub(crate) fn current(&self) -> usize {
        self.slots().current
    }

    /// Leaves the endpoint `index` if it is still current, because a stream from it broke.
    pub(crate) fn stream_broke(&self, index: usize, source: etcd_client::Error) {
        let endpoint = self.shared.config.endpoints[index].clone();
        self.leave(index, &Failure::new(endpoint, source));
    }

    fn leave(&self, index: usize, failure: &Failure) {
        let mut slots = self.slots();
        slots.clients[index] = None;
        if slots.current == index {
            slots.current = (index + 1) % slots.clients.len();
        }
        drop(slots);
        let failure = failure as &dyn std::error::Error;
        if self.shared.answering.swap(false, Ordering::Relaxed) {
            tracing::warn!(failure, "etcd does not answer; trying its other endpoints");
        } else {
            tracing::debug!(failure, "etcd still does not answer");
        }
    }

    fn note_answer(&self) {
        if !self.shared.answering.swap(true, Ordering::Relaxed) {
            tracing::info!("etcd answers again");
        }
    }

    async fn client(&self, index: usize) -> Result<Client, Failure> {
        if let Some(client) = self.slots().clients[index].clone() {
            return Ok(client);
        }
        let config = &self.shared.config;
        let endpoint = config.endpoints[index].clone();
        let options = connect_options(config).await?;
        let client = Client::connect([endpoint.to_string()], Some(options))
            .await
            .map_err(|err| Failure::new(endpoint, err))?;
        // Of two connections made at once one is dropped when its request ends.
        self.slots().clients[index] = Some(client.clone());
        Ok(client)
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.shared.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect_options(config: &EtcdConfig) -> Result<ConnectOptions, Failure> {
    let mut options = ConnectOptions::new()
        .with_connect_timeout(config.timeouts.attempt)
        .with_keep_alive(PING_EVERY, config.timeouts.attempt)
        .with_keep_alive_while_idle(false)
        // A member cut off from its quorum then says so at once, on watches too.
        .with_require_leader(true);
    if let Some(user) = &config.user {
        options = options.with_user(&user.user, &user.password).with_auto_token_refresh(true);
    }
    if let Some(files) = &config.tls {
        options = options.with_tls(tls_options(files).await?);
    }
    Ok(options)
}

async fn tls_options(files: &TlsFiles) -> Result<TlsOptions, Failure> {
    let ca = Certificate::from_pem(read_pem(&files.ca).await?);
    let mut options = TlsOptions::new().ca_certificate(ca);
    if let Some((certificate, key)) = &files.client {
        let identity = Identity::from_pem(read_pem(certificate).await?, read_pem(key).await?);
        options = options.identity(identity);
    }
    Ok(options)
}

async fn read_pem(path: &Path) -> Result<Vec<u8>, Failure> {
    tokio::fs::read(path).await.map_err(|source| Failure::TlsFile { path: path.to_owned(), source })
}
