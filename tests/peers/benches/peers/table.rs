//! The one table: a line per quantity, a column per contestant.

use crate::contest::{Row, EVERYBODY};
use crate::support::record::short;

const LEGEND: &str =
    "  each one's cost, and how many times libproc's it is: bare tokio, bare actix, \
    ractor (to another process ractor_cluster), kameo\n  (to another process libp2p)\n";
const HEADS: [&str; 4] = ["tokio", "actix", "ractor", "kameo"];

/// Each contestant's cost and, in parentheses, how many times libproc's it is; then libproc's target.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut lines = vec![["", "", "libproc"].map(str::to_owned).to_vec()];
    lines[0].extend(HEADS.map(str::to_owned));
    lines[0].extend(["target", ""].map(str::to_owned));
    for Row { figure, others } in rows {
        let mut line = vec![
            figure.id.to_owned(),
            format!("{}, {}", figure.what, figure.unit),
            short(figure.value),
        ];
        line.extend(EVERYBODY.iter().map(|column| {
            let cost = others.iter().find(|(who, _)| who == column);
            cost.map_or_else(|| "-".into(), |(_, cost)| beside(*cost, figure.value))
        }));
        let (target, verdict) = figure.verdict();
        let peer = figure.peer.map_or("", |(name, _)| name);
        line.extend([target.replace("peer", peer), verdict]);
        lines.push(line);
    }
    let columns = lines[0].len();
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::from(LEGEND);
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str("  ");
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn beside(cost: f64, own: f64) -> String {
    format!("{} ({:.2})", short(cost), cost / own)
}
