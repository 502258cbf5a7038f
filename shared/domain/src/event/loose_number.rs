//! Numbers as shops write them: signed, with more decimals than are counted, with a currency sign,
//! with separators of thousands, with a decimal comma.

use std::cmp::Ordering;

use crate::count::amount::INPUT_FRACTION_DIGITS;
use crate::event::json;

/// The largest number in millionths: 10^12.
const MILLIONTHS_MAX: i64 = 1_000_000_000_000_000_000;

/// The digits before the point of the largest number.
const WHOLE_DIGITS_MAX: i64 = 13;

/// The signs of currencies that may stand before or behind a number.
const CURRENCY_SIGNS: [char; 13] =
    ['$', '€', '£', '¥', '₹', '₽', '₩', '₺', '₫', '₪', '₴', '฿', '₦'];

/// Reads a JSON number, or a text that is a number, in millionths, rounded half to even.
///
/// **Shape**: `None` if it is no number, if it is ambiguous (`1,234` may be a thousand or one and a
/// bit), or if it is beyond 10^12 either way.
pub(crate) fn parse_loosely(text: &[u8]) -> Option<i64> {
    if json::is_number(text) {
        return json_number(text);
    }
    shop_number(std::str::from_utf8(text).ok()?)
}

fn json_number(text: &[u8]) -> Option<i64> {
    let (is_negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&text[..at], exponent(&text[at + 1..])),
        None => (text, 0),
    };
    let (whole, fraction) = match mantissa.iter().position(|byte| *byte == b'.') {
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        None => (mantissa, &[][..]),
    };
    rounded(is_negative, whole, fraction, exponent)
}

/// The exponent of a JSON number; one beyond all sizes stands for all that are larger.
fn exponent(text: &[u8]) -> i64 {
    const BEYOND: i64 = 1 << 40;
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    let value = digits.iter().fold(0_i64, |value, digit| {
        (value.saturating_mul(10).saturating_add(i64::from(digit - b'0'))).min(BEYOND)
    });
    sign * value
}

fn shop_number(text: &str) -> Option<i64> {
    let is_sign = |character| CURRENCY_SIGNS.contains(&character);
    let text = text.trim();
    let (mut is_negative, mut text) = unsigned(text);
    text = match text.strip_prefix(is_sign) {
        Some(rest) => {
            let (negative, rest) = unsigned(rest.trim_start());
            if negative && is_negative {
                return None;
            }
            is_negative |= negative;
            rest
        }
        None => text.strip_suffix(is_sign).map_or(text, str::trim_end),
    };
    let decimal = decimal_mark(text)?;
    let (whole, fraction) = match decimal {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    let is_filled = decimal.is_none() || !fraction.is_empty();
    if !is_filled || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    rounded(is_negative, &whole_digits(whole)?, fraction.as_bytes(), 0)
}

/// Whether a number has a minus sign, and what follows its sign.
fn unsigned(text: &str) -> (bool, &str) {
    match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Where the decimal mark is, if there is one; `None` outside if that is ambiguous.
fn decimal_mark(text: &str) -> Option<Option<usize>> {
    let (point, comma) = (text.rfind('.'), text.rfind(','));
    match (point, comma) {
        (None, None) => Some(None),
        (Some(point), Some(comma)) => Some(Some(point.max(comma))),
        (Some(at), None) | (None, Some(at)) => {
            let mark = &text[at..=at];
            if text.matches(mark).count() > 1 {
                return Some(None);
            }
            let (whole, fraction) = (&text[..at], &text[at + 1..]);
            // `1,234`, but neither `0,234` nor `1.234`, which is the number of a program.
            let is_ambiguous =
                mark == "," && fraction.len() == 3 && !whole.trim_matches('0').is_empty();
            (!is_ambiguous).then_some(Some(at))
        }
    }
}

/// The digits of the part before the decimal mark. Separators stand before groups of three, and are
/// all the same.
fn whole_digits(whole: &str) -> Option<Vec<u8>> {
    let is_separator = |character| {
        matches!(character, '.' | ',' | ' ' | '\u{a0}' | '\u{202f}' | '\'' | '\u{2019}')
    };
    let mut separators = whole.matches(is_separator);
    let first = separators.next();
    if !separators.all(|separator| Some(separator) == first) {
        return None;
    }
    let mut digits = Vec::with_capacity(whole.len());
    for (number, group) in whole.split(is_separator).enumerate() {
        let length_is_right = match (first, number) {
            (None, _) => !group.is_empty(),
            (Some(_), 0) => (1..=3).contains(&group.len()),
            (Some(_), _) => group.len() == 3,
        };
        if !length_is_right || !group.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        digits.extend_from_slice(group.as_bytes());
    }
    Some(digits)
}

/// Rounds the digits of a number times a power of ten to millionths.
fn rounded(is_negative: bool, whole: &[u8], fraction: &[u8], exponent: i64) -> Option<i64> {
    let digits = || whole.iter().chain(fraction).map(|digit| digit - b'0');
    let zeros = digits().take_while(|digit| *digit == 0).count();
    if zeros == whole.len() + fraction.len() {
        return Some(0);
    }
    // How many of the digits that follow the zeros stand before the point.
    let whole_digits = i64::try_from(whole.len()).ok()? - i64::try_from(zeros).ok()? + exponent;
    if whole_digits > WHOLE_DIGITS_MAX {
        return None;
    }
    let Ok(kept) = usize::try_from(whole_digits + i64::from(INPUT_FRACTION_DIGITS)) else {
        return Some(0);
    };
    let mut rest = digits().skip(zeros);
    let mut millionths = 0_i64;
    for _ in 0..kept {
        // More than fits is more than is accepted.
        let digit = i64::from(rest.next().unwrap_or(0));
        millionths = millionths.checked_mul(10)?.checked_add(digit)?;
    }
    let half = match rest.next() {
        None => Ordering::Less,
        Some(5) if rest.all(|digit| digit == 0) => Ordering::Equal,
        Some(digit) => {
            if digit >= 5 {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
    };
    let rounds_up = match half {
        Ordering::Less => false,
        Ordering::Equal => millionths % 2 != 0,
        Ordering::Greater => true,
    };
    millionths += i64::from(rounds_up);
    if millionths > MILLIONTHS_MAX {
        return None;
    }
    Some(if is_negative { -millionths } else { millionths })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_numbers_are_rounded_half_to_even() {
        for (text, millionths) in [
            ("836.9999999999998", 837_000_000),
            ("39.989999999999995", 39_990_000),
            ("16.80672268907563", 16_806_723),
            ("67.2000000000000028421709430404007434844970703125", 67_200_000),
            ("0.0000005", 0),
            ("0.00000050", 0),
            ("0.000000500001", 1),
            ("0.0000015", 2),
            ("0.0000025", 2),
            ("1e-6", 1),
            ("5e-7", 0),
            ("6e-7", 1),
            ("1e-999999999999999999999", 0),
            ("0e999999999999999999999", 0),
            ("1.5E2", 150_000_000),
            ("0.000015e6", 15_000_000),
            ("-10", -10_000_000),
            ("-0", 0),
            ("1e12", MILLIONTHS_MAX),
            ("-1000000000000", -MILLIONTHS_MAX),
            ("1000000000000.0000005", MILLIONTHS_MAX),
        ] {
            assert_eq!(parse_loosely(text.as_bytes()), Some(millionths), "{text}");
        }
        for text in ["1000000000000.000001", "1e13", "9999999999999.9", "1e999999999999999999999"] {
            assert_eq!(parse_loosely(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn texts_are_read_where_they_are_not_ambiguous() {
        for (text, millionths) in [
            ("$99.00", 99_000_000),
            ("99,90 €", 99_900_000),
            ("-$5", -5_000_000),
            ("$ -5", -5_000_000),
            ("\u{2212}5,5", -5_500_000),
            ("+7", 7_000_000),
            ("19,90", 19_900_000),
            ("19,9", 19_900_000),
            ("0,125", 125_000),
            ("1,2345", 1_234_500),
            ("1,234.50", 1_234_500_000),
            ("1.234,50", 1_234_500_000),
            ("1,234,567", 1_234_567_000_000),
            ("1.234.567", 1_234_567_000_000),
            ("1 234,5", 1_234_500_000),
            ("1\u{a0}234", 1_234_000_000),
            ("1'234.50", 1_234_500_000),
            (" 12.5 ", 12_500_000),
            ("007", 7_000_000),
        ] {
            assert_eq!(parse_loosely(text.as_bytes()), Some(millionths), "{text}");
        }
        for text in [
            "",
            " ",
            "$",
            "-",
            "1,234",
            "12,345",
            "1,23,456",
            "1.2.3",
            "1,2,3",
            "1,234.567,8",
            "1.",
            ".5",
            ",5",
            "1,",
            "1 2",
            "1 234 56",
            "1'234,567.5",
            "--5",
            "-$-5",
            "$5€",
            "5 USD",
            "abc",
            "1e",
            "0x10",
            "NaN",
            "1_000",
            "٣",
        ] {
            assert_eq!(parse_loosely(text.as_bytes()), None, "{text}");
        }
    }
}
