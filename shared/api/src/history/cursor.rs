//! Cursors: where the next page of a series begins.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use minutebook_domain::query::series::{Calendar, CalendarPeriod};
use minutebook_domain::time::Minute;

/// Where the next page begins and where the series ends, so that all pages belong to one series,
/// however long the client takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cursor {
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
    /// Where the series begins, if it is compared: how far back that is depends on its length.
    pub(crate) start: Option<DateTime<Utc>>,
}

/// The first byte of a cursor: the version of its format.
const CURSOR_VERSION: u8 = 1;
/// That of a cursor of a series that is compared.
const COMPARED_CURSOR_VERSION: u8 = 2;

impl Cursor {
    pub(crate) fn to_text(self) -> String {
        let version = self.start.map_or(CURSOR_VERSION, |_| COMPARED_CURSOR_VERSION);
        let mut bytes = vec![version];
        for time in [Some(self.from), Some(self.to), self.start].into_iter().flatten() {
            bytes.extend(time.timestamp().to_be_bytes());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(crate) fn parse(text: &str) -> Option<Cursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (version, seconds) = bytes.split_first()?;
        let time = |seconds: &[u8]| {
            DateTime::from_timestamp(i64::from_be_bytes(seconds.try_into().ok()?), 0)
        };
        let times: Vec<DateTime<Utc>> =
            seconds.chunks(size_of::<i64>()).map(time).collect::<Option<_>>()?;
        match (*version, times.as_slice()) {
            (CURSOR_VERSION, &[from, to]) => Some(Cursor { from, to, start: None }),
            (COMPARED_CURSOR_VERSION, &[from, to, start]) => {
                let is_within = Minute::containing(start).is_some() && start <= from;
                is_within.then_some(Cursor { from, to, start: Some(start) })
            }
            _ => None,
        }
    }

    /// The remaining periods; `None` if no periods of this calendar begin and end there.
    pub(crate) fn periods(
        self,
        calendar: Calendar<'_>,
        now: DateTime<Utc>,
    ) -> Option<Vec<CalendarPeriod>> {
        let last_second = self.to.checked_sub_signed(TimeDelta::seconds(1))?;
        let ends_there = calendar.containing(last_second)?.end == self.to;
        let periods = calendar.periods(self.from, self.to, now).ok()?;
        (ends_there && periods.first()?.start == self.from).then_some(periods)
    }
}
