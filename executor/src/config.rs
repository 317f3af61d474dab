//! What an agent tells its executor: the environment, read once.

use libproc::{NodeConfig, TlsConfig, TraceContext};
use meseta_node::keys::{Credential, Keyring, EXECUTOR};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// An executor's place in the world.
#[derive(Clone, Debug)]
pub struct ExecutorConfig {
    /// `ip:port` of the agent.
    pub agent: String,
    /// The agent's cluster.
    pub cluster: String,
    /// Whose tasks it runs.
    pub framework_id: String,
    /// Its own id.
    pub executor_id: String,
    /// What the agent lets it in with: known to it alone.
    pub credential: Credential,
    /// Longest pause between attempts to come back to the agent.
    pub backoff_max: Duration,
    /// Without its agent for this long, an executor gives up.
    pub recovery_timeout: Duration,
    /// From SHUTDOWN to the destruction of the container.
    pub shutdown_grace: Duration,
    /// The launch that it was started for, from `TRACEPARENT`.
    pub trace: Option<TraceContext>,
    /// How the agent is verified, where it serves TLS: from `MESETA_TLS_CA`, the file of the
    /// authorities, and `MESETA_TLS_SERVER_NAME`, the name in its certificate if that is not its
    /// address. The executor has no certificate: its secret says who it is.
    pub tls: Option<TlsConfig>,
}

/// Why the environment is no executor's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A variable is missing: the program was not started by an agent.
    #[error("{0} is not set: an executor is started by an agent")]
    Missing(&'static str),
    /// A duration is not of the form `5secs`.
    #[error("{name}={value:?} is no duration; expected a number and ns, us, ms, secs, mins, hrs, days or weeks")]
    Duration {
        /// The variable.
        name: &'static str,
        /// As it was.
        value: String,
    },
}

impl ExecutorConfig {
    /// Reads the variables of the executor API.
    pub fn from_environment(environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let get =
            |name: &'static str| environment.get(name).cloned().ok_or(ConfigError::Missing(name));
        let duration = |name: &'static str, default: Duration| match environment.get(name) {
            None => Ok(default),
            Some(value) => parse_duration(value)
                .ok_or_else(|| ConfigError::Duration { name, value: value.clone() }),
        };
        Ok(ExecutorConfig {
            agent: get("MESOS_AGENT_ENDPOINT")?,
            cluster: environment.get("MESETA_CLUSTER").cloned().unwrap_or_else(|| "meseta".into()),
            framework_id: get("MESOS_FRAMEWORK_ID")?,
            executor_id: get("MESOS_EXECUTOR_ID")?,
            credential: Credential {
                principal: get("MESETA_EXECUTOR_PRINCIPAL")?,
                secret: get("MESETA_EXECUTOR_SECRET")?,
            },
            backoff_max: duration("MESOS_SUBSCRIPTION_BACKOFF_MAX", Duration::from_secs(2))?,
            recovery_timeout: duration("MESOS_RECOVERY_TIMEOUT", Duration::from_secs(15 * 60))?,
            shutdown_grace: duration(
                "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD",
                Duration::from_secs(5),
            )?,
            trace: environment.get("TRACEPARENT").and_then(|text| TraceContext::parse(text)),
            tls: environment.get("MESETA_TLS_CA").map(|ca| TlsConfig {
                ca: Some(ca.into()),
                server_names: environment
                    .get("MESETA_TLS_SERVER_NAME")
                    .into_iter()
                    .cloned()
                    .collect(),
                ..TlsConfig::default()
            }),
        })
    }

    /// The node that an executor runs on: one that does not listen, and dials its agent.
    pub fn node(&self, service: &str) -> NodeConfig {
        let keyring = Keyring::new(service, EXECUTOR).with_certificates(&self.cluster);
        NodeConfig {
            tls: self.tls.clone(),
            admit: Arc::new(keyring),
            ..NodeConfig::new(&self.cluster, service)
        }
    }
}

/// `5secs`, `1.5mins`: the reference's way to write a duration.
fn parse_duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let number: f64 = number.trim().parse().ok()?;
    let nanos = match unit {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "secs" => 1e9,
        "mins" => 60e9,
        "hrs" => 3600e9,
        "days" => 86_400e9,
        "weeks" => 604_800e9,
        _ => return None,
    };
    let nanos = number * nanos;
    (nanos >= 0.0 && nanos < u64::MAX as f64).then(|| Duration::from_nanos(nanos as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_the_references() {
        let seconds = |text: &str| parse_duration(text).map(|d| d.as_secs_f64());
        assert_eq!(seconds("5secs"), Some(5.0));
        assert_eq!(seconds("1.5mins"), Some(90.0));
        assert_eq!(seconds("2ms"), Some(0.002));
        for bad in ["", "5", "5s", "-1secs", "NaNsecs", "1e300weeks"] {
            assert_eq!(seconds(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = ExecutorConfig::from_environment(&BTreeMap::new()).unwrap_err();
        assert_eq!(error, ConfigError::Missing("MESOS_AGENT_ENDPOINT"));
    }
}
