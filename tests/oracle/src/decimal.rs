//! Exact decimals: `bigdecimal` reads, multiplies and writes them.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive as _, Zero as _};

use crate::read::json;

/// How many decimals a [`Decimal`] has.
const DECIMALS: i64 = 12;

/// One, in units of a [`Decimal`].
const ONE: i128 = 1_000_000_000_000;

/// The largest price, quantity or amount of money that a line may have.
const AMOUNT_MAX: i128 = 1_000_000_000_000 * ONE;

/// An exact decimal number: a whole number of 10^-12, so that millions of sums fit into memory.
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

    /// A price, a quantity or an amount of money as it is written in JSON, rounded half to even to
    /// 6 decimals; `None` if it is not one of those that are taken: at most 10^12 either way.
    pub(crate) fn amount(text: &str) -> Option<Self> {
        let number = read_number(text)?;
        let number = if whole_digits(&number) < -7 { BigDecimal::zero() } else { number };
        if whole_digits(&number) > 13 {
            return None;
        }
        let rounded = number.with_scale_round(6, RoundingMode::HalfEven);
        Self::exactly(&rounded.normalized()).filter(|amount| amount.0.abs() <= AMOUNT_MAX)
    }

    /// This number without its sign.
    pub(crate) fn absolute(self) -> Self {
        Self(self.0.abs())
    }

    /// So many times this number.
    pub(crate) fn times(self, count: u64) -> Self {
        Self(self.0.checked_mul(count.into()).expect("orders stay far below 10^26"))
    }

    /// This amount times `part` by `whole`, rounded down to 6 decimals; zero if `whole` is.
    pub(crate) fn share(self, part: Self, whole: Self) -> Self {
        if whole.is_zero() {
            return Self::ZERO;
        }
        let number = |number: Self| BigInt::from(number.0);
        let share: i128 = (number(self) * number(part) / number(whole)).to_i128().expect("a part");
        Self(share - share % (ONE / 1_000_000))
    }

    /// The exact product of two amounts; `None` if it is above 10^12.
    pub(crate) fn product(self, other: Self) -> Option<Self> {
        let product = BigDecimal::from(self) * BigDecimal::from(other);
        Self::exactly(&product.normalized()).filter(|product| product.0 <= AMOUNT_MAX)
    }

    /// This number; `None` if it has more than 12 decimals, or 26 digits before the point.
    fn exactly(number: &BigDecimal) -> Option<Self> {
        if whole_digits(number) > 25 || number.fractional_digit_count() > DECIMALS {
            return None;
        }
        number.with_scale(DECIMALS).into_bigint_and_scale().0.to_i128().map(Self)
    }
}

impl FromStr for Decimal {
    type Err = String;

    /// Reads a number as DynamoDB writes it.
    ///
    /// # Errors
    /// It is no number, has more than 12 decimals or is out of range.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = read_number(text).ok_or_else(|| format!("{text:?} is not a number"))?;
        Self::exactly(&number).ok_or_else(|| format!("{text} is out of range"))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&BigDecimal::from(*self).normalized().to_plain_string())
    }
}

impl From<Decimal> for BigDecimal {
    fn from(number: Decimal) -> Self {
        Self::new(number.0.into(), DECIMALS)
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

/// Reads a text that is written like a JSON number, without zeros at its end; `None` if it is not.
pub(crate) fn read_number(text: &str) -> Option<BigDecimal> {
    if !json::is_number(text) {
        return None;
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let number = mantissa.parse::<BigDecimal>().ok()?.normalized();
    if number.is_zero() {
        return Some(number);
    }
    let (digits, decimals) = number.into_bigint_and_scale();
    Some(BigDecimal::new(digits, decimals - small_exponent(exponent)))
}

/// How many digits stand before the point; zero or below if the number is below one.
pub(crate) fn whole_digits(number: &BigDecimal) -> i64 {
    // Cutting or filling a number with a large exponent would take memory, this does not.
    number.digits().cast_signed() - number.fractional_digit_count()
}

/// The exponent of a number. One with very many digits is held at a bound that is far beyond the
/// length of any line, so that the number stays as large or as small as it was.
fn small_exponent(text: &str) -> i64 {
    const BOUND: i64 = 1_000_000_000_000;
    match text.parse::<i64>() {
        Ok(exponent) => exponent.clamp(-BOUND, BOUND),
        Err(_) if text.starts_with('-') => -BOUND,
        Err(_) => BOUND,
    }
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
            ("-0.000001", "-0.000001"),
            ("-1e12", "-1000000000000"),
        ];
        for (text, expected) in cases {
            assert_eq!(amount(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn rounds_amounts_half_to_even_to_6_decimals() {
        let cases = [
            ("0.0000005", "0"),
            ("0.0000015", "0.000002"),
            ("-0.0000025", "-0.000002"),
            ("-0.00000250000001", "-0.000003"),
            ("5e-7", "0"),
            ("5.0000000001e-7", "0.000001"),
            ("1e-99999999999999999999", "0"),
            ("999999999999.9999995", "1000000000000"),
        ];
        for (text, expected) in cases {
            assert_eq!(amount(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_other_amounts() {
        let cases = [
            "1000000000000.000001",
            "-1000000000000.000001",
            "1000000000001",
            "1e13",
            "1e99999999999999999999",
            "-1e99999999999999999999",
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
    fn a_share_is_rounded_once_and_down() {
        let share = |[whole, part, all]: [&str; 3]| {
            let [whole, part, all] = [whole, part, all].map(|it| it.parse::<Decimal>().unwrap());
            whole.share(part, all).to_string()
        };
        // The money of 8.579 units at 4.7824 has seven decimals.
        assert_eq!(share(["41.0282096", "1", "8.579"]), "4.7824");
        assert_eq!(share(["10", "1", "3"]), "3.333333");
        assert_eq!(share(["-10", "1", "3"]), "-3.333333");
        assert_eq!(share(["10", "1", "0"]), "0");
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
