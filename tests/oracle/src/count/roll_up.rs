//! Tallies of hours, days, weeks and months.

use std::collections::BTreeMap;

use crate::calendar::{Granularity, Period};
use crate::count::key::TallyKey;
use crate::decimal::Decimal;

/// What a number is counted under, at any granularity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeriodKey {
    /// The site.
    pub site: String,
    /// The measure, as in a sort key: `views`, `sales:USD`.
    pub measure: String,
    /// The span of time.
    pub period: Period,
    /// The item or the page.
    pub key: String,
}

/// Adds up minute tallies by the periods of a granularity.
pub fn roll_up(
    tallies: &BTreeMap<TallyKey, Decimal>,
    granularity: Granularity,
) -> BTreeMap<PeriodKey, Decimal> {
    let mut sums = BTreeMap::new();
    for (tally, number) in tallies {
        let key = PeriodKey {
            site: tally.site.clone(),
            measure: tally.measure.clone(),
            period: Period::containing(granularity, tally.minute),
            key: tally.key.clone(),
        };
        *sums.entry(key).or_default() += *number;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::recount::recount;
    use crate::read::values::Settings;
    use minutebook_shop::{Shop, Span, lines};

    /// Half a year of a small shop, from the end of one ISO year into the next.
    fn half_a_year() -> BTreeMap<TallyKey, Decimal> {
        let end = "2027-03-15T00:00:00Z".parse().unwrap();
        let shop =
            Shop { items: 20, sites: vec!["a".to_owned(), "b".to_owned()], ..Shop::default() };
        let span = Span { events: 20_000, end, minutes: 182 * 24 * 60 };
        let chunk: String = lines(shop, span).map(|line| line + "\n").collect();
        let settings = Settings::at(end);
        recount(chunk.as_bytes(), &settings).unwrap().tallies
    }

    fn cell(site: &str, measure: &str, minute: i64, key: &str) -> TallyKey {
        TallyKey { site: site.to_owned(), measure: measure.to_owned(), minute, key: key.to_owned() }
    }

    #[test]
    fn adds_up_what_lies_in_one_period_and_nothing_else() {
        let tallies = BTreeMap::from([
            (cell("s", "views", 59, "1"), Decimal::from(1)),
            (cell("s", "views", 60, "1"), Decimal::from(2)),
            (cell("s", "views", 119, "1"), Decimal::from(4)),
            (cell("s", "views", 119, "2"), Decimal::from(8)),
            (cell("s", "sales:USD", 119, "1"), "0.5".parse().unwrap()),
            (cell("t", "views", 119, "1"), Decimal::from(16)),
        ]);
        let rolled_up = |granularity| {
            let sums = roll_up(&tallies, granularity);
            let cells = sums.iter().map(|(cell, number)| {
                format!("{} {} {} {}={number}", cell.site, cell.measure, cell.period, cell.key)
            });
            cells.collect::<Vec<_>>()
        };
        let hours = [
            "s sales:USD 1970-01-01T01 1=0.5",
            "s views 1970-01-01T00 1=1",
            "s views 1970-01-01T01 1=6",
            "s views 1970-01-01T01 2=8",
            "t views 1970-01-01T01 1=16",
        ];
        assert_eq!(rolled_up(Granularity::Hour), hours);
        let weeks = [
            "s sales:USD 1970-W01 1=0.5",
            "s views 1970-W01 1=7",
            "s views 1970-W01 2=8",
            "t views 1970-W01 1=16",
        ];
        assert_eq!(rolled_up(Granularity::Week), weeks);
    }

    #[test]
    fn coarser_sums_are_the_sums_of_finer_ones() {
        let minutes = half_a_year();
        for (finer, coarser) in [
            (Granularity::Minute, Granularity::Hour),
            (Granularity::Hour, Granularity::Day),
            (Granularity::Day, Granularity::Week),
            (Granularity::Day, Granularity::Month),
        ] {
            let mut added_up: BTreeMap<PeriodKey, Decimal> = BTreeMap::new();
            for (cell, number) in roll_up(&minutes, finer) {
                let period = Period::containing(coarser, cell.period.first_minute());
                assert!(cell.period.end_minute() <= period.end_minute());
                *added_up.entry(PeriodKey { period, ..cell }).or_default() += number;
            }
            assert_eq!(added_up, roll_up(&minutes, coarser), "{}", coarser.name());
        }
        let total = |sums: &BTreeMap<PeriodKey, Decimal>| {
            let views = sums.iter().filter(|(cell, _)| cell.measure == "views");
            views.map(|(_, number)| *number).sum::<Decimal>()
        };
        let totals = Granularity::ALL.map(|granularity| total(&roll_up(&minutes, granularity)));
        assert!(
            totals[0] > Decimal::from(10_000) && totals.iter().all(|number| *number == totals[0]),
            "{totals:?}"
        );
    }
}
