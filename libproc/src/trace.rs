//! W3C trace context: what every envelope carries.

use std::fmt;
use std::sync::Arc;

/// The trace and span that a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// Never zero.
    pub trace_id: u128,
    /// The sending span; never zero.
    pub span_id: u64,
    /// Bit 0: sampled.
    pub flags: u8,
}

/// A `tracestate`: what tracing systems on a trace's way want to find again. Opaque to libproc,
/// which hands it on with the trace that it came with. Cheap to clone; an absent one costs
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TraceState(Option<Arc<str>>);

/// Longest state that is carried: what the recommendation asks for at least.
const MAX_STATE: usize = 512;
/// Most members of a state.
const MAX_MEMBERS: usize = 32;

impl TraceState {
    /// No state.
    pub const NONE: TraceState = TraceState(None);

    /// Reads a `tracestate` header, several of them joined by commas. One that is longer than 512
    /// bytes, has more than 32 members or breaks the grammar is no state.
    pub fn parse(tracestate: &str) -> Self {
        let members = || tracestate.split(',').map(str::trim).filter(|member| !member.is_empty());
        let mut keys: Vec<&str> = Vec::new();
        for member in members() {
            match member.split_once('=') {
                Some((key, value)) if is_key(key) && is_value(value) && !keys.contains(&key) => {
                    keys.push(key);
                }
                _ => return TraceState::NONE,
            }
        }
        if keys.is_empty() || keys.len() > MAX_MEMBERS || tracestate.len() > MAX_STATE {
            return TraceState::NONE;
        }
        TraceState(Some(members().collect::<Vec<_>>().join(",").into()))
    }

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The header; empty if there is no state.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("")
    }
}

fn is_key(key: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    key.len() <= 256
        && key.bytes().next().is_some_and(letter)
        && key.bytes().all(|b| letter(b) || b"_-*/@".contains(&b))
}

fn is_value(value: &str) -> bool {
    let printable = |b: u8| (0x20..0x7f).contains(&b) && b != b'=';
    !value.is_empty() && value.len() <= 256 && value.bytes().all(printable)
}

impl TraceContext {
    /// Reads a `traceparent` header of any version but `ff`; anything malformed is no context,
    /// as the W3C recommendation asks.
    pub fn parse(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.trim().split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |s: &str, n: usize| {
            s.len() == n && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let well_formed = hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
        if !well_formed || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let context = TraceContext {
            trace_id: u128::from_str_radix(trace, 16).ok()?,
            span_id: u64::from_str_radix(span, 16).ok()?,
            flags: u8::from_str_radix(flags, 16).ok()?,
        };
        (context.trace_id != 0 && context.span_id != 0).then_some(context)
    }

    /// Whether whoever began the trace has it recorded.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }
}

/// The `traceparent` header.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparent_round_trips_and_refuses() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(TraceContext::parse(text).unwrap().to_string(), text);
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn tracestate_is_kept_or_dropped_whole() {
        for (text, kept) in [
            ("", ""),
            ("rojo=00f067aa0ba902b7", "rojo=00f067aa0ba902b7"),
            (" a=1 , b@sys=x y ,,", "a=1,b@sys=x y"),
            ("a=1,a=2", ""),
            ("A=1", ""),
            ("a", ""),
            ("a=", ""),
            ("=1", ""),
            ("a=b=c", ""),
            ("a=\u{e9}", ""),
            ("a=\t\u{1}", ""),
        ] {
            assert_eq!(TraceState::parse(text).as_str(), kept, "{text:?}");
        }
        let of =
            |members: usize| (0..members).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        assert_eq!(TraceState::parse(&of(32)).as_str(), of(32));
        assert_eq!(TraceState::parse(&of(33)), TraceState::NONE);
        let long = |value: usize| format!("a={},b={}", "x".repeat(250), "y".repeat(value));
        assert_eq!(TraceState::parse(&long(256)).as_str().len(), 511);
        assert_eq!(TraceState::parse(&format!("{},c", long(256))), TraceState::NONE);
        assert_eq!(TraceState::parse(&long(257)), TraceState::NONE);
        assert_eq!(TraceState::parse(&format!("{} ", long(256))).as_str().len(), 511);
        assert_eq!(TraceState::parse(&format!("{}  ", long(256))), TraceState::NONE);
    }
}
