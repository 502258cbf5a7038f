//! Posts to sites that set what their events are read with.

use chrono_tz::Tz;
use minutebook_domain::event::settings::{ReadingSettings, SettingsRevision};
use minutebook_domain::event::site::SiteId;
use minutebook_storage::error::StorageError;
use minutebook_storage::site::settings::{Revision, SettingsSource, SiteSettings};
use minutebook_storage::table::Consistency;
use serde_json::json;

use super::{inbox, posted, view_of};
use crate::collect::Inbox;

/// The settings of sites.
#[derive(Default)]
pub(super) struct Revisions(Vec<Revision>);

impl SettingsSource for Revisions {
    async fn revisions_after(
        &self,
        number: SettingsRevision,
        _: Consistency,
    ) -> Result<Vec<Revision>, StorageError> {
        Ok(self.0.iter().filter(|revision| revision.number > number).cloned().collect())
    }
}

#[test]
fn a_post_is_checked_with_what_its_site_sets() {
    // It is future in UTC.
    let view = |site| view_of(site).replace("12:00:00Z", "17:25:00");
    let reading = ReadingSettings { time_zone: Some(Tz::Asia__Kolkata), currency: None };
    let settings = SiteSettings { reading, ..SiteSettings::default() };
    let site = SiteId::parse("india").expect("a site");
    let revision = Revision { number: SettingsRevision(1), site, settings, quarters_from: None };
    let inbox = Inbox { settings: Revisions(vec![revision]), ..inbox() };
    let (status, _) = posted(&inbox, &view("india"));
    assert_eq!(status, 202);
    let (status, body) = posted(&inbox, &view("other"));
    assert_eq!((status, &body["rejected"][0]["reason"]), (400, &json!("future")));
}
