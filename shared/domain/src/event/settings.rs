//! What sites set about the reading and the sums of their events.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;

use crate::count::measure::Currency;
use crate::event::site::SiteId;
use crate::time::{Hour, QuartersBySite};

/// The number of a revision of the settings of sites; 0 is before the first.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SettingsRevision(pub u32);

/// What a site sets about the reading of its events. What it leaves open, the deployment sets.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct ReadingSettings {
    /// The currency of money that names none.
    pub currency: Option<Currency>,
    /// The zone of times that name none.
    pub time_zone: Option<Tz>,
}

/// The settings of all sites as of a revision.
///
/// **Shape**: sites that set nothing are left out.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct SettingsBySite {
    reading: BTreeMap<Vec<u8>, ReadingSettings>,
    quarters: Arc<QuartersBySite>,
}

impl SettingsBySite {
    /// Replaces the settings of a site.
    pub fn set(&mut self, site: &SiteId, settings: ReadingSettings) {
        let site = site.as_str().as_bytes();
        if settings == ReadingSettings::default() {
            self.reading.remove(site);
        } else {
            self.reading.insert(site.to_vec(), settings);
        }
    }

    /// Lets a zone decide from an hour on which hours of a site have quarters. Called for the
    /// revisions of the settings in their order.
    pub fn set_quarters(&mut self, site: &SiteId, from: Hour, zone: Option<Tz>) {
        Arc::make_mut(&mut self.quarters).push(site.as_str(), from, zone);
    }

    /// The hours of all sites that have rows of their quarters.
    pub fn quarters(&self) -> &Arc<QuartersBySite> {
        &self.quarters
    }

    /// The settings of a site.
    pub fn of(&self, site: &[u8]) -> ReadingSettings {
        self.reading.get(site).copied().unwrap_or_default()
    }

    /// Whether no site sets anything about the reading of its events.
    pub fn is_empty(&self) -> bool {
        self.reading.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_has_the_settings_that_were_set_last() {
        let shop = SiteId::parse("shop").expect("a site");
        let mut settings = SettingsBySite::default();
        let in_euro = ReadingSettings { currency: Currency::parse(b"EUR"), time_zone: None };
        settings.set(&shop, ReadingSettings { time_zone: Some(Tz::Asia__Kolkata), ..in_euro });
        settings.set(&shop, in_euro);
        assert_eq!(settings.of(b"shop"), in_euro);
        assert_eq!(settings.of(b"shops"), ReadingSettings::default());
        settings.set(&shop, ReadingSettings::default());
        assert!(settings.is_empty());
    }
}
