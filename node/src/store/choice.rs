//! [`StoreChoice`]: the value of `--store`.

use super::etcd::{EtcdUrl, InvalidEtcdUrl, SCHEME};
use std::fmt;
use std::str::FromStr;

/// Which implementation keeps the registry. The default is the embedded one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StoreChoice {
    /// `memory`: lost with the process.
    Memory,
    /// `embedded`: a directory of this machine; one master.
    #[default]
    Embedded,
    /// `etcd://h:2379[,…][/cluster]`: several masters, elected there.
    Etcd(EtcdUrl),
}

/// A text is not a value of `--store`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStoreChoice {
    /// It is none of the words.
    #[error("`{}` is no store: give `embedded`, `memory` or `etcd://host:port[,…]`", .text.escape_debug())]
    Unknown {
        /// What was given.
        text: String,
    },
    /// It is a wrong etcd URL.
    #[error("invalid store")]
    Etcd(#[from] InvalidEtcdUrl),
}

impl FromStr for StoreChoice {
    type Err = InvalidStoreChoice;

    fn from_str(text: &str) -> Result<Self, InvalidStoreChoice> {
        match text {
            "memory" => Ok(StoreChoice::Memory),
            "embedded" => Ok(StoreChoice::Embedded),
            url if url.starts_with(SCHEME) => Ok(StoreChoice::Etcd(url.parse()?)),
            text => Err(InvalidStoreChoice::Unknown { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for StoreChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreChoice::Memory => f.write_str("memory"),
            StoreChoice::Embedded => f.write_str("embedded"),
            StoreChoice::Etcd(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_they_mean() {
        for (text, printed) in
            [("memory", "memory"), ("embedded", "embedded"), ("etcd://a", "etcd://a:2379")]
        {
            assert_eq!(text.parse::<StoreChoice>().unwrap().to_string(), printed);
        }
        assert_eq!(StoreChoice::default(), StoreChoice::Embedded);
        for text in ["", "Embedded", "zk://a", "etcd://"] {
            assert!(text.parse::<StoreChoice>().is_err(), "`{text}` was accepted");
        }
    }
}
