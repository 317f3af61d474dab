//! How records lie in a file, and how damage is told from a write that was cut short.
//!
//! ```text
//! 0        4          8              12             16
//! | magic  | length   | crc(payload) | crc(0..12)   | payload … |
//! ```
//! All little-endian. The header has its own checksum so that a damaged length is never believed:
//! a record that reaches past the end of the file with a good header was cut short, and a bad
//! header is damage unless it looks like sectors that were never written.

use super::crc::crc32c;

/// Marks the start of a record; `MSR1` in ASCII. Lets a search find records behind damage.
const MAGIC: [u8; 4] = *b"MSR1";
/// Bytes before a payload.
pub(super) const HEADER_BYTES: usize = 16;
/// The smallest unit that a disk writes at once.
const SECTOR_BYTES: usize = 512;

/// The record that carries `payload`.
pub(super) fn encode(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a transaction is limited to far below 4 GiB");
    let mut record = Vec::with_capacity(HEADER_BYTES + payload.len());
    record.extend_from_slice(&MAGIC);
    record.extend_from_slice(&length.to_le_bytes());
    record.extend_from_slice(&crc32c(payload).to_le_bytes());
    let header = crc32c(&record);
    record.extend_from_slice(&header.to_le_bytes());
    record.extend_from_slice(payload);
    record
}

/// What lies at an offset of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read<'a> {
    /// A whole record; `next` is where it ends.
    Record { payload: &'a [u8], next: usize },
    /// The end of the file.
    End,
    /// A last write that was cut short and so was never acknowledged.
    Torn,
    /// Something that no crash explains.
    Damaged(&'static str),
}

/// Reads the record at `at` of the file `bytes`.
pub(super) fn read(bytes: &[u8], at: usize) -> Read<'_> {
    let rest = &bytes[at.min(bytes.len())..];
    if rest.is_empty() {
        return Read::End;
    }
    match record_length(rest) {
        Some(length) if rest.len() < HEADER_BYTES + length => Read::Torn,
        Some(length) => {
            let payload = &rest[HEADER_BYTES..HEADER_BYTES + length];
            if payload_matches(rest, payload) {
                Read::Record { payload, next: at + HEADER_BYTES + length }
            } else if unwritten(bytes, at, HEADER_BYTES + length) && !record_follows(rest) {
                Read::Torn
            } else {
                Read::Damaged("checksum of the payload does not match")
            }
        }
        None if rest.len() < HEADER_BYTES && MAGIC.starts_with(&rest[..rest.len().min(4)]) => {
            Read::Torn
        }
        None if unwritten(bytes, at, rest.len()) && !record_follows(rest) => Read::Torn,
        None => Read::Damaged("checksum of the header does not match"),
    }
}

/// The payload's length, if `rest` begins with a whole and sound header.
fn record_length(rest: &[u8]) -> Option<usize> {
    let header = rest.get(..HEADER_BYTES)?;
    let sound = header.starts_with(&MAGIC) && word(header, 12) == crc32c(&header[..12]);
    sound.then(|| word(header, 4) as usize)
}

fn payload_matches(rest: &[u8], payload: &[u8]) -> bool {
    word(rest, 8) == crc32c(payload)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Whether the record of `length` bytes at `at` covers a sector (or the part of one) that is all
/// zero: after a crash, that is a block which the file system allocated and never wrote.
fn unwritten(bytes: &[u8], at: usize, length: usize) -> bool {
    let end = (at + length).min(bytes.len());
    let mut from = at;
    while from < end {
        let to = (from / SECTOR_BYTES + 1) * SECTOR_BYTES;
        let part = &bytes[from..to.min(end)];
        // A few zero bytes at a record's edge occur in sound data too.
        if part.len() >= HEADER_BYTES && part.iter().all(|byte| *byte == 0) {
            return true;
        }
        from = to;
    }
    // A tail shorter than a header can only be the rest of one.
    end - at < HEADER_BYTES && bytes[at..end].iter().all(|byte| *byte == 0)
}

/// Whether a sound record begins somewhere behind the start of `rest`: then what lies before it
/// was acknowledged.
fn record_follows(rest: &[u8]) -> bool {
    (1..rest.len()).any(|at| {
        let rest = &rest[at..];
        match record_length(rest) {
            Some(length) => rest
                .get(HEADER_BYTES..HEADER_BYTES + length)
                .is_some_and(|payload| payload_matches(rest, payload)),
            None => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_records() -> (Vec<u8>, usize) {
        let mut file = encode(&[1; 700]);
        let second = file.len();
        file.extend(encode(&[2; 700]));
        (file, second)
    }

    #[test]
    fn records_are_read_in_turn() {
        let (file, second) = two_records();
        assert_eq!(read(&file, 0), Read::Record { payload: &[1; 700], next: second });
        assert_eq!(read(&file, second), Read::Record { payload: &[2; 700], next: file.len() });
        assert_eq!(read(&file, file.len()), Read::End);
    }

    #[test]
    fn every_cut_of_the_last_record_is_torn() {
        let (file, second) = two_records();
        for end in second + 1..file.len() {
            assert_eq!(read(&file[..end], second), Read::Torn, "cut at {end}");
        }
    }

    #[test]
    fn every_flipped_bit_of_an_earlier_record_is_damage() {
        let (file, second) = two_records();
        for at in 0..second {
            let mut bad = file.clone();
            bad[at] ^= 0x10;
            assert!(matches!(read(&bad, 0), Read::Damaged(_)), "flip at {at}");
        }
    }

    #[test]
    fn zeroed_sectors_are_torn_only_at_the_end() {
        let (file, second) = two_records();
        let mut tail = file.clone();
        let sector = (second / SECTOR_BYTES + 1) * SECTOR_BYTES;
        tail[sector..].fill(0);
        assert_eq!(read(&tail, second), Read::Torn, "payload partly unwritten");
        tail[second..].fill(0);
        assert_eq!(read(&tail, second), Read::Torn, "whole record unwritten");
        let mut middle = file;
        middle[..second].fill(0);
        assert!(matches!(read(&middle, 0), Read::Damaged(_)), "a record follows");
    }
}
