//! The order in which a run works through hours: fair to all sites, whatever one of them has left
//! behind.

use std::collections::HashMap;

use minutebook_storage::open_hours::OpenHour;

/// Orders hours of many sites.
///
/// **Guarantees**: every other place goes to the next hour by age, of all sites in turn: the oldest
/// hour of each site comes before the second of any. So a site that has thousands of open hours
/// does not keep the others waiting, and nothing waits for ever. The places between go to hours
/// drawn with `seed`: hours that fail in each run, and are soon the oldest, do not take all of its
/// time.
pub(crate) fn in_fair_order(hours: Vec<OpenHour>, seed: u64) -> Vec<OpenHour> {
    let by_age = in_turns(hours);
    let mut drawn: Vec<usize> = (0..by_age.len()).collect();
    fastrand::Rng::with_seed(seed).shuffle(&mut drawn);
    let places = (0..by_age.len()).zip(drawn).flat_map(|(oldest, drawn)| [oldest, drawn]);
    let mut left: Vec<Option<OpenHour>> = by_age.into_iter().map(Some).collect();
    // Each hour is in both sequences, and taken where it comes first.
    places.filter_map(|place| left[place].take()).collect()
}

/// The hours by their turn, which counts the older hours of the same site, and then by age. Among
/// those of one age, those that are not sealed come first: sealing is quick, and others wait for it.
fn in_turns(mut hours: Vec<OpenHour>) -> Vec<OpenHour> {
    let key = |open: &OpenHour| (open.hour, open.sealed_at.is_some());
    hours.sort_unstable_by(|left, right| (key(left), &left.site).cmp(&(key(right), &right.site)));
    let mut turns: HashMap<&str, usize> = HashMap::new();
    let turn_of_each: Vec<usize> = hours
        .iter()
        .map(|open| {
            let turn = turns.entry(&open.site).or_default();
            *turn += 1;
            *turn
        })
        .collect();
    let mut hours: Vec<(usize, OpenHour)> = turn_of_each.into_iter().zip(hours).collect();
    // Stable: within a turn they stay by age.
    hours.sort_by_key(|(turn, _)| *turn);
    hours.into_iter().map(|(_, open)| open).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::time::Hour;
    use proptest::prelude::*;

    const FIRST: &str = "2026-11-20T00";

    fn open(site: usize, hour: u32) -> OpenHour {
        let first = Hour::parse(FIRST).expect("an hour");
        OpenHour {
            site: format!("site{site}"),
            hour: first.plus(hour),
            sealed_at: None,
            done_at: None,
            key_in_single_partition: None,
        }
    }

    fn names(hours: &[OpenHour]) -> Vec<String> {
        hours.iter().map(|open| format!("{} {}", open.site, open.hour)).collect()
    }

    #[test]
    fn sites_take_turns_and_the_oldest_hour_of_a_turn_comes_first() {
        let hours = vec![open(1, 3), open(2, 5), open(1, 1), open(1, 2), open(3, 0), open(2, 4)];
        let expected =
            names(&[open(3, 0), open(1, 1), open(2, 4), open(1, 2), open(2, 5), open(1, 3)]);
        assert_eq!(names(&in_turns(hours)), expected);
        let sealed_at = Some("2026-11-20T05:00:00Z".parse().expect("a time"));
        let sealed = OpenHour { sealed_at, ..open(1, 3) };
        let expected = names(&[open(3, 0), open(2, 3), open(1, 3)]);
        assert_eq!(names(&in_turns(vec![sealed, open(2, 3), open(3, 0)])), expected);
    }

    #[test]
    fn a_seed_decides_what_comes_between() {
        let hours: Vec<OpenHour> = (0..1_000).map(|site| open(site, 0)).collect();
        let of_seed = |seed| names(&in_fair_order(hours.clone(), seed));
        assert_eq!(of_seed(1), of_seed(1));
        assert_ne!(of_seed(1), of_seed(2));
        // If the 500 oldest hours took all time that a run has for 200, half of it would remain.
        let is_young = |name: &&String| names(&hours[500..]).contains(*name);
        let young = of_seed(1)[..200].iter().filter(is_young).count();
        assert!((30..=70).contains(&young), "{young}");
    }

    proptest! {
        #[test]
        fn every_hour_has_one_place_and_the_next_by_age_waits_for_at_most_as_many_drawn(
            site_hours in proptest::collection::vec(0_u32..40, 1..12),
            seed: u64,
        ) {
            let hours: Vec<OpenHour> = site_hours
                .iter()
                .enumerate()
                .flat_map(|(site, count)| (0..*count).map(move |hour| open(site, hour)))
                .collect();
            let order = names(&in_fair_order(hours.clone(), seed));
            let by_age = names(&in_turns(hours.clone()));
            let sorted = |mut names: Vec<String>| { names.sort(); names };
            prop_assert_eq!(sorted(order.clone()), sorted(names(&hours)));
            for (place, name) in by_age.iter().enumerate() {
                let found = order.iter().position(|other| other == name);
                prop_assert!(found.is_some_and(|found| found <= 2 * place), "{} {:?}", place, found);
            }
            // So a site waits for its first hour no longer than there are sites.
            let sites = site_hours.iter().filter(|count| **count > 0).count();
            for site in site_hours.iter().enumerate().filter(|(_, count)| **count > 0) {
                let first = names(&[open(site.0, 0)]);
                let found = order.iter().position(|other| *other == first[0]);
                prop_assert!(found.is_some_and(|found| found < 2 * sites));
            }
        }
    }
}
