//! The rows of the settings of sites. A revision is one row: the whole new settings of one site.
//! Rows are only added, each with the next number, so that the settings as of a revision never
//! change.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono_tz::Tz;
use futures::TryStreamExt;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::event::settings::{ReadingSettings, SettingsRevision};
use minutebook_domain::event::site::SiteId;
use minutebook_domain::time::Hour;

use crate::bucket::retention::RETENTION_DAYS;
use crate::error::StorageError;
use crate::keys;
use crate::table::{Consistency, Item, Table, malformed, number_if_any, rows, text};

/// The attribute of [`Revision::quarters_from`].
const QUARTERS_FROM: &str = "quarters_from";

/// What a site sets. What it leaves open, the deployment sets.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct SiteSettings {
    /// Its name for people.
    pub display_name: Option<String>,
    /// What its events are read with.
    pub reading: ReadingSettings,
    /// The origins whose pages may call the API for it, ascending.
    pub allowed_origins: Vec<String>,
    /// For how many days its raw events are kept, one of [`RETENTION_DAYS`]; `None` for ever.
    pub raw_retention_days: Option<u32>,
}

/// One revision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revision {
    /// Its number.
    pub number: SettingsRevision,
    /// The site whose settings it replaces.
    pub site: SiteId,
    /// The new settings.
    pub settings: SiteSettings,
    /// From which hour on its zone decides which hours have rows of their quarters; `None` if it was
    /// set before there were any.
    pub quarters_from: Option<Hour>,
}

/// Where settings are read from: the table, or a stand-in for it in tests.
pub trait SettingsSource: Sync {
    /// The revisions after this one, ascending.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn revisions_after(
        &self,
        number: SettingsRevision,
        consistency: Consistency,
    ) -> impl Future<Output = Result<Vec<Revision>, StorageError>> + Send;
}

impl SettingsSource for Table {
    async fn revisions_after(
        &self,
        number: SettingsRevision,
        consistency: Consistency,
    ) -> Result<Vec<Revision>, StorageError> {
        let next = SettingsRevision(number.0.saturating_add(1));
        let bounds = keys::rows_between(&keys::settings_revision(next), "");
        let query = self.query_between(keys::SETTINGS_PARTITION.to_string(), bounds, consistency);
        let mut rows = rows(query, "Query of the settings of sites");
        let mut revisions = Vec::new();
        while let Some(item) = rows.try_next().await? {
            revisions.push(read_revision(&item)?);
        }
        Ok(revisions)
    }
}

fn read_revision(item: &Item) -> Result<Revision, StorageError> {
    let number = text(item, keys::SORT_KEY)?.parse().map(SettingsRevision);
    let number = number
        .map_err(|_| malformed(item, "its sort key is not a number of a revision".to_string()))?;
    let site = text(item, "site")?;
    let site = SiteId::parse(site)
        .ok_or_else(|| malformed(item, format!("site is {site:?}, not a site")))?;
    let if_any = |name: &str| item.get(name).map(|_| text(item, name)).transpose();
    let currency = if_any("currency")?.map(|code| {
        Currency::parse(code.as_bytes())
            .ok_or_else(|| malformed(item, format!("currency is {code:?}")))
    });
    let time_zone = if_any("time_zone")?.map(|name| {
        name.parse::<Tz>().map_err(|_| malformed(item, format!("time_zone is {name:?}")))
    });
    let allowed_origins = match item.get("allowed_origins") {
        None => Vec::new(),
        Some(AttributeValue::Ss(origins)) => origins.clone(),
        Some(other) => return Err(malformed(item, format!("allowed_origins is {other:?}"))),
    };
    let mut settings = SiteSettings {
        display_name: if_any("display_name")?.map(str::to_string),
        reading: ReadingSettings {
            currency: currency.transpose()?,
            time_zone: time_zone.transpose()?,
        },
        allowed_origins,
        raw_retention_days: number_if_any(item, "raw_retention_days")?,
    };
    if let Some(days) = settings.raw_retention_days.filter(|days| !RETENTION_DAYS.contains(days)) {
        return Err(malformed(item, format!("raw_retention_days is {days}")));
    }
    settings.allowed_origins.sort_unstable();
    let quarters_from = if_any(QUARTERS_FROM)?.map(|name| {
        Hour::parse(name).ok_or_else(|| malformed(item, format!("{QUARTERS_FROM} is {name:?}")))
    });
    Ok(Revision { number, site, settings, quarters_from: quarters_from.transpose()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use serde_json::json;

    fn item(attributes: &[(&str, &str)]) -> Item {
        let keys = [("pk", "SETTINGS"), ("sk", "000007"), ("site", "shop")];
        let attributes = keys.iter().chain(attributes);
        attributes
            .map(|(name, value)| (name.to_string(), AttributeValue::S(value.to_string())))
            .collect()
    }

    #[test]
    fn a_revision_is_read_as_the_table_page_says() {
        let mut full = item(&[
            ("display_name", "The shop"),
            ("currency", "INR"),
            ("time_zone", "Asia/Kolkata"),
            ("set_at", "2026-11-20T23:07:01Z"),
            ("quarters_from", "2026-11-21T02"),
        ]);
        let origins = ["https://b.example", "https://a.example"].map(str::to_string);
        full.insert("raw_retention_days".to_string(), AttributeValue::N("90".to_string()));
        full.insert("allowed_origins".to_string(), AttributeValue::Ss(origins.to_vec()));
        let revision = read_revision(&full).expect("well formed");
        assert_eq!((revision.number, revision.site.as_str()), (SettingsRevision(7), "shop"));
        let expected = SiteSettings {
            display_name: Some("The shop".to_string()),
            reading: ReadingSettings {
                currency: Currency::parse(b"INR"),
                time_zone: Some(Tz::Asia__Kolkata),
            },
            allowed_origins: vec!["https://a.example".into(), "https://b.example".into()],
            raw_retention_days: Some(90),
        };
        assert_eq!(revision.settings, expected);
        assert_eq!(revision.quarters_from, Hour::parse("2026-11-21T02"));
        let nothing = read_revision(&item(&[])).expect("well formed");
        assert_eq!((nothing.settings, nothing.quarters_from), (SiteSettings::default(), None));
    }

    #[test]
    fn a_malformed_revision_is_an_error_that_names_it() {
        for (name, value) in [
            ("sk", "newest"),
            ("site", "a b"),
            ("currency", "$"),
            ("time_zone", "Mars/Olympus"),
            ("quarters_from", "2026-11-21"),
        ] {
            let mut item = item(&[]);
            item.insert(name.to_string(), AttributeValue::S(value.to_string()));
            let sentence = read_revision(&item).expect_err("malformed").to_string();
            assert!(sentence.contains("SETTINGS / "), "{sentence}");
        }
        let mut item = item(&[]);
        item.insert("raw_retention_days".to_string(), AttributeValue::N("31".to_string()));
        let sentence = read_revision(&item).expect_err("there is no rule for it").to_string();
        assert!(sentence.ends_with("raw_retention_days is 31"), "{sentence}");
    }

    #[tokio::test]
    async fn only_later_revisions_are_asked_for() {
        let replay = Replay::default().answer(
            "Query",
            json!({"Items": [{"pk": {"S": "SETTINGS"}, "sk": {"S": "000003"}, "site": {"S": "a"}}]}),
        );
        let table = replay.table();
        let found = table.revisions_after(SettingsRevision(2), Consistency::Strong).await;
        assert_eq!(found.expect("read").len(), 1);
        let request = &replay.calls()[0].request;
        let values = &request["ExpressionAttributeValues"];
        assert_eq!(
            (&values[":first"], &values[":last"]),
            (&json!({"S": "000003"}), &json!({"S": "~"}))
        );
        assert_eq!(request["ConsistentRead"], true);
    }
}
