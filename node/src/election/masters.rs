//! [`Masters`]: the value of `--master`.

use crate::store::address::{HostPort, InvalidAddress};
use crate::store::etcd::{EtcdUrl, InvalidEtcdUrl, SCHEME};
use std::fmt;
use std::str::FromStr;

/// A master's port unless another is given, as Mesos'.
pub const DEFAULT_PORT: u16 = 5050;

const HTTPS: &str = "https://";

/// Where to look for the leader. The default is this machine's master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Masters {
    /// `host:port[,host:port…]`: any master, of which each knows the leader.
    Listed(Vec<HostPort>),
    /// `https://host:port[,…]`: the same, in TLS or not at all.
    Https(Vec<HostPort>),
    /// `etcd://h:2379[,…][/cluster]`: where the leader publishes itself.
    Etcd(EtcdUrl),
}

impl Default for Masters {
    fn default() -> Self {
        let local = HostPort::parse("127.0.0.1", DEFAULT_PORT).expect("a constant address");
        Masters::Listed(vec![local])
    }
}

/// A text is not a value of `--master`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMasters {
    /// It begins with a scheme that is not ours.
    #[error("`{scheme}` is not supported: give `[https://]host:port[,host:port]` or `etcd://host:port[,…][/cluster]`")]
    Scheme {
        /// Such as `zk://`.
        scheme: String,
    },
    /// An etcd URL is wrong.
    #[error("invalid list of masters")]
    Etcd(#[from] InvalidEtcdUrl),
    /// An address is wrong.
    #[error("invalid list of masters")]
    Address(#[from] InvalidAddress),
}

impl FromStr for Masters {
    type Err = InvalidMasters;

    fn from_str(text: &str) -> Result<Self, InvalidMasters> {
        if text.starts_with(SCHEME) {
            return Ok(Masters::Etcd(text.parse()?));
        }
        if let Some(list) = text.strip_prefix(HTTPS) {
            return Ok(Masters::Https(HostPort::parse_list(list, DEFAULT_PORT)?));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(InvalidMasters::Scheme { scheme: format!("{scheme}://") });
        }
        Ok(Masters::Listed(HostPort::parse_list(text, DEFAULT_PORT)?))
    }
}

impl fmt::Display for Masters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Masters::Etcd(url) => url.fmt(f),
            Masters::Listed(list) => f.write_str(&joined(list)),
            Masters::Https(list) => write!(f, "{HTTPS}{}", joined(list)),
        }
    }
}

fn joined(list: &[HostPort]) -> String {
    let list: Vec<String> = list.iter().map(HostPort::to_string).collect();
    list.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::with_causes;

    #[test]
    fn values_print_as_they_mean() {
        for (text, printed) in [
            ("m1", "m1:5050"),
            ("m1:1, [::1]", "m1:1,[::1]:5050"),
            ("https://m1,m2:1", "https://m1:5050,m2:1"),
            ("etcd://a,b:9/prod", "etcd://a:2379,b:9/prod"),
        ] {
            assert_eq!(text.parse::<Masters>().unwrap().to_string(), printed);
        }
        assert_eq!(Masters::default().to_string(), "127.0.0.1:5050");
    }

    #[test]
    fn errors_name_what_was_wrong() {
        for (text, named) in [
            ("zk://a:2181/mesos", "`zk://`"),
            ("m1:5050,m2:x", "`m2:x`"),
            ("http://m1", "`http://`"),
            ("https://m1,https://m2", "`https://m2`"),
            ("", "``"),
            ("etcd://a:99999", "`a:99999`"),
            ("etcd://a/b c", "`b c`"),
        ] {
            let told = with_causes(&text.parse::<Masters>().unwrap_err());
            assert!(told.contains(named), "`{text}` → {told}");
        }
    }
}
