//! What lists print: rows made of v1 responses, then a table or JSON. Pure.

pub mod agents;
pub mod explain;
pub mod frameworks;
pub mod maintenance;
pub mod quota;
mod table;
pub mod tasks;
pub mod weights;

pub use table::table;

use clap::ValueEnum;
use meseta_api::resources::Resources;
use meseta_api::v1;
use serde::Serialize;

/// `-o`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For scripts: an array of objects.
    Json,
}

/// One line of a list.
pub trait Row: Serialize {
    /// Titles of the columns.
    const TITLES: &'static [&'static str];

    /// One text per column.
    fn cells(&self) -> Vec<String>;
}

/// A list as it is printed, with its last line's end.
pub fn render<R: Row>(rows: &[R], format: Format) -> anyhow::Result<String> {
    Ok(match format {
        Format::Json => serde_json::to_string_pretty(rows)? + "\n",
        Format::Table => table(R::TITLES, rows.iter().map(Row::cells)),
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
