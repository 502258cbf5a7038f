//! Ranges of days.

use crate::time::Day;

/// From a day to the same or a later one, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DayRange {
    /// The first day.
    pub first: Day,
    /// The last day.
    pub last: Day,
}

impl DayRange {
    /// The range of one day.
    pub fn of(day: Day) -> DayRange {
        DayRange { first: day, last: day }
    }

    /// The shortest range that contains both.
    pub fn union(self, other: DayRange) -> DayRange {
        DayRange { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    /// Whether all days of the other range are in this one.
    pub fn covers(self, other: DayRange) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_union_covers_both() {
        let day = |name: &str| Day::parse(name).expect("a day");
        let [first, second] = ["2026-11-19", "2026-11-21"].map(day).map(DayRange::of);
        let union = second.union(first);
        assert_eq!(union, DayRange { first: first.first, last: second.last });
        assert!(union.covers(first) && union.covers(second) && union.covers(union));
        assert!(!first.covers(union) && !first.covers(second));
    }
}
