//! The answer of `/sites`.

use chrono_tz::Tz;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::time::Minute;
use minutebook_storage::site::known_settings::Settings;
use minutebook_storage::site::registry::{FROM_THE_BEGINNING, RegisteredSite};
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::answer::Time;

/// The sites, by name.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Sites")]
pub(crate) struct Answer<'a> {
    sites: Vec<SiteAnswer<'a>>,
    /// The last revision of the settings of sites.
    settings_revision: u32,
    /// Where a socket is told what changes; null if that is not possible here.
    live_url: Option<&'a str>,
    /// What asks for the next page; null if this is the last.
    next_cursor: Option<&'a str>,
    /// The minute that the question was asked in.
    #[schemars(with = "Time")]
    as_of: String,
}

/// A site with events.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Site")]
struct SiteAnswer<'a> {
    site_id: &'a str,
    /// Its name for people, if it sets one.
    display_name: Option<String>,
    /// The zone of its times that name none, and of its days.
    time_zone: &'static str,
    /// The currency of its money that names none.
    currency: String,
    /// The day (UTC) of its first event; null if it may have older ones than are known.
    #[schemars(extend("format" = "date"))]
    first_day: Option<String>,
    /// The day (UTC) of its last event.
    #[schemars(extend("format" = "date"))]
    last_day: String,
    /// The revision that set its settings; 0 if none has.
    settings_revision: u32,
}

impl<'a> Answer<'a> {
    /// The first `limit` of these sites.
    pub(crate) fn new(
        sites: &'a [RegisteredSite],
        limit: usize,
        settings: &Settings,
        (default_currency, default_time_zone): (Currency, Tz),
        live_url: Option<&'a str>,
        as_of: Minute,
    ) -> Answer<'a> {
        let answer = |registered: &'a RegisteredSite| {
            let RegisteredSite { site, days, .. } = registered;
            let set = settings.of(site);
            let first_day = (days.first != FROM_THE_BEGINNING).then(|| days.first.to_string());
            SiteAnswer {
                site_id: site,
                display_name: set.display_name,
                time_zone: set.reading.time_zone.unwrap_or(default_time_zone).name(),
                currency: set.reading.currency.unwrap_or(default_currency).to_string(),
                first_day,
                last_day: days.last.to_string(),
                settings_revision: settings.revision_of(site).0,
            }
        };
        let listed = &sites[..sites.len().min(limit)];
        let next = listed.last().filter(|_| sites.len() > limit);
        Answer {
            sites: listed.iter().map(answer).collect(),
            settings_revision: settings.revision.0,
            live_url,
            next_cursor: next.map(|last| last.site.as_str()),
            as_of: as_of.to_string(),
        }
    }
}
