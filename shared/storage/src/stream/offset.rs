//! The position of a record in a partition: a Kafka offset or a Kinesis sequence number.

use std::cmp::Ordering;
use std::fmt;

/// The maximum number of digits of an offset.
///
/// **Source**: the pattern of `SequenceNumber`,
/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_Record.html>
const DIGITS_MAX: usize = 129;

/// The minimum number of digits in the name of an object: as in the log segments of Kafka, enough
/// for 64 bits.
const NAME_DIGITS: usize = 20;

/// The position of a record in its partition, a whole number of up to 129 digits: sequence numbers
/// of Kinesis do not fit into 128 bits.
///
/// **Shape**: decimal digits without leading zeros; ordered numerically.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Offset(String);

impl Offset {
    /// Parses a whole number, and drops leading zeros; `None` for anything else.
    pub fn parse(text: &str) -> Option<Offset> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let digits = text.trim_start_matches('0');
        let digits = if digits.is_empty() { "0" } else { digits };
        (is_number && digits.len() <= DIGITS_MAX).then(|| Offset(digits.to_string()))
    }

    /// The number after this one.
    pub fn following(&self) -> Offset {
        let mut digits = self.0.clone().into_bytes();
        for digit in digits.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return Offset(digits.into_iter().map(char::from).collect());
            }
            *digit = b'0';
        }
        Offset(std::iter::once('1').chain(digits.into_iter().map(char::from)).collect())
    }

    /// The form in the name of an object, padded with zeros to 20 digits, so that listings are in
    /// numerical order.
    pub fn as_name(&self) -> String {
        format!("{:0>NAME_DIGITS$}", self.0)
    }

    /// Its digits, without leading zeros.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<u64> for Offset {
    fn from(number: u64) -> Offset {
        Offset(number.to_string())
    }
}

impl Ord for Offset {
    fn cmp(&self, other: &Offset) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Offset {
    fn partial_cmp(&self, other: &Offset) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offset(text: &str) -> Offset {
        Offset::parse(text).expect("a number")
    }

    #[test]
    fn offsets_of_any_length_are_ordered_numerically() {
        let ascending = [
            "0",
            "9",
            "10",
            "18446744073709551615",
            "49590338271490256608559692538361571095921575989136588898",
            "49590338271490256608559692540925702759324208523137515618",
            "100000000000000000000000000000000000000000000000000000000",
        ];
        for pair in ascending.windows(2) {
            assert!(offset(pair[0]) < offset(pair[1]), "{pair:?}");
        }
        assert_eq!(offset("007"), offset("7"));
        assert_eq!(offset("000"), Offset::from(0));
    }

    #[test]
    fn only_whole_numbers_are_offsets() {
        for text in ["", "-1", "1.5", "1e3", " 1", "LATEST", &"1".repeat(DIGITS_MAX + 1)] {
            assert_eq!(Offset::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_number_after_nines_has_one_more_digit() {
        for (number, following) in [
            ("0", "1"),
            ("9", "10"),
            ("1099", "1100"),
            ("18446744073709551615", "18446744073709551616"),
        ] {
            assert_eq!(offset(number).following(), offset(following));
        }
    }

    #[test]
    fn a_name_has_at_least_twenty_digits() {
        assert_eq!(offset("42").as_name(), "00000000000000000042");
        let long = "49590338271490256608559692538361571095921575989136588898";
        assert_eq!(offset(long).as_name(), long);
    }

    proptest! {
        #[test]
        fn offsets_behave_like_128_bit_numbers(left in 0..u128::MAX - 1, right in 0..u128::MAX - 1) {
            let (of_left, of_right) = (offset(&left.to_string()), offset(&right.to_string()));
            prop_assert_eq!(of_left.cmp(&of_right), left.cmp(&right));
            prop_assert_eq!(of_left.following(), offset(&(left + 1).to_string()));
            prop_assert!(of_left < of_left.following());
        }
    }
}
