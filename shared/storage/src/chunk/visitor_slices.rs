//! How the visitors of a chunk are divided among the parts of its plan.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use minutebook_domain::plan::Plan;
use minutebook_domain::time::Hour;
use minutebook_domain::time::lateness::is_closed;

use crate::visitors::{MinuteVisitors, PeriodVisitors, VisitorsBySecret, rolled_up};

/// The visitors of a chunk, divided among the parts of its plan.
///
/// **Guarantees**: whoever writes the slice of each part before its ledger entry has written all
/// visitors before the last entry, and those of an open hour before the hour's first rows, so that
/// sealing finds them. A part has about as many visitors as rows, so the work before a ledger entry
/// is bounded, and an attempt that is cut off is continued from there.
pub(crate) struct VisitorSlices<'a>(Vec<VisitorSlice<'a>>);

/// The visitors that belong to one part.
#[derive(Default)]
pub(crate) struct VisitorSlice<'a> {
    /// Those of minutes, for rows of their own.
    pub(crate) minutes: Vec<MinuteVisitors<'a>>,
    /// Those to merge into the rows of longer periods.
    pub(crate) periods: PeriodVisitors<'a>,
}

impl<'a> VisitorSlices<'a> {
    /// The slices of an object's chunk, planned at `reference_time`.
    pub(crate) fn of_object(
        plan: &Plan<'_>,
        visitors: &'a VisitorsBySecret,
        reference_time: DateTime<Utc>,
    ) -> VisitorSlices<'a> {
        let was_closed = |hour: Hour| is_closed(hour, reference_time);
        let minutes = visitors
            .iter()
            .flat_map(|(secret, visitors)| visitors.minutes().map(move |minute| (*secret, minute)));
        let (late, open): (Vec<_>, Vec<_>) =
            minutes.partition(|(_, (_, minute, _))| was_closed(minute.hour()));
        let periods = rolled_up(visitors, |_, hour| was_closed(hour));
        let mut slices = VisitorSlices::of_late(plan, late, periods);
        let mut first_parts = BTreeMap::new();
        for (number, part) in plan.parts.iter().enumerate() {
            for site_and_hour in &part.hours {
                first_parts.entry(*site_and_hour).or_insert(number);
            }
        }
        for of_minute in open {
            let (_, (site, minute, _)) = of_minute;
            // Only orders happened in an hour without rows.
            let number = first_parts.get(&(site, minute.hour())).copied().unwrap_or(0);
            slices.0[number].minutes.push(of_minute);
        }
        slices
    }

    /// The slices of a sealed hour's sums; the rows of its minutes exist already.
    pub(crate) fn of_sealed_hour(
        plan: &Plan<'_>,
        visitors: &'a VisitorsBySecret,
    ) -> VisitorSlices<'a> {
        VisitorSlices::of_late(plan, Vec::new(), rolled_up(visitors, |_, _| true))
    }

    /// Divides late visitors evenly among the late parts.
    fn of_late(
        plan: &Plan<'_>,
        minutes: Vec<MinuteVisitors<'a>>,
        periods: PeriodVisitors<'a>,
    ) -> VisitorSlices<'a> {
        let parts = plan.parts.len();
        let open_parts = plan.parts.iter().take_while(|part| part.is_open()).count();
        let first = if open_parts < parts { open_parts } else { 0 };
        let count = minutes.len() + periods.len();
        let number_of = |place: usize| first + place * (parts - first) / count;
        let mut slices: Vec<VisitorSlice<'_>> =
            std::iter::repeat_with(VisitorSlice::default).take(parts).collect();
        let minutes_count = minutes.len();
        for (place, minute) in minutes.into_iter().enumerate() {
            slices[number_of(place)].minutes.push(minute);
        }
        for (place, (period, visitors)) in periods.into_iter().enumerate() {
            slices[number_of(minutes_count + place)].periods.insert(period, visitors);
        }
        VisitorSlices(slices)
    }

    /// The slice of a part of the plan.
    pub(crate) fn of_part(&self, number: usize) -> Option<&VisitorSlice<'a>> {
        self.0.get(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::chunk::{ChunkCount, ChunkReader, ChunkSettings};
    use minutebook_domain::count::secret::{SecretNumber, VisitorSecret};
    use minutebook_domain::count::tally::Tally;
    use minutebook_domain::plan::{PlanInputs, SealInputs};

    /// An event in each of the hours before 2026-11-20T23:30Z, of which the last two are open.
    fn count(hours: i64) -> (ChunkCount, PlanInputs) {
        let reference_time: DateTime<Utc> = "2026-11-20T23:05:00Z".parse().expect("a time");
        let line = |hour: i64| {
            let seconds = reference_time.timestamp() - hour * 3_600;
            format!(r#"{{"type":"view","ts":{seconds},"aid":{hour},"user_id":{}}}"#, hour % 7)
        };
        let text = (0..hours).map(line).collect::<Vec<_>>().join("\n");
        let inputs = PlanInputs::with_defaults(reference_time);
        let mut reader = ChunkReader::new(&ChunkSettings {
            inputs,
            secret: VisitorSecret::NONE,
            sites: Default::default(),
            size_bytes: 1 << 20,
        });
        reader.push(text.as_bytes()).expect("plain text");
        (reader.finish().expect("plain text"), inputs)
    }

    /// The visitors of a chunk under two secrets.
    fn by_secret(count: &ChunkCount) -> VisitorsBySecret {
        [1, 2].map(|number| (SecretNumber(number), count.visitors.clone())).into()
    }

    #[test]
    fn a_long_past_is_divided_evenly_and_nothing_is_left_out() {
        let (count, inputs) = count(20_000);
        let plan = Plan::of(&count, &inputs);
        let visitors = by_secret(&count);
        let slices = VisitorSlices::of_object(&plan, &visitors, inputs.reference_time);
        let sizes: Vec<usize> =
            slices.0.iter().map(|slice| slice.minutes.len() + slice.periods.len()).collect();
        assert!(sizes.len() > 200 && sizes.iter().all(|size| *size <= 220), "{sizes:?}");
        let minutes: usize = slices.0.iter().map(|slice| slice.minutes.len()).sum();
        assert_eq!(minutes, 2 * count.visitors.minutes().count());
        let mut periods = rolled_up(&visitors, |_, hour| is_closed(hour, inputs.reference_time));
        for slice in &slices.0 {
            for (period, visitors) in &slice.periods {
                let expected = periods.remove(period).expect("each once");
                assert_eq!(visitors.counts(), expected.counts());
            }
        }
        assert!(periods.is_empty());
    }

    #[test]
    fn visitors_of_an_open_hour_come_before_its_first_rows() {
        let (count, inputs) = count(10);
        let plan = Plan::of(&count, &inputs);
        let visitors = by_secret(&count);
        let slices = VisitorSlices::of_object(&plan, &visitors, inputs.reference_time);
        for (site, minute, _) in count.visitors.minutes() {
            let hour = (site, minute.hour());
            let Some(first) = plan.parts.iter().position(|part| part.hours.contains(&hour)) else {
                assert!(is_closed(hour.1, inputs.reference_time));
                continue;
            };
            let slice = slices.of_part(first).expect("a slice for each part");
            let of_minute =
                |(_, (other, at, _)): &&MinuteVisitors<'_>| (*other, *at) == (site, minute);
            assert_eq!(slice.minutes.iter().filter(of_minute).count(), 2, "{site} {minute:?}");
        }
    }

    #[test]
    fn a_sealed_hour_has_no_minutes_to_write() {
        let (count, _) = count(3);
        let no_orders = Tally::default();
        let inputs = SealInputs { keys_max: 0, has_quarters: false };
        let plan = Plan::of_sealed_hour(&count.tally, &no_orders, &inputs);
        let visitors = by_secret(&count);
        let slices = VisitorSlices::of_sealed_hour(&plan, &visitors);
        assert!(slices.0.iter().all(|slice| slice.minutes.is_empty()));
        let periods: usize = slices.0.iter().map(|slice| slice.periods.len()).sum();
        assert_eq!(periods, 2 * 6, "three hours, and a day, a week and a month");
    }
}
