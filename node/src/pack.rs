//! [`decode`]: MessagePack that comes from a disk, from etcd or over a socket of this machine.
//!
//! What is between nodes is decoded by libproc, within the same bounds.

use serde::de::DeserializeOwned;

/// Deepest nesting that is decoded, as libproc's of a payload: unknown fields are skipped by
/// recursion, and a damaged value must not end a daemon's stack.
const MAX_DEPTH: usize = 120;

/// A value cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// It is no such record.
    #[error("no such record")]
    Decode(#[from] rmp_serde::decode::Error),
    /// More follows where nothing should.
    #[error("{0} bytes after the record")]
    Trailing(usize),
}

/// The whole of `bytes` as one record with named fields. Unknown fields are skipped.
///
/// # Errors
/// [`PackError`]; a record that nests deeper than 120 levels is one, too.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, PackError> {
    let mut deserializer = rmp_serde::Deserializer::new(bytes);
    deserializer.set_max_depth(MAX_DEPTH);
    let value = T::deserialize(&mut deserializer)?;
    match deserializer.get_ref().len() {
        0 => Ok(value),
        rest => Err(PackError::Trailing(rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Record {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        later: Option<Vec<u32>>,
    }

    fn record() -> Record {
        Record { name: "n".into(), later: Some(vec![1, 2]) }
    }

    #[test]
    fn a_record_is_read_whole_or_not_at_all() {
        let mut bytes = rmp_serde::to_vec_named(&record()).unwrap();
        assert_eq!(decode::<Record>(&bytes).unwrap(), record());
        for length in 0..bytes.len() {
            assert!(decode::<Record>(&bytes[..length]).is_err(), "{length} bytes");
        }
        bytes.push(0xc0);
        let error = decode::<Record>(&bytes).unwrap_err();
        assert!(matches!(error, PackError::Trailing(1)), "{error}");
    }

    #[test]
    fn unknown_fields_are_skipped_unless_they_nest_without_end() {
        let with = |depth: usize| {
            // {"name": "n", "new": [[[…nil…]]]}
            let nested = [vec![0x91; depth], vec![0xc0]].concat();
            [&b"\x82\xa4name\xa1n\xa3new"[..], &nested].concat()
        };
        let read = Record { name: "n".into(), later: None };
        assert_eq!(decode::<Record>(&with(MAX_DEPTH - 10)).unwrap(), read);
        for depth in [MAX_DEPTH, 1_000, 10_000_000] {
            assert!(decode::<Record>(&with(depth)).is_err(), "{depth} levels");
        }
    }
}
