//! The rows of open hours, and those that close the shards of an hour.

use minutebook_oracle::Period;

use crate::rows::attributes::{Item, others, time, ttl};
use crate::rows::periods::{hour_named, two_digits};
use crate::rows::tallies::SHARDS;

/// The single partition in which builds before list the open hours of all sites.
const SINGLE: &str = "OPEN";
/// What the partitions of the open hours begin with; a hex digit follows.
const PREFIX: &str = "OPEN#";
const DIGITS: &str = "0123456789abcdef";

/// The partitions of the open hours.
pub(crate) fn open_partitions() -> impl Iterator<Item = String> {
    let of_digits = DIGITS.chars().map(|digit| format!("{PREFIX}{digit}"));
    of_digits.chain([SINGLE.to_owned()])
}

/// An hour that still waits to be sealed, or was sealed just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenHour {
    pub(crate) site: String,
    pub(crate) hour: Period,
    pub(crate) is_done: bool,
}

/// Whether a partition is one of open hours.
pub(super) fn is_partition(pk: &str) -> bool {
    pk == SINGLE || pk.starts_with(PREFIX)
}

/// Reads an open hour; `None` if its keys are not those of one.
pub(super) fn read_open_hour(
    item: &Item,
    pk: &str,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<OpenHour> {
    let Some((site, hour)) = site_hour(pk, sk) else {
        odd("not the keys of an open hour".to_owned());
        return None;
    };
    let mut has_happened = |name: &str| {
        if item.contains_key(name)
            && let Err(error) = time(item, name)
        {
            odd(error.to_string());
        }
        item.contains_key(name)
    };
    let (is_sealed, is_done) = (has_happened("sealed_at"), has_happened("done_at"));
    if is_done && !is_sealed {
        odd("it is done, but not sealed".to_owned());
    }
    others(item, &["sealed_at", "done_at"], odd);
    Some(OpenHour { site: site.to_owned(), hour, is_done })
}

/// Checks a seal of the `site_hour` that its partition key names; `None` if its keys are not those
/// of one.
pub(super) fn read_seal(
    item: &Item,
    site_hour: &str,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<()> {
    let hour = site_hour.split_once('#').and_then(|(_, hour)| hour_named(hour));
    let shard = two_digits(sk).filter(|shard| *shard < SHARDS);
    if hour.is_none() || shard.is_none() {
        odd("not the keys of a seal".to_owned());
        return None;
    }
    ttl(item, odd);
    others(item, &["ttl"], odd);
    Some(())
}

/// The site and the hour of the keys of an open hour.
fn site_hour<'a>(pk: &str, sk: &'a str) -> Option<(&'a str, Period)> {
    let (first, second) = sk.split_once('#')?;
    match (hour_named(first), hour_named(second)) {
        (_, Some(hour)) => is_partition_of(pk, first).then_some((first, hour)),
        (Some(hour), None) => (pk == SINGLE).then_some((second, hour)),
        (None, None) => None,
    }
}

/// Whether the open hours of a site may be in a partition.
fn is_partition_of(pk: &str, site: &str) -> bool {
    let hash = blake3::hash(site.as_bytes()).to_hex();
    pk == SINGLE || pk.strip_prefix(PREFIX) == hash.get(..1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{item, number, text};
    use aws_sdk_dynamodb::types::AttributeValue;

    #[test]
    fn reads_open_hours() {
        let time = text("2026-11-21T00:10:00.5Z");
        let of_site = "OPEN#9";
        let read = |attributes: &[(&str, AttributeValue)]| {
            let keys = [
                (of_site, "a:b#2026-11-20T23"),
                ("OPEN", "a:b#2026-11-20T23"),
                ("OPEN", "2026-11-20T23#a:b"),
            ];
            keys.map(|(pk, sk)| {
                let mut oddities = 0;
                let item = item(pk, sk, attributes);
                let open = read_open_hour(&item, pk, sk, &mut |_| oddities += 1).unwrap();
                assert_eq!(format!("{} {}", open.site, open.hour), "a:b 2026-11-20T23");
                (open.is_done, oddities)
            })
        };
        assert_eq!(read(&[]), [(false, 0); 3]);
        assert_eq!(read(&[("sealed_at", time.clone())]), [(false, 0); 3]);
        assert_eq!(read(&[("sealed_at", time.clone()), ("done_at", time.clone())]), [(true, 0); 3]);
        assert_eq!(read(&[("done_at", time.clone())]), [(true, 1); 3]);
        assert_eq!(read(&[("sealed_at", number("1"))]), [(false, 1); 3]);
        assert_eq!(read(&[("ttl", number("1"))]), [(false, 1); 3]);
        for (pk, sk) in [
            (of_site, "a:b#2026-11-20"),
            (of_site, "2026-11-20T23"),
            (of_site, "a:b#2026-11-20T24"),
            (of_site, "2026-11-20T23#a:b"),
            ("OPEN", "2026-11-20T24#a:b"),
            // Nobody looks for it there.
            ("OPEN#0", "a:b#2026-11-20T23"),
            ("OPEN#", "a:b#2026-11-20T23"),
        ] {
            let mut oddities = Vec::new();
            let read = read_open_hour(&item(pk, sk, &[]), pk, sk, &mut |odd| oddities.push(odd));
            assert!(read.is_none());
            assert_eq!(oddities, ["not the keys of an open hour"], "{pk} {sk}");
        }
    }

    #[test]
    fn the_partitions_of_open_hours_are_read_as_such() {
        let partitions: Vec<_> = open_partitions().collect();
        assert_eq!(partitions.len(), 17);
        assert!(partitions.iter().all(|pk| is_partition(pk)));
    }

    #[test]
    fn reads_seals() {
        let oddities = |site_hour: &str, sk: &str, name: &str| {
            let mut oddities = 0;
            let item = item(&format!("S#{site_hour}"), sk, &[(name, number("1"))]);
            read_seal(&item, site_hour, sk, &mut |_| oddities += 1);
            oddities
        };
        assert_eq!(oddities("shop#2026-11-20T23", "15", "ttl"), 0);
        assert_eq!(oddities("shop#2026-11-20T23", "15", "other"), 1);
        assert_eq!(oddities("shop#2026-11-20T23", "16", "ttl"), 1);
        assert_eq!(oddities("shop#2026-11-20", "00", "ttl"), 1);
    }
}
