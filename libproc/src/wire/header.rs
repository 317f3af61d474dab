//! What stands in front of a message: which way it goes, and which trace it belongs to.
//!
//! A *route* is four names: receiver, sender, type, variant. Written out they cost more than a
//! small message, so the sender numbers the routes of a connection: the first frame of a route
//! carries number and names, later ones the number alone. A number that is given again means the
//! newer names from then on. Number 0 is kept by nobody.
//!
//! ```text
//! route   varint: number << 1 | 1 if names follow; a name is a u8 length and UTF-8
//! trace   u8: 0 none | 1 25 bytes of traceparent | 2 the same, and a u16 length of tracestate
//! varint  seven bits a byte, the lowest first, the top bit set on all but the last
//! ```

use super::EnvelopeError;
use crate::trace::{TraceContext, TraceState};
use bytes::Buf;

/// Numbers of one direction of a connection: the highest that a route may have.
pub(crate) const MAX_ROUTES: u32 = 1024;

/// Receiver, sender, type and variant of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Names<'a> {
    pub(crate) to: &'a str,
    pub(crate) from: &'a str,
    pub(crate) wire: &'a str,
    pub(crate) variant: &'a str,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// As the latest frame said that gave this number names.
    Known(u32),
    /// So; and later frames may say the number, unless it is 0.
    Named(u32, Names<'a>),
}

/// What stands in front of a message's payload.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header<'a> {
    pub(crate) route: Route<'a>,
    pub(crate) trace: Option<TraceContext>,
    /// Of the trace; none without one.
    pub(crate) state: TraceState,
}

impl<'a> Header<'a> {
    pub(crate) fn get(frame: &mut &'a [u8]) -> Result<Self, EnvelopeError> {
        let route = Route::get(frame)?;
        let (trace, state) = get_trace(frame)?;
        Ok(Header { route, trace, state })
    }
}

impl<'a> Route<'a> {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Route::Known(number) => put_varint(out, u64::from(*number) << 1),
            Route::Named(number, names) => {
                put_varint(out, u64::from(*number) << 1 | 1);
                for name in [names.to, names.from, names.wire, names.variant] {
                    put_name(out, name);
                }
            }
        }
    }

    pub(crate) fn get(frame: &mut &'a [u8]) -> Result<Self, EnvelopeError> {
        let word = get_varint(frame, "route")?;
        let number = u32::try_from(word >> 1).ok().filter(|number| *number <= MAX_ROUTES);
        let number = number.ok_or(EnvelopeError::UnknownRoute(word >> 1))?;
        match word & 1 {
            0 if number == 0 => Err(EnvelopeError::UnknownRoute(0)),
            0 => Ok(Route::Known(number)),
            _ => {
                let to = get_name(frame, "receiver")?;
                let from = get_name(frame, "sender")?;
                let wire = get_name(frame, "type")?;
                let variant = get_name(frame, "variant")?;
                Ok(Route::Named(number, Names { to, from, wire, variant }))
            }
        }
    }
}

pub(crate) fn put_trace(out: &mut Vec<u8>, trace: Option<TraceContext>, state: &TraceState) {
    let Some(trace) = trace else {
        out.push(0);
        return;
    };
    out.push(if state.is_none() { 1 } else { 2 });
    out.extend_from_slice(&trace.trace_id.to_be_bytes());
    out.extend_from_slice(&trace.span_id.to_be_bytes());
    out.push(trace.flags);
    if !state.is_none() {
        put_str(out, state.as_str());
    }
}

/// A state that the recommendation does not allow is dropped, as it asks; the trace goes on.
fn get_trace(frame: &mut &[u8]) -> Result<(Option<TraceContext>, TraceState), EnvelopeError> {
    let kind = get_u8(frame, "trace flag")?;
    match kind {
        0 => return Ok((None, TraceState::NONE)),
        1 | 2 => {}
        other => return Err(EnvelopeError::UnknownTag(other)),
    }
    if frame.len() < 25 {
        return Err(EnvelopeError::Truncated("trace"));
    }
    let trace = TraceContext {
        trace_id: frame.get_u128(),
        span_id: frame.get_u64(),
        flags: frame.get_u8(),
    };
    let state = match kind {
        1 => TraceState::NONE,
        _ => TraceState::parse(get_str(frame, "tracestate")?),
    };
    Ok((Some(trace), state))
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn get_varint(frame: &mut &[u8], what: &'static str) -> Result<u64, EnvelopeError> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = get_u8(frame, what)?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(EnvelopeError::Overlong(what))
}

/// At most `limit` bytes of a text, cut between two characters.
fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Ids are at most 128 bytes, and serde names are what people write: nothing is lost by the cut.
fn put_name(out: &mut Vec<u8>, name: &str) {
    let name = cut(name, usize::from(u8::MAX));
    out.push(name.len() as u8);
    out.extend_from_slice(name.as_bytes());
}

/// Details are cut so that a length never overflows.
pub(crate) fn put_str(out: &mut Vec<u8>, text: &str) {
    let text = cut(text, usize::from(u16::MAX));
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn get_u8(frame: &mut &[u8], what: &'static str) -> Result<u8, EnvelopeError> {
    frame.try_get_u8().map_err(|_| EnvelopeError::Truncated(what))
}

pub(crate) fn get_u64(frame: &mut &[u8], what: &'static str) -> Result<u64, EnvelopeError> {
    frame.try_get_u64_le().map_err(|_| EnvelopeError::Truncated(what))
}

pub(crate) fn get_str<'a>(
    frame: &mut &'a [u8],
    what: &'static str,
) -> Result<&'a str, EnvelopeError> {
    let length = frame.try_get_u16_le().map_err(|_| EnvelopeError::Truncated(what))?;
    get_text(frame, usize::from(length), what)
}

fn get_name<'a>(frame: &mut &'a [u8], what: &'static str) -> Result<&'a str, EnvelopeError> {
    let length = get_u8(frame, what)?;
    get_text(frame, usize::from(length), what)
}

fn get_text<'a>(
    frame: &mut &'a [u8],
    length: usize,
    what: &'static str,
) -> Result<&'a str, EnvelopeError> {
    let (text, rest) = frame.split_at_checked(length).ok_or(EnvelopeError::Truncated(what))?;
    *frame = rest;
    std::str::from_utf8(text).map_err(|_| EnvelopeError::NotUtf8(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_round_trip_and_overlong_ones_are_errors() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(get_varint(&mut &out[..], "x"), Ok(value));
        }
        let overlong = EnvelopeError::Overlong("x");
        assert_eq!(get_varint(&mut &[0xff; 11][..], "x"), Err(overlong.clone()));
        let mut two_bits_too_many = [0x80; 10];
        two_bits_too_many[9] = 2;
        assert_eq!(get_varint(&mut &two_bits_too_many[..], "x"), Err(overlong));
        assert_eq!(get_varint(&mut &[0x80][..], "x"), Err(EnvelopeError::Truncated("x")));
    }

    #[test]
    fn a_number_out_of_range_and_a_known_zero_are_errors() {
        for word in [0, u64::from(MAX_ROUTES + 1) << 1, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, word);
            assert_eq!(Route::get(&mut &out[..]), Err(EnvelopeError::UnknownRoute(word >> 1)));
        }
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let name = format!("{}é", "a".repeat(254));
        let names = Names { to: &name, from: "", wire: "", variant: "" };
        let mut out = Vec::new();
        Route::Named(1, names).put(&mut out);
        let Ok(Route::Named(1, read)) = Route::get(&mut &out[..]) else {
            panic!("not read again");
        };
        assert_eq!(read.to, &name[..254]);
    }
}
