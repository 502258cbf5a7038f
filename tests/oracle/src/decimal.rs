//! Exact decimals, and numbers as they are written.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

use crate::json;

/// How many decimals a [`Decimal`] has.
const DECIMALS: u32 = 12;

/// One, in units of a [`Decimal`].
const ONE: i128 = 10_i128.pow(DECIMALS);

/// The largest price, quantity or amount of money that a line may have.
const AMOUNT_MAX: i128 = 1_000_000_000_000 * ONE;

/// An exact decimal number: a whole number of 10^-12.
///
/// **Units and range**: 12 decimals, the most that the product of a price and a quantity can have;
/// up to 1.7 x 10^26. Sums beyond that panic: no shop sells as much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i128);

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// One.
    pub const ONE: Self = Self(ONE);

    /// Whether this is zero.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// A price, a quantity or an amount of money as it is written in JSON; `None` if it is not one
    /// of those that are taken: not negative, at most 10^12, at most 6 decimals.
    pub(crate) fn amount(text: &str) -> Option<Self> {
        let number = Number::read(text)?;
        if number.digits.is_empty() {
            return Some(Self::ZERO);
        }
        if number.negative || number.exponent < -6 {
            return None;
        }
        let value = number.scaled()?;
        (value <= AMOUNT_MAX).then_some(Self(value))
    }

    /// The exact product of two amounts; `None` if it is above 10^12.
    pub(crate) fn product(self, other: Self) -> Option<Self> {
        // Amounts have 6 decimals at most, so nothing is cut off here and nothing overflows below.
        let millionth = ONE / 1_000_000;
        let product = (self.0 / millionth).checked_mul(other.0 / millionth)?;
        (product <= AMOUNT_MAX).then_some(Self(product))
    }
}

impl FromStr for Decimal {
    type Err = String;

    /// Reads a number as DynamoDB writes it.
    ///
    /// # Errors
    /// It is no number, has more than 12 decimals or is out of range.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = Number::read(text).ok_or_else(|| format!("{text:?} is not a number"))?;
        if number.digits.is_empty() {
            return Ok(Self::ZERO);
        }
        let value = number.scaled().ok_or_else(|| format!("{text} is out of range"))?;
        Ok(Self(if number.negative { -value } else { value }))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let units = self.0.unsigned_abs();
        let one = ONE.unsigned_abs();
        let decimals = format!("{:012}", units % one);
        let decimals = decimals.trim_end_matches('0');
        let point = if decimals.is_empty() { "" } else { "." };
        formatter.pad(&format!("{sign}{}{point}{decimals}", units / one))
    }
}

impl From<u64> for Decimal {
    fn from(number: u64) -> Self {
        Self(i128::from(number) * ONE)
    }
}

impl Add for Decimal {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("a sum of amounts stays far below 10^26"))
    }
}

impl Sub for Decimal {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Neg for Decimal {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Decimal {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Decimal {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::ZERO, |sum, number| sum + number)
    }
}

/// A number as JSON writes it: plus or minus digits x 10^exponent. The digits neither start nor end
/// with a zero, so they are empty for zero.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) negative: bool,
    pub(crate) digits: String,
    pub(crate) exponent: i64,
}

impl Number {
    /// Reads a text that is written like a JSON number; `None` if it is not.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if !json::is_number(text) {
            return None;
        }
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, text),
        };
        let (mantissa, written_exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, small_exponent(exponent)),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits = format!("{whole}{fraction}");
        let mut exponent = written_exponent - i64::try_from(fraction.len()).ok()?;
        while digits.ends_with('0') {
            digits.pop();
            exponent += 1;
        }
        let digits = digits.trim_start_matches('0').to_owned();
        Some(Self { negative, digits, exponent })
    }

    /// How many digits stand before the point; zero or below if the number is below one.
    pub(crate) fn whole_digits(&self) -> i64 {
        i64::try_from(self.digits.len()).map_or(i64::MAX, |digits| digits + self.exponent)
    }

    /// The number, without its sign, in units of 10^-12; `None` if it has more decimals, or 26
    /// digits before the point.
    fn scaled(&self) -> Option<i128> {
        if self.whole_digits() > 25 {
            return None;
        }
        let zeros = u32::try_from(self.exponent + i64::from(DECIMALS)).ok()?;
        let digits: i128 = self.digits.parse().ok()?;
        digits.checked_mul(10_i128.checked_pow(zeros)?)
    }
}

/// The exponent of a number. One with very many digits is held at a bound that is far beyond the
/// length of any line, so that the number stays as large or as small as it was.
fn small_exponent(text: &str) -> i64 {
    const BOUND: i64 = 1_000_000_000_000;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut exponent = 0_i64;
    for digit in digits.bytes() {
        exponent = (exponent * 10 + i64::from(digit - b'0')).min(BOUND);
    }
    if negative { -exponent } else { exponent }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Option<String> {
        Decimal::amount(text).map(|amount| amount.to_string())
    }

    #[test]
    fn takes_amounts_exactly() {
        let cases = [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0e5", "0"),
            ("0e99999999999999999999999", "0"),
            ("0e-99999999999999999999999", "0"),
            ("19.9", "19.9"),
            ("19.90", "19.9"),
            ("0.1", "0.1"),
            ("0.000001", "0.000001"),
            ("1.0000000000000000000000", "1"),
            ("1e3", "1000"),
            ("1.5E2", "150"),
            ("12345e-2", "123.45"),
            ("1000000000000", "1000000000000"),
            ("1e12", "1000000000000"),
            ("999999999999.999999", "999999999999.999999"),
        ];
        for (text, expected) in cases {
            assert_eq!(amount(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_other_amounts() {
        let cases = [
            "-1",
            "-0.000001",
            "1000000000000.000001",
            "1000000000001",
            "1e13",
            "1e99999999999999999999",
            "0.0000001",
            "1e-7",
            "1e-99999999999999999999",
            "",
            " 1",
            "1 ",
            "1,5",
            "$1",
            "01",
            "+1",
            "1.",
            ".5",
            "NaN",
            "1_0",
        ];
        for case in cases {
            assert_eq!(amount(case), None, "{case:?}");
        }
    }

    #[test]
    fn multiplies_exactly() {
        let product = |left: &str, right: &str| {
            Decimal::amount(left)
                .unwrap()
                .product(Decimal::amount(right).unwrap())
                .map(|product| product.to_string())
        };
        assert_eq!(product("0.1", "3").as_deref(), Some("0.3"));
        assert_eq!(product("0.000001", "0.000001").as_deref(), Some("0.000000000001"));
        assert_eq!(
            product("999999.999999", "1000000.000001").as_deref(),
            Some("999999999999.999999999999")
        );
        assert_eq!(product("1000000", "1000000").as_deref(), Some("1000000000000"));
        assert_eq!(product("1000000", "1000000.000001"), None);
        assert_eq!(product("1e12", "1e12"), None);
        assert_eq!(product("1e12", "0").as_deref(), Some("0"));
    }

    #[test]
    fn reads_and_writes_numbers_of_the_table() {
        for text in ["0", "1", "-1", "1300", "19.9", "-0.000000000001", "99999999999999999999.5"] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), text);
        }
        assert_eq!("1E+2".parse::<Decimal>().unwrap().to_string(), "100");
        assert!("0.0000000000001".parse::<Decimal>().is_err());
        assert!("1e30".parse::<Decimal>().is_err());
        assert!("x".parse::<Decimal>().is_err());
    }

    #[test]
    fn adds_and_takes_away() {
        let sum: Decimal =
            ["0.1", "0.2", "19.99"].iter().map(|text| text.parse::<Decimal>().unwrap()).sum();
        assert_eq!(sum.to_string(), "20.29");
        assert_eq!((Decimal::ONE - sum).to_string(), "-19.29");
        assert_eq!(format!("{:>6}|", Decimal::from(7)), "     7|");
    }
}
