//! Tables of text.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::value::RawValue;

/// An empty table with these headings. The columns at the indices `right` are aligned right.
pub(crate) fn new(headings: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headings.iter().copied());
    for (index, column) in table.column_iter_mut().enumerate() {
        let left_padding = if index == 0 { 0 } else { 2 };
        column.set_padding((left_padding, 0));
        if right.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The table as lines without trailing spaces.
pub(crate) fn text(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A JSON value for people: a string without quotes, anything else as it is written.
pub(crate) fn plain(value: &RawValue) -> String {
    serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned())
}
