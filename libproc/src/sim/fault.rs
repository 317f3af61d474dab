//! Faults as data: what breaks, when, and for how long; and their text.

use super::span::{self, Span};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What can be wrong with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskFault {
    /// Each operation takes this much longer.
    Slow(Duration),
    /// Changes fail, and nothing is changed.
    WritesFail,
    /// Reads fail.
    ReadsFail,
    /// Changes fail for want of space; an append leaves a first part of what it was to write.
    Full,
    /// Changes fail at fsync: what they wrote may be read until the machine stops, and is then lost.
    SyncsFail,
    /// Changes succeed, and are lost if the machine stops before this ends: more than a disk that
    /// keeps its promise does.
    SyncsLie,
}

/// What breaks. Machines are named by their names, which hold no space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strike {
    /// Nothing passes between two machines, either way.
    Partition(String, String),
    /// Nothing passes from the first machine to the second; the other way is free.
    Cut(String, String),
    /// Each frame from the first machine to the second takes this much longer.
    Slow(String, String, Duration),
    /// The connections between two machines break, and both sides learn of it. At once: lasts
    /// nothing.
    Reset(String, String),
    /// The connections between two machines are dead, and neither side is told: only silence tells.
    /// New connections can be made. At once.
    HalfOpen(String, String),
    /// The machine stops, and boots again when this ends. Its peers learn of it.
    Crash(String),
    /// As a crash, and its peers learn of it by its silence.
    PowerOff(String),
    /// Nothing runs on the machine, and time goes on, as under SIGSTOP.
    Pause(String),
    /// The wall clock jumps ahead (`back` false) or back. At once.
    Jump {
        /// Whose.
        machine: String,
        /// How far.
        by: Duration,
        /// Into the past.
        back: bool,
    },
    /// The clocks run this many millionths faster, or slower if negative.
    Drift(String, i32),
    /// The disk has a fault.
    Disk(String, DiskFault),
    /// What a service that is not libproc's does wrong: see [`super::Sim::on_fault`].
    Custom {
        /// The service, one word.
        name: String,
        /// Its fault, in its own words.
        what: String,
    },
}

impl Strike {
    /// Its first word: what kind it is.
    pub fn kind(&self) -> &'static str {
        match self {
            Strike::Partition(..) => "partition",
            Strike::Cut(..) => "cut",
            Strike::Slow(..) => "slow",
            Strike::Reset(..) => "reset",
            Strike::HalfOpen(..) => "half-open",
            Strike::Crash(_) => "crash",
            Strike::PowerOff(_) => "power-off",
            Strike::Pause(_) => "pause",
            Strike::Jump { .. } => "jump",
            Strike::Drift(..) => "drift",
            Strike::Disk(..) => "disk",
            Strike::Custom { .. } => "custom",
        }
    }

    /// Whether it is over at once.
    pub fn is_instant(&self) -> bool {
        matches!(self, Strike::Reset(..) | Strike::HalfOpen(..) | Strike::Jump { .. })
    }
}

/// One fault of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When it begins, since the start of the simulation.
    pub at: Duration,
    /// How long it lasts; nothing for what is over at once.
    pub lasts: Duration,
    /// What breaks.
    pub strike: Strike,
}

impl fmt::Display for DiskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiskFault::Slow(by) => write!(f, "slow {}", Span(*by)),
            DiskFault::WritesFail => f.write_str("writes-fail"),
            DiskFault::ReadsFail => f.write_str("reads-fail"),
            DiskFault::Full => f.write_str("full"),
            DiskFault::SyncsFail => f.write_str("syncs-fail"),
            DiskFault::SyncsLie => f.write_str("syncs-lie"),
        }
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Strike::Partition(a, b) | Strike::Reset(a, b) | Strike::HalfOpen(a, b) => {
                write!(f, "{kind} {a} | {b}")
            }
            Strike::Cut(from, to) => write!(f, "{kind} {from} -> {to}"),
            Strike::Slow(from, to, by) => write!(f, "{kind} {from} -> {to} by {}", Span(*by)),
            Strike::Crash(machine) | Strike::PowerOff(machine) | Strike::Pause(machine) => {
                write!(f, "{kind} {machine}")
            }
            Strike::Jump { machine, by, back } => {
                write!(f, "{kind} {machine} by {}{}", if *back { '-' } else { '+' }, Span(*by))
            }
            Strike::Drift(machine, ppm) => write!(f, "{kind} {machine} by {ppm}ppm"),
            Strike::Disk(machine, fault) => write!(f, "{kind} {machine} {fault}"),
            Strike::Custom { name, what } => write!(f, "{kind} {name} {what}"),
        }
    }
}

/// `12.5s partition a | b for 3s`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Span(self.at), self.strike)?;
        match self.strike.is_instant() {
            true => Ok(()),
            false => write!(f, " for {}", Span(self.lasts)),
        }
    }
}

/// Why a text is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line:?} is no fault: {why}")]
pub struct FaultError {
    /// The text.
    pub line: String,
    /// What is wrong.
    pub why: &'static str,
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(line: &str) -> Result<Self, FaultError> {
        parse(line).map_err(|why| FaultError { line: line.to_owned(), why })
    }
}

const WHEN: &str = "it begins with when, such as 1.5s";
const LASTS: &str = "it ends with how long it lasts, such as `for 2s`";

fn parse(line: &str) -> Result<Fault, &'static str> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    if words.is_empty() {
        return Err(WHEN);
    }
    let at = span::parse(words.remove(0)).ok_or(WHEN)?;
    let lasts = match words.as_slice() {
        [strike @ .., "for", lasts] => {
            let lasts = span::parse(lasts).ok_or(LASTS)?;
            words.truncate(strike.len());
            Some(lasts)
        }
        _ => None,
    };
    let strike = parse_strike(&words)?;
    match (strike.is_instant(), lasts) {
        (true, None) => Ok(Fault { at, lasts: Duration::ZERO, strike }),
        (false, Some(lasts)) => Ok(Fault { at, lasts, strike }),
        (true, Some(_)) => Err("this kind is over at once"),
        (false, None) => Err(LASTS),
    }
}

fn parse_strike(words: &[&str]) -> Result<Strike, &'static str> {
    let own = |name: &&str| String::from(*name);
    let span = |text: &str| span::parse(text).ok_or("a span is written as 2s, 0.5s or 20ms");
    Ok(match words {
        ["partition", a, "|", b] => Strike::Partition(own(a), own(b)),
        ["reset", a, "|", b] => Strike::Reset(own(a), own(b)),
        ["half-open", a, "|", b] => Strike::HalfOpen(own(a), own(b)),
        ["cut", from, "->", to] => Strike::Cut(own(from), own(to)),
        ["slow", from, "->", to, "by", by] => Strike::Slow(own(from), own(to), span(by)?),
        ["crash", machine] => Strike::Crash(own(machine)),
        ["power-off", machine] => Strike::PowerOff(own(machine)),
        ["pause", machine] => Strike::Pause(own(machine)),
        ["jump", machine, "by", by] => {
            let back = by.starts_with('-');
            let by = by.strip_prefix(['-', '+']).ok_or("a jump is written as +30s or -30s")?;
            Strike::Jump { machine: own(machine), by: span(by)?, back }
        }
        ["drift", machine, "by", ppm] => {
            let ppm = ppm.strip_suffix("ppm").and_then(|ppm| ppm.parse().ok());
            Strike::Drift(own(machine), ppm.ok_or("a drift is written as 200ppm or -200ppm")?)
        }
        ["disk", machine, fault @ ..] => Strike::Disk(
            own(machine),
            match fault {
                ["slow", by] => DiskFault::Slow(span(by)?),
                ["writes-fail"] => DiskFault::WritesFail,
                ["reads-fail"] => DiskFault::ReadsFail,
                ["full"] => DiskFault::Full,
                ["syncs-fail"] => DiskFault::SyncsFail,
                ["syncs-lie"] => DiskFault::SyncsLie,
                _ => return Err("a disk is slow, full, or has writes-fail, reads-fail, syncs-fail or syncs-lie"),
            },
        ),
        ["custom", name, what @ ..] if !what.is_empty() => {
            Strike::Custom { name: own(name), what: what.join(" ") }
        }
        _ => return Err("its kind is none of partition, cut, slow, reset, half-open, crash, power-off, pause, jump, drift, disk, custom, or takes other words"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_round_trips() {
        for line in [
            "0s partition a | b for 3s",
            "12.5s cut a -> b for 0.000000001s",
            "1s slow a -> b by 0.3s for 3s",
            "1s reset a | b",
            "1s half-open a | b",
            "1s crash a for 3s",
            "1s power-off a for 3s",
            "1s pause a for 3s",
            "1s jump a by +30s",
            "1s jump a by -0.5s",
            "1s drift a by -200ppm for 9s",
            "1s disk a slow 0.2s for 9s",
            "1s disk a writes-fail for 9s",
            "1s disk a reads-fail for 9s",
            "1s disk a full for 9s",
            "1s disk a syncs-fail for 9s",
            "1s disk a syncs-lie for 9s",
            "1s custom store loses the next answer for 9s",
        ] {
            let fault: Fault = line.parse().unwrap();
            assert_eq!(fault.to_string(), line);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, why) in [
            ("", WHEN),
            ("soon crash a for 1s", WHEN),
            ("1s crash a", LASTS),
            ("1s crash a for ever", LASTS),
            ("1s reset a | b for 1s", "at once"),
            ("1s explode a for 1s", "its kind is none of"),
            ("1s crash a b for 1s", "takes other words"),
            ("1s jump a by 3s", "+30s"),
            ("1s drift a by 3 for 1s", "200ppm"),
            ("1s disk a melts for 1s", "a disk is slow"),
            ("1s disk a slow much for 1s", "a span is written"),
        ] {
            let error = line.parse::<Fault>().unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
