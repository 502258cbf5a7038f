//! What the site of an event sets about its reading.

use std::sync::Arc;

use chrono_tz::Tz;

use crate::count::measure::Currency;
use crate::event::settings::{ReadingSettings, SettingsBySite};

/// The settings of all sites, and those of the site of the event that was read last.
pub(super) struct SiteReader {
    settings: Arc<SettingsBySite>,
    default_currency: Currency,
    default_time_zone: Tz,
    last_site: Vec<u8>,
    last: ReadingSettings,
}

impl SiteReader {
    /// Sites that set nothing have these defaults, which are those of the deployment.
    pub(super) fn new(
        settings: &Arc<SettingsBySite>,
        default_currency: Currency,
        default_time_zone: Tz,
    ) -> SiteReader {
        SiteReader {
            settings: Arc::clone(settings),
            default_currency,
            default_time_zone,
            last_site: Vec::new(),
            last: ReadingSettings::default(),
        }
    }

    /// The defaults of the deployment.
    pub(super) fn defaults(&self) -> (Currency, Tz) {
        (self.default_currency, self.default_time_zone)
    }

    /// The currency and the zone of events of a site.
    pub(super) fn of(&mut self, site: &[u8]) -> (Currency, Tz) {
        if self.last_site != site {
            self.last_site.clear();
            self.last_site.extend_from_slice(site);
            self.last = self.settings.of(site);
        }
        let ReadingSettings { currency, time_zone } = self.last;
        (currency.unwrap_or(self.default_currency), time_zone.unwrap_or(self.default_time_zone))
    }
}
