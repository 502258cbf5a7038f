//! The answers to the three questions, from tallies.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, Utc};

use crate::count::key::TallyKey;
use crate::decimal::Decimal;

/// Whole numbers of this size and above are no longer exact in JavaScript, so as ids they are plain
/// texts.
const INTEGER_BOUND: i64 = 1 << 53;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The site.
    pub site: String,
    /// The measure: `views` for the most viewed item, `carts` for the one most added to carts,
    /// `sales:USD` for the one that grosses most.
    pub measure: String,
    /// The minutes that are added up, counted since 1970; half open.
    pub minutes: Range<i64>,
}

/// The minutes of a window of so many minutes, the last of which is the one that `as_of` lies in.
pub fn window(as_of: DateTime<Utc>, minutes: i64) -> Range<i64> {
    let end = as_of.timestamp().div_euclid(60) + 1;
    end - minutes..end
}

/// Ranks every key of the window: the largest number first, equal numbers by key. The empty one is
/// no item and no page.
pub fn ranking(
    tallies: &BTreeMap<TallyKey, Decimal>,
    question: &Question,
) -> Vec<(String, Decimal)> {
    let mut numbers: BTreeMap<&str, Decimal> = BTreeMap::new();
    for (tally, number) in tallies {
        let asked = tally.site == question.site
            && tally.measure == question.measure
            && !tally.key.is_empty();
        if asked && question.minutes.contains(&tally.minute) {
            *numbers.entry(&tally.key).or_default() += *number;
        }
    }
    ranked(numbers)
}

/// The largest number first, equal numbers by key.
pub(crate) fn ranked(numbers: BTreeMap<&str, Decimal>) -> Vec<(String, Decimal)> {
    let mut ranking: Vec<(String, Decimal)> =
        numbers.into_iter().map(|(key, number)| (key.to_owned(), number)).collect();
    ranking.sort_by(|(left_key, left), (right_key, right)| {
        right.cmp(left).then_with(|| compare_keys(left_key, right_key))
    });
    ranking
}

/// The order of keys: integers by their size, before other texts by their bytes.
pub fn compare_keys(left: &str, right: &str) -> Ordering {
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

/// The key as an integer, if it is one below 2^53 that is written in the only usual way.
pub fn integer(key: &str) -> Option<i64> {
    let integer: i64 = key.parse().ok()?;
    (integer.to_string() == key && -INTEGER_BOUND < integer && integer < INTEGER_BOUND)
        .then_some(integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tallies(cells: &[(&str, &str, i64, &str, &str)]) -> BTreeMap<TallyKey, Decimal> {
        let mut tallies = BTreeMap::new();
        for (site, measure, minute, key, number) in cells {
            let key = TallyKey {
                site: (*site).to_owned(),
                measure: (*measure).to_owned(),
                minute: *minute,
                key: (*key).to_owned(),
            };
            tallies.insert(key, number.parse().unwrap());
        }
        tallies
    }

    fn question(minute: i64, window_minutes: i64) -> Question {
        Question {
            site: "default".to_owned(),
            measure: "views".to_owned(),
            minutes: window(DateTime::from_timestamp(minute * 60 + 59, 0).unwrap(), window_minutes),
        }
    }

    fn answer(tallies: &BTreeMap<TallyKey, Decimal>, question: &Question) -> String {
        let ranking = ranking(tallies, question);
        ranking.iter().map(|(key, number)| format!("{key}={number}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn sums_the_minutes_of_the_window_and_no_other() {
        let tallies = tallies(&[
            ("default", "views", 99, "1", "100"),
            ("default", "views", 100, "1", "2"),
            ("default", "views", 159, "1", "3"),
            ("default", "views", 160, "1", "100"),
            ("other", "views", 120, "1", "100"),
            ("default", "carts", 120, "1", "100"),
            ("default", "views", 120, "", "100"),
        ]);
        assert_eq!(answer(&tallies, &question(159, 60)), "1=5");
        assert_eq!(answer(&tallies, &question(159, 1)), "1=3");
        assert_eq!(answer(&tallies, &question(98, 60)), "");
    }

    #[test]
    fn orders_by_number_then_by_key() {
        let cells: Vec<_> = [
            "b",
            "10",
            "9",
            "a",
            "-1",
            "09",
            "-0",
            "9007199254740991",
            "9007199254740992",
            "1.5",
            "0",
        ]
        .iter()
        .map(|key| ("default", "views", 7, *key, "1"))
        .chain([("default", "views", 7, "z", "1.5")])
        .collect();
        assert_eq!(
            answer(&tallies(&cells), &question(7, 1)),
            "z=1.5 -1=1 0=1 9=1 10=1 9007199254740991=1 -0=1 09=1 1.5=1 9007199254740992=1 a=1 b=1"
        );
    }
}
