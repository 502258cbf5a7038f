//! An entry of the ledger.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use minutebook_oracle::Contribution;

use crate::rows::attributes::{Item, number, text, time};
use crate::rows::ledger::chunk_id::sealed_hour;
use crate::rows::ledger::counts::{Counts, Notes};

/// What the partition key of an entry begins with; the chunk id follows.
pub(crate) const PREFIX: &str = "L#";

/// The attribute that names the chunk that an object was written anew as.
pub(crate) const REWRITTEN_AS: &str = "rewritten_as";

/// The attribute with the sites that a part of a chunk adds to.
pub(crate) const SITES: &str = "sites";

/// What stands for the sites of an entry that has no room for them.
pub(crate) const MANY_SITES: &str = "*";

/// The reader version since which purchases that name an order count through it.
const ORDER_LINES_READER_VERSION: u64 = 4;

/// The same of refunds.
const ORDER_REFUNDS_READER_VERSION: u64 = 5;

/// The reader version since which checkouts count, and visitors by stage.
const CHECKOUTS_READER_VERSION: u64 = 6;

/// The transaction that committed an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryName {
    /// The part, from 0.
    pub(crate) part: u64,
    /// The transaction of that part, from 0; later ones than 0 exist only in a late part.
    pub(crate) late: u64,
}

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LedgerEntry {
    pub(super) name: EntryName,
    /// How many parts the chunk has.
    pub(super) parts: u64,
    /// Under which plan format version the chunk began.
    pub(super) plan_format_version: u64,
    /// How many transactions the part took; only the entries of a late part say so.
    pub(super) late_parts: Option<u64>,
    /// How many keys of a site and measure kept their names, 0 for all; only the entry of part 0
    /// says so, and not in old entries, when all did.
    pub(super) keys_max: u32,
    /// Only the entry of part 0 of an object has one.
    pub(super) summary: Option<Summary>,
    /// Why the chunk is refused, if it is; it has no summary then.
    pub(super) refusal: Option<Box<Refusal>>,
    /// The chunk that its object was written anew as; only the entry of part 0 has one, and no
    /// summary then.
    pub(super) rewritten: Option<Rewritten>,
    /// Whether the site of the chunk was removed, and its object with it.
    pub(super) is_removed: bool,
    /// The sites that it names; `*` for any; `None` if it names none, as old entries.
    pub(super) sites: Option<BTreeSet<String>>,
}

/// What became of a chunk whose object `forget` has written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rewritten {
    /// The chunk that has counted it since.
    pub(crate) chunk_id: String,
    /// How many of its own first bytes an earlier version of the file has counted.
    pub(crate) counted_before: u64,
}

/// Why a chunk is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// A short name of the reason, such as `archive`.
    pub(crate) code: String,
    /// What the file is, and what to do.
    pub(crate) because: String,
}

/// What the entry of part 0 says about the whole chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) committed_at: DateTime<Utc>,
    pub(crate) reference_time: DateTime<Utc>,
    pub(crate) default_currency: String,
    /// The zone of times that name none; `None`, which is UTC, in old entries.
    pub(crate) default_time_zone: Option<Tz>,
    /// How many of its first bytes an earlier version of the file has counted.
    pub(crate) counted_before: u64,
    /// How many days minute rows were kept when it was counted, 0 for ever; `None` in old entries.
    pub(crate) minute_retention_days: Option<u32>,
    /// Whether the totals have its rejected lines by reason, too: those of builds before do not.
    pub(crate) are_reasons_in_totals: bool,
    /// Whether purchases that name an order count through it: those of builds before do not.
    pub(crate) has_order_lines: bool,
    /// The same of refunds.
    pub(crate) has_order_refunds: bool,
    /// Whether checkouts count, and visitors by stage: not in those of builds before.
    pub(crate) has_checkouts: bool,
    /// The secrets with which its visitors are counted: that of the plan, 0 in old entries, and
    /// those of recounts.
    pub(crate) visitor_secrets: BTreeSet<u32>,
    /// The revision of the settings of sites that it was read with; 0 in old entries.
    pub(crate) settings_revision: u32,
    /// How many sites were counted, 0 for all; `None` in entries from before there was a registry.
    pub(crate) sites_max: Option<u32>,
    pub(crate) counts: Counts,
}

impl Summary {
    /// How much the chunk counts of the orders that it reports.
    pub(crate) fn of_orders(&self) -> Contribution {
        if self.has_order_refunds { Contribution::Whole } else { Contribution::WithoutRefunds }
    }
}

impl LedgerEntry {
    /// The id of the chunk whose entries have this partition key; `None` if the row is no ledger
    /// entry.
    pub(crate) fn chunk_id(pk: &str) -> Option<&str> {
        pk.strip_prefix(PREFIX)
    }

    /// What the entry of part 0 of an object says about the whole chunk.
    pub(crate) fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// Whether it says that the chunk is refused.
    pub(crate) fn is_refusal(&self) -> bool {
        self.refusal.is_some()
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// An attribute is missing, or is not as docs/TABLE.md says.
    pub(crate) fn read(item: &Item) -> Result<Self> {
        let sk = text(item, "sk")?;
        let name =
            EntryName::read(sk).with_context(|| format!("its part {sk:?} is not a number"))?;
        let plan_format_version = number(item, "plan_format_version")?;
        time(item, "committed_at")?;
        let late_parts = item.get("late_parts").map(|_| number(item, "late_parts")).transpose()?;
        let keys_max = item.get("keys_max").map(|_| number(item, "keys_max")).transpose()?;
        let chunk_id = Self::chunk_id(text(item, "pk")?);
        let is_object = chunk_id.is_some_and(|chunk_id| sealed_hour(chunk_id).is_none());
        let is_first = name == EntryName::default();
        let refusal = item.get("refused").map(|_| refusal(item)).transpose()?;
        let rewritten = item.get(REWRITTEN_AS).map(|_| rewritten(item)).transpose()?;
        let has_summary = is_object && is_first && refusal.is_none() && rewritten.is_none();
        let summary = if has_summary { Some(summary(item)?) } else { None };
        let (parts, keys_max) = (number(item, "parts")?, keys_max.unwrap_or(0));
        Ok(Self {
            name,
            parts,
            plan_format_version,
            late_parts,
            keys_max,
            summary,
            refusal,
            rewritten,
            is_removed: item.contains_key("removed_at"),
            sites: sites(item)?,
        })
    }
}

impl EntryName {
    /// Reads `000002` or `000002.001`.
    fn read(sk: &str) -> Option<Self> {
        let (part, late) = match sk.split_once('.') {
            Some((part, late)) => (part, late),
            None => (sk, "000"),
        };
        let digits = |text: &str, least: usize| {
            (text.len() >= least && text.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| text.parse().ok())
                .flatten()
        };
        let name = Self { part: digits(part, 6)?, late: digits(late, 3)? };
        // The first transaction of a part has the name of the part.
        (name.late > 0 || !sk.contains('.')).then_some(name)
    }
}

fn sites(item: &Item) -> Result<Option<BTreeSet<String>>> {
    match item.get(SITES) {
        None => Ok(None),
        Some(AttributeValue::Ss(sites)) => Ok(Some(sites.iter().cloned().collect())),
        Some(other) => bail!("its {SITES} is {other:?}"),
    }
}

fn rewritten(item: &Item) -> Result<Rewritten> {
    let counted_before = match item.contains_key("counted_before") {
        true => number(item, "counted_before")?,
        false => 0,
    };
    Ok(Rewritten { chunk_id: text(item, REWRITTEN_AS)?.to_owned(), counted_before })
}

fn refusal(item: &Item) -> Result<Box<Refusal>> {
    for name in ["bucket", "key"] {
        text(item, name)?;
    }
    let text = |name: &str| text(item, name).map(str::to_owned);
    Ok(Box::new(Refusal { code: text("refused")?, because: text("refused_because")? }))
}

fn summary(item: &Item) -> Result<Summary> {
    let number_if_any = |name: &str| match item.contains_key(name) {
        true => number(item, name),
        false => Ok(0),
    };
    let settings_revision = match item.contains_key("settings_revision") {
        true => number(item, "settings_revision")?,
        false => 0,
    };
    let reader_version = number_if_any("reader_version")?;
    let rejected_by_reason = numbers(item, "rejected_by_reason")?;
    let notes = Notes {
        dropped: numbers(item, "dropped")?.unwrap_or_default(),
        unknown: number_if_any("unknown")?,
        unknown_types: numbers(item, "unknown_types")?.unwrap_or_default(),
        purchases_without_money: number_if_any("purchases_without_money")?,
    };
    let counts = Counts {
        lines: number(item, "lines")?,
        counted: number(item, "counted")?,
        ignored: number(item, "ignored")?,
        duplicate: number(item, "duplicate")?,
        rejected: number(item, "rejected")?,
        rejected_by_reason: rejected_by_reason.context("it has no rejected_by_reason")?,
        events: number(item, "events")?,
        notes,
    };
    Ok(Summary {
        committed_at: time(item, "committed_at")?,
        reference_time: time(item, "reference_time")?,
        default_currency: text(item, "default_currency")?.to_owned(),
        default_time_zone: time_zone(item)?,
        counted_before: number_if_any("counted_before")?,
        minute_retention_days: item
            .get("minute_retention_days")
            .map(|_| number(item, "minute_retention_days"))
            .transpose()?,
        are_reasons_in_totals: item.contains_key("reader_version"),
        has_order_lines: reader_version >= ORDER_LINES_READER_VERSION,
        has_order_refunds: reader_version >= ORDER_REFUNDS_READER_VERSION,
        has_checkouts: reader_version >= CHECKOUTS_READER_VERSION,
        visitor_secrets: visitor_secrets(item)?,
        settings_revision,
        sites_max: item.get("sites_max").map(|_| number(item, "sites_max")).transpose()?,
        counts,
    })
}

fn time_zone(item: &Item) -> Result<Option<Tz>> {
    let name =
        item.get("default_time_zone").map(|_| text(item, "default_time_zone")).transpose()?;
    let zone = |name: &str| name.parse().with_context(|| format!("{name:?} is no time zone"));
    name.map(zone).transpose()
}

/// The numbers in a map of the entry; `None` if it has no such map.
fn numbers(item: &Item, name: &str) -> Result<Option<BTreeMap<String, u64>>> {
    match item.get(name) {
        None => Ok(None),
        Some(AttributeValue::M(numbers)) => {
            let read = |key: &String| Ok((key.clone(), number(numbers, key)?));
            numbers.keys().map(read).collect::<Result<_>>().map(Some)
        }
        Some(other) => bail!("its {name} is {other:?}"),
    }
}

fn visitor_secrets(item: &Item) -> Result<BTreeSet<u32>> {
    let planned = item.get("visitor_secret").map(|_| number(item, "visitor_secret")).transpose()?;
    let mut secrets = BTreeSet::from([planned.unwrap_or(0)]);
    match item.get("recounted_with") {
        None => {}
        Some(AttributeValue::Ns(numbers)) => {
            for number in numbers {
                let secret = number.parse();
                secrets.insert(secret.with_context(|| format!("its recounted_with has {number}"))?);
            }
        }
        other => bail!("its recounted_with is {other:?}"),
    }
    Ok(secrets)
}

/// Entries for tests.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::rows::attributes::testing::{item, text};

    /// An entry with these numbers.
    pub(crate) fn entry(pk: &str, sk: &str, numbers: &[(&str, u64)]) -> Item {
        let mut item = item(pk, sk, &[("committed_at", text("2026-11-20T12:00:01.123Z"))]);
        for (name, number) in [("plan_format_version", 2)].iter().chain(numbers) {
            item.insert((*name).to_owned(), AttributeValue::N(number.to_string()));
        }
        item
    }

    /// The entry of a chunk that is refused.
    pub(crate) fn refused_entry(pk: &str) -> Item {
        let mut item = entry(pk, "000000", &[("parts", 1)]);
        for (name, value) in [
            ("bucket", "b"),
            ("key", "a.tar"),
            ("refused", "archive"),
            ("refused_because", "the file is a tar archive"),
        ] {
            item.insert(name.to_owned(), text(value));
        }
        item
    }

    /// The entry of part 0 of an object that has so many parts.
    pub(crate) fn first_entry(parts: u64) -> Item {
        let numbers = [
            ("parts", parts),
            ("minute_retention_days", 7),
            ("lines", 6),
            ("counted", 1),
            ("ignored", 1),
            ("duplicate", 1),
            ("rejected", 3),
            ("events", 2),
        ];
        let mut item = entry("L#bucket/key#hash", "000000", &numbers);
        item.insert("reference_time".to_owned(), text("2026-11-20T12:00:00Z"));
        item.insert("default_currency".to_owned(), text("EUR"));
        let reasons = [("future", "1"), ("not_json", "2")];
        let reasons =
            reasons.map(|(reason, count)| (reason.to_owned(), AttributeValue::N(count.to_owned())));
        item.insert("rejected_by_reason".to_owned(), AttributeValue::M(reasons.into()));
        item
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{entry, first_entry, refused_entry};
    use super::*;

    #[test]
    fn a_chunk_that_is_refused_has_the_reason_and_no_summary() {
        let mut item = refused_entry("L#b/a.tar#hash");
        let entry = LedgerEntry::read(&item).unwrap();
        assert!(entry.is_refusal() && entry.summary().is_none());
        assert_eq!(entry.refusal.unwrap().because, "the file is a tar archive");
        item.remove("refused_because");
        let error = LedgerEntry::read(&item).unwrap_err().to_string();
        assert_eq!(error, "its refused_because is None");
    }

    #[test]
    fn the_time_zone_is_that_of_the_plan() {
        let zone = |item: &Item| Ok::<_, anyhow::Error>(summary(item)?.default_time_zone);
        let mut item = first_entry(1);
        assert_eq!(zone(&item).unwrap(), None);
        item.insert("default_time_zone".to_owned(), AttributeValue::S("Europe/Berlin".to_owned()));
        assert_eq!(zone(&item).unwrap(), Some(Tz::Europe__Berlin));
        item.insert("default_time_zone".to_owned(), AttributeValue::S("Berlin".to_owned()));
        assert_eq!(zone(&item).unwrap_err().to_string(), "\"Berlin\" is no time zone");
    }

    #[test]
    fn purchases_refunds_and_checkouts_count_as_they_do_since_a_reader_version() {
        let mut item = first_entry(1);
        item.remove("reader_version");
        let counts = |item: &Item| {
            let Summary { has_order_lines, has_order_refunds, has_checkouts, .. } =
                summary(item).unwrap();
            (has_order_lines, has_order_refunds, has_checkouts)
        };
        assert_eq!(counts(&item), (false, false, false));
        for (version, expected) in [
            ("3", (false, false, false)),
            ("4", (true, false, false)),
            ("5", (true, true, false)),
            ("6", (true, true, true)),
        ] {
            item.insert("reader_version".to_owned(), AttributeValue::N(version.to_owned()));
            assert_eq!(counts(&item), expected, "{version}");
        }
    }

    #[test]
    fn an_entry_without_its_numbers_is_an_error() {
        let mut item = first_entry(1);
        item.remove("lines");
        assert_eq!(LedgerEntry::read(&item).unwrap_err().to_string(), "its lines is None");
        for sk in ["1", "0000001.1", "000001.000", "000001.", "x", "00000x"] {
            let item = entry("L#bucket/key#hash", sk, &[("parts", 1)]);
            assert_eq!(
                LedgerEntry::read(&item).unwrap_err().to_string(),
                format!("its part {sk:?} is not a number")
            );
        }
    }

    #[test]
    fn the_secrets_are_that_of_the_plan_and_those_of_recounts() {
        let mut item = first_entry(1);
        let secrets = |item: &Item| {
            LedgerEntry::read(item).unwrap().summary.map(|summary| summary.visitor_secrets)
        };
        assert_eq!(secrets(&item), Some(BTreeSet::from([0])));
        let number = |number: &str| AttributeValue::N(number.to_owned());
        item.insert("visitor_secret".to_owned(), number("1"));
        let recounted = ["2", "3"].map(str::to_owned).to_vec();
        item.insert("recounted_with".to_owned(), AttributeValue::Ns(recounted));
        assert_eq!(secrets(&item), Some(BTreeSet::from([1, 2, 3])));
        item.insert("recounted_with".to_owned(), number("2"));
        assert!(LedgerEntry::read(&item).unwrap_err().to_string().contains("recounted_with"));
    }

    #[test]
    fn an_entry_leads_to_the_chunk_that_its_object_was_written_anew_as() {
        let mut item = first_entry(2);
        item.retain(|name, _| !matches!(name.as_str(), "lines" | "counted" | "rejected"));
        item.insert(REWRITTEN_AS.to_owned(), AttributeValue::S("b/k#new".to_owned()));
        item.insert("counted_before".to_owned(), AttributeValue::N("7".to_owned()));
        let entry = LedgerEntry::read(&item).unwrap();
        let rewritten = Rewritten { chunk_id: "b/k#new".to_owned(), counted_before: 7 };
        assert_eq!((entry.rewritten, entry.summary), (Some(rewritten), None));
    }

    #[test]
    fn only_the_first_entry_of_an_object_has_a_summary() {
        let has_summary = |item: &Item| LedgerEntry::read(item).unwrap().summary().is_some();
        assert!(has_summary(&first_entry(1)));
        assert!(!has_summary(&entry("L#bucket/key#hash", "000001", &[("parts", 2)])));
        assert!(!has_summary(&entry("L#seal:shop:2026-11-20T23", "000000", &[("parts", 1)])));
    }
}
