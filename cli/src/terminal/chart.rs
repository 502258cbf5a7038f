//! Bars and sparklines, drawn with block characters.

/// The width of the bar of the largest total, in columns.
const BAR_WIDTH: u32 = 20;

/// The greatest width of the sparkline, in columns.
const SPARKLINE_WIDTH_MAX: usize = 100;

/// One to seven eighths of a column; eight are a full block.
const BAR_EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

const SPARKLINE_LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A bar for `height`, on a scale that ends at `highest`. Anything above zero is visible.
pub(crate) fn bar(height: f64, highest: f64) -> String {
    let eighths = share(height, highest, BAR_WIDTH * 8);
    let full_blocks = "█".repeat(eighths / 8);
    let rest = (eighths % 8).checked_sub(1).map(|index| BAR_EIGHTHS[index]);
    full_blocks + &rest.map_or_else(String::new, String::from)
}

/// The heights in one line. The lowest level is zero, the highest one the largest height.
///
/// If there are more heights than columns, adjacent heights share a column, which shows the largest
/// of them.
pub(crate) fn sparkline(heights: &[f64]) -> String {
    let highest = heights.iter().copied().fold(0.0, f64::max);
    let heights_per_column = heights.len().div_ceil(SPARKLINE_WIDTH_MAX).max(1);
    let columns =
        heights.chunks(heights_per_column).map(|column| column.iter().copied().fold(0.0, f64::max));
    columns.map(|height| SPARKLINE_LEVELS[share(height, highest, 7)]).collect()
}

/// The share of `height` in `highest`, as one of `steps` steps, rounded up.
fn share(height: f64, highest: f64, steps: u32) -> usize {
    if height <= 0.0 || highest <= 0.0 {
        return 0;
    }
    let share = (height / highest * f64::from(steps)).ceil();
    // Both numbers are above zero here, so the share is at most `steps`.
    (1..=steps as usize).find(|step| *step as f64 >= share).unwrap_or(steps as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_shows_zero_the_highest_and_what_is_hardly_there() {
        assert_eq!(sparkline(&[0.0, 0.001, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), "▁▂▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[5.0, 5.0]), "██");
        assert_eq!(sparkline(&[0.0, 0.0]), "▁▁");
        assert_eq!(sparkline(&[]), "");
        let heights: Vec<f64> =
            (0..250).map(|height| if height == 125 { 9.0 } else { 0.0 }).collect();
        let line: Vec<char> = sparkline(&heights).chars().collect();
        assert_eq!((line.len(), line[41], line[40]), (84, '█', '▁'));
    }

    #[test]
    fn a_bar_has_eighths_of_a_column() {
        assert_eq!(bar(8.0, 8.0), "█".repeat(20));
        assert_eq!(bar(1.0, 160.0), "▏");
        assert_eq!(bar(15.0, 160.0), "█▉");
        assert_eq!(bar(0.000001, 160.0), "▏");
        assert_eq!(bar(0.0, 160.0), "");
    }
}
