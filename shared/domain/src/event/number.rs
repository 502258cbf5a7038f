//! The numbers of events: prices, quantities and totals.

use crate::count::amount::{Amount, INPUT_FRACTION_DIGITS, UNITS_PER_MILLIONTH};
use crate::event::json::HIGH_BITS;

/// Parses a JSON number from 0 to 10^12 with at most six decimals, the first `length` of these
/// bytes, into millionths.
#[inline]
pub(crate) fn parse_millionths(bytes: &[u8], length: usize) -> Option<i64> {
    match parse_short_millionths(bytes, length) {
        Some(millionths) => i64::try_from(millionths).ok(),
        None => parse_millionths_slowly(bytes.get(..length)?),
    }
}

/// Parses up to eight bytes of digits with at most one decimal point, like `19.99`, at once.
///
/// **Source**: "Quickly parsing eight digits" by Daniel Lemire: digits are combined into
/// pairs, pairs into groups of four, and these into one number.
#[inline]
fn parse_short_millionths(bytes: &[u8], length: usize) -> Option<u64> {
    const SCALES: [u64; INPUT_FRACTION_DIGITS as usize + 1] =
        [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let unused_bytes = u32::try_from(8_usize.checked_sub(length)?).ok()?;
    let word = u64::from_le_bytes(*bytes.first_chunk()?);
    let bytes = word & u64::MAX.checked_shr(unused_bytes * 8)?;
    let points = bytes ^ 0x2e2e_2e2e_2e2e_2e2e;
    let point = points.wrapping_sub(0x0101_0101_0101_0101) & !points & HIGH_BITS;
    let (digits, count, decimals) = if point == 0 {
        (bytes, length, 0)
    } else {
        let whole = point.trailing_zeros() as usize / 8;
        let below_point = (1 << (whole * 8)) - 1;
        let without_point = bytes & below_point | bytes >> 8 & !below_point;
        (without_point, length - 1, length - 1 - whole)
    };
    // Shift the digits to the upper end, and fill the lower bytes with ASCII zeros.
    let shift = 64 - u32::try_from(count).ok()? * 8;
    let digits = digits.checked_shl(shift)? | ZEROS.checked_shr(64 - shift).unwrap_or_default();
    let values = digits ^ ZEROS;
    if (values.wrapping_add(0x7676_7676_7676_7676) | values) & HIGH_BITS != 0 {
        return None;
    }
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    let fours = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let others = (pairs >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    let value = fours.wrapping_add(others) >> 32;
    Some(value * SCALES.get(decimals)?)
}

#[cold]
fn parse_millionths_slowly(text: &[u8]) -> Option<i64> {
    let units = Amount::parse_input(text)?.units();
    i64::try_from(units / UNITS_PER_MILLIONTH).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::json;
    use proptest::prelude::*;

    /// Parses the text followed by digits, which must be ignored.
    fn read_short(text: &str) -> Option<u64> {
        let bytes = format!("{text}99.99999");
        parse_short_millionths(bytes.as_bytes(), text.len())
    }

    #[test]
    fn short_numbers_are_parsed_at_once() {
        for (text, millionths) in [
            ("0", 0),
            ("7", 7_000_000),
            ("19.99", 19_990_000),
            ("12345678", 12_345_678_000_000),
            ("0.000001", 1),
            ("1234.567", 1_234_567_000),
            ("99999.99", 99_999_990_000),
        ] {
            assert_eq!(read_short(text), Some(millionths), "{text}");
        }
        for text in ["", "-1", "1e5", "123456789", "1.2.3", "1/2", "1:2", "+1"] {
            assert_eq!(read_short(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn short_numbers_are_parsed_as_slowly_parsed_ones(text in "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,7})?(e[0-9])?") {
            let bytes = format!("{text}}}\n      ");
            prop_assert_eq!(parse_millionths(bytes.as_bytes(), text.len()), parse_millionths_slowly(text.as_bytes()));
        }

        #[test]
        fn short_texts_are_numbers_or_left_to_the_slow_parser(text in "[0-9.e:/+-]{0,8}") {
            if let Some(millionths) = read_short(&text)
                && json::is_number(text.as_bytes())
            {
                prop_assert_eq!(i64::try_from(millionths).ok(), parse_millionths_slowly(text.as_bytes()));
            }
        }
    }
}
