//! Plain tables: columns with two spaces between them, no frame, so that they pass through pipes.

use comfy_table::{presets, ContentArrangement, Table};

/// A table with its last line's end; only the titles if there are no rows. Cells are never
/// wrapped or cut: a name that is copied from a list must be whole.
pub fn table(titles: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(titles);
    for row in rows {
        // A line's end inside of a message would break the table.
        table.add_row(row.into_iter().map(|cell| cell.replace(['\n', '\r'], " ")));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let text: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    text.join("\n") + "\n"
}
