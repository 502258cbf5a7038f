//! What the handlers answer from, and how a function starts and runs.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::count::secret::SecretNumber;
use minutebook_domain::count::visitors::{VisitorCounts, Visitors};
use minutebook_domain::event::site::SiteId;
use minutebook_domain::query::window::Window;
use minutebook_domain::time::QuarterHours;
use minutebook_domain::time::period::Retention;
use minutebook_runtime::aws::Aws;
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::{Config, ConfigError, LiveConfig, QueuesConfig, environment};
use minutebook_storage::catalogue::CatalogueSource;
use minutebook_storage::catalogue::known::{Catalogue, KnownCatalogues, Wanted};
use minutebook_storage::error::StorageError;
use minutebook_storage::reader::consistent::ConsistentTable;
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::site::known_settings::{KnownSettings, Settings};
use minutebook_storage::site::registry::SiteSource;
use minutebook_storage::site::settings::SettingsSource;
use minutebook_storage::table::Table;
use minutebook_storage::visitors::secrets::RememberedState;
use minutebook_storage::visitors::{VisitorQuestion, VisitorStateSource, visitors_of_windows};

use crate::queues::Queues;

/// What every function of the API is built from.
#[derive(Clone, Debug)]
pub struct Start {
    /// What clients are built from.
    pub aws: Aws,
    /// The configuration of every function.
    pub config: Config,
    /// The table.
    pub table: Table,
    /// The settings of sites that were read last.
    pub settings: Arc<KnownSettings>,
}

impl Start {
    /// Reads the environment and builds the DynamoDB client.
    ///
    /// # Errors
    /// [`ConfigError`], if a variable is missing or wrong. A retry does not help.
    pub fn from_environment() -> Result<Start, ConfigError> {
        let (aws, config) = (Aws::read(environment)?, Config::read(environment)?);
        let table = Table { client: aws.dynamodb(), name: config.table.clone() };
        Ok(Start { aws, config, table, settings: Arc::default() })
    }
}

/// What is asked for by a question about a site that does not say it.
#[derive(Debug)]
pub(crate) struct SiteDefaults {
    /// The currency of money.
    pub(crate) currency: Currency,
    /// The zone whose midnights begin days.
    pub(crate) time_zone: Tz,
    /// The hours of the site that have rows of their quarters.
    pub(crate) quarter_hours: QuarterHours,
}

/// The windows whose visitors are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VisitorWindows<'a> {
    /// The windows; each is counted by itself.
    pub(crate) windows: &'a [Window],
    /// The hours of the site that have rows of their quarters, for edges of the windows within them.
    pub(crate) quarter_hours: &'a QuarterHours,
    /// Whether their stages are asked for.
    pub(crate) by_stage: bool,
}

/// What a handler answers from. `R` holds the rows; `Q` is `()` where no queue is asked.
#[derive(Clone, Debug)]
pub struct Backend<R, Q = ()> {
    /// The table, or a table in memory in tests.
    pub rows: R,
    /// The queues of ingest.
    pub queues: Q,
    /// The currency of a query that does not name one.
    pub default_currency: Currency,
    /// The zone of a query that does not name one.
    pub default_time_zone: Tz,
    /// How long rows are kept.
    pub retention: Retention,
    /// The source of the current time.
    pub clock: Clock,
    /// The state of visitors that was read last.
    pub visitor_state: Arc<Mutex<RememberedState>>,
    /// Whether every site with events is registered, once that is known. It never changes.
    pub has_all_sites: Arc<OnceLock<bool>>,
    /// The settings of sites that were read last.
    pub settings: Arc<KnownSettings>,
    /// The catalogues of sites that were read last.
    pub catalogues: Arc<KnownCatalogues>,
    /// Where sockets of viewers are opened, if they can be.
    pub live_url: Option<String>,
}

impl<R: SettingsSource, Q> Backend<R, Q> {
    /// The settings of sites, at most half a minute old.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn settings(&self, now: DateTime<Utc>) -> Result<Arc<Settings>, StorageError> {
        self.settings.recent(&self.rows, now).await
    }

    /// The currency of a question about a site: the one that it names, or else that of the site.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn currency(
        &self,
        named: Option<Currency>,
        site: &SiteId,
        now: DateTime<Utc>,
    ) -> Result<Currency, StorageError> {
        match named {
            Some(currency) => Ok(currency),
            None => self.defaults_of(site, now).await.map(|defaults| defaults.currency),
        }
    }

    /// The defaults of questions about a site.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn defaults_of(
        &self,
        site: &SiteId,
        now: DateTime<Utc>,
    ) -> Result<SiteDefaults, StorageError> {
        let settings = self.settings(now).await?;
        let set = settings.reading.of(site.as_str().as_bytes());
        Ok(SiteDefaults {
            currency: set.currency.unwrap_or(self.default_currency),
            time_zone: set.time_zone.unwrap_or(self.default_time_zone),
            quarter_hours: settings.reading.quarters().of(site.as_str()).clone(),
        })
    }
}

impl<R: SiteSource, Q> Backend<R, Q> {
    /// The part of a window in which a site may have events; `None` if it has none. One small read;
    /// two until this process has learnt whether all sites are registered.
    ///
    /// **Guarantees**: what was committed before the call is in it (the read may lag by less than a
    /// second, as those of counters): a site is registered before its first counter, and its first
    /// day is moved before counters of an earlier one.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn window_of_events(
        &self,
        site: &str,
        window: Window,
    ) -> Result<Option<Window>, StorageError> {
        let Some(registered) = self.rows.site(site).await? else {
            return Ok((!self.has_all_sites().await?).then_some(window));
        };
        let from = window.from.max(registered.days.first.first_hour().first_minute());
        Ok((from < window.to).then_some(Window { from, ..window }))
    }

    async fn has_all_sites(&self) -> Result<bool, StorageError> {
        if let Some(known) = self.has_all_sites.get() {
            return Ok(*known);
        }
        // Where there is no registry, the first chunk may bring one at any moment.
        let Some(registry) = self.rows.registry().await? else { return Ok(false) };
        Ok(*self.has_all_sites.get_or_init(|| registry.is_complete))
    }
}

impl<R: CatalogueSource, Q> Backend<R, Q> {
    /// What the catalogue of a site says about these items, at most half a minute ago.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn catalogue_of<'a>(
        &self,
        site: &str,
        items: impl IntoIterator<Item = &'a str>,
        now: DateTime<Utc>,
    ) -> Result<Catalogue, StorageError> {
        let items = items.into_iter().collect();
        self.catalogue(site, Wanted::Items(&items), now).await
    }

    /// What the catalogue of a site says about the items that are wanted, at most half a minute ago.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn catalogue(
        &self,
        site: &str,
        wanted: Wanted<'_>,
        now: DateTime<Utc>,
    ) -> Result<Catalogue, StorageError> {
        self.catalogues.catalogue(&self.rows, site, wanted, now).await
    }
}

impl<R: RowSource + VisitorStateSource, Q> Backend<R, Q> {
    /// Counts the visitors and sessions of a site in a window. The state of visitors is read first
    /// if the one that is remembered is too old.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn count_visitors(
        &self,
        site: &str,
        window: Window,
        now: DateTime<Utc>,
    ) -> Result<VisitorCounts, StorageError> {
        let windows = VisitorWindows {
            windows: &[window],
            quarter_hours: QuarterHours::NONE,
            by_stage: false,
        };
        let visitors = self.visitors(site, windows, now).await?;
        Ok(visitors.first().map(Visitors::counts).unwrap_or_default())
    }

    /// The visitors and sessions of a site in each of some windows, which can be merged.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn visitors(
        &self,
        site: &str,
        asked: VisitorWindows<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Visitors>, StorageError> {
        let (secret, retention) = (self.visitor_secret(now).await?, self.retention);
        let VisitorWindows { windows, quarter_hours, by_stage } = asked;
        let question =
            VisitorQuestion { site, secret, windows, now, retention, quarter_hours, by_stage };
        visitors_of_windows(&self.rows, &question).await
    }

    async fn visitor_secret(&self, now: DateTime<Utc>) -> Result<SecretNumber, StorageError> {
        let remembered = || self.visitor_state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = remembered().get(now);
        if let Some(state) = known {
            return Ok(state.counting);
        }
        // Where there is none, the first chunk may bring one at any moment.
        let Some(state) = self.rows.visitor_state().await? else { return Ok(SecretNumber::NONE) };
        remembered().set(state, now);
        Ok(state.counting)
    }
}

impl Backend<Table> {
    /// A backend of rows alone.
    pub fn of_rows(start: &Start) -> Backend<Table> {
        Backend::new(start, start.table.clone(), ())
    }
}

impl Backend<ConsistentTable> {
    /// A backend of rows alone, whose answers have everything that was committed before.
    pub fn consistent(start: &Start) -> Backend<ConsistentTable> {
        Backend::new(start, ConsistentTable(start.table.clone()), ())
    }
}

impl Backend<Table, Queues> {
    /// A backend of rows and queues, which the environment names.
    ///
    /// # Errors
    /// [`ConfigError`], if a variable is missing or wrong. A retry does not help.
    pub fn with_queues(start: &Start) -> Result<Backend<Table, Queues>, ConfigError> {
        let queues = Queues::new(start.aws.clone(), QueuesConfig::read(environment)?);
        let live_url = LiveConfig::read_if_any(environment)?.map(|live| live.url());
        Ok(Backend { live_url, ..Backend::new(start, start.table.clone(), queues) })
    }
}

impl<R, Q> Backend<R, Q> {
    fn new(start: &Start, rows: R, queues: Q) -> Backend<R, Q> {
        Backend {
            rows,
            queues,
            default_currency: start.config.default_currency,
            default_time_zone: start.config.default_time_zone,
            retention: start.config.retention,
            clock: Clock::system(),
            visitor_state: Arc::default(),
            has_all_sites: Arc::default(),
            settings: start.settings.clone(),
            catalogues: Arc::default(),
            live_url: None,
        }
    }
}

#[cfg(test)]
impl<R> Backend<R> {
    /// A backend of a test, whose clock stands still. It remembers that there is no secret, and
    /// that no site sets anything.
    pub(crate) fn of_test(rows: R, now: DateTime<Utc>) -> Backend<R> {
        use minutebook_storage::visitors::VisitorState;
        let mut remembered = RememberedState::default();
        remembered.set(VisitorState::default(), now);
        let settings = KnownSettings::default();
        settings.remember(now);
        Backend {
            rows,
            queues: (),
            default_currency: Currency::USD,
            default_time_zone: Tz::UTC,
            retention: Retention { minute_days: 7, hour_days: 400, day_days: 0 },
            clock: Clock::new(move || now),
            visitor_state: Arc::new(Mutex::new(remembered)),
            has_all_sites: Arc::default(),
            settings: Arc::new(settings),
            catalogues: Arc::default(),
            live_url: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use minutebook_domain::count::secret::VisitorSecret;
    use minutebook_domain::count::sketch::Sketch;
    use minutebook_domain::time::Minute;
    use minutebook_domain::time::period::Period;
    use minutebook_storage::memory::MemoryTable;
    use minutebook_storage::visitors::VisitorState;

    /// A table in which a minute has as many visitors as the number of the secret says.
    fn table(minute: Minute) -> MemoryTable {
        let table = MemoryTable::default();
        for number in 0..3_u32 {
            let ids = (0..number).map(|id| id.to_string());
            let visitors = Sketch::of(VisitorSecret::new(number.into()), ids);
            let visitors = Visitors { visitors, ..Visitors::default() };
            let retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };
            let (secret, period) = (SecretNumber(number), Period::Minute(minute));
            table.put_visitors(secret, "shop", period, "aaaa", &visitors, retention);
        }
        table
    }

    #[test]
    fn visitors_are_those_of_the_secret_that_counts_and_the_state_is_read_every_half_minute() {
        let now: DateTime<Utc> = "2026-11-21T12:00:30Z".parse().expect("a time");
        let minute = Minute::containing(now).expect("in range");
        let backend = Backend::of_test(table(minute), now);
        *backend.visitor_state.lock().expect("no panic") = RememberedState::default();
        let window = Window { from: minute, to: minute.plus(1) };
        let asked = |seconds: i64| {
            let now = now + TimeDelta::seconds(seconds);
            let (counts, reads) = backend.rows.read(backend.count_visitors("shop", window, now));
            (counts.expect("read").visitors, reads.queries)
        };
        // Without a state, nothing is remembered.
        assert_eq!([asked(0), asked(1)], [(0, 2), (0, 2)]);
        let counting = |number| VisitorState { counting: SecretNumber(number), also: None };
        backend.rows.set_visitor_state(counting(1));
        assert_eq!(asked(2), (1, 2));
        backend.rows.set_visitor_state(counting(2));
        assert_eq!([asked(3), asked(31)], [(1, 1), (1, 1)]);
        assert_eq!([asked(32), asked(33)], [(2, 2), (2, 1)]);
    }
}
