//! What sites set in a history. Each change is a revision of the settings; docs/TABLE.md says what
//! follows from one.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, TransactWriteItem};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use minutebook_oracle::{QuarterHours, SiteSettings};
use minutebook_tests::random::Random;
use minutebook_tests::store::{Store, sites_partition};

use crate::steps::{Setting, Step, text_of, time_of};

/// The zones that sites set. The days of most begin within an hour of UTC, some near the times at
/// which histories begin.
const ZONES: [Tz; 7] = [
    Tz::Asia__Kolkata,
    Tz::Asia__Kathmandu,
    Tz::Asia__Tehran,
    Tz::America__St_Johns,
    Tz::America__St_Johns,
    Tz::Europe__Berlin,
    Tz::America__New_York,
];
const CURRENCIES: [Option<&str>; 4] = [None, Some("EUR"), Some("EUR"), Some("INR")];

/// How many changes a history has; one of these at random.
const CHANGES: [usize; 4] = [0, 0, 2, 5];

/// A change is not made if a worker that read the settings before is held up for longer than this
/// after it: no function runs for so long. Quarters are decided two hours ahead.
const HELD_UP_MAX: i64 = 90 * 60;

const HOUR: i64 = 3_600;
/// A change decides about the quarters of hours that begin at least this much later.
const DECIDED_AHEAD: i64 = 2 * HOUR;

/// How often a change is tried whose site is registered at the same time.
const ATTEMPTS_MAX: usize = 5;

/// The whole new settings of a site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    site: &'static str,
    zone: Option<Tz>,
    currency: Option<&'static str>,
}

impl Change {
    /// The changes of a history.
    pub(crate) fn all(random: &mut Random, sites: &[&'static str]) -> Vec<Change> {
        let count = *random.pick(&CHANGES);
        let mut changes = vec![];
        for _ in 0..count {
            let zone = random.chance(85).then(|| *random.pick(&ZONES));
            let (site, currency) = (*random.pick(sites), *random.pick(&CURRENCIES));
            changes.push(Change { site, zone, currency });
        }
        changes
    }

    /// Distributes the changes of a history among its steps.
    pub(crate) fn distribute(setting: &Setting, random: &mut Random, steps: &mut Vec<Step>) {
        for change in &setting.changes {
            let place = random.index(steps.len());
            if held_up_after(steps, place) > HELD_UP_MAX {
                continue;
            }
            match steps.get_mut(place) {
                Some(Step::Work(work)) if random.chance(50) => work.change = Some(*change),
                _ => steps.insert(place, Step::Set(*change)),
            }
        }
    }

    /// Makes this change, which gets this number.
    ///
    /// # Errors
    /// The table cannot be read or written.
    pub(crate) async fn make(&self, store: &Store, number: usize, now: i64) -> Result<Revision> {
        for _ in 0..ATTEMPTS_MAX {
            let registered = store.rows_of(&sites_partition(self.site)).await?;
            let is_new = !registered.iter().any(|site| site == self.site);
            let decided_from = (now + DECIDED_AHEAD).div_euclid(HOUR) * HOUR + HOUR;
            let quarters_from = time_of(if is_new { 0 } else { decided_from });
            let revision = Revision { change: *self, quarters_from };
            if revision.put(store, number, now, is_new).await? {
                return Ok(revision);
            }
        }
        anyhow::bail!("{self} was refused {ATTEMPTS_MAX} times")
    }
}

/// For how many seconds the worker is still held up that stalls at this place.
fn held_up_after(steps: &[Step], place: usize) -> i64 {
    let last_before = |is: fn(&Step) -> bool| steps[..place].iter().rposition(is);
    let stalled = last_before(|step| matches!(step, Step::Stall { .. }));
    if stalled <= last_before(|step| matches!(step, Step::Wake)) {
        return 0;
    }
    let until_wake = steps[place..].iter().take_while(|step| !matches!(step, Step::Wake));
    until_wake.map(|step| if let Step::Pass { seconds, .. } = step { *seconds } else { 0 }).sum()
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change { site, zone, currency } = self;
        let zone = zone.map_or("no zone", |zone| zone.name());
        write!(f, "{site} sets {zone} and {}", currency.unwrap_or("no currency"))
    }
}

/// A change that was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Revision {
    change: Change,
    /// The first hour about whose quarters its zone decides.
    quarters_from: DateTime<Utc>,
}

impl Revision {
    /// Whether it decides about the past of a site.
    pub(crate) fn is_of_past(&self, site: &str) -> bool {
        self.change.site == site && self.quarters_from == DateTime::UNIX_EPOCH
    }

    /// Returns `false` if something of a new site was counted meanwhile.
    async fn put(&self, store: &Store, number: usize, now: i64, is_new: bool) -> Result<bool> {
        let text = |text: &str| AttributeValue::S(text.to_string());
        let Change { site, zone, currency } = self.change;
        let mut put = Put::builder()
            .table_name(&store.table)
            .item("pk", text("SETTINGS"))
            .item("sk", text(&format!("{number:06}")))
            .item("site", text(site))
            .item("set_at", text(&text_of(now)))
            .item("quarters_from", text(&self.quarters_from.format("%Y-%m-%dT%H").to_string()))
            .condition_expression("attribute_not_exists(pk)");
        if let Some(zone) = zone {
            put = put.item("time_zone", text(zone.name()));
        }
        if let Some(currency) = currency {
            put = put.item("currency", text(currency));
        }
        let mut actions = vec![TransactWriteItem::builder().put(put.build()?).build()];
        if is_new {
            let check = ConditionCheck::builder()
                .table_name(&store.table)
                .key("pk", text(&sites_partition(site)))
                .key("sk", text(site))
                .condition_expression("attribute_not_exists(pk)");
            actions.push(TransactWriteItem::builder().condition_check(check.build()?).build());
        }
        let put = store.clients.dynamodb.transact_write_items().set_transact_items(Some(actions));
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("TransactionCanceledException") => Ok(false),
            Err(error) => Err(error).context("TransactWriteItems of settings"),
        }
    }
}

/// All changes so far. Revisions are numbered from 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Revisions(Vec<Revision>);

impl Revisions {
    /// The number of the newest revision; 0 if there is none.
    pub(crate) fn newest(&self) -> usize {
        self.0.len()
    }

    /// Adds the next revision.
    pub(crate) fn push(&mut self, revision: Revision) {
        self.0.push(revision);
    }

    /// What the events of sites are read with as of a revision.
    ///
    /// # Errors
    /// It does not exist.
    pub(crate) fn reading_as_of(&self, number: usize) -> Result<BTreeMap<String, SiteSettings>> {
        ensure!(number <= self.newest(), "there is no revision {number}");
        let until = self.0.iter().take(number).map(|revision| {
            let Change { site, zone, currency } = revision.change;
            let currency = currency.map(str::to_string);
            (site.to_string(), SiteSettings { currency, time_zone: zone })
        });
        Ok(until.collect())
    }

    /// The hours of each site that have rows of their quarters.
    pub(crate) fn quarter_hours(&self) -> BTreeMap<String, QuarterHours> {
        let mut by_site: BTreeMap<String, QuarterHours> = BTreeMap::new();
        for Revision { change, quarters_from } in &self.0 {
            by_site.entry(change.site.to_string()).or_default().set(*quarters_from, change.zone);
        }
        by_site
    }

    /// The zone and the currency of questions about a site that name none.
    pub(crate) fn defaults_of(&self, site: &str) -> (Tz, &'static str) {
        let newest = self.0.iter().rev().find(|revision| revision.change.site == site);
        let change = newest.map(|revision| revision.change);
        let zone = change.and_then(|change| change.zone).unwrap_or(Tz::UTC);
        (zone, change.and_then(|change| change.currency).unwrap_or("USD"))
    }
}

impl Setting {
    /// The time of an event as a clock shows it in one of the zones that are set, without its zone.
    pub(crate) fn local_time(&self, random: &mut Random, seconds: i64) -> Option<String> {
        let zones: Vec<Tz> = self.changes.iter().filter_map(|change| change.zone).collect();
        if zones.is_empty() {
            return None;
        }
        let time = time_of(seconds).with_timezone(random.pick(&zones));
        Some(time.format("%Y-%m-%dT%H:%M:%S").to_string())
    }
}
