//! `/files/read?path=…&offset=…&length=…`: a piece of a file as text.

use super::error::FileError;
use super::place::Place;
use super::{beneath, blocking, json, Answer, Roots};
use meseta_node::http::{Query, Refusal};
use serde_json::json;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// The most that one answer holds: 16 pages, whatever the length that was asked for.
pub(super) const MAX_READ: usize = 16 * 4096;

/// Where to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    /// None: only the size is wanted.
    offset: Option<u64>,
    /// At most so many bytes.
    length: usize,
}

impl Window {
    /// Offset -1, or none, asks for the size; length -1, or none, for as much as there is.
    fn of(query: &Query) -> Result<Window, Refusal> {
        let negative = |name| Refusal::bad_request(format!("Negative {name} provided"));
        let offset = match query.integer("offset")? {
            None | Some(-1) => None,
            Some(offset) => Some(u64::try_from(offset).map_err(|_| negative("offset"))?),
        };
        let length = match query.integer("length")? {
            None | Some(-1) => MAX_READ,
            Some(length) => {
                let length = u64::try_from(length).map_err(|_| negative("length"))?;
                usize::try_from(length).unwrap_or(MAX_READ).min(MAX_READ)
            }
        };
        Ok(Window { offset, length })
    }
}

/// `{"data": …, "offset": …}`: the offset of the data; the size of the file where there is no data
/// to begin with.
pub(super) async fn answer(roots: Roots, query: Query, place: Place) -> Result<Answer, Refusal> {
    let window = Window::of(&query)?;
    let (data, offset) = blocking(move || read(&roots, &place, window)).await?;
    json(&query, &json!({ "data": data, "offset": offset }))
}

fn read(roots: &Roots, place: &Place, window: Window) -> Result<(String, u64), FileError> {
    let sandbox = beneath::sandbox(roots, place)?;
    let (file, stat) = beneath::file(&sandbox, &place.rest)?;
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    let offset = match window.offset {
        Some(offset) if offset < size => offset,
        _ => return Ok((String::new(), size)),
    };
    let bytes = piece(&file, offset, window.length)?;
    let at_end = offset.saturating_add(bytes.len() as u64) >= size;
    Ok((as_text(&bytes, at_end), offset))
}

/// At most `length` bytes at an offset; fewer at the end.
pub(super) fn piece(file: &File, offset: u64, length: usize) -> Result<Vec<u8>, FileError> {
    let mut bytes = vec![0; length];
    let mut read = 0;
    while read < length {
        let at = offset.saturating_add(read as u64);
        match file.read_at(&mut bytes[read..], at) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

/// Bytes as a JSON string can hold them. Clients go on at `offset` plus the length of what they
/// got, so a byte that is no UTF-8 becomes one `?`, and a character that the piece cuts in two is
/// left for the next one.
fn as_text(bytes: &[u8], at_end: bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        let error = match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                return text;
            }
            Err(error) => error,
        };
        let (valid, others) = rest.split_at(error.valid_up_to());
        text.push_str(&String::from_utf8_lossy(valid));
        match error.error_len() {
            // At the end of the file the rest may yet be written; a window that is smaller than
            // one character never shows it whole.
            None if at_end || !text.is_empty() => return text,
            bad => {
                let bad = bad.unwrap_or(others.len());
                text.extend(std::iter::repeat_n('?', bad));
                rest = &others[bad..];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leg_04_text_is_as_long_as_the_bytes_it_stands_for() {
        for (bytes, at_end, expected) in [
            (&b"plain"[..], true, "plain"),
            (b"", true, ""),
            ("caf\u{e9}".as_bytes(), false, "caf\u{e9}"),
            (b"a\xffb\xfe", false, "a?b?"),
            (b"caf\xc3", false, "caf"),
            (b"caf\xc3", true, "caf"),
            (b"\xc3", true, ""),
            (b"\xe2\x82", false, "??"),
            (b"\xff\xc3", false, "?"),
            (b"\xc3\x28", false, "?("),
        ] {
            let text = as_text(bytes, at_end);
            assert_eq!(text, expected, "{bytes:?}");
            assert!(text.len() <= bytes.len());
        }
    }
}
