//! [`HostPort`] and [`ClusterName`]: two words of flags, parsed once.

use std::fmt;
use std::str::FromStr;

/// `host:port`, where the host is a name, an IPv4 address or an IPv6 address in brackets.
/// Names are resolved when connecting, each time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    host: String,
    port: u16,
}

/// A text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not an address: {reason}", .text.escape_debug())]
pub struct InvalidAddress {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl HostPort {
    /// Parses `host`, `host:port`, `[v6]` or `[v6]:port`; `default_port` stands in for a missing
    /// port.
    ///
    /// # Errors
    /// [`InvalidAddress`], naming the text and what is wrong with it.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, InvalidAddress> {
        let invalid = |reason| InvalidAddress { text: text.to_owned(), reason };
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, tail) = rest.split_once(']').ok_or(invalid("`[` is not closed"))?;
                if host.parse::<std::net::Ipv6Addr>().is_err() {
                    return Err(invalid("no IPv6 address between the brackets"));
                }
                let port = match tail {
                    "" => None,
                    tail => Some(tail.strip_prefix(':').ok_or(invalid("expected `:` after `]`"))?),
                };
                (&text[..host.len() + 2], port)
            }
            None => match text.split_once(':') {
                Some((_, port)) if port.contains(':') => {
                    return Err(invalid("an IPv6 address must be in brackets"))
                }
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        if host.is_empty() {
            return Err(invalid("no host"));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !host.starts_with('[') && !host.chars().all(plain) {
            return Err(invalid("the host contains a character that no host name has"));
        }
        let port = match port {
            None => default_port,
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or(invalid("the port is not a number from 1 to 65535"))?,
        };
        Ok(HostPort { host: host.to_owned(), port })
    }

    /// Parses a comma-separated list of at least one.
    ///
    /// # Errors
    /// As [`HostPort::parse`], for the first member that is wrong.
    pub fn parse_list(text: &str, default_port: u16) -> Result<Vec<Self>, InvalidAddress> {
        text.split(',').map(|member| HostPort::parse(member.trim(), default_port)).collect()
    }

    /// The name or address; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The name of a cluster: 1 to 63 ASCII letters, digits, `.`, `-` or `_`, and not dots only, so
/// that it can be a segment of an etcd key and of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterName(String);

/// A text cannot be a [`ClusterName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not a cluster name: expected 1 to 63 letters, digits, `.`, `-` or `_`",
    .text.escape_debug()
)]
pub struct InvalidClusterName {
    /// What was given.
    pub text: String,
}

impl ClusterName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ClusterName {
    fn default() -> Self {
        ClusterName("meseta".to_owned())
    }
}

impl FromStr for ClusterName {
    type Err = InvalidClusterName;

    fn from_str(text: &str) -> Result<Self, InvalidClusterName> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let dots_only = text.chars().all(|c| c == '.');
        if text.len() > 63 || dots_only || !text.chars().all(plain) {
            return Err(InvalidClusterName { text: text.to_owned() });
        }
        Ok(ClusterName(text.to_owned()))
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("a", "a:5050"),
            ("10.0.0.1:80", "10.0.0.1:80"),
            ("[::1]", "[::1]:5050"),
            ("[fe80::1]:9", "[fe80::1]:9"),
            ("m-1.example_x.org:65535", "m-1.example_x.org:65535"),
        ] {
            assert_eq!(HostPort::parse(text, 5050).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn wrong_addresses_name_what_is_wrong() {
        for (text, reason) in [
            ("", "no host"),
            (":5050", "no host"),
            ("a:0", "port"),
            ("a:65536", "port"),
            ("a:", "port"),
            ("::1", "brackets"),
            ("[::1", "closed"),
            ("[a]:1", "IPv6"),
            ("[::1]5", "`:`"),
            ("a b", "character"),
            ("zk://a", "port"),
        ] {
            let err = HostPort::parse(text, 5050).unwrap_err();
            assert!(err.reason.contains(reason), "`{text}`: {err}");
            assert!(err.to_string().contains(&format!("`{text}`")), "{err}");
        }
        assert!(HostPort::parse_list("a,,b", 1).is_err());
    }

    #[test]
    fn cluster_names() {
        assert!("prod-1.eu_x".parse::<ClusterName>().is_ok());
        for bad in ["", "..", "a/b", "a b", &"x".repeat(64)] {
            assert!(bad.parse::<ClusterName>().is_err(), "`{bad}` was accepted");
        }
    }
}
