//! What lists print: rows made of v1 responses, then a table or JSON. Pure.

pub mod agents;
pub mod events;
pub mod explain;
pub mod frameworks;
pub mod maintenance;
pub mod offers;
pub mod plan;
pub mod quota;
pub mod reservations;
pub mod roles;
pub mod state;
mod table;
pub mod tasks;
pub mod weights;

pub use table::table;

use clap::ValueEnum;
use meseta_api::resources::Resources;
use meseta_api::v1;
use serde::Serialize;

/// `-o` of lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// The same with more columns.
    Wide,
    /// For scripts: an array of objects.
    Json,
    /// The same in YAML.
    Yaml,
    /// One name per line, as other verbs take it.
    Name,
}

/// `-o` of what is no list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DocFormat {
    /// For people.
    #[default]
    Table,
    /// For scripts: one object.
    Json,
    /// The same in YAML.
    Yaml,
}

/// One line of a list.
pub trait Row: Serialize {
    /// Titles of the columns.
    const TITLES: &'static [&'static str];

    /// Titles of the columns that only `-o wide` has.
    const MORE: &'static [&'static str] = &[];

    /// One text per column.
    fn cells(&self) -> Vec<String>;

    /// One text per column that only `-o wide` has.
    fn more(&self) -> Vec<String> {
        Vec::new()
    }

    /// What other verbs take for it; by default what is in the first column.
    fn name(&self) -> String {
        self.cells().into_iter().next().unwrap_or_default()
    }
}

/// A list as it is printed, with its last line's end.
pub fn render<R: Row>(rows: &[R], format: Format) -> anyhow::Result<String> {
    Ok(match format {
        Format::Json => serde_json::to_string_pretty(rows)? + "\n",
        Format::Yaml => serde_norway::to_string(rows)?,
        Format::Name => rows.iter().map(|row| row.name() + "\n").collect(),
        Format::Table => table(R::TITLES, rows.iter().map(Row::cells)),
        Format::Wide => {
            let wide = |row: &R| row.cells().into_iter().chain(row.more()).collect();
            table(&[R::TITLES, R::MORE].concat(), rows.iter().map(wide))
        }
    })
}

/// What is no list, for scripts; a table of it is the caller's to make.
pub fn document<T: Serialize>(what: &T, format: DocFormat) -> anyhow::Result<String> {
    Ok(match format {
        DocFormat::Yaml => serde_norway::to_string(what)?,
        DocFormat::Json | DocFormat::Table => serde_json::to_string_pretty(what)? + "\n",
    })
}

/// Processors and megabytes, the two amounts that lists show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Amounts {
    /// Processors.
    pub cpus: f64,
    /// Memory in MB.
    pub mem: f64,
}

impl Amounts {
    /// The sums over a list; what a list does not say validly counts as none.
    pub fn of(resources: &[v1::Resource]) -> Self {
        let resources = Resources::from_v1(resources).unwrap_or_default();
        Amounts { cpus: resources.cpus().to_f64(), mem: resources.mem().to_f64() }
    }
}

/// `used/total`, without needless digits.
fn share(used: f64, total: f64) -> String {
    format!("{used}/{total}")
}

/// A point in time, in UTC; `at` is in seconds since 1970.
fn time(at: f64) -> String {
    let since = std::time::Duration::try_from_secs_f64(at).unwrap_or_default();
    let at = std::time::UNIX_EPOCH.checked_add(since).unwrap_or(std::time::UNIX_EPOCH);
    humantime::format_rfc3339_millis(at).to_string()
}
