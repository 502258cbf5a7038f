//! Tables of text.

use comfy_table::{CellAlignment, presets};
use serde_json::value::RawValue;

use crate::terminal::escape::shown;

/// A table of text from anywhere: a cell is one line, and cannot command the terminal.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// An empty table with these headings. The columns at the indices `right` are aligned right.
    pub(crate) fn new(headings: &[&str], right: &[usize]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_header(headings.iter().map(|text| shown(text)));
        for (index, column) in table.column_iter_mut().enumerate() {
            let left_padding = if index == 0 { 0 } else { 2 };
            column.set_padding((left_padding, 0));
            if right.contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self(table)
    }

    pub(crate) fn add_row(&mut self, cells: impl IntoIterator<Item = impl AsRef<str>>) {
        self.0.add_row(cells.into_iter().map(|cell| shown(cell.as_ref()).into_owned()));
    }

    /// The table as lines without trailing spaces.
    pub(crate) fn text(&self) -> String {
        self.0.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

/// A JSON value for people: a string without quotes, anything else as it is written.
pub(crate) fn plain(value: &RawValue) -> String {
    serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_one_line_that_commands_nothing() {
        let mut table = Table::new(&["item", "\u{1b}[2J"], &[1]);
        table.add_row(["a\nb", "\u{202e}1"]);
        let expected = "item     \\u{1b}[2J\na\\u{a}b  \\u{202e}1\n";
        assert_eq!(table.text(), expected);
    }
}
