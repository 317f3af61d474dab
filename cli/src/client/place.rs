//! Where in the events of a cluster a reader is: [`Place`]. Pure.

use serde::Deserialize;

/// Where a reader begins who has read nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With what happens from now on.
    Now,
    /// With the oldest event that is remembered.
    Oldest,
    /// With the event of this number.
    At(u64),
}

/// What a reader has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    start: Start,
    leader: Option<String>,
    /// The number of the last event that was told.
    last: Option<u64>,
    /// The stream that was opened last has said nothing yet.
    fresh: bool,
}

/// What one record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An event of this number.
    Event(u64),
    /// All that is remembered was told.
    CaughtUp,
    /// The beginning of a stream that does not go on where the reader was: what happened since is
    /// not remembered.
    Gap,
    /// The beginning of a stream.
    Begun,
    /// The master ends the stream, for this reason.
    Ended(String),
}

/// What every record has, whatever it is about.
#[derive(Debug, Deserialize)]
struct Envelope {
    r#type: String,
    #[serde(default)]
    meseta_sequence: u64,
    meseta_ended: Option<String>,
}

impl Place {
    /// A reader who has read nothing.
    pub fn new(start: Start) -> Self {
        Place { start, leader: None, last: None, fresh: true }
    }

    /// The value of the header `Meseta-Resume-After`; none to begin anew.
    pub fn after(&self) -> Option<String> {
        match (&self.leader, self.last, self.start) {
            (Some(leader), Some(last), _) => Some(format!("{leader}/{last}")),
            (_, _, Start::Now) => None,
            (_, _, Start::Oldest | Start::At(0)) => Some("*/oldest".to_owned()),
            (_, _, Start::At(number)) => Some(format!("*/{}", number - 1)),
        }
    }

    /// The number of the last event that was told.
    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// A stream was opened; whether it is another leader's than the one before.
    pub fn opened(&mut self, leader: Option<&str>) -> bool {
        let leader = leader.map(str::to_owned);
        let other = self.last.is_some() && self.leader != leader;
        if other {
            // Numbers of another leader say nothing of what this one tells.
            (self.start, self.last) = (Start::Now, None);
        }
        self.leader = leader;
        self.fresh = true;
        other
    }

    /// A record came.
    ///
    /// # Errors
    /// It is no event in JSON.
    pub fn heard(&mut self, record: &[u8]) -> serde_json::Result<Heard> {
        let envelope: Envelope = serde_json::from_slice(record)?;
        let number = envelope.meseta_sequence;
        let goes_on = self.fresh && self.after().is_some();
        self.fresh = false;
        Ok(match envelope.r#type.as_str() {
            "UNKNOWN" => Heard::Ended(envelope.meseta_ended.unwrap_or_default()),
            "HEARTBEAT" => {
                self.last = Some(number);
                Heard::CaughtUp
            }
            "SUBSCRIBED" => {
                self.last = Some(number);
                if goes_on {
                    Heard::Gap
                } else {
                    Heard::Begun
                }
            }
            _ => {
                self.last = Some(number);
                Heard::Event(number)
            }
        })
    }
}
