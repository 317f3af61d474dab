//! [`Causes`]: what was done about a task by somebody else than its executor, and who stands behind
//! it; for `explain`, as bytes.
//!
//! There may be a million tasks, and almost every one has one cause, its launch: eleven bytes, and
//! sixteen more where it was traced. Nothing is ever decided by a cause. At most [`MOST`] are kept,
//! the first and the latest.

use libproc::Timestamp;

/// Most causes of one task.
const MOST: usize = 8;

/// Most bytes of [`Cause::by`] that are kept.
const MOST_WORDS: usize = 200;

/// Bytes of a cause beside its words and its trace: act, whether it is traced, time, length.
const HEAD: usize = 11;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Its scheduler launched it with ACCEPT.
    Launched,
    /// Its agent reported it to this leader.
    Reported,
    /// Its scheduler asked to kill it.
    KillCalled,
    /// An operator asked to kill it.
    KillAsked,
    /// An operator drains its agent.
    Drained,
    /// Its agent was given up as unreachable.
    AgentLost,
    /// Its agent left, or was forgotten.
    AgentRemoved,
    /// An operator marked its agent as gone.
    AgentGone,
    /// Its framework was removed.
    FrameworkRemoved,
}

const ACTS: [Act; 9] = [
    Act::Launched,
    Act::Reported,
    Act::KillCalled,
    Act::KillAsked,
    Act::Drained,
    Act::AgentLost,
    Act::AgentRemoved,
    Act::AgentGone,
    Act::FrameworkRemoved,
];

/// Something that was done about a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What.
    pub act: Act,
    /// When.
    pub at: Timestamp,
    /// Who stands behind it, or why, for people; may be empty.
    pub by: String,
    /// The trace that it is part of.
    pub trace: Option<u128>,
}

/// The causes of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes(Box<[u8]>);

impl Causes {
    /// Adds the latest. Words that are too long are cut, and the second is forgotten if there are
    /// too many.
    pub fn add(&mut self, cause: &Cause) {
        let lengths: Vec<usize> = Frames(&self.0).map(<[u8]>::len).collect();
        let forgotten = match lengths.len() >= MOST {
            true => lengths[0]..lengths[0] + lengths[1],
            false => 0..0,
        };
        let mut words = cause.by.as_str();
        while words.len() > MOST_WORDS {
            // Never within a character.
            words = words.char_indices().next_back().map_or("", |(last, _)| &words[..last]);
        }
        let trace = cause.trace.map(u128::to_le_bytes);
        let mut bytes = Vec::with_capacity(self.0.len() + HEAD + 16 + words.len());
        bytes.extend_from_slice(&self.0[..forgotten.start]);
        bytes.extend_from_slice(&self.0[forgotten.end..]);
        bytes.push(cause.act as u8);
        bytes.push(u8::from(trace.is_some()));
        bytes.extend_from_slice(&cause.at.as_nanos().to_le_bytes());
        // It is at most MOST_WORDS.
        bytes.push(words.len() as u8);
        bytes.extend_from_slice(trace.as_ref().map_or(&[], |trace| &trace[..]));
        bytes.extend_from_slice(words.as_bytes());
        self.0 = bytes.into();
    }

    /// All that are kept, in the order in which they were added.
    pub fn all(&self) -> Vec<Cause> {
        Frames(&self.0).filter_map(decode).collect()
    }
}

fn decode(frame: &[u8]) -> Option<Cause> {
    let (head, rest) = frame.split_at_checked(HEAD)?;
    let at = u64::from_le_bytes(head[2..10].try_into().ok()?);
    let (trace, words) = match head[1] {
        0 => (None, rest),
        _ => {
            let (trace, words) = rest.split_first_chunk()?;
            (Some(u128::from_le_bytes(*trace)), words)
        }
    };
    Some(Cause {
        act: *ACTS.get(usize::from(head[0]))?,
        at: Timestamp(at),
        by: String::from_utf8_lossy(words).into_owned(),
        trace,
    })
}

/// One cause after the other, as bytes.
struct Frames<'a>(&'a [u8]);

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let head = self.0.get(..HEAD)?;
        let length = HEAD + 16 * usize::from(head[1]) + usize::from(head[10]);
        let (frame, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(act: Act, at: u64, by: &str, trace: Option<u128>) -> Cause {
        Cause { act, at: Timestamp(at), by: by.to_owned(), trace }
    }

    #[test]
    fn what_is_added_is_there() {
        let mut causes = Causes::default();
        let mut all = Vec::new();
        for (at, act) in (0..).zip(ACTS.into_iter().take(MOST)) {
            let trace = (at % 2 == 0).then_some(u128::MAX - u128::from(at));
            let added = cause(act, u64::MAX - at, &"é".repeat(at as usize), trace);
            causes.add(&added);
            all.push(added);
            assert_eq!(causes.all(), all);
        }
    }

    #[test]
    fn a_launch_is_small() {
        let mut causes = Causes::default();
        causes.add(&cause(Act::Launched, 1, "", None));
        assert_eq!(causes.0.len(), HEAD);
        let mut traced = Causes::default();
        traced.add(&cause(Act::Launched, 1, "", Some(7)));
        assert_eq!(traced.0.len(), HEAD + 16);
        assert_eq!(ACTS.map(|act| act as usize), [0, 1, 2, 3, 4, 5, 6, 7, 8], "each at its number");
    }

    #[test]
    fn the_first_and_the_latest_stay_and_words_are_cut() {
        let mut causes = Causes::default();
        let long = "é".repeat(500);
        for at in 0..100 {
            causes.add(&cause(Act::KillCalled, at, &long, Some(1)));
        }
        let all = causes.all();
        let times: Vec<u64> = all.iter().map(|cause| cause.at.as_nanos()).collect();
        assert_eq!(times, [0, 93, 94, 95, 96, 97, 98, 99]);
        assert!(all.iter().all(|cause| cause.by == "é".repeat(MOST_WORDS / 2)));
        assert!(causes.0.len() <= MOST * (HEAD + 16 + MOST_WORDS));
    }
}
