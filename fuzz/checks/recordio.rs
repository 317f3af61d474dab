//! RecordIO: how a stream is cut into chunks changes nothing, and nothing is made up.

use bytes::Bytes;
use meseta_api::recordio::{encode, DecodeError, Decoder};

/// Small, so that inputs reach it.
const MAX_RECORD: usize = 64;

/// What a stream held, and how it ended.
type Outcome = (Vec<Bytes>, Result<(), DecodeError>);

pub(crate) fn check(stream: &[u8]) {
    let whole = decode([stream]);
    for size in [1, 2, 3, 7, 21] {
        assert_eq!(decode(stream.chunks(size)), whole, "in chunks of {size}");
    }
    assert_eq!(decode(cut_by_itself(stream)), whole, "cut by its own bytes");

    let (records, end) = whole;
    assert!(records.iter().all(|record| record.len() <= MAX_RECORD));
    let written: Vec<u8> = records.iter().flat_map(|record| encode(record)).collect();
    assert_eq!(decode([&written[..]]), (records, Ok(())));
    // Headers may have had zeros in front, which ours have not.
    assert!(written.len() <= stream.len());
    if end.is_ok() && written.len() == stream.len() {
        assert_eq!(written, stream);
    }
}

/// Chunks whose lengths the stream itself chooses, some of them empty.
fn cut_by_itself(mut stream: &[u8]) -> Vec<&[u8]> {
    let mut chunks = Vec::new();
    while let Some(&first) = stream.first() {
        if first % 3 == 0 {
            chunks.push(&[][..]);
        }
        let (chunk, rest) = stream.split_at((usize::from(first) % 16 + 1).min(stream.len()));
        chunks.push(chunk);
        stream = rest;
    }
    chunks
}

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = Decoder::new(MAX_RECORD);
    let mut records = Vec::new();
    for chunk in chunks {
        let mut chunk = Bytes::copy_from_slice(chunk);
        loop {
            match decoder.decode(&mut chunk) {
                Ok(Some(record)) => records.push(record),
                Ok(None) => break assert!(chunk.is_empty(), "bytes left behind"),
                Err(error) => {
                    assert_eq!(decoder.decode(&mut chunk), Err(error), "not final");
                    assert_eq!(decoder.finish(), Err(error), "not final");
                    return (records, Err(error));
                }
            }
        }
    }
    let end = decoder.finish();
    (records, end)
}
