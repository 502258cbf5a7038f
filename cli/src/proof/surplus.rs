//! Compares counters if chunks are gone: how much of them is left to prove.

use std::collections::{BTreeMap, BTreeSet};

use minutebook_oracle::{Cell, Comparison, Decimal, Granularity, Numbers, Period};

use crate::proof::differences::Differences;
use crate::proof::gone::Leeway;

/// The measures to which events of orders contribute. Their counters are those of the order rows,
/// whatever is gone.
const ORDER_MEASURES: [&str; 5] =
    ["orders", "order_value", "ordered", "ordered_value", "refunds_moved"];

/// Compares numbers of which chunks that are gone may have added some. A number must be at least
/// the recount, in a period that these chunks reach, and the surplus of a period must be that of
/// its parts, for whoever added to a minute added the same to its hour, day, week and month.
///
/// `is_compared` says whether a period of a site is compared.
pub(crate) fn judge(
    comparison: &Comparison,
    leeway: Leeway,
    is_compared: impl Fn(&str, Period) -> bool,
    differences: &mut Differences,
) {
    let mut surplus: BTreeMap<(&str, &str, &str), BTreeMap<Period, Decimal>> = BTreeMap::new();
    for (cell, numbers) in comparison.differences(usize::MAX).1 {
        let Numbers { recounted, found } = numbers;
        if found > recounted && leeway.reaches(cell.period) && !is_of_orders(cell.measure) {
            let periods = surplus.entry((cell.site, cell.measure, cell.key)).or_default();
            periods.insert(cell.period, found - recounted);
        } else {
            differences.add(|| difference(cell, numbers));
        }
    }
    let mut have_all_parts: BTreeMap<(&str, Period), bool> = BTreeMap::new();
    for ((site, measure, key), periods) in surplus {
        let mut of_parts: BTreeMap<Period, Decimal> = BTreeMap::new();
        for (period, more) in &periods {
            for whole in wholes(*period) {
                *of_parts.entry(whole).or_default() += *more;
            }
        }
        let are_wholes = periods.keys().filter(|period| parts_granularity(**period).is_some());
        let wholes: BTreeSet<Period> = are_wholes.chain(of_parts.keys()).copied().collect();
        for whole in wholes.into_iter().filter(|whole| is_compared(site, *whole)) {
            let of_parts = of_parts.get(&whole).copied().unwrap_or_default();
            let of_whole = periods.get(&whole).copied().unwrap_or_default();
            let has_all_parts = *have_all_parts
                .entry((site, whole))
                .or_insert_with(|| parts(whole).all(|part| is_compared(site, part)));
            if of_parts > of_whole || (has_all_parts && of_parts < of_whole) {
                let granularity = whole.granularity().name();
                differences.add(|| {
                    format!(
                        "{site} {measure} {granularity} {whole} {key}: {of_whole} more than \
                         recounted, its parts {of_parts} more"
                    )
                });
            }
        }
    }
}

/// A difference between the recount and the table.
pub(crate) fn difference(cell: Cell<'_>, numbers: Numbers) -> String {
    let Cell { site, measure, period, key } = cell;
    let granularity = period.granularity().name();
    let Numbers { recounted, found } = numbers;
    format!(
        "{site} {measure} {granularity} {period} {key}: recounted {recounted}, the table says {found}"
    )
}

fn is_of_orders(measure: &str) -> bool {
    let kind = measure.split_once(':').map_or(measure, |(kind, _)| kind);
    ORDER_MEASURES.contains(&kind)
}

/// The granularity of the parts of a period; a minute has none.
fn parts_granularity(period: Period) -> Option<Granularity> {
    match period.granularity() {
        Granularity::Minute => None,
        Granularity::Quarter | Granularity::Hour => Some(Granularity::Minute),
        Granularity::Day => Some(Granularity::Hour),
        Granularity::Week | Granularity::Month => Some(Granularity::Day),
    }
}

/// The periods of which a period is a part.
fn wholes(part: Period) -> impl Iterator<Item = Period> {
    let periods = Period::all_containing(part.first_minute()).into_iter();
    periods.filter(move |whole| parts_granularity(*whole) == Some(part.granularity()))
}

fn parts(whole: Period) -> impl Iterator<Item = Period> {
    let mut minute = whole.first_minute();
    std::iter::from_fn(move || {
        let granularity = parts_granularity(whole).filter(|_| minute < whole.end_minute())?;
        let part = Period::containing(granularity, minute);
        minute = part.end_minute();
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};

    fn period(granularity: Granularity, text: &str) -> Period {
        let time: DateTime<Utc> = text.parse().unwrap();
        Period::containing(granularity, time.timestamp() / 60)
    }

    const AT: &str = "2026-11-20T23:07:00Z";

    /// Compares a recount of 2 in all periods that contain [`AT`] with these numbers, the last
    /// gone chunk having been put at `last`. Minutes are compared if `minutes_are_kept`.
    fn judged(measure: &str, found: [u64; 5], last: &str, minutes_are_kept: bool) -> Vec<String> {
        let mut comparison = Comparison::default();
        for (granularity, number) in Granularity::ALL.into_iter().zip(found) {
            let cell = Cell { site: "s", measure, period: period(granularity, AT), key: "1" };
            comparison.add_recounted(cell, Decimal::from(2));
            comparison.add_found(cell, Decimal::from(number));
        }
        let last: DateTime<Utc> = last.parse().unwrap();
        let leeway = Leeway { last_second: last.timestamp(), events: 1 };
        let mut differences = Differences::default();
        let is_compared = |_: &str, period: Period| {
            minutes_are_kept || period.granularity() > Granularity::Minute
        };
        comparison.retain(is_compared);
        judge(&comparison, leeway, is_compared, &mut differences);
        differences.first
    }

    #[test]
    fn a_surplus_of_a_minute_is_in_all_that_contains_it() {
        assert_eq!(judged("views", [5, 5, 5, 5, 5], AT, true), [""; 0]);
        assert_eq!(
            judged("views", [5, 5, 4, 5, 5], AT, true),
            [
                "s views day 2026-11-20 1: 2 more than recounted, its parts 3 more",
                "s views week 2026-W47 1: 3 more than recounted, its parts 2 more",
                "s views month 2026-11 1: 3 more than recounted, its parts 2 more",
            ]
        );
        assert_eq!(
            judged("views", [5, 2, 2, 2, 2], AT, true),
            ["s views hour 2026-11-20T23 1: 0 more than recounted, its parts 3 more"]
        );
    }

    #[test]
    fn an_hour_may_have_more_than_those_of_its_minutes_that_are_kept() {
        assert_eq!(judged("views", [2, 5, 5, 5, 5], AT, false), [""; 0]);
        assert_eq!(
            judged("views", [2, 5, 5, 5, 5], AT, true),
            ["s views hour 2026-11-20T23 1: 3 more than recounted, its parts 0 more"]
        );
        assert_eq!(judged("views", [2, 5, 2, 2, 2], AT, false).len(), 1);
    }

    #[test]
    fn no_number_is_less_than_the_recount() {
        let less = judged("views", [1, 1, 1, 1, 1], AT, true);
        assert_eq!(less.len(), 5);
        assert_eq!(less[0], "s views minute 2026-11-20T23:07 1: recounted 2, the table says 1");
    }

    #[test]
    fn what_no_gone_chunk_reaches_is_compared_exactly() {
        let of_minute = judged("views", [3, 3, 3, 3, 3], "2026-11-20T23:06:59Z", true);
        assert_eq!(
            of_minute,
            [
                "s views minute 2026-11-20T23:07 1: recounted 2, the table says 3",
                "s views hour 2026-11-20T23 1: 1 more than recounted, its parts 0 more",
            ]
        );
        let all = judged("views", [3, 3, 3, 3, 3], "2026-10-20T23:06:59Z", true);
        assert_eq!(all.len(), 5);
    }

    #[test]
    fn counters_of_orders_are_compared_exactly() {
        for measure in
            ["orders", "order_value:USD", "ordered", "ordered_value:USD", "refunds_moved:USD"]
        {
            assert_eq!(judged(measure, [3, 3, 3, 3, 3], AT, true).len(), 5, "{measure}");
        }
        for measure in ["sales:USD", "refunds:USD"] {
            assert_eq!(judged(measure, [3, 3, 3, 3, 3], AT, true), [""; 0]);
        }
    }
}
