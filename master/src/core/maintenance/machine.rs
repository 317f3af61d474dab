//! [`Machine`]: a machine as operators name it, by its hostname, its address, or both (MNT-06).

use meseta_api::v1;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// Longest hostname, in bytes; the limit of DNS.
const MAX_HOSTNAME_BYTES: usize = 255;

/// A machine. Both members together name it more narrowly than either.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Machine {
    /// In lower case.
    hostname: Option<String>,
    /// As addresses are written.
    ip: Option<String>,
}

impl Machine {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(id: &v1::MachineId) -> Result<Self, String> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let hostname = given(&id.hostname).map(|name| name.to_lowercase());
        if let Some(name) = &hostname {
            if name.len() > MAX_HOSTNAME_BYTES {
                return Err(format!(
                    "a hostname has {} bytes, more than {MAX_HOSTNAME_BYTES}",
                    name.len()
                ));
            }
        }
        let ip = match given(&id.ip) {
            None => None,
            Some(text) => {
                let shown = text.escape_debug();
                let ip: IpAddr = text.parse().map_err(|_| format!("'{shown}' is no IP address"))?;
                Some(ip.to_string())
            }
        };
        if hostname.is_none() && ip.is_none() {
            return Err("a machine has neither a hostname nor an IP address".to_owned());
        }
        Ok(Machine { hostname, ip })
    }

    /// The names that an agent's machine may have been given, the narrowest first.
    pub(super) fn names(hostname: &str, ip: &str) -> [Self; 3] {
        let hostname = Some(hostname.to_lowercase());
        let ip = ip.parse::<IpAddr>().ok().map(|ip| ip.to_string());
        [
            Machine { hostname: hostname.clone(), ip: ip.clone() },
            Machine { hostname, ip: None },
            Machine { hostname: None, ip },
        ]
    }

    /// As the API shows it.
    pub fn shown(&self) -> v1::MachineId {
        v1::MachineId { hostname: self.hostname.clone(), ip: self.ip.clone() }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.hostname, &self.ip) {
            (Some(hostname), Some(ip)) => write!(f, "{} at {ip}", hostname.escape_debug()),
            (Some(hostname), None) => write!(f, "{}", hostname.escape_debug()),
            (None, ip) => f.write_str(ip.as_deref().unwrap_or_default()),
        }
    }
}
