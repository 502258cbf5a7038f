//! Exact decimals, the values of counters.

use std::fmt;
use std::ops::AddAssign;

/// The number of decimal places of an [`Amount`]: enough for the product of a price and a quantity
/// with six each.
pub const FRACTION_DIGITS: u32 = 12;

/// The maximum number of decimal places of a price, a quantity or a total in an event.
pub const INPUT_FRACTION_DIGITS: u32 = 6;

/// The number of decimal places of a ratio.
pub const RATIO_DIGITS: u32 = 6;

/// The largest price, quantity or line total that an event may carry.
///
/// With 12 decimals it has 25 digits, so the sum of 10^13 such lines fits into a DynamoDB number
/// (38 digits).
pub const INPUT_MAX: Amount = Amount(1_000_000_000_000 * UNIT);

/// Prices, quantities and totals are read in millionths: none of them has more decimals, and the
/// largest fits into 64 bits.
pub(crate) const MILLIONTHS_PER_ONE: u64 = 1_000_000;

/// The units of an [`Amount`] in a millionth.
pub(crate) const UNITS_PER_MILLIONTH: i128 = UNIT / 1_000_000;

const UNIT: i128 = 10_i128.pow(FRACTION_DIGITS);

/// Numbers with this many digits fit into 64 bits.
const PLAIN_DIGITS_MAX: usize = 19;

/// The units in the last digit of a number, indexed by its number of decimals.
const PLAIN_UNITS: [i128; 13] = {
    let mut units = [UNIT; 13];
    let mut decimals = 1;
    while decimals < units.len() {
        units[decimals] = units[decimals - 1] / 10;
        decimals += 1;
    }
    units
};

/// An exact decimal with up to 12 decimals: a count of events, units or money.
///
/// **Units and range**: stored as an integer multiple of 10^-12; money is in the major unit of its
/// currency (dollars, not cents). Sums saturate at ±1.7 × 10^26, which takes more than 10^13 lines
/// of [`INPUT_MAX`] to reach.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i128);

impl Amount {
    /// Zero.
    pub const ZERO: Amount = Amount(0);
    /// One event.
    pub const ONE: Amount = Amount(UNIT);

    /// An amount of this many 10^-12.
    pub(crate) const fn from_units(units: i128) -> Amount {
        Amount(units)
    }

    /// The amount in 10^-12.
    pub(crate) const fn units(self) -> i128 {
        self.0
    }

    /// A whole number.
    pub fn from_count(count: u64) -> Amount {
        Amount(i128::from(count) * UNIT)
    }

    /// Parses a decimal in JSON notation (`12`, `0.5`, `1e3`, `-7`), with up to
    /// [`FRACTION_DIGITS`] decimals after trailing zeros are dropped.
    ///
    /// **Shape**: `None` for anything else: an empty text, a leading `+`, more decimals, or a value
    /// out of range.
    pub fn parse(text: &[u8]) -> Option<Amount> {
        Amount::parse_plain(text).or_else(|| Amount::parse_with_decimals(text, FRACTION_DIGITS))
    }

    /// Parses a plain decimal with few digits, as nearly all counters are, in a fraction of the
    /// time; `None` for all others.
    #[inline]
    fn parse_plain(text: &[u8]) -> Option<Amount> {
        if !(1..=PLAIN_DIGITS_MAX).contains(&text.len()) {
            return None;
        }
        let mut digits: u64 = 0;
        let mut point = None;
        for (index, byte) in text.iter().enumerate() {
            match byte {
                b'0'..=b'9' => digits = digits * 10 + u64::from(byte - b'0'),
                b'.' if point.is_none() && index > 0 && index + 1 < text.len() => {
                    point = Some(index)
                }
                _ => return None,
            }
        }
        let decimals = point.map_or(0, |point| text.len() - point - 1);
        Some(Amount(i128::from(digits) * PLAIN_UNITS.get(decimals)?))
    }

    /// Parses a price, a quantity or a total of an event: not negative, at most [`INPUT_MAX`], and
    /// with at most [`INPUT_FRACTION_DIGITS`] decimals; `None` for anything else.
    pub fn parse_input(text: &[u8]) -> Option<Amount> {
        let amount = Amount::parse_with_decimals(text, INPUT_FRACTION_DIGITS)?;
        (Amount::ZERO..=INPUT_MAX).contains(&amount).then_some(amount)
    }

    fn parse_with_decimals(text: &[u8], decimals_max: u32) -> Option<Amount> {
        let (negative, digits) = match text.split_first()? {
            (b'-', rest) => (true, rest),
            _ => (false, text),
        };
        let mantissa_length =
            digits.iter().position(|b| matches!(b, b'e' | b'E')).unwrap_or(digits.len());
        let (mantissa, exponent) = digits.split_at(mantissa_length);
        let exponent = parse_exponent(exponent)?;
        let (whole, fraction) = match mantissa.iter().position(|b| *b == b'.') {
            Some(point) => (&mantissa[..point], &mantissa[point + 1..]),
            None => (mantissa, &mantissa[mantissa.len()..]),
        };
        if whole.is_empty() || (mantissa.len() != whole.len() && fraction.is_empty()) {
            return None;
        }

        // The value is `significand` × 10^power. Trailing zeros move into the power, so that
        // 1.500000000 and 100e-2 have only as many decimals as they need.
        let mut significand: i128 = 0;
        let mut power = exponent;
        let mut zeros: i32 = 0;
        for (index, byte) in whole.iter().chain(fraction).enumerate() {
            if !byte.is_ascii_digit() {
                return None;
            }
            if index >= whole.len() {
                power -= 1;
            }
            if *byte == b'0' {
                zeros += 1;
                continue;
            }
            for _ in 0..=zeros {
                if significand != 0 {
                    significand = significand.checked_mul(10)?;
                }
            }
            zeros = 0;
            significand = significand.checked_add(i128::from(byte - b'0'))?;
        }
        if significand == 0 {
            return Some(Amount::ZERO);
        }
        power += zeros;
        if power < 0 && power.unsigned_abs() > decimals_max {
            return None;
        }
        let shift = u32::try_from(power.checked_add(FRACTION_DIGITS.cast_signed())?).ok()?;
        let value = significand.checked_mul(10_i128.checked_pow(shift)?)?;
        Some(Amount(if negative { -value } else { value }))
    }

    /// The exact product, or `None` if it has more than 12 decimals or is out of range.
    ///
    /// Two event inputs (six decimals, at most 10^12) always have an exact product.
    pub fn checked_mul(self, other: Amount) -> Option<Amount> {
        // Remove trailing zeros first: 10^12 × 10^12 in units of 10^-12 would not fit into 128
        // bits.
        let (left, left_power) = without_trailing_zeros(self.0);
        let (right, right_power) = without_trailing_zeros(other.0);
        let product = left.checked_mul(right)?;
        let power = left_power + right_power;
        if power >= FRACTION_DIGITS {
            return Some(Amount(
                product.checked_mul(10_i128.checked_pow(power - FRACTION_DIGITS)?)?,
            ));
        }
        let divisor = 10_i128.pow(FRACTION_DIGITS - power);
        (product % divisor == 0).then_some(Amount(product / divisor))
    }

    /// The sum; saturates at the ends of the range, far above what inputs can reach.
    pub fn saturating_add(self, other: Amount) -> Amount {
        Amount(self.0.saturating_add(other.0))
    }

    /// The difference; saturates at the ends of the range, far above what inputs can reach.
    pub fn saturating_sub(self, other: Amount) -> Amount {
        Amount(self.0.saturating_sub(other.0))
    }

    /// So many times the amount; saturates at the ends of the range.
    pub fn times(self, count: u32) -> Amount {
        Amount(self.0.saturating_mul(i128::from(count)))
    }

    /// The quotient, rounded half up to [`RATIO_DIGITS`] decimals.
    ///
    /// **Shape**: `None` if either amount is negative, if the divisor is zero, or if the quotient
    /// is out of range (about 10^20 and more).
    pub fn per(self, other: Amount) -> Option<Amount> {
        if self.0 < 0 || other.0 <= 0 {
            return None;
        }
        let doubled = self.0.checked_mul(2 * 10_i128.pow(RATIO_DIGITS))?.checked_add(other.0)?;
        let rounded = doubled / other.0.checked_mul(2)?;
        Some(Amount(rounded.checked_mul(UNIT / 10_i128.pow(RATIO_DIGITS))?))
    }

    /// The size of the number in DynamoDB, in bytes: one for the exponent, one for a minus sign,
    /// and one for every two digits on each side of the point.
    ///
    /// **Source**: the rules for item sizes, as far as counters need them; a leading or trailing
    /// zero of a pair is stored too.
    pub fn stored_bytes(self) -> usize {
        let mut whole = self.0.unsigned_abs() / UNIT.unsigned_abs();
        let mut fraction = self.0.unsigned_abs() % UNIT.unsigned_abs();
        let mut bytes = 1 + usize::from(self.0 < 0);
        while whole > 0 {
            whole /= 100;
            bytes += 1;
        }
        while fraction > 0 {
            fraction = (fraction * 100) % UNIT.unsigned_abs();
            bytes += 1;
        }
        bytes
    }

    /// The text with at least two decimals, as money is written: `9314.00`, `0.125`.
    pub fn to_money_text(self) -> String {
        let text = self.to_string();
        match text.find('.') {
            None => format!("{text}.00"),
            Some(point) if text.len() - point == 2 => format!("{text}0"),
            Some(_) => text,
        }
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Amount) {
        *self = self.saturating_add(other);
    }
}

/// The shortest exact text: `12`, `0.5`, `-7.25`; the form of DynamoDB numbers and JSON counts.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let unit = UNIT.unsigned_abs();
        let (whole, fraction) = (magnitude / unit, magnitude % unit);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{fraction:012}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Exponents saturate here, far above the number of digits in the longest line.
const EXPONENT_LIMIT: i32 = 100_000_000;

fn parse_exponent(text: &[u8]) -> Option<i32> {
    let Some((_, digits)) = text.split_first() else {
        return Some(0);
    };
    let (negative, digits) = match digits.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // With an exponent beyond this only zero is in range: no line has enough digits to compensate.
    let value = digits
        .iter()
        .fold(0_i32, |value, digit| (value * 10 + i32::from(digit - b'0')).min(EXPONENT_LIMIT));
    Some(if negative { -value } else { value })
}

fn without_trailing_zeros(mut value: i128) -> (i128, u32) {
    let mut power = 0;
    while value != 0 && value % 10 == 0 && power < 2 * FRACTION_DIGITS {
        value /= 10;
        power += 1;
    }
    (value, power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Option<String> {
        Amount::parse_input(text.as_bytes()).map(|amount| amount.to_string())
    }

    #[test]
    fn reads_decimals_as_json_writes_them() {
        for (text, expected) in [
            ("0", "0"),
            ("12", "12"),
            ("0.5", "0.5"),
            ("1e3", "1000"),
            ("1.5E+2", "150"),
            ("25e-2", "0.25"),
            ("1.500000000000000000", "1.5"),
            ("100.0", "100"),
            ("0.000001", "0.000001"),
            ("1000000000000", "1000000000000"),
            ("0e9", "0"),
            ("-0", "0"),
            ("0e99999999999", "0"),
            ("5e-0000000001", "0.5"),
            ("5e+00000000000", "5"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn rejects_invalid_inputs() {
        for text in [
            "",
            "-",
            "-1",
            "+1",
            ".5",
            "5.",
            "1e",
            "1e+",
            "abc",
            "1 ",
            "NaN",
            "0.0000001",
            "1000000000000.000001",
            "1e13",
            "1e999999999",
            "1,5",
            "0x10",
            "٣",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn a_ratio_is_rounded_half_up_and_has_no_zero_divisor() {
        let amount = |text: &str| Amount::parse(text.as_bytes()).expect("a decimal");
        for (left, right, expected) in [
            ("1", "3", Some("0.333333")),
            ("2", "3", Some("0.666667")),
            ("1", "2000000", Some("0.000001")),
            ("1", "2000001", Some("0")),
            ("0", "7", Some("0")),
            ("2.5", "0.5", Some("5")),
            ("1e14", "1", Some("100000000000000")),
            ("1", "0", None),
            ("0", "0", None),
            ("-1", "2", None),
            ("1", "-2", None),
            ("1e20", "1", None),
        ] {
            assert_eq!(
                amount(left).per(amount(right)).map(|ratio| ratio.to_string()).as_deref(),
                expected,
                "{left} {right}"
            );
        }
    }

    #[test]
    fn money_has_at_least_two_decimals() {
        for (text, expected) in
            [("1300", "1300.00"), ("0.5", "0.50"), ("0.125", "0.125"), ("12.34", "12.34")]
        {
            assert_eq!(
                Amount::parse(text.as_bytes()).map(Amount::to_money_text).as_deref(),
                Some(expected)
            );
        }
    }

    #[test]
    fn stored_bytes_follow_the_pairs_of_digits() {
        for (text, bytes) in
            [("0", 1), ("7", 2), ("99", 2), ("100", 3), ("1.5", 3), ("1234.56", 4), ("0.001", 3)]
        {
            assert_eq!(
                Amount::parse(text.as_bytes()).map(Amount::stored_bytes),
                Some(bytes),
                "{text}"
            );
        }
    }

    #[test]
    fn the_largest_inputs_multiply_exactly() {
        let product = INPUT_MAX.checked_mul(INPUT_MAX).map(|amount| amount.to_string());
        assert_eq!(product.as_deref(), Some("1000000000000000000000000"));
        let smallest = Amount::parse(b"0.000001").and_then(|amount| amount.checked_mul(amount));
        assert_eq!(smallest.map(|amount| amount.to_string()).as_deref(), Some("0.000000000001"));
    }

    proptest! {
        #[test]
        fn text_and_back_is_the_same(units in -10_i128.pow(37)..10_i128.pow(37)) {
            let amount = Amount(units);
            prop_assert_eq!(Amount::parse(amount.to_string().as_bytes()), Some(amount));
        }

        #[test]
        fn plain_decimals_are_read_as_all_others(text in "[0-9]{0,20}[.]?[0-9]{0,14}[-.e]?") {
            let expected = Amount::parse_with_decimals(text.as_bytes(), FRACTION_DIGITS);
            prop_assert_eq!(Amount::parse(text.as_bytes()), expected);
            if let Some(plain) = Amount::parse_plain(text.as_bytes()) {
                prop_assert_eq!(Some(plain), expected);
            }
        }

        #[test]
        fn products_equal_integer_products(left in 0_u64..10_u64.pow(18), right in 0_u64..10_u64.pow(18)) {
            // Both in millionths: the product is in units of 10^-12, as an Amount is.
            let scale = UNIT / 1_000_000;
            let product = Amount(i128::from(left) * scale).checked_mul(Amount(i128::from(right) * scale));
            prop_assert_eq!(product, Some(Amount(i128::from(left) * i128::from(right))));
        }
    }
}
