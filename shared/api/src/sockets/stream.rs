//! What the table's stream says: which sites have changed.
//!
//! **Source**:
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use minutebook_domain::event::site::SiteId;
use minutebook_storage::chunk::sites::{MANY_SITES, SITES};
use serde_json::Value;

/// What a batch of records has changed.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Changes {
    /// The sites with their newest commits.
    sites: BTreeMap<SiteId, Option<DateTime<Utc>>>,
    /// The newest commit of an entry that does not name its sites, if there is one.
    unnamed: Option<Option<DateTime<Utc>>>,
}

impl Changes {
    /// Reads an event. What cannot be read is left out: a record that fails would come again and
    /// keep newer ones waiting.
    pub(crate) fn of(event: &Value) -> Changes {
        let mut changes = Changes::default();
        for record in event["Records"].as_array().into_iter().flatten() {
            let image = &record["dynamodb"]["NewImage"];
            let committed_at = image["committed_at"]["S"].as_str();
            let committed_at = committed_at
                .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
                .map(|time| time.to_utc());
            for site in image[SITES]["SS"].as_array().into_iter().flatten() {
                let Some(site) = site.as_str() else { continue };
                if site == MANY_SITES {
                    changes.unnamed = Some(changes.unnamed.flatten().max(committed_at));
                } else if let Some(site) = SiteId::parse(site) {
                    let newest = changes.sites.entry(site).or_default();
                    *newest = (*newest).max(committed_at);
                }
            }
        }
        changes
    }

    /// Whether nothing has changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.sites.is_empty() && self.unnamed.is_none()
    }

    /// The sites that may have changed; `None` for any.
    pub(crate) fn sites(&self) -> Option<Vec<&SiteId>> {
        self.unnamed.is_none().then(|| self.sites.keys().collect())
    }

    /// The newest commit that may have changed a site.
    pub(crate) fn newest(&self, site: &SiteId) -> Option<DateTime<Utc>> {
        self.sites.get(site).copied().flatten().max(self.unnamed.flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(sites: &[&str], committed_at: &str) -> Value {
        json!({"eventName": "INSERT", "dynamodb": {"NewImage": {
            "pk": {"S": "L#raw/a#b"}, "committed_at": {"S": committed_at}, "sites": {"SS": sites},
        }}})
    }

    fn site(name: &str) -> SiteId {
        SiteId::parse(name).expect("a site")
    }

    #[test]
    fn the_sites_of_all_records_have_changed_each_by_its_newest_commit() {
        let event = json!({"Records": [
            record(&["a", "b"], "2026-11-20T23:07:02Z"),
            record(&["a"], "2026-11-20T23:07:01Z"),
        ]});
        let changes = Changes::of(&event);
        assert_eq!(changes.sites(), Some(vec![&site("a"), &site("b")]));
        let newest = "2026-11-20T23:07:02Z".parse().ok();
        assert_eq!((changes.newest(&site("a")), changes.newest(&site("c"))), (newest, None));
    }

    #[test]
    fn an_entry_that_names_none_may_have_changed_any() {
        let event = json!({"Records": [
            record(&["a"], "2026-11-20T23:07:03Z"),
            record(&["*"], "2026-11-20T23:07:02Z"),
        ]});
        let changes = Changes::of(&event);
        assert!(changes.sites().is_none() && !changes.is_empty());
        let at = |second: u32| format!("2026-11-20T23:07:0{second}Z").parse().ok();
        assert_eq!((changes.newest(&site("a")), changes.newest(&site("b"))), (at(3), at(2)));
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for event in [
            json!(null),
            json!({"Records": 7}),
            json!({"Records": [null, {"dynamodb": {}}, {"dynamodb": {"NewImage": {"sites": "a"}}}]}),
            json!({"Records": [record(&["a b", ""], "now")]}),
            // An entry from before sites were named, and a chunk that is refused.
            json!({"Records": [{"dynamodb": {"NewImage": {"pk": {"S": "L#raw/a#b"}}}}]}),
        ] {
            assert!(Changes::of(&event).is_empty(), "{event}");
        }
        let changes = Changes::of(&json!({"Records": [record(&["a"], "now")]}));
        assert_eq!((changes.sites(), changes.newest(&site("a"))), (Some(vec![&site("a")]), None));
    }
}
