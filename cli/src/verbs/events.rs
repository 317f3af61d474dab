//! `meseta events`: what happens in the cluster, as its event stream tells it (docs/events.md).

use super::{find_framework, print};
use crate::client::place::{Heard, Place, Start};
use crate::client::stream::Records;
use crate::client::{Cluster, ClusterArgs};
use crate::exit;
use crate::view::events::{line, TITLES};
use anyhow::{bail, Context};
use clap::ValueEnum;
use meseta_api::codec::Codec;
use meseta_api::v1::master::event::Type;
use meseta_api::v1::master::Event;
use meseta_master::events::record::LEADER;
use meseta_master::events::wanted::{AFTER, FRAMEWORK, TYPES};
use std::time::Duration;

const PATH: &str = "/api/v1";
const SUBSCRIBE: &str = r#"{"type":"SUBSCRIBE"}"#;

/// The pause before a stream that ended is opened again; doubles while that fails …
const AGAIN_FIRST: Duration = Duration::from_millis(250);
/// … up to this.
const AGAIN_MOST: Duration = Duration::from_secs(8);
/// Failures after which nobody is tried any more, about a minute.
const TRIES: u32 = 10;

/// What `meseta events` shows unless it is told; SUBSCRIBED brings the whole state along.
const SHOWN: [Type; 7] = [
    Type::TaskAdded,
    Type::TaskUpdated,
    Type::AgentAdded,
    Type::AgentRemoved,
    Type::FrameworkAdded,
    Type::FrameworkUpdated,
    Type::FrameworkRemoved,
];

/// Print what has happened lately, or what happens.
#[derive(Debug, clap::Args)]
#[command(after_help = "Events are remembered while anybody follows, and five minutes longer.")]
pub struct Events {
    /// Go on with what happens; a stream that breaks off is taken up where it was
    #[arg(short, long)]
    follow: bool,
    /// Begin with the event of this number; else with the oldest that is remembered, or with -f now
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// Only of these types, such as TASK_UPDATED or agent-removed
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = kind)]
    types: Vec<Type>,
    /// Only of this framework: its id, the end of that, its name, or a beginning
    #[arg(long)]
    framework: Option<String>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    output: EventFormat,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// `-o` of events, which come one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum EventFormat {
    /// One line each, for people.
    #[default]
    Table,
    /// One object per line, as the master says it.
    Json,
}

fn kind(name: &str) -> Result<Type, String> {
    let known = Type::from_str_name(&name.to_ascii_uppercase().replace('-', "_"));
    known.filter(|kind| SHOWN.contains(kind) || *kind == Type::Subscribed).ok_or_else(|| {
        let known = SHOWN.map(|kind| kind.as_str_name());
        format!("there are {}", known.join(", "))
    })
}

/// Why no more comes of a stream.
enum End {
    /// Nobody reads what is printed, or all that was wanted is printed.
    Done,
    /// It broke off.
    Broke(String),
}

impl Events {
    /// Prints them.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        libproc::run(async {
            let cluster = Cluster::open(&self.cluster).await?;
            let headers = self.headers(&cluster).await?;
            let start = match self.from {
                Some(number) => Start::At(number),
                None if self.follow => Start::Now,
                None => Start::Oldest,
            };
            if self.output == EventFormat::Table {
                print(TITLES)?;
            }
            self.read(&cluster, &headers, Place::new(start)).await?;
            Ok(exit::OK)
        })
    }

    async fn headers(&self, cluster: &Cluster) -> anyhow::Result<Vec<(&'static str, String)>> {
        let types = if self.types.is_empty() { &SHOWN[..] } else { &self.types };
        let types: Vec<&str> = types.iter().map(|kind| kind.as_str_name()).collect();
        let mut headers = vec![(TYPES, types.join(","))];
        if let Some(text) = &self.framework {
            headers.push((FRAMEWORK, find_framework(cluster, text).await?.id));
        }
        Ok(headers)
    }

    /// Reads one stream after the other.
    async fn read(
        &self,
        cluster: &Cluster,
        headers: &[(&'static str, String)],
        mut place: Place,
    ) -> anyhow::Result<()> {
        let (mut tries, mut pause, mut heard) = (0, AGAIN_FIRST, false);
        loop {
            match self.read_one(cluster, headers, &mut place).await {
                Ok(End::Done) => return Ok(()),
                Ok(End::Broke(why)) if self.follow => {
                    (tries, pause, heard) = (0, AGAIN_FIRST, true);
                    let last = place.last().unwrap_or(0);
                    eprintln!("the stream ended: {why}; going on behind event {last}");
                }
                Ok(End::Broke(why)) => bail!("the stream ended: {why}"),
                // Who has heard nothing yet may have typed something wrong.
                Err(error) if !heard || !self.follow => return Err(error),
                Err(error) => {
                    tries += 1;
                    if tries > TRIES {
                        return Err(error);
                    }
                }
            }
            cluster.node().sleep(pause).await;
            pause = (pause * 2).min(AGAIN_MOST);
        }
    }

    async fn read_one(
        &self,
        cluster: &Cluster,
        headers: &[(&'static str, String)],
        place: &mut Place,
    ) -> anyhow::Result<End> {
        let leader = cluster.leader().await?;
        let after = place.after().map(|after| (AFTER, after));
        let headers: Vec<_> = headers.iter().cloned().chain(after).collect();
        let (node, shown) = (cluster.node(), cluster.http_credential());
        let mut records = Records::open(node, &leader, PATH, &headers, SUBSCRIBE, shown).await?;
        let behind = place.last();
        if place.opened(records.header(LEADER)) {
            eprintln!("the master at {leader} leads now; its events are numbered anew");
        }
        loop {
            let record = match records.next(node).await {
                Ok(Some(record)) => record,
                Ok(None) => return Ok(End::Broke("the master ended it".to_owned())),
                Err(error) => return Ok(End::Broke(format!("{error:#}"))),
            };
            let heard = place.heard(&record).context("a record that is no event")?;
            let (wanted, number) = match heard {
                Heard::Event(number) => (true, number),
                Heard::CaughtUp if self.follow => continue,
                Heard::CaughtUp => return Ok(End::Done),
                Heard::Ended(why) => return Ok(End::Broke(why)),
                Heard::Gap | Heard::Begun => {
                    if heard == Heard::Gap {
                        let from = self.from.unwrap_or(0).max(behind.map_or(0, |last| last + 1));
                        let lost = format!("what happened from event {from} on is not remembered");
                        if !self.follow {
                            bail!("{lost}");
                        }
                        eprintln!("{lost}");
                    }
                    (self.types.contains(&Type::Subscribed), place.last().unwrap_or(0))
                }
            };
            if wanted && !self.show(number, &record)? {
                return Ok(End::Done);
            }
        }
    }

    /// False if nobody reads it.
    fn show(&self, number: u64, record: &[u8]) -> anyhow::Result<bool> {
        let text = match self.output {
            EventFormat::Json => String::from_utf8_lossy(record).into_owned() + "\n",
            EventFormat::Table => {
                let event: Event = Codec::Json.decode(record).context("an unknown event")?;
                line(number, &event)
            }
        };
        super::is_read(&text)
    }
}
