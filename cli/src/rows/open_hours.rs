//! The rows of open hours, and those that close the shards of an hour.

use minutebook_oracle::Period;

use crate::rows::attributes::{Item, others, time, ttl};
use crate::rows::periods::{hour_named, two_digits};
use crate::rows::tallies::SHARDS;

/// The partition of the open hours.
pub(crate) const OPEN: &str = "OPEN";

/// An hour that still waits to be sealed, or was sealed just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenHour {
    pub(crate) site: String,
    pub(crate) hour: Period,
    pub(crate) is_done: bool,
}

/// Reads an open hour; `None` if its sort key does not name one.
pub(super) fn read_open_hour(
    item: &Item,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<OpenHour> {
    let Some((site, hour)) = site_hour(sk) else {
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

/// The site and the hour of the sort key of an open hour.
fn site_hour(sk: &str) -> Option<(&str, Period)> {
    let (site, hour) = sk.split_once('#')?;
    Some((site, hour_named(hour)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{item, number, text};
    use aws_sdk_dynamodb::types::AttributeValue;

    #[test]
    fn reads_open_hours() {
        let time = text("2026-11-21T00:10:00.5Z");
        let read = |attributes: &[(&str, AttributeValue)]| {
            let (mut oddities, sk) = (0, "a:b#2026-11-20T23");
            let open = read_open_hour(&item(OPEN, sk, attributes), sk, &mut |_| oddities += 1);
            let open = open.unwrap();
            assert_eq!(format!("{} {}", open.site, open.hour), "a:b 2026-11-20T23");
            (open.is_done, oddities)
        };
        assert_eq!(read(&[]), (false, 0));
        assert_eq!(read(&[("sealed_at", time.clone())]), (false, 0));
        assert_eq!(read(&[("sealed_at", time.clone()), ("done_at", time.clone())]), (true, 0));
        assert_eq!(read(&[("done_at", time.clone())]), (true, 1));
        assert_eq!(read(&[("sealed_at", number("1"))]), (false, 1));
        assert_eq!(read(&[("ttl", number("1"))]), (false, 1));
        for sk in ["shop#2026-11-20", "2026-11-20T23", "shop#2026-11-20T24"] {
            let mut oddities = Vec::new();
            assert!(
                read_open_hour(&item(OPEN, sk, &[]), sk, &mut |odd| oddities.push(odd)).is_none()
            );
            assert_eq!(oddities, ["not the keys of an open hour"], "{sk}");
        }
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
