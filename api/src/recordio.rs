//! RecordIO: the framing of streamed v1 messages.
//!
//! A record is its length in decimal digits, a newline, and that many bytes; records follow one
//! another without separators. The module holds both directions as pure byte functions: the
//! [`Decoder`] owns at most one partial record, and the streams of the HTTP layer feed it whatever
//! chunks the network delivers.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Longest header: `u64::MAX` has 20 digits. Without a cap, a peer could send leading zeros for
/// ever.
pub const MAX_HEADER_DIGITS: usize = 20;

/// Default bound on a record's bytes, well above any message a cluster produces.
pub const DEFAULT_MAX_RECORD: usize = 64 * 1024 * 1024;

/// Frames one record.
pub fn encode(record: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(record.len() + MAX_HEADER_DIGITS + 1);
    put(record, &mut out);
    out
}

/// Appends one framed record to `out`.
pub fn encode_into(record: &[u8], out: &mut BytesMut) {
    out.reserve(record.len() + MAX_HEADER_DIGITS + 1);
    put(record, out);
}

fn put(record: &[u8], out: &mut impl BufMut) {
    let mut digits = [0u8; MAX_HEADER_DIGITS];
    let mut start = digits.len();
    let mut rest = record.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(&digits[start..]);
    out.put_u8(b'\n');
    out.put_slice(record);
}

/// Why a stream is not RecordIO. Final for the stream: where the next record starts is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("record header is empty")]
    EmptyHeader,
    #[error("record header holds byte {byte:#04x}, which is not a digit")]
    NotADigit { byte: u8 },
    #[error("record header is longer than {MAX_HEADER_DIGITS} digits")]
    HeaderTooLong,
    #[error("record length does not fit 64 bits")]
    LengthOverflow,
    #[error("record of {length} bytes exceeds the limit of {limit}")]
    RecordTooLarge { length: u64, limit: usize },
    #[error("stream ended within a record")]
    Truncated,
}

/// Incremental decoder of one stream.
///
/// How the stream is cut into chunks does not change its outcome. The decoder never reserves more
/// memory than a small multiple of what it received, whatever a header promises.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    max_record: usize,
}

/// ```text
///            newline                all bytes here
///  Header ------------> Body ------------------------> Header
///     |                   |
///     +--- bad header ----+---- finish() too early ---> Failed (final)
/// ```
#[derive(Debug)]
enum State {
    Header { length: u64, digits: usize },
    Body { length: usize, received: BytesMut },
    Failed(DecodeError),
}

const AT_HEADER: State = State::Header { length: 0, digits: 0 };

impl Default for Decoder {
    /// A decoder bounded by [`DEFAULT_MAX_RECORD`].
    fn default() -> Self {
        Self::new(DEFAULT_MAX_RECORD)
    }
}

impl Decoder {
    /// A decoder at the start of a stream that refuses records of more than `max_record` bytes.
    pub fn new(max_record: usize) -> Self {
        Self { state: AT_HEADER, max_record }
    }

    /// Takes bytes from the front of `chunk` until a record is complete or the chunk is used up;
    /// `None` means that more bytes are needed. Call it again with the same chunk until then:
    ///
    /// ```
    /// # use meseta_api::recordio::{Decoder, DecodeError};
    /// # fn main() -> Result<(), DecodeError> {
    /// let mut decoder = Decoder::default();
    /// let mut chunk = bytes::Bytes::from_static(b"2\nab0\n3\nc");
    /// assert_eq!(decoder.decode(&mut chunk)?.as_deref(), Some(&b"ab"[..]));
    /// assert_eq!(decoder.decode(&mut chunk)?.as_deref(), Some(&b""[..]));
    /// assert_eq!(decoder.decode(&mut chunk)?, None);
    /// # Ok(()) }
    /// ```
    ///
    /// A record of zero bytes is delivered empty. A record that lies within one chunk shares the
    /// chunk's memory. The first error is final: every later call repeats it and takes nothing.
    pub fn decode(&mut self, chunk: &mut Bytes) -> Result<Option<Bytes>, DecodeError> {
        match self.step(chunk) {
            Ok(record) => Ok(record),
            Err(error) => {
                self.state = State::Failed(error);
                Err(error)
            }
        }
    }

    /// Tells the decoder that the stream has ended. Fails, finally, within a record.
    pub fn finish(&mut self) -> Result<(), DecodeError> {
        let error = match self.state {
            State::Header { digits: 0, .. } => return Ok(()),
            State::Failed(error) => error,
            State::Header { .. } | State::Body { .. } => DecodeError::Truncated,
        };
        self.state = State::Failed(error);
        Err(error)
    }

    fn step(&mut self, chunk: &mut Bytes) -> Result<Option<Bytes>, DecodeError> {
        if let State::Failed(error) = self.state {
            return Err(error);
        }
        if let State::Header { length, digits } = &mut self.state {
            let Some(length) = read_header(length, digits, self.max_record, chunk)? else {
                return Ok(None);
            };
            self.state = State::Body { length, received: BytesMut::new() };
        }
        let State::Body { length, received } = &mut self.state else {
            return Ok(None);
        };
        let missing = length.saturating_sub(received.len());
        if chunk.len() < missing {
            received.extend_from_slice(chunk);
            chunk.clear();
            return Ok(None);
        }
        let tail = chunk.split_to(missing);
        let record = if received.is_empty() {
            tail
        } else {
            received.extend_from_slice(&tail);
            std::mem::take(received).freeze()
        };
        self.state = AT_HEADER;
        Ok(Some(record))
    }
}

/// Takes header bytes from `chunk`; the record's length once the newline was seen.
fn read_header(
    length: &mut u64,
    digits: &mut usize,
    max_record: usize,
    chunk: &mut Bytes,
) -> Result<Option<usize>, DecodeError> {
    while chunk.has_remaining() {
        match chunk.get_u8() {
            b'\n' if *digits == 0 => return Err(DecodeError::EmptyHeader),
            b'\n' => {
                return match usize::try_from(*length) {
                    Ok(length) if length <= max_record => Ok(Some(length)),
                    _ => Err(DecodeError::RecordTooLarge { length: *length, limit: max_record }),
                }
            }
            digit @ b'0'..=b'9' => {
                if *digits == MAX_HEADER_DIGITS {
                    return Err(DecodeError::HeaderTooLong);
                }
                *digits += 1;
                *length = length
                    .checked_mul(10)
                    .and_then(|tens| tens.checked_add(u64::from(digit - b'0')))
                    .ok_or(DecodeError::LengthOverflow)?;
            }
            byte => return Err(DecodeError::NotADigit { byte }),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All records of `stream` cut at `cuts`, and the error that ended it, if any.
    fn decode_all(
        decoder: &mut Decoder,
        chunks: &[&[u8]],
    ) -> (Vec<Vec<u8>>, Result<(), DecodeError>) {
        let mut records = Vec::new();
        for chunk in chunks {
            let mut chunk = Bytes::copy_from_slice(chunk);
            loop {
                match decoder.decode(&mut chunk) {
                    Ok(Some(record)) => records.push(record.to_vec()),
                    Ok(None) => break,
                    Err(error) => return (records, Err(error)),
                }
            }
            assert!(chunk.is_empty());
        }
        (records, decoder.finish())
    }

    #[test]
    fn bad_headers_fail_the_stream_for_good() {
        use DecodeError::*;
        let zeros = [b'0'; 1_000_000];
        let table: &[(&[u8], DecodeError)] = &[
            (b"\n", EmptyHeader),
            (b"-1\n", NotADigit { byte: b'-' }),
            (b"+5\nabcde", NotADigit { byte: b'+' }),
            (b" 5\nabcde", NotADigit { byte: b' ' }),
            (b"5 \nabcde", NotADigit { byte: b' ' }),
            (b"0x10\n", NotADigit { byte: b'x' }),
            (b"1e3\n", NotADigit { byte: b'e' }),
            (b"5\r\nabcde", NotADigit { byte: b'\r' }),
            (b"5abcde", NotADigit { byte: b'a' }),
            (&zeros, HeaderTooLong),
            (b"000000000000000000005\n", HeaderTooLong),
            (b"18446744073709551616\n", LengthOverflow),
            (b"99999999999999999999\n", LengthOverflow),
            (
                b"18446744073709551615\n",
                RecordTooLarge { length: u64::MAX, limit: DEFAULT_MAX_RECORD },
            ),
            (b"4294967296\n", RecordTooLarge { length: 1 << 32, limit: DEFAULT_MAX_RECORD }),
            (b"5", Truncated),
            (b"5\nabcd", Truncated),
        ];
        for (stream, expected) in table {
            let mut decoder = Decoder::default();
            let (records, end) = decode_all(&mut decoder, &[b"1\nx", stream]);
            assert_eq!(records, [b"x"]);
            assert_eq!(end, Err(*expected));
            let mut good = Bytes::from_static(b"1\nx");
            assert_eq!(decoder.decode(&mut good), Err(*expected), "not sticky");
            assert_eq!(decoder.finish(), Err(*expected), "not sticky");
        }
    }

    #[test]
    fn leading_zeros_within_the_cap_and_empty_records() {
        let mut decoder = Decoder::default();
        let (records, end) = decode_all(&mut decoder, &[b"0\n00000000000000000002\nab0\n"]);
        assert_eq!(records, [&b""[..], b"ab", b""]);
        assert_eq!(end, Ok(()));
    }

    #[test]
    fn the_limit_is_inclusive() {
        let mut decoder = Decoder::new(3);
        assert_eq!(decode_all(&mut decoder, &[b"3\nabc"]).1, Ok(()));
        let error = decode_all(&mut decoder, &[b"4\n"]).1;
        assert_eq!(error, Err(DecodeError::RecordTooLarge { length: 4, limit: 3 }));
    }

    #[test]
    fn a_promised_length_reserves_nothing() {
        let mut decoder = Decoder::default();
        let mut chunk = Bytes::from(format!("{DEFAULT_MAX_RECORD}\nabc"));
        assert_eq!(decoder.decode(&mut chunk), Ok(None));
        let State::Body { received, .. } = &decoder.state else {
            panic!("not in a body");
        };
        assert!(received.capacity() < 1024);
    }

    #[test]
    fn a_split_at_every_byte_changes_nothing() {
        let long = vec![b'x'; 300];
        let records: [&[u8]; 5] = [b"", b"a", b"12\n34", &long, b"\n"];
        let mut stream = BytesMut::new();
        for record in records {
            encode_into(record, &mut stream);
        }
        for cut in 0..=stream.len() {
            let (head, tail) = stream.split_at(cut);
            let (decoded, end) = decode_all(&mut Decoder::default(), &[head, tail]);
            assert_eq!(decoded, records, "cut at {cut}");
            assert_eq!(end, Ok(()));
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(decode_all(&mut Decoder::default(), &bytes).0, records);
    }

    proptest! {
        #[test]
        fn any_cutting_decodes_what_was_encoded(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8),
            size in 1usize..50,
        ) {
            let stream: Vec<u8> = records.iter().flat_map(|record| encode(record)).collect();
            let chunks: Vec<&[u8]> = stream.chunks(size).collect();
            let (decoded, end) = decode_all(&mut Decoder::default(), &chunks);
            prop_assert_eq!(decoded, records);
            prop_assert_eq!(end, Ok(()));
        }

        #[test]
        fn any_cutting_of_garbage_fails_alike(
            stream in prop::collection::vec(prop::sample::select(b"0123459\n\r x".to_vec()), 0..60),
            size in 1usize..20,
        ) {
            let whole = decode_all(&mut Decoder::new(40), &[&stream]);
            let chunks: Vec<&[u8]> = stream.chunks(size).collect();
            prop_assert_eq!(decode_all(&mut Decoder::new(40), &chunks), whole);
        }
    }
}
