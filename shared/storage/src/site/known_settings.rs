//! What a process remembers of the settings of sites.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use minutebook_domain::event::settings::{SettingsBySite, SettingsRevision};

use crate::error::StorageError;
use crate::keys;
use crate::site::settings::{Revision, SettingsSource, SiteSettings};
use crate::table::Consistency;

/// For how long questions and posts may be answered by settings that have been replaced.
pub const SETTINGS_REMEMBERED: TimeDelta = TimeDelta::seconds(30);

/// The settings of all sites as of a revision.
#[derive(Clone, Default, Debug)]
pub struct Settings {
    /// The revision.
    pub revision: SettingsRevision,
    /// What events are read with.
    pub reading: Arc<SettingsBySite>,
    by_site: BTreeMap<String, (SettingsRevision, SiteSettings)>,
}

impl Settings {
    /// The settings of a site.
    pub fn of(&self, site: &str) -> SiteSettings {
        self.by_site.get(site).map(|(_, settings)| settings.clone()).unwrap_or_default()
    }

    /// The revision that set the settings of a site; 0 if none has.
    pub fn revision_of(&self, site: &str) -> SettingsRevision {
        self.by_site.get(site).map_or(SettingsRevision(0), |(revision, _)| *revision)
    }

    /// For how many days a site keeps its raw events; `None` for ever.
    pub fn raw_retention_days_of(&self, site: &str) -> Option<u32> {
        self.by_site.get(site).and_then(|(_, settings)| settings.raw_retention_days)
    }

    /// The settings of all sites that have any.
    pub fn all(&self) -> impl Iterator<Item = (&str, &SiteSettings)> {
        self.by_site.iter().map(|(site, (_, settings))| (site.as_str(), settings))
    }

    fn after(revisions: &[Revision]) -> Settings {
        let mut settings = Settings::default();
        let mut reading = SettingsBySite::default();
        for Revision { number, site, settings: new, quarters_from } in revisions {
            settings.revision = *number;
            reading.set(site, new.reading);
            if let Some(from) = quarters_from {
                reading.set_quarters(site, *from, new.reading.time_zone);
            }
            settings.by_site.insert(site.to_string(), (*number, new.clone()));
        }
        settings.reading = Arc::new(reading);
        settings
    }
}

/// The revisions that a process has read; they never change.
///
/// **Guarantees**: memory is that of all revisions, some hundred bytes each, which people make one
/// by one.
#[derive(Debug, Default)]
pub struct KnownSettings {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    revisions: Vec<Revision>,
    newest: Arc<Settings>,
    asked_at: Option<DateTime<Utc>>,
}

impl KnownSettings {
    /// The newest settings. Only the changes since the last call are read, consistently.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn newest<S: SettingsSource>(
        &self,
        source: &S,
    ) -> Result<Arc<Settings>, StorageError> {
        self.read(source, Consistency::Strong).await
    }

    /// Settings that were the newest ones at most [`SETTINGS_REMEMBERED`] ago.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn recent<S: SettingsSource>(
        &self,
        source: &S,
        now: DateTime<Utc>,
    ) -> Result<Arc<Settings>, StorageError> {
        {
            let state = self.state();
            let age = state.asked_at.map(|asked_at| now.signed_duration_since(asked_at));
            if age.is_some_and(|age| (TimeDelta::zero()..SETTINGS_REMEMBERED).contains(&age)) {
                return Ok(Arc::clone(&state.newest));
            }
        }
        let newest = self.read(source, Consistency::Eventual).await?;
        self.state().asked_at = Some(now);
        Ok(newest)
    }

    /// What events are read with as of a revision.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`]. A revision that does not exist is
    /// malformed: revisions are kept for ever.
    pub async fn as_of<S: SettingsSource>(
        &self,
        source: &S,
        revision: SettingsRevision,
    ) -> Result<Arc<SettingsBySite>, StorageError> {
        let mut newest = Arc::clone(&self.state().newest);
        if newest.revision < revision {
            newest = self.newest(source).await?;
        }
        if newest.revision == revision {
            return Ok(Arc::clone(&newest.reading));
        }
        let state = self.state();
        let known = state.revisions.partition_point(|known| known.number <= revision);
        let settings = Settings::after(&state.revisions[..known]);
        if settings.revision == revision {
            return Ok(settings.reading);
        }
        Err(StorageError::Malformed {
            row: format!("{} / {}", keys::SETTINGS_PARTITION, keys::settings_revision(revision)),
            reason: "it does not exist".to_string(),
        })
    }

    /// The newest settings that were read, however long ago.
    pub fn known(&self) -> Arc<Settings> {
        Arc::clone(&self.state().newest)
    }

    /// Takes what is known for the newest settings of this time.
    #[cfg(any(test, feature = "test-util"))]
    pub fn remember(&self, now: DateTime<Utc>) {
        self.state().asked_at = Some(now);
    }

    async fn read<S: SettingsSource>(
        &self,
        source: &S,
        consistency: Consistency,
    ) -> Result<Arc<Settings>, StorageError> {
        let known = self.state().newest.revision;
        let found = source.revisions_after(known, consistency).await?;
        let mut state = self.state();
        // Another call may have added some of them meanwhile.
        let known = state.newest.revision;
        let mut new = found.into_iter().filter(|revision| revision.number > known).peekable();
        if new.peek().is_some() {
            state.revisions.extend(new);
            state.newest = Arc::new(Settings::after(&state.revisions));
        }
        Ok(Arc::clone(&state.newest))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Tz;
    use minutebook_domain::event::settings::ReadingSettings;
    use minutebook_domain::event::site::SiteId;
    use minutebook_domain::time::Hour;

    /// So many hours after 2026-11-19T17Z. A midnight of Kolkata lies in the next one.
    fn hour(hours: u32) -> Hour {
        Hour::parse("2026-11-19T17").expect("an hour").plus(hours)
    }

    /// Revisions in memory, and how often they were asked for.
    #[derive(Default)]
    struct Revisions {
        all: Mutex<Vec<Revision>>,
        asked: Mutex<Vec<(u32, Consistency)>>,
    }

    impl Revisions {
        fn add(&self, site: &str, zone: Tz) {
            let mut all = self.all.lock().expect("no panic");
            let reading = ReadingSettings { time_zone: Some(zone), currency: None };
            let number = SettingsRevision(u32::try_from(all.len()).expect("few") + 1);
            let site = SiteId::parse(site).expect("a site");
            let settings = SiteSettings { reading, ..SiteSettings::default() };
            let quarters_from = Some(hour(number.0));
            all.push(Revision { number, site, settings, quarters_from });
        }
    }

    impl SettingsSource for Revisions {
        async fn revisions_after(
            &self,
            number: SettingsRevision,
            consistency: Consistency,
        ) -> Result<Vec<Revision>, StorageError> {
            self.asked.lock().expect("no panic").push((number.0, consistency));
            let all = self.all.lock().expect("no panic");
            Ok(all.iter().filter(|revision| revision.number > number).cloned().collect())
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_216_079 + seconds, 0).expect("in range")
    }

    #[tokio::test]
    async fn the_settings_as_of_a_revision_never_change() {
        let (source, known) = (Revisions::default(), KnownSettings::default());
        let zone_of = |settings: &SettingsBySite| settings.of(b"a").time_zone;
        assert_eq!(known.newest(&source).await.expect("read").revision, SettingsRevision(0));
        source.add("a", Tz::Europe__Berlin);
        source.add("b", Tz::Asia__Kolkata);
        source.add("a", Tz::America__New_York);
        let newest = known.newest(&source).await.expect("read");
        assert_eq!(newest.revision, SettingsRevision(3));
        assert_eq!(
            (newest.revision_of("b"), newest.revision_of("c")),
            (SettingsRevision(2), SettingsRevision(0))
        );
        for (revision, zone) in [
            (0, None),
            (1, Some(Tz::Europe__Berlin)),
            (2, Some(Tz::Europe__Berlin)),
            (3, Some(Tz::America__New_York)),
        ] {
            let settings = known.as_of(&source, SettingsRevision(revision)).await.expect("read");
            assert_eq!(zone_of(&settings), zone, "{revision}");
        }
        // What is not known yet is read, and only that.
        source.add("a", Tz::UTC);
        let settings = known.as_of(&source, SettingsRevision(4)).await.expect("read");
        assert_eq!(zone_of(&settings), Some(Tz::UTC));
        let asked = source.asked.lock().expect("no panic").clone();
        assert_eq!(asked, [0, 0, 3].map(|number| (number, Consistency::Strong)));
        let missing = known.as_of(&source, SettingsRevision(5)).await.expect_err("none");
        assert!(missing.to_string().contains("SETTINGS / 000005"), "{missing}");
    }

    #[tokio::test]
    async fn later_revisions_leave_the_quarters_of_earlier_hours_as_they_are() {
        let (source, known) = (Revisions::default(), KnownSettings::default());
        source.add("a", Tz::Asia__Kolkata);
        source.add("a", Tz::Europe__Berlin);
        for (revision, later_hours) in [(1, true), (2, false)] {
            let settings = known.as_of(&source, SettingsRevision(revision)).await.expect("read");
            // 17:00, 18:00 of the same day, and of the next.
            let quarters = settings.quarters();
            let found = [0, 1, 25].map(|hours| quarters.contains("a", hour(hours)));
            assert_eq!(found, [false, true, later_hours], "{revision}");
            assert!(!quarters.contains("b", hour(1)));
        }
    }

    #[tokio::test]
    async fn questions_ask_every_half_minute() {
        let (source, known) = (Revisions::default(), KnownSettings::default());
        for (seconds, asked) in [(0, 1), (29, 1), (30, 2), (31, 2), (29, 3)] {
            known.recent(&source, at(seconds)).await.expect("read");
            assert_eq!(source.asked.lock().expect("no panic").len(), asked, "{seconds} s later");
        }
    }
}
