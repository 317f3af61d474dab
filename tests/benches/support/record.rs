//! One bench's run: its figures beside their targets, as a table for people and as lines of JSON.
//!
//! Nothing is recorded of a machine that was too busy to tell: one that other tenants took more
//! than [`STEAL_LIMIT`] of, or that other programs kept busy beyond [`OTHERS_LIMIT`], before the
//! bench began or, where all that is measured happens in its own processes, while it ran.

use super::machine::{load, process_cpu, Processors};
use super::pace::pace;
use serde_json::{json, Map, Value};
use std::fs::{create_dir_all, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, SystemTime};

/// Percent of the processors' time; beyond it times mean nothing.
const STEAL_LIMIT: f64 = 5.0;
/// As [`STEAL_LIMIT`]: on two processors a fifth of one, which bursts by turns bear.
const OTHERS_LIMIT: f64 = 10.0;
/// For how long a bench looks at what others do before it begins.
const LOOK: Duration = Duration::from_millis(500);

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// Nothing was promised.
    None,
    AtMost(f64),
    AtLeast(f64),
    /// Of the peer's value in the same run.
    TimesPeer(f64),
}

/// One measured quantity.
pub(crate) struct Figure {
    /// As in the targets, `/` and what of it: `T9/tell`.
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// Who else was measured in the same run, and how it did.
    pub(crate) peer: Option<(&'static str, f64)>,
    pub(crate) target: Target,
    /// Further numbers of the same measurement: quantiles, other peers.
    pub(crate) more: Vec<(&'static str, f64)>,
}

impl Figure {
    fn ratio(&self) -> Option<f64> {
        self.peer.map(|(_, peer)| self.value / peer).filter(|ratio| ratio.is_finite())
    }

    /// The target, and whether the value reaches it.
    pub(crate) fn verdict(&self) -> (String, String) {
        let (target, gap) = match self.target {
            Target::None => return ("-".into(), "-".into()),
            Target::AtMost(most) => (format!("<= {}", short(most)), self.value / most),
            Target::AtLeast(least) => (format!(">= {}", short(least)), least / self.value),
            Target::TimesPeer(times) => {
                let gap = self.ratio().map_or(f64::NAN, |ratio| ratio / times);
                (format!("<= {times} x peer"), gap)
            }
        };
        let verdict = match gap {
            gap if gap <= 1.0 => "reached".to_owned(),
            gap => format!("misses {gap:.2} x"),
        };
        (target, verdict)
    }

    fn json(&self, steal: f64, at: u64, commit: &str) -> Value {
        let (target, verdict) = self.verdict();
        let mut line = Map::new();
        let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
        put("id", json!(self.id));
        put("value", json!(self.value));
        put("unit", json!(self.unit));
        put("peer", json!(self.peer.map(|(name, _)| name)));
        put("peer_value", json!(self.peer.map(|(_, value)| value)));
        put("ratio", json!(self.ratio()));
        put("load", json!(load()));
        put("steal", json!(steal));
        put("at", json!(at));
        put("commit", json!(commit));
        put("target", json!(target));
        put("verdict", json!(verdict));
        for (name, value) in &self.more {
            put(name, json!(value));
        }
        Value::Object(line)
    }
}

/// Four significant digits, as far as there are so many before the point.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 10.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A bench that runs.
pub(crate) struct Run {
    name: &'static str,
    began: Processors,
    /// Seconds that this process had run by then; where what others did meanwhile can be told.
    own: Option<f64>,
    /// Why nothing of it is recorded.
    unfit: Vec<String>,
    figures: Vec<Figure>,
}

impl Run {
    /// A bench some of whose work is done by processes that it does not wait for.
    pub(crate) fn begin(name: &'static str) -> Self {
        let before = Processors::now();
        pace(LOOK);
        let began = Processors::now();
        let others = began.busy_since(before, 0.0);
        println!("\n{name}: load {:.2}, others {others:.1} % before", load());
        let mut run = Run { name, began, own: None, unfit: Vec::new(), figures: Vec::new() };
        run.bear("before it began, others", others, OTHERS_LIMIT);
        run
    }

    /// A bench all of whose work is done by itself and by processes that it waits for.
    pub(crate) fn begin_alone(name: &'static str) -> Self {
        Run { own: Some(process_cpu()), ..Run::begin(name) }
    }

    pub(crate) fn figure(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// It is printed, and not recorded.
    pub(crate) fn unfit(&mut self, why: impl Into<String>) {
        self.unfit.push(why.into());
    }

    fn bear(&mut self, what: &str, percent: f64, most: f64) {
        if percent > most {
            self.unfit(format!("{what} took {percent:.1} % of the processors, over {most} %"));
        }
    }

    /// Prints the figures and records them; fails if the machine was not ours.
    pub(crate) fn end(self) -> ExitCode {
        let table = self.table();
        self.end_with(&table)
    }

    /// As [`Run::end`], with another table of the same figures.
    pub(crate) fn end_with(mut self, table: &str) -> ExitCode {
        let now = Processors::now();
        let steal = now.steal_since(self.began);
        let others = self.own.map(|own| now.busy_since(self.began, process_cpu() - own));
        print!("{table}");
        let said = others.map_or(String::new(), |others| format!(", others {others:.1} %"));
        println!("  load {:.2}, steal {steal:.1} %{said}", load());
        self.bear("other tenants", steal, STEAL_LIMIT);
        self.bear("others", others.unwrap_or(0.0), OTHERS_LIMIT);
        if self.unfit.is_empty() {
            match self.record(steal) {
                Ok(()) => return ExitCode::SUCCESS,
                Err(error) => self.unfit(error.to_string()),
            }
        }
        for why in &self.unfit {
            eprintln!("{}: not recorded: {why}", self.name);
        }
        ExitCode::FAILURE
    }

    fn table(&self) -> String {
        let mut rows =
            vec![["id", "what", "value", "peer", "ratio", "target", ""].map(str::to_owned)];
        for figure in &self.figures {
            let (target, verdict) = figure.verdict();
            let peer = figure.peer.map(|(name, value)| format!("{name} {}", short(value)));
            rows.push([
                figure.id.to_owned(),
                figure.what.to_owned(),
                format!("{} {}", short(figure.value), figure.unit),
                peer.unwrap_or_else(|| "-".into()),
                figure.ratio().map_or_else(|| "-".into(), |ratio| format!("{ratio:.2}")),
                target,
                verdict,
            ]);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<usize> = (0..7).map(|column| width(column).unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            text += &format!("  {}\n", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        for figure in self.figures.iter().filter(|figure| !figure.more.is_empty()) {
            let more = figure.more.iter().map(|(name, value)| format!("{name} {}", short(*value)));
            text += &format!("  {}: {}\n", figure.id, more.collect::<Vec<_>>().join(", "));
        }
        text
    }

    fn record(&self, steal: f64) -> std::io::Result<()> {
        let path = results();
        if let Some(folder) = path.parent() {
            create_dir_all(folder)?;
        }
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let at = since.map_or(0, |since| since.as_secs());
        let commit = commit();
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        for figure in &self.figures {
            writeln!(file, "{}", figure.json(steal, at, &commit))?;
        }
        Ok(())
    }
}

/// `target/bench/results.jsonl`, wherever cargo's target folder is.
fn results() -> PathBuf {
    let temporary = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let target = temporary.parent().map(PathBuf::from).unwrap_or(temporary);
    target.join("bench/results.jsonl")
}

/// What was measured, as git names it; empty where there is no git.
fn commit() -> String {
    let described = Command::new("git").args(["describe", "--always", "--dirty"]).output();
    let text = described.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}
