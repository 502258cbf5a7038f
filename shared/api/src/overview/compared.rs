//! The earlier range in an answer.

use chrono::{DateTime, SecondsFormat};
use chrono_tz::Tz;
use minutebook_domain::query::compare::Compare;
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::answer::{Time, WindowAnswer};
use crate::overview::series::Series;

/// An earlier range.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ComparedRange")]
pub(crate) struct CompareAnswer {
    #[schemars(extend("enum" = ["previous", "week", "year"]))]
    kind: &'static str,
    /// Its first instant, as the zone's clock shows it.
    #[schemars(with = "Time")]
    from: String,
    /// The first instant after it: as much of it has passed as of the range.
    #[schemars(with = "Time")]
    to: String,
    window: WindowAnswer,
}

impl CompareAnswer {
    pub(crate) fn new(kind: Compare, series: &Series) -> CompareAnswer {
        CompareAnswer {
            kind: kind.as_str(),
            from: series.edges.first().copied().map(local).unwrap_or_default(),
            to: series.edges.last().copied().map(local).unwrap_or_default(),
            window: window(series),
        }
    }
}

/// What a series sums.
pub(crate) fn window(series: &Series) -> WindowAnswer {
    WindowAnswer::new(series.window(), series.precision)
}

/// A time as the zone's clock shows it.
pub(crate) fn local(time: DateTime<Tz>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
