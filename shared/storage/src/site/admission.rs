//! Which sites are counted, and their registration before anything of them is committed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use chrono::{DateTime, Utc};
use minutebook_domain::time::DayRange;
use tokio::sync::OnceCell;

use crate::cancellation::cancellation_reasons;
use crate::error::{StorageError, is_passing_code};
use crate::retry::Backoff;
use crate::site::registry::{
    FROM_THE_BEGINNING, RegisteredSite, Registry, SITES_AT_ONCE, registry_key, site_item,
};
use crate::table::{Table, new_row_action};

/// The number of sites that a process remembers; beyond, it reads them again.
const KNOWN_SITES_MAX: usize = 10_000;

/// What a process remembers of the registry.
#[derive(Debug, Default)]
pub(crate) struct KnownSites {
    /// It never changes whether the registry is complete.
    registry: OnceCell<Registry>,
    sites: Mutex<HashMap<String, KnownSite>>,
}

/// What a process remembers of a site.
#[derive(Clone, Copy, Debug)]
struct KnownSite {
    number: u32,
    /// Days that its row has.
    days: DayRange,
    /// When this process learnt that it is registered.
    since: Instant,
}

/// What became of the sites of a chunk.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Admission {
    /// Those that are refused: that have no number up to `sites_max`, and can get none.
    pub refused: BTreeSet<String>,
    /// Whether this process did not know of all of them, before the settings were read, that they
    /// are registered. Until a site is, its settings may change for hours of the past.
    pub has_new: bool,
}

/// Whether a site of this number is counted; `sites_max` 0 is no bound.
fn is_admitted(number: u32, sites_max: u32) -> bool {
    sites_max == 0 || number <= sites_max
}

impl KnownSites {
    /// Makes sure that there is a registry, which says whether anything was counted before it.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn begin(
        &self,
        table: &Table,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.registry.get_or_try_init(|| table.begun_registry(now)).await.map(drop)
    }

    /// Registers sites, with the days of what is going to be committed; see [`Admission`].
    ///
    /// **Shape**: nothing is read or written for sites whose days are known.
    ///
    /// **Guarantees**: whether a site is refused under a bound never changes: numbers are for ever,
    /// and are given in order, so that a site that found no room has none, or a higher one.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn admit(
        &self,
        table: &Table,
        sites: &BTreeMap<&str, DayRange>,
        sites_max: u32,
        settings_read_at: Instant,
        now: DateTime<Utc>,
    ) -> Result<Admission, StorageError> {
        let mut refused = BTreeSet::new();
        let mut unknown = Vec::new();
        let mut has_new = false;
        {
            let known = self.sites();
            for (site, days) in sites {
                let known = known.get(*site);
                has_new |= known.is_none_or(|known| known.since >= settings_read_at);
                match known {
                    Some(known) if !is_admitted(known.number, sites_max) => {
                        refused.insert((*site).to_string());
                    }
                    Some(known) if known.days.covers(*days) => {}
                    _ => unknown.push((*site, *days)),
                }
            }
        }
        for group in unknown.chunks(SITES_AT_ONCE) {
            refused.extend(self.admit_group(table, group, sites_max, now).await?);
        }
        Ok(Admission { refused, has_new })
    }

    async fn admit_group(
        &self,
        table: &Table,
        group: &[(&str, DayRange)],
        sites_max: u32,
        now: DateTime<Utc>,
    ) -> Result<BTreeSet<String>, StorageError> {
        let names: Vec<&str> = group.iter().map(|(site, _)| *site).collect();
        let mut backoff = Backoff::new();
        loop {
            let (registry, registered) = table.read_sites(&names).await?;
            let by_site: HashMap<&str, &RegisteredSite> =
                registered.iter().map(|site| (site.site.as_str(), site)).collect();
            let mut refused = BTreeSet::new();
            let mut new = Vec::new();
            for (site, days) in group {
                match by_site.get(site) {
                    Some(found) if is_admitted(found.number, sites_max) => {
                        table.widen_to(found, *days).await?;
                        self.remember(site, found.number, found.days.union(*days));
                    }
                    Some(found) => {
                        self.remember(site, found.number, found.days);
                        refused.insert((*site).to_string());
                    }
                    None => {
                        let number = registry.sites.saturating_add(next(&new));
                        if is_admitted(number, sites_max) {
                            new.push(new_site(site, number, *days, registry));
                        } else {
                            refused.insert((*site).to_string());
                        }
                    }
                }
            }
            if new.is_empty() || table.add_sites(&new, registry, now).await? {
                for site in &new {
                    self.remember(&site.site, site.number, site.days);
                }
                return Ok(refused);
            }
            // Another process has registered sites meanwhile.
            backoff.pause().await;
        }
    }

    fn remember(&self, site: &str, number: u32, days: DayRange) {
        let mut sites = self.sites();
        if sites.len() >= KNOWN_SITES_MAX {
            sites.clear();
        }
        let new = KnownSite { number, days, since: Instant::now() };
        let known = sites.entry(site.to_string()).or_insert(new);
        known.days = known.days.union(days);
    }

    fn sites(&self) -> MutexGuard<'_, HashMap<String, KnownSite>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next(new: &[RegisteredSite]) -> u32 {
    u32::try_from(new.len()).map_or(u32::MAX, |count| count.saturating_add(1))
}

fn new_site(site: &str, number: u32, days: DayRange, registry: Registry) -> RegisteredSite {
    // It may have been counted by a build that had no registry.
    let first = if registry.is_complete { days.first } else { FROM_THE_BEGINNING };
    RegisteredSite { site: site.to_string(), number, days: DayRange { first, ..days } }
}

impl Table {
    /// Adds sites with the next numbers, in one transaction; `false` if others were added since the
    /// registry was read.
    async fn add_sites(
        &self,
        sites: &[RegisteredSite],
        registry: Registry,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let number = |number: u32| AttributeValue::N(number.to_string());
        let count = u32::try_from(sites.len()).unwrap_or(u32::MAX);
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(registry_key()))
            .update_expression("SET #sites = :after")
            .condition_expression("#sites = :before")
            .expression_attribute_names("#sites", "sites")
            .expression_attribute_values(":before", number(registry.sites))
            .expression_attribute_values(":after", number(registry.sites.saturating_add(count)))
            .build()
            .map_err(StorageError::from_build)?;
        let mut actions = vec![TransactWriteItem::builder().update(update).build()];
        for site in sites {
            actions.push(new_row_action(&self.name, site_item(site, now))?);
        }
        let send = self.client.transact_write_items().set_transact_items(Some(actions)).send();
        let Err(error) = send.await else {
            return Ok(true);
        };
        let reasons = cancellation_reasons(error)?;
        let codes: Vec<&str> = reasons.iter().filter_map(|reason| reason.code()).collect();
        let may_pass = |code: &&str| {
            matches!(*code, "ConditionalCheckFailed" | "TransactionConflict")
                || is_passing_code(code)
        };
        if codes.iter().any(may_pass) {
            return Ok(false);
        }
        let reason = format!("sites could not be registered: {codes:?}");
        Err(StorageError::Refused { call: "TransactWriteItems", reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys;
    use crate::replay::Replay;
    use minutebook_domain::time::Day;
    use serde_json::{Value, json};

    fn days(first: &str, last: &str) -> DayRange {
        let day = |name| Day::parse(name).expect("a day");
        DayRange { first: day(first), last: day(last) }
    }

    /// An answer to the read of sites: how many are registered, and those that were asked for.
    fn read(sites: u32, is_complete: bool, rows: &[(&str, u32, &str, &str)]) -> Value {
        let mut items = vec![json!({
            "pk": {"S": "SITES"}, "sk": {"S": "registry"},
            "sites": {"N": sites.to_string()}, "is_complete": {"BOOL": is_complete},
        })];
        items.extend(rows.iter().map(|(site, number, first, last)| {
            json!({
                "pk": {"S": keys::sites_partition(site)}, "sk": {"S": site},
                "number": {"N": number.to_string()},
                "first_day": {"S": first}, "last_day": {"S": last},
            })
        }));
        json!({"Responses": {"table": items}})
    }

    async fn admitted(
        known: &KnownSites,
        replay: &Replay,
        sites: &[(&str, DayRange)],
        sites_max: u32,
    ) -> Vec<String> {
        let sites = sites.iter().copied().collect();
        let (table, now) = (replay.table(), DateTime::UNIX_EPOCH);
        let refused = known.admit(&table, &sites, sites_max, Instant::now(), now).await;
        refused.expect("admitted").refused.into_iter().collect()
    }

    #[tokio::test]
    async fn a_new_site_gets_the_next_number_and_is_read_no_more() {
        let (known, today) = (KnownSites::default(), days("2026-11-20", "2026-11-20"));
        let replay = Replay::default().answer("BatchGetItem", read(4, true, &[]));
        for _ in 0..2 {
            assert!(admitted(&known, &replay, &[("b", today), ("a", today)], 6).await.is_empty());
        }
        assert_eq!(replay.operations(), ["BatchGetItem", "TransactWriteItems"]);
        let actions = &replay.calls()[1].request["TransactItems"];
        let values = &actions[0]["Update"]["ExpressionAttributeValues"];
        assert_eq!((&values[":before"]["N"], &values[":after"]["N"]), (&json!("4"), &json!("6")));
        for (place, site, number) in [(1, "a", "5"), (2, "b", "6")] {
            let put = &actions[place]["Put"];
            assert_eq!(
                (&put["Item"]["sk"]["S"], &put["Item"]["number"]["N"]),
                (&json!(site), &json!(number))
            );
            assert_eq!(put["Item"]["first_day"]["S"], "2026-11-20");
            assert_eq!(put["ConditionExpression"], "attribute_not_exists(#pk)");
        }
    }

    #[tokio::test]
    async fn a_site_is_new_until_settings_are_read_after_it_is_known() {
        let (known, today) = (KnownSites::default(), days("2026-11-20", "2026-11-20"));
        let sites = [("a", today)].into();
        let replay = Replay::default()
            .answer("BatchGetItem", read(1, true, &[("a", 1, "2026-11-20", "2026-11-20")]));
        let before = Instant::now();
        // The last one reads the settings when the site is known.
        for (read_before, has_new) in [(true, true), (true, true), (false, false)] {
            let read_at = if read_before { before } else { Instant::now() };
            let now = DateTime::UNIX_EPOCH;
            let admission = known.admit(&replay.table(), &sites, 0, read_at, now).await;
            assert_eq!(admission.expect("admitted").has_new, has_new);
        }
        assert_eq!(replay.operations(), ["BatchGetItem"]);
    }

    #[tokio::test]
    async fn days_move_outward_before_anything_of_them_is_committed() {
        let known = KnownSites::default();
        let row = [("a", 1, "2026-11-10", "2026-11-12")];
        let replay = Replay::default()
            .answer("BatchGetItem", read(1, true, &row))
            .answer("BatchGetItem", read(1, true, &row));
        let inside = days("2026-11-10", "2026-11-11");
        assert!(admitted(&known, &replay, &[("a", inside)], 1).await.is_empty());
        let outside = days("2019-10-01", "2026-11-20");
        for _ in 0..2 {
            assert!(admitted(&known, &replay, &[("a", outside)], 1).await.is_empty());
        }
        assert_eq!(
            replay.operations(),
            ["BatchGetItem", "BatchGetItem", "UpdateItem", "UpdateItem"]
        );
        let conditions: Vec<_> = replay.calls()[2..]
            .iter()
            .map(|call| {
                let name = &call.request["ExpressionAttributeNames"]["#edge"];
                let day = &call.request["ExpressionAttributeValues"][":day"]["S"];
                (name.clone(), call.request["ConditionExpression"].clone(), day.clone())
            })
            .collect();
        assert_eq!(
            conditions,
            [
                (json!("first_day"), json!("#edge > :day"), json!("2019-10-01")),
                (json!("last_day"), json!("#edge < :day"), json!("2026-11-20")),
            ]
        );
    }

    #[tokio::test]
    async fn a_site_without_a_number_up_to_the_bound_is_refused() {
        let today = days("2026-11-20", "2026-11-20");
        let rows = [("a", 2, "2026-11-20", "2026-11-20"), ("d", 7, "2026-11-20", "2026-11-20")];
        let sites = [("a", today), ("b", today), ("c", today), ("d", today)];
        for (sites_max, expected) in [(6, &["c", "d"][..]), (7, &["c"]), (2, &["b", "c", "d"])] {
            let count = if sites_max == 7 { 6 } else { 5 };
            let replay = Replay::default().answer("BatchGetItem", read(count, true, &rows));
            let refused = admitted(&KnownSites::default(), &replay, &sites, sites_max).await;
            assert_eq!(refused, expected, "{sites_max}");
        }
        let replay = Replay::default().answer("BatchGetItem", read(7, true, &rows));
        assert!(admitted(&KnownSites::default(), &replay, &sites, 0).await.is_empty());
    }

    #[tokio::test]
    async fn a_worker_that_was_slower_reads_again() {
        let today = days("2026-11-20", "2026-11-20");
        let replay = Replay::default()
            .answer("BatchGetItem", read(0, true, &[]))
            .cancel(&["ConditionalCheckFailed", "None"])
            .answer("BatchGetItem", read(1, true, &[("a", 1, "2026-11-20", "2026-11-20")]));
        assert!(admitted(&KnownSites::default(), &replay, &[("a", today)], 1).await.is_empty());
        assert_eq!(replay.operations(), ["BatchGetItem", "TransactWriteItems", "BatchGetItem"]);
    }

    #[tokio::test]
    async fn a_site_that_may_have_a_past_begins_with_the_beginning() {
        let today = days("2026-11-20", "2026-11-20");
        let replay = Replay::default().answer("BatchGetItem", read(0, false, &[]));
        assert!(admitted(&KnownSites::default(), &replay, &[("a", today)], 1).await.is_empty());
        let put = &replay.calls()[1].request["TransactItems"][1]["Put"]["Item"];
        assert_eq!(
            (&put["first_day"]["S"], &put["last_day"]["S"]),
            (&json!("1970-01-01"), &json!("2026-11-20"))
        );
    }
}
