//! A question about periods, with what its site sets.

use chrono::{DateTime, Utc};
use lambda_http::{Body, Response};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::time::QuarterHours;
use minutebook_domain::time::period::Retention;
use minutebook_storage::site::settings::SettingsSource;

use crate::backend::{Backend, SiteDefaults};
use crate::history::query::{Given, HistoryDefaults, HistoryQuery};
use crate::http::answer::{refused, unreadable};

/// What a request gives, and the defaults of its site for what it does not give.
pub(crate) struct Asked {
    given: Given,
    of_site: SiteDefaults,
    now: DateTime<Utc>,
    retention: Retention,
}

impl Asked {
    /// Adds the defaults of its site to what a request gives, if that could be read.
    ///
    /// # Errors
    /// The answer that says why there is none: 400 names the parameter, and 503 means that a retry
    /// helps.
    pub(crate) async fn of<R: SettingsSource, Q: Sync>(
        given: Result<Given, String>,
        backend: &Backend<R, Q>,
        now: DateTime<Utc>,
    ) -> Result<Asked, Response<Body>> {
        let given = given.map_err(refused)?;
        let of_site = backend.defaults_of(&given.site_id, now).await;
        let of_site = of_site.map_err(|error| unreadable(&error))?;
        Ok(Asked { given, of_site, now, retention: backend.retention })
    }

    /// The query.
    ///
    /// # Errors
    /// One sentence that names the parameter that is wrong, for [`refused`].
    pub(crate) fn query(&self) -> Result<HistoryQuery<'_>, String> {
        let SiteDefaults { currency, time_zone, quarter_hours } = &self.of_site;
        let (currency, zone) = (*currency, *time_zone);
        let (now, retention) = (self.now, self.retention);
        let defaults = HistoryDefaults { currency, zone, quarter_hours, now, retention };
        self.given.clone().resolve(&defaults)
    }

    /// The currency of money.
    pub(crate) fn currency(&self) -> Currency {
        self.given.currency().unwrap_or(self.of_site.currency)
    }

    /// The hours of the site that have rows of their quarters.
    pub(crate) fn quarter_hours(&self) -> &QuarterHours {
        &self.of_site.quarter_hours
    }
}
