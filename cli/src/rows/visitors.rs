//! The rows of visitors and sessions.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_oracle::{Granularity, Period};

use crate::rows::attributes::{Item, digits, others, ttl};
use crate::rows::periods::{period, site_and_span, two_digits};

/// What the sort keys of these rows begin with.
const VISITORS: &str = "visitors";

/// The attributes that have sketches, and the one that says that there are those of all stages.
pub(crate) const SKETCHES: [&str; 8] = [
    "visitors",
    "sessions",
    "carted",
    "carted_sessions",
    "began_checkout",
    "began_checkout_sessions",
    "bought",
    "bought_sessions",
];
const BY_STAGE: &str = "by_stage";

/// How much of the hash of its chunk's id stands in the key of a minute row, in hex digits.
const CHUNK_HASH_DIGITS: usize = 16;

/// The visitors and sessions of a chunk in a minute, or of all events in an hour, day, week or
/// month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VisitorRow {
    pub(crate) site: String,
    pub(crate) period: Period,
    /// The number of the secret that the ids are hashed with; 0 is none.
    pub(crate) secret: u32,
    /// When it expires, in seconds since 1970.
    pub(crate) ttl: Option<i64>,
    pub(crate) sketches: Sketches,
}

/// The sketches of a row, as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sketches {
    /// By attribute; one that is not there is empty.
    pub(crate) stored: BTreeMap<&'static str, Vec<u8>>,
    /// Whether all visitors of the row are counted by stage.
    pub(crate) is_by_stage: bool,
}

/// Whether a row with these keys is one of visitors.
pub(super) fn are_keys(pk: &str, sk: &str) -> bool {
    pk.starts_with("T#")
        && sk.strip_prefix(VISITORS).is_some_and(|rest| rest.starts_with(['#', '.']))
}

pub(super) fn read(
    item: &Item,
    pk: &str,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<VisitorRow> {
    let Some((site, period, secret)) = place(pk, sk) else {
        odd("not the keys of a row of visitors".to_owned());
        return None;
    };
    let mut sketches = Sketches::default();
    for name in SKETCHES {
        match item.get(name) {
            None => {}
            Some(AttributeValue::B(bytes)) => {
                sketches.stored.insert(name, bytes.as_ref().to_vec());
            }
            Some(other) => odd(format!("its {name} is {other:?}")),
        }
    }
    if !SKETCHES[..2].iter().any(|name| sketches.stored.contains_key(name)) {
        odd("it has neither visitors nor sessions".to_owned());
    }
    match item.get(BY_STAGE) {
        None => {}
        Some(AttributeValue::Bool(true)) => sketches.is_by_stage = true,
        Some(other) => odd(format!("its {BY_STAGE} is {other:?}")),
    }
    let known = |more: &[&'static str]| [&SKETCHES[..], &[BY_STAGE, "ttl"], more].concat();
    let ttl = ttl(item, odd);
    if period.granularity() == Granularity::Minute {
        others(item, &known(&[]), odd);
    } else {
        let revision = item.get("revision");
        if revision
            .and_then(digits)
            .and_then(|revision| revision.parse::<u64>().ok())
            .is_none_or(|number| number == 0)
        {
            odd(format!("its revision is {revision:?}"));
        }
        others(item, &known(&["revision"]), odd);
    }
    Some(VisitorRow { site: site.to_owned(), period, secret, ttl, sketches })
}

/// The site, the period and the secret of a row with these keys.
fn place<'a>(pk: &'a str, sk: &str) -> Option<(&'a str, Period, u32)> {
    let (site, span) = site_and_span(pk)?;
    let (family, rest) = sk.split_once('#')?;
    let secret = match family.strip_prefix(VISITORS)? {
        "" => 0,
        number => {
            let number = number.strip_prefix('.')?;
            number.parse().ok().filter(|it: &u32| *it > 0 && it.to_string() == number)?
        }
    };
    let (within, copy) = rest.split_once('#')?;
    let period = period(span, within)?;
    let is_right = match period.granularity() {
        Granularity::Minute => {
            copy.len() == CHUNK_HASH_DIGITS
                && copy.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        }
        _ => two_digits(copy).is_some(),
    };
    is_right.then_some((site, period, secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::item;

    fn row(
        pk: &str,
        sk: &str,
        attributes: &[(&str, AttributeValue)],
    ) -> (Option<VisitorRow>, Vec<String>) {
        let mut oddities = Vec::new();
        let row = read(&item(pk, sk, attributes), pk, sk, &mut |what| oddities.push(what));
        (row, oddities)
    }

    fn sketch(byte: u8) -> AttributeValue {
        AttributeValue::B(vec![byte].into())
    }

    fn count(number: &str) -> AttributeValue {
        AttributeValue::N(number.to_owned())
    }

    const CHUNK: &str = "0123456789abcdef";

    #[test]
    fn reads_minutes_and_what_is_above_them() {
        let minute = format!("visitors.12#07#{CHUNK}");
        for (pk, sk, expected) in [
            ("T#a:b#2026-11-20T23", minute.as_str(), "a:b 2026-11-20T23:07 12"),
            ("T#shop#2026-11-20", "visitors#23#00", "shop 2026-11-20T23 0"),
            ("T#shop#2026", "visitors.1#d11-20#03", "shop 2026-11-20 1"),
            ("T#shop#2026", "visitors.1#w47#00", "shop 2026-W47 1"),
            ("T#shop#2026", "visitors#m11#00", "shop 2026-11 0"),
        ] {
            let mut attributes =
                vec![("visitors", sketch(1)), ("sessions", sketch(2)), ("ttl", count("99"))];
            if sk != minute {
                attributes.push(("revision", count("3")));
            }
            let (row, oddities) = row(pk, sk, &attributes);
            let Some(VisitorRow { site, period, secret, ttl, sketches }) = row else {
                panic!("{row:?}")
            };
            let found = format!("{site} {period} {secret}");
            assert_eq!((found.as_str(), ttl), (expected, Some(99)));
            let stored = BTreeMap::from([("visitors", vec![1]), ("sessions", vec![2])]);
            assert_eq!(sketches, Sketches { stored, is_by_stage: false });
            assert!(oddities.is_empty(), "{oddities:?}");
        }
    }

    #[test]
    fn reads_those_of_stages() {
        let minute = format!("visitors#07#{CHUNK}");
        let attributes = [
            ("visitors", sketch(1)),
            ("bought_sessions", sketch(2)),
            ("by_stage", AttributeValue::Bool(true)),
        ];
        let (read, oddities) = row("T#shop#2026-11-20T23", &minute, &attributes);
        assert_eq!(oddities, Vec::<String>::new());
        let stored = BTreeMap::from([("visitors", vec![1]), ("bought_sessions", vec![2])]);
        assert_eq!(read.unwrap().sketches, Sketches { stored, is_by_stage: true });
        let attributes = [("bought", sketch(1)), ("by_stage", AttributeValue::Bool(false))];
        let (_, oddities) = row("T#shop#2026-11-20T23", &minute, &attributes);
        assert_eq!(oddities.len(), 2, "{oddities:?}");
    }

    #[test]
    fn other_keys_are_odd() {
        for (pk, sk) in [
            ("T#shop#2026-11-20T23", "visitors#07#00#000"),
            ("T#shop#2026-11-20T23", "visitors#60#0123456789abcdef"),
            ("T#shop#2026-11-20T23", "visitors#07#0123456789ABCDEF"),
            ("T#shop#2026-11-20", "visitors#24#00"),
            ("T#shop#2026-11-20", "visitors#23#000"),
            ("T#shop#2026", "visitors#m11"),
            ("T#shop", "visitors#m11#00"),
            ("T#shop#2026", "visitors.0#m11#00"),
            ("T#shop#2026", "visitors.01#m11#00"),
            ("T#shop#2026", "visitors.x#m11#00"),
        ] {
            let (row, oddities) = row(pk, sk, &[]);
            assert_eq!(oddities, ["not the keys of a row of visitors"], "{pk} {sk}");
            assert!(row.is_none());
        }
    }

    #[test]
    fn says_which_attributes_are_odd() {
        let (minute, hour) = (format!("visitors#07#{CHUNK}"), "visitors#23#00");
        let both = [("visitors", sketch(1)), ("sessions", sketch(2))];
        let oddities = |pk: &str, sk: &str, more: &[(&str, AttributeValue)]| {
            row(pk, sk, &[&both, more].concat()).1.len()
        };
        assert_eq!(oddities("T#shop#2026-11-20T23", &minute, &[]), 0);
        assert_eq!(oddities("T#shop#2026-11-20T23", &minute, &[("revision", count("1"))]), 1);
        assert_eq!(oddities("T#shop#2026-11-20", hour, &[]), 1);
        assert_eq!(oddities("T#shop#2026-11-20", hour, &[("revision", count("0"))]), 1);
        assert_eq!(
            oddities("T#shop#2026-11-20", hour, &[("revision", count("1")), ("i#1", count("1"))]),
            1
        );
        assert_eq!(row("T#shop#2026-11-20T23", &minute, &both[..1]).1.len(), 0);
        assert_eq!(row("T#shop#2026-11-20T23", &minute, &[]).1.len(), 1);
        assert_eq!(
            row("T#shop#2026-11-20T23", &minute, &[both[0].clone(), ("sessions", count("1"))])
                .1
                .len(),
            1
        );
    }
}
