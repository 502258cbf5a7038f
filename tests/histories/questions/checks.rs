//! Checks of answers about rankings and histories.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use minutebook_oracle::{Decimal, HistoryQuestion, OTHER};
use serde_json::Value;

use super::{Bounds, OF_SITE, Question, SALES_OF_SITE};

pub(super) fn check_ranking(
    question: &Question,
    answer: &Value,
    bounds: &Bounds,
    now: DateTime<Utc>,
) -> Result<()> {
    let Question::Ranking { ranking: (_, measure), site, window: (_, length), age } = question
    else {
        bail!("not a ranking");
    };
    let as_of = now - TimeDelta::seconds(*age);
    let minutes = minutes_of(answer, minutebook_oracle::window(as_of, *length))?;
    let question = minutebook_oracle::Question {
        site: site.to_string(),
        measure: measure.to_string(),
        minutes,
    };
    let [least, most] =
        bounds.tallies().map(|tallies| minutebook_oracle::ranking(&tallies, &question));
    check_top(answer, &least, &most, &bounds.changing_keys(site, measure))
}

/// The minutes of an answer's window. They must be the requested ones, unless the answer says that
/// its window is wider.
pub(super) fn minutes_of(answer: &Value, asked: Range<i64>) -> Result<Range<i64>> {
    let minute = |name: &str| -> Result<i64> {
        let text = answer["window"][name].as_str().context("a window has edges")?;
        Ok(text.parse::<DateTime<Utc>>()?.timestamp().div_euclid(60))
    };
    let minutes = minute("from")?..minute("to")?;
    match answer["window"]["precision"].as_str() {
        Some("minute") => {
            ensure!(minutes == asked, "the window is not that of the minutes {asked:?}")
        }
        Some("hour") => {
            ensure!(is_wider(&minutes, &asked, 60), "the window is not {asked:?} in whole hours")
        }
        Some("day") => {
            ensure!(is_wider(&minutes, &asked, 1_440), "the window is not {asked:?} in whole days")
        }
        _ => bail!("the window has no precision"),
    }
    Ok(minutes)
}

fn is_wider(window: &Range<i64>, asked: &Range<i64>, most: i64) -> bool {
    let (before, behind) = (asked.start - window.start, window.end - asked.end);
    (0..most).contains(&before) && (0..most).contains(&behind) && before + behind > 0
}

pub(super) fn check_history(
    question: &Question,
    answer: &Value,
    bounds: &Bounds,
    now: DateTime<Utc>,
) -> Result<()> {
    let Question::History { measure, site, granularity, zone, age, basis } = question else {
        bail!("not a history");
    };
    let (zone_of_site, currency_of_site) = bounds.settings.defaults_of(site);
    let zone = match *zone {
        OF_SITE => zone_of_site,
        zone => zone.parse().map_err(|_| anyhow::anyhow!("{zone} is no zone"))?,
    };
    let measure = match *measure {
        SALES_OF_SITE => format!("sales:{currency_of_site}"),
        (_, measure) => measure.to_string(),
    };
    let quarters = bounds.settings.quarter_hours().remove(*site).unwrap_or_default();
    let asked = HistoryQuestion {
        site: site.to_string(),
        measure: measure.clone(),
        granularity: *granularity,
        zone,
        quarters,
        item: None,
        from: now - TimeDelta::seconds(*age),
        to: now.max(now - TimeDelta::seconds(*age) + TimeDelta::seconds(1)),
    };
    let [least, most] =
        bounds.tallies().map(|tallies| minutebook_oracle::history(&basis.of(tallies), &asked));
    let changing_keys = bounds.changing_keys(site, &measure);
    let periods = answer["periods"].as_array().context("a history has periods")?;
    ensure!(periods.len() == most.len(), "there are {} periods, not {}", periods.len(), most.len());
    for ((period, least), most) in periods.iter().zip(&least).zip(&most) {
        let from = period["from"].as_str().context("a period begins")?;
        let start = DateTime::parse_from_rfc3339(from)?.to_utc();
        ensure!(start == most.start, "the period of {from} begins at {}", most.start);
        let total = decimal(&period["total"])?;
        ensure!(
            !changing_keys.is_empty() || (least.total <= total && total <= most.total),
            "{from}: not {} to {}",
            least.total,
            most.total
        );
        check_top(period, &least.ranking, &most.ranking, &changing_keys)
            .with_context(|| from.to_string())?;
    }
    Ok(())
}

/// Checks the top of an answer or of a period, and what is counted without a name, except for the
/// keys of which nothing is known.
fn check_top(
    answer: &Value,
    least: &[(String, Decimal)],
    most: &[(String, Decimal)],
    changing_keys: &BTreeSet<&str>,
) -> Result<()> {
    let top = answer["top"].as_array().context("there is a top")?;
    let mut found: BTreeMap<String, Decimal> = BTreeMap::new();
    if let Some(other) = answer["other"].as_object().and_then(|other| other.values().next()) {
        found.insert(OTHER.to_string(), decimal(other)?);
    }
    for item in top {
        let key = match &item["item_id"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let members = item.as_object().context("an item has members")?;
        let value =
            members.iter().find(|(name, _)| *name != "item_id").context("an item has a number")?.1;
        found.insert(key, decimal(value)?);
    }
    let is_known = |key: &str| !changing_keys.contains(key);
    for (key, least) in least.iter().filter(|(key, _)| is_known(key)) {
        let number = found.get(key).copied().unwrap_or(Decimal::ZERO);
        ensure!(*least <= number, "item {key} has {number}, and {least} were counted before");
    }
    for (key, number) in found.iter().filter(|(key, _)| is_known(key)) {
        let most =
            most.iter().find(|(known, _)| known == key).map_or(Decimal::ZERO, |(_, most)| *most);
        ensure!(*number <= most, "item {key} has {number}, and no more than {most} were uploaded");
    }
    if least == most && changing_keys.is_empty() {
        // What was given back of an item at one time may be that of an order of another.
        let is_something = |(key, number): &&(String, Decimal)| key != OTHER && !number.is_zero();
        let ranked: Vec<&str> =
            most.iter().filter(is_something).map(|(key, _)| key.as_str()).collect();
        let given: Vec<String> = top.iter().map(|item| item["item_id"].to_string()).collect();
        let given: Vec<&str> = given.iter().map(|id| id.trim_matches('"')).collect();
        ensure!(given == ranked, "the order is {given:?}, not {ranked:?}");
    }
    Ok(())
}

/// Parses a number in an answer. The numbers of histories are small enough that a float keeps all
/// their digits.
pub(super) fn decimal(value: &Value) -> Result<Decimal> {
    let text = value.to_string();
    text.parse().map_err(|_| anyhow::anyhow!("{text} is no number"))
}
